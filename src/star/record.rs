//! The record of a run, `_starlift.json`: what makes a folder of Parquet files a star.
//!
//! Readers take the files from here, never from a listing. The record is written last and in one
//! put, so a star is whole from the moment it names it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::storage::Place;

/// The record's name within the output.
pub const RECORD: &str = "_starlift.json";

/// The version of the record's form that this program writes and reads.
pub const FORMAT: u32 = 1;

/// A run and the star it made.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RunRecord {
    /// Version of this form.
    pub format: u32,
    /// The run.
    pub run_id: String,
    /// The version of starlift that made it.
    pub version: String,
    /// When the run began, RFC 3339, UTC.
    pub started_at: String,
    /// When the record was written, RFC 3339, UTC.
    pub finished_at: String,
    /// The options that the result depends on.
    pub options: RunOptions,
    /// What was read, by dataset.
    pub datasets: BTreeMap<String, DatasetRecord>,
    /// The file with one row an input object.
    pub inputs: FileRecord,
    /// The file with the rejects.
    pub rejects: FileRecord,
    /// What became of the plays.
    pub plays: PlaysRecord,
    /// The tables of the star.
    pub tables: BTreeMap<String, TableRecord>,
    /// The checks that were passed.
    pub checks: Vec<String>,
}

/// The options that a run's result depends on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunOptions {
    /// Where songs were read.
    pub songs: Vec<String>,
    /// Where logs were read.
    pub logs: Vec<String>,
    /// Whether objects with hidden names were read.
    #[serde(default)]
    pub include_hidden: bool,
    /// The suffixes of objects that were read, `json` or `any`; older records do not say.
    #[serde(default)]
    pub suffix: String,
    /// The JSONPaths file for songs.
    pub song_jsonpaths: Option<String>,
    /// The JSONPaths file for logs.
    pub log_jsonpaths: Option<String>,
    /// The folder of the user's own queries.
    pub queries: Option<String>,
    /// `title-artist` or `title-artist-duration`.
    #[serde(rename = "match")]
    pub match_rule: String,
    /// `keep` or `drop`.
    pub unmatched: String,
    /// `off`, `match` or `store`; older records, which lack it, have `off`.
    #[serde(default = "off")]
    pub repair_encoding: String,
    /// How many rejects were allowed.
    pub max_rejects: String,
    /// The size at which files were closed, in bytes; older records do not tell.
    #[serde(default)]
    pub file_size: u64,
}

fn off() -> String {
    "off".to_owned()
}

/// What was read of a dataset.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DatasetRecord {
    /// Objects read.
    pub objects: u64,
    /// Their bytes, as stored.
    pub stored_bytes: u64,
    /// Their bytes after decompression.
    pub bytes: u64,
    /// Records read.
    pub records: u64,
    /// Records that became rows.
    pub decoded: u64,
    /// Records that were rejected.
    pub rejected: u64,
    /// Objects passed over, by suffix or by kind.
    pub skipped: BTreeMap<String, u64>,
    /// Keys that no column is filled from, with the number of records they were in.
    pub unknown_keys: BTreeMap<String, u64>,
}

/// What became of the plays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaysRecord {
    /// Plays read.
    pub read: u64,
    /// Those that match a song.
    pub matched: u64,
    /// Those that match none.
    pub unmatched: u64,
    /// Copies of other plays, removed.
    pub duplicates: u64,
    /// Distinct plays whose fingerprint an earlier one has; theirs is the next free one.
    pub shared_fingerprints: u64,
}

/// A table's files and what they hold.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct TableRecord {
    /// Rows of all files.
    pub rows: u64,
    /// Bytes of all files.
    pub bytes: u64,
    /// The COPY manifest, relative to the output.
    pub manifest: String,
    /// The files, in order.
    pub files: Vec<FileRecord>,
    /// The longest value of each text column, in bytes.
    pub max_text_bytes: BTreeMap<String, u64>,
    /// Nulls of each column.
    pub nulls: BTreeMap<String, u64>,
}

/// A Parquet file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRecord {
    /// Its path, relative to the output.
    pub path: String,
    /// Its rows.
    pub rows: u64,
    /// Its bytes.
    pub bytes: u64,
}

impl RunRecord {
    /// Reads the record of the star at `out`, or `None` when there is no star.
    ///
    /// # Errors
    ///
    /// If it cannot be read, or is of another form.
    pub async fn read(out: &Place) -> Result<Option<RunRecord>> {
        let place = out.child(RECORD);
        let Some(bytes) = place.read().await? else { return Ok(None) };
        RunRecord::parse(&place, &bytes).map(Some)
    }

    /// The record that the object at `place` holds.
    ///
    /// # Errors
    ///
    /// If it is none, or is of another form.
    pub(crate) fn parse(place: &Place, bytes: &[u8]) -> Result<RunRecord> {
        let refuse = |reason: String| Error::Record { url: place.to_string(), reason };
        let form: Form = serde_json::from_slice(bytes).map_err(|e| refuse(e.to_string()))?;
        if form.format != FORMAT {
            return Err(refuse(format!("it has format {}, wanted is {FORMAT}", form.format)));
        }
        serde_json::from_slice(bytes).map_err(|e| refuse(e.to_string()))
    }

    /// As [`RunRecord::read`], for whoever needs a star.
    ///
    /// # Errors
    ///
    /// Also if there is no star.
    pub async fn require(out: &Place) -> Result<RunRecord> {
        RunRecord::read(out).await?.ok_or_else(|| {
            Error::NothingFound(format!(
                "there is no star at {out}: it has no {RECORD}; `starlift transform` makes one"
            ))
        })
    }

    /// The record as it is stored.
    ///
    /// # Errors
    ///
    /// If it cannot be serialised.
    pub fn to_json(&self) -> Result<Vec<u8>> {
        to_json(self)
    }

    /// Every Parquet file that the star consists of.
    pub fn files(&self) -> impl Iterator<Item = &FileRecord> {
        self.tables.values().flat_map(|table| &table.files).chain([&self.inputs, &self.rejects])
    }

    /// The paths of the star's files and of the manifests that the record names, relative to the
    /// output.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        let manifests = self.tables.values().map(|table| table.manifest.as_str());
        self.files().map(|file| file.path.as_str()).chain(manifests)
    }
}

#[derive(Deserialize)]
struct Form {
    format: u32,
}

pub(crate) fn to_json(value: &impl Serialize) -> Result<Vec<u8>> {
    let mut json =
        serde_json::to_vec_pretty(value).map_err(|e| Error::io("cannot write JSON", e.into()))?;
    json.push(b'\n');
    Ok(json)
}
