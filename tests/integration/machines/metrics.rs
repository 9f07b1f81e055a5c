//! `--metrics-file`, read with the parser of Prometheus' own client.

use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use super::{TRANSFORM, reference, with_data};
use crate::support::postgres::Postgres;
use crate::support::{Outcome, Workspace, files};

fn transform(here: &Workspace, more: &[&str]) -> Outcome {
    here.run(TRANSFORM.iter().chain(&["--metrics-file", "prom/sparkify.prom"]).chain(more))
}

fn with_folder() -> Workspace {
    let here = with_data();
    std::fs::create_dir(here.join("prom")).unwrap();
    here
}

/// Returns the metrics of a file by name.
fn metrics(here: &Workspace, file: &str) -> Option<Value> {
    let parsed = reference(&["metrics"], &here.read(file))?;
    Some(serde_json::from_str(&parsed).unwrap())
}

/// Returns the value of the sample with a label, or of the only sample.
#[track_caller]
fn sample(metrics: &Value, name: &str, label: Option<(&str, &str)>) -> f64 {
    let samples = metrics[name].as_array().unwrap_or_else(|| panic!("{name} in {metrics:#}"));
    let mut found = samples
        .iter()
        .filter(|sample| label.is_none_or(|(label, value)| sample["labels"][label] == value));
    let value = found.next().unwrap_or_else(|| panic!("{name} {label:?}"))["value"].as_f64();
    assert!(found.next().is_none(), "{name} {label:?} has several values");
    value.unwrap()
}

#[test]
fn the_metrics_of_a_transform_are_those_of_its_summary() {
    let here = with_folder();
    transform(&here, &[]).exits(0);
    let Some(metrics) = metrics(&here, "prom/sparkify.prom") else { return };
    for (name, label, value) in [
        ("starlift_last_run_success", None, 1.0),
        ("starlift_last_run_exit_code", None, 0.0),
        ("starlift_last_run_published", None, 1.0),
        ("starlift_table_rows", Some(("table", "songplays")), 2.0),
        ("starlift_dataset_records_rejected", Some(("dataset", "logs")), 1.0),
        ("starlift_dataset_records_decoded", Some(("dataset", "logs")), 3.0),
        ("starlift_dataset_objects_read", Some(("dataset", "songs")), 1.0),
        ("starlift_match_ratio", None, 0.5),
        ("starlift_runs_total", Some(("outcome", "success")), 1.0),
        ("starlift_runs_total", Some(("outcome", "failure")), 0.0),
        ("starlift_checks", Some(("outcome", "passed")), 16.0),
        ("starlift_checks", Some(("outcome", "failed")), 0.0),
    ] {
        assert_eq!(sample(&metrics, name, label), value, "{name}");
    }
    let ended = sample(&metrics, "starlift_last_run_timestamp_seconds", None);
    assert_eq!(sample(&metrics, "starlift_last_success_timestamp_seconds", None), ended);
    assert!(ended > 1.7e9);
    let bytes = sample(&metrics, "starlift_table_size_bytes", Some(("table", "songs")));
    assert!(bytes > 100.0);
    for (name, samples) in metrics.as_object().unwrap() {
        for sample in samples.as_array().unwrap() {
            assert_eq!(sample["labels"]["pipeline"], "sparkify", "{name}");
            assert_eq!(sample["labels"]["command"], "transform", "{name}");
        }
    }
    // Another user runs node_exporter.
    let mode = here.join("prom/sparkify.prom").metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o044, 0o044, "{mode:o}");
    assert_eq!(files(&here.join("prom")), ["sparkify.prom"]);
}

#[test]
fn a_failure_keeps_the_time_of_the_last_success() {
    let here = with_folder();
    transform(&here, &[]).exits(0);
    let before = metrics(&here, "prom/sparkify.prom");
    here.run(TRANSFORM[..7].iter().chain(&["--metrics-file", "prom/sparkify.prom"])).exits(3);
    here.run(["transform", "--metrics-file", "prom/sparkify.prom"]).exits(2);
    let (Some(before), Some(after)) = (before, metrics(&here, "prom/sparkify.prom")) else {
        return;
    };
    let last = "starlift_last_success_timestamp_seconds";
    assert_eq!(sample(&after, last, None), sample(&before, last, None));
    assert_eq!(sample(&after, "starlift_last_run_success", None), 0.0);
    assert_eq!(sample(&after, "starlift_last_run_exit_code", None), 2.0);
    assert_eq!(sample(&after, "starlift_runs_total", Some(("outcome", "failure"))), 2.0);
    assert_eq!(sample(&after, "starlift_runs_total", Some(("outcome", "success"))), 1.0);
    transform(&here, &["--dry-run"]).exits(0);
    let unchanged = metrics(&here, "prom/sparkify.prom").unwrap();
    assert_eq!(sample(&unchanged, "starlift_last_run_exit_code", None), 2.0);
}

#[test]
fn a_first_failure_has_no_success() {
    let here = with_folder();
    here.run(TRANSFORM[..7].iter().chain(&["--metrics-file", "prom/a \"b\".prom"])).exits(3);
    let Some(metrics) = metrics(&here, "prom/a \"b\".prom") else { return };
    assert_eq!(sample(&metrics, "starlift_last_success_timestamp_seconds", None), 0.0);
    assert_eq!(metrics["starlift_last_run_success"][0]["labels"]["pipeline"], "a \"b\"");
    let rejected = sample(&metrics, "starlift_dataset_records_rejected", Some(("dataset", "logs")));
    assert_eq!(rejected, 1.0);
}

#[test]
fn files_that_cannot_be_written_fail_before_the_run() {
    let here = with_data();
    let star = || here.join("star").exists();
    transform(&here, &[]).exits(2).complains("the folder does not exist");
    here.write("prom/sparkify.prom", "important = 1\n");
    transform(&here, &[]).exits(2).complains("it exists and is not a file of starlift");
    assert_eq!(here.read("prom/sparkify.prom"), "important = 1\n");
    let special = TRANSFORM.iter().chain(&["--metrics-file", "/dev/null"]);
    here.run(special).exits(2).complains("it is not a file of starlift");
    let proc = TRANSFORM.iter().chain(&["--metrics-file", "/proc/sparkify.prom"]);
    here.run(proc).exits(1).complains("cannot write /proc/sparkify.prom");
    assert!(!star());
}

#[test]
fn a_file_that_cannot_be_replaced_fails_after_the_star_is_published() {
    let here = with_folder();
    // The folder disappears while the run is in progress: `starlift` opens no file in it.
    let mut command = here.command();
    command.args(TRANSFORM).args([
        "--metrics-file",
        "prom/sparkify.prom",
        "--output-format",
        "json",
    ]);
    let folder = here.join("prom");
    let star = here.join("star");
    let watcher = std::thread::spawn(move || {
        while !star.exists() {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        std::fs::remove_dir(folder).unwrap();
    });
    let outcome = here.outcome(&mut command);
    watcher.join().unwrap();
    let error = outcome.exits(1).error("transform", "file-failed");
    assert!(error["message"].as_str().unwrap().contains("--metrics-file"), "{error}");
    assert_eq!(outcome.document("transform")["result"]["status"], "published");
    assert!(here.join("star/_starlift.json").is_file());
}

#[tokio::test]
async fn a_run_and_a_load_have_the_metrics_of_their_steps() {
    let (here, database) = (with_folder(), Postgres::shared().database());
    let url = database.url();
    let run = [&["run"][..], &TRANSFORM[1..], &["--to", &url, "--metrics-file", "prom/run.prom"]];
    here.run(run.concat()).exits(0);
    let load = ["load", "--star", "star", "--to", &url, "--metrics-file", "prom/load.prom"];
    here.run(load).exits(0);
    let (Some(run), Some(load)) =
        (metrics(&here, "prom/run.prom"), metrics(&here, "prom/load.prom"))
    else {
        return;
    };
    for metrics in [&run, &load] {
        let rows = sample(metrics, "starlift_loaded_table_rows", Some(("table", "songplays")));
        assert_eq!(rows, 2.0);
        assert_eq!(sample(metrics, "starlift_load_number", None), 1.0);
    }
    let steps = run["starlift_phase_duration_seconds"].as_array().unwrap().iter();
    let steps: Vec<&str> = steps.map(|s| s["labels"]["step"].as_str().unwrap()).collect();
    assert!(steps.contains(&"transform") && steps.contains(&"load"), "{steps:?}");
    let checks = run["starlift_checks"].as_array().unwrap();
    assert!(checks.iter().any(|check| check["labels"]["step"] == "verify"), "{checks:?}");
}
