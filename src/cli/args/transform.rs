//! Options of `transform`.

use std::path::PathBuf;

use bytesize::ByteSize;
use clap::{Args, ValueEnum, ValueHint};
use serde::Deserialize;

use crate::limits::MaxRejects;

/// Options of `transform`.
#[derive(Debug, Args)]
pub struct TransformArgs {
    /// Song objects: objects, prefixes, or prefixes with a glob.
    #[arg(long, value_name = "URL", num_args = 1.., env = "STARLIFT_SONGS", value_hint = ValueHint::AnyPath)]
    pub songs: Vec<String>,
    /// Log objects: objects, prefixes, or prefixes with a glob.
    #[arg(long, value_name = "URL", num_args = 1.., env = "STARLIFT_LOGS", value_hint = ValueHint::AnyPath)]
    pub logs: Vec<String>,
    /// Folder or prefix for the star.
    #[arg(long, value_name = "URL", env = "STARLIFT_OUT", value_hint = ValueHint::DirPath)]
    pub out: Option<String>,
    /// Suffixes of the objects to read below a prefix; a glob that names objects reads what it
    /// matches [default: json].
    #[arg(long, value_name = "WHICH", env = "STARLIFT_SUFFIX")]
    pub suffix: Option<SuffixArg>,
    /// Also read objects whose names, or folders below the prefix, begin with `_` or `.`.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_missing_value = "true", env = "STARLIFT_INCLUDE_HIDDEN")]
    pub include_hidden: Option<bool>,
    /// Publish a star even if songs or logs have not one record.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_missing_value = "true", env = "STARLIFT_ALLOW_EMPTY")]
    pub allow_empty: Option<bool>,
    /// JSONPaths file for logs, in place of matching by key.
    #[arg(long, value_name = "URL", env = "STARLIFT_LOG_JSONPATHS", value_hint = ValueHint::FilePath)]
    pub log_jsonpaths: Option<String>,
    /// JSONPaths file for songs, in place of matching by key.
    #[arg(long, value_name = "URL", env = "STARLIFT_SONG_JSONPATHS", value_hint = ValueHint::FilePath)]
    pub song_jsonpaths: Option<String>,
    /// Folder of SQL files to use in place of the built-in ones of the same name.
    #[arg(long, value_name = "DIR", env = "STARLIFT_QUERIES", value_hint = ValueHint::DirPath)]
    pub queries: Option<PathBuf>,
    /// When a play matches a song [default: title-artist].
    #[arg(long = "match", value_name = "RULE", env = "STARLIFT_MATCH")]
    pub match_rule: Option<MatchArg>,
    /// What becomes of plays that match no song [default: keep].
    #[arg(long, value_name = "WHAT", env = "STARLIFT_UNMATCHED")]
    pub unmatched: Option<UnmatchedArg>,
    /// Treatment of text that was encoded to UTF-8 twice ("BjÃ¶rk") [default: off].
    #[arg(long, value_name = "WHAT", env = "STARLIFT_REPAIR_ENCODING")]
    pub repair_encoding: Option<RepairArg>,
    /// Rejects allowed: a number, a percentage of the records, or their size (64KiB) [default: 0].
    #[arg(long, value_name = "N|P%|SIZE", env = "STARLIFT_MAX_REJECTS")]
    pub max_rejects: Option<MaxRejects>,
    /// Memory for staged batches and queries, such as 2GiB [default: 70% of the machine's].
    #[arg(long, value_name = "SIZE", env = "STARLIFT_MEMORY_LIMIT")]
    pub memory_limit: Option<ByteSize>,
    /// Threads [default: the machine's cores].
    #[arg(long, value_name = "N", env = "STARLIFT_THREADS")]
    pub threads: Option<std::num::NonZeroUsize>,
    /// Size at which a Parquet file is closed [default: 256MiB].
    #[arg(long, value_name = "SIZE", env = "STARLIFT_FILE_SIZE")]
    pub file_size: Option<ByteSize>,
    /// Whether other runs are kept out of the output while this one is at work [default: on].
    #[arg(long, value_name = "WHEN", env = "STARLIFT_LOCK")]
    pub lock: Option<LockArg>,
    /// List what would be read and written, and touch nothing.
    #[arg(long)]
    pub dry_run: bool,
}

/// When a play matches a song.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MatchArg {
    /// Artist and title are equal.
    TitleArtist,
    /// Artist, title and duration are equal.
    TitleArtistDuration,
}

/// The suffixes of objects that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SuffixArg {
    /// .json, .jsonl and .ndjson, each also with .gz or .zst.
    #[default]
    Json,
    /// Any, or none.
    Any,
}

/// What becomes of plays that match no song.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnmatchedArg {
    /// They stay, without a song.
    Keep,
    /// They are left out.
    Drop,
}

/// Whether a run locks its output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LockArg {
    /// The run fails if another run is writing to the same place.
    #[default]
    On,
    /// You ensure that one run at a time writes there.
    Off,
}

/// The treatment of text that was encoded to UTF-8 twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RepairArg {
    /// Leave it as it is, and count it.
    Off,
    /// Repair it where plays are matched to songs, and store it as it is.
    Match,
    /// Repair it before it is stored.
    Store,
}
