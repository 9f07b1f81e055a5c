//! Stops reading once a run is certain to fail and enough of its rejects are kept.

use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::sum;
use arrow::datatypes::Int64Type;
use tokio_util::sync::CancellationToken;

use crate::limits::{MaxRejects, Rejected};

/// Number of rejects, and of bytes of raw text in them, kept before reading stops: enough to
/// diagnose the data. They bound the cost of reading a wrong folder.
const KEPT_REJECTS: u64 = 1_000_000;
const KEPT_BYTES: u64 = 1024 * 1024 * 1024;

/// The number of rejects and their total length in bytes.
#[derive(Default)]
pub(super) struct RejectCount {
    records: AtomicU64,
    bytes: AtomicU64,
}

impl RejectCount {
    /// Counts rejects that have been staged.
    pub fn add(&self, rejects: &RecordBatch) {
        let lengths =
            rejects.column_by_name("length").and_then(|c| c.as_primitive_opt::<Int64Type>());
        let bytes = lengths.and_then(sum).unwrap_or(0) as u64;
        self.add_counts(rejects.num_rows() as u64, bytes);
    }

    fn add_counts(&self, records: u64, bytes: u64) {
        self.records.fetch_add(records, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Returns the numbers so far.
    pub fn total(&self) -> Rejected {
        Rejected {
            records: self.records.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            uncertain: 0,
        }
    }
}

/// Counts rejects until they exceed the limit and enough of them are kept.
pub(super) struct EarlyStop {
    max: MaxRejects,
    rejected: RejectCount,
    kept_bytes: AtomicU64,
    reached: CancellationToken,
}

impl EarlyStop {
    pub fn new(max: MaxRejects) -> EarlyStop {
        EarlyStop {
            max,
            rejected: RejectCount::default(),
            kept_bytes: AtomicU64::new(0),
            reached: CancellationToken::new(),
        }
    }

    /// Counts rejects that have been staged.
    pub fn count(&self, rejects: &RecordBatch) {
        self.rejected.add(rejects);
        let raw = rejects.column_by_name("raw").and_then(|c| c.as_string_opt::<i32>());
        let kept = raw.map_or(0, |raw| raw.value_data().len()) as u64;
        let kept = self.kept_bytes.fetch_add(kept, Ordering::Relaxed) + kept;
        if is_enough(self.max, self.rejected.total(), kept) {
            self.reached.cancel();
        }
    }

    /// Counts rejects that another process keeps. Returns `true` if reading must stop.
    pub fn count_remote(&self, rejected: Rejected) -> bool {
        self.rejected.add_counts(rejected.records, rejected.bytes);
        let total = self.rejected.total();
        is_enough(self.max, total, total.bytes)
    }

    /// Completes when reading must stop.
    pub async fn reached(&self) {
        self.reached.cancelled().await;
    }
}

/// Returns `true` if the run is certain to fail and enough of its rejects are kept.
fn is_enough(max: MaxRejects, rejected: Rejected, kept_bytes: u64) -> bool {
    let is_kept = rejected.records >= KEPT_REJECTS || kept_bytes >= KEPT_BYTES;
    is_kept && max.is_surely_exceeded(rejected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_stops_when_the_limit_is_exceeded_and_enough_is_kept() {
        for (max, records, kept, wanted) in [
            ("0", KEPT_REJECTS - 1, 0, false),
            ("0", KEPT_REJECTS, 0, true),
            ("0%", 1, KEPT_BYTES - 1, false),
            ("0%", 1, KEPT_BYTES, true),
            ("1000000", KEPT_REJECTS, KEPT_BYTES, false),
            ("1000000", KEPT_REJECTS + 1, 0, true),
            ("3", 3, KEPT_BYTES, false),
            ("3", 4, KEPT_BYTES, true),
            ("3", 4, 0, false),
            ("9B", 9, KEPT_BYTES, false),
            ("9B", 10, KEPT_BYTES, true),
            ("5%", KEPT_REJECTS, KEPT_BYTES, false),
        ] {
            let rejected = Rejected { records, bytes: records, uncertain: 0 };
            let found = is_enough(max.parse().unwrap(), rejected, kept);
            assert_eq!(found, wanted, "{max} {records} {kept}");
        }
    }

    #[test]
    fn rejects_in_other_processes_count_together_with_those_here() {
        let stop = EarlyStop::new("10".parse().unwrap());
        let rejected = |records| Rejected { records, ..Rejected::default() };
        assert!(!stop.count_remote(rejected(KEPT_REJECTS - 1)));
        assert!(stop.count_remote(rejected(1)));
    }
}
