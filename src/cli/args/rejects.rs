//! Options of `rejects`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::StarArgs;
use crate::cli::completions;

/// Options of `rejects`.
#[derive(Debug, Args)]
pub struct RejectsArgs {
    /// The star and the options for reading it.
    #[command(flatten)]
    pub star: StarArgs,
    /// Only the rejects of this dataset.
    #[arg(long, value_name = "NAME", add = completions::datasets(""))]
    pub dataset: Option<String>,
    /// Write the text of the rejected records to a new file instead, to be corrected.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub export: Option<PathBuf>,
}
