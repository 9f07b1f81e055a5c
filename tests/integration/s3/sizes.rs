//! Many objects, and large ones.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::support::s3::Op;

use super::*;

#[test]
fn hundred_thousand_keys_are_listed_in_parallel() {
    let latency = Duration::from_millis(5);
    let synthetic = vec![Synthetic::new("many/", 100_000, song)];
    let bench = Bench::new(Faults { synthetic, latency, ..Faults::default() });
    let begun = Instant::now();
    let outcome = bench.outcome(bench.transform_songs("many", &["--dry-run"]));
    outcome.exits(0).says("would read 100,000 objects for songs");
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    // One page per folder of a thousand objects, and a few pages to find the folders.
    assert!((100..130).contains(&bench.server.count(Op::List, "many/")), "{outcome}");
    assert!((2..=16).contains(&bench.server.peak()), "{}", bench.server.peak());
}

#[test]
fn keys_of_one_flat_prefix_are_listed_page_by_page() {
    let synthetic =
        vec![Synthetic::new("flat/", 2_500, song).named(|i| format!("flat/{i:09}.json"))];
    let bench = Bench::new(Faults { synthetic, page_size: 100, ..Faults::default() });
    let outcome = bench.outcome(bench.transform_songs("flat/", &["--dry-run"]));
    outcome.exits(0).says("would read 2,500 objects for songs");
    assert_eq!(bench.server.count(Op::List, "flat/"), 25);
}

#[test]
fn many_objects_are_read_once_and_in_parallel() {
    const OBJECTS: usize = 3_000;
    let latency = Duration::from_millis(5);
    let synthetic = vec![Synthetic::new("many/", OBJECTS, song)];
    let bench = Bench::new(Faults { synthetic, latency, ..Faults::default() });
    let outcome = bench.outcome(bench.transform_songs("many", &[]));
    outcome.exits(0).says("songs     3,000 objects listed = 3,000 read");
    let requests = bench.server.requests();
    let mut reads: HashMap<&str, usize> = HashMap::new();
    for request in requests.iter().filter(|request| request.op == Op::Get) {
        *reads.entry(&request.target).or_default() += usize::from(request.target.contains("many/"));
    }
    reads.retain(|_, times| *times > 0);
    assert_eq!(reads.len(), OBJECTS);
    assert!(reads.values().all(|times| *times == 1));
    assert!(bench.server.peak() > 16, "{}", bench.server.peak());
    let count = ["query", "--star", "s3://sparkify/star", "--format", "csv", "--sql"];
    let sql = "SELECT COUNT(*), COUNT(DISTINCT title) FROM songs";
    bench.run(&[&count[..], &[sql]].concat()).exits(0).says("\n3000,3000\n");
}

#[test]
fn a_large_file_is_uploaded_in_parts() {
    let bench = Bench::new(Faults::default());
    bench.workspace.write("queries/songs.sql", large_songs(2));
    bench.transform_on_disk("on-disk", &["--queries", "queries"]);
    bench.outcome(bench.transform(&["--queries", "queries"])).exits(0);
    assert_eq!(bench.s3_star().tables(), bench.disk_star("on-disk").tables());
    let large = bench.s3_star().0.into_iter().find(|(path, _)| path.starts_with("songs/")).unwrap();
    let parts = large.1.len().div_ceil(8 * 1024 * 1024);
    assert!(parts >= 2, "{} bytes", large.1.len());
    assert_eq!(bench.server.count(Op::UploadPart, "star/songs/"), parts);
    assert_eq!(bench.server.count(Op::CompleteUpload, "star/songs/"), 1);
    assert_eq!(bench.server.pending_uploads(), 0);
}

#[test]
fn files_are_closed_at_the_requested_size() {
    let bench = Bench::new(Faults::default());
    bench.workspace.write("queries/songs.sql", large_songs(1));
    let options = ["--queries", "queries", "--file-size", "2MB"];
    bench.transform_on_disk("on-disk", &options);
    bench.outcome(bench.transform(&options)).exits(0);
    assert_eq!(bench.s3_star().tables(), bench.disk_star("on-disk").tables());
    let star = bench.s3_star();
    let sizes: Vec<usize> = star
        .0
        .iter()
        .filter(|(path, _)| path.starts_with("songs/"))
        .map(|(_, bytes)| bytes.len())
        .collect();
    let (_, all_but_last) = sizes.split_last().unwrap();
    assert!(all_but_last.len() >= 3, "{sizes:?}");
    assert!(all_but_last.iter().all(|size| (1_000_000..4_000_000).contains(size)), "{sizes:?}");
    let count = ["query", "--star", "s3://sparkify/star", "--format", "csv", "--sql"];
    let rows = 30 + 8 * 1024 * 1024 / SONG_BYTES;
    let answer = bench.run(&[&count[..], &["SELECT COUNT(DISTINCT song_id) FROM songs"]].concat());
    answer.exits(0).says(&format!("\n{rows}\n"));
}
