//! Benchmarks the star queries: from staged batches to the sorted rows of each table, including planning.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a benchmark fails by panicking")]

mod support;

use criterion::{Criterion, Throughput};
use starlift::model::Model;
use support::{Staged, check_rows, count};

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let staged = Staged::new();
    let songplays = staged.songplays();
    let mut group = criterion.benchmark_group("star");
    for table in &Model::built_in().tables {
        let name = &*table.name;
        let before = if name == "time" { &songplays[..] } else { &[] };
        let session = staged.session(before);
        let answer = || count(&staged.runtime.block_on(staged.rows(&session, table)));
        let rows = answer();
        check_rows(name, rows);
        group.throughput(Throughput::Elements(rows));
        group.bench_function(name, |bencher| bencher.iter(|| assert_eq!(answer(), rows)));
    }
    group.throughput(Throughput::Elements(staged.events()));
    group.bench_function("intermediate", |bencher| bencher.iter(|| staged.session(&[])));
    group.finish();
    criterion.final_summary();
}
