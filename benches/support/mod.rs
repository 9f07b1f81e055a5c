//! The data of the benchmarks: `fixtures/sample`, or the folder `STARLIFT_BENCH_DATA`, which must contain
//! `song_data` and `log_data`.

#![allow(dead_code, reason = "each benchmark uses a part of it")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::datasource::MemTable;
use datafusion::prelude::SessionContext;
use starlift::decode::{FieldPaths, StagedColumns};
use starlift::engine::{Engine, EngineOptions};
use starlift::ingest::{Input, Staging, TransformProgress, ingest};
use starlift::limits::MaxRejects;
use starlift::model::{Dataset, Model};
use starlift::star::Queries;
use starlift::star::model::Table;
use starlift::storage::{ListOptions, Location, StoreOptions, Stores};
use starlift::transform::{Rules, build_intermediates, register_staging, run_table_query};
use tokio::runtime::Runtime;

/// Expected number of rows per table for `fixtures/sample`.
pub const SAMPLE_ROWS: [(&str, u64); 5] =
    [("songs", 60), ("artists", 21), ("users", 19), ("songplays", 534), ("time", 534)];

/// Returns the folder `STARLIFT_BENCH_DATA`, if it is set.
pub fn own_data() -> Option<PathBuf> {
    std::env::var_os("STARLIFT_BENCH_DATA").map(PathBuf::from)
}

/// Returns the folder with the data.
pub fn data() -> PathBuf {
    own_data()
        .unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join("sample"))
}

/// Returns the folder of a dataset.
pub fn folder(dataset: &str) -> PathBuf {
    data().join(match dataset {
        "songs" => "song_data",
        _ => "log_data",
    })
}

/// Reads the content of each object of a dataset.
pub fn objects(dataset: &str) -> Vec<Vec<u8>> {
    let mut objects = Vec::new();
    let mut pending = vec![folder(dataset)];
    while let Some(next) = pending.pop() {
        let entries = std::fs::read_dir(&next).unwrap_or_else(|e| panic!("{next:?}: {e}"));
        for path in entries.map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                pending.push(path);
            } else if path.extension().is_some_and(|suffix| suffix == "json") {
                objects.push(std::fs::read(path).unwrap());
            }
        }
    }
    assert!(!objects.is_empty(), "no objects in {:?}", folder(dataset));
    objects
}

/// Returns the total size of both datasets in bytes.
pub fn data_bytes() -> u64 {
    let datasets = ["songs", "logs"];
    datasets.into_iter().flat_map(objects).map(|object| object.len() as u64).sum()
}

/// Panics if `table` has no rows, or if the data is the sample and `rows` is not the expected number.
pub fn check_rows(table: &str, rows: u64) {
    if own_data().is_none() {
        assert!(SAMPLE_ROWS.contains(&(table, rows)), "{table}: {rows} rows");
    }
    assert!(rows > 0, "{table} has no rows");
}

/// The staged data, with the engine and the queries to run on it.
pub struct Staged {
    /// Runtime that runs the queries.
    pub runtime: Runtime,
    engine: Engine,
    staging: Staging,
    queries: Queries,
}

impl Staged {
    /// Reads and decodes the data.
    pub fn new() -> Staged {
        let runtime = Runtime::new().unwrap();
        let engine = Engine::new(EngineOptions::default()).unwrap();
        let model = Model::built_in();
        let columns: Vec<_> = model.datasets.iter().map(StagedColumns::all).collect();
        let staging =
            Staging::new(engine.staging_space(), &columns, MaxRejects::default()).unwrap();
        runtime.block_on(async {
            let mut inputs = Vec::new();
            for dataset in &model.datasets {
                inputs.push(input(dataset).await);
            }
            ingest(inputs, &staging, engine.threads, &Arc::new(TransformProgress::default()))
                .await
                .unwrap();
        });
        Staged { runtime, engine, staging, queries: Queries::built_in() }
    }

    /// Returns a session with the staging and intermediate tables, and with `songplays` if it is not empty.
    pub fn session(&self, songplays: &[RecordBatch]) -> SessionContext {
        let session = self.engine.session();
        register_staging(&session, self.queries.model(), &self.staging).unwrap();
        let (rules, space) = (Rules::default(), self.engine.staging_space());
        let made = build_intermediates(&session, &self.queries, rules, &space);
        self.runtime.block_on(made).unwrap();
        if let Some(first) = songplays.first() {
            let table = MemTable::try_new(first.schema(), vec![songplays.to_vec()]).unwrap();
            session.register_table("songplays", Arc::new(table)).unwrap();
        }
        session
    }

    /// Returns the number of staged events.
    pub fn events(&self) -> u64 {
        self.staging.datasets[1].rows() as u64
    }

    /// Returns the sorted rows of a star table.
    pub async fn rows(&self, session: &SessionContext, table: &Arc<Table>) -> Vec<RecordBatch> {
        let rules = Rules::default();
        let space = self.engine.staging_space();
        let rows = run_table_query(session, &self.queries, table, rules, &space).await.unwrap();
        let mut rows = rows.sort(session).await.unwrap();
        let mut batches = Vec::new();
        while let Some(batch) = rows.next().await.unwrap() {
            batches.push(batch);
        }
        batches
    }

    /// Returns the rows of `songplays`, which the query of `time` reads.
    pub fn songplays(&self) -> Vec<RecordBatch> {
        let table = self.queries.model().table("songplays").unwrap();
        self.runtime.block_on(self.rows(&self.session(&[]), table))
    }
}

async fn input(dataset: &Arc<Dataset>) -> Input {
    let location = Location::parse(folder(&dataset.name).to_str().unwrap()).unwrap();
    let place = Stores::new(StoreOptions::default()).place(location).await.unwrap();
    Input {
        columns: StagedColumns::all(dataset),
        places: vec![place],
        listing: ListOptions::default(),
        allow_empty: false,
        paths: FieldPaths::of(dataset),
        jsonpaths: None,
        known: None,
    }
}

/// Returns the number of rows in all batches.
pub fn count(batches: &[RecordBatch]) -> u64 {
    batches.iter().map(|batch| batch.num_rows() as u64).sum()
}
