//! Temporary folders: private, and removed when the process ends or at the next start.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::{TINY, with_tiny_star};
use crate::support::{Workspace, files};

/// Creates a folder with a star and an empty folder for temporary files.
fn workspace() -> Workspace {
    let here = with_tiny_star();
    std::fs::create_dir(here.join("tmp")).unwrap();
    here
}

/// A query that spills to disk for a minute or longer, two gigabytes in total.
const LONG_QUERY: &str = "SELECT value FROM generate_series(1, 250000000) ORDER BY value DESC";

/// A process that is killed if it is still running when the test ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start_long_query(here: &Workspace) -> Running {
    let mut command = here.command();
    command.args([
        "query",
        "--star",
        "star",
        "--memory-limit",
        "128MiB",
        "--format",
        "csv",
        "--sql",
        LONG_QUERY,
    ]);
    start(here, &mut command)
}

fn start(here: &Workspace, command: &mut Command) -> Running {
    let child = command.env("TMPDIR", here.join("tmp")).stdout(Stdio::null()).stderr(Stdio::null());
    Running(child.spawn().unwrap())
}

/// Waits until a temporary file exists, and returns its folder.
fn wait_for_files(here: &Workspace) -> PathBuf {
    let begun = Instant::now();
    loop {
        let found = files(&here.join("tmp")).into_iter().find(|file| file.contains("/datafusion-"));
        if let Some(file) = found {
            return here.join("tmp").join(file.split('/').next().unwrap());
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "nothing was spilled");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn signal(child: &Running, name: &str) {
    let done = Command::new("kill").args([&format!("-{name}"), &child.0.id().to_string()]).status();
    assert!(done.unwrap().success());
}

fn is_empty(folder: &Path) -> bool {
    std::fs::read_dir(folder).unwrap().next().is_none()
}

#[test]
fn signal_ends_a_query_cleanly() {
    for name in ["HUP", "TERM", "INT"] {
        let here = workspace();
        let mut child = start_long_query(&here);
        let folder = wait_for_files(&here);
        assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
        signal(&child, name);
        assert_eq!(child.0.wait().unwrap().code(), Some(1), "{name}");
        assert!(is_empty(&here.join("tmp")), "{name}: {:?}", files(&here.join("tmp")));
    }
}

#[test]
fn signal_ends_every_command_with_temporary_files_cleanly() {
    let nowhere = "postgres://ann@127.0.0.1:1/none";
    let other = [&TINY[..5], &["--out", "other"]].concat();
    for (args, name) in [
        (vec!["check", "--star", "star"], "HUP"),
        (vec!["check", "--star", "star"], "TERM"),
        (vec!["load", "--star", "star", "--to", nowhere], "HUP"),
        (vec!["load", "--star", "star", "--to", nowhere], "TERM"),
        (other.clone(), "HUP"),
        (other, "INT"),
    ] {
        let here = workspace();
        // All of these commands run the checks.
        here.write("own/checks/slow.sql", format!("-- Nothing is slow.\n{LONG_QUERY}\n"));
        let mut command = here.command();
        command.args(&args).args(["--queries", "own", "--memory-limit", "256MiB"]);
        let mut child = start(&here, &mut command);
        wait_for_files(&here);
        signal(&child, name);
        assert_eq!(child.0.wait().unwrap().code(), Some(1), "{name}: {args:?}");
        assert!(is_empty(&here.join("tmp")), "{name}: {args:?}: {:?}", files(&here.join("tmp")));
        let left = files(&here.join("other"));
        assert!(left.iter().all(|file| file.starts_with('_')), "{left:?}");
    }
}

#[test]
fn signal_ends_a_query_with_a_blocked_reader() {
    let here = workspace();
    let sql = "SELECT value FROM generate_series(1, 4000000000)";
    let mut command = here.command();
    command.args(["query", "--star", "star", "--format", "csv", "--sql", sql]);
    command.env("TMPDIR", here.join("tmp")).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = Running(command.spawn().unwrap());
    while is_empty(&here.join("tmp")) {
        std::thread::sleep(Duration::from_millis(10));
    }
    // The pipe fills up within this time.
    std::thread::sleep(Duration::from_secs(2));
    signal(&child, "TERM");
    let begun = Instant::now();
    while child.0.try_wait().unwrap().is_none() {
        assert!(begun.elapsed() < Duration::from_secs(20), "it does not end");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(child.0.wait().unwrap().code(), Some(1));
    assert!(is_empty(&here.join("tmp")), "{:?}", files(&here.join("tmp")));
}

#[test]
fn ignored_signal_stays_ignored() {
    let here = workspace();
    let program = env!("CARGO_BIN_EXE_starlift");
    let mut shell = Command::new("sh");
    let sql = "SELECT COUNT(*) FROM generate_series(1, 300000000)";
    let script = format!("trap '' HUP; exec {program} query --star star --sql '{sql}'");
    shell.current_dir(here.path()).args(["-c", &script]);
    let mut child = start(&here, &mut shell);
    let begun = Instant::now();
    while is_empty(&here.join("tmp")) && begun.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(5));
    }
    signal(&child, "HUP");
    assert_eq!(child.0.wait().unwrap().code(), Some(0));
}

#[test]
fn files_of_a_killed_run_are_removed_at_the_next_start() {
    let here = workspace();
    let mut killed = start_long_query(&here);
    let left = wait_for_files(&here);
    killed.0.kill().unwrap();
    killed.0.wait().unwrap();
    assert!(!is_empty(&left));
    let mut alive = start_long_query(&here);
    let begun = Instant::now();
    while left.exists() {
        assert!(begun.elapsed() < Duration::from_secs(20), "it is still there");
        std::thread::sleep(Duration::from_millis(20));
    }
    let in_use = wait_for_files(&here);
    std::fs::create_dir(here.join("tmp/starlift-a1B2c3")).unwrap();
    here.write("tmp/starlift-d4E5f6/precious", "p");
    let mut command = here.command();
    command.args(TINY).env("TMPDIR", here.join("tmp"));
    here.outcome(&mut command).exits(0);
    assert!(!is_empty(&in_use), "that of a run that lives stays");
    assert!(here.join("tmp/starlift-a1B2c3").exists());
    assert_eq!(here.read("tmp/starlift-d4E5f6/precious"), "p");
    alive.0.kill().unwrap();
    alive.0.wait().unwrap();
}
