//! Exit codes do not depend on whether the output is read.

use std::fs::File;
use std::process::Stdio;

use super::{TINY, text, transform_args, with_tiny_data, with_tiny_star};
use crate::support::{Workspace, exit_code_unread};

/// Runs a command line with its output read, with standard output closed, and with standard error
/// closed too; each run must exit with `code`.
#[track_caller]
fn exits_with_or_without_reader(here: &Workspace, args: &[&str], code: i32) {
    here.run(args).exits(code);
    for both in [false, true] {
        let found = exit_code_unread(here.command().args(args), both);
        assert_eq!(found, Some(code), "{args:?}, standard error closed: {both}");
    }
}

/// Creates a folder whose `star` fails a check.
fn with_failing_star() -> Workspace {
    let here = with_tiny_star();
    let record = here.read("star/_starlift.json");
    here.write("star/_starlift.json", record.replacen("\"plays_read\": 2", "\"plays_read\": 3", 1));
    here
}

#[test]
fn exit_code_of_transform_does_not_depend_on_the_reader() {
    let here = with_tiny_data();
    exits_with_or_without_reader(&here, &TINY, 0);
    for more in [&["-v"][..], &["--quiet"], &["--log-format", "json"], &["--dry-run"]] {
        exits_with_or_without_reader(&here, &[&TINY[..], more].concat(), 0);
    }
    exits_with_or_without_reader(
        &here,
        &["transform", "--songs", "songs", "--logs", "none", "--out", "star"],
        1,
    );
    let rejecting = transform_args("sample/song_data", "sample/log_data", &[]);
    let rejecting: Vec<&str> = rejecting.iter().map(String::as_str).collect();
    exits_with_or_without_reader(&here, &rejecting, 3);
    exits_with_or_without_reader(
        &here,
        &[&rejecting[..], &["--color", "always", "-vv"]].concat(),
        3,
    );
}

#[test]
fn exit_code_of_check_does_not_depend_on_the_reader() {
    let here = with_failing_star();
    exits_with_or_without_reader(&here, &["check", "--star", "star"], 4);
    exits_with_or_without_reader(&here, &["check", "--quiet", "--star", "star"], 4);
    exits_with_or_without_reader(&here, &["check", "--copy-contract", "--star", "star"], 4);
    exits_with_or_without_reader(&with_tiny_star(), &["check", "--star", "star"], 0);
    exits_with_or_without_reader(&here, &["check", "--star", "none"], 1);
}

#[test]
fn exit_code_of_query_does_not_depend_on_the_reader() {
    let here = with_tiny_star();
    for format in ["table", "csv", "json", "ndjson"] {
        let sql = "SELECT * FROM songplays";
        exits_with_or_without_reader(
            &here,
            &["query", "--star", "star", "--format", format, "--sql", sql],
            0,
        );
        let sql = "SELECT nothing FROM songplays";
        exits_with_or_without_reader(
            &here,
            &["query", "--star", "star", "--format", format, "--sql", sql],
            1,
        );
    }
    exits_with_or_without_reader(&here, &["query", "--list"], 0);
    exits_with_or_without_reader(&here, &["query", "no_such_query", "--star", "star"], 2);
}

#[test]
fn exit_codes_of_other_commands_do_not_depend_on_the_reader() {
    let here = with_tiny_star();
    exits_with_or_without_reader(&here, &["--help"], 0);
    exits_with_or_without_reader(&here, &["--version"], 0);
    exits_with_or_without_reader(&here, &["help", "transform"], 0);
    exits_with_or_without_reader(&here, &["--no-such-flag"], 2);
    exits_with_or_without_reader(&here, &["completions", "zsh"], 0);
    for format in ["mermaid", "json", "redshift", "postgres"] {
        exits_with_or_without_reader(&here, &["schema", "--format", format], 0);
    }
    exits_with_or_without_reader(&here, &["schema", "--format", "postgres", "--star", "none"], 1);
    exits_with_or_without_reader(&here, &["init", "--yes", "--to", "-"], 0);
    exits_with_or_without_reader(&here, &["init", "--yes", "--force"], 0);
    exits_with_or_without_reader(
        &here,
        &["doctor", "--songs", "songs", "--logs", "logs", "--star", "star"],
        0,
    );
    exits_with_or_without_reader(&here, &["doctor", "--songs", "none", "--logs", "logs"], 4);
    let generate = ["generate", "--songs", "1", "--events", "1", "--out", "data"];
    assert_eq!(exit_code_unread(here.command().args(generate), true), Some(0));
    exits_with_or_without_reader(&here, &generate, 2);
    let to = "postgres://ann@127.0.0.1:1/none";
    exits_with_or_without_reader(&here, &["load", "--star", "star", "--to", to], 1);
    exits_with_or_without_reader(&here, &["selftest", "--to", to], 1);
    let run = ["run", "--songs", "songs", "--logs", "logs", "--out", "star", "--to", to];
    exits_with_or_without_reader(&here, &run, 1);
    let run = [&run[..], &["--dry-run"]].concat();
    exits_with_or_without_reader(&here, &run, 0);
}

#[test]
fn demo_succeeds_without_a_reader() {
    let here = Workspace::new();
    assert_eq!(exit_code_unread(here.command().arg("demo"), true), Some(0));
    assert!(here.join("starlift-demo/star/_starlift.json").is_file());
}

#[test]
fn query_stops_when_its_reader_is_gone() {
    let here = with_tiny_star();
    // All two billion rows would take minutes.
    let sql = "SELECT * FROM generate_series(1, 2000000000)";
    for format in ["csv", "json", "ndjson"] {
        let args = ["query", "--star", "star", "--format", format, "--sql", sql];
        let begun = std::time::Instant::now();
        assert_eq!(exit_code_unread(here.command().args(args), false), Some(0));
        assert!(begun.elapsed().as_secs() < 30, "{format}");
    }
}

#[test]
fn full_disk_under_standard_output_is_a_failure() {
    let here = with_tiny_star();
    let query = ["query", "--star", "star", "--sql", "SELECT 1", "--format"];
    let queries = ["table", "csv", "json", "ndjson"].map(|format| [&query[..], &[format]].concat());
    let others = [
        vec!["--help"],
        vec!["--version"],
        vec!["completions", "bash"],
        vec!["schema"],
        vec!["check", "--star", "star"],
        vec!["init", "--yes", "--to", "-"],
        TINY.to_vec(),
    ];
    for args in queries.into_iter().chain(others) {
        let mut command = here.command();
        command.args(&args).stdout(File::create("/dev/full").unwrap());
        let output = command.stderr(Stdio::piped()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{args:?}: {said}");
        assert!(said.contains("cannot write to standard output"), "{args:?}: {said}");
    }
    assert!(here.join(text(std::path::Path::new("star/_starlift.json"))).is_file());
}
