//! What AWS does wrong, slowly or not at all, and what is said of it.

use std::time::{Duration, Instant};

use super::*;
use support::redshift::Gate;

fn refuse(code: &'static str, message: &str) -> What {
    What::Refuse { status: 400, code, message: message.to_owned() }
}

#[test]
fn throttling_is_waited_out() {
    let Some(account) = Account::new() else { return };
    for action in [
        "GetCallerIdentity",
        "CreateRole",
        "DescribeVpcs",
        "CreateSecurityGroup",
        "CreateCluster",
        "DescribeClusters",
    ] {
        account.aws.script(Rule::new(action, What::Throttle));
    }
    account.provision(&[]).exits(0);
    assert_eq!(account.aws.rules_left(), 0);
    assert_eq!(account.asked("CreateSecurityGroup"), 2);
}

#[test]
fn throttling_without_end_is_told() {
    let Some(account) = Account::new() else { return };
    account.aws.script(Rule::new("CreateSecurityGroup", What::Throttle).always());
    account
        .provision(&["--retries", "1"])
        .exits(1)
        .complains("ec2:CreateSecurityGroup")
        .complains("RequestLimitExceeded")
        .complains("in a minute");
    assert_eq!(account.asked("CreateSecurityGroup"), 2);
}

#[test]
fn a_role_that_is_not_known_everywhere_yet_is_waited_for() {
    let Some(account) = Account::new() else { return };
    account
        .aws
        .script(Rule::new("PutRolePolicy", refuse("NoSuchEntity", "The role cannot be found.")));
    let unknown = "The IAM role arn:aws:iam::123456789012:role/starlift/starlift-sparkify-us-east-1 \
                   is not valid. The IAM role must delegate access to an Amazon Redshift account.";
    account
        .aws
        .script(Rule::new("CreateCluster", refuse("InvalidParameterValue", unknown)).times(2));
    let scheduler = "The IAM role must delegate access to Amazon Redshift scheduler";
    account
        .aws
        .script(Rule::new("CreateScheduledAction", refuse("InvalidParameterValue", scheduler)));
    account.provision(&["--expires", "8h"]).exits(0);
    assert_eq!(account.aws.rules_left(), 0);
    assert_eq!(account.asked("CreateCluster"), 3);
}

#[test]
fn a_schedule_that_is_not_taken_yet_is_asked_for_again_when_the_cluster_is_up() {
    let Some(account) = Account::new() else { return };
    let making = refuse("InvalidClusterState", "The cluster is being created.");
    account.aws.script(Rule::new("CreateScheduledAction", making));
    let outcome = account.provision(&["--expires", "8h"]);
    outcome.exits(0).says("NOT done yet: cannot schedule the pause of cluster sparkify");
    assert_eq!(account.asked("CreateScheduledAction"), 2);
    assert_eq!(account.holdings(), ALL);
}

#[test]
fn another_wrong_value_is_not_waited_for() {
    let Some(account) = Account::new() else { return };
    let wrong = refuse("InvalidParameterValue", "Invalid node type: ra3.tiny");
    account.aws.script(Rule::new("CreateCluster", wrong));
    account
        .provision(&["--node-type", "ra3.tiny"])
        .exits(1)
        .complains("Invalid node type: ra3.tiny");
    assert_eq!(account.asked("CreateCluster"), 1);
}

#[test]
fn a_group_that_is_still_in_use_is_waited_for() {
    let Some(account) = Account::new() else { return };
    account.provision(&[]).exits(0);
    let held = refuse("DependencyViolation", "resource sg-1 has a dependent object");
    account.aws.script(Rule::new("DeleteSecurityGroup", held).times(2));
    account.teardown(&[]).exits(0);
    assert_eq!(account.asked("DeleteSecurityGroup"), 3);
}

#[test]
fn a_cluster_that_fails_to_come_up_is_told_at_once() {
    for state in ["incompatible-network", "hardware-failure"] {
        let Some(account) = Account::new() else { return };
        account.aws.polls(1);
        account.aws.script(
            Rule::new(
                "DescribeClusters",
                What::Rewrite(
                    "<ClusterStatus>available".to_owned(),
                    format!("<ClusterStatus>{state}"),
                ),
            )
            .always(),
        );
        let begun = Instant::now();
        let outcome = account.provision(&[]);
        outcome
            .exits(1)
            .complains(&format!("cluster sparkify is \"{state}\" and will not become available"))
            .complains("done before")
            .complains("it incurs costs from now on")
            .complains("starlift teardown --name sparkify");
        assert!(begun.elapsed() < Duration::from_secs(60), "{outcome}");
    }
}

#[test]
fn waiting_ends_with_the_time_that_is_given() {
    let Some(account) = Account::new() else { return };
    account.aws.polls(1_000);
    let outcome = account.provision(&["--timeout", "3s"]);
    outcome
        .exits(1)
        .complains("cluster sparkify is still \"creating, its role adding\" after 3s")
        .complains("--timeout")
        .complains("it incurs costs from now on");
    account.aws.cluster_state("sparkify", "available");
    account.aws.polls(1);
    account.provision(&["--timeout", "3s"]).exits(1).complains("its role adding");
}

#[test]
fn a_wait_outlasts_an_outage_of_aws() {
    for outage in [What::Throttle, What::Lose] {
        let Some(account) = Account::new() else { return };
        // After those that look whether a cluster is there.
        account.aws.script(Rule::new("DescribeClusters", outage).after(2).times(3));
        let outcome = account.provision(&["--retries", "1"]);
        outcome.exits(0).complains("cannot query the state of cluster sparkify; retrying");
        assert_eq!(account.aws.rules_left(), 0);
    }
}

#[test]
fn progress_tells_the_state() {
    let Some(account) = Account::new() else { return };
    account.aws.polls(2);
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
        account.aws.script(Rule::new(action, What::Deny));
        account
            .provision(&[])
            .exits(1)
            .complains(about)
            .complains("is not authorized to perform")
            .complains(&format!("the credentials in use lack {permission}"));
    }
}

#[test]
fn the_permission_that_aws_names_is_the_one_that_is_told() {
    let Some(account) = Account::new() else { return };
    let message = "User: arn:aws:iam::123456789012:user/ann is not authorized to perform: \
                   iam:PassRole on resource: arn:aws:iam::123456789012:role/starlift/x because no \
                   identity-based policy allows the iam:PassRole action";
    account.aws.script(Rule::new(
        "CreateCluster",
        What::Refuse { status: 403, code: "AccessDenied", message: message.to_owned() },
    ));
    account.provision(&[]).exits(1).complains("the credentials in use lack iam:PassRole;");
}

#[test]
fn without_credentials_it_is_said_how_to_sign_in() {
    let here = Workspace::new();
    let mut command = here.command();
    command
        .args(["status", "--region", "us-east-1"])
        .env("AWS_CONFIG_FILE", "/nonexistent")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent");
    here.outcome(&mut command).exits(1).complains("aws sso login");
    let mut command = here.command();
    command
        .arg("status")
        .env("AWS_CONFIG_FILE", "/nonexistent")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent");
    here.outcome(&mut command).exits(1).complains("--region");
}

#[test]
fn aws_out_of_reach_is_told_in_time() {
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
async fn an_interrupt_says_what_exists() {
    let Some(account) = Account::new() else { return };
    let gate = Gate::new();
    account.aws.script(Rule::new("DescribeClusters", What::Hold(gate.clone())).after(4));
    let mut command = account.provision_command(&[]);
    let child = command
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    gate.reached().await;
    let said = interrupted(child, &gate);
    for text in [
        "role starlift-sparkify-us-east-1: created",
        "cluster sparkify: being created; it incurs costs from now on",
        "in progress and possibly done",
        "`starlift teardown --name sparkify` removes it",
        "interrupted",
    ] {
        assert!(said.contains(text), "{text}\n{said}");
    }
    // A second run that is stopped has made nothing, and says what is there.
    let gate = Gate::new();
    account.aws.script(Rule::new("DescribeClusters", What::Hold(gate.clone())).after(3));
    let child = command.spawn().unwrap();
    gate.reached().await;
    let said = interrupted(child, &gate);
    assert!(said.contains("cluster sparkify: exists already"), "{said}");
    account.provision(&[]).exits(0);
}

/// What the program says when it is interrupted while the gate holds it.
pub fn interrupted(child: std::process::Child, gate: &Gate) -> String {
    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    gate.open();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    said
}
