//! The report of a transform.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;

use crate::error::Error;
use crate::incremental::Changes;
use crate::ingest::DatasetCounts;
use crate::model::Model;
use crate::star::RunRecord;
use crate::star::{CheckOutcome, Counts};
use crate::timing::PhaseTiming;
use crate::transform::{Accounting, ENCODING, RepairEncoding, counts_of};

/// The results of a run: counts, rejects, checks and durations.
#[derive(Debug, Clone, Default)]
pub struct TransformReport {
    /// The model of the run.
    pub model: Arc<Model>,
    /// Names of the datasets with the counts of what was read, in the order of the model.
    pub datasets: Vec<(String, DatasetCounts)>,
    /// Treatment of text that was encoded to UTF-8 twice.
    pub repair_encoding: RepairEncoding,
    /// Results of the accounting queries that ran, in the order of the model.
    pub accounting: Vec<Accounting>,
    /// The first rejects, at most five rows.
    pub first_rejects: Vec<RecordBatch>,
    /// Location of the file with all rejects. `None` if the run ended before it was written.
    pub rejects_file: Option<String>,
    /// Results of the checks; empty if the run ended before them.
    pub checks: Vec<CheckOutcome>,
    /// Differences from the previous run; `None` if the run was not incremental.
    pub changes: Option<Changes>,
    /// `true` if the existing star is up to date, so that nothing was published.
    pub is_up_to_date: bool,
    /// The record of the star that was published, or that is up to date or was verified; `None` if the run
    /// failed before.
    pub record: Option<RunRecord>,
    /// Duration of each phase, and its bytes where they are known. The times of tables overlap, because a
    /// table is written while the next one is queried.
    pub phases: Vec<PhaseTiming>,
    /// Time from the start of the first phase to the end of the last one.
    pub elapsed: Duration,
    begun: Option<Instant>,
}

impl TransformReport {
    pub(super) fn new(model: Arc<Model>) -> TransformReport {
        TransformReport { model, ..TransformReport::default() }
    }

    /// Returns `true` if reading stopped before the end because of too many rejects.
    pub fn is_partial(&self) -> bool {
        self.datasets.iter().any(|(_, counts)| counts.is_partial)
    }

    /// Returns the counts of a dataset. `None` if the model has no such dataset, or if the run ended
    /// before the datasets were read.
    pub fn dataset(&self, name: &str) -> Option<&DatasetCounts> {
        self.datasets.iter().find(|(dataset, _)| dataset == name).map(|(_, counts)| counts)
    }

    /// Returns the sum of a count over all datasets.
    pub fn total(&self, count: impl Fn(&DatasetCounts) -> u64) -> u64 {
        self.datasets.iter().map(|(_, counts)| count(counts)).sum()
    }

    /// Returns the counts of the accounting queries that always run.
    pub(super) fn counts(&self) -> Counts {
        let always = self.accounting.iter().filter(|accounting| accounting.name != ENCODING);
        always.map(|accounting| (accounting.name.clone(), counts_of(accounting))).collect()
    }

    /// Returns the counts of texts that were encoded twice; empty if they were not counted.
    pub(super) fn encoding(&self) -> BTreeMap<String, u64> {
        let mut counted = self.accounting.iter().filter(|found| found.name == ENCODING);
        counted.next().map(counts_of).unwrap_or_default()
    }

    /// Records a phase that began at `begun` and ends at the time of the call.
    pub(super) fn timed(&mut self, name: &str, begun: Instant, bytes: Option<u64>) {
        self.elapsed = self.begun.get_or_insert(begun).elapsed();
        let elapsed = begun.elapsed();
        tracing::debug!(memory = resident_bytes(), "{name} took {elapsed:?}");
        self.phases.push(PhaseTiming { name: name.to_owned(), elapsed, bytes });
    }
}

/// Returns the resident memory of this process, or `None` if the system does not report it. Assumes pages of
/// 4 KiB.
fn resident_bytes() -> Option<u64> {
    let pages = std::fs::read_to_string("/proc/self/statm").ok()?;
    pages.split(' ').nth(1)?.parse().ok().map(|pages: u64| pages * 4096)
}

/// The error that ended a run, and the report up to that point.
///
/// It is displayed as its error, and `?` converts it into an [`Error`].
#[derive(Debug)]
pub struct TransformFailure {
    /// Reason for the failure.
    pub error: Error,
    /// Report of the run; `None` if it failed before reading started.
    pub report: Option<Box<TransformReport>>,
}

impl std::fmt::Display for TransformFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for TransformFailure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error.source()
    }
}

impl From<Error> for TransformFailure {
    fn from(error: Error) -> TransformFailure {
        TransformFailure { error, report: None }
    }
}

impl From<TransformFailure> for Error {
    fn from(failure: TransformFailure) -> Error {
        failure.error
    }
}
