//! The steps of a run, from reading the first object to a checked star that is ready to publish.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use datafusion::prelude::SessionContext;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt, TryStreamExt};

use super::empty_datasets::ensure_not_empty;
use super::lists::Lists;
use super::locality::Locality;
use super::options::TransformOptions;
use super::rejects::write_rejects;
use super::remote::{RemoteDataset, RemoteRun};
use super::report::TransformReport;
use super::tables::{query_table, write_sorted, write_table};
use super::touched::Sources;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::incremental::{Touched, Update, definition_hash};
use crate::ingest::{DatasetCounts, Input, Phase, Staging, TransformProgress, ingest};
use crate::limits::Rejected;
use crate::model::{Model, Table};
use crate::publish::Publication;
use crate::staging::StagingSpace;
use crate::star::{Queries, RunRecord, TableRecord, register_table};
use crate::timing::PhaseTiming;
use crate::transform::{
    SortedStream, build_intermediates, deregister_tables, register_rows, register_staging,
};

/// A table that is being written: the table, the start of its query, and its record.
type Writing<'t> = BoxFuture<'t, Result<(&'t Arc<Table>, Instant, TableRecord)>>;

/// The accounting queries of a run, by what they read.
pub(super) struct AccountingQueries {
    /// Queries on the staging and intermediate tables.
    pub staged: Vec<String>,
    /// Queries on the tables of the star.
    pub star: Vec<String>,
}

/// The outcome of a run that can be published.
pub(super) enum Prepared {
    /// A new star.
    Star(Box<RunRecord>),
    /// The existing star, which would not change.
    UpToDate,
}

/// A run in progress.
pub(super) struct Run<'a> {
    pub(super) options: &'a TransformOptions,
    pub(super) engine: &'a Engine,
    pub(super) publication: &'a Publication,
    pub(super) queries: &'a Queries,
    pub(super) progress: &'a Arc<TransformProgress>,
    /// Hash of the queries and the paths of the values.
    pub(super) definition_hash: String,
    /// The update of the star, if the run is incremental.
    pub(super) update: Option<Update>,
    /// Names of the tables that each query of an intermediate or star table reads.
    pub(super) reads: BTreeMap<String, BTreeSet<String>>,
    /// The tables by the rows that their queries need; `None` if all need all rows.
    pub(super) locality: Option<Locality>,
    /// The days whose partitions are built; `None` for all days.
    pub(super) touched: Option<Touched>,
    /// The run on other machines, if an engine carries it out.
    pub(super) remote: Option<Arc<dyn RemoteRun>>,
    /// Rows of the lists, once they have been counted.
    pub(super) lists: Lists,
    /// Results of the run so far.
    pub report: TransformReport,
}

impl<'a> Run<'a> {
    pub fn new(
        options: &'a TransformOptions,
        engine: &'a Engine,
        publication: &'a Publication,
        queries: &'a Queries,
        progress: &'a Arc<TransformProgress>,
    ) -> Run<'a> {
        let report = TransformReport::new(options.model.clone());
        Run {
            options,
            engine,
            publication,
            queries,
            progress,
            definition_hash: String::new(),
            update: None,
            reads: BTreeMap::new(),
            locality: None,
            touched: None,
            remote: None,
            lists: Lists::new(),
            report,
        }
    }

    /// Reads, transforms, writes and checks. Returns the record to publish, if the star has changed.
    pub async fn prepare(
        &mut self,
        mut inputs: Vec<Input>,
        accounting: &AccountingQueries,
        last_reader: Option<&str>,
    ) -> Result<Prepared> {
        self.definition_hash = definition_hash(self.queries, inputs.iter().map(|i| &i.paths));
        self.open_update(&mut inputs).await?;
        let columns = inputs.iter().map(|input| &input.columns);
        let staging = Staging::new(self.engine.staging_space(), columns, self.options.max_rejects)?;
        self.begin_remote().await?;
        let remote = self.read(inputs, &staging).await?;
        if self.take_unchanged(&staging).await? {
            return Ok(Prepared::UpToDate);
        }
        self.remove_known_keys();
        let session = self.register_rows(&staging, &remote).await?;
        let sorting = self.engine.sorting_session();
        let (rejects, first) = write_rejects(&sorting, self.publication, &staging.rejects).await?;
        self.report.first_rejects = first;
        self.report.rejects_file = Some(self.publication.out.child(&rejects.path).to_string());
        self.ensure_few_rejects()?;
        if !self.options.allow_empty {
            ensure_not_empty(&self.publication.out, &self.report.datasets).await?;
        }
        let latest = self.find_latest(&staging).await?;
        let mut state = self.write_state(&staging, &latest).await?;
        let (before, sources) = self.find_sources(accounting, &staging, &latest).await?;
        let inputs = staging.inputs.clone();
        // Leave the session as the only owner, so that deregistering the tables frees their rows.
        drop(staging);
        let sink = self.publication.inputs_sink(inputs.schema().clone());
        let by_url = "SELECT * FROM starlift_inputs ORDER BY dataset, url";
        let (tables, inputs) = tokio::try_join!(
            self.write_star(&session, &sources, &accounting.staged, last_reader),
            write_sorted(&sorting, "starlift_inputs", &inputs, by_url, sink),
        )?;
        self.adjust_counts(&before.accounting)?;
        let lists = self.write_lists(&before.lists, &mut state).await?;
        let mut record = RunRecord { inputs, rejects, tables, lists, state, ..self.record() };
        if let Some(state) = &mut record.state {
            state.encoding = self.report.encoding();
        }
        record.star_hash = record.hash_tables();
        self.reuse_files(&mut record).await?;
        let record = self.check(record, &accounting.star).await?;
        Ok(Prepared::Star(Box::new(record)))
    }

    fn model(&self) -> &'a Model {
        &self.options.model
    }

    /// Returns the length of the longest text read, in bytes.
    pub(super) fn longest_text(&self) -> usize {
        let counts = self.report.datasets.iter();
        counts.map(|(_, counts)| counts.notes.longest_text).max().unwrap_or(0)
    }

    /// Reads the objects. Returns the rows that an engine has decoded; the other rows are in `staging`.
    async fn read(&mut self, inputs: Vec<Input>, staging: &Staging) -> Result<Vec<RemoteDataset>> {
        let begun = Instant::now();
        self.progress.enter(Phase::Reading);
        let (threads, progress) = (self.engine.threads, self.progress);
        let (counts, rows) = match &self.remote {
            None => (ingest(inputs, staging, threads, progress).await?, Vec::new()),
            Some(remote) => {
                let rows = remote.read(inputs, staging, progress).await?;
                (rows.iter().map(|rows| rows.counts.clone()).collect(), rows)
            }
        };
        let names = self.model().datasets.iter().map(|dataset| dataset.name.clone());
        self.report.datasets = names.zip(counts).collect();
        let bytes = self.report.total(|counts| counts.bytes);
        self.report.timed("read and decode", begun, Some(bytes));
        Ok(rows)
    }

    /// Returns a session with the decoded rows, under the names that the queries read.
    async fn register_rows(
        &self,
        staging: &Staging,
        rows: &[RemoteDataset],
    ) -> Result<SessionContext> {
        if let Some(remote) = &self.remote {
            return self.register_remote(&**remote, rows).await;
        }
        let session = self.engine.session_for(self.longest_text());
        register_staging(&session, self.model(), staging)?;
        Ok(session)
    }

    /// Removes from the unknown keys of each dataset those that another dataset reads from the same
    /// objects.
    fn remove_known_keys(&mut self) {
        for dataset in &self.options.model.datasets {
            let locations = self.options.locations(dataset);
            let shared = self.options.model.datasets.iter().filter(|other| {
                other.name != dataset.name && self.options.locations(other) == locations
            });
            let known: Vec<&str> = shared.flat_map(|other| other.top_level_keys()).collect();
            let found = self.report.datasets.iter_mut().find(|(name, _)| *name == dataset.name);
            if let Some((_, counts)) = found {
                counts.notes.unknown_keys.retain(|key, _| !known.contains(&key.as_str()));
            }
        }
    }

    fn ensure_few_rejects(&self) -> Result<()> {
        let rejects = self.report.datasets.iter().map(|(_, counts)| counts.rejects());
        let rejected = rejects.fold(Rejected::default(), |all, one| all + one);
        let read = self.report.total(DatasetCounts::records);
        if !self.report.is_partial() && !self.options.max_rejects.is_exceeded(rejected, read) {
            return Ok(());
        }
        Err(Error::TooManyRejects {
            rejected,
            read,
            allowed: self.options.max_rejects.to_string(),
            file: self.report.rejects_file.clone().unwrap_or_default(),
            stopped_early: self.report.is_partial(),
        })
    }

    async fn write_star(
        &mut self,
        session: &SessionContext,
        sources: &Sources,
        accounting: &[String],
        last_reader: Option<&str>,
    ) -> Result<BTreeMap<String, TableRecord>> {
        self.progress.enter(Phase::Writing);
        if let Some(remote) = self.remote.clone() {
            return self.write_star_remote(remote, session, accounting).await;
        }
        let space = self.engine.staging_space();
        self.build_intermediates(session, &space, accounting).await?;
        let mut tables = BTreeMap::new();
        // A table whose rows are in memory is written while the next ones are queried.
        let mut writing = FuturesUnordered::new();
        for table in &self.model().tables {
            let begun = Instant::now();
            let is_last = last_reader == Some(&table.name);
            let (queries, rules) = (self.queries, self.options.rules);
            let source = sources.get(&table.name).unwrap_or(session);
            let rows = query_table(source, queries, table, rules, &space, is_last);
            let mut rows = std::pin::pin!(rows);
            let rows = loop {
                tokio::select! {
                    rows = &mut rows => break rows?,
                    Some(written) = writing.next() => self.written(&mut tables, written?),
                }
            };
            let in_memory = rows.in_memory();
            let write = self.write(table, begun, rows);
            match in_memory {
                Some(rows) => {
                    register_rows(session, table, rows)?;
                    writing.push(write);
                }
                None => {
                    self.written(&mut tables, write.await?);
                    let files = &tables[&table.name].files;
                    register_table(session, &self.publication.out, table, files).await?;
                }
            }
        }
        deregister_tables(session, self.model())?;
        while let Some(written) = writing.try_next().await? {
            self.written(&mut tables, written);
        }
        self.sort_phases();
        if let Some(touched) = &self.touched {
            self.add_untouched(&mut tables, touched);
        }
        Ok(tables)
    }

    /// Returns a future that writes the rows of a table, whose query began at `begun`.
    fn write<'t>(&self, table: &'t Arc<Table>, begun: Instant, rows: SortedStream) -> Writing<'t> {
        let (partitioning, longest) = (self.options.partitioning, self.longest_text());
        let sink = self.publication.files().table_sink(table, partitioning, longest);
        let progress = self.progress.clone();
        async move { Ok((table, begun, write_table(sink, rows, progress).await?)) }.boxed()
    }

    /// Builds the intermediate tables, and runs the accounting queries and lists that read them.
    async fn build_intermediates(
        &mut self,
        session: &SessionContext,
        space: &StagingSpace,
        accounting: &[String],
    ) -> Result<()> {
        let begun = Instant::now();
        build_intermediates(session, self.queries, self.options.rules, space).await?;
        self.count_staged(session, accounting).await?;
        self.report.timed("intermediate tables", begun, None);
        let begun = Instant::now();
        self.lists = self.count_lists(session, space, |_| true).await?;
        self.report.timed("lists", begun, None);
        Ok(())
    }

    /// Orders the phases that write tables as the model does, not as the tables were finished.
    pub(super) fn sort_phases(&mut self) {
        let tables = &self.model().tables;
        let position = |phase: &PhaseTiming| {
            tables.iter().position(|table| phase.name == format!("write {}", table.name))
        };
        self.report.phases.sort_by_key(position);
    }

    pub(super) fn written(
        &mut self,
        tables: &mut BTreeMap<String, TableRecord>,
        (table, begun, record): (&Arc<Table>, Instant, TableRecord),
    ) {
        self.report.timed(&format!("write {}", table.name), begun, Some(record.bytes));
        let manifest = self.publication.manifest_path(&table.name);
        tables.insert(table.name.to_owned(), TableRecord { manifest, ..record });
    }
}
