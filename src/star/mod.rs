//! The star: the definition of its tables, the queries that build them, its record, and the checks of the
//! result.

mod check;
mod known;
pub mod model;
mod order;
mod queries;
mod reader;
pub(crate) mod record;

pub(crate) use check::read_only;
pub use check::{CheckOutcome, ensure_passed, run_checks};
pub(crate) use order::sort_order;
pub use queries::{Group, Queries, Query};
pub use reader::{register_run, register_star, register_table};
pub(crate) use reader::{run_batch, run_schema};
pub use record::{
    Counts, DatasetRecord, FORMAT, FileRecord, ModelRecord, RECORD, RunOptions, RunRecord,
    TableRecord,
};
