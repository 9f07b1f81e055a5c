//! `provision`: the resources that it creates, and its convergence from every partial state.

use super::*;
use crate::support::terminal::typed;

#[test]
fn a_role_a_rule_a_cluster_and_a_schedule_are_created_in_order() {
    let Some(account) = Account::new() else { return };
    let outcome = account.provision(&["--expires", "8h"]);
    outcome
        .exits(0)
        .says("role starlift-sparkify-us-east-1: created")
        .says("admits 203.0.113.7/32 to port 5439")
        .says("cluster sparkify: available")
        .says("endpoint  sparkify.")
        .says("role      arn:aws:iam::123456789012:role/starlift/starlift-sparkify-us-east-1")
        .says("paused at 20")
        .says("$0.54 per hour")
        .says("starlift teardown --name sparkify");
    assert_eq!(account.resources(), ALL);
    let made: Vec<String> = account.aws.requests().into_iter().map(|r| r.action).collect();
    let order = [
        "CreateRole",
        "PutRolePolicy",
        "CreateSecurityGroup",
        "AuthorizeSecurityGroupIngress",
        "CreateCluster",
        "CreateRole",
        "CreateScheduledAction",
    ];
    let mut steps = order.iter();
    let mut next = steps.next();
    for action in &made {
        if Some(&action.as_str()) == next {
            next = steps.next();
        }
    }
    assert_eq!(next, None, "{made:?}");
}

#[test]
fn a_second_run_changes_nothing_and_does_not_prompt() {
    let Some(account) = Account::new() else { return };
    account.provision(&[]).exits(0);
    account.aws.forget_requests();
    let again = account.run(&[
        "provision",
        "--name",
        "sparkify",
        "--star",
        "s3://lake/star",
        "--cidr",
        "203.0.113.7/32",
    ]);
    again.exits(0).says("cluster sparkify: available");
    let changes: Vec<_> = account
        .aws
        .requests()
        .into_iter()
        .filter(|request| {
            !["Get", "List", "Describe"].iter().any(|verb| request.action.starts_with(verb))
        })
        .collect();
    assert!(changes.is_empty(), "{changes:#?}");
}

#[test]
fn nothing_billable_is_created_without_confirmation() {
    let Some(account) = Account::new() else { return };
    let outcome = account.run(&[
        "provision",
        "--name",
        "sparkify",
        "--star",
        "s3://lake/star",
        "--cidr",
        "203.0.113.7/32",
    ]);
    outcome
        .fails_with("invalid-option")
        .naming(&["--yes"])
        .complains("1 × ra3.large")
        .complains("per hour");
    assert!(account.resources().is_empty(), "{:?}", account.resources());
}

#[test]
fn a_terminal_prompts_for_confirmation() {
    let Some(account) = Account::new() else { return };
    let ask = |answer: &str| {
        let mut command = account.command();
        command.args(["provision", "--name", "sparkify", "--star", "s3://lake/star"]);
        command.args(["--cidr", "203.0.113.7/32"]);
        typed(&account.here, &command, &[answer]).unwrap()
    };
    let declined = ask("n");
    declined
        .exits(1)
        .says("1 × ra3.large")
        .says("per hour")
        .says("Create it?")
        .says("nothing was changed");
    assert!(account.resources().is_empty());
    ask("y").exits(0).says("cluster sparkify: available");
    assert_eq!(account.resources().len(), 3);
}

#[test]
fn a_dry_run_prints_the_plan_and_creates_nothing() {
    let Some(account) = Account::new() else { return };
    let outcome = account.provision(&["--dry-run", "--expires", "8h"]);
    outcome
        .exits(0)
        .says("arn:aws:iam::123456789012:user/ann")
        .says("\"Resource\": \"arn:aws:s3:::lake/star/*\"")
        .says("\"s3:prefix\"")
        .says("\"scheduler.redshift.amazonaws.com\"")
        .says("security group starlift-sparkify (to create)")
        .says("1 × ra3.large, encrypted, not publicly accessible")
        .says("pauses the cluster at 20")
        .says("starlift:creator = arn:aws:iam::123456789012:user/ann")
        .says("$0.54 per hour; $228 for a month of nights left running")
        .says("estimate");
    assert!(account.resources().is_empty());
    account.provision(&["--expires", "8h"]).exits(0);
    account
        .provision(&["--dry-run", "--expires", "8h"])
        .exits(0)
        .says("starlift-sparkify (exists)");
}

#[test]
fn a_dry_run_needs_no_account() {
    let here = Workspace::new();
    let args = ["provision", "--dry-run", "--name", "sparkify", "--star", "s3://lake/star"];
    let mut command = here.command();
    command.args(args).args(["--region", "eu-west-1"]).env("AWS_CONFIG_FILE", "/nonexistent");
    command.env("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent");
    here.outcome(&mut command)
        .exits(0)
        .says("AWS was not queried")
        .says("ACCOUNT")
        .says("arn:aws:s3:::lake/star/*");
}

/// The next run completes the partial state that a failure at each step leaves.
#[test]
fn every_partial_state_is_completed() {
    for action in [
        "PutRolePolicy",
        "CreateSecurityGroup",
        "AuthorizeSecurityGroupIngress",
        "CreateCluster",
        "CreateScheduledAction",
        "DescribeClusters",
    ] {
        let Some(account) = Account::new() else { return };
        let after = if action == "DescribeClusters" { 3 } else { 0 };
        account.aws.inject(Rule::new(action, Effect::Deny).after(after));
        let failed = account.provision(&["--expires", "8h"]);
        failed
            .fails_with("aws-denied")
            .naming(&[action])
            .complains("done before")
            .complains("teardown");
        assert_eq!(account.aws.rules_left(), 0, "{action}\n{failed}");
        account.provision(&["--expires", "8h"]).exits(0);
        assert_eq!(account.resources(), ALL, "{action}");
        account.teardown(&[]).exits(0);
        assert!(account.resources().is_empty(), "{action}: {:?}", account.resources());
    }
}

#[test]
fn lost_answers_do_not_fail_the_run() {
    let Some(account) = Account::new() else { return };
    for action in [
        "CreateRole",
        "PutRolePolicy",
        "CreateSecurityGroup",
        "AuthorizeSecurityGroupIngress",
        "CreateCluster",
        "CreateScheduledAction",
        "PauseCluster",
        "ResumeCluster",
        "ModifyScheduledAction",
        "DeleteCluster",
        "DeleteScheduledAction",
        "RevokeSecurityGroupIngress",
        "DeleteSecurityGroup",
        "DeleteRole",
    ] {
        account.aws.inject(Rule::new(action, Effect::Lose));
    }
    account.provision(&["--expires", "8h"]).exits(0).says("cluster sparkify: available");
    assert_eq!(account.resources(), ALL);
    account.run(&["pause", "--name", "sparkify"]).exits(0);
    account.run(&["resume", "--name", "sparkify"]).exits(0);
    account.teardown(&[]).exits(0);
    assert_eq!(account.aws.rules_left(), 0);
    assert!(account.resources().is_empty());
}

#[test]
fn access_from_the_whole_internet_needs_a_flag() {
    let Some(account) = Account::new() else { return };
    for wide in ["0.0.0.0/0", "128.0.0.0/1"] {
        account
            .provision(&["--cidr", wide])
            .fails_with("invalid-option")
            .naming(&["everyone on the internet", "--open-to-the-internet"]);
    }
    assert!(account.aws.requests().is_empty());
    account.provision(&["--cidr", "0.0.0.0/0", "--open-to-the-internet"]).exits(0);
}

#[test]
fn the_callers_address_is_allowed_by_default() {
    let Some(account) = Account::new() else { return };
    let service = serve("198.51.100.23\n");
    let args = ["provision", "--name", "sparkify", "--star", "s3://lake/star", "--yes", "--public"];
    account
        .run(&[&args[..], &["--address-service", &service]].concat())
        .exits(0)
        .says("admits    198.51.100.23/32");
    let cluster = account.aws.call("redshift", "DescribeClusters", &[]);
    assert_eq!(texts(&cluster, "PubliclyAccessible"), ["true"], "{cluster}");
    let outcome = account.run(&[&args[..], &["--address-service", "http://127.0.0.1:1"]].concat());
    outcome.fails_with("address-unknown").naming(&["http://127.0.0.1:1", "--cidr"]);
}

/// Starts an HTTP server that returns the same body for every request.
pub fn serve(body: &'static str) -> String {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]).unwrap();
            let head = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length";
            write!(stream, "{head}: {}\r\n\r\n{body}", body.len()).unwrap();
        }
    });
    url
}
