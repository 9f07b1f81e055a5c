//! Options of `report`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::{StarArgs, WarehouseArgs};
use crate::cli::completions;

/// Options of `report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The star and the options for reading it.
    #[command(flatten)]
    pub star: StarArgs,
    /// Local file for the report; an existing report is replaced, other files are not.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub out: PathBuf,
    /// Warehouse in which to query the figures instead of on the files: a URL, or a name from the configuration
    /// file. The counts of the run still come from the star.
    #[arg(long, value_name = "TARGET", env = "STARLIFT_ON", add = completions::warehouses())]
    pub on: Option<String>,
    /// Options of the connection to the warehouse.
    #[command(flatten)]
    pub warehouse: WarehouseArgs,
}
