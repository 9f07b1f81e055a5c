//! Benchmarks all of `starlift transform` on local disk, from listing to the published star.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a benchmark fails by panicking")]

mod support;

use std::sync::Arc;

use criterion::{Criterion, Throughput};
use starlift::ingest::TransformProgress;
use starlift::limits::MaxRejects;
use starlift::pipeline::{TransformOptions, transform};
use starlift::star::RunRecord;
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
    criterion.final_summary();
}

async fn run(options: &TransformOptions) -> RunRecord {
    let stores = Stores::new(StoreOptions::default());
    let counters = Arc::new(TransformProgress::default());
    let report = transform(options, &stores, &counters, std::future::pending()).await.unwrap();
    let record = report.record.unwrap();
    for (table, written) in &record.tables {
        check_rows(table, written.rows);
    }
    record
}
