//! Benchmarks decoding: from the bytes of JSON objects to Arrow batches, without I/O.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a benchmark fails by panicking")]

mod support;

use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};

use criterion::{Criterion, Throughput};
use starlift::decode::{Decoder, FieldPaths, ObjectState, StagedColumns};
use starlift::star::Queries;
use starlift::transform::{Rules, required_columns};
use support::{objects, own_data};
use tokio::runtime::Runtime;

/// Size of a chunk passed to the decoder, the same as for reading local files.
const CHUNK_BYTES: usize = 512 * 1024;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let queries = Queries::built_in();
    let needs = required_columns(&queries, Rules::default());
    let needs = Runtime::new().unwrap().block_on(needs).unwrap();
    let (songs, logs) = ((62, 1), (668, 13));
    let all: Vec<_> = queries.model().datasets.iter().map(StagedColumns::all).collect();
    decode(&mut criterion, "songs, all columns", &all[0], 1, songs);
    decode(&mut criterion, "songs, columns of the star, 2 threads", &needs.datasets[0], 2, songs);
    decode(&mut criterion, "logs, all columns", &all[1], 1, logs);
    decode(&mut criterion, "logs, columns of the star", &needs.datasets[1], 1, logs);
    decode(&mut criterion, "logs, columns of the star, 2 threads", &needs.datasets[1], 2, logs);
    criterion.final_summary();
}

/// Measures the decoding of a dataset. `known` is the number of rows and of rejects in the sample.
fn decode(
    criterion: &mut Criterion,
    name: &str,
    columns: &StagedColumns,
    threads: usize,
    known: (usize, usize),
) {
    let objects = objects(&columns.dataset().name);
    let found = decode_all(columns, &objects, threads);
    assert!(own_data().is_some() || found == known, "{name}: {found:?}");
    assert!(found.0 > 0, "{name}: nothing was decoded");

    let bytes = objects.iter().map(|object| object.len() as u64).sum();
    let mut group = criterion.benchmark_group("decode");
    group.throughput(Throughput::Bytes(bytes));
    group.bench_function(name, |bencher| {
        bencher.iter(|| {
            let again = decode_all(columns, black_box(&objects), threads);
            assert_eq!(again, found);
        });
    });
    group.finish();
}

/// Decodes all objects, which the threads take from a shared queue. Returns the number of rows and rejects.
fn decode_all(columns: &StagedColumns, objects: &[Vec<u8>], threads: usize) -> (usize, usize) {
    let next = AtomicUsize::new(0);
    let next = || objects.get(next.fetch_add(1, Ordering::Relaxed));
    std::thread::scope(|scope| {
        let work = || scope.spawn(|| decode_next(columns, &next));
        let threads: Vec<_> = std::iter::repeat_with(work).take(threads).collect();
        let found = threads.into_iter().map(|thread| thread.join().unwrap());
        found.fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1))
    })
}

/// Decodes the objects that `next` returns. Returns the number of rows and rejects.
fn decode_next<'a>(
    columns: &StagedColumns,
    next: &impl Fn() -> Option<&'a Vec<u8>>,
) -> (usize, usize) {
    let mut decoder = Decoder::new(columns.clone(), FieldPaths::of(columns.dataset()));
    let (mut rows, mut rejects) = (0, 0);
    while let Some(object) = next() {
        let mut state = ObjectState::new("object".into());
        for chunk in object.chunks(CHUNK_BYTES) {
            decoder.feed(&mut state, chunk).unwrap();
        }
        decoder.finish(state).unwrap();
        rows += taken(decoder.take_rows());
        rejects += taken(decoder.take_rejects());
    }
    decoder.flush().unwrap();
    (rows + taken(decoder.take_rows()), rejects + taken(decoder.take_rejects()))
}

fn taken(batches: Vec<arrow::array::RecordBatch>) -> usize {
    black_box(batches).iter().map(arrow::array::RecordBatch::num_rows).sum()
}
