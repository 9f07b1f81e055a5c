//! Options of `shell`.

use clap::Args;

use super::{PagerArgs, QueryFormat, StarArgs, WarehouseArgs};
use crate::cli::completions;

/// Options of `shell`.
#[derive(Debug, Args)]
pub struct ShellArgs {
    /// The star and the options for reading it.
    #[command(flatten)]
    pub star: StarArgs,
    /// Output format; `\format` changes it.
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub format: QueryFormat,
    /// Draw results as charts; `\chart` changes it.
    #[arg(long, conflicts_with = "format")]
    pub chart: bool,
    /// The pager.
    #[command(flatten)]
    pub pager: PagerArgs,
    /// Do not read or write the history of statements [default: it is kept in starlift/history below
    /// XDG_STATE_HOME or ~/.local/state].
    #[arg(long)]
    pub no_history: bool,
    /// Warehouse to query instead of the files: a URL, or a name from the configuration file.
    #[arg(long, value_name = "TARGET", env = "STARLIFT_ON", add = completions::warehouses())]
    pub on: Option<String>,
    /// Options of the connection to the warehouse.
    #[command(flatten)]
    pub warehouse: WarehouseArgs,
}
