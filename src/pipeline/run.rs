//! The steps of a run, from reading the first object to a checked star that is ready to publish.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use arrow::datatypes::SchemaRef;
use chrono::{SecondsFormat, Utc};
use datafusion::prelude::SessionContext;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt, TryStreamExt};

use super::empty_datasets::ensure_not_empty;
use super::options::TransformOptions;
use super::rejects::write_rejects;
use super::report::TransformReport;
use crate::decode::Dataset;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ingest::{DatasetCounts, Input, Phase, Staging, TransformProgress, ingest};
use crate::publish::{ParquetSink, Publication};
use crate::staging::{StagingSpace, StagingTable};
use crate::star::model::{SONGPLAYS, Table};
use crate::star::{
    DatasetRecord, FORMAT, FileRecord, ModelRecord, PlaysRecord, RunOptions, RunRecord, TableRecord,
};
use crate::star::{Queries, ensure_passed, register_star, register_table, run_checks};
use crate::storage::without_secrets;
use crate::timing::PhaseTiming;
use crate::transform::{
    PlayCounts, RepairEncoding, Rules, SortedStream, Unmatched, build_intermediates,
    count_encoded_twice, count_plays, deregister_staging, deregister_tables, register_rows,
    register_staging, run_table_query,
};

/// A run in progress.
pub(super) struct Run<'a> {
    options: &'a TransformOptions,
    engine: &'a Engine,
    publication: &'a Publication,
    queries: &'a Queries,
    progress: &'a Arc<TransformProgress>,
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
        let report = TransformReport { model: options.model.clone(), ..TransformReport::default() };
        Run { options, engine, publication, queries, progress, report }
    }

    /// Reads, transforms, writes and checks. Returns the record to publish.
    pub async fn prepare(
        &mut self,
        songs: Input,
        logs: Input,
        last_reader: Option<&str>,
    ) -> Result<RunRecord> {
        let max_rejects = self.options.max_rejects;
        let staging = Staging::new(self.engine, &songs.columns, &logs.columns, max_rejects)?;
        self.read(songs, logs, &staging).await?;
        let session = self.engine.session_for(self.longest_text());
        register_staging(&session, &staging)?;
        let Staging { songs, events, rejects, inputs, .. } = staging;
        // Leave the session as the only owner, so that deregistering the tables frees their rows.
        drop((songs, events));
        let (rejects, first) = write_rejects(&session, self.publication, &rejects).await?;
        self.report.first_rejects = first;
        self.report.rejects_file = Some(self.publication.out.child(&rejects.path).to_string());
        self.ensure_few_rejects()?;
        if !self.options.allow_empty {
            let TransformReport { songs, logs, .. } = &self.report;
            let datasets = [(Dataset::Songs, songs), (Dataset::Events, logs)];
            ensure_not_empty(&self.publication.out, datasets).await?;
        }
        let sink = self.publication.inputs_sink(inputs.schema().clone());
        let by_url = "SELECT * FROM staging_inputs ORDER BY dataset, url";
        let ((tables, plays), inputs) = tokio::try_join!(
            self.write_star(&session, last_reader),
            write_sorted(&session, "staging_inputs", &inputs, by_url, sink),
        )?;
        let plays = self.count_plays(&tables, plays)?;
        let record = RunRecord { inputs, rejects, plays, tables, ..self.record() };
        self.reconcile(&record)?;
        let checks = self.check(&record).await?;
        Ok(RunRecord { checks, ..record })
    }

    /// Returns the length of the longest text read, in bytes.
    fn longest_text(&self) -> usize {
        self.report.songs.longest_text.max(self.report.logs.longest_text)
    }

    async fn read(&mut self, songs: Input, logs: Input, staging: &Staging) -> Result<()> {
        let begun = Instant::now();
        self.progress.enter(Phase::Reading);
        let (songs, logs) =
            ingest(songs, logs, staging, self.engine.threads, self.progress).await?;
        self.report.timed("read and decode", begun, Some(songs.bytes + logs.bytes));
        self.report.songs = songs;
        self.report.logs = logs;
        Ok(())
    }

    fn ensure_few_rejects(&self) -> Result<()> {
        let rejected = self.report.songs.rejects() + self.report.logs.rejects();
        let read = self.report.songs.records() + self.report.logs.records();
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
        last_reader: Option<&str>,
    ) -> Result<(BTreeMap<String, TableRecord>, PlayCounts)> {
        self.progress.enter(Phase::Writing);
        let space = self.engine.staging_space();
        let plays = self.build_intermediates(session, &space).await?;
        let mut tables = BTreeMap::new();
        // A table whose rows are in memory is written while the next ones are queried.
        let mut writing = FuturesUnordered::new();
        for table in &self.options.model.tables {
            let begun = Instant::now();
            let is_last = last_reader == Some(&table.name);
            let (queries, rules) = (self.queries, self.options.rules);
            let rows = query_table(session, queries, table, rules, &space, is_last);
            let mut rows = std::pin::pin!(rows);
            let rows = loop {
                tokio::select! {
                    rows = &mut rows => break rows?,
                    Some(written) = writing.next() => self.written(&mut tables, written?),
                }
            };
            let in_memory = rows.in_memory();
            let sink = self.publication.table_sink(table).with_longest_text(self.longest_text());
            let progress = self.progress.clone();
            let write = async move {
                let record = write_table(sink, rows, progress).await?;
                Ok::<_, Error>((table, begun, record))
            };
            match in_memory {
                Some(rows) => {
                    register_rows(session, table, rows)?;
                    writing.push(write.boxed());
                }
                None => {
                    self.written(&mut tables, write.await?);
                    let files = &tables[&table.name].files;
                    register_table(session, &self.publication.out, table, files).await?;
                }
            }
        }
        deregister_tables(session, &self.options.model)?;
        while let Some(written) = writing.try_next().await? {
            self.written(&mut tables, written);
        }
        self.sort_phases();
        Ok((tables, plays))
    }

    /// Builds the intermediate tables and counts what only they show.
    async fn build_intermediates(
        &mut self,
        session: &SessionContext,
        space: &StagingSpace,
    ) -> Result<PlayCounts> {
        let begun = Instant::now();
        build_intermediates(session, self.queries, self.options.rules, space).await?;
        let plays = count_plays(session, self.queries).await?;
        self.count_encoded_twice(session).await?;
        self.report.timed("intermediate tables", begun, None);
        Ok(plays)
    }

    /// Orders the phases that write tables as the model does, not as the tables were finished.
    fn sort_phases(&mut self) {
        let position = |phase: &PhaseTiming| {
            let mut tables = self.options.model.tables.iter();
            tables.position(|table| phase.name == format!("write {}", table.name))
        };
        self.report.phases.sort_by_key(position);
    }

    /// Counts the effect on matches of text that was encoded twice. Skips the queries if there is no such
    /// text or if it was repaired when it was staged.
    async fn count_encoded_twice(&mut self, session: &SessionContext) -> Result<()> {
        let rules = self.options.rules;
        let texts = self.report.songs.encoded_twice + self.report.logs.encoded_twice;
        if texts > 0 && rules.repair_encoding != RepairEncoding::Store {
            let counts = count_encoded_twice(session, self.queries, rules).await?;
            self.report.encoding = Some(counts);
        }
        self.report.repair_encoding = rules.repair_encoding;
        Ok(())
    }

    fn written(
        &mut self,
        tables: &mut BTreeMap<String, TableRecord>,
        (table, begun, record): (&Arc<Table>, Instant, TableRecord),
    ) {
        self.report.timed(&format!("write {}", table.name), begun, Some(record.bytes));
        let manifest = self.publication.manifest_path(table);
        tables.insert(table.name.to_owned(), TableRecord { manifest, ..record });
    }

    /// Returns the counts of plays by outcome. The plays and the duplicates are counted from the staged
    /// events, the matches from the rows written, so that [`Run::reconcile`] can compare them.
    fn count_plays(
        &self,
        tables: &BTreeMap<String, TableRecord>,
        counted: PlayCounts,
    ) -> Result<PlaysRecord> {
        let songplays = tables.get(SONGPLAYS).map_or(0, |table| table.rows);
        let without_song = |table: &TableRecord| table.nulls.get("song_id").copied().unwrap_or(0);
        let unmatched_rows = tables.get(SONGPLAYS).map_or(0, without_song);
        let matched = songplays - unmatched_rows;
        let distinct = counted.read.saturating_sub(counted.duplicates);
        let unmatched = match self.options.rules.unmatched {
            Unmatched::Keep => unmatched_rows,
            Unmatched::Drop => distinct.checked_sub(matched).ok_or_else(|| {
                Error::Unbalanced(format!("{matched} plays matched of {distinct} distinct ones"))
            })?,
        };
        Ok(PlaysRecord {
            read: counted.read,
            matched,
            unmatched,
            duplicates: counted.duplicates,
            shared_fingerprints: counted.shared_fingerprints,
        })
    }

    /// Returns a record with the options and the input counts. The other fields have default values.
    fn record(&self) -> RunRecord {
        RunRecord {
            format: FORMAT,
            run_id: self.publication.run_id.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: self.publication.started_at.to_rfc3339_opts(SecondsFormat::Millis, true),
            finished_at: Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true),
            model: Some(ModelRecord::from(&*self.options.model)),
            options: run_options(self.options),
            datasets: BTreeMap::from([
                (Dataset::Songs.label().to_owned(), dataset_record(&self.report.songs)),
                (Dataset::Events.label().to_owned(), dataset_record(&self.report.logs)),
            ]),
            inputs: FileRecord::default(),
            rejects: FileRecord::default(),
            plays: PlaysRecord::default(),
            tables: BTreeMap::new(),
            checks: Vec::new(),
        }
    }

    /// Fails unless the counts of the run are consistent with each other.
    fn reconcile(&self, record: &RunRecord) -> Result<()> {
        let plays = record.plays;
        let rejected = self.report.songs.rejected + self.report.logs.rejected;
        let listed = self.report.songs.objects_listed + self.report.logs.objects_listed;
        let totals = [
            ("objects listed", listed, "objects read", record.inputs.rows),
            ("records rejected", rejected, "rejects kept", record.rejects.rows),
            (
                "plays read",
                plays.read,
                "matched, unmatched and duplicate plays",
                plays.matched + plays.unmatched + plays.duplicates,
            ),
        ];
        for (one, count, other, expected) in totals {
            if count != expected {
                return Err(Error::Unbalanced(format!("{count} {one}, but {expected} {other}")));
            }
        }
        Ok(())
    }

    async fn check(&mut self, record: &RunRecord) -> Result<Vec<String>> {
        let begun = Instant::now();
        self.progress.enter(Phase::Checking);
        let session = self.engine.session_for(self.longest_text());
        register_star(&session, &self.publication.out, record, &self.options.model).await?;
        self.report.checks = run_checks(&session, self.queries).await?;
        self.report.timed("check", begun, None);
        ensure_passed(&self.report.checks)?;
        Ok(self.report.checks.iter().map(|check| check.name.clone()).collect())
    }
}

pub(super) fn run_options(options: &TransformOptions) -> RunOptions {
    RunOptions {
        songs: options.songs.iter().map(|url| without_secrets(url)).collect(),
        logs: options.logs.iter().map(|url| without_secrets(url)).collect(),
        include_hidden: options.include_hidden,
        suffix: options.suffix.as_str().to_owned(),
        song_jsonpaths: options.song_jsonpaths.as_deref().map(without_secrets),
        log_jsonpaths: options.log_jsonpaths.as_deref().map(without_secrets),
        queries: options.queries.as_ref().map(|folder| folder.display().to_string()),
        match_rule: options.rules.match_rule.as_str().to_owned(),
        unmatched: options.rules.unmatched.as_str().to_owned(),
        repair_encoding: options.rules.repair_encoding.as_str().to_owned(),
        max_rejects: options.max_rejects.to_string(),
        file_size: options.file_bytes,
    }
}

fn dataset_record(counts: &DatasetCounts) -> DatasetRecord {
    DatasetRecord {
        objects: counts.objects_read,
        stored_bytes: counts.stored_bytes,
        bytes: counts.bytes,
        records: counts.records(),
        decoded: counts.decoded,
        rejected: counts.rejected,
        skipped: counts.skipped.clone(),
        unknown_keys: counts.unknown_keys.clone(),
    }
}

/// Runs the query of a table and sorts its rows. `is_last` means that no later query reads the staging
/// tables.
async fn query_table(
    session: &SessionContext,
    queries: &Queries,
    table: &Arc<Table>,
    rules: Rules,
    space: &StagingSpace,
    is_last: bool,
) -> Result<SortedStream> {
    let rows = run_table_query(session, queries, table, rules, space).await?;
    if is_last {
        // Free the memory of the staging tables for sorting and writing.
        deregister_staging(session)?;
    }
    rows.sort(session).await
}

async fn write_table(
    mut sink: ParquetSink,
    mut rows: SortedStream,
    progress: Arc<TransformProgress>,
) -> Result<TableRecord> {
    while let Some(batch) = rows.next().await? {
        progress.wrote(batch.num_rows() as u64);
        sink.write(batch).await?;
    }
    sink.finish().await
}

/// Writes the rows that the query `ordered` returns from a staging table to one file.
async fn write_sorted(
    session: &SessionContext,
    name: &str,
    table: &Arc<StagingTable>,
    ordered: &str,
    mut sink: ParquetSink,
) -> Result<FileRecord> {
    let failed = |e| Error::query(name, e);
    session.register_table(name, table.clone()).map_err(failed)?;
    let rows = session.sql(ordered).await.map_err(failed)?;
    let mut rows = rows.execute_stream().await.map_err(failed)?;
    let schema: SchemaRef = table.schema().clone();
    while let Some(batch) = rows.try_next().await.map_err(failed)? {
        sink.write(batch.with_schema(schema.clone())?).await?;
    }
    Ok(sink.finish().await?.files.into_iter().next().unwrap_or_default())
}
