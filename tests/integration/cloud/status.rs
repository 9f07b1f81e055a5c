//! `status` shows all resources that starlift manages in one table.

use super::*;

#[test]
fn all_resources_are_in_one_table() {
    let Some(account) = Account::new() else { return };
    account.provision(&["--expires", "8h"]).exits(0);
    let outcome = account.run(&["status"]);
    outcome.exits(0);
    let header = outcome.stdout.lines().next().unwrap();
    for column in ["name", "state", "endpoint", "role", "admits", "age", "cost so far", "expires"] {
        assert!(header.contains(column), "{header}");
    }
    let row = outcome.stdout.lines().find(|line| line.contains("sparkify.")).unwrap();
    for value in [
        "available",
        ".us-east-1.redshift.amazonaws.com:5439",
        "starlift-sparkify-us-east-1",
        "203.0.113.7/32",
        "≤ $0.",
        "in 7h 59m",
    ] {
        assert!(row.contains(value), "{value}: {row}");
    }
}

#[test]
fn status_prints_json() {
    let Some(account) = Account::new() else { return };
    account.provision(&["--expires", "8h"]).exits(0);
    let outcome = account.run(&["status", "--format", "json"]);
    outcome.exits(0);
    let rows: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    let row = &rows[0];
    assert_eq!(row["name"], "sparkify");
    assert_eq!(row["state"], "available");
    assert_eq!(row["role_status"], "in-sync");
    assert_eq!(row["lets_in"][0], "203.0.113.7/32");
    assert_eq!(row["creator"], "arn:aws:iam::123456789012:user/ann");
    assert_eq!(row["schedule"], "starlift-sparkify-stop");
    assert!(row["cost_so_far_at_most"].as_f64().unwrap() < 0.1, "{row}");
    account.teardown(&[]).exits(0);
    let outcome = account.run(&["status", "--format", "json"]);
    assert_eq!(outcome.exits(0).stdout.trim(), "[]");
}

#[test]
fn resources_that_a_failure_left_are_shown() {
    let Some(account) = Account::new() else { return };
    account.aws.inject(Rule::new("CreateCluster", Effect::Deny));
    account.provision(&[]).fails_with("aws-denied");
    account
        .run(&["status"])
        .exits(0)
        .says("no cluster")
        .says("starlift-sparkify-us-east-1")
        .says("203.0.113.7/32");
}

#[test]
fn an_expiry_without_a_schedule_is_marked() {
    let Some(account) = Account::new() else { return };
    account.provision(&["--expires", "8h"]).exits(0);
    account.aws.call(
        "redshift",
        "DeleteScheduledAction",
        &[("ScheduledActionName", "starlift-sparkify-stop")],
    );
    account.run(&["status"]).exits(0).says("(no schedule!)");
}
