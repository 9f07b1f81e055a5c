//! The options of a transform.

use std::path::PathBuf;
use std::sync::Arc;

use crate::engine::EngineOptions;
use crate::limits::MaxRejects;
use crate::model::Model;
use crate::publish::{DEFAULT_FILE_BYTES, LockMode};
use crate::storage::Suffix;
use crate::transform::Rules;

/// The inputs, the output and the settings of a transform.
#[derive(Debug, Clone)]
pub struct TransformOptions {
    /// Locations of the song objects: objects, prefixes or globs.
    pub songs: Vec<String>,
    /// Locations of the log objects: objects, prefixes or globs.
    pub logs: Vec<String>,
    /// Location of the star.
    pub out: String,
    /// Also read objects with hidden names, which begin with `_` or `.`; `false` by default.
    pub include_hidden: bool,
    /// Suffixes of the objects to read.
    pub suffix: Suffix,
    /// Publish the star even if a dataset is empty; `false` by default.
    pub allow_empty: bool,
    /// Location of a JSONPaths file for songs. Without it, columns are matched to keys by name.
    pub song_jsonpaths: Option<String>,
    /// Location of a JSONPaths file for logs. Without it, columns are matched to keys by name.
    pub log_jsonpaths: Option<String>,
    /// The model: the datasets that are read and the tables that are made.
    pub model: Arc<Model>,
    /// Folder of SQL files that replace or add to the queries of the model.
    pub queries: Option<PathBuf>,
    /// Options that change the results of the star queries.
    pub rules: Rules,
    /// Limit on rejects; none are allowed by default.
    pub max_rejects: MaxRejects,
    /// Locking of the output against other runs.
    pub lock: LockMode,
    /// Target size of the star's files in bytes.
    pub file_bytes: u64,
    /// Threads and memory that the run can use.
    pub engine: EngineOptions,
}

impl TransformOptions {
    /// Returns the default options for the given inputs and output, with the built-in model.
    pub fn new(songs: &str, logs: &str, out: &str) -> TransformOptions {
        TransformOptions {
            songs: vec![songs.to_owned()],
            logs: vec![logs.to_owned()],
            out: out.to_owned(),
            include_hidden: false,
            suffix: Suffix::default(),
            allow_empty: false,
            song_jsonpaths: None,
            log_jsonpaths: None,
            model: Model::built_in(),
            queries: None,
            rules: Rules::default(),
            max_rejects: MaxRejects::default(),
            lock: LockMode::default(),
            file_bytes: DEFAULT_FILE_BYTES,
            engine: EngineOptions::default(),
        }
    }
}
