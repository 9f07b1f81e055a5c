//! The star: the definition of its tables, the queries that build them, its record, and the checks of the
//! result.

mod check;
mod files_hash;
mod format;
mod history;
mod known;
mod list;
pub mod model;
mod order;
mod partition;
mod proof;
mod queries;
mod reader;
pub(crate) mod record;
mod state;

pub use check::{CheckOutcome, ensure_passed, run_checks};
pub(crate) use check::{read_only, run_checks_as_sql, run_checks_where};
pub(crate) use files_hash::FilesHasher;
pub use history::EarlierStar;
pub(crate) use history::{HISTORY, MAX_KEPT, read_earlier};
pub(crate) use list::ListHeader;
pub use list::{ListColumn, ListRecord};
pub(crate) use order::sort_order;
pub(crate) use partition::{Content, MICROS_PER_DAY, Times, date_of, day_of};
pub use partition::{PartitionRecord, Partitioning};
pub use queries::{Group, Queries, Query};
pub(crate) use reader::{find_files, register_files, run_batch, run_schema};
pub use reader::{register_run, register_star, register_table};
pub use record::{
    Counts, DatasetRecord, FORMAT, FileRecord, ModelRecord, RECORD, RunOptions, RunRecord,
    TableRecord,
};
pub use state::{DatasetState, PartRecord, StateOrigin, StateRecord};
