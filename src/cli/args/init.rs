//! Options of `init`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::range::lifetime;

/// Configuration file that is read and written by default.
pub const DEFAULT_FILE: &str = "starlift.toml";

/// Options of `init`.
#[derive(Debug, Default, Args)]
pub struct InitArgs {
    /// Location of song objects: an object, a prefix, or a prefix with a glob.
    #[arg(long, value_name = "URL", num_args = 1.., value_hint = ValueHint::AnyPath)]
    pub songs: Vec<String>,
    /// Location of log objects: an object, a prefix, or a prefix with a glob.
    #[arg(long, value_name = "URL", num_args = 1.., value_hint = ValueHint::AnyPath)]
    pub logs: Vec<String>,
    /// JSONPaths file for logs, instead of matching fields by key.
    #[arg(long, value_name = "URL", value_hint = ValueHint::FilePath)]
    pub log_jsonpaths: Option<String>,
    /// Folder or prefix for the star.
    #[arg(long, value_name = "URL", value_hint = ValueHint::DirPath)]
    pub out: Option<String>,
    /// Name of the Redshift cluster.
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Name of the database [default: dev].
    #[arg(long, value_name = "NAME")]
    pub database: Option<String>,
    /// Database user [default: awsuser].
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// Schema of the tables [default: star].
    #[arg(long, value_name = "NAME")]
    pub schema: Option<String>,
    /// Node type of the cluster [default: ra3.large].
    #[arg(long, value_name = "TYPE")]
    pub node_type: Option<String>,
    /// Number of nodes of the cluster [default: 1].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=128))]
    pub nodes: Option<u32>,
    /// Time after which AWS pauses the cluster [default: 8h].
    #[arg(long, value_name = "DURATION", value_parser = lifetime)]
    pub expires: Option<String>,
    /// Configuration file of a Python project to convert, such as dwh.cfg.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub from: Option<PathBuf>,
    /// File to write, or `-` for standard output.
    #[arg(long, value_name = "FILE", default_value = DEFAULT_FILE, value_hint = ValueHint::FilePath)]
    pub to: PathBuf,
    /// Overwrite an existing file.
    #[arg(long)]
    pub force: bool,
    /// Ask no questions.
    #[arg(long)]
    pub yes: bool,
}
