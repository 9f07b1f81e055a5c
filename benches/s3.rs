//! Benchmarks reading from S3: compares the rate of a run with the maximum that its concurrency and the
//! latency of the store allow. The S3 server listens on loopback, waits 20 ms before every response and
//! shares the machine with starlift.
//!
//! `cargo bench --bench s3` reads 100,000 small objects, runs again incrementally with none of them changed, and reads
//! one log object of 117 MB. The server hashes the
//! whole object for each range, so with a larger object the benchmark would measure the hashing.
//! `STARLIFT_BIN` is the path of another build of the program to measure. Without `--bench`, as in
//! `cargo test --benches`, it reads a few objects and verifies the requests.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark fails by panicking"
)]

#[path = "support/program.rs"]
mod program;
#[path = "../tests/integration/support/s3/mod.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod s3;

use std::time::{Duration, Instant};

use program::{LATENCY, run, song, starlift};
use s3::{Faults, Op, S3Server, Synthetic};

/// Number of concurrent requests of starlift.
const OBJECTS_IN_FLIGHT: f64 = 64.0;

const EVENT: &str = r#"{"artist":"Pavement","auth":"Logged In","firstName":"Sylvie","gender":"F","itemInSession":ITEM,"lastName":"Cruz","length":99.16036,"level":"free","location":"Washington-Arlington-Alexandria, DC-VA-MD-WV","method":"PUT","page":"NextSong","registration":1540266185796.0,"sessionId":345,"song":"Mercy:The Laundromat","status":200,"ts":1541990258796,"userAgent":"\"Mozilla\/5.0 (Macintosh; Intel Mac OS X 10_9_4) AppleWebKit\/537.77.4 (KHTML, like Gecko) Version\/7.0.5 Safari\/537.77.4\"","userId":"10"}
"#;

fn main() {
    let measured = std::env::args().any(|arg| arg == "--bench");
    let (objects, events) = if measured { (100_000, 250_000) } else { (300, 300) };
    small_objects(objects, measured);
    one_large_object(events, measured);
}

fn small_objects(count: usize, measured: bool) {
    let synthetic = vec![Synthetic::new("songs/", count, song)];
    let server = S3Server::start_with(Faults { latency: LATENCY, synthetic, ..Faults::default() });
    server.put("logs/one.json", EVENT.replace("ITEM", "1"));
    let out = tempfile::tempdir().unwrap();
    let elapsed = transform(&server, out.path(), &["--incremental"]);
    assert_eq!(server.count(Op::Get, "songs/"), count, "each object is read once");
    let unchanged = transform(&server, out.path(), &["--incremental"]);
    assert_eq!(server.count(Op::Get, "songs/"), count, "no object is read again");
    if measured {
        let rate = count as f64 / elapsed.as_secs_f64();
        let allowed = OBJECTS_IN_FLIGHT / LATENCY.as_secs_f64();
        println!(
            "{count} objects: {:.1} s, {rate:.0} objects/s, {:.0} % of the {allowed:.0} that {} \
             at once allow; {} requests at once at most; {} listings",
            elapsed.as_secs_f64(),
            100.0 * rate / allowed,
            OBJECTS_IN_FLIGHT,
            server.peak(),
            server.count(Op::List, "songs/") / 2,
        );
        println!("{count} objects, none changed: {:.2} s", unchanged.as_secs_f64());
    }
}

fn one_large_object(events: usize, measured: bool) {
    let server = S3Server::start_with(Faults { latency: LATENCY, ..Faults::default() });
    server
        .put("songs/one.json", r#"{"artist_id":"A","artist_name":"N","song_id":"S","title":"T"}"#);
    let log: String = (0..events).map(|i| EVENT.replace("ITEM", &i.to_string())).collect();
    server.put("logs/one.json", &log);
    let out = tempfile::tempdir().unwrap();
    let elapsed = transform(&server, out.path(), &[]);
    let ranges = server.count(Op::Get, "logs/");
    assert_eq!(ranges, log.len().div_ceil(8 * 1024 * 1024), "each range is read once");
    if measured {
        println!(
            "one object of {} MB: {:.1} s in {ranges} ranges, {} requests at once at most",
            log.len() / 1_000_000,
            elapsed.as_secs_f64(),
            server.peak(),
        );
    }
}

/// Transforms `songs/` and `logs/` into a star in `folder` with the options `more`, and returns the duration.
fn transform(server: &S3Server, folder: &std::path::Path, more: &[&str]) -> Duration {
    let mut command = starlift();
    server.apply(&mut command).arg("transform").args(more).current_dir(folder);
    command.args(["--songs", &server.url("songs/"), "--logs", &server.url("logs/")]);
    let begun = Instant::now();
    run(command.args(["--out", "star"]));
    begun.elapsed()
}
