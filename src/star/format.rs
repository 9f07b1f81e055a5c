//! Formats of records.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The parts of a record that differ between formats.
#[derive(Deserialize)]
pub(super) struct RecordFormat {
    pub format: u32,
    /// Counts in records of format 1, which knew one model.
    pub plays: Option<OldCounts>,
}

/// Counts of plays in a record of format 1.
#[derive(Deserialize)]
pub(super) struct OldCounts {
    read: u64,
    matched: u64,
    unmatched: u64,
    duplicates: u64,
    shared_fingerprints: u64,
}

impl OldCounts {
    /// Returns the counts as an accounting query would.
    pub fn counts(self) -> BTreeMap<String, u64> {
        let counts = [
            ("plays_read", self.read),
            ("plays_matched", self.matched),
            ("plays_unmatched", self.unmatched),
            ("duplicates", self.duplicates),
            ("shared_fingerprints", self.shared_fingerprints),
        ];
        counts.into_iter().map(|(name, count)| (name.to_owned(), count)).collect()
    }
}
