//! The state that a run leaves behind for incremental runs, as the record describes it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::record::{FileRecord, RunRecord};

/// The decoded rows and the objects of a run. The next run reads only objects that are new or have changed,
/// and takes the rows of the others from here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateRecord {
    /// Version of the format of the files.
    pub format: u32,
    /// File with one row per object.
    pub objects: FileRecord,
    /// The next number of an object. Each object that is read has its own number.
    pub next_number: u32,
    /// Objects that are no longer listed, but whose rows are kept.
    #[serde(default)]
    pub kept: u64,
    /// Counts of texts that were encoded to UTF-8 twice, which are not part of the accounting; empty if there
    /// are none.
    #[serde(default)]
    pub encoding: BTreeMap<String, u64>,
    /// Counts of the lists that are sums over the days, of all rows and not only the largest, by name. The counts of
    /// a row are the sums of those in all files.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub lists: BTreeMap<String, Vec<FileRecord>>,
    /// Decoded rows by dataset.
    pub datasets: BTreeMap<String, DatasetState>,
    /// The run that has left the state, if the star is that of an earlier run, which was restored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<StateOrigin>,
}

/// The run that has left a state.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateOrigin {
    /// ID of that run.
    pub run_id: String,
    /// Version of starlift that ran.
    pub version: String,
    /// File with the rejects of the objects.
    pub rejects: FileRecord,
}

/// The decoded rows of a dataset.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatasetState {
    /// Hash of all that the rows depend on except the objects.
    pub fingerprint: String,
    /// The rows, in the order of the numbers of their objects.
    pub parts: Vec<PartRecord>,
    /// The rows with the latest time of each value of a column, by column.
    #[serde(default)]
    pub latest: BTreeMap<String, Vec<FileRecord>>,
}

/// Decoded rows of objects whose numbers lie between those of the previous and the next part.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartRecord {
    /// The smallest number of an object.
    pub first: u32,
    /// Records whose rows the files have.
    pub records: u64,
    /// Files, in any order.
    pub files: Vec<FileRecord>,
}

impl StateRecord {
    /// Returns all files.
    pub(crate) fn files(&self) -> impl Iterator<Item = &FileRecord> {
        let parts = self.datasets.values().flat_map(|dataset| &dataset.parts);
        let latest = self.datasets.values().flat_map(|dataset| dataset.latest.values().flatten());
        let rejects = self.origin.iter().map(|origin| &origin.rejects);
        let lists = self.lists.values().flatten();
        let rows = parts.flat_map(|part| &part.files).chain(latest).chain(lists);
        rows.chain([&self.objects]).chain(rejects)
    }
}

impl RunRecord {
    /// Returns the run that has left the state.
    pub(crate) fn state_origin(&self) -> StateOrigin {
        let origin = self.state.as_ref().and_then(|state| state.origin.clone());
        let own = || StateOrigin {
            run_id: self.run_id.clone(),
            version: self.version.clone(),
            rejects: self.rejects.clone(),
        };
        origin.unwrap_or_else(own)
    }
}
