//! The main job: JSON objects in, a published star out.
//!
//! [`transform`] goes one way: read and decode ([`crate::ingest`]), run the star queries
//! ([`crate::star`]), write and publish ([`crate::publish`]).

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use chrono::{SecondsFormat, Utc};
use datafusion::prelude::SessionContext;
use futures::TryStreamExt;

use crate::decode::{Dataset, Shape, parse_jsonpaths};
use crate::engine::{Engine, EngineOptions};
use crate::error::{Error, Result};
use crate::ingest::{DatasetCounts, Input, Meter, Stage, Staging, ingest};
use crate::limits::MaxRejects;
use crate::publish::{
    DEFAULT_FILE_BYTES, DatasetRecord, FORMAT, FileRecord, ParquetSink, PlaysRecord, Publication,
    RunOptions, RunRecord, TableRecord,
};
use crate::stage::StagingTable;
use crate::star::model::{SONGPLAYS, TABLES, Table};
use crate::star::{
    CheckOutcome, PlayCounts, Queries, Rules, Unmatched, count_plays, demand_passed,
    register_files, register_staging, register_star, run_checks, star_stream,
};
use crate::storage::{Location, Place, Stores};

/// Rejects that are kept in memory to be shown.
const SHOWN_REJECTS: usize = 5;

/// What to transform, and how.
#[derive(Debug, Clone)]
pub struct TransformOptions {
    /// Where the song objects are: objects, prefixes or globs.
    pub songs: Vec<String>,
    /// Where the log objects are.
    pub logs: Vec<String>,
    /// Where the star goes.
    pub out: String,
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
            song_jsonpaths: None,
            log_jsonpaths: None,
            queries: None,
            rules: Rules::default(),
            max_rejects: MaxRejects::default(),
            file_bytes: DEFAULT_FILE_BYTES,
            engine: EngineOptions::default(),
        }
    }
}

/// What a run did. The summary, the record and the tests all read this one value.
#[derive(Debug, Clone)]
pub struct Report {
    /// What was read, by dataset.
    pub songs: DatasetCounts,
    /// What was read of the logs.
    pub logs: DatasetCounts,
    /// The first rejects.
    pub first_rejects: Vec<RecordBatch>,
    /// Where all rejects are.
    pub rejects_file: Option<String>,
    /// What the checks found; empty when the run ended before them.
    pub checks: Vec<CheckOutcome>,
    /// The published record; `None` when nothing was published.
    pub record: Option<RunRecord>,
    /// How long each stage took, with the bytes it handled where that is known.
    pub stages: Vec<StageTime>,
}

/// How long a stage took.
#[derive(Debug, Clone)]
pub struct StageTime {
    /// The stage.
    pub name: String,
    /// Its time.
    pub elapsed: Duration,
    /// The bytes that it read or wrote.
    pub bytes: Option<u64>,
}

/// A run that ended with an error, and what it had done by then.
#[derive(Debug)]
pub struct Failure {
    /// The error.
    pub error: Error,
    /// The report of a run that got as far as having read everything.
    pub report: Option<Box<Report>>,
}

impl<E: Into<Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Failure { error: error.into(), report: None }
    }
}

/// Runs the transform until `stop` resolves; then, or when it fails, nothing is published and what
/// it has written is removed.
///
/// # Errors
///
/// Whatever ends the run; the star that was there before is then still there.
pub async fn transform(
    options: &TransformOptions,
    stores: &Stores,
    meter: &Arc<Meter>,
    stop: impl Future<Output = ()>,
) -> Result<Report, Failure> {
    let plan = Plan::new(options, stores).await?;
    let engine = Engine::new(options.engine)?;
    let out = stores.place(Location::parse_single(&options.out)?).await?;
    let publication = Publication::begin(out, options.file_bytes).await?;
    let mut run = Run::new(options, &engine, &publication, &plan.queries, meter);
    let outcome = tokio::select! {
        outcome = run.execute(plan.songs, plan.logs) => outcome,
        () = stop => Err(Error::Interrupted),
    };
    let report = run.report;
    match outcome {
        Ok(record) => {
            publication.end(&record).await;
            Ok(Report { record: Some(record), ..report })
        }
        Err(error) => {
            publication.abandon().await;
            Err(Failure { error, report: Some(Box::new(report)) })
        }
    }
}

/// Everything that can be refused before anything is touched.
struct Plan {
    songs: Input,
    logs: Input,
    queries: Queries,
}

impl Plan {
    async fn new(options: &TransformOptions, stores: &Stores) -> Result<Plan> {
        Ok(Plan {
            queries: queries(options.queries.as_deref())?,
            songs: input(stores, Dataset::Songs, &options.songs, &options.song_jsonpaths).await?,
            logs: input(stores, Dataset::Events, &options.logs, &options.log_jsonpaths).await?,
        })
    }
}

/// The built-in queries, or those with a folder's in their place.
///
/// # Errors
///
/// As [`Queries::with_folder`].
pub fn queries(folder: Option<&std::path::Path>) -> Result<Queries> {
    folder.map_or_else(|| Ok(Queries::built_in()), Queries::with_folder)
}

async fn input(
    stores: &Stores,
    dataset: Dataset,
    urls: &[String],
    jsonpaths: &Option<String>,
) -> Result<Input> {
    let mut places = Vec::new();
    for url in urls {
        places.push(stores.place(Location::parse(url)?).await?);
    }
    let shape = match jsonpaths {
        None => Shape::by_key(dataset),
        Some(url) => read_jsonpaths(stores, dataset, url).await?,
    };
    Ok(Input { dataset, places, shape })
}

async fn read_jsonpaths(stores: &Stores, dataset: Dataset, url: &str) -> Result<Shape> {
    let place = stores.place(Location::parse_single(url)?).await?;
    let file = place.read().await?;
    let file = file.ok_or_else(|| Error::NothingFound(format!("no JSONPaths file at {place}")))?;
    parse_jsonpaths(dataset, &file)
        .map_err(|source| Error::JsonPaths { url: place.to_string(), source })
}

/// The places that URLs name, for whoever wants to list what a run would read.
///
/// # Errors
///
/// If one cannot be understood or its store not be opened.
pub async fn places(stores: &Stores, urls: &[String]) -> Result<Vec<Place>> {
    let mut places = Vec::new();
    for url in urls {
        places.push(stores.place(Location::parse(url)?).await?);
    }
    Ok(places)
}

struct Run<'a> {
    options: &'a TransformOptions,
    engine: &'a Engine,
    publication: &'a Publication,
    queries: &'a Queries,
    meter: &'a Arc<Meter>,
    report: Report,
}

impl<'a> Run<'a> {
    fn new(
        options: &'a TransformOptions,
        engine: &'a Engine,
        publication: &'a Publication,
        queries: &'a Queries,
        meter: &'a Arc<Meter>,
    ) -> Run<'a> {
        let report = Report {
            songs: DatasetCounts::default(),
            logs: DatasetCounts::default(),
            first_rejects: Vec::new(),
            rejects_file: None,
            checks: Vec::new(),
            record: None,
            stages: Vec::new(),
        };
        Run { options, engine, publication, queries, meter, report }
    }

    async fn execute(&mut self, songs: Input, logs: Input) -> Result<RunRecord> {
        let staging = Staging::new(self.engine);
        self.read(songs, logs, &staging).await?;
        let session = self.engine.session();
        register_staging(&session, &staging)?;
        let rejects = self.write_rejects(&session, &staging.rejects).await?;
        self.demand_few_rejects()?;
        let (tables, plays) = self.write_star(&session).await?;
        let inputs = self.write_inputs(&session, &staging.inputs).await?;
        let plays = self.count_plays(&tables, plays)?;
        let record = self.record(inputs, rejects, plays, tables);
        self.balance(&record)?;
        let checks = self.check(&record).await?;
        self.publish(RunRecord { checks, ..record }).await
    }

    async fn read(&mut self, songs: Input, logs: Input, staging: &Staging) -> Result<()> {
        let begun = Instant::now();
        self.meter.enter(Stage::Reading);
        let (songs, logs) = ingest(songs, logs, staging, self.engine.threads, self.meter).await?;
        self.timed("read and decode", begun, Some(songs.bytes + logs.bytes));
        self.report.songs = songs;
        self.report.logs = logs;
        Ok(())
    }

    fn timed(&mut self, name: &str, begun: Instant, bytes: Option<u64>) {
        let name = name.to_owned();
        self.report.stages.push(StageTime { name, elapsed: begun.elapsed(), bytes });
    }

    /// Keeps the rejects, in the order of their places, whatever becomes of the run.
    async fn write_rejects(
        &mut self,
        session: &SessionContext,
        rejects: &Arc<StagingTable>,
    ) -> Result<FileRecord> {
        const ORDERED: &str = "SELECT * FROM staging_rejects ORDER BY object, \"offset\"";
        let sink = self.publication.rejects_sink(rejects.schema().clone());
        let mut first = Vec::new();
        let file = write_sorted(session, "staging_rejects", rejects, ORDERED, sink, |batch| {
            let kept: usize = first.iter().map(RecordBatch::num_rows).sum();
            let room = SHOWN_REJECTS.saturating_sub(kept).min(batch.num_rows());
            if room > 0 {
                first.push(batch.slice(0, room));
            }
        })
        .await?;
        self.report.first_rejects = first;
        self.report.rejects_file = Some(self.publication.out.child(&file.path).to_string());
        Ok(file)
    }

    fn demand_few_rejects(&self) -> Result<()> {
        let rejected = self.report.songs.rejected + self.report.logs.rejected;
        let read = self.report.songs.records() + self.report.logs.records();
        if !self.options.max_rejects.is_exceeded(rejected, read) {
            return Ok(());
        }
        Err(Error::TooManyRejects {
            rejected,
            read,
            allowed: self.options.max_rejects.to_string(),
            file: self.report.rejects_file.clone().unwrap_or_default(),
        })
    }

    async fn write_star(
        &mut self,
        session: &SessionContext,
    ) -> Result<(BTreeMap<String, TableRecord>, PlayCounts)> {
        self.meter.enter(Stage::Writing);
        let mut tables = BTreeMap::new();
        for table in TABLES.iter().map(|table| table.name).filter_map(Table::named) {
            let begun = Instant::now();
            let record = self.write_table(session, table).await?;
            self.timed(&format!("write {}", table.name), begun, Some(record.bytes));
            let out = &self.publication.out;
            register_files(session, out, table.name, table.schema(), &record.files).await?;
            tables.insert(table.name.to_owned(), record);
        }
        let plays = count_plays(session, self.queries).await?;
        Ok((tables, plays))
    }

    async fn write_table(
        &self,
        session: &SessionContext,
        table: &'static Table,
    ) -> Result<TableRecord> {
        let mut rows = star_stream(session, self.queries, table, self.options.rules).await?;
        let mut sink = self.publication.table_sink(table);
        let written = async {
            while let Some(batch) = rows.next().await? {
                self.meter.wrote(batch.num_rows() as u64);
                sink.write(batch).await?;
            }
            sink.finish().await
        }
        .await;
        if written.is_err() {
            sink.abort().await;
        }
        let manifest = format!("{}.manifest", table.name);
        written.map(|record| TableRecord { manifest, ..record })
    }

    async fn write_inputs(
        &self,
        session: &SessionContext,
        inputs: &Arc<StagingTable>,
    ) -> Result<FileRecord> {
        const ORDERED: &str = "SELECT * FROM staging_inputs ORDER BY dataset, url";
        let sink = self.publication.inputs_sink(inputs.schema().clone());
        write_sorted(session, "staging_inputs", inputs, ORDERED, sink, |_| {}).await
    }

    /// What became of the plays: read, duplicates and rows come from three different counts.
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

    fn record(
        &self,
        inputs: FileRecord,
        rejects: FileRecord,
        plays: PlaysRecord,
        tables: BTreeMap<String, TableRecord>,
    ) -> RunRecord {
        let options = self.options;
        let dataset = |counts: &DatasetCounts| DatasetRecord {
            objects: counts.objects_read,
            stored_bytes: counts.stored_bytes,
            bytes: counts.bytes,
            records: counts.records(),
            decoded: counts.decoded,
            rejected: counts.rejected,
            skipped: counts.skipped.clone(),
            unknown_keys: counts.unknown_keys.clone(),
        };
        RunRecord {
            format: FORMAT,
            run_id: self.publication.run_id.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: self.publication.started_at.to_rfc3339_opts(SecondsFormat::Millis, true),
            finished_at: Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true),
            options: RunOptions {
                songs: options.songs.clone(),
                logs: options.logs.clone(),
                song_jsonpaths: options.song_jsonpaths.clone(),
                log_jsonpaths: options.log_jsonpaths.clone(),
                queries: options.queries.as_ref().map(|folder| folder.display().to_string()),
                match_rule: options.rules.match_rule.as_str().to_owned(),
                unmatched: options.rules.unmatched.as_str().to_owned(),
                max_rejects: options.max_rejects.to_string(),
            },
            datasets: BTreeMap::from([
                (Dataset::Songs.label().to_owned(), dataset(&self.report.songs)),
                (Dataset::Events.label().to_owned(), dataset(&self.report.logs)),
            ]),
            inputs,
            rejects,
            plays,
            tables,
            checks: Vec::new(),
        }
    }

    /// Holds the run's numbers against each other.
    fn balance(&self, record: &RunRecord) -> Result<()> {
        let plays = record.plays;
        let rejected = self.report.songs.rejected + self.report.logs.rejected;
        let listed = self.report.songs.objects_listed + self.report.logs.objects_listed;
        let balances = [
            ("objects listed", listed, "objects read", record.inputs.rows),
            ("records rejected", rejected, "rejects kept", record.rejects.rows),
            (
                "plays read",
                plays.read,
                "matched, unmatched and duplicate plays",
                plays.matched + plays.unmatched + plays.duplicates,
            ),
        ];
        for (one, left, other, right) in balances {
            if left != right {
                return Err(Error::Unbalanced(format!("{left} {one}, but {right} {other}")));
            }
        }
        Ok(())
    }

    async fn check(&mut self, record: &RunRecord) -> Result<Vec<String>> {
        let begun = Instant::now();
        self.meter.enter(Stage::Checking);
        let session = self.engine.session();
        register_star(&session, &self.publication.out, record).await?;
        self.report.checks = run_checks(&session, self.queries).await?;
        self.timed("check", begun, None);
        demand_passed(&self.report.checks)?;
        Ok(self.report.checks.iter().map(|check| check.name.clone()).collect())
    }

    async fn publish(&mut self, record: RunRecord) -> Result<RunRecord> {
        let begun = Instant::now();
        self.meter.enter(Stage::Publishing);
        self.publication.publish(&record).await?;
        self.timed("publish", begun, None);
        Ok(record)
    }
}

/// Writes a staging table in an order to one file, and shows each batch to `look`.
async fn write_sorted(
    session: &SessionContext,
    name: &str,
    table: &Arc<StagingTable>,
    ordered: &str,
    mut sink: ParquetSink,
    mut look: impl FnMut(&RecordBatch),
) -> Result<FileRecord> {
    let failed = |e| Error::query(name, e);
    session.register_table(name, table.clone()).map_err(failed)?;
    let rows = session.sql(ordered).await.map_err(failed)?;
    let mut rows = rows.execute_stream().await.map_err(failed)?;
    let schema: SchemaRef = table.schema().clone();
    let written = async {
        while let Some(batch) = rows.try_next().await.map_err(failed)? {
            look(&batch);
            sink.write(batch.with_schema(schema.clone())?).await?;
        }
        sink.finish().await
    }
    .await;
    if written.is_err() {
        sink.abort().await;
    }
    Ok(written?.files.into_iter().next().unwrap_or_default())
}
