//! `starlift transform --incremental` and what it prints.

use crate::support::{Outcome, Workspace};

/// A folder with generated data whose files are not new.
fn workspace() -> Workspace {
    let here = Workspace::new();
    let args = "generate --songs 25 --events 300 --users 8 --days 3 --seed 1 --out data";
    here.run(args.split(' ')).exits(0);
    here.age("data");
    here
}

fn transform(here: &Workspace, more: &[&str]) -> Outcome {
    here.outcome(&mut here.transform("star", more))
}

/// Returns the path of one of the logs.
fn a_log(here: &Workspace) -> String {
    let files = crate::support::files(&here.join("data"));
    let log = files.iter().find(|file| file.starts_with("log_data"));
    format!("data/{}", log.unwrap())
}

#[test]
fn the_summary_says_what_was_read() {
    let here = workspace();
    let first = transform(&here, &["--incremental"]);
    first.exits(0).says("objects   28 new, 0 changed, 0 gone, 0 unchanged; read ");
    first.says("reason for reading: there is no star yet");
    here.write("data/log_data/late.json", "");
    let next = transform(&here, &["--incremental"]);
    next.exits(0).says("objects   1 new, 0 changed, 0 gone, 28 unchanged; read 0 B of ");
    next.says("4 objects listed = 4 read").says("restore unchanged rows");
    here.age("data");
    transform(&here, &["--incremental"]).exits(0);
    let last = transform(&here, &["--incremental"]);
    last.exits(0).says("objects   0 new, 0 changed, 0 gone, 29 unchanged; read 0 B of ");
    last.says("is up to date with its inputs").says("not built again");
    transform(&here, &["--incremental", "--full"]).exits(0).says("29 read again, 0 unchanged");
    here.run(["check", "--star", "star"]).exits(0);
}

#[test]
fn objects_that_are_gone_are_named() {
    let here = workspace();
    transform(&here, &["--incremental"]).exits(0);
    let log = a_log(&here);
    std::fs::remove_file(here.join(&log)).unwrap();
    let stopped = transform(&here, &["--incremental"]);
    stopped.fails_with("objects-gone").naming(&["1 object", &log, "--removed drop"]);
    let kept = transform(&here, &["--incremental", "--removed", "keep"]);
    kept.exits(0).says("0 new, 0 changed, 1 gone, 28 unchanged");
    transform(&here, &[]).fails_with("kept-objects").naming(&["--incremental"]);
    let dropped = transform(&here, &["--incremental", "--removed", "drop"]);
    dropped.exits(0).says("0 new, 0 changed, 1 gone, 27 unchanged");
    transform(&here, &[]).exits(0);
}

#[test]
fn a_verification_publishes_nothing() {
    let here = workspace();
    transform(&here, &["--verify"]).fails_with("nothing-found");
    transform(&here, &[]).exits(0);
    let before = crate::support::files(&here.join("star"));
    transform(&here, &["--verify"]).exits(0).says("verified  ").says("all 5 tables are equal");
    transform(&here, &["--verify", "--unmatched", "drop"])
        .fails_with("invalid-option")
        .naming(&["other options"]);
    std::fs::remove_file(here.join(&a_log(&here))).unwrap();
    let differs = transform(&here, &["--verify"]);
    differs.fails_with("star-differs").naming(&["songplays"]);
    assert_eq!(crate::support::files(&here.join("star")), before);
    here.run(["check", "--star", "star"]).exits(0);
}

#[test]
fn options_without_effect_are_rejected() {
    let here = workspace();
    transform(&here, &["--full"]).fails_with("invalid-option").naming(&["--incremental"]);
    transform(&here, &["--verify", "--dry-run"]).exits(2);
    transform(&here, &["--partition", "week"]).exits(2).complains("month");
    transform(&here, &["--incremental", "--removed", "all"]).exits(2).complains("keep");
}

#[test]
fn the_configuration_file_and_the_environment_make_runs_incremental() {
    let here = workspace();
    here.write("starlift.toml", "[transform]\nincremental = true\nremoved = \"drop\"\n");
    transform(&here, &[]).exits(0).says("28 new");
    std::fs::remove_file(here.join(&a_log(&here))).unwrap();
    transform(&here, &[]).exits(0).says("1 gone, 27 unchanged");
    transform(&here, &["--incremental=false"]).exits(0);
    assert!(!here.read("star/_starlift.json").contains("\"state\""));
    std::fs::remove_file(here.join("starlift.toml")).unwrap();
    let mut command = here.command();
    command.args(["transform", "--songs", "data/song_data", "--logs", "data/log_data"]);
    command.args(["--out", "star"]).env("STARLIFT_INCREMENTAL", "true");
    here.outcome(&mut command).exits(0).says("27 new");
}
