//! Counts of the objects and records of a dataset.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::decode::{Notes, ObjectCounts};
use crate::limits::Rejected;
use crate::staging::StagingTable;

/// Counts of the objects and records read for one dataset.
#[derive(Debug, Clone, Default)]
pub struct DatasetCounts {
    /// Number of objects listed.
    pub objects_listed: u64,
    /// Number of objects read.
    pub objects_read: u64,
    /// Bytes read, as stored.
    pub stored_bytes: u64,
    /// Bytes read, after decompression.
    pub bytes: u64,
    /// Records that became rows.
    pub decoded: u64,
    /// Records that were rejected.
    pub rejected: u64,
    /// Bytes of the rejects.
    pub rejected_bytes: u64,
    /// Bytes of rejects that can contain more than one record.
    pub uncertain_bytes: u64,
    /// Estimated number of records in `uncertain_bytes`.
    pub uncertain_records: u64,
    /// `true` if reading stopped early because of too many rejects. The record counts then cover
    /// only the part that was read.
    pub is_partial: bool,
    /// Number of objects skipped, by suffix or kind.
    pub skipped: BTreeMap<String, u64>,
    /// Observations on the records.
    pub notes: Notes,
    /// Duration of listing, reading and decoding.
    pub elapsed: Duration,
}

impl DatasetCounts {
    /// Returns the number of records read, including rejects.
    pub fn records(&self) -> u64 {
        self.decoded + self.rejected
    }

    /// Returns the number and size of the rejects.
    pub fn rejects(&self) -> Rejected {
        Rejected {
            records: self.rejected,
            bytes: self.rejected_bytes,
            uncertain: self.uncertain_records,
        }
    }

    /// Sets the counts to those of the staged records, which include records of partially read
    /// objects.
    pub(super) fn count_staged(&mut self, rows: &StagingTable, rejected: Rejected) {
        self.decoded = rows.rows() as u64;
        self.rejected = rejected.records;
        self.rejected_bytes = rejected.bytes;
    }

    /// Adds an object of `stored` bytes.
    pub(crate) fn add(&mut self, stored: u64, counts: &ObjectCounts, notes: Notes) {
        self.objects_read += 1;
        self.stored_bytes += stored;
        self.bytes += counts.bytes;
        self.decoded += counts.decoded;
        self.rejected += counts.rejected;
        self.rejected_bytes += counts.rejected_bytes;
        self.uncertain_bytes += counts.skipped_bytes;
        self.uncertain_records += counts.skipped_records;
        self.notes.merge(notes);
    }
}
