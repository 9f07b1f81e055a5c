//! What a transform is asked to do.

use std::path::PathBuf;

use crate::engine::EngineOptions;
use crate::limits::MaxRejects;
use crate::publish::{DEFAULT_FILE_BYTES, LockMode};
use crate::star::Rules;
use crate::storage::Suffix;

/// What to transform, and how.
#[derive(Debug, Clone)]
pub struct TransformOptions {
    /// Where the song objects are: objects, prefixes or globs.
    pub songs: Vec<String>,
    /// Where the log objects are.
    pub logs: Vec<String>,
    /// Where the star goes.
    pub out: String,
    /// Read objects with hidden names, which begin with `_` or `.`, too.
    pub include_hidden: bool,
    /// The suffixes of objects to read.
    pub suffix: Suffix,
    /// Publish a star also of datasets that are empty.
    pub allow_empty: bool,
    /// A JSONPaths file for songs, in place of matching by key.
    pub song_jsonpaths: Option<String>,
    /// A JSONPaths file for logs, in place of matching by key.
    pub log_jsonpaths: Option<String>,
    /// A folder of SQL files that replace built-in ones.
    pub queries: Option<PathBuf>,
    /// When plays match songs, and what becomes of those that match none.
    pub rules: Rules,
    /// How many rejects are allowed.
    pub max_rejects: MaxRejects,
    /// Whether other runs are kept out of the output.
    pub lock: LockMode,
    /// Files of the star are closed at about this many bytes.
    pub file_bytes: u64,
    /// How much of the machine to use.
    pub engine: EngineOptions,
}

impl TransformOptions {
    /// The defaults, for these inputs and this output.
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
            queries: None,
            rules: Rules::default(),
            max_rejects: MaxRejects::default(),
            lock: LockMode::default(),
            file_bytes: DEFAULT_FILE_BYTES,
            engine: EngineOptions::default(),
        }
    }
}
