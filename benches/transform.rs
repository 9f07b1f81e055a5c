//! Benchmarks all of `starlift transform` on local disk, from listing to the published star.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a benchmark fails by panicking")]

mod support;

use std::path::Path;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, Throughput};
use starlift::incremental::IncrementalOptions;
use starlift::ingest::TransformProgress;
use starlift::limits::MaxRejects;
use starlift::pipeline::{TransformOptions, transform};
use starlift::star::{Partitioning, RunRecord};
use starlift::storage::{StoreOptions, Stores};
use support::{check_rows, data_bytes, folder};
use tokio::runtime::Runtime;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let out = tempfile::tempdir().unwrap();
    let folders = ["songs", "logs"].map(|name| (name, folder(name)));
    let inputs = folders.iter().map(|(name, folder)| (*name, folder.to_str().unwrap()));
    let options = TransformOptions {
        max_rejects: MaxRejects::Percent(100.0),
        ..TransformOptions::new(inputs, out.path().to_str().unwrap())
    };
    let runtime = Runtime::new().unwrap();
    let run = || runtime.block_on(run(&options));
    let first = run();

    let mut group = criterion.benchmark_group("transform");
    group.throughput(Throughput::Bytes(data_bytes())).sample_size(10);
    group.bench_function("all", |bencher| {
        bencher.iter(|| assert_eq!(run().accounting, first.accounting));
    });
    group.finish();
    incremental(&mut criterion, &runtime);
    criterion.final_summary();
}

/// Benchmarks an incremental run with one new log, after a run with all others.
fn incremental(criterion: &mut Criterion, runtime: &Runtime) {
    let [songs, logs] = ["songs", "logs"].map(folder);
    let mut logs = files(&logs);
    let last = logs.pop().unwrap();
    let star = tempfile::tempdir().unwrap();
    let options = |logs: &[String], out: &Path| {
        let mut options =
            TransformOptions::new([("songs", songs.to_str().unwrap())], out.to_str().unwrap());
        options.inputs.insert("logs".to_owned(), logs.to_vec());
        options.max_rejects = MaxRejects::Percent(100.0);
        options.incremental = Some(IncrementalOptions::default());
        options.partitioning = Partitioning::Day;
        options
    };
    runtime.block_on(transformed(&options(&logs, star.path())));
    logs.push(last);
    criterion.benchmark_group("transform").sample_size(10).bench_function(
        "one new log",
        |bencher| {
            let set_up = || {
                let copy = tempfile::tempdir().unwrap();
                copy_folder(star.path(), copy.path());
                copy
            };
            bencher.iter_batched(
                set_up,
                |copy| runtime.block_on(run(&options(&logs, copy.path()))),
                BatchSize::PerIteration,
            );
        },
    );
}

/// Returns the files below a folder, in order.
fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut pending = vec![folder.to_owned()];
    while let Some(next) = pending.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => pending.push(path),
                false => found.push(path.to_str().unwrap().to_owned()),
            }
        }
    }
    found.sort();
    found
}

fn copy_folder(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            std::fs::create_dir_all(&target).unwrap();
            copy_folder(&path, &target);
        } else {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}

async fn run(options: &TransformOptions) -> RunRecord {
    let record = transformed(options).await;
    for (table, written) in &record.tables {
        check_rows(table, written.rows);
    }
    record
}

async fn transformed(options: &TransformOptions) -> RunRecord {
    let stores = Stores::new(StoreOptions::default());
    let counters = Arc::new(TransformProgress::default());
    let report = transform(options, &stores, &counters, std::future::pending()).await.unwrap();
    report.record.unwrap()
}
