//! The model `fixtures/models/github`: nested objects that are read as two datasets, booleans,
//! dates, a composite key, and events that are delivered twice.
//!
//! `expected.json` in its folder was computed by `expected.py`, which does not use the program.

use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use crate::load::redshift::Cloud;
use crate::support::postgres::Postgres;
use crate::support::{Outcome, Workspace, python};

/// The tables of the star, and the columns that their rows are sorted by.
const TABLES: [(&str, &str); 5] = [
    ("actors", "actor_id"),
    ("repos", "repo_id"),
    ("events", "created_at, event_id"),
    ("commits", "pushed_at, repo_id, sha"),
    ("time", "created_at"),
];

/// Names of the generated checks and of those of the folder `checks`.
const CHECKS: [&str; 21] = [
    "actors_primary_key",
    "actors_not_null",
    "repos_primary_key",
    "repos_not_null",
    "events_primary_key",
    "events_not_null",
    "commits_primary_key",
    "commits_not_null",
    "time_primary_key",
    "time_not_null",
    "events_created_at_in_time",
    "events_actor_id_in_actors",
    "events_repo_id_in_repos",
    "commits_repo_id_in_repos",
    "commits_event_id_in_events",
    "commits_pushed_at_in_time",
    "records_accounted",
    "columns_of_pushes",
    "commits_within_push",
    "events_rows",
    "first_seen_is_earliest",
];

/// Returns the path of a file or folder of the model, or of the model itself.
fn model(relative: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/models/github").join(relative)
}

fn text(path: PathBuf) -> String {
    path.to_str().unwrap().to_owned()
}

fn expected() -> Value {
    serde_json::from_str(&std::fs::read_to_string(model("expected.json")).unwrap()).unwrap()
}

/// Returns the arguments that transform the events of `folders`, and the commits of `data`.
fn transform(out: &str, folders: &[&str], more: &[&str]) -> Vec<String> {
    let mut args = vec!["transform".to_owned(), "--model".to_owned(), text(model(""))];
    let events = folders.iter().map(|folder| format!("events={}", text(model(folder))));
    for input in events.chain([format!("commits={}", text(model("data")))]) {
        args.extend(["--input".to_owned(), input]);
    }
    args.extend(["--out", out].iter().chain(more).map(|&arg| arg.to_owned()));
    args
}

/// Adds the model to a command.
fn with_model(mut command: Command, args: &[&str]) -> Command {
    command.env("STARLIFT_MODEL", model("")).args(args);
    command
}

fn run(here: &Workspace, args: &[&str]) -> Outcome {
    here.outcome(&mut with_model(here.command(), args))
}

/// Creates a folder in which `star` is the star of the events.
fn with_star() -> Workspace {
    let here = Workspace::new();
    here.run(transform("star", &["data"], &[])).exits(0);
    here
}

/// Returns the rows of an SQL query on the star, as objects.
#[track_caller]
fn ask(here: &Workspace, sql: &str) -> Value {
    let outcome = run(here, &["query", "--star", "star", "--format", "json", "--sql", sql]);
    outcome.exits(0);
    serde_json::from_str(&outcome.stdout).unwrap()
}

/// Returns all rows of a table in the order of its files.
#[track_caller]
fn rows(here: &Workspace, table: &str, sorted_by: &str) -> Vec<Value> {
    let Value::Array(rows) = ask(here, &format!("SELECT * FROM \"{table}\" ORDER BY {sorted_by}"))
    else {
        panic!("{table} has no rows")
    };
    rows
}

#[test]
fn tables_contain_the_expected_rows() {
    let (here, expected) = (with_star(), expected());
    for (table, sorted_by) in TABLES {
        let rows = rows(&here, table, sorted_by);
        assert_eq!(json!(rows.len()), expected["rows"][table], "{table}");
        let step = if matches!(table, "actors" | "repos") { 1 } else { 12 };
        let some: Vec<&Value> = rows.iter().step_by(step).collect();
        assert_eq!(json!(some), expected["tables"][table], "{table}");
    }
}

#[test]
fn events_and_commits_are_accounted_for() {
    let (here, expected) = (with_star(), expected());
    let run = ask(&here, "SELECT * FROM run");
    let counts = expected["counts"].as_object().unwrap();
    assert_eq!(counts.len(), 8);
    for (name, count) in counts {
        assert_eq!(run[0][name], *count, "{name}: {run}");
    }
}

#[test]
fn questions_have_the_expected_answers() {
    let (here, expected) = (with_star(), expected());
    let questions = expected["analytics"].as_object().unwrap();
    let list = run(&here, &["query", "--list"]);
    list.exits(0).says("Which share of the closed pull requests is merged?");
    for (name, rows) in questions {
        list.says(name);
        let outcome = run(&here, &["query", "--star", "star", "--format", "json", name]);
        outcome.exits(0);
        assert_eq!(serde_json::from_str::<Value>(&outcome.stdout).unwrap(), *rows, "{name}");
    }
    assert_eq!(questions.len(), 6);
}

#[test]
fn checks_pass_and_the_contract_requires_s3() {
    let here = with_star();
    let outcome = run(&here, &["check", "--star", "star"]);
    outcome.exits(0);
    for name in CHECKS {
        outcome.says(&format!("ok    {name} "));
    }
    let contract = run(&here, &["check", "--copy-contract", "--star", "star"]);
    // Redshift reads only from S3.
    contract.fails_with("copy-contract").naming(&["1 finding"]).says("FAIL  manifest-location");
}

#[test]
fn records_with_defects_are_rejected() {
    let here = Workspace::new();
    let folders = ["data", "data-with-defects"];
    here.run(transform("star", &folders, &["--max-rejects", "4"])).fails_with("too-many-rejects");
    here.run(transform("star", &folders, &["--max-rejects", "5"])).exits(0);
    let rejects = ask(&here, "SELECT line, \"column\" FROM rejects ORDER BY line");
    assert_eq!(
        rejects,
        json!([
            {"line": 2, "column": "public"},
            {"line": 3, "column": "id"},
            {"line": 4, "column": "created_at"},
            {"line": 5, "column": null},
            {"line": 7, "column": "push_id"},
        ])
    );
    let object = ask(&here, "SELECT DISTINCT object FROM rejects");
    assert!(object[0]["object"].as_str().unwrap().ends_with("2024-03-02-7.json"), "{object}");
    let kept = expected()["counts"]["events_kept"].as_u64().unwrap() + 2;
    assert_eq!(ask(&here, "SELECT COUNT(*) AS n FROM events"), json!([{"n": kept}]));
    run(&here, &["check", "--star", "star"]).exits(0);
}

#[test]
fn all_rows_equal_those_of_the_reference_and_the_files_those_of_the_generator() {
    let Some(python) = python() else { return };
    let script = |name: &str, args: &[&str]| {
        let mut command = Command::new(&python);
        let output = command.arg("-B").arg(model(name)).args(args).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name} {args:?}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(script("generate.py", &["--check"]), "8 files same\n");
    assert_eq!(script("expected.py", &["--check"]), "expected.json same\n");
    let here = with_star();
    for (table, sorted_by) in TABLES {
        let lines = script("expected.py", &["--table", table]);
        let lines = lines.split('\n').filter(|line| !line.is_empty());
        let wanted: Vec<Value> = lines.map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(rows(&here, table, sorted_by), wanted, "{table}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_contains_the_rows_of_the_files() {
    let (here, database) = (with_star(), Postgres::shared().database());
    let url = database.url();
    let load = ["load", "--star", "star", "--to", &url];
    run(&here, &load).exits(0).says("statistics equal those of the files").says("load 1)");
    for (table, sorted_by) in TABLES {
        let sql = format!("SELECT * FROM \"{table}\" ORDER BY {sorted_by}");
        let args = ["query", "--on", &url, "--format", "json", "--sql", &sql];
        let loaded: Vec<Value> = serde_json::from_str(&run(&here, &args).stdout).unwrap();
        assert_eq!(rows(&here, table, sorted_by), loaded, "{table}");
    }
    let compare = run(&here, &["query", "--star", "star", "--on", &url, "--compare"]);
    compare.exits(0);
    assert_eq!(compare.stdout.matches("same").count(), 6, "{compare}");
    let checks = run(&here, &["check", "--star", "star", "--on", &url]);
    checks.exits(0).says("commits_within_push").says("skipped: reads data that only the files");
    let client = database.client().await;
    let spoil = "UPDATE star.events SET is_merged = NOT is_merged; \
                 UPDATE star.actors SET first_seen = first_seen - 1";
    client.batch_execute(spoil).await.unwrap();
    let args = ["query", "--star", "star", "--on", &url, "--compare"];
    run(&here, &args).fails_with("answers-differ").says("merged_pull_requests.sql: ");
    let checks = run(&here, &["check", "--on", &url]);
    checks.fails_with("warehouse-checks-failed").naming(&["first_seen_is_earliest"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn selftest_reads_objects_of_the_model() {
    let (here, database) = (Workspace::new(), Postgres::shared().database());
    let (url, data) = (database.url(), text(model("data")));
    run(&here, &["selftest", "--to", &url])
        .fails_with("invalid-option")
        .naming(&["--input events=URL --input commits=URL"]);
    let inputs = [format!("events={data}"), format!("commits={data}")];
    run(&here, &["selftest", "--to", &url, "--input", &inputs[0], &inputs[1]])
        .exits(0)
        .says("selftest: passed")
        .says("in 5 tables");
}

#[tokio::test(flavor = "multi_thread")]
async fn redshift_contains_the_rows_of_the_files() {
    let cloud = Cloud::without_star().await;
    let (star, target) = (cloud.s3.url("star"), cloud.target());
    let run = |args: &[&str]| {
        let outcome = cloud.here.outcome(&mut with_model(cloud.command(), args));
        outcome.exits(0);
        outcome
    };
    cloud.run(transform(&star, &["data"], &[])).exits(0);
    run(&["check", "--copy-contract", "--star", &star]).says("rules satisfied");
    let load = ["load", "--star", &star, "--to", &target];
    run(&load).says("statistics equal those of the files").says("load 1)");
    for (table, sorted_by) in TABLES {
        let sql = format!("SELECT * FROM \"{table}\" ORDER BY {sorted_by}");
        let query = ["query", "--format", "json", "--sql", &sql];
        let files = run(&[&query[..], &["--star", &star]].concat()).stdout;
        assert_eq!(files, run(&[&query[..], &["--on", &target]].concat()).stdout, "{table}");
    }
    let compare = run(&["query", "--star", &star, "--on", &target, "--compare"]);
    assert_eq!(compare.stdout.matches("same").count(), 6, "{compare}");
    run(&["check", "--star", &star, "--on", &target]).says("columns_of_pushes");
}

#[test]
fn options_that_no_query_of_the_model_uses_are_rejected() {
    let here = Workspace::new();
    for (more, named) in [
        (["--match", "title-artist-duration"], "--match"),
        (["--unmatched", "drop"], "--unmatched"),
        (["--repair-encoding", "match"], "--repair-encoding match"),
    ] {
        let outcome = here.run(transform("star", &["data"], &more));
        outcome.fails_with("invalid-option").naming(&[named, "model github"]);
    }
    here.run(transform("star", &["data"], &["--repair-encoding", "store"])).exits(0);
}
