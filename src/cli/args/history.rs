//! Options of `history`, `diff` and `rollback`.

use clap::{Args, ValueHint};

use super::{LockArg, QueryFormat, StarArgs, WarehouseArgs};
use crate::cli::completions;

/// Options of `history`.
#[derive(Debug, Args)]
pub struct HistoryArgs {
    /// The star and the options for reading it.
    #[command(flatten)]
    pub star: StarArgs,
    /// Format of the rows [default: table]. It replaces --output-format.
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<QueryFormat>,
    /// Warehouse whose loads are also listed: a URL, or a name from the configuration file.
    #[arg(long, value_name = "TARGET", env = "STARLIFT_ON", add = completions::warehouses())]
    pub on: Option<String>,
    /// Options of the connection to the warehouse.
    #[command(flatten)]
    pub warehouse: WarehouseArgs,
}

/// Options of `diff`.
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// Run of the earlier star: its ID or the beginning of the ID [default: the latest earlier star that is
    /// kept].
    #[arg(value_name = "EARLIER", add = completions::runs())]
    pub before: Option<String>,
    /// Run of the later star.
    #[arg(value_name = "LATER", default_value = crate::history::CURRENT, add = completions::runs())]
    pub after: String,
    /// The star and the options for reading it.
    #[command(flatten)]
    pub star: StarArgs,
}

/// Options of `rollback`.
#[derive(Debug, Args)]
pub struct RollbackArgs {
    /// Run whose star is restored: its ID or the beginning of the ID; `starlift history` lists the runs.
    #[arg(value_name = "RUN", add = completions::runs())]
    pub run: String,
    /// Folder or prefix of the star.
    #[arg(long, value_name = "URL", env = "STARLIFT_STAR", value_hint = ValueHint::DirPath)]
    pub star: Option<String>,
    /// Lock the output against other runs [default: on].
    #[arg(long, value_name = "MODE", env = "STARLIFT_LOCK")]
    pub lock: Option<LockArg>,
    /// Check that the star can be restored; change nothing.
    #[arg(long)]
    pub dry_run: bool,
}
