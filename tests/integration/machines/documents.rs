//! The document of each command that needs no warehouse and no cloud.

use std::fs::File;
use std::process::Stdio;

use serde_json::{Value, json as value};

use super::{TRANSFORM, break_star, json, with_data, with_star};
use crate::support::{Workspace, exit_code_unread};

#[test]
fn a_transform_reports_what_its_summary_states() {
    let here = with_data();
    let summary = here.run(TRANSFORM).exits(0).stdout.clone();
    let outcome = json(&here, &TRANSFORM);
    let document = outcome.exits(0).document("transform");
    let result = &document["result"];
    assert_eq!(result["status"], "published");
    assert!(result["star"].as_str().unwrap().ends_with("/star"), "{result}");
    assert_eq!(result["model"], "sparkify");
    let logs = &result["datasets"][1];
    for (found, text) in [
        (&logs["objects_listed"], "1 object listed = "),
        (&logs["records"], " 4 records read = "),
        (&logs["records_decoded"], "= 3 decoded + "),
        (&logs["records_rejected"], " + 1 rejected"),
    ] {
        assert!(found.is_u64(), "{found}");
        assert!(summary.contains(text), "{text}: {summary}");
        assert!(text.contains(&found.to_string()), "{text}: {found}");
    }
    let counts = result["accounting"].as_array().unwrap().iter();
    let plays = counts.clone().find(|accounting| accounting["name"] == "plays").unwrap();
    assert_eq!(plays["counts"]["plays_matched"], 1);
    assert_eq!(plays["rates"]["match_rate"], 50.0);
    assert!(summary.contains("match rate 50.00 %"), "{summary}");
    let tables: Vec<(&str, u64)> = result["tables"]
        .as_array()
        .unwrap()
        .iter()
        .map(|table| (table["name"].as_str().unwrap(), table["rows"].as_u64().unwrap()))
        .collect();
    assert_eq!(tables, [("songs", 1), ("artists", 1), ("users", 2), ("songplays", 2), ("time", 2)]);
    for (name, rows) in tables {
        let line = summary.lines().find(|line| line.trim_start().starts_with(name)).unwrap();
        assert_eq!(line.split_whitespace().nth(1), Some(&*rows.to_string()), "{line}");
    }
    assert_eq!(result["checks"].as_array().unwrap().len(), 16);
    assert_eq!(result["rejects"]["records"], 1);
    let reject = &result["rejects"]["first"][0];
    assert_eq!(reject["line"], 4);
    assert!(reject["text_start"].as_str().unwrap().contains("no \\u001b[31m time"), "{reject}");
    let file = result["rejects"]["file"].as_str().unwrap();
    assert!(here.join(file).is_file(), "{file}");
    let record: Value = serde_json::from_str(&here.read("star/_starlift.json")).unwrap();
    assert_eq!(result["run_id"], record["run_id"]);
    assert!(result["phases"].as_array().unwrap().len() > 3);
}

#[test]
fn logs_and_progress_do_not_mix_with_the_document() {
    let here = with_data();
    for more in [&["-v"][..], &["-vv"], &["--quiet"], &["-v", "--log-format", "json"]] {
        let outcome = json(&here, &[&TRANSFORM[..], more].concat());
        outcome.exits(0).document("transform");
        if more[0] == "--quiet" {
            assert_eq!(outcome.stderr, "");
        } else {
            assert!(outcome.stderr.len() > 500, "{outcome}");
        }
    }
    let mut command = here.command();
    command.env("STARLIFT_OUTPUT_FORMAT", "json").args(TRANSFORM);
    here.outcome(&mut command).exits(0).document("transform");
    here.write("starlift.toml", "output_format = \"json\"\n");
    here.run(TRANSFORM).exits(0).document("transform");
    here.run(TRANSFORM.iter().chain(&["--output-format", "text"])).exits(0).says("checks    all");
}

#[test]
fn failed_transforms_report_what_they_have_found() {
    let here = with_data();
    let strict = [&TRANSFORM[..7], &["--max-rejects", "0"]].concat();
    let outcome = json(&here, &strict);
    let error = outcome.exits(3).error("transform", "too-many-rejects");
    assert!(error["advice"].as_str().unwrap().contains("--max-rejects"), "{error}");
    let document = outcome.document("transform");
    assert_eq!(document["result"]["status"], "failed");
    assert_eq!(document["result"]["rejects"]["records"], 1);
    assert_eq!(document["result"]["run_id"], Value::Null);

    let nowhere = ["transform", "--songs", "none", "--logs", "logs", "--out", "star"];
    json(&here, &nowhere).exits(1).error("transform", "nothing-found");
    json(&here, &["transform", "--songs", "songs"]).exits(2).error("transform", "invalid-option");
    json(&here, &["transform", "--keep", "x"]).exits(2).error("transform", "invalid-option");
    json(&here, &["--no-such-option"]).exits(2).error("starlift", "invalid-option");
    here.write("starlift.toml", "no_such_key = 1\n");
    json(&here, &TRANSFORM).exits(2).error("transform", "invalid-option");
}

#[test]
fn a_cause_that_a_message_repeats_is_left_out() {
    let here = with_star();
    std::fs::remove_dir_all(here.join("star/songs")).unwrap();
    let outcome = json(&here, &["check", "--star", "star"]);
    let error = outcome.exits(1).error("check", "damaged-star");
    assert!(error["advice"].as_str().unwrap().contains("starlift transform"), "{error}");
    for cause in error["causes"].as_array().unwrap() {
        assert!(outcome.stderr.contains(cause.as_str().unwrap()), "{error}\n{outcome}");
    }
}

#[test]
fn plans_and_repeated_runs_have_a_status() {
    let here = with_data();
    let planned = json(&here, &[&TRANSFORM[..], &["--dry-run"]].concat());
    let document = planned.exits(0).document("transform");
    assert_eq!(document["result"]["status"], "planned");
    let datasets = &document["result"]["plan"]["datasets"];
    assert_eq!(datasets[1]["name"], "logs");
    assert_eq!(datasets[1]["objects"], 1);
    assert_eq!(document["result"]["plan"]["replaces_run_id"], Value::Null);
    let incremental = [&TRANSFORM[..], &["--incremental", "--partition", "day"]].concat();
    let first = json(&here, &incremental).exits(0).document("transform");
    assert_eq!(first["result"]["changes"]["objects_new"], 2);
    let second = json(&here, &incremental).exits(0).document("transform");
    assert_eq!(second["result"]["status"], "up_to_date");
    assert_eq!(second["result"]["run_id"], first["result"]["run_id"]);
    let verified = json(&here, &[&TRANSFORM[..], &["--verify", "--partition", "day"]].concat());
    assert_eq!(verified.exits(0).document("transform")["result"]["status"], "verified");
}

#[test]
fn checks_report_each_verdict() {
    let here = with_star();
    let document = json(&here, &["check", "--star", "star"]).exits(0).document("check");
    assert_eq!(document["result"]["passed"], 16);
    assert_eq!(document["result"]["subject"], "star");
    break_star(&here);
    let outcome = json(&here, &["check", "--star", "star"]);
    outcome.exits(4).error("check", "checks-failed");
    let result = outcome.document("check")["result"].clone();
    assert_eq!((&result["passed"], &result["failed"]), (&value!(15), &value!(1)));
    let checks = result["checks"].as_array().unwrap();
    let failed = checks.iter().find(|check| check["outcome"] == "failed").unwrap();
    assert_eq!(failed["name"], "songplays_rows");
    assert_eq!(failed["offending_rows"], 1);
    assert!(failed["first_rows"][0].is_object(), "{failed}");
    let contract = json(&here, &["check", "--star", "star", "--copy-contract"]);
    let document = contract.document("check");
    assert_eq!(document["result"]["subject"], "copy_contract");
    json(&here, &["check", "--star", "none"]).exits(1).error("check", "nothing-found");
}

#[test]
fn rejects_are_listed_and_exported() {
    let here = with_star();
    let document = json(&here, &["rejects", "--star", "star"]).exits(0).document("rejects");
    assert_eq!(document["result"]["records"], 1);
    let reason = &document["result"]["reasons"][0];
    assert_eq!((&reason["dataset"], &reason["records"]), (&value!("logs"), &value!(1)));
    assert_eq!(reason["first_line"], 4);
    let export = ["rejects", "--star", "star", "--export", "bad.json"];
    let document = json(&here, &export).exits(0).document("rejects");
    assert_eq!(document["result"]["export"]["file"], "bad.json");
    assert_eq!(document["result"]["export"]["records"], 1);
    json(&here, &export).exits(1).error("rejects", "file-failed");
}

#[test]
fn earlier_stars_are_listed_compared_and_restored() {
    let here = with_data();
    let keep = [&TRANSFORM[..], &["--keep", "2"]].concat();
    here.run(&keep).exits(0);
    here.write("songs/t.json", here.read("songs/s.json").replace("S1", "S2").replace("A1", "A2"));
    here.run(&keep).exits(0);
    let star = ["--star", "star"];
    let document = json(&here, &[&["history"][..], &star].concat()).exits(0).document("history");
    let events = document["result"]["events"].as_array().unwrap().clone();
    assert_eq!(events.len(), 2);
    assert_eq!((&events[0]["event"], &events[0]["files"]), (&value!("run"), &value!("current")));
    assert!(events[0]["time"].as_str().unwrap().ends_with('Z'), "{}", events[0]);
    // --format prints rows, as without --output-format.
    let rows = json(&here, &[&["history", "--format", "json"][..], &star].concat());
    let rows: Value = serde_json::from_str(&rows.exits(0).stdout).unwrap();
    assert_eq!(rows[0]["run_id"], events[0]["run_id"]);
    let document = json(&here, &[&["diff"][..], &star].concat()).exits(0).document("diff");
    let songs = &document["result"]["differences"][0];
    assert_eq!((&songs["table"], &songs["rows_added"]), (&value!("songs"), &value!(1)));
    let run = events[1]["run_id"].as_str().unwrap();
    let rollback = [&["rollback", run][..], &star].concat();
    let dry = json(&here, &[&rollback[..], &["--dry-run"]].concat());
    assert_eq!(dry.exits(0).document("rollback")["result"]["restored"], false);
    let document = json(&here, &rollback).exits(0).document("rollback");
    assert_eq!(document["result"]["restored"], true);
    assert_eq!(document["result"]["selected_run_id"], run);
    json(&here, &[&["rollback", "no-such-run"][..], &star].concat())
        .exits(1)
        .error("rollback", "unknown-run");
}

#[test]
fn doctor_reports_each_check_with_its_remedy() {
    let here = with_star();
    let args = ["doctor", "--songs", "none", "--logs", "logs", "--star", "star"];
    let outcome = json(&here, &args);
    outcome.exits(4).error("doctor", "doctor-failed");
    let result = outcome.document("doctor")["result"].clone();
    assert_eq!(result["failed"], 1);
    let checks = result["checks"].as_array().unwrap();
    let songs = checks.iter().find(|check| check["name"] == "songs").unwrap();
    assert_eq!(songs["outcome"], "failed");
    assert!(songs["advice"].as_str().unwrap().contains("--songs"), "{songs}");
    here.write("starlift.toml", "region = 1\n");
    let outcome = json(&here, &["doctor"]);
    outcome.exits(4).error("doctor", "doctor-failed");
}

#[test]
fn generated_data_is_counted() {
    let here = Workspace::new();
    let args = ["generate", "--songs", "3", "--events", "20", "--out", "data", "--days", "2"];
    let document = json(&here, &args).exits(0).document("generate");
    assert_eq!(document["result"]["song_records"], 3);
    assert_eq!(document["result"]["log_objects"], 2);
    json(&here, &args).exits(2).error("generate", "invalid-option");
}

#[test]
fn rows_are_printed_as_rows_and_their_errors_as_documents() {
    let here = with_star();
    let sql = ["query", "--star", "star", "--sql"];
    let rows = json(&here, &[&sql[..], &["SELECT 1 AS one"]].concat());
    rows.exits(0);
    assert_eq!(rows.stdout, "[{\"one\":1}]\n");
    let csv = json(&here, &[&sql[..], &["SELECT 1 AS one", "--format", "csv"]].concat());
    assert_eq!(csv.exits(0).stdout, "one\n1\n");
    json(&here, &[&sql[..], &["SELECT nothing"]].concat()).exits(1).error("query", "query-failed");
    let tables = json(&here, &["schema"]);
    assert!(serde_json::from_str::<Value>(&tables.exits(0).stdout).is_ok());
    json(&here, &["model", "check", "none"]).exits(2).error("model", "invalid-model");
    here.write("starlift.toml", "");
    json(&here, &["init", "--yes"]).exits(2).error("init", "invalid-option");
}

#[test]
fn a_closed_pipe_does_not_change_the_exit_code_and_a_full_disk_does() {
    let here = with_star();
    let check = ["check", "--star", "star", "--output-format", "json"];
    assert_eq!(exit_code_unread(here.command().args(check), true), Some(0));
    let mut command = here.command();
    command.args(check).stdout(File::create("/dev/full").unwrap()).stderr(Stdio::piped());
    assert_eq!(command.output().unwrap().status.code(), Some(1));
    break_star(&here);
    assert_eq!(exit_code_unread(here.command().args(check), true), Some(4));
}

#[test]
fn the_schema_is_the_one_that_the_program_has() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(super::SCHEMA);
    assert_eq!(std::fs::read_to_string(path).unwrap(), starlift::cli::output_schema());
}
