//! Errors, delays and outages of AWS, and how they are reported.

use std::time::{Duration, Instant};

use super::*;
use crate::support::redshift::Gate;

fn reject(code: &'static str, message: &str) -> Effect {
    Effect::Reject { status: 400, code, message: message.to_owned() }
}

#[test]
fn throttled_requests_are_retried() {
    let Some(account) = Account::new() else { return };
    for action in [
        "GetCallerIdentity",
        "CreateRole",
        "DescribeVpcs",
        "CreateSecurityGroup",
        "CreateCluster",
        "DescribeClusters",
    ] {
        account.aws.inject(Rule::new(action, Effect::Throttle));
    }
    account.provision(&[]).exits(0);
    assert_eq!(account.aws.rules_left(), 0);
    assert_eq!(account.request_count("CreateSecurityGroup"), 2);
}

#[test]
fn persistent_throttling_is_reported() {
    let Some(account) = Account::new() else { return };
    account.aws.inject(Rule::new("CreateSecurityGroup", Effect::Throttle).always());
    account.provision(&["--retries", "1"]).fails_with("aws-throttled").naming(&[
        "ec2:CreateSecurityGroup",
        "RequestLimitExceeded",
        "in a minute",
    ]);
    assert_eq!(account.request_count("CreateSecurityGroup"), 2);
}

#[test]
fn requests_are_retried_until_a_role_has_propagated() {
    let Some(account) = Account::new() else { return };
    account
        .aws
        .inject(Rule::new("PutRolePolicy", reject("NoSuchEntity", "The role cannot be found.")));
    let unknown = "The IAM role arn:aws:iam::123456789012:role/starlift/starlift-sparkify-us-east-1 \
                   is not valid. The IAM role must delegate access to an Amazon Redshift account.";
    account
        .aws
        .inject(Rule::new("CreateCluster", reject("InvalidParameterValue", unknown)).times(2));
    let scheduler = "The IAM role must delegate access to Amazon Redshift scheduler";
    account
        .aws
        .inject(Rule::new("CreateScheduledAction", reject("InvalidParameterValue", scheduler)));
    account.provision(&["--expires", "8h"]).exits(0);
    assert_eq!(account.aws.rules_left(), 0);
    assert_eq!(account.request_count("CreateCluster"), 3);
}

#[test]
fn a_rejected_schedule_is_retried_when_the_cluster_is_available() {
    let Some(account) = Account::new() else { return };
    let creating = reject("InvalidClusterState", "The cluster is being created.");
    account.aws.inject(Rule::new("CreateScheduledAction", creating));
    let outcome = account.provision(&["--expires", "8h"]);
    outcome.exits(0).says("NOT done yet: cannot schedule the pause of cluster sparkify");
    assert_eq!(account.request_count("CreateScheduledAction"), 2);
    assert_eq!(account.resources(), ALL);
}

#[test]
fn other_invalid_values_are_not_retried() {
    let Some(account) = Account::new() else { return };
    let wrong = reject("InvalidParameterValue", "Invalid node type: ra3.tiny");
    account.aws.inject(Rule::new("CreateCluster", wrong));
    account
        .provision(&["--node-type", "ra3.tiny"])
        .fails_with("aws-failed")
        .naming(&["Invalid node type: ra3.tiny"]);
    assert_eq!(account.request_count("CreateCluster"), 1);
}

#[test]
fn deletion_of_a_group_in_use_is_retried() {
    let Some(account) = Account::new() else { return };
    account.provision(&[]).exits(0);
    let in_use = reject("DependencyViolation", "resource sg-1 has a dependent object");
    account.aws.inject(Rule::new("DeleteSecurityGroup", in_use).times(2));
    account.teardown(&[]).exits(0);
    assert_eq!(account.request_count("DeleteSecurityGroup"), 3);
}

#[test]
fn a_cluster_that_cannot_start_is_reported_at_once() {
    for state in ["incompatible-network", "hardware-failure"] {
        let Some(account) = Account::new() else { return };
        account.aws.set_polls(1);
        account.aws.inject(
            Rule::new(
                "DescribeClusters",
                Effect::Rewrite(
                    "<ClusterStatus>available".to_owned(),
                    format!("<ClusterStatus>{state}"),
                ),
            )
            .always(),
        );
        let begun = Instant::now();
        let outcome = account.provision(&[]);
        outcome
            .fails_with("cluster-state")
            .naming(&["cluster sparkify", &format!("\"{state}\"")])
            .complains("done before")
            .complains("it incurs costs from now on")
            .complains("starlift teardown --name sparkify");
        assert!(begun.elapsed() < Duration::from_secs(60), "{outcome}");
    }
}

#[test]
fn waiting_ends_at_the_timeout() {
    let Some(account) = Account::new() else { return };
    account.aws.set_polls(1_000);
    let outcome = account.provision(&["--timeout", "3s"]);
    outcome
        .fails_with("timed-out")
        .naming(&["cluster sparkify", "\"creating, its role adding\"", "3s", "--timeout"])
        .complains("it incurs costs from now on");
    account.aws.set_cluster_status("sparkify", "available");
    account.aws.set_polls(1);
    account.provision(&["--timeout", "3s"]).fails_with("timed-out").naming(&["its role adding"]);
}

#[test]
fn waiting_survives_an_outage_of_aws() {
    for outage in [Effect::Throttle, Effect::Lose] {
        let Some(account) = Account::new() else { return };
        // Skips the requests that check for an existing cluster.
        account.aws.inject(Rule::new("DescribeClusters", outage).after(2).times(3));
        let outcome = account.provision(&["--retries", "1"]);
        outcome.exits(0).complains("cannot query the state of cluster sparkify; retrying");
        assert_eq!(account.aws.rules_left(), 0);
    }
}

#[test]
fn progress_shows_the_state() {
    let Some(account) = Account::new() else { return };
    account.aws.set_polls(2);
    let outcome = account.provision(&[]);
    outcome.exits(0).complains("waiting for cluster sparkify").complains("creating");
}

#[test]
fn a_denial_names_the_permission_that_is_missing() {
    for (action, permission, about) in [
        ("CreateRole", "iam:CreateRole", "create the role starlift-sparkify-us-east-1"),
        ("CreateSecurityGroup", "ec2:CreateSecurityGroup", "create the security group"),
        ("CreateCluster", "redshift:CreateCluster", "create the cluster sparkify"),
        ("GetCallerIdentity", "sts:GetCallerIdentity", "owner of the credentials"),
    ] {
        let Some(account) = Account::new() else { return };
        account.aws.inject(Rule::new(action, Effect::Deny));
        account.provision(&[]).fails_with("aws-denied").naming(&[about, permission]);
    }
}

#[test]
fn the_reported_permission_is_the_one_that_aws_names() {
    let Some(account) = Account::new() else { return };
    let message = "User: arn:aws:iam::123456789012:user/ann is not authorized to perform: \
                   iam:PassRole on resource: arn:aws:iam::123456789012:role/starlift/x because no \
                   identity-based policy allows the iam:PassRole action";
    account.aws.inject(Rule::new(
        "CreateCluster",
        Effect::Reject { status: 403, code: "AccessDenied", message: message.to_owned() },
    ));
    account.provision(&[]).fails_with("aws-denied").naming(&["iam:PassRole"]);
}

#[test]
fn missing_credentials_report_how_to_sign_in() {
    let here = Workspace::new();
    let mut command = here.command();
    command
        .args(["status", "--region", "us-east-1"])
        .env("AWS_CONFIG_FILE", "/nonexistent")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent");
    here.outcome(&mut command).fails_with("aws-credentials").naming(&["aws sso login"]);
    let mut command = here.command();
    command
        .arg("status")
        .env("AWS_CONFIG_FILE", "/nonexistent")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent");
    here.outcome(&mut command).fails_with("no-region").naming(&["--region"]);
}

#[test]
fn an_unreachable_aws_is_reported() {
    let here = Workspace::new();
    let mut command = here.command();
    command
        .args(["status", "--retries", "1"])
        .env("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "open barley");
    let outcome = here.outcome(&mut command);
    outcome.exits(1).complains("cannot list the roles").complains("iam:ListRoles");
    assert!(!outcome.stderr.contains("barley"), "{outcome}");
}

#[tokio::test]
async fn an_interrupt_reports_existing_resources() {
    let Some(account) = Account::new() else { return };
    let gate = Gate::new();
    account.aws.inject(Rule::new("DescribeClusters", Effect::Hold(gate.clone())).after(4));
    let mut command = account.provision_command(&[]);
    let child = command
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    gate.reached().await;
    let message = interrupted(child, &gate);
    for text in [
        "role starlift-sparkify-us-east-1: created",
        "cluster sparkify: being created; it incurs costs from now on",
        "in progress and possibly done",
        "`starlift teardown --name sparkify` removes it",
        "interrupted",
    ] {
        assert!(message.contains(text), "{text}\n{message}");
    }
    // A second run creates nothing, and its interrupt reports the existing resources.
    let gate = Gate::new();
    account.aws.inject(Rule::new("DescribeClusters", Effect::Hold(gate.clone())).after(3));
    let child = command.spawn().unwrap();
    gate.reached().await;
    let message = interrupted(child, &gate);
    assert!(message.contains("cluster sparkify: already exists"), "{message}");
    account.provision(&[]).exits(0);
}

/// Interrupts a process that waits at the gate, and returns its standard error.
pub fn interrupted(child: std::process::Child, gate: &Gate) -> String {
    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    gate.open();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    stderr
}
