//! `--output-format json`: one JSON document per command, on standard output.
//!
//! The types of the document are declared here and are independent of the internal types. `docs/output.schema.json`
//! is generated from them; to update it, run the tests of the library with `STARLIFT_UPDATE_GOLDEN=1`.

mod check;
mod cloud;
mod command;
mod doctor;
mod document;
mod failure;
mod history;
mod load;
mod queries;
mod rejects;
mod report;
mod results;
mod rows;
mod schema;
mod selftest;
mod transform;

use schema::document_structs;

pub use check::{CheckResult, Subject, Verdict, VerdictOutcome, Verification, verdicts};
pub use cloud::{
    ChangeResult, ManagedName, ManagedWorkgroup, ProvisionResult, StatusResult, TeardownResult,
};
pub use command::Report;
use command::is_document;
pub use doctor::{DoctorCheck, DoctorOutcome, DoctorResult};
pub use document::{begin, finish, print_early, schema_text};
pub use failure::Failure;
pub use history::{DiffResult, HistoryEvent, HistoryResult, RollbackResult};
pub use load::LoadResult;
pub use queries::{ComparedQuery, GenerateResult, QueryResult};
pub use rejects::{ExportResult, RejectReason, RejectsResult};
pub use report::ReportResult;
pub use results::Results;
pub use selftest::{SelftestResult, SelftestStep};
pub use transform::{
    DatasetResult, PlannedDataset, RunResult, TransformPlan, TransformResult, TransformStatus,
};

use crate::timing::PhaseTiming;

document_structs! {
    /// Duration of a phase.
    pub struct PhaseResult {
        /// Name of the phase.
        pub name: String,
        /// Wall-clock time.
        pub seconds: f64,
        /// Bytes read or written; null if they are not counted.
        pub bytes: Option<u64>,
    }
}

impl From<&PhaseTiming> for PhaseResult {
    fn from(phase: &PhaseTiming) -> PhaseResult {
        PhaseResult {
            name: phase.name.clone(),
            seconds: phase.elapsed.as_secs_f64(),
            bytes: phase.bytes,
        }
    }
}

/// Returns the durations of phases.
fn phases(phases: &[PhaseTiming]) -> Vec<PhaseResult> {
    phases.iter().map(PhaseResult::from).collect()
}
