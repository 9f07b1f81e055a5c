//! Options of `query`.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

use super::{StarArgs, WarehouseArgs};
use crate::cli::completions;

/// Options of `query`.
#[derive(Debug, Args)]
pub struct QueryArgs {
    /// Name of an analytics query; `--list` shows them.
    #[arg(value_name = "NAME", conflicts_with = "sql", add = completions::queries())]
    pub name: Option<String>,
    /// The star and the options for reading it.
    #[command(flatten)]
    pub star: StarArgs,
    /// SQL query on the tables of the star: in the built-in model songplays, users, songs, artists and "time".
    // SQL often begins with a comment.
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub sql: Option<String>,
    /// List the analytics queries.
    #[arg(long, conflicts_with_all = ["name", "sql", "chart", "output"])]
    pub list: bool,
    /// Format of the rows [default: table; json with --output-format json; that of the extension of --output].
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<QueryFormat>,
    /// Draw the numbers of the result as bars, or as one line per column if the rows are labelled with
    /// dates or times.
    #[arg(long, conflicts_with = "format")]
    pub chart: bool,
    /// File to write the result to instead of standard output; it is replaced only if the query succeeds.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,
    /// The pager.
    #[command(flatten)]
    pub pager: PagerArgs,
    /// Warehouse to query instead of the files: a URL, or a name from the configuration file.
    #[arg(long, value_name = "TARGET", env = "STARLIFT_ON", add = completions::warehouses())]
    pub on: Option<String>,
    /// Query both the files and the warehouse, and fail if the results differ; without NAME and --sql,
    /// compare every analytics query.
    #[arg(long, requires = "on", conflicts_with_all = ["chart", "output"])]
    pub compare: bool,
    /// Options of the connection to the warehouse.
    #[command(flatten)]
    pub warehouse: WarehouseArgs,
}

/// Use of a pager.
#[derive(Debug, Clone, Copy, Args)]
pub struct PagerArgs {
    /// Print to the terminal without a pager [default: results that do not fit on the screen are shown
    /// with the program in STARLIFT_PAGER or PAGER, else with less].
    #[arg(long)]
    pub no_pager: bool,
}

/// Output format of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum QueryFormat {
    /// A human-readable table.
    #[default]
    Table,
    /// Comma-separated values with a header.
    Csv,
    /// A JSON array of objects.
    Json,
    /// One JSON object per line.
    Ndjson,
    /// A table in Markdown.
    Markdown,
    /// A Parquet file.
    Parquet,
}
