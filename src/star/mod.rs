//! The star: the definition of its tables, the queries that build them, and the checks of the result.

mod accounting;
mod check;
mod conform;
mod functions;
mod known;
pub mod model;
mod plan;
mod queries;
mod reader;
pub(crate) mod record;
mod transform;

pub use accounting::{EncodingCounts, PlayCounts, count_encoded_twice, count_plays};
pub use check::{CheckOutcome, demand_passed, run_checks};
pub use functions::RepairEncoding;
pub use plan::{StagedNeeds, staged_needs};
pub use queries::{Group, Queries, Query};
pub(crate) use reader::run_batch;
pub use reader::{register_star, register_table};
pub use record::{
    DatasetRecord, FORMAT, FileRecord, PlaysRecord, RECORD, RunOptions, RunRecord, TableRecord,
};
pub use transform::{
    MatchRule, Rules, StarRows, StarStream, Unmatched, deregister_staging, deregister_tables,
    make_intermediates, register_rows, register_staging, star_rows,
};
