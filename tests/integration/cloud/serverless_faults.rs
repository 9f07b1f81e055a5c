//! Errors, delays and outages of Redshift Serverless, and resources of others with the same names.

use super::serverless::{ALL_SERVERLESS, call, changes, provision_serverless, resources};
use super::*;
use crate::support::redshift::Gate;

fn reject(code: &'static str, message: &str) -> Effect {
    Effect::Reject { status: 400, code, message: message.to_owned() }
}

/// The actions that create resources, in order.
const CREATE_ACTIONS: [&str; 3] = ["CreateNamespace", "CreateWorkgroup", "CreateUsageLimit"];
/// The actions that remove resources, in order.
const DELETE_ACTIONS: [&str; 3] = ["DeleteUsageLimit", "DeleteWorkgroup", "DeleteNamespace"];
/// The actions that read resources.
const READ_ACTIONS: [&str; 7] = [
    "GetNamespace",
    "GetWorkgroup",
    "ListUsageLimits",
    "ListNamespaces",
    "ListWorkgroups",
    "ListSnapshots",
    "ListTagsForResource",
];

#[test]
fn throttled_requests_of_each_action_are_retried() {
    let Some(account) = Account::new() else { return };
    let updates = ["UpdateNamespace", "UpdateWorkgroup", "UpdateUsageLimit"];
    for action in CREATE_ACTIONS.iter().chain(&DELETE_ACTIONS).chain(&READ_ACTIONS).chain(&updates)
    {
        account.aws.inject(Rule::new(action, Effect::Throttle));
    }
    provision_serverless(&account, &[]).exits(0);
    assert_eq!(resources(&account), ALL_SERVERLESS);
    let namespace = [("namespaceName", "sparkify"), ("iamRoles", "[]"), ("defaultIamRoleArn", "")];
    let update = account.aws.try_call("redshift-serverless", "UpdateNamespace", &namespace);
    assert!(update.is_err(), "an empty default role is none of the roles");
    provision_serverless(&account, &["--public", "--rpu-limit", "30/day"]).exits(0);
    account.run(&["status"]).exits(0);
    account.teardown(&[]).exits(0);
    assert!(resources(&account).is_empty());
    // The namespace needed no update.
    assert_eq!(account.aws.rules_left(), 1);
}

#[test]
fn lost_answers_do_not_fail_the_run() {
    let Some(account) = Account::new() else { return };
    for action in CREATE_ACTIONS.iter().chain(&DELETE_ACTIONS) {
        account.aws.inject(Rule::new(action, Effect::Lose));
    }
    provision_serverless(&account, &[]).exits(0).says("workgroup sparkify: available");
    assert_eq!(resources(&account), ALL_SERVERLESS);
    account.teardown(&[]).exits(0);
    assert_eq!(account.aws.rules_left(), 0);
    assert!(resources(&account).is_empty());
}

/// The next run completes the partial state that a failure at each step leaves.
#[test]
fn every_partial_state_is_completed() {
    for action in CREATE_ACTIONS {
        let Some(account) = Account::new() else { return };
        account.aws.inject(Rule::new(action, Effect::Deny));
        let permission = format!("the credentials in use lack redshift-serverless:{action}");
        let failed = provision_serverless(&account, &[]);
        failed
            .fails_with("aws-denied")
            .naming(&[&permission])
            .complains("done before")
            .complains("teardown");
        provision_serverless(&account, &[]).exits(0);
        assert_eq!(resources(&account), ALL_SERVERLESS, "{action}");
    }
}

/// The next run removes the resources that a failure at each step leaves.
#[test]
fn every_partial_state_is_removed() {
    for action in DELETE_ACTIONS {
        let Some(account) = Account::new() else { return };
        provision_serverless(&account, &[]).exits(0);
        account.aws.inject(Rule::new(action, Effect::Deny));
        let failed = account.teardown(&[]);
        failed
            .fails_with("aws-denied")
            .naming(&[action])
            .complains("NOT done")
            .complains("same command again");
        let left = resources(&account);
        let has = |what: &str| left.iter().any(|found| found.starts_with(what));
        assert_eq!(has("workgroups"), action == "DeleteWorkgroup", "{action}: {left:?}");
        // A workgroup that remains keeps its limit.
        assert_eq!(has("limit"), has("workgroups"), "{action}: {left:?}");
        account.teardown(&[]).exits(0);
        assert!(resources(&account).is_empty(), "{action}: {:?}", resources(&account));
    }
}

#[test]
fn limits_of_a_workgroup_that_cannot_be_removed_are_restored() {
    let Some(account) = Account::new() else { return };
    provision_serverless(&account, &[]).exits(0);
    let found = call(&account, "GetWorkgroup", &[("workgroupName", "sparkify")]);
    let arn = found["workgroup"]["workgroupArn"].as_str().unwrap();
    let alert = [("resourceArn", arn), ("usageType", "serverless-compute"), ("amount", "5")];
    call(&account, "CreateUsageLimit", &alert);
    let limits = || -> Vec<String> {
        let mut limits = resources(&account);
        limits.retain(|found| found.starts_with("limit"));
        limits.sort();
        limits
    };
    let before = limits();
    assert_eq!(before, ["limit: 24 daily deactivate", "limit: 5 monthly log"]);
    account.aws.inject(Rule::new("DeleteWorkgroup", Effect::Deny));
    // The answer to the first request that restores a limit is lost, so its retry conflicts.
    account.aws.inject(Rule::new("CreateUsageLimit", Effect::Lose));
    let failed = account.teardown(&[]);
    failed
        .fails_with("aws-denied")
        .complains("usage limit of sparkify (24 RPU-hours daily, then deactivate): restored")
        .complains("usage limit of sparkify (5 RPU-hours monthly, then log): restored");
    assert_eq!(limits(), before);
    account.aws.inject(Rule::new("DeleteWorkgroup", Effect::Deny));
    account.aws.inject(Rule::new("CreateUsageLimit", Effect::Deny));
    account
        .teardown(&[])
        .fails_with("aws-denied")
        .complains("NOT done: cannot limit the use of workgroup sparkify");
    assert_eq!(limits().len(), 1, "a limit that cannot be restored does not stop the other");
    account.teardown(&[]).exits(0);
    assert!(resources(&account).is_empty());
}

#[test]
fn requests_are_retried_until_a_role_has_propagated() {
    let Some(account) = Account::new() else { return };
    let unknown = "The IAM role arn:aws:iam::123456789012:role/starlift/starlift-sparkify-us-east-1 \
                   is not valid.";
    account
        .aws
        .inject(Rule::new("CreateNamespace", reject("ValidationException", unknown)).times(2));
    provision_serverless(&account, &[]).exits(0);
    assert_eq!(account.request_count("CreateNamespace"), 3);
    let Some(account) = Account::new() else { return };
    let wrong = reject("ValidationException", "The namespace name is a reserved word.");
    account.aws.inject(Rule::new("CreateNamespace", wrong));
    provision_serverless(&account, &[]).fails_with("aws-failed").naming(&["reserved word"]);
    assert_eq!(account.request_count("CreateNamespace"), 1);
}

#[test]
fn requests_to_busy_resources_are_retried() {
    let Some(account) = Account::new() else { return };
    provision_serverless(&account, &[]).exits(0);
    let busy = || reject("ConflictException", "There is an operation running on sparkify.");
    for action in ["UpdateWorkgroup", "DeleteWorkgroup", "DeleteNamespace"] {
        account.aws.inject(Rule::new(action, busy()));
    }
    let outcome = provision_serverless(&account, &["--public"]);
    outcome.exits(0).complains("workgroup sparkify is busy and rejects the change; retrying");
    account.teardown(&[]).exits(0);
    assert_eq!(account.aws.rules_left(), 0);
    assert!(resources(&account).is_empty());
}

#[test]
fn a_rejected_limit_is_retried_when_the_workgroup_is_available() {
    let Some(account) = Account::new() else { return };
    let young = reject("ValidationException", "The workgroup is being created.");
    account.aws.inject(Rule::new("CreateUsageLimit", young));
    provision_serverless(&account, &[])
        .exits(0)
        .says("NOT done yet: cannot limit the use of workgroup sparkify");
    assert_eq!(resources(&account), ALL_SERVERLESS);
}

#[test]
fn a_capacity_that_cannot_be_changed_yet_is_explained() {
    let Some(account) = Account::new() else { return };
    provision_serverless(&account, &[]).exits(0);
    let young = "Failed to update the RPU capacity for Serverless workgroup. Wait until at least one \
                 snapshot exists and retry.";
    account.aws.inject(Rule::new("UpdateWorkgroup", reject("ValidationException", young)));
    provision_serverless(&account, &["--base-capacity", "16"])
        .fails_with("aws-failed")
        .naming(&[young, "first recovery point"]);
}

#[test]
fn waiting_survives_an_outage_and_ends_at_the_timeout() {
    let Some(account) = Account::new() else { return };
    account.aws.inject(Rule::new("GetWorkgroup", Effect::Lose).after(1).times(3));
    let outcome = provision_serverless(&account, &["--retries", "1"]);
    outcome.exits(0).complains("cannot query the state of workgroup sparkify; retrying");
    account.aws.set_polls(9);
    account
        .teardown(&["--timeout", "1s"])
        .fails_with("timed-out")
        .naming(&["workgroup sparkify", "\"deleting\""])
        .complains("still exists: workgroup sparkify (deleting)")
        .complains("still exists: namespace sparkify (available)");
    account.aws.set_polls(1);
    // Resources that are being deleted are created again.
    provision_serverless(&account, &[]).exits(0).says("workgroup sparkify: being created");
    assert_eq!(resources(&account), ALL_SERVERLESS);
}

#[tokio::test]
async fn an_interrupt_reports_existing_resources() {
    let Some(account) = Account::new() else { return };
    let gate = Gate::new();
    account.aws.inject(Rule::new("GetWorkgroup", Effect::Hold(gate.clone())).after(1));
    let mut command = account.provision_command(&["--serverless"]);
    let child = command
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    gate.reached().await;
    let message = faults::interrupted(child, &gate);
    for text in [
        "namespace sparkify: created",
        "workgroup sparkify: being created; it incurs costs while queries run",
        "workgroup sparkify: limited to 24 RPU-hours per day",
        "in progress and possibly done",
        "`starlift teardown --name sparkify` removes it",
    ] {
        assert!(message.contains(text), "{text}\n{message}");
    }
    provision_serverless(&account, &[]).exits(0);
    assert_eq!(resources(&account), ALL_SERVERLESS);
}

#[test]
fn resources_of_others_with_the_same_names_are_not_changed() {
    let Some(account) = Account::new() else { return };
    call(&account, "CreateNamespace", &[("namespaceName", "sparkify")]);
    let theirs = "namespace sparkify already exists and is not tagged starlift:name=sparkify";
    provision_serverless(&account, &[]).fails_with("not-managed").naming(&[theirs, "--name"]);
    let group = [("workgroupName", "sparkify"), ("namespaceName", "sparkify")];
    call(&account, "CreateWorkgroup", &group);
    provision_serverless(&account, &[]).fails_with("not-managed").naming(&[theirs]);
    account.teardown(&[]).exits(0).says("nothing in us-east-1 belongs to sparkify");
    account.run(&["status"]).exits(0).says("starlift manages no resources in us-east-1");
    account
        .run(&["pause", "--name", "sparkify"])
        .fails_with("nothing-managed")
        .naming(&["us-east-1"]);
    assert!(changes(&account).is_empty(), "{:?}", changes(&account));
    assert_eq!(resources(&account), ["namespaces: sparkify", "workgroups: sparkify"]);
}

#[test]
fn a_namespace_with_another_workgroup_is_not_changed() {
    let Some(account) = Account::new() else { return };
    provision_serverless(&account, &[]).exits(0);
    call(&account, "DeleteWorkgroup", &[("workgroupName", "sparkify")]);
    let group = [("workgroupName", "theirs"), ("namespaceName", "sparkify")];
    call(&account, "CreateWorkgroup", &group);
    account.aws.forget_requests();
    provision_serverless(&account, &[])
        .fails_with("cluster-differs")
        .naming(&["namespace sparkify", "workgroup theirs"]);
    assert!(changes(&account).is_empty());
}

#[test]
fn a_workgroup_that_only_has_the_tag_is_reported_and_stays() {
    let Some(account) = Account::new() else { return };
    provision_serverless(&account, &[]).exits(0);
    let tags = "[{\"key\":\"starlift:name\",\"value\":\"sparkify\"}]";
    call(&account, "CreateNamespace", &[("namespaceName", "prod"), ("tags", tags)]);
    let group = [("workgroupName", "prod"), ("namespaceName", "prod"), ("tags", tags)];
    call(&account, "CreateWorkgroup", &group);
    account.run(&["status"]).exits(0).says("workgroup prod has the tags of sparkify");
    account
        .teardown(&[])
        .fails_with("stray-tag")
        .naming(&["workgroup prod", "starlift:name=sparkify"]);
    assert!(resources(&account).contains(&"workgroups: sparkify".to_owned()));
}

#[test]
fn a_workgroup_of_a_colleague_is_adopted_only_on_request() {
    let Some(account) = Account::new() else { return };
    provision_serverless(&account, &[]).exits(0);
    updates::as_bob(&account);
    for outcome in [provision_serverless(&account, &[]), account.teardown(&[])] {
        outcome.fails_with("managed-by-others").naming(&["arn:aws:iam::123456789012:user/ann"]);
    }
    provision_serverless(&account, &["--adopt"]).exits(0);
    account.teardown(&["--adopt"]).exits(0);
    assert!(resources(&account).is_empty());
}

#[test]
fn a_cluster_and_a_workgroup_do_not_share_a_name() {
    let Some(account) = Account::new() else { return };
    account.provision(&[]).exits(0);
    provision_serverless(&account, &[]).fails_with("cluster-differs").naming(&[
        "sparkify",
        "a cluster",
        "a workgroup",
    ]);
    account.teardown(&[]).exits(0);
    provision_serverless(&account, &[]).exits(0);
    let cluster = account.provision(&[]);
    cluster.fails_with("cluster-differs").naming(&["sparkify", "a workgroup", "a cluster"]);
    account.teardown(&[]).exits(0);
}

#[test]
fn clusters_do_not_need_permissions_for_workgroups() {
    let Some(account) = Account::new() else { return };
    account.provision(&[]).exits(0);
    for action in READ_ACTIONS {
        account.aws.inject(Rule::new(action, Effect::Deny).always());
    }
    account.run(&["status"]).exits(0).says("available").complains("Serverless is not shown");
    account.run(&["pause", "--name", "sparkify"]).exits(0);
    account
        .teardown(&[])
        .exits(0)
        .says("Redshift Serverless was not checked: redshift-serverless:ListWorkgroups");
    assert!(account.resources().is_empty());
}

#[test]
fn resources_that_cannot_be_listed_are_not_reported_as_removed() {
    let Some(account) = Account::new() else { return };
    provision_serverless(&account, &[]).exits(0);
    account.aws.inject(Rule::new("ListWorkgroups", Effect::Lose).always());
    account.teardown(&["--retries", "1"]).exits(1).complains("cannot list the workgroups");
    assert_eq!(resources(&account), ALL_SERVERLESS);
}
