//! Benchmarks transforms on a cluster of this machine: a scheduler and executors as processes of their own, in turn with
//! a transform in one process.
//!
//! `STARLIFT_BENCH_DATA=DIR cargo bench --features cluster --bench cluster` transforms the data in `DIR`, and 100,000
//! small objects from an S3 server on loopback that waits 20 ms before every response. `STARLIFT_BIN` is the path of
//! another build of the program to measure. `STARLIFT_BENCH_ROUNDS` is the number of rounds, by default 3. Without
//! `--bench`, as in `cargo test --benches`, it transforms little data and verifies that the stars are equal.

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
mod support;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use program::{LATENCY, run, song, starlift};
use s3::{Faults, S3Server, Synthetic};

/// A number of executors, each with a number of cores.
type Size = (usize, usize);

fn main() {
    let measured = std::env::args().any(|arg| arg == "--bench");
    let rounds = std::env::var("STARLIFT_BENCH_ROUNDS").ok().and_then(|text| text.parse().ok());
    let rounds = if measured { rounds.unwrap_or(3) } else { 1 };
    events(rounds);
    small_objects(if measured { 100_000 } else { 300 }, rounds);
}

/// Transforms local files: in one process, and on clusters with one and two cores.
fn events(rounds: usize) {
    let out = tempfile::tempdir().unwrap();
    let data = support::data();
    let prepare = |command: &mut Command| {
        command.current_dir(out.path());
    };
    let transform = |engine: Option<&str>| {
        let mut command = starlift();
        prepare(&mut command);
        command.arg("transform").arg("--songs").arg(data.join("song_data"));
        command.arg("--logs").arg(data.join("log_data"));
        command.args(["--out", "star", "--partition", "day", "--max-rejects", "10%"]);
        run(command.args(engine.map(|engine| ["--engine", engine]).into_iter().flatten()));
        star_hash(&out.path().join("star"))
    };
    let allow = [out.path(), &data].map(|path| path.to_str().unwrap().to_owned());
    compare("events", rounds, &[(1, 1), (2, 1), (1, 2)], &allow, &prepare, &transform);
}

/// Transforms many small objects of an S3 server: in one process, and with one and two executors.
fn small_objects(count: usize, rounds: usize) {
    let synthetic = vec![Synthetic::new("songs/", count, song)];
    let server = S3Server::start_with(Faults { latency: LATENCY, synthetic, ..Faults::default() });
    let play = r#"{"ts":1541990258796,"page":"NextSong","userId":"10","sessionId":1,"itemInSession":1,"artist":"Artist 0","song":"Title 0","length":218.9,"level":"free"}"#;
    server.put("logs/one.json", play);
    let out = tempfile::tempdir().unwrap();
    let prepare = |command: &mut Command| {
        server.apply(command).current_dir(out.path());
    };
    let transform = |engine: Option<&str>| {
        let mut command = starlift();
        prepare(&mut command);
        let (songs, logs) = (server.url("songs/"), server.url("logs/"));
        command.args(["transform", "--songs", &songs, "--logs", &logs, "--out", "star"]);
        run(command.args(engine.map(|engine| ["--engine", engine]).into_iter().flatten()));
        star_hash(&out.path().join("star"))
    };
    let allow = [out.path().to_str().unwrap().to_owned(), server.url("")];
    let name = format!("{count} objects");
    compare(&name, rounds, &[(1, 1), (2, 1)], &allow, &prepare, &transform);
}

/// Runs a transform in one process and on clusters in turn, and prints the medians and their ratios to the first
/// cluster.
fn compare(
    name: &str,
    rounds: usize,
    sizes: &[Size],
    allow: &[String],
    prepare: &dyn Fn(&mut Command),
    transform: &dyn Fn(Option<&str>) -> String,
) {
    let mut times = vec![Vec::new(); sizes.len() + 1];
    let mut hashes = Vec::new();
    let mut timed = |times: &mut Vec<Duration>, engine: Option<&str>| {
        let begun = Instant::now();
        hashes.push(transform(engine));
        times.push(begun.elapsed());
    };
    for _ in 0..rounds {
        timed(&mut times[0], None);
        for (size, times) in sizes.iter().zip(&mut times[1..]) {
            let cluster = Cluster::start(*size, allow, prepare);
            timed(times, Some(&format!("ballista://{}", cluster.address)));
        }
    }
    hashes.dedup();
    assert_eq!(hashes.len(), 1, "the stars differ");
    let medians = times.iter_mut().map(|times| {
        times.sort();
        times[times.len() / 2].as_secs_f64()
    });
    let medians: Vec<f64> = medians.collect();
    println!("{name}, one process: {:.2} s", medians[0]);
    for ((executors, cores), median) in sizes.iter().zip(&medians[1..]) {
        println!(
            "{name}, {executors} executors with {cores} cores: {median:.2} s, {:.2} times the rate of the first \
             cluster, {:.2} times the duration of one process",
            medians[1] / median,
            median / medians[0],
        );
    }
}

/// A scheduler and executors. They are killed when it is dropped.
struct Cluster {
    address: String,
    processes: Vec<Child>,
}

impl Cluster {
    fn start(
        (executors, cores): Size,
        allow: &[String],
        prepare: &dyn Fn(&mut Command),
    ) -> Cluster {
        let mut scheduler = starlift();
        prepare(&mut scheduler);
        let (child, address) =
            start(scheduler.args(["cluster", "scheduler", "--bind", "127.0.0.1:0"]));
        let mut processes = vec![child];
        for _ in 0..executors {
            let mut executor = starlift();
            prepare(&mut executor);
            executor.args([
                "cluster",
                "executor",
                "--bind",
                "127.0.0.1:0",
                "--scheduler",
                &address,
            ]);
            executor.args(["--cores", &cores.to_string(), "--memory-limit", "4GiB"]);
            let (child, _) = start(executor.args(allow.iter().flat_map(|url| ["--allow", url])));
            processes.push(child);
        }
        let cluster = Cluster { address, processes };
        cluster.await_executors(executors, prepare);
        cluster
    }
}

impl Cluster {
    /// Waits until the executors have registered: a run divides its work among those that it finds.
    fn await_executors(&self, executors: usize, prepare: &dyn Fn(&mut Command)) {
        let registered = format!(": {executors} executors, ");
        let is_registered = || {
            let mut status = starlift();
            prepare(&mut status);
            run(status.args(["cluster", "status", "--scheduler", &self.address]))
                .contains(&registered)
        };
        while !is_registered() {
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for process in &mut self.processes {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// Starts a process, and returns it with its address once it is ready.
fn start(command: &mut Command) -> (Child, String) {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    let ready = lines.find(|line| line.contains("is ready")).expect("the process is not ready");
    let address = ready.split("address=").nth(1).unwrap().split_whitespace().next().unwrap();
    // A process that cannot write its log would stop.
    std::thread::spawn(move || lines.for_each(drop));
    (child, address.to_owned())
}

fn star_hash(star: &Path) -> String {
    let record = std::fs::read(star.join("_starlift.json")).unwrap();
    let record: serde_json::Value = serde_json::from_slice(&record).unwrap();
    record["star_hash"].as_str().unwrap().to_owned()
}
