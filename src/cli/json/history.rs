//! Results of `history`, `diff` and `rollback`.

use chrono::{DateTime, Utc};

use super::schema::document_structs;
use crate::history::{Comparison, Restored};
use crate::star::RunRecord;

document_structs! {
    /// Result of `starlift history`.
    pub struct HistoryResult {
        /// Location of the star.
        pub star: String,
        /// The runs and loads, latest first.
        pub events: Vec<HistoryEvent>,
    }

    /// A run or a load.
    pub struct HistoryEvent {
        /// Time of the event, to the second; null if the record contains no valid time.
        pub time: Option<DateTime<Utc>>,
        /// `run`, `rollback` or `load`.
        pub event: String,
        /// ID of the run, or of the run whose star was loaded.
        pub run_id: String,
        /// Number of rows of all tables.
        pub rows: i64,
        /// Number of partitions that differ from those of the star before; null if it is not known.
        pub changed_partitions: Option<i64>,
        /// `current` for the star in place, `kept` for a star whose files are kept; null if they are not kept.
        pub files: Option<String>,
        /// Number of the load in the ledger of the warehouse; null for runs.
        pub load: Option<i64>,
        /// Location of the star of a load, if it is another one.
        pub other_star: Option<String>,
        /// ID of the run whose star a rollback has restored.
        pub restored_run: Option<String>,
    }

    /// Result of `starlift diff`.
    pub struct DiffResult {
        /// ID of the run of the earlier star.
        pub before_run_id: String,
        /// ID of the run of the later star.
        pub after_run_id: String,
        /// Number of partitions that at least one of the stars has.
        pub partitions: u64,
        /// The partitions that differ, by table and first day.
        pub differences: Vec<PartitionDifference>,
    }

    /// A partition that differs between two stars.
    pub struct PartitionDifference {
        /// Name of the table.
        pub table: String,
        /// First day of the partition; null for a table without partitions.
        pub partition: Option<String>,
        /// Number of rows in the earlier star.
        pub rows_before: u64,
        /// Number of rows in the later star.
        pub rows_after: u64,
        /// Number of rows whose primary key is new.
        pub rows_added: u64,
        /// Number of rows whose primary key is gone.
        pub rows_removed: u64,
        /// Number of rows with the same primary key and other values.
        pub rows_changed: u64,
    }

    /// Result of `starlift rollback`.
    pub struct RollbackResult {
        /// Location of the star.
        pub star: String,
        /// `true` if the star was replaced; `false` for a dry run, or if it is in place already.
        pub restored: bool,
        /// ID of the run whose star was selected.
        pub selected_run_id: String,
        /// ID of the run whose star was in place.
        pub replaced_run_id: String,
        /// ID of the new run; null if nothing was published.
        pub run_id: Option<String>,
        /// Number of partitions that differ; null if it is not known.
        pub changed_partitions: Option<u64>,
    }
}

impl DiffResult {
    /// Returns the result of a comparison of two stars.
    pub fn new(found: &Comparison, [before, after]: [&RunRecord; 2]) -> DiffResult {
        let differences = found.differences.iter().map(|difference| PartitionDifference {
            table: difference.table.clone(),
            partition: Some(difference.from.clone()).filter(|from| !from.is_empty()),
            rows_before: difference.rows[0],
            rows_after: difference.rows[1],
            rows_added: difference.changes.added,
            rows_removed: difference.changes.removed,
            rows_changed: difference.changes.changed,
        });
        DiffResult {
            before_run_id: before.run_id.clone(),
            after_run_id: after.run_id.clone(),
            partitions: found.partitions as u64,
            differences: differences.collect(),
        }
    }
}

impl RollbackResult {
    /// Returns the result of a rollback of the star at `star`.
    pub fn new(found: &Restored, star: String) -> RollbackResult {
        RollbackResult {
            star,
            restored: found.record.is_some(),
            selected_run_id: found.earlier.clone(),
            replaced_run_id: found.replaced.clone(),
            run_id: found.record.as_ref().map(|record| record.run_id.clone()),
            changed_partitions: found.changed_partitions,
        }
    }
}
