//! The documents of the commands for the cloud, against the stand-in for AWS.

use serde_json::json as value;

use crate::support::aws::{Aws, Effect, Rule};
use crate::support::{Outcome, Workspace};

/// Runs a command with an isolated account, and returns its outcome.
fn run(here: &Workspace, aws: &Aws, args: &[&str]) -> Outcome {
    let mut command = here.command();
    aws.apply(&mut command);
    here.outcome(command.args(args).args(["--output-format", "json"]))
}

const PROVISION: [&str; 9] = [
    "provision",
    "--name",
    "sparkify",
    "--star",
    "s3://lake/star",
    "--yes",
    "--cidr",
    "203.0.113.7/32",
    "--expires=8h",
];

#[test]
fn the_life_of_a_cluster_is_reported() {
    let (here, Some(aws)) = (Workspace::new(), Aws::start()) else { return };
    let plan = run(&here, &aws, &[&PROVISION[..], &["--dry-run"]].concat());
    let plan = plan.exits(0).document("provision")["result"].clone();
    assert_eq!(plan["is_dry_run"], true);
    assert!(plan["plan_text"].as_str().unwrap().contains("trust policy"), "{plan}");
    let created = run(&here, &aws, &PROVISION).exits(0).document("provision")["result"].clone();
    assert!(created["endpoint"].as_str().unwrap().ends_with(":5439"), "{created}");
    assert!(created["expires"].as_str().unwrap().ends_with('Z'), "{created}");
    assert!(!created["changes"].as_array().unwrap().is_empty(), "{created}");
    let status = run(&here, &aws, &["status"]).exits(0).document("status")["result"].clone();
    assert_eq!(status["resources"][0]["state"], "available");
    let paused = run(&here, &aws, &["pause", "--name", "sparkify"]).exits(0).document("pause");
    assert_eq!(paused["result"]["changes"], value!(["cluster sparkify: paused"]));
    let resumed = run(&here, &aws, &["resume", "--name", "sparkify"]).exits(0).document("resume");
    assert!(resumed["result"]["expires"].is_string(), "{resumed}");
    let teardown = ["teardown", "--name", "sparkify", "--yes"];
    let removed = run(&here, &aws, &teardown).exits(0).document("teardown");
    assert!(removed["result"]["changes"].as_array().unwrap().len() >= 3, "{removed}");
    let nothing = run(&here, &aws, &teardown).exits(0).document("teardown");
    assert_eq!(nothing["result"]["changes"], value!([]));
    run(&here, &aws, &["pause", "--name", "sparkify"]).exits(1).document("pause");
}

#[test]
fn a_failure_reports_the_changes_before_it() {
    let (here, Some(aws)) = (Workspace::new(), Aws::start()) else { return };
    aws.inject(Rule::new("CreateCluster", Effect::Deny));
    let outcome = run(&here, &aws, &PROVISION);
    let error = outcome.exits(1).error("provision", "aws-denied");
    let changes = error["completed_changes"].as_array().unwrap();
    assert!(changes.iter().any(|change| change.as_str().unwrap().contains("role")), "{error}");
}
