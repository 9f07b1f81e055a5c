//! The run record, `_starlift.json`. It names the Parquet files of a star.
//!
//! Readers use the files named here and never list the output. The record is written last, in a single put,
//! so readers see either the previous star or the complete new one.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

use super::format::RecordFormat;
use super::history::EarlierStar;
use super::list::ListRecord;
use super::partition::PartitionRecord;
use super::state::StateRecord;
use crate::error::{Error, Result};
use crate::model::Model;
use crate::storage::Place;

/// Name of the record, relative to the output.
pub const RECORD: &str = "_starlift.json";

/// Version of the record format that this program writes.
pub const FORMAT: u32 = 2;

/// The oldest version that this program reads.
const OLDEST_FORMAT: u32 = 1;

/// Counts of accounting queries, by query and column.
pub type Counts = BTreeMap<String, BTreeMap<String, u64>>;

/// A run and the star that it published.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct RunRecord {
    /// Version of the record format, [`FORMAT`].
    pub format: u32,
    /// Unique identifier of the run, part of the names of its files.
    pub run_id: String,
    /// Version of starlift that ran.
    pub version: String,
    /// Start of the run, RFC 3339, UTC.
    pub started_at: String,
    /// Time at which the record was created, RFC 3339, UTC.
    pub finished_at: String,
    /// The model that the run used; `None` in records of earlier versions, which had only the built-in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelRecord>,
    /// The options that the result depends on.
    pub options: RunOptions,
    /// Input counts by dataset.
    pub datasets: BTreeMap<String, DatasetRecord>,
    /// File with one row per input object.
    pub inputs: FileRecord,
    /// File with one row per rejected record.
    pub rejects: FileRecord,
    /// Counts of the records by their outcome, by accounting query and column.
    #[serde(default)]
    pub accounting: Counts,
    /// Tables of the star by name.
    pub tables: BTreeMap<String, TableRecord>,
    /// Lists beside the tables, by name. Empty in records that lack them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub lists: BTreeMap<String, ListRecord>,
    /// Names of the checks that passed.
    pub checks: Vec<String>,
    /// Hash of the SQL of the checks. Empty in records that lack it.
    #[serde(default)]
    pub checks_hash: String,
    /// Hash of the tables: equal stars have equal hashes. Empty in records that lack it.
    #[serde(default)]
    pub star_hash: String,
    /// Hash of the SQL queries and the JSONPaths files. Empty in records that lack it.
    #[serde(default)]
    pub definition_hash: String,
    /// State for incremental runs; `None` if the run was not incremental.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<StateRecord>,
    /// ID of the run whose star was restored, if the run was a rollback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restored: Option<String>,
    /// Number of partitions that differ from those of the star before; `None` for the first star.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_partitions: Option<u64>,
    /// Earlier stars of the output, latest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<EarlierStar>,
}

/// The model of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelRecord {
    /// Name of the model.
    pub name: String,
    /// Hash of its files.
    pub hash: String,
}

/// Name of the built-in model, which made the stars whose records name no model.
const FIRST_MODEL: &str = "sparkify";

/// The options that a run's result depends on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunOptions {
    /// Locations of the objects by dataset, without secrets.
    #[serde(default)]
    pub inputs: BTreeMap<String, Vec<String>>,
    /// `true` if objects with hidden names were read.
    #[serde(default)]
    pub include_hidden: bool,
    /// Suffixes of the objects that were read, `json` or `any`; empty in records that lack it.
    #[serde(default)]
    pub suffix: String,
    /// Locations of the JSONPaths files by dataset, without secrets.
    #[serde(default)]
    pub jsonpaths: BTreeMap<String, String>,
    /// Folder of the user's own queries, if one was used.
    pub queries: Option<String>,
    /// Rule that matches plays to songs: `title-artist` or `title-artist-duration`.
    #[serde(rename = "match")]
    pub match_rule: String,
    /// Treatment of plays without a matching song: `keep` or `drop`.
    pub unmatched: String,
    /// Treatment of text that was encoded to UTF-8 twice: `off`, `match` or `store`. `off` for records that
    /// lack it.
    #[serde(default = "off")]
    pub repair_encoding: String,
    /// Limit on rejects, such as `10`, `0.5%` or `65536B`.
    pub max_rejects: String,
    /// Target size of the files in bytes; 0 for records that lack it.
    #[serde(default)]
    pub file_size: u64,
    /// Partitioning of tables that are sorted by a time: `none`, `day` or `month`. `none` for records that
    /// lack it.
    #[serde(default = "none")]
    pub partition: String,
}

fn none() -> String {
    "none".to_owned()
}

fn off() -> String {
    "off".to_owned()
}

/// Counts of what was read of a dataset.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DatasetRecord {
    /// Objects read.
    pub objects: u64,
    /// Bytes of the objects as stored.
    pub stored_bytes: u64,
    /// Bytes of the objects after decompression.
    pub bytes: u64,
    /// Records read.
    pub records: u64,
    /// Records that became rows.
    pub decoded: u64,
    /// Records that were rejected.
    pub rejected: u64,
    /// Objects that were listed but not read, by suffix or by kind.
    pub skipped: BTreeMap<String, u64>,
    /// Keys that correspond to no column, with the number of records that contain them.
    pub unknown_keys: BTreeMap<String, u64>,
}

/// The files of a table and statistics about their content.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct TableRecord {
    /// Rows in all files.
    pub rows: u64,
    /// Bytes of all files as stored.
    pub bytes: u64,
    /// Path of the COPY manifest, relative to the output.
    pub manifest: String,
    /// Files, in the order of their rows.
    pub files: Vec<FileRecord>,
    /// Length of the longest value by text column, in bytes of UTF-8.
    pub max_text_bytes: BTreeMap<String, u64>,
    /// Number of nulls by column.
    pub nulls: BTreeMap<String, u64>,
    /// Hash of the bytes of all files: XXH3-128 in hexadecimal. Empty in records that lack it.
    #[serde(default)]
    pub hash: String,
    /// Partitions, in the order of their rows; empty if the table is not partitioned.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub partitions: Vec<PartitionRecord>,
}

/// A Parquet file of the star.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRecord {
    /// Path, relative to the output.
    pub path: String,
    /// Number of rows.
    pub rows: u64,
    /// Size in bytes.
    pub bytes: u64,
}

impl RunRecord {
    /// Reads the record of the star at `out`. Returns `None` if there is no star.
    ///
    /// # Errors
    ///
    /// Returns an error if the record cannot be read or has another format.
    pub async fn read(out: &Place) -> Result<Option<RunRecord>> {
        let place = out.child(RECORD);
        let Some(bytes) = place.read().await? else { return Ok(None) };
        RunRecord::parse(&place, &bytes).map(Some)
    }

    /// Returns a time in the form of the record: RFC 3339 with milliseconds, UTC.
    pub(crate) fn time(time: DateTime<Utc>) -> String {
        time.to_rfc3339_opts(SecondsFormat::Millis, true)
    }

    /// Parses the bytes of the object at `place` as a record.
    ///
    /// # Errors
    ///
    /// Returns an error if the bytes are not a record or have another format.
    pub(crate) fn parse(place: &Place, bytes: &[u8]) -> Result<RunRecord> {
        let invalid = |reason: String| Error::Record { url: place.to_string(), reason };
        let found: RecordFormat =
            serde_json::from_slice(bytes).map_err(|e| invalid(e.to_string()))?;
        if !(OLDEST_FORMAT..=FORMAT).contains(&found.format) {
            return Err(invalid(format!("it has format {}, expected {FORMAT}", found.format)));
        }
        let mut record: RunRecord =
            serde_json::from_slice(bytes).map_err(|e| invalid(e.to_string()))?;
        if let Some(plays) = found.plays {
            record.accounting.insert("plays".to_owned(), plays.counts());
        }
        Ok(record)
    }

    /// Reads the record of the star at `out`, which must exist and have been made with `model`.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`RunRecord::require`] and [`RunRecord::ensure_model`].
    pub async fn require_of(out: &Place, model: &Model) -> Result<RunRecord> {
        let record = RunRecord::require(out).await?;
        record.ensure_model(out, model)?;
        Ok(record)
    }

    /// Fails unless the star was made with `model`, or with another version of it that has the same
    /// tables and columns. `star` is the location of the star.
    ///
    /// # Errors
    ///
    /// Returns [`Error::OtherModel`] or [`Error::OtherModelVersion`].
    pub fn ensure_model(&self, star: impl ToString, model: &Model) -> Result<()> {
        let found = self.model.as_ref().map_or(FIRST_MODEL, |model| model.name.as_str());
        if found != model.name {
            let (star, found, model) = (star.to_string(), found.to_owned(), model.name.clone());
            return Err(Error::OtherModel { star, found, model });
        }
        let names = model.tables.iter().map(|table| &table.name);
        let mut missing: Vec<String> =
            names.filter(|name| !self.tables.contains_key(*name)).cloned().collect();
        let names = self.tables.keys();
        let mut extra: Vec<String> =
            names.filter(|name| model.table(name).is_none()).cloned().collect();
        for table in &model.tables {
            // The record has a count of nulls for every column.
            let Some(found) = self.tables.get(&table.name).filter(|t| !t.nulls.is_empty()) else {
                continue;
            };
            let qualified = |column: &String| format!("{}.{column}", table.name);
            let declared = table.columns.iter().map(|column| &column.name);
            missing.extend(declared.filter(|c| !found.nulls.contains_key(*c)).map(qualified));
            extra.extend(found.nulls.keys().filter(|c| table.column(c).is_none()).map(qualified));
        }
        if missing.is_empty() && extra.is_empty() {
            return Ok(());
        }
        let (star, model) = (star.to_string(), model.name.clone());
        Err(Error::OtherModelVersion { star, model, missing, extra })
    }

    /// Reads the record of the star at `out`, which must exist.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no star, or in the cases of [`RunRecord::read`].
    pub async fn require(out: &Place) -> Result<RunRecord> {
        RunRecord::read(out).await?.ok_or_else(|| {
            Error::NothingFound(format!(
                "there is no star at {out}: {RECORD} does not exist there; `starlift transform` creates one"
            ))
        })
    }

    /// Returns the record as it is stored: indented JSON that ends with a line feed.
    ///
    /// # Errors
    ///
    /// Returns an error if the record cannot be serialized.
    pub fn to_json(&self) -> Result<Vec<u8>> {
        to_json(self)
    }

    /// Returns every Parquet file of the star: those of the tables, the lists, the inputs and the rejects.
    pub fn files(&self) -> impl Iterator<Item = &FileRecord> {
        let tables = self.tables.values().flat_map(|table| &table.files);
        let lists = self.lists.values().map(|list| &list.file);
        tables.chain(lists).chain([&self.inputs, &self.rejects])
    }

    /// Returns the paths of the star's files and manifests, relative to the output.
    pub(crate) fn star_paths(&self) -> impl Iterator<Item = String> {
        let manifests = self.tables.values().map(|table| table.manifest.clone());
        self.files().map(|file| file.path.clone()).chain(manifests)
    }

    /// Returns the paths of the files that must be kept to restore the star: those of the star, and of its state if
    /// it has rows of objects that no longer exist.
    pub(crate) fn restorable_paths(&self) -> impl Iterator<Item = String> {
        let state = self.state.iter().filter(|state| state.kept > 0).flat_map(StateRecord::files);
        self.star_paths().chain(state.map(|file| file.path.clone()))
    }

    /// Returns the paths of the star, of its state, and of the records of the earlier stars that are kept.
    pub(crate) fn paths(&self) -> impl Iterator<Item = String> {
        let state = self.state.iter().flat_map(StateRecord::files).map(|file| file.path.clone());
        self.star_paths().chain(state).chain(self.kept().map(EarlierStar::path))
    }
}

impl From<&Model> for ModelRecord {
    fn from(model: &Model) -> ModelRecord {
        ModelRecord { name: model.name.clone(), hash: model.hash.clone() }
    }
}

pub(crate) fn to_json(value: &impl Serialize) -> Result<Vec<u8>> {
    let mut json =
        serde_json::to_vec_pretty(value).map_err(|e| Error::io("cannot write JSON", e.into()))?;
    json.push(b'\n');
    Ok(json)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::{Location, StoreOptions, Stores};

    #[test]
    fn a_model_with_other_columns_is_another_version() {
        let model = Model::built_in();
        let nulls = |table: &crate::model::Table| {
            table.columns.iter().map(|column| (column.name.clone(), 0)).collect()
        };
        let tables = model.tables.iter().map(|table| {
            (table.name.clone(), TableRecord { nulls: nulls(table), ..TableRecord::default() })
        });
        let mut record: RunRecord = serde_json::from_value(serde_json::json!({
            "format": FORMAT, "run_id": "r", "version": "1", "started_at": "", "finished_at": "",
            "options": {"queries": null, "match": "", "unmatched": "", "max_rejects": "0"},
            "datasets": {}, "inputs": FileRecord::default(), "rejects": FileRecord::default(),
            "tables": tables.collect::<BTreeMap<_, _>>(), "checks": []
        }))
        .unwrap();
        record.ensure_model("s", &model).unwrap();
        let songs = &mut record.tables.get_mut("songs").unwrap().nulls;
        songs.remove("title");
        songs.insert("name".to_owned(), 0);
        let error = record.ensure_model("s", &model).unwrap_err().to_string();
        assert!(error.contains("the star lacks songs.title"), "{error}");
        assert!(error.contains("the model does not declare songs.name"), "{error}");
    }

    #[tokio::test]
    async fn records_of_format_1_have_the_counts_of_plays() {
        let place = Location::parse_single("/star/_starlift.json").unwrap();
        let place = Stores::new(StoreOptions::default()).place(place).await.unwrap();
        let text = r#"{"format": 1, "run_id": "r", "version": "0.1.0", "started_at": "", "finished_at": "",
            "options": {"songs": ["s"], "logs": ["l"], "song_jsonpaths": null, "log_jsonpaths": null,
                        "queries": null, "match": "title-artist", "unmatched": "keep", "max_rejects": "0"},
            "datasets": {}, "inputs": {"path": "i", "rows": 1, "bytes": 1},
            "rejects": {"path": "r", "rows": 0, "bytes": 1},
            "plays": {"read": 5, "matched": 1, "unmatched": 3, "duplicates": 1, "shared_fingerprints": 0},
            "tables": {}, "checks": []}"#;
        let record = RunRecord::parse(&place, text.as_bytes()).unwrap();
        let counts = &record.accounting["plays"];
        assert_eq!(
            (counts["plays_read"], counts["plays_unmatched"], counts["duplicates"]),
            (5, 3, 1)
        );
        assert!(record.model.is_none());
        let newer = text.replace("\"format\": 1", "\"format\": 3");
        let error = RunRecord::parse(&place, newer.as_bytes()).unwrap_err().to_string();
        assert!(error.contains("_starlift.json"), "{error}");
    }
}
