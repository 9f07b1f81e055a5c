//! Pipes, hard-linked copies, and folders without read permission.

use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::*;

const JSONPATHS: &str = r#"{"jsonpaths":["$.artist","$.auth","$.firstName","$.gender","$.itemInSession","$.lastName","$.length","$.level","$.location","$.method","$.page","$.registration","$.sessionId","$.song","$.status","$.ts","$.userAgent","$.userId"]}"#;

/// Runs a command that must end by itself although no process writes to its pipes.
#[track_caller]
fn ends(workspace: &Workspace, args: &[&str]) -> Outcome {
    let mut child =
        workspace.command().args(args).stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    let begun = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if begun.elapsed() > Duration::from_secs(30) {
            child.kill().unwrap();
            panic!("it waits for a pipe: {args:?}");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    workspace.run(args)
}

fn mkfifo(path: &std::path::Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[test]
fn named_pipe_instead_of_a_file_is_rejected_at_once() {
    let workspace = with_data();
    mkfifo(&workspace.join("pipe"));
    let paths = ["transform", "--songs", "songs", "--logs", "logs", "--out", "star"];
    for flag in ["--log-jsonpaths", "--song-jsonpaths"] {
        let outcome = ends(&workspace, &[&paths[..], &[flag, "pipe"]].concat());
        outcome.fails_with("file-failed").naming(&["pipe"]);
    }
    workspace.run(paths).exits(0);
    for name in ["_starlift.json", "songs.manifest"] {
        let path = workspace.join(&format!("star/{name}"));
        let content = std::fs::read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        mkfifo(&path);
        ends(&workspace, &paths).fails_with("file-failed").naming(&[name, "pipe"]);
        if name == "_starlift.json" {
            let query = ["query", "most_played_songs", "--star", "star"];
            for args in [&query[..], &["check", "--star", "star"]] {
                ends(&workspace, args).fails_with("file-failed").naming(&[name, "pipe"]);
            }
        }
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, content).unwrap();
    }
}

#[test]
fn process_substitution_of_the_shell_is_read() {
    let workspace = with_data();
    workspace.write("paths.json", JSONPATHS);
    let program = env!("CARGO_BIN_EXE_starlift");
    let transform = format!("{program} transform --songs songs --logs logs --out star");
    for line in [
        format!("{transform} --log-jsonpaths <(cat paths.json)"),
        format!("cat paths.json | {transform} --log-jsonpaths /dev/stdin"),
        format!("{transform} --log-jsonpaths /dev/fd/7 7< paths.json"),
    ] {
        let mut shell = Command::new("bash");
        let outcome = workspace.outcome(shell.current_dir(workspace.path()).args(["-c", &line]));
        outcome.exits(0).says("1 read = 1 matched");
    }
    let mut shell = Command::new("bash");
    let line = format!("{transform} --log-jsonpaths <(echo '{{\"jsonpaths\": 1}}')");
    let outcome = workspace.outcome(shell.current_dir(workspace.path()).args(["-c", &line]));
    outcome.fails_with("jsonpaths").naming(&["/dev/fd/"]);
}

#[test]
fn hard_linked_copy_is_a_separate_output() {
    let workspace = with_data();
    let run = |out| transform(workspace.command(), &workspace, out, &[]);
    run("star").exits(0);
    let mut copy = Command::new("cp");
    copy.args(["-al", "star", "copy"]).current_dir(workspace.path());
    assert!(copy.status().unwrap().success());
    let before = workspace.read("star/_lock");
    run("copy").exits(0);
    assert_eq!(workspace.read("star/_lock"), before);
    assert_ne!(workspace.read("copy/_lock"), before);
    for star in ["star", "copy"] {
        workspace.run(["check", "--star", star]).exits(0);
    }
    run("star").exits(0);
    run("copy").exits(0);
}

#[test]
fn unreadable_hidden_folder_is_skipped() {
    use std::os::unix::fs::MetadataExt;
    use std::os::unix::process::CommandExt;

    const OTHER_UID: u32 = 65534;
    let workspace = with_data();
    for folder in ["songs/.trash", "songs/a/_old"] {
        workspace.write(&format!("{folder}/x.json"), SONG);
        std::fs::set_permissions(workspace.join(folder), PermissionsExt::from_mode(0o000)).unwrap();
    }
    let program = workspace.join("starlift");
    if std::fs::hard_link(env!("CARGO_BIN_EXE_starlift"), &program).is_err() {
        std::fs::copy(env!("CARGO_BIN_EXE_starlift"), &program).unwrap();
    }
    // Root can read everything, so the test uses another user.
    let is_root = std::fs::metadata(workspace.path()).unwrap().uid() == 0;
    std::fs::set_permissions(workspace.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let run = |more: &[&str]| {
        let mut command = Command::new(&program);
        command.current_dir(workspace.path()).env("HOME", workspace.path());
        command.args(["transform", "--songs", "songs", "--logs", "logs", "--out", "out/star"]);
        if is_root {
            command.uid(OTHER_UID).gid(OTHER_UID);
        }
        workspace.outcome(command.args(more))
    };
    std::fs::create_dir(workspace.join("out")).unwrap();
    if is_root {
        std::os::unix::fs::chown(workspace.join("out"), Some(OTHER_UID), Some(OTHER_UID)).unwrap();
    }
    run(&[]).exits(0).says("songs     1 object listed = 1 read");
    run(&["--include-hidden"]).exits(1).complains("Permission denied");
    for folder in ["songs/.trash", "songs/a/_old"] {
        std::fs::set_permissions(workspace.join(folder), PermissionsExt::from_mode(0o755)).unwrap();
    }
}
