//! The earlier stars of an output: a summary of each in the record, and the whole records of those whose files
//! are kept.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::partition::Partitioning;
use super::record::RunRecord;
use crate::error::{Error, Result};
use crate::storage::Place;

/// Folder of the records of earlier stars, relative to the output.
pub(crate) const HISTORY: &str = "_history";

/// Maximum number of earlier stars whose files are kept.
pub(crate) const MAX_KEPT: usize = 100;

/// Maximum number of earlier stars in a record.
const MAX_EARLIER: usize = MAX_KEPT;

/// A star that the star of a record has replaced, directly or through later ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarlierStar {
    /// ID of the run that published the star.
    pub run_id: String,
    /// Version of starlift that built the star.
    pub version: String,
    /// Time at which its record was created, RFC 3339, UTC.
    pub finished_at: String,
    /// Number of rows by table.
    pub rows: BTreeMap<String, u64>,
    /// Number of partitions that differed from those of the star before; `None` if it was the first or this is
    /// not known.
    pub changed_partitions: Option<u64>,
    /// ID of the run whose star was restored, if the run was a rollback.
    pub restored: Option<String>,
    /// Hash of the tables; empty if it is not known.
    pub star_hash: String,
    /// `true` if the files of the star are kept.
    pub kept: bool,
}

impl EarlierStar {
    /// Returns the summary of a star.
    pub fn of(record: &RunRecord, kept: bool) -> EarlierStar {
        let rows = record.tables.iter().map(|(name, table)| (name.clone(), table.rows));
        EarlierStar {
            run_id: record.run_id.clone(),
            version: record.version.clone(),
            finished_at: record.finished_at.clone(),
            rows: rows.collect(),
            changed_partitions: record.changed_partitions,
            restored: record.restored.clone(),
            star_hash: record.star_hash.clone(),
            kept,
        }
    }

    /// Returns the path of the record of the star, if it is kept, relative to the output.
    pub(crate) fn path(&self) -> String {
        format!("{HISTORY}/{}.json", self.run_id)
    }
}

impl RunRecord {
    /// Makes this record the successor of `previous`, the record that it will replace: the `keep` latest of the
    /// earlier stars whose files exist keep them.
    pub(crate) fn succeed(&mut self, previous: Option<&RunRecord>, keep: usize) {
        let Some(previous) = previous else { return };
        self.changed_partitions = self.count_changed(previous);
        let latest = std::iter::once(EarlierStar::of(previous, true));
        let mut left = keep;
        let earlier = latest.chain(previous.history.iter().cloned()).map(|star| {
            let is_kept = star.kept && left > 0;
            left -= usize::from(is_kept);
            EarlierStar { kept: is_kept, ..star }
        });
        let earlier = earlier.enumerate().filter(|(at, star)| *at < MAX_EARLIER || star.kept);
        self.history = earlier.map(|(_, star)| star).collect();
    }

    /// Returns the number of partitions that differ from those of `other`, or `None` if a hash is missing.
    pub(crate) fn count_changed(&self, other: &RunRecord) -> Option<u64> {
        let (ours, theirs) = (hashes(self)?, hashes(other)?);
        let changed = ours.iter().filter(|(key, hash)| theirs.get(*key) != Some(hash)).count();
        let gone = theirs.keys().filter(|key| !ours.contains_key(*key)).count();
        Some((changed + gone) as u64)
    }

    /// Returns the earlier stars whose files are kept, latest first.
    pub(crate) fn kept(&self) -> impl Iterator<Item = &EarlierStar> {
        self.history.iter().filter(|star| star.kept)
    }
}

/// Returns the hashes of the partitions by table and first day, or `None` if one is missing.
fn hashes(record: &RunRecord) -> Option<BTreeMap<(&str, &str), &str>> {
    let partitioning = Partitioning::named(&record.options.partition);
    let contents = record.tables.iter().flat_map(|(name, table)| {
        let contents = table.contents_by_day(partitioning).into_values();
        contents.map(move |content| ((name.as_str(), content.from), content.hash))
    });
    contents.map(|(key, hash)| (!hash.is_empty()).then_some((key, hash))).collect()
}

/// Reads the record of an earlier star at `out`, whose files are kept.
///
/// # Errors
///
/// Returns an error if the record is missing, cannot be read or has another format.
pub(crate) async fn read_earlier(out: &Place, star: &EarlierStar) -> Result<RunRecord> {
    let place = out.child(&star.path());
    let missing =
        || Error::EarlierStar { url: place.to_string(), reason: "it does not exist".to_owned() };
    let bytes = place.read().await?.ok_or_else(missing)?;
    match RunRecord::parse(&place, &bytes) {
        Err(Error::Record { url, reason }) => Err(Error::EarlierStar { url, reason }),
        parsed => parsed,
    }
}
