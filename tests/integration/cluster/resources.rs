//! Disks that are full, and what runs leave on executors.

use std::time::{Duration, Instant};

use super::{Cluster, files_below, generate};
use crate::support::Workspace;
use crate::support::small_disk::SmallDisk;

#[test]
fn a_full_disk_of_an_executor_fails_the_run_with_the_reason() {
    let here = Workspace::new();
    let Some(disk) = SmallDisk::mount(here.join("scratch"), 256) else {
        eprintln!("skipped: this user cannot mount a small disk");
        return;
    };
    generate(&here, 20_000, "0");
    let mut cluster = Cluster::start(&here, 0, 1);
    cluster.add_executor(&here, 1, &["--work-dir", "scratch"]);
    let begun = Instant::now();
    let outcome = cluster.transform(&here, "star", &["--partition", "day"]);
    outcome.fails_with("engine-failed").naming(&["No space left on device"]);
    assert!(begun.elapsed() < Duration::from_secs(120));
    let mut left = files_below(&here.join("star"));
    left.retain(|file| file != "_lock" && !file.starts_with("_rejects"));
    assert!(left.is_empty(), "{left:?}");
    assert!(!cluster.status(&here).contains("\njob "), "{}", cluster.status(&here));
    cluster.executors.clear();
    drop(disk);
    cluster.add_executor(&here, 1, &[]);
    cluster.transform(&here, "star", &["--partition", "day"]).exits(0);
}

#[test]
fn runs_leave_no_files_and_no_memory_on_executors() {
    let here = Workspace::new();
    generate(&here, 300, "0");
    std::fs::create_dir(here.join("scratch")).unwrap();
    let mut cluster = Cluster::start(&here, 0, 1);
    cluster.add_executor(&here, 1, &["--work-dir", "scratch"]);
    let mut before = Vec::new();
    for round in 0..20 {
        cluster.transform(&here, "star", &["--partition", "day"]).exits(0);
        let begun = Instant::now();
        let rows = || {
            let files = files_below(&here.join("scratch")).into_iter();
            files.filter(|file| !file.ends_with(".starlift-lock")).collect::<Vec<_>>()
        };
        while !rows().is_empty() {
            assert!(begun.elapsed() < Duration::from_secs(90), "round {round}: {:?}", rows());
            std::thread::sleep(Duration::from_millis(200));
        }
        let memory = [&cluster.scheduler, &cluster.executors[0]].map(super::Process::memory);
        before.push(memory);
    }
    for process in 0..2 {
        let (early, late) = (before[7][process], before[19][process]);
        // The allocator keeps some memory, and the scheduler the state of the jobs of the last minutes.
        assert!(late < early + early / 3 + (32 << 20), "{before:?}");
    }
    cluster.executors[0].signal("-TERM");
    assert_eq!(cluster.executors[0].wait(Duration::from_secs(30)), Some(0));
    assert!(files_below(&here.join("scratch")).is_empty());
}
