//! Transforms on a cluster, with separate processes on the loopback interface.

mod bytes;
mod faults;
mod link;
mod network;
mod processes;
mod refusals;
mod resources;
mod security;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Outcome, Workspace, files};

/// Time within which a process must be ready.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// A scheduler and executors of a test. They are killed when it is dropped.
pub struct Cluster {
    pub address: String,
    pub scheduler: Process,
    pub executors: Vec<Process>,
}

/// A process of a cluster.
pub struct Process {
    child: Child,
    /// Address on which it listens.
    pub address: String,
}

impl Process {
    /// Starts a process and waits until it logs that it is ready.
    pub fn start(mut command: Command) -> Process {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let (sender, ready) = mpsc::channel();
        std::thread::spawn(move || {
            let mut log = String::new();
            for line in lines.map_while(Result::ok) {
                let address = line.split("address=").nth(1).filter(|_| line.contains("is ready"));
                if let Some(address) = address {
                    let address = address.split_whitespace().next().unwrap_or_default().to_owned();
                    let _ = sender.send(Ok(address));
                }
                log += &line;
                log.push('\n');
            }
            let _ = sender.send(Err(log));
        });
        match ready.recv_timeout(READY_WITHIN) {
            Ok(Ok(address)) => Process { child, address },
            other => panic!("{command:?} is not ready: {other:?}"),
        }
    }

    /// Sends a signal, by its name.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args([name, &self.child.id().to_string()]).status();
        assert!(status.unwrap().success());
    }

    /// Returns the resident memory of the process in bytes.
    pub fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
    }

    /// Waits for the end of the process. Returns its exit code.
    pub fn wait(&mut self, within: Duration) -> Option<i32> {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(begun.elapsed() < within, "the process does not end");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Cluster {
    /// Starts a scheduler and `executors` executors with `cores` cores each, which can use the files of `here`.
    pub fn start(here: &Workspace, executors: usize, cores: usize) -> Cluster {
        let mut cluster = Cluster::with_scheduler(scheduler(here, &[]));
        for _ in 0..executors {
            cluster.add_executor(here, cores, &[]);
        }
        cluster
    }

    /// Starts a scheduler for which an executor is lost after 8 seconds, and `executors` executors with one core each.
    pub fn with_short_timeout(here: &Workspace, executors: usize) -> Cluster {
        let mut cluster = Cluster::with_scheduler(scheduler(here, &["--executor-timeout", "8s"]));
        for _ in 0..executors {
            cluster.add_executor(here, 1, &[]);
        }
        cluster
    }

    /// Starts a scheduler without executors.
    pub fn with_scheduler(command: Command) -> Cluster {
        let scheduler = Process::start(command);
        Cluster { address: scheduler.address.clone(), scheduler, executors: Vec::new() }
    }

    pub fn add_executor(&mut self, here: &Workspace, cores: usize, more: &[&str]) {
        let cores = cores.to_string();
        let options = [&["--cores", &*cores], more].concat();
        let mut command = executor(here, &self.address, &options);
        command.arg("--allow").arg(here.path());
        self.executors.push(Process::start(command));
    }

    /// Returns the value of `--engine`.
    pub fn engine(&self) -> String {
        format!("ballista://{}", self.address)
    }

    /// Transforms the data in `data` to `out`.
    pub fn transform(&self, here: &Workspace, out: &str, more: &[&str]) -> Outcome {
        let mut command = here.transform(out, &["--engine", &self.engine()]);
        here.outcome(command.args(more))
    }

    /// Returns what `cluster status` prints.
    pub fn status(&self, here: &Workspace) -> String {
        let outcome = here.run(["cluster", "status", "--scheduler", &self.address]);
        outcome.exits(0);
        outcome.stdout
    }
}

/// Returns a command that runs a scheduler on any port.
pub fn scheduler(here: &Workspace, more: &[&str]) -> Command {
    let mut command = here.command();
    command.args(["cluster", "scheduler"]).args(more);
    if !more.contains(&"--bind") {
        command.args(["--bind", "127.0.0.1:0"]);
    }
    command
}

/// Returns a command that runs an executor on any port.
pub fn executor(here: &Workspace, scheduler: &str, more: &[&str]) -> Command {
    let mut command = here.command();
    command.args(["cluster", "executor", "--scheduler", scheduler]);
    command.args(["--memory-limit", "1GiB"]).args(more);
    if !more.contains(&"--bind") {
        command.args(["--bind", "127.0.0.1:0"]);
    }
    command
}

/// Generates data in `data`.
pub fn generate(here: &Workspace, events: u64, bad: &str) {
    let events = events.to_string();
    let arguments =
        ["generate", "--out", "data", "--songs", "300", "--users", "200", "--days", "9"];
    let more = ["--events", &events, "--bad-rate", bad, "--duplicate-rate", "0.05"];
    here.run(arguments.iter().chain(&more)).exits(0);
}

/// Returns the record of a star.
pub fn record(here: &Workspace, out: &str) -> Value {
    serde_json::from_str(&here.read(&format!("{out}/_starlift.json"))).unwrap()
}

/// Returns the bytes of the files of a star, by table and by `inputs` and `rejects`, in the order of their rows.
pub fn contents(here: &Workspace, out: &str) -> Vec<(String, Vec<Vec<u8>>)> {
    let record = record(here, out);
    let bytes = |file: &Value| {
        std::fs::read(here.join(&format!("{out}/{}", file["path"].as_str().unwrap()))).unwrap()
    };
    let tables = record["tables"].as_object().unwrap().iter();
    let mut found: Vec<_> = tables
        .map(|(name, table)| {
            (name.clone(), table["files"].as_array().unwrap().iter().map(bytes).collect())
        })
        .collect();
    for name in ["inputs", "rejects"] {
        found.push((name.to_owned(), vec![bytes(&record[name])]));
    }
    for (name, list) in record["lists"].as_object().into_iter().flatten() {
        found.push((name.clone(), vec![bytes(list)]));
    }
    found
}

/// Fails unless two stars have the same bytes, hash, counts and checks.
#[track_caller]
pub fn assert_equal(here: &Workspace, out: &str, expected: &str) {
    let (found, wanted) = (record(here, out), record(here, expected));
    for key in ["star_hash", "datasets", "accounting", "checks", "checks_hash", "definition_hash"] {
        assert_eq!(found[key], wanted[key], "{key}");
    }
    assert!(!found["star_hash"].as_str().unwrap().is_empty());
    for ((name, found), (_, wanted)) in contents(here, out).iter().zip(&contents(here, expected)) {
        assert!(found == wanted, "the files of {name} differ");
    }
}

/// Fails unless a star has only the files of its record.
#[track_caller]
pub fn assert_tidy(here: &Workspace, out: &str) {
    let left: Vec<String> =
        files(&here.join(out)).into_iter().filter(|file| file.starts_with("_work")).collect();
    assert!(left.is_empty(), "{left:?}");
    let record = record(here, out);
    let run = record["run_id"].as_str().unwrap();
    let tables = record["tables"].as_object().unwrap();
    let named: usize = tables.values().map(|table| table["files"].as_array().unwrap().len()).sum();
    let stored = files(&here.join(out));
    let stored = stored
        .iter()
        .filter(|file| file.ends_with(".parquet") && !file.starts_with('_') && file.contains(run));
    assert_eq!(stored.count(), named);
}

/// Returns the files below a folder, or none if it does not exist.
pub fn files_below(folder: &Path) -> Vec<String> {
    if folder.exists() { files(folder) } else { Vec::new() }
}
