//! What a transform did.

use std::time::{Duration, Instant};

use arrow::array::RecordBatch;

use crate::error::Error;
use crate::ingest::DatasetCounts;
use crate::star::RunRecord;
use crate::star::{CheckOutcome, EncodingCounts, RepairEncoding};
use crate::timing::PhaseTiming;

/// What a run did. The summary, the record and the tests all read this one value.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// What was read, by dataset.
    pub songs: DatasetCounts,
    /// What was read of the logs.
    pub logs: DatasetCounts,
    /// The treatment of text that was encoded to UTF-8 twice.
    pub repair_encoding: RepairEncoding,
    /// Plays and song records with such text, where any was read.
    pub encoding: Option<EncodingCounts>,
    /// The first rejects.
    pub first_rejects: Vec<RecordBatch>,
    /// Where all rejects are.
    pub rejects_file: Option<String>,
    /// What the checks found; empty when the run ended before them.
    pub checks: Vec<CheckOutcome>,
    /// The published record; `None` when nothing was published.
    pub record: Option<RunRecord>,
    /// How long each stage took, with the bytes it handled where that is known. A table is written
    /// while the next one is queried, so the times overlap.
    pub stages: Vec<PhaseTiming>,
    /// How long all of them took.
    pub elapsed: Duration,
    begun: Option<Instant>,
}

impl Report {
    /// Returns true if reading stopped before the end because of too many rejects.
    pub fn is_partial(&self) -> bool {
        self.songs.is_partial || self.logs.is_partial
    }

    /// Notes a stage that began at `begun` and ends now.
    pub(super) fn timed(&mut self, name: &str, begun: Instant, bytes: Option<u64>) {
        self.elapsed = self.begun.get_or_insert(begun).elapsed();
        let elapsed = begun.elapsed();
        tracing::debug!(memory = resident_bytes(), "{name} took {elapsed:?}");
        self.stages.push(PhaseTiming { name: name.to_owned(), elapsed, bytes });
    }
}

/// Memory of this process now, where the system tells.
fn resident_bytes() -> Option<u64> {
    let pages = std::fs::read_to_string("/proc/self/statm").ok()?;
    pages.split(' ').nth(1)?.parse().ok().map(|pages: u64| pages * 4096)
}

/// A run that ended with an error, and what it had done by then.
#[derive(Debug)]
pub struct Failure {
    /// The error.
    pub error: Error,
    /// The report of a run that got as far as having read everything.
    pub report: Option<Box<Report>>,
}

impl<E: Into<Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Failure { error: error.into(), report: None }
    }
}
