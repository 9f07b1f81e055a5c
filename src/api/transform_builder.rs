//! A transform with options.

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use super::engine;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::incremental::IncrementalOptions;
use crate::ingest::TransformProgress;
use crate::limits::MaxRejects;
use crate::model::Model;
use crate::pipeline::{
    TransformFailure, TransformOptions, TransformReport, find_up_to_date, transform,
};
use crate::publish::{LockMode, MAX_FILE_BYTES};
use crate::star::{Partitioning, RunRecord};
use crate::storage::{Location, StoreOptions, Stores, Suffix};
use crate::transform::{MatchRule, RepairEncoding, Unmatched};

/// Resolves when a transform is to stop.
type Stop = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A transform that is ready to run.
///
/// ```no_run
/// use starlift::{MaxRejects, Transform};
///
/// # async fn example() -> starlift::Result<()> {
/// let transform = Transform::builder()
///     .input("songs", "s3://music/song_data")
///     .input("logs", "s3://music/log_data/2018")
///     .input("logs", "s3://music/log_data/2019")
///     .out("s3://music/star")
///     .max_rejects(MaxRejects::Percent(0.1))
///     .memory_limit(4 << 30)
///     .build()?;
/// let report = transform.run().await?;
/// println!("{} records rejected", report.total(|counts| counts.rejected));
/// # Ok(())
/// # }
/// ```
pub struct Transform {
    options: TransformOptions,
    stores: Stores,
    progress: Arc<TransformProgress>,
    /// In a mutex, which is never locked, so that references to a transform are `Send`.
    stop: Mutex<Stop>,
}

impl Transform {
    /// Returns a builder with default options. The output and an input for each dataset must be set.
    pub fn builder() -> TransformBuilder {
        TransformBuilder::default()
    }

    /// Reads the objects and publishes the star.
    ///
    /// # Errors
    ///
    /// Returns the error that ended the run, with the report if the run got far enough to have one. `?`
    /// converts it into [`Error`] and [`LoadError`](crate::LoadError). The previous star stays in place
    /// unless the error occurs while or after the new one is published.
    ///
    /// # Cancellation
    ///
    /// If the future is dropped, unpublished files and the lock of a bucket can stay behind: the next run
    /// removes the files, and a lock that is not renewed expires. To stop a run without that, use
    /// [`TransformBuilder::stop`].
    pub async fn run(self) -> Result<TransformReport, TransformFailure> {
        let stop = self.stop.into_inner().unwrap_or_else(PoisonError::into_inner);
        transform(&self.options, &self.stores, &self.progress, stop).await
    }

    /// Returns the record of the star at the output if this transform would not change it: the same version
    /// of starlift built it with the same options from the same objects, by URL, size and ETag. Returns
    /// `None` if it would, or if that cannot be determined.
    ///
    /// # Errors
    ///
    /// Returns an error if the inputs cannot be listed or the star cannot be read.
    pub async fn find_up_to_date(&self) -> Result<Option<RunRecord>> {
        let engine = Engine::new(self.options.engine)?;
        find_up_to_date(&self.options, &self.stores, &engine).await
    }
}

impl std::fmt::Debug for Transform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transform").field("options", &self.options).finish_non_exhaustive()
    }
}

/// Options of a [`Transform`].
#[must_use = "a builder does nothing until `build` is called"]
pub struct TransformBuilder {
    options: TransformOptions,
    stores: StoreOptions,
    progress: Arc<TransformProgress>,
    stop: Stop,
}

impl Default for TransformBuilder {
    fn default() -> TransformBuilder {
        TransformBuilder {
            options: TransformOptions::new([], ""),
            stores: StoreOptions::default(),
            progress: Arc::default(),
            stop: Box::pin(std::future::pending()),
        }
    }
}

impl std::fmt::Debug for TransformBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TransformBuilder").field("options", &self.options).finish_non_exhaustive()
    }
}

impl TransformBuilder {
    /// Adds a location of objects of a dataset: an object, a prefix or a glob, as a local path or URL.
    pub fn input(mut self, dataset: impl Into<String>, location: impl Into<String>) -> Self {
        self.options.inputs.entry(dataset.into()).or_default().push(location.into());
        self
    }

    /// Sets the location of the star: a folder or a prefix, as a local path or URL.
    pub fn out(mut self, location: impl Into<String>) -> Self {
        self.options.out = location.into();
        self
    }

    /// Sets the suffixes of the objects to read below a prefix. Default: those of JSON, plain or
    /// compressed.
    pub fn suffix(mut self, suffix: Suffix) -> Self {
        self.options.suffix = suffix;
        self
    }

    /// Reads objects with hidden names, which begin with `_` or `.`, too. Default: `false`.
    pub fn include_hidden(mut self, include: bool) -> Self {
        self.options.include_hidden = include;
        self
    }

    /// Publishes the star even if a dataset is empty. Default: `false`.
    pub fn allow_empty(mut self, allow: bool) -> Self {
        self.options.allow_empty = allow;
        self
    }

    /// Sets the JSONPaths file of a dataset, as a local path or URL. By default, the model declares the
    /// paths of the columns.
    pub fn jsonpaths(mut self, dataset: impl Into<String>, location: impl Into<String>) -> Self {
        self.options.jsonpaths.insert(dataset.into(), location.into());
        self
    }

    /// Sets the model, such as one read with [`Model::read_dir`]. Default: the built-in model.
    pub fn model(mut self, model: Arc<Model>) -> Self {
        self.options.model = model;
        self
    }

    /// Sets a folder of SQL files that replace or add to the queries of the model.
    pub fn queries(mut self, folder: impl Into<PathBuf>) -> Self {
        self.options.queries = Some(folder.into());
        self
    }

    /// Sets the condition under which a play matches a song. Default: equal artist and title.
    pub fn match_rule(mut self, rule: MatchRule) -> Self {
        self.options.rules.match_rule = rule;
        self
    }

    /// Sets the treatment of plays that match no song. Default: they are kept.
    pub fn unmatched(mut self, unmatched: Unmatched) -> Self {
        self.options.rules.unmatched = unmatched;
        self
    }

    /// Sets the treatment of text that was encoded to UTF-8 twice. Default: it is left unchanged.
    pub fn repair_encoding(mut self, repair: RepairEncoding) -> Self {
        self.options.rules.repair_encoding = repair;
        self
    }

    /// Sets the limit on rejected records. Default: none are allowed.
    pub fn max_rejects(mut self, limit: MaxRejects) -> Self {
        self.options.max_rejects = limit;
        self
    }

    /// Sets the use of the output's lock. Default: the run locks the output, and fails if another run holds
    /// the lock.
    pub fn lock(mut self, lock: LockMode) -> Self {
        self.options.lock = lock;
        self
    }

    /// Reads only objects that are new or have changed, and takes the rows of the others from the previous
    /// run. Default: `None`, all objects are read.
    pub fn incremental(mut self, options: impl Into<Option<IncrementalOptions>>) -> Self {
        self.options.incremental = options.into();
        self
    }

    /// Builds the star again and compares it with the existing one, instead of publishing it. The run fails
    /// with [`Error::StarDiffers`] if a table differs. Default: `false`.
    pub fn verify(mut self, verify: bool) -> Self {
        self.options.verify = verify;
        self
    }

    /// Sets the number of earlier stars whose files are kept, so that they can be restored. Default: 0.
    pub fn keep(mut self, stars: usize) -> Self {
        self.options.keep = stars;
        self
    }

    /// Sets the partitioning of the tables that are sorted by a time. Default: none.
    pub fn partitioning(mut self, partitioning: Partitioning) -> Self {
        self.options.partitioning = partitioning;
        self
    }

    /// Sets the target size of Parquet files in bytes, at most 64 GiB. Default: 256 MiB.
    pub fn file_bytes(mut self, bytes: u64) -> Self {
        self.options.file_bytes = bytes;
        self
    }

    /// Sets the number of threads for decoding, queries and writing, from 1 to 1024. Default: one per core,
    /// or fewer if the memory limit is low.
    pub fn threads(mut self, threads: usize) -> Self {
        self.options.engine.threads = Some(threads);
        self
    }

    /// Sets the memory for staged batches and queries together, in bytes, at least 128 MiB. What does not
    /// fit is spilled to temporary files. Default: 70 % of the memory of the machine or the container.
    pub fn memory_limit(mut self, bytes: usize) -> Self {
        self.options.engine.memory_limit = Some(bytes);
        self
    }

    /// Sets the options for accessing object stores.
    pub fn store_options(mut self, options: StoreOptions) -> Self {
        self.stores = options;
        self
    }

    /// Sets the counters that the run updates. Another task can read them with
    /// [`TransformProgress::snapshot`].
    pub fn progress(mut self, progress: Arc<TransformProgress>) -> Self {
        self.progress = progress;
        self
    }

    /// Stops the run with [`Error::Interrupted`] when `stop` resolves, unless publishing has started. The
    /// files that the run has written are removed. By default nothing stops a run.
    pub fn stop(mut self, stop: impl Future<Output = ()> + Send + 'static) -> Self {
        self.stop = Box::pin(stop);
        self
    }

    /// Validates the options. Does not access any store.
    ///
    /// # Errors
    ///
    /// Returns an error if the output or the input of a dataset is not set, a location is invalid, or a number
    /// is out of range.
    pub fn build(self) -> Result<Transform> {
        let TransformBuilder { options, stores, progress, stop } = self;
        options.validate_inputs()?;
        if options.out.is_empty() {
            return Err(Error::Usage("a transform needs the location `out`".to_owned()));
        }
        for location in options.inputs.values().flatten() {
            Location::parse(location)?;
        }
        Location::parse_single(&options.out)?;
        if !(1..=MAX_FILE_BYTES).contains(&options.file_bytes) {
            return Err(Error::Usage(format!(
                "the size of files must be from 1 to {MAX_FILE_BYTES} bytes"
            )));
        }
        engine::validate(options.engine)?;
        Ok(Transform { options, stores: Stores::new(stores), progress, stop: Mutex::new(stop) })
    }
}
