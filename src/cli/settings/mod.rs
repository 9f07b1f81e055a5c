//! The configuration file. The environment and the command line override its values.

mod cloud;
mod convert;
mod engine;
mod incremental;
mod inputs;
mod login;
mod parse_error;
mod schema;
mod selection;
mod values;
mod warehouse;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytesize::ByteSize;
use serde::Deserialize;

use crate::cli::args::{
    ColorWhen, EngineArg, GlobalArgs, InputArgs, LockArg, LogFormat, MatchArg, OutputFormat,
    PartitionArg, RemovedArg, RepairArg, S3Args, StarArgs, SuffixArg, TransformArgs, UnmatchedArg,
    range,
};
use crate::cli::error::{Error, Result};
use crate::cli::json::Results;
use crate::engine::EngineOptions;
use crate::limits::MaxRejects;
use crate::model::Model;
use crate::pipeline::{TransformOptions, place};
use crate::publish::{DEFAULT_FILE_BYTES, LockMode, MAX_FILE_BYTES};
use crate::storage::{ListOptions, Place, StoreOptions, Stores};
use crate::transform::Rules;
use cloud::CloudSettings;
use inputs::Urls;
use values::parsed;
use warehouse::WarehouseSettings;

#[cfg(feature = "cluster")]
pub use engine::EngineSettings;
pub use schema::{TITLE as SCHEMA_TITLE, schema_text};
pub use values::one_or_many;
pub use warehouse::{NamedRedshift, WarehouseOptions};

pub use crate::cli::args::DEFAULT_FILE;

/// A configuration file. The keys are the names of the flags, with `_` for `-`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    region: Option<String>,
    profile: Option<String>,
    endpoint_url: Option<String>,
    no_sign_request: Option<bool>,
    #[serde(default, deserialize_with = "range::deserialize_retries")]
    retries: Option<usize>,
    quiet: Option<bool>,
    log_format: Option<LogFormat>,
    output_format: Option<OutputFormat>,
    color: Option<ColorWhen>,
    star: Option<String>,
    model: Option<PathBuf>,
    queries: Option<PathBuf>,
    #[serde(default, deserialize_with = "parsed")]
    memory_limit: Option<ByteSize>,
    threads: Option<std::num::NonZeroUsize>,
    #[serde(default)]
    s3: S3Args,
    #[serde(default)]
    transform: TransformSettings,
    #[serde(default)]
    cloud: CloudSettings,
    #[serde(default)]
    warehouse: BTreeMap<String, WarehouseSettings>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct TransformSettings {
    #[serde(default, deserialize_with = "one_or_many")]
    songs: Vec<String>,
    #[serde(default, deserialize_with = "one_or_many")]
    logs: Vec<String>,
    out: Option<String>,
    include_hidden: Option<bool>,
    suffix: Option<SuffixArg>,
    allow_empty: Option<bool>,
    log_jsonpaths: Option<String>,
    song_jsonpaths: Option<String>,
    #[serde(default)]
    inputs: BTreeMap<String, Urls>,
    #[serde(default)]
    jsonpaths: BTreeMap<String, String>,
    #[serde(rename = "match")]
    match_rule: Option<MatchArg>,
    unmatched: Option<UnmatchedArg>,
    repair_encoding: Option<RepairArg>,
    #[serde(default, deserialize_with = "parsed")]
    max_rejects: Option<MaxRejects>,
    #[serde(default, deserialize_with = "parsed")]
    file_size: Option<ByteSize>,
    lock: Option<LockArg>,
    partition: Option<PartitionArg>,
    incremental: Option<bool>,
    removed: Option<RemovedArg>,
    #[serde(default, deserialize_with = "range::deserialize_keep")]
    keep: Option<usize>,
    #[serde(default, deserialize_with = "parsed")]
    engine: Option<EngineArg>,
    #[serde(default, deserialize_with = "parsed")]
    engine_timeout: Option<humantime::Duration>,
    tls_ca: Option<PathBuf>,
    tls_cert: Option<PathBuf>,
    tls_key: Option<PathBuf>,
}

/// Options that apply to every command.
#[derive(Debug, Clone)]
pub struct GlobalOptions {
    /// Options of object stores.
    pub stores: StoreOptions,
    /// Print only results and errors.
    pub quiet: bool,
    /// Number of times that --verbose is given.
    pub verbose: u8,
    /// Format of the log lines.
    pub log_format: LogFormat,
    /// Format of the result.
    pub output_format: OutputFormat,
    /// When to colour the output.
    pub color: ColorWhen,
    /// Collects the results of the command.
    pub results: Results,
}

impl GlobalOptions {
    /// Returns the object stores of the command.
    pub fn open_stores(&self) -> Stores {
        Stores::new(self.stores.clone())
    }

    /// Returns the object or folder at a URL or path.
    ///
    /// # Errors
    ///
    /// Returns an error if the location is invalid, or its store cannot be opened.
    pub async fn place(&self, location: &str) -> Result<Place> {
        Ok(place(&self.open_stores(), location).await?)
    }
}

/// The star that a command reads, and the options for reading it.
#[derive(Debug)]
pub struct StarOptions {
    /// Location of the star, if specified.
    pub star: Option<String>,
    /// Model of the star.
    pub model: Arc<Model>,
    /// Folder of the user's own queries.
    pub queries: Option<PathBuf>,
    /// Threads and memory of the query engine.
    pub engine: EngineOptions,
}

impl StarOptions {
    /// Returns the location of the star, for commands that require one.
    ///
    /// # Errors
    ///
    /// Returns an error if no star is specified.
    pub fn require_star(&self) -> Result<&str> {
        require_star(self.star.as_deref())
    }
}

impl Settings {
    /// Reads the file `named`, or the default file if it exists.
    ///
    /// # Errors
    ///
    /// Returns an error if the file `named` does not exist, or a file cannot be read or contains an
    /// unknown key or an invalid value.
    pub fn load(named: Option<&Path>) -> Result<Settings> {
        let path = file(named);
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(e) if named.is_none() && e.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Settings::default());
            }
            Err(e) => {
                return Err(Error::Usage(format!(
                    "cannot read the configuration file {}: {e}",
                    path.display()
                )));
            }
        };
        Settings::parse(path, &text)
    }

    /// Parses the text of a configuration file; `path` is used only in errors.
    ///
    /// # Errors
    ///
    /// Returns an error if it contains an unknown key or an invalid value.
    pub fn parse(path: &Path, text: &str) -> Result<Settings> {
        toml::from_str(text).map_err(|e| Error::Usage(parse_error::describe(path, text, &e)))
    }

    /// Returns the global options; the command line and the environment override the file.
    ///
    /// # Errors
    ///
    /// Returns an error if options contradict each other.
    pub fn global(&self, args: &GlobalArgs) -> Result<GlobalOptions> {
        Ok(GlobalOptions {
            stores: StoreOptions {
                region: args.region.clone().or_else(|| self.region.clone()),
                cluster_region: args
                    .region
                    .clone()
                    .or_else(|| self.cloud.region().map(str::to_owned))
                    .or_else(|| self.region.clone()),
                profile: args.profile.clone().or_else(|| self.profile.clone()),
                endpoint_url: args.endpoint_url.clone().or_else(|| self.endpoint_url.clone()),
                no_sign_request: args.no_sign_request.or(self.no_sign_request).unwrap_or(false),
                retries: args.retries.or(self.retries).unwrap_or(StoreOptions::RETRIES),
                s3: args.s3.options(&self.s3)?,
            },
            quiet: args.quiet.or(self.quiet).unwrap_or(false),
            verbose: args.verbose,
            log_format: args.log_format.or(self.log_format).unwrap_or_default(),
            output_format: args.output_format.or(self.output_format).unwrap_or_default(),
            color: args.color.or(self.color).unwrap_or_default(),
            results: Results::default(),
        })
    }

    /// Returns the options of a transform.
    ///
    /// # Errors
    ///
    /// Returns an error if the model is not valid, the songs, the logs or the output are not specified, or a size or the number
    /// of threads is out of range.
    pub fn transform(&self, args: &TransformArgs) -> Result<TransformOptions> {
        let file = &self.transform;
        let rule = args.match_rule.or(file.match_rule).unwrap_or(MatchArg::TitleArtist);
        let unmatched = args.unmatched.or(file.unmatched).unwrap_or(UnmatchedArg::Keep);
        let repair = args.repair_encoding.or(file.repair_encoding).unwrap_or(RepairArg::Off);
        let file_size = args.file_size.or(file.file_size);
        let file_bytes = file_size.map_or(DEFAULT_FILE_BYTES, |size| size.as_u64());
        if file_bytes == 0 {
            return Err(Error::Usage("--file-size must be more than 0".to_owned()));
        }
        if file_bytes > MAX_FILE_BYTES {
            return Err(at_most("--file-size", MAX_FILE_BYTES));
        }
        let model = self.model(&args.model)?;
        Ok(TransformOptions {
            inputs: file.resolve(&args.inputs, &model)?,
            jsonpaths: file.resolve_jsonpaths(&args.inputs)?,
            out: args
                .out
                .clone()
                .or_else(|| file.out.clone())
                .ok_or_else(|| missing("--out", "out in [transform]", "STARLIFT_OUT"))?,
            include_hidden: args.include_hidden.or(file.include_hidden).unwrap_or(false),
            suffix: args.suffix.or(file.suffix).unwrap_or_default().into(),
            allow_empty: args.allow_empty.or(file.allow_empty).unwrap_or(false),
            model,
            queries: args.queries.clone().or_else(|| self.queries.clone()),
            rules: Rules {
                match_rule: rule.into(),
                unmatched: unmatched.into(),
                repair_encoding: repair.into(),
            },
            max_rejects: args.max_rejects.or(file.max_rejects).unwrap_or_default(),
            lock: self.lock(args.lock),
            incremental: file.resolve_incremental(args)?,
            partitioning: args.partition.or(file.partition).unwrap_or_default().into(),
            verify: args.verify,
            keep: args.keep.or(file.keep).unwrap_or(0),
            file_bytes,
            engine: self.engine(args.threads, args.memory_limit)?,
            remote: None,
        })
    }

    /// Returns the use of the output's lock; `arg` overrides the file.
    pub fn lock(&self, arg: Option<LockArg>) -> LockMode {
        arg.or(self.transform.lock).unwrap_or_default().into()
    }

    /// Returns the options of a command that reads a star.
    ///
    /// # Errors
    ///
    /// Returns an error if the model is not valid, or the memory limit or the number of threads is out of range.
    pub fn star(&self, args: &StarArgs) -> Result<StarOptions> {
        Ok(StarOptions {
            star: args.star.clone().or_else(|| self.star.clone()),
            model: self.model(&args.model)?,
            queries: args.queries.clone().or_else(|| self.queries.clone()),
            engine: self.engine(args.threads, args.memory_limit)?,
        })
    }

    /// Returns the location of a star on the command line, or else that in the file.
    ///
    /// # Errors
    ///
    /// Returns an error if there is none.
    pub fn require_star<'s>(&'s self, star: Option<&'s str>) -> Result<&'s str> {
        require_star(star.or(self.star.as_deref()))
    }

    /// Returns the `[cloud]` table of the file.
    pub fn cloud(&self) -> &CloudSettings {
        &self.cloud
    }

    /// Returns the location of the star in the file: `star`, else `out` in `[transform]`.
    pub fn star_place(&self) -> Option<&str> {
        self.star.as_deref().or(self.transform.out.as_deref())
    }

    /// Returns the objects that the file specifies, by dataset.
    pub fn locations(&self) -> BTreeMap<String, Vec<String>> {
        self.transform.locations()
    }

    /// Returns the file's options for selecting objects below a prefix.
    pub fn listing(&self) -> ListOptions {
        ListOptions {
            include_hidden: self.transform.include_hidden.unwrap_or(false),
            suffix: self.transform.suffix.unwrap_or_default().into(),
            ..ListOptions::default()
        }
    }

    /// Returns the JSONPaths files on the command line and in the file.
    ///
    /// # Errors
    ///
    /// Returns an error if a dataset has several.
    pub fn resolve_jsonpaths(&self, args: &InputArgs) -> Result<Vec<String>> {
        Ok(self.transform.resolve_jsonpaths(args)?.into_values().collect())
    }

    fn engine(
        &self,
        threads: Option<std::num::NonZeroUsize>,
        memory_limit: Option<ByteSize>,
    ) -> Result<EngineOptions> {
        let memory_limit = memory_limit
            .or(self.memory_limit)
            .map(|size| usize::try_from(size.as_u64()).unwrap_or(usize::MAX));
        if memory_limit.is_some_and(|bytes| bytes < EngineOptions::MIN_MEMORY) {
            return Err(Error::Usage(format!(
                "--memory-limit must be at least {}",
                ByteSize(EngineOptions::MIN_MEMORY as u64).display().iec()
            )));
        }
        if memory_limit.is_some_and(|bytes| bytes > EngineOptions::MAX_MEMORY) {
            return Err(at_most("--memory-limit", EngineOptions::MAX_MEMORY as u64));
        }
        if threads.or(self.threads).is_some_and(|n| n.get() > EngineOptions::MAX_THREADS) {
            return Err(Error::Usage(format!(
                "--threads must be from 1 to {}",
                EngineOptions::MAX_THREADS
            )));
        }
        Ok(EngineOptions { threads: threads.or(self.threads).map(usize::from), memory_limit })
    }
}

/// Returns the error for a size that exceeds `bytes`.
fn at_most(flag: &str, bytes: u64) -> Error {
    Error::Usage(format!("{flag} must be at most {}", ByteSize(bytes).display().iec()))
}

/// Returns `named`, or the path of the default configuration file.
pub fn file(named: Option<&Path>) -> &Path {
    named.unwrap_or(Path::new(DEFAULT_FILE))
}

fn require_star(star: Option<&str>) -> Result<&str> {
    star.ok_or_else(|| missing("--star", "star", "STARLIFT_STAR"))
}

fn missing(flag: &str, key: &str, variable: &str) -> Error {
    Error::Usage(format!(
        "{flag} is required; it can also be set as {variable} in the environment, or as {key} in {DEFAULT_FILE}"
    ))
}
