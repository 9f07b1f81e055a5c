//! `pause` and `resume`.

use super::*;

#[test]
fn a_cluster_is_paused_and_resumed_twice_each() {
    let Some(account) = Account::new() else { return };
    account.provision(&[]).exits(0);
    account.aws.set_polls(2);
    let pause = || account.run(&["pause", "--name", "sparkify"]);
    let resume = || account.run(&["resume", "--name", "sparkify"]);
    pause().exits(0).says("cluster sparkify: paused").says("only its storage");
    pause().exits(0).says("already paused");
    assert_eq!(account.request_count("PauseCluster"), 1);
    account.run(&["status"]).exits(0).says("paused");
    resume().exits(0).says("cluster sparkify: available").says("it incurs costs until");
    resume().exits(0).says("already available");
    assert_eq!(account.request_count("ResumeCluster"), 1);
}

/// The time at which AWS pauses the cluster; empty if none is scheduled.
fn pause_time(account: &Account) -> String {
    let actions = account.aws.call("redshift", "DescribeScheduledActions", &[]);
    texts(&actions, "StartTime").concat()
}

#[test]
fn a_pause_ends_the_lifetime_and_resume_starts_one_of_the_same_length() {
    let Some(account) = Account::new() else { return };
    account.provision(&["--expires", "8h"]).exits(0);
    // The cluster looks as if it was created long ago.
    let arn = "arn:aws:redshift:us-east-1:123456789012:cluster:sparkify";
    let over = [
        ("ResourceName", arn),
        ("Tags.Tag.1.Key", "starlift:expires"),
        ("Tags.Tag.1.Value", "2026-01-01T00:00:00Z"),
    ];
    account.aws.call("redshift", "CreateTags", &over);
    account.aws.call(
        "redshift",
        "ModifyScheduledAction",
        &[("ScheduledActionName", "starlift-sparkify-stop"), ("StartTime", "2026-01-01T00:00:00Z")],
    );
    account.run(&["status"]).exits(0).says("expired, but not paused!");
    account.run(&["pause", "--name", "sparkify"]).exits(0);
    account.run(&["status"]).exits(0).says("2026-01-01 00:00 (expired)");
    account.run(&["resume", "--name", "sparkify"]).exits(0).says("AWS pauses it at");
    let second = pause_time(&account);
    assert!(second.as_str() > "2026-11", "{second}");
    account.run(&["status"]).exits(0).says("in 7h 59m");
    account.run(&["resume", "--name", "sparkify", "--expires", "2days"]).exits(0);
    assert!(pause_time(&account) > second);
    account
        .run(&["resume", "--name", "sparkify", "--expires", "never"])
        .exits(0)
        .says("it incurs costs until");
    assert_eq!(pause_time(&account), "");
    account.run(&["status"]).exits(0).says("never");
}

#[test]
fn a_schedule_is_restored_before_the_cluster_resumes() {
    let Some(account) = Account::new() else { return };
    account.provision(&["--expires", "8h"]).exits(0);
    let name = [("ScheduledActionName", "starlift-sparkify-stop")];
    account.aws.call("redshift", "DeleteScheduledAction", &name);
    account.run(&["resume", "--name", "sparkify"]).exits(0);
    assert_ne!(pause_time(&account), "", "a deleted schedule is created again");
    account.run(&["pause", "--name", "sparkify"]).exits(0);
    account.aws.inject(Rule::new("ModifyScheduledAction", Effect::Deny));
    account.run(&["resume", "--name", "sparkify"]).fails_with("aws-denied");
    assert_eq!(account.request_count("ResumeCluster"), 0);
}

#[test]
fn requests_to_a_cluster_that_is_busy_or_has_no_backup_are_retried() {
    let Some(account) = Account::new() else { return };
    account.provision(&[]).exits(0);
    let busy = "There is an operation running on the Cluster.";
    let young = "You can't pause cluster sparkify because no recently available backup was found.";
    for (code, message) in [("InvalidClusterState", busy), ("InvalidParameterValue", young)] {
        let what = Effect::Reject { status: 400, code, message: message.to_owned() };
        account.aws.inject(Rule::new("PauseCluster", what));
    }
    let outcome = account.run(&["pause", "--name", "sparkify"]);
    outcome.exits(0).complains("rejects the change; retrying");
    assert_eq!((account.request_count("PauseCluster"), account.aws.rules_left()), (3, 0));
    let what =
        Effect::Reject { status: 400, code: "InvalidClusterState", message: busy.to_owned() };
    account.aws.inject(Rule::new("ResumeCluster", what).always());
    let outcome = account.run(&["resume", "--name", "sparkify", "--timeout", "2s"]);
    outcome.fails_with("aws-failed").naming(&[busy]);
}

#[test]
fn pause_needs_no_other_permissions() {
    let Some(account) = Account::new() else { return };
    account.provision(&[]).exits(0);
    for action in ["ListRoles", "GetRole", "DescribeSecurityGroups", "DescribeClusterSnapshots"] {
        account.aws.inject(Rule::new(action, Effect::Deny).always());
    }
    account.run(&["pause", "--name", "sparkify"]).exits(0);
}

#[test]
fn a_cluster_of_others_is_not_paused() {
    let Some(account) = Account::new() else { return };
    account.create_foreign_cluster("sparkify", &[]);
    for command in ["pause", "resume"] {
        account
            .run(&[command, "--name", "sparkify"])
            .fails_with("nothing-managed")
            .naming(&["us-east-1", "starlift:name=sparkify"]);
    }
    assert_eq!(account.request_count("PauseCluster") + account.request_count("ResumeCluster"), 0);
}

#[test]
fn a_rejected_pause_explains_a_possible_reason() {
    let Some(account) = Account::new() else { return };
    account.provision(&[]).exits(0);
    account.aws.inject(Rule::new(
        "PauseCluster",
        Effect::Reject {
            status: 400,
            code: "UnsupportedOperation",
            message: "The cluster has no snapshot.".to_owned(),
        },
    ));
    account
        .run(&["pause", "--name", "sparkify"])
        .fails_with("aws-failed")
        .naming(&["The cluster has no snapshot."]);
}

#[test]
fn a_schedule_of_others_is_not_changed() {
    let Some(account) = Account::new() else { return };
    account.provision(&[]).exits(0);
    account.create_foreign_cluster("theirs", &[]);
    let trust = "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\
        \"Action\":\"sts:AssumeRole\",\"Principal\":{\"Service\":\"scheduler.redshift.amazonaws.com\"}}]}";
    let role = [("RoleName", "theirs"), ("AssumeRolePolicyDocument", trust)];
    account.aws.call("iam", "CreateRole", &role);
    let action = [
        ("ScheduledActionName", "starlift-sparkify-stop"),
        ("TargetAction.PauseCluster.ClusterIdentifier", "theirs"),
        ("Schedule", "cron(0 4 * * ? *)"),
        ("IamRole", "arn:aws:iam::123456789012:role/theirs"),
    ];
    account.aws.call("redshift", "CreateScheduledAction", &action);
    let resume =
        |expires: &str| account.run(&["resume", "--name", "sparkify", "--expires", expires]);
    for outcome in [
        resume("8h"),
        resume("never"),
        account.provision(&["--expires", "8h"]),
        account.provision(&["--expires", "never"]),
    ] {
        outcome.fails_with("not-managed").naming(&["scheduled action starlift-sparkify-stop"]);
    }
    account.teardown(&[]).exits(0);
    let actions = account.aws.call("redshift", "DescribeScheduledActions", &[]);
    assert_eq!(texts(&actions, "Schedule"), ["cron(0 4 * * ? *)"]);
}

#[test]
fn a_lifetime_that_is_too_short_is_rejected() {
    let Some(account) = Account::new() else { return };
    account
        .run(&["resume", "--name", "sparkify", "--expires", "1s"])
        .fails_with("invalid-option")
        .naming(&["15m"]);
}
