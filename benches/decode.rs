//! Decoding: bytes of JSON objects to Arrow batches, without I/O.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a benchmark fails by panicking")]

mod support;

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use starlift::decode::{Dataset, Decoder, ObjectState, Shape};
use support::{objects, own_data};

/// As much as is read from a local file at once.
const CHUNK_BYTES: usize = 512 * 1024;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    decode(&mut criterion, "songs", Dataset::Songs, (62, 1));
    decode(&mut criterion, "logs", Dataset::Events, (668, 13));
    criterion.final_summary();
}

/// Decodes a dataset; `known` are the rows and the rejects of the sample.
fn decode(criterion: &mut Criterion, name: &str, dataset: Dataset, known: (usize, usize)) {
    let objects = objects(dataset);
    let found = decode_all(dataset, &objects);
    assert!(own_data().is_some() || found == known, "{name}: {found:?}");
    assert!(found.0 > 0, "{name}: nothing was decoded");

    let bytes = objects.iter().map(|object| object.len() as u64).sum();
    let mut group = criterion.benchmark_group("decode");
    group.throughput(Throughput::Bytes(bytes));
    group.bench_function(name, |bencher| {
        bencher.iter(|| {
            let again = decode_all(dataset, black_box(&objects));
            assert_eq!(again, found);
        });
    });
    group.finish();
}

/// Rows and rejects of all objects.
fn decode_all(dataset: Dataset, objects: &[Vec<u8>]) -> (usize, usize) {
    let mut decoder = Decoder::new(dataset, Shape::by_key(dataset));
    let (mut rows, mut rejects) = (0, 0);
    for object in objects {
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
