//! The processes of a cluster: start, stop, state and health.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::{Cluster, Process, assert_equal, executor, generate, scheduler};
use crate::support::Workspace;

/// Returns the answer to a request for `path`.
fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Returns an address with a port that was free a moment ago.
pub fn free_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

#[test]
fn the_state_of_a_cluster_is_shown() {
    let here = Workspace::new();
    let cluster = Cluster::start(&here, 2, 3);
    let begun = std::time::Instant::now();
    while !cluster.status(&here).contains("2 executors, 6 cores, 0 running jobs") {
        assert!(begun.elapsed() < Duration::from_secs(20), "{}", cluster.status(&here));
    }
    let status = cluster.status(&here);
    let executors = status.lines().filter(|line| line.starts_with("executor 127.0.0.1:"));
    assert_eq!(executors.count(), 2, "{status}");
    let none = here.run(["cluster", "status", "--scheduler", &free_address()]);
    none.fails_with("engine-unreachable");
}

#[test]
fn health_and_metrics_are_answered() {
    let here = Workspace::new();
    let (of_scheduler, of_executor) = (free_address(), free_address());
    let process = Process::start(scheduler(&here, &["--health", &of_scheduler]));
    assert!(get(&of_scheduler, "/healthz").starts_with("HTTP/1.1 200"));
    assert!(get(&of_scheduler, "/readyz").starts_with("HTTP/1.1 503"));
    let more = ["--health", &of_executor, "--cores", "2"];
    let _executor = Process::start(executor(&here, &process.address, &more));
    let begun = std::time::Instant::now();
    for address in [&of_scheduler, &of_executor] {
        while !get(address, "/readyz").starts_with("HTTP/1.1 200") {
            assert!(begun.elapsed() < Duration::from_secs(20));
        }
    }
    let metrics = get(&of_scheduler, "/metrics");
    for line in ["starlift_cluster_executors 1\n", "starlift_cluster_cores 2\n"] {
        assert!(metrics.contains(line), "{metrics}");
    }
    assert!(get(&of_executor, "/metrics").contains("starlift_executor_cores 2\n"));
}

#[test]
fn an_executor_that_joins_late_gets_work() {
    let here = Workspace::new();
    generate(&here, 1000, "0");
    let mut cluster = Cluster::start(&here, 0, 1);
    let mut command = here.transform("star", &["--engine", &cluster.engine()]);
    let run = command.spawn().unwrap();
    std::thread::sleep(Duration::from_secs(2));
    cluster.add_executor(&here, 1, &[]);
    let output = run.wait_with_output().unwrap();
    assert!(output.status.success());
}

#[test]
fn an_executor_that_is_stopped_finishes_its_tasks() {
    let here = Workspace::new();
    generate(&here, 20_000, "0");
    let mut cluster = Cluster::start(&here, 2, 1);
    let mut command = here.transform("star", &["--engine", &cluster.engine()]);
    let run = command.spawn().unwrap();
    std::thread::sleep(Duration::from_millis(700));
    cluster.executors[0].signal("-TERM");
    assert_eq!(cluster.executors[0].wait(Duration::from_secs(60)), Some(0));
    assert!(run.wait_with_output().unwrap().status.success());
    cluster.scheduler.signal("-TERM");
    assert_eq!(cluster.scheduler.wait(Duration::from_secs(30)), Some(0));
}

#[test]
fn an_executor_without_a_scheduler_gives_up() {
    let here = Workspace::new();
    let mut command = executor(&here, &free_address(), &["--connect-timeout", "2s"]);
    here.outcome(&mut command).fails_with("engine-unreachable");
}

#[test]
fn executors_join_a_scheduler_that_is_started_again() {
    let here = Workspace::new();
    generate(&here, 1000, "0");
    let address = free_address();
    let mut cluster = Cluster::with_scheduler(scheduler(&here, &["--bind", &address]));
    cluster.add_executor(&here, 1, &[]);
    cluster.transform(&here, "first", &[]).exits(0);
    cluster.scheduler.signal("-KILL");
    cluster.scheduler.wait(Duration::from_secs(30));
    cluster.scheduler = Process::start(scheduler(&here, &["--bind", &address]));
    cluster.transform(&here, "second", &[]).exits(0);
    assert_equal(&here, "first", "second");
    assert!(cluster.status(&here).contains(" 1 executors, "), "{}", cluster.status(&here));
}
