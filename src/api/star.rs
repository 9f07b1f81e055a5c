//! An open star.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::prelude::SessionContext;
use futures::TryStreamExt;

use super::engine;
use crate::engine::{Engine, EngineOptions};
use crate::error::{Error, Result};
use crate::model::Model;
use crate::pipeline::{place, queries};
use crate::star::{CheckOutcome, Group, Queries, RunRecord};
use crate::star::{ensure_passed, read_only, register_star, run_checks};
use crate::storage::{Place, StoreOptions, Stores};

/// Maximum number of characters of a query that an error shows.
const SHOWN_CHARACTERS: usize = 60;

/// A published star that is open for queries.
///
/// Queries see the tables of the model, such as `songplays`, `users`, `songs`, `artists` and `time`; its lists, such
/// as `unmatched_titles`; `inputs` and `rejects`, with one row per object read and per rejected record; and `run`,
/// with one row of counts.
///
/// It reads the files that the star's record named when it was opened. A run that replaces the star removes
/// those files, and queries then fail; open the star again.
///
/// ```no_run
/// # async fn example() -> starlift::Result<()> {
/// let star = starlift::Star::open("s3://music/star").await?;
/// for batch in star.query("SELECT level, COUNT(*) AS plays FROM songplays GROUP BY level").await? {
///     println!("{batch:?}");
/// }
/// # Ok(())
/// # }
/// ```
pub struct Star {
    pub(super) place: Place,
    pub(super) record: RunRecord,
    pub(super) session: SessionContext,
    pub(super) queries: Queries,
    pub(super) stores: Stores,
    pub(super) store_options: StoreOptions,
    /// Kept alive because its temporary folder must outlive every query.
    _engine: Engine,
}

impl Star {
    /// Opens the star at a local path or URL, with default options.
    ///
    /// # Errors
    ///
    /// Returns [`Error::NothingFound`] if there is no star, [`Error::OtherModel`] or
    /// [`Error::OtherModelVersion`] if another model made it, [`Error::StarFile`] if a file is missing or has
    /// another size than its record says, and other errors if the store fails.
    pub async fn open(location: &str) -> Result<Star> {
        Star::builder().open(location).await
    }

    /// Returns a builder with default options.
    pub fn builder() -> StarBuilder {
        StarBuilder::default()
    }

    /// Runs a read-only query, and returns all of its rows.
    ///
    /// # Errors
    ///
    /// Returns an error if the SQL is invalid, would create or change anything, or needs more memory than
    /// the limit allows.
    pub async fn query(&self, sql: &str) -> Result<Vec<RecordBatch>> {
        let rows = self.stream(sql).await?;
        rows.try_collect().await.map_err(|error| Error::query(shown(sql), error))
    }

    /// Runs a read-only query, and returns its rows as a stream, for results that do not fit into memory.
    /// The star must outlive the stream.
    ///
    /// # Errors
    ///
    /// As for [`Star::query`]. The stream returns the errors that occur later.
    pub async fn stream(&self, sql: &str) -> Result<SendableRecordBatchStream> {
        self.named_stream(&shown(sql), sql, None).await
    }

    /// Runs an analytics query by its name, such as `most_played_songs`, and returns all of its rows.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no such query, whose message lists the names, or under the conditions
    /// of [`Star::query`].
    pub async fn analytics(&self, name: &str) -> Result<Vec<RecordBatch>> {
        let query = self.queries.get(Group::Analytics, name)?;
        let rows = self.named_stream(&query.file(), &query.sql, None).await?;
        rows.try_collect().await.map_err(|error| Error::query(query.file(), error))
    }

    /// Runs all checks, and fails if a check finds rows that violate an invariant: keys are unique and not
    /// null, every reference resolves, and the counts of the run add up.
    ///
    /// # Errors
    ///
    /// Returns [`Error::ChecksFailed`] with the names of the failed checks, and other errors if a check
    /// cannot be run.
    pub async fn check(&self) -> Result<()> {
        ensure_passed(&self.check_outcomes().await?)
    }

    /// Runs all checks, and returns the outcome of each one, with the first rows that violate it.
    ///
    /// # Errors
    ///
    /// Returns an error if a check cannot be run. Rows that violate an invariant are not an error.
    pub async fn check_outcomes(&self) -> Result<Vec<CheckOutcome>> {
        run_checks(&self.session, &self.queries).await
    }

    /// Limits [`Star::check_outcomes`] to the checks of these names, unless there are none.
    pub(crate) fn keep_checks(&mut self, names: &[String]) {
        self.queries.keep_checks(names);
    }

    /// Returns the model with which the star was opened.
    pub fn model(&self) -> &Arc<Model> {
        self.queries.model()
    }

    /// Returns the record of the run that published the star: its options, counts and files.
    pub fn record(&self) -> &RunRecord {
        &self.record
    }

    /// Returns the DataFusion session in which the tables are registered, for example to use its
    /// `DataFrame` API or to register other tables. It must not outlive the star.
    pub fn session(&self) -> &SessionContext {
        &self.session
    }

    /// Returns the queries with which the star was opened.
    pub(crate) fn queries(&self) -> &Queries {
        &self.queries
    }

    /// Returns the location of the star.
    pub(crate) fn location(&self) -> String {
        self.place.to_string()
    }

    /// Runs a read-only query, and returns at most `limit` rows. `name` identifies the query in errors.
    ///
    /// # Errors
    ///
    /// As for [`Star::stream`].
    pub(crate) async fn named_stream(
        &self,
        name: &str,
        sql: &str,
        limit: Option<usize>,
    ) -> Result<SendableRecordBatchStream> {
        let failed = |error| Error::query(name, error);
        let planned = self.session.sql_with_options(sql, read_only()).await;
        if planned.is_err()
            && let Some(reason) = self.missing_list(sql)
        {
            return Err(Error::NothingFound(reason));
        }
        let rows = planned.map_err(failed)?;
        let rows = match limit {
            Some(_) => rows.limit(0, limit).map_err(failed)?,
            None => rows,
        };
        rows.execute_stream().await.map_err(failed)
    }
}

impl std::fmt::Debug for Star {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Star");
        shown.field("location", &self.place.to_string()).field("run_id", &self.record.run_id);
        shown.finish_non_exhaustive()
    }
}

/// Returns the beginning of a query in one line, to identify it in errors.
pub(crate) fn shown(sql: &str) -> String {
    let line = sql.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(SHOWN_CHARACTERS) {
        Some((end, _)) => format!("`{}…`", &line[..end]),
        None => format!("`{line}`"),
    }
}

/// Options for opening a [`Star`].
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until `open` is called"]
pub struct StarBuilder {
    stores: StoreOptions,
    engine: EngineOptions,
    model: Arc<Model>,
    queries: Option<PathBuf>,
}

impl Default for StarBuilder {
    fn default() -> StarBuilder {
        StarBuilder {
            stores: StoreOptions::default(),
            engine: EngineOptions::default(),
            model: Model::built_in(),
            queries: None,
        }
    }
}

impl StarBuilder {
    /// Sets the model, which must be the one that made the star. Default: the built-in model.
    pub fn model(mut self, model: Arc<Model>) -> Self {
        self.model = model;
        self
    }

    /// Sets the options for accessing object stores.
    pub fn store_options(mut self, options: StoreOptions) -> Self {
        self.stores = options;
        self
    }

    /// Sets the number of threads for queries, from 1 to 1024. Default: one per core, or fewer if the memory
    /// limit is low.
    pub fn threads(mut self, threads: usize) -> Self {
        self.engine.threads = Some(threads);
        self
    }

    /// Sets the memory for queries in bytes, at least 128 MiB. Sorts, joins and aggregations that need more
    /// spill to temporary files. Default: 70 % of the memory of the machine or the container.
    pub fn memory_limit(mut self, bytes: usize) -> Self {
        self.engine.memory_limit = Some(bytes);
        self
    }

    /// Sets a folder of SQL files that replace or add to the checks and analytics queries of the
    /// model.
    pub fn queries(mut self, folder: impl Into<PathBuf>) -> Self {
        self.queries = Some(folder.into());
        self
    }

    /// Sets the limits on threads and memory.
    pub(crate) fn engine(mut self, options: EngineOptions) -> Self {
        self.engine = options;
        self
    }

    /// Opens the star at a local path or URL.
    ///
    /// # Errors
    ///
    /// Returns an error if a number is out of range or the folder of queries cannot be read, and the errors
    /// of [`Star::open`].
    pub async fn open(self, location: &str) -> Result<Star> {
        engine::validate(self.engine)?;
        let queries = queries(&self.model, self.queries.as_deref())?;
        let stores = Stores::new(self.stores.clone());
        let place = place(&stores, location).await?;
        let record = RunRecord::require_of(&place, &self.model).await?;
        let engine = Engine::new(self.engine)?;
        let session = engine.session();
        register_star(&session, &place, &record, &self.model).await?;
        let store_options = self.stores;
        Ok(Star { place, record, session, queries, stores, store_options, _engine: engine })
    }
}
