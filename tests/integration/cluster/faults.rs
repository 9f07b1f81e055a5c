//! Processes that die, and objects that cannot be read.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use super::{Cluster, assert_equal, assert_tidy, files_below, generate, record};
use crate::support::dice::Dice;
use crate::support::{Outcome, Workspace};

/// Starts a transform in the background.
pub fn spawn(here: &Workspace, cluster: &Cluster, out: &str) -> Child {
    let mut command = here.transform(out, &["--engine", &cluster.engine(), "--partition", "day"]);
    command.args(["--max-rejects", "10%"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

pub fn ended(here: &Workspace, child: Child) -> Outcome {
    let output = child.wait_with_output().unwrap();
    Outcome::new("transform".to_owned(), output, here.path())
}

#[test]
fn a_killed_executor_changes_nothing() {
    let here = Workspace::new();
    generate(&here, 20_000, "0.01");
    let options = ["--max-rejects", "10%", "--partition", "day"];
    here.outcome(&mut here.transform("here", &options)).exits(0);
    let begun = Instant::now();
    let mut cluster = Cluster::with_short_timeout(&here, 2);
    cluster.transform(&here, "there", &options).exits(0);
    let usual = begun.elapsed();
    let mut dice = Dice(7);
    for round in 0..10 {
        let out = format!("killed-{round}");
        let run = spawn(&here, &cluster, &out);
        std::thread::sleep(Duration::from_millis(dice.roll(usual.as_millis() as u64)));
        cluster.executors.remove(0);
        cluster.add_executor(&here, 1, &[]);
        ended(&here, run).exits(0);
        assert_equal(&here, &out, "here");
        assert_tidy(&here, &out);
    }
}

#[test]
fn a_killed_scheduler_ends_the_run() {
    let here = Workspace::new();
    generate(&here, 20_000, "0.01");
    let cluster = Cluster::start(&here, 1, 1);
    let options = ["--max-rejects", "10%", "--partition", "day"];
    cluster.transform(&here, "star", &options).exits(0);
    let before = record(&here, "star");
    let run = spawn(&here, &cluster, "star");
    std::thread::sleep(Duration::from_secs(1));
    cluster.scheduler.signal("-KILL");
    let begun = Instant::now();
    ended(&here, run).fails_with("engine-unreachable");
    assert!(begun.elapsed() < Duration::from_secs(60));
    assert_eq!(record(&here, "star"), before);
    assert_tidy(&here, "star");
    let cluster = Cluster::start(&here, 1, 1);
    cluster.transform(&here, "star", &options).exits(0);
    assert_ne!(record(&here, "star")["run_id"], before["run_id"]);
}

#[test]
fn the_job_of_a_killed_client_is_cancelled_and_its_files_are_removed() {
    let here = Workspace::new();
    generate(&here, 20_000, "0.01");
    let mut cluster = Cluster::start(&here, 1, 1);
    let mut run = spawn(&here, &cluster, "star");
    let work = here.join("star/_work");
    while files_below(&work).is_empty() {
        std::thread::sleep(Duration::from_millis(20));
    }
    run.kill().unwrap();
    run.wait().unwrap();
    let begun = Instant::now();
    while cluster.status(&here).contains("\njob ") {
        assert!(begun.elapsed() < Duration::from_secs(60), "{}", cluster.status(&here));
        std::thread::sleep(Duration::from_millis(200));
    }
    let options = ["--max-rejects", "10%", "--partition", "day"];
    cluster.transform(&here, "star", &options).exits(0);
    assert_tidy(&here, "star");
    cluster.executors.clear();
}

#[test]
fn an_interrupted_run_leaves_no_job_and_no_files() {
    let here = Workspace::new();
    generate(&here, 20_000, "0.01");
    let cluster = Cluster::start(&here, 1, 1);
    let run = spawn(&here, &cluster, "star");
    let work = here.join("star/_work");
    while files_below(&work).is_empty() {
        std::thread::sleep(Duration::from_millis(20));
    }
    let killed = std::process::Command::new("kill").args(["-INT", &run.id().to_string()]).status();
    assert!(killed.unwrap().success());
    ended(&here, run).fails_with("interrupted");
    assert!(!cluster.status(&here).contains("\njob "), "{}", cluster.status(&here));
    let mut left = files_below(&here.join("star"));
    left.retain(|file| file != "_lock" && !file.starts_with("_rejects"));
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn an_object_that_cannot_be_read_is_named() {
    let here = Workspace::new();
    generate(&here, 500, "0");
    here.write("data/log_data/2018/11/broken.json.gz", b"\x1f\x8b\x08\0\0\0\0\0\0\x03 no deflate");
    let outcome = here.outcome(&mut here.transform("star", &["--engine", "local[2]"]));
    outcome.fails_with("engine-failed").naming(&["broken.json.gz"]);
    assert!(files_below(&here.join("star/_work")).is_empty());
}

#[test]
fn too_many_rejects_fail_the_run_with_their_file() {
    let here = Workspace::new();
    generate(&here, 2000, "0.05");
    let outcome = here.outcome(&mut here.transform("star", &["--engine", "local[2]"]));
    outcome.fails_with("too-many-rejects");
    let rejects = files_below(&here.join("star/_rejects"));
    assert_eq!(rejects.len(), 1, "{rejects:?}");
}
