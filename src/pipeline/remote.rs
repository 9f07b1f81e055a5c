//! Runs that other machines carry out.
//!
//! A [`RemoteEngine`] decodes objects, runs the queries and writes the partitioned tables elsewhere. The run itself lists
//! the objects, writes the other files, reconciles the counts and publishes, as it does without an engine.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Instant;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::dataframe::DataFrame;
use datafusion::prelude::SessionContext;
use futures::future::try_join_all;

use super::run::Run;
use super::tables::write_table;
use crate::error::{Error, Result};
use crate::ingest::{DatasetCounts, Input, Staging, TransformProgress};
use crate::model::{Model, Table};
use crate::publish::RunFiles;
use crate::staging::StagingSpace;
use crate::star::{FileRecord, Group, Partitioning, TableRecord, register_files, register_table};
use crate::transform::{
    Rules, declare_dataset, ensure_columns, plan_query, register_rule_functions, register_view,
    run_table_query,
};

/// Machines that carry out runs.
#[async_trait]
pub trait RemoteEngine: Debug + Send + Sync {
    /// Prepares a run.
    ///
    /// # Errors
    ///
    /// Returns an error if the machines cannot be reached or have another version of this program.
    async fn begin(&self, run: RemoteRunOptions) -> Result<Arc<dyn RemoteRun>>;
}

/// The properties of a run that an engine needs.
#[derive(Debug, Clone)]
pub struct RemoteRunOptions {
    /// Model that declares the datasets and the tables.
    pub model: Arc<Model>,
    /// Options that change the results of the queries.
    pub rules: Rules,
    /// Partitioning of tables that are sorted by a time.
    pub partitioning: Partitioning,
    /// Counters that show the progress of the run.
    pub progress: Arc<TransformProgress>,
    /// The place, the names and the size of the files of the run.
    #[cfg_attr(not(feature = "cluster"), expect(dead_code, reason = "the build has no engine"))]
    pub(crate) files: RunFiles,
}

/// A run that an engine carries out.
#[async_trait]
pub trait RemoteRun: Debug + Send + Sync {
    /// Lists the objects of all datasets, and has them decoded. Adds their rejects and one row per object to
    /// `staging`, whose dataset tables stay empty. Returns the rows of the datasets, in the order of `inputs`.
    ///
    /// # Errors
    ///
    /// Returns an error if an object cannot be listed or read, or if the counts do not agree.
    async fn read(
        &self,
        inputs: Vec<Input>,
        staging: &Staging,
        progress: &Arc<TransformProgress>,
    ) -> Result<Vec<RemoteDataset>>;

    /// Returns a new session without tables that runs queries on the machines of the engine.
    ///
    /// # Errors
    ///
    /// Returns an error if the session cannot be set up.
    fn session(&self) -> Result<SessionContext>;

    /// Runs a query called `name` and stores its rows in files, for other queries to read.
    ///
    /// # Errors
    ///
    /// Returns an error if the query fails or the files cannot be written.
    async fn store(&self, name: &str, rows: DataFrame) -> Result<Vec<FileRecord>>;

    /// Runs the query of a table and writes its partitions. Returns `None` if the query reads no files of the run, so
    /// that this process has to run it; a record without partitions if the query returns no rows.
    ///
    /// # Errors
    ///
    /// Returns an error if the query fails, its rows do not fit the model, or a file cannot be written.
    async fn write_partitions(
        &self,
        table: &Arc<Table>,
        rows: DataFrame,
        longest_text: usize,
    ) -> Result<Option<TableRecord>>;

    /// Cancels what is still running on the machines.
    async fn cancel(&self);
}

/// The decoded rows of a dataset, in files of the run.
#[derive(Debug, Clone)]
pub struct RemoteDataset {
    /// Counts of the objects and records.
    pub counts: DatasetCounts,
    /// Schema of the rows.
    pub schema: SchemaRef,
    /// The files.
    pub files: Vec<FileRecord>,
}

impl Run<'_> {
    /// Prepares the engine, if the run has one.
    pub(super) async fn begin_remote(&mut self) -> Result<()> {
        let Some(engine) = &self.options.remote else { return Ok(()) };
        let run = RemoteRunOptions {
            model: self.options.model.clone(),
            rules: self.options.rules,
            partitioning: self.options.partitioning,
            progress: self.progress.clone(),
            files: self.publication.files(),
        };
        self.remote = Some(engine.begin(run).await?);
        Ok(())
    }

    /// Registers the rows that the engine has decoded, under the names that the queries read.
    pub(super) async fn register_remote(
        &self,
        remote: &dyn RemoteRun,
        datasets: &[RemoteDataset],
    ) -> Result<SessionContext> {
        let session = remote.session()?;
        register_rule_functions(&session, self.options.rules);
        let out = &self.publication.out;
        for (dataset, rows) in self.options.model.datasets.iter().zip(datasets) {
            let name = format!("starlift_staged_{}", dataset.name);
            let schema = rows.schema.clone();
            register_files(&session, out, &name, schema, &rows.files, vec![]).await?;
            declare_dataset(&session, dataset, &name).await?;
        }
        Ok(session)
    }

    /// Builds the intermediate tables and the tables of the star with the engine.
    pub(super) async fn write_star_remote(
        &mut self,
        remote: Arc<dyn RemoteRun>,
        session: &SessionContext,
        accounting: &[String],
    ) -> Result<BTreeMap<String, TableRecord>> {
        let begun = Instant::now();
        for query in self.queries.of(Group::Intermediate) {
            let rows = plan_query(session, query, self.options.rules).await?;
            if query.is_view() {
                register_view(session, query, rows)?;
                continue;
            }
            let schema = Arc::new(rows.schema().as_arrow().clone());
            let files = remote.store(&query.name, rows).await?;
            let out = &self.publication.out;
            register_files(session, out, &query.name, schema, &files, vec![]).await?;
        }
        self.count_staged(session, accounting).await?;
        self.report.timed("intermediate tables", begun, None);
        let begun = Instant::now();
        let space = self.engine.staging_space();
        self.lists = self.count_lists(session, &space, |_| true).await?;
        self.report.timed("lists", begun, None);
        let mut tables = BTreeMap::new();
        for wave in waves(&self.options.model.tables, &self.reads) {
            let written = wave.into_iter().map(|table| {
                let written = self.write_remote(&*remote, session, table, &space);
                async move { Ok::<_, Error>((table, Instant::now(), written.await?)) }
            });
            for (table, begun, record) in try_join_all(written).await? {
                register_table(session, &self.publication.out, table, &record.files).await?;
                self.written(&mut tables, (table, begun, record));
            }
        }
        self.sort_phases();
        Ok(tables)
    }

    /// Runs the query of a table with the engine, and writes its rows.
    async fn write_remote(
        &self,
        remote: &dyn RemoteRun,
        session: &SessionContext,
        table: &Arc<Table>,
        space: &StagingSpace,
    ) -> Result<TableRecord> {
        let record = match self.options.partitioning.column(table) {
            Some(_) => self.write_partitions_remote(remote, session, table).await?,
            None => None,
        };
        match record {
            Some(record) => Ok(record),
            None => self.write_remote_rows(session, table, space).await,
        }
    }

    async fn write_partitions_remote(
        &self,
        remote: &dyn RemoteRun,
        session: &SessionContext,
        table: &Arc<Table>,
    ) -> Result<Option<TableRecord>> {
        let query = self.queries.get(Group::Star, &table.name)?;
        let rows = plan_query(session, query, self.options.rules).await?;
        ensure_columns(&query.file(), table, rows.schema().as_arrow())?;
        let (partitioning, longest) = (self.options.partitioning, self.longest_text());
        match remote.write_partitions(table, rows, longest).await? {
            Some(record) if record.partitions.is_empty() => {
                // A table without rows has one empty file, so that its columns can be read.
                let sink = self.publication.files().table_sink(table, partitioning, longest);
                sink.finish().await.map(Some)
            }
            record => Ok(record),
        }
    }

    /// Writes a table whose rows the engine returns.
    async fn write_remote_rows(
        &self,
        session: &SessionContext,
        table: &Arc<Table>,
        space: &StagingSpace,
    ) -> Result<TableRecord> {
        let rows = run_table_query(session, self.queries, table, self.options.rules, space).await?;
        let sorted = rows.sort(&self.engine.session_for(self.longest_text())).await?;
        let (partitioning, longest) = (self.options.partitioning, self.longest_text());
        let sink = self.publication.files().table_sink(table, partitioning, longest);
        write_table(sink, sorted, self.progress.clone()).await
    }
}

/// Divides tables into groups whose queries can run at the same time, in the order of the groups: each reads only
/// tables of earlier groups. `reads` has the tables that each query reads.
fn waves<'t>(
    tables: &'t [Arc<Table>],
    reads: &BTreeMap<String, BTreeSet<String>>,
) -> Vec<Vec<&'t Arc<Table>>> {
    let mut levels: BTreeMap<&str, usize> = BTreeMap::new();
    let mut waves: Vec<Vec<&Arc<Table>>> = Vec::new();
    for table in tables {
        // A query reads only tables that are before its own in the model.
        let read = reads.get(&table.name).into_iter().flatten();
        let level =
            read.filter_map(|name| levels.get(name.as_str())).max().map_or(0, |level| level + 1);
        levels.insert(&table.name, level);
        waves.resize_with(waves.len().max(level + 1), Vec::new);
        waves[level].push(table);
    }
    waves
}

/// Fails if the options of a run cannot be combined with an engine.
pub(super) fn ensure_supported(options: &super::TransformOptions) -> Result<()> {
    if options.remote.is_none() || options.incremental.is_none() {
        return Ok(());
    }
    Err(Error::Usage("--engine cannot be combined with --incremental; leave one out".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_run_after_those_of_the_tables_that_they_read() {
        let model = Model::built_in();
        let reads = |pairs: &[(&str, &str)]| {
            let mut reads = BTreeMap::<String, BTreeSet<String>>::new();
            for (table, read) in pairs {
                reads.entry((*table).to_owned()).or_default().insert((*read).to_owned());
            }
            reads
        };
        let names = |pairs: &[(&str, &str)]| -> Vec<Vec<String>> {
            let waves = waves(&model.tables, &reads(pairs));
            let names =
                |wave: &Vec<&Arc<Table>>| wave.iter().map(|table| table.name.clone()).collect();
            waves.iter().map(names).collect()
        };
        let staged = [("users", "staging_events"), ("time", "songplays")];
        assert_eq!(names(&staged), [vec!["songs", "artists", "users", "songplays"], vec!["time"]]);
        let chain =
            [("artists", "songs"), ("users", "artists"), ("time", "artists"), ("time", "songs")];
        assert_eq!(
            names(&chain),
            [vec!["songs", "songplays"], vec!["artists"], vec!["users", "time"]]
        );
    }
}
