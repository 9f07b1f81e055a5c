//! Benchmarks writing the rows of each table to Parquet files in memory.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a benchmark fails by panicking")]

mod support;

use std::sync::Arc;

use arrow::array::RecordBatch;
use criterion::{Criterion, Throughput};
use object_store::memory::InMemory;
use starlift::model::Model;
use starlift::publish::{DEFAULT_FILE_BYTES, ParquetSink};
use starlift::star::TableRecord;
use starlift::star::model::{Table, table_schema};
use starlift::storage::{Location, Place};
use support::{Staged, check_rows, count};

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let staged = Staged::new();
    let songplays = staged.songplays();
    let location = Location::parse("s3://memory/star").unwrap();
    let out = Place::new(location, Arc::new(InMemory::new()));
    let mut group = criterion.benchmark_group("write");
    for table in &Model::built_in().tables {
        let name = &*table.name;
        let before = if name == "time" { &songplays[..] } else { &[] };
        let batches = staged.runtime.block_on(staged.rows(&staged.session(before), table));
        check_rows(name, count(&batches));
        let written = || staged.runtime.block_on(write(&out, table, &batches));
        let first = written();
        assert!(first.rows == count(&batches) && first.bytes > 0, "{name}: {first:?}");

        let bytes = batches.iter().map(|batch| batch.get_array_memory_size() as u64).sum();
        group.throughput(Throughput::Bytes(bytes));
        group.bench_function(name, |bencher| {
            bencher.iter(|| assert_eq!(written().bytes, first.bytes));
        });
    }
    group.finish();
    criterion.final_summary();
}

async fn write(out: &Place, table: &Table, batches: &[RecordBatch]) -> TableRecord {
    let stem = format!("{}/bench", table.name);
    let threads = std::thread::available_parallelism().unwrap().get();
    let mut sink = ParquetSink::numbered(
        out,
        stem,
        table_schema(table),
        &table.sorted_by,
        DEFAULT_FILE_BYTES,
        threads,
    );
    for batch in batches {
        sink.write(batch.clone()).await.unwrap();
    }
    sink.finish().await.unwrap()
}
