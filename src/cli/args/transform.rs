//! Options of `transform`.

use std::path::PathBuf;

use bytesize::ByteSize;
use clap::{Args, ValueEnum, ValueHint};
use serde::Deserialize;

use super::inputs::InputArgs;
use super::range::{keep, size, threads};
use super::{EngineArgs, ModelArgs};
use crate::limits::MaxRejects;

/// Options of `transform`.
#[derive(Debug, Args)]
pub struct TransformArgs {
    /// Objects of the datasets.
    #[command(flatten)]
    pub inputs: InputArgs,
    /// Folder or prefix for the star.
    #[arg(long, value_name = "URL", env = "STARLIFT_OUT", value_hint = ValueHint::DirPath)]
    pub out: Option<String>,
    /// Suffixes of the objects to read below a prefix; a glob that matches objects themselves reads them
    /// regardless of their suffix [default: json].
    #[arg(long, value_name = "SUFFIXES", env = "STARLIFT_SUFFIX")]
    pub suffix: Option<SuffixArg>,
    /// Also read objects whose name, or a folder below the prefix, begins with `_` or `.`.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_missing_value = "true", env = "STARLIFT_INCLUDE_HIDDEN")]
    pub include_hidden: Option<bool>,
    /// Publish a star even if a dataset contains no records.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_missing_value = "true", env = "STARLIFT_ALLOW_EMPTY")]
    pub allow_empty: Option<bool>,
    /// The model.
    #[command(flatten)]
    pub model: ModelArgs,
    /// Folder of SQL files; each replaces the query of its name in the model, or adds one.
    #[arg(long, value_name = "DIR", env = "STARLIFT_QUERIES", value_hint = ValueHint::DirPath)]
    pub queries: Option<PathBuf>,
    /// Rule for matching plays to songs [default: title-artist].
    #[arg(long = "match", value_name = "RULE", env = "STARLIFT_MATCH")]
    pub match_rule: Option<MatchArg>,
    /// Handling of plays that match no song [default: keep].
    #[arg(long, value_name = "MODE", env = "STARLIFT_UNMATCHED")]
    pub unmatched: Option<UnmatchedArg>,
    /// Handling of text that was encoded to UTF-8 twice ("BjÃ¶rk") [default: off].
    #[arg(long, value_name = "MODE", env = "STARLIFT_REPAIR_ENCODING")]
    pub repair_encoding: Option<RepairArg>,
    /// Maximum rejects: a number, a percentage of the records, or a size such as 64KiB [default: 0].
    #[arg(long, value_name = "N|P%|SIZE", env = "STARLIFT_MAX_REJECTS")]
    pub max_rejects: Option<MaxRejects>,
    /// Memory for staged batches and queries, such as 2GiB [default: 70% of the machine's].
    #[arg(long, value_name = "SIZE", env = "STARLIFT_MEMORY_LIMIT", value_parser = size)]
    pub memory_limit: Option<ByteSize>,
    /// Number of threads [default: the machine's cores].
    #[arg(long, value_name = "N", env = "STARLIFT_THREADS", value_parser = threads)]
    pub threads: Option<std::num::NonZeroUsize>,
    /// Approximate size of each Parquet file [default: 256MiB].
    #[arg(long, value_name = "SIZE", env = "STARLIFT_FILE_SIZE", value_parser = size)]
    pub file_size: Option<ByteSize>,
    /// Files per day or month of the tables that are sorted by a time [default: none].
    #[arg(long, value_name = "PERIOD", env = "STARLIFT_PARTITION")]
    pub partition: Option<PartitionArg>,
    /// Lock the output against other runs [default: on].
    #[arg(long, value_name = "MODE", env = "STARLIFT_LOCK")]
    pub lock: Option<LockArg>,
    /// Read only objects that are new or have changed since the last run; reuse the rows of the others.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_missing_value = "true", env = "STARLIFT_INCREMENTAL")]
    pub incremental: Option<bool>,
    /// With --incremental: read all objects again.
    #[arg(long)]
    pub full: bool,
    /// With --incremental: handling of objects of the last run that are no longer listed [default: stop].
    #[arg(long, value_name = "MODE", env = "STARLIFT_REMOVED")]
    pub removed: Option<RemovedArg>,
    /// The engine.
    #[command(flatten)]
    pub engine: EngineArgs,
    /// Number of earlier stars whose files are kept for `starlift rollback` [default: 0].
    #[arg(long, value_name = "N", env = "STARLIFT_KEEP", value_parser = keep)]
    pub keep: Option<usize>,
    /// File for metrics of the run in the text format of Prometheus, for the textfile collector of node_exporter;
    /// it is also written if the run fails.
    #[arg(long, value_name = "FILE", env = "STARLIFT_METRICS_FILE", value_hint = ValueHint::FilePath)]
    pub metrics_file: Option<PathBuf>,
    /// Build the star again from all objects, compare it with the existing one, and publish nothing. The exit
    /// code is 4 if they differ.
    #[arg(long, conflicts_with = "dry_run")]
    pub verify: bool,
    /// Also write a report on the star to this local file; `starlift report` describes it.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["dry_run", "verify"], value_hint = ValueHint::FilePath)]
    pub report: Option<PathBuf>,
    /// List what would be read and written; write nothing.
    #[arg(long)]
    pub dry_run: bool,
}

/// Rule for matching plays to songs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MatchArg {
    /// Artist and title must be equal.
    TitleArtist,
    /// Artist, title and duration must be equal.
    TitleArtistDuration,
}

/// Suffixes of the objects to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SuffixArg {
    /// .json, .jsonl and .ndjson, each also with .gz or .zst.
    #[default]
    Json,
    /// Any suffix, or none.
    Any,
}

/// Handling of plays that match no song.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnmatchedArg {
    /// Keep them, with nulls instead of a song.
    Keep,
    /// Drop them.
    Drop,
}

/// Locking of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LockArg {
    /// Fail if another run is writing to the same output.
    #[default]
    On,
    /// Do not lock the output; you must ensure that only one run at a time writes to it.
    Off,
}

/// Partitioning of the tables that are sorted by a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PartitionArg {
    /// One partition per table.
    #[default]
    None,
    /// One partition per day, UTC.
    Day,
    /// One partition per month, UTC.
    Month,
}

/// Handling of objects that are no longer listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RemovedArg {
    /// Fail and name them.
    #[default]
    Stop,
    /// Remove their rows from the star.
    Drop,
    /// Keep their rows in the star.
    Keep,
}

/// Handling of text that was encoded to UTF-8 twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RepairArg {
    /// Store it unchanged, and count it.
    Off,
    /// Repair it for matching plays to songs, and store it unchanged.
    Match,
    /// Repair it before it is stored.
    Store,
}
