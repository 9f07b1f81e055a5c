//! The meaning of the tables, one test per rule: small inputs pass through the whole transform, and
//! the tests read the published star.

mod catalogue;
mod encoding;
mod files;
mod input;
mod lists;
mod matching;
mod rejects;
mod songplays;
mod streams;
mod time;
mod users;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use arrow::util::display::array_value_to_string;
use datafusion::prelude::SessionContext;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};
use starlift::ingest::TransformProgress;
use starlift::limits::MaxRejects;
use starlift::model::Model;
use starlift::pipeline::{TransformFailure, TransformOptions, TransformReport, transform};
use starlift::star::RunRecord;
use starlift::star::register_star;
use starlift::storage::{Location, StoreOptions, Stores};

/// Returns a song with only the required fields, plus `more`.
fn song(more: Value) -> Value {
    with(json!({"song_id": "S", "title": "T", "artist_id": "A", "artist_name": "N"}), more)
}

/// Returns a play with only the required fields, plus `more`.
fn play(more: Value) -> Value {
    with(json!({"page": "NextSong", "ts": 1000, "userId": "8", "sessionId": 139}), more)
}

/// Returns an event that is not a play, plus `more`.
fn visit(more: Value) -> Value {
    with(json!({"page": "Home", "ts": 1000, "userId": "8", "sessionId": 139}), more)
}

fn with(mut record: Value, more: Value) -> Value {
    record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    record
}

fn lines(records: &[Value]) -> String {
    records.iter().map(|record| format!("{record}\n")).collect()
}

/// Inputs in a temporary folder, and the options of their transform.
struct Job {
    folder: tempfile::TempDir,
    options: TransformOptions,
}

impl Job {
    fn new() -> Job {
        let folder = tempfile::tempdir().unwrap();
        let below = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let inputs = [("songs", below("songs")), ("logs", below("logs"))];
        let inputs = inputs.iter().map(|(name, folder)| (*name, folder.as_str()));
        let mut options = TransformOptions::new(inputs, &below("star"));
        options.max_rejects = MaxRejects::Percent(100.0);
        options.engine.threads = Some(2);
        Job { folder, options }
    }

    fn of(songs: &str, logs: &str) -> Job {
        Job::new().file("songs/songs.json", songs).file("logs/logs.json", logs)
    }

    fn file(self, path: &str, content: impl AsRef<[u8]>) -> Job {
        let path = self.folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
        self
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn set(mut self, change: impl FnOnce(&mut TransformOptions)) -> Job {
        change(&mut self.options);
        self
    }

    /// Runs the transform and returns its report or its failure.
    fn outcome(self) -> Result<TransformReport, TransformFailure> {
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            let stores = Stores::new(StoreOptions::default());
            let never = std::future::pending();
            transform(&self.options, &stores, &Arc::new(TransformProgress::default()), never).await
        })
    }

    fn run(self) -> Star {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let (report, session) = runtime.block_on(async {
            let stores = Stores::new(StoreOptions::default());
            let never = std::future::pending();
            let report =
                transform(&self.options, &stores, &Arc::new(TransformProgress::default()), never)
                    .await;
            let report = report.unwrap_or_else(|failure| panic!("{:?}", failure.error));
            let out = Location::parse_single(&self.options.out).unwrap();
            let out = stores.place(out).await.unwrap();
            let session = SessionContext::new();
            register_star(&session, &out, report.record.as_ref().unwrap(), &Model::built_in())
                .await
                .unwrap();
            (report, session)
        });
        Star { runtime, session, report, job: self }
    }
}

/// The counts of plays by outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Plays {
    read: u64,
    matched: u64,
    unmatched: u64,
    duplicates: u64,
}

/// A published star.
struct Star {
    runtime: tokio::runtime::Runtime,
    session: SessionContext,
    report: TransformReport,
    job: Job,
}

impl Star {
    fn of(songs: &[Value], logs: &[Value]) -> Star {
        Job::of(&lines(songs), &lines(logs)).run()
    }

    /// Returns the rows of a query, each as an array.
    fn rows(&self, sql: &str) -> Vec<Value> {
        let query = async { self.session.sql(sql).await.unwrap().collect().await.unwrap() };
        rows(&self.runtime.block_on(query))
    }

    /// Returns the single value of a query.
    fn value(&self, sql: &str) -> Value {
        let rows = self.rows(sql);
        assert_eq!(rows.len(), 1, "{sql}: {rows:?}");
        rows[0][0].clone()
    }

    fn record(&self) -> &RunRecord {
        self.report.record.as_ref().unwrap()
    }

    fn plays(&self) -> Plays {
        let counts: BTreeMap<&str, u64> =
            self.record().accounting.values().flatten().map(|(name, n)| (&**name, *n)).collect();
        Plays {
            read: counts["plays_read"],
            matched: counts["plays_matched"],
            unmatched: counts["plays_unmatched"],
            duplicates: counts["duplicates"],
        }
    }

    /// Returns the Parquet files of a table, in order.
    fn files(&self, table: &str) -> Vec<PathBuf> {
        let files = &self.record().tables[table].files;
        files.iter().map(|f| Path::new(&self.job.options.out).join(&f.path)).collect()
    }

    /// Returns the rows of a table in file order.
    fn stored(&self, table: &str) -> Vec<Value> {
        let read = |path| {
            let file = std::fs::File::open(path).unwrap();
            let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
            rows(&reader.map(|batch| batch.unwrap()).collect::<Vec<_>>())
        };
        self.files(table).into_iter().flat_map(read).collect()
    }
}

fn rows(batches: &[RecordBatch]) -> Vec<Value> {
    let row = |batch: &RecordBatch, row| batch.columns().iter().map(|c| cell(c, row)).collect();
    batches.iter().flat_map(|batch| (0..batch.num_rows()).map(move |i| row(batch, i))).collect()
}

fn cell(column: &ArrayRef, row: usize) -> Value {
    match column.data_type() {
        _ if column.is_null(row) => Value::Null,
        DataType::Float64 => column.as_primitive::<Float64Type>().value(row).into(),
        kind if kind.is_integer() => {
            let column = cast(column, &DataType::Int64).unwrap();
            column.as_primitive::<Int64Type>().value(row).into()
        }
        _ => array_value_to_string(column, row).unwrap().into(),
    }
}
