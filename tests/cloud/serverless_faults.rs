//! What AWS does wrong, slowly or not at all with workgroups, and what others have under our names.

use super::serverless::{ALL_SERVERLESS, ask, changes, holdings, make};
use super::*;
use support::redshift::Gate;

fn refuse(code: &'static str, message: &str) -> What {
    What::Refuse { status: 400, code, message: message.to_owned() }
}

/// The requests that create, in order.
const CREATES: [&str; 3] = ["CreateNamespace", "CreateWorkgroup", "CreateUsageLimit"];
/// The requests that remove, in order.
const DELETES: [&str; 3] = ["DeleteUsageLimit", "DeleteWorkgroup", "DeleteNamespace"];
/// The requests that look.
const LOOKS: [&str; 7] = [
    "GetNamespace",
    "GetWorkgroup",
    "ListUsageLimits",
    "ListNamespaces",
    "ListWorkgroups",
    "ListSnapshots",
    "ListTagsForResource",
];

#[test]
fn throttling_is_waited_out_in_each_call() {
    let Some(account) = Account::new() else { return };
    let updates = ["UpdateNamespace", "UpdateWorkgroup", "UpdateUsageLimit"];
    for action in CREATES.iter().chain(&DELETES).chain(&LOOKS).chain(&updates) {
        account.aws.script(Rule::new(action, What::Throttle));
    }
    make(&account, &[]).exits(0);
    assert_eq!(holdings(&account), ALL_SERVERLESS);
    let namespace = [("namespaceName", "sparkify"), ("iamRoles", "[]"), ("defaultIamRoleArn", "")];
    let update = account.aws.try_call("redshift-serverless", "UpdateNamespace", &namespace);
    assert!(update.is_err(), "an empty default role is none of the roles");
    make(&account, &["--public", "--rpu-limit", "30/day"]).exits(0);
    account.run(&["status"]).exits(0);
    account.teardown(&[]).exits(0);
    assert!(holdings(&account).is_empty());
    // Nothing had to be changed of the namespace.
    assert_eq!(account.aws.rules_left(), 1);
}

#[test]
fn a_lost_answer_is_as_good_as_one() {
    let Some(account) = Account::new() else { return };
    for action in CREATES.iter().chain(&DELETES) {
        account.aws.script(Rule::new(action, What::Lose));
    }
    make(&account, &[]).exits(0).says("workgroup sparkify: available");
    assert_eq!(holdings(&account), ALL_SERVERLESS);
    account.teardown(&[]).exits(0);
    assert_eq!(account.aws.rules_left(), 0);
    assert!(holdings(&account).is_empty());
}

/// What a failure at each step leaves, the next run completes.
#[test]
fn every_state_half_way_is_completed() {
    for action in CREATES {
        let Some(account) = Account::new() else { return };
        account.aws.script(Rule::new(action, What::Deny));
        let permission = format!("the credentials in use lack redshift-serverless:{action}");
        let failed = make(&account, &[]);
        failed.exits(1).complains(&permission).complains("done before").complains("teardown");
        make(&account, &[]).exits(0);
        assert_eq!(holdings(&account), ALL_SERVERLESS, "{action}");
    }
}

/// What a failure at each step leaves, the next run removes.
#[test]
fn every_state_half_way_is_removed() {
    for action in DELETES {
        let Some(account) = Account::new() else { return };
        make(&account, &[]).exits(0);
        account.aws.script(Rule::new(action, What::Deny));
        let failed = account.teardown(&[]);
        failed.exits(1).complains(action).complains("NOT done").complains("same command again");
        let left = holdings(&account);
        let has = |what: &str| left.iter().any(|found| found.starts_with(what));
        assert_eq!(has("workgroups"), action == "DeleteWorkgroup", "{action}: {left:?}");
        // As long as there is a workgroup, it is limited.
        assert_eq!(has("limit"), has("workgroups"), "{action}: {left:?}");
        account.teardown(&[]).exits(0);
        assert!(holdings(&account).is_empty(), "{action}: {:?}", holdings(&account));
    }
}

#[test]
fn alerts_are_put_back_with_the_limit_of_a_workgroup_that_stays() {
    let Some(account) = Account::new() else { return };
    make(&account, &[]).exits(0);
    let found = ask(&account, "GetWorkgroup", &[("workgroupName", "sparkify")]);
    let arn = found["workgroup"]["workgroupArn"].as_str().unwrap();
    let alert = [("resourceArn", arn), ("usageType", "serverless-compute"), ("amount", "5")];
    ask(&account, "CreateUsageLimit", &alert);
    let limits = || -> Vec<String> {
        let mut limits = holdings(&account);
        limits.retain(|found| found.starts_with("limit"));
        limits.sort();
        limits
    };
    let before = limits();
    assert_eq!(before, ["limit: 24 daily deactivate", "limit: 5 monthly log"]);
    account.aws.script(Rule::new("DeleteWorkgroup", What::Deny));
    // The answer to the first request that puts one back is lost: its repetition conflicts.
    account.aws.script(Rule::new("CreateUsageLimit", What::Lose));
    let failed = account.teardown(&[]);
    failed
        .exits(1)
        .complains("usage limit of sparkify (24 RPU-hours daily, then deactivate): put back")
        .complains("usage limit of sparkify (5 RPU-hours monthly, then log): put back");
    assert_eq!(limits(), before);
    account.aws.script(Rule::new("DeleteWorkgroup", What::Deny));
    account.aws.script(Rule::new("CreateUsageLimit", What::Deny));
    account
        .teardown(&[])
        .exits(1)
        .complains("NOT done: cannot limit the use of workgroup sparkify");
    assert_eq!(limits().len(), 1, "one that cannot be put back does not keep the other away");
    account.teardown(&[]).exits(0);
    assert!(holdings(&account).is_empty());
}

#[test]
fn a_role_that_is_not_known_yet_is_waited_for() {
    let Some(account) = Account::new() else { return };
    let unknown = "The IAM role arn:aws:iam::123456789012:role/starlift/starlift-sparkify-us-east-1 \
                   is not valid.";
    account
        .aws
        .script(Rule::new("CreateNamespace", refuse("ValidationException", unknown)).times(2));
    make(&account, &[]).exits(0);
    assert_eq!(account.asked("CreateNamespace"), 3);
    let Some(account) = Account::new() else { return };
    let wrong = refuse("ValidationException", "The namespace name is a reserved word.");
    account.aws.script(Rule::new("CreateNamespace", wrong));
    make(&account, &[]).exits(1).complains("reserved word");
    assert_eq!(account.asked("CreateNamespace"), 1);
}

#[test]
fn what_is_busy_is_asked_again() {
    let Some(account) = Account::new() else { return };
    make(&account, &[]).exits(0);
    let busy = || refuse("ConflictException", "There is an operation running on sparkify.");
    for action in ["UpdateWorkgroup", "DeleteWorkgroup", "DeleteNamespace"] {
        account.aws.script(Rule::new(action, busy()));
    }
    let outcome = make(&account, &["--public"]);
    outcome.exits(0).complains("workgroup sparkify is busy and rejects the change; retrying");
    account.teardown(&[]).exits(0);
    assert_eq!(account.aws.rules_left(), 0);
    assert!(holdings(&account).is_empty());
}

#[test]
fn a_limit_that_is_not_taken_yet_is_asked_for_again_when_the_workgroup_is_up() {
    let Some(account) = Account::new() else { return };
    let young = refuse("ValidationException", "The workgroup is being created.");
    account.aws.script(Rule::new("CreateUsageLimit", young));
    make(&account, &[]).exits(0).says("NOT done yet: cannot limit the use of workgroup sparkify");
    assert_eq!(holdings(&account), ALL_SERVERLESS);
}

#[test]
fn a_capacity_that_cannot_be_changed_yet_is_explained() {
    let Some(account) = Account::new() else { return };
    make(&account, &[]).exits(0);
    let young = "Failed to update the RPU capacity for Serverless workgroup. Wait until at least one \
                 snapshot exists and retry.";
    account.aws.script(Rule::new("UpdateWorkgroup", refuse("ValidationException", young)));
    make(&account, &["--base-capacity", "16"])
        .exits(1)
        .complains(young)
        .complains("first recovery point");
}

#[test]
fn a_wait_outlasts_an_outage_and_ends_in_time() {
    let Some(account) = Account::new() else { return };
    account.aws.script(Rule::new("GetWorkgroup", What::Lose).after(1).times(3));
    let outcome = make(&account, &["--retries", "1"]);
    outcome.exits(0).complains("cannot query the state of workgroup sparkify; retrying");
    account.aws.polls(9);
    account
        .teardown(&["--timeout", "1s"])
        .exits(1)
        .complains("workgroup sparkify is still \"deleting\"")
        .complains("still exists: workgroup sparkify (deleting)")
        .complains("still exists: namespace sparkify (available)");
    account.aws.polls(1);
    // What is on its way out is made anew.
    make(&account, &[]).exits(0).says("workgroup sparkify: being created");
    assert_eq!(holdings(&account), ALL_SERVERLESS);
}

#[tokio::test]
async fn an_interrupt_says_what_exists() {
    let Some(account) = Account::new() else { return };
    let gate = Gate::new();
    account.aws.script(Rule::new("GetWorkgroup", What::Hold(gate.clone())).after(1));
    let mut command = account.provision_command(&["--serverless"]);
    let child = command
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    gate.reached().await;
    let said = faults::interrupted(child, &gate);
    for text in [
        "namespace sparkify: created",
        "workgroup sparkify: being created; it incurs costs while queries run",
        "workgroup sparkify: limited to 24 RPU-hours per day",
        "in progress and possibly done",
        "`starlift teardown --name sparkify` removes it",
    ] {
        assert!(said.contains(text), "{text}\n{said}");
    }
    make(&account, &[]).exits(0);
    assert_eq!(holdings(&account), ALL_SERVERLESS);
}

#[test]
fn what_others_have_under_our_names_is_never_touched() {
    let Some(account) = Account::new() else { return };
    ask(&account, "CreateNamespace", &[("namespaceName", "sparkify")]);
    let theirs = "namespace sparkify exists already and is not tagged starlift:name=sparkify";
    make(&account, &[]).exits(1).complains(theirs).complains("--name");
    let group = [("workgroupName", "sparkify"), ("namespaceName", "sparkify")];
    ask(&account, "CreateWorkgroup", &group);
    make(&account, &[]).exits(1).complains(theirs);
    account.teardown(&[]).exits(0).says("nothing in us-east-1 belongs to sparkify");
    account.run(&["status"]).exits(0).says("starlift manages nothing in us-east-1");
    account.run(&["pause", "--name", "sparkify"]).exits(1).complains("nothing in us-east-1");
    assert!(changes(&account).is_empty(), "{:?}", changes(&account));
    assert_eq!(holdings(&account), ["namespaces: sparkify", "workgroups: sparkify"]);
}

#[test]
fn a_namespace_of_ours_that_another_workgroup_serves_is_not_touched() {
    let Some(account) = Account::new() else { return };
    make(&account, &[]).exits(0);
    ask(&account, "DeleteWorkgroup", &[("workgroupName", "sparkify")]);
    let group = [("workgroupName", "theirs"), ("namespaceName", "sparkify")];
    ask(&account, "CreateWorkgroup", &group);
    account.aws.forget_requests();
    make(&account, &[]).exits(1).complains("namespace sparkify has workgroup theirs");
    assert!(changes(&account).is_empty());
}

#[test]
fn a_workgroup_that_only_carries_the_tag_is_told_and_stays() {
    let Some(account) = Account::new() else { return };
    make(&account, &[]).exits(0);
    let tags = "[{\"key\":\"starlift:name\",\"value\":\"sparkify\"}]";
    ask(&account, "CreateNamespace", &[("namespaceName", "prod"), ("tags", tags)]);
    let group = [("workgroupName", "prod"), ("namespaceName", "prod"), ("tags", tags)];
    ask(&account, "CreateWorkgroup", &group);
    account.run(&["status"]).exits(0).says("workgroup prod carries the tags of sparkify");
    account
        .teardown(&[])
        .exits(1)
        .complains("workgroup prod is tagged starlift:name=sparkify, under another name or region");
    assert!(holdings(&account).contains(&"workgroups: sparkify".to_owned()));
}

#[test]
fn a_colleagues_workgroup_is_taken_over_only_if_that_is_meant() {
    let Some(account) = Account::new() else { return };
    make(&account, &[]).exits(0);
    provision::as_bob(&account);
    for outcome in [make(&account, &[]), account.teardown(&[])] {
        outcome.exits(1).complains("created by arn:aws:iam::123456789012:user/ann");
    }
    make(&account, &["--adopt"]).exits(0);
    account.teardown(&["--adopt"]).exits(0);
    assert!(holdings(&account).is_empty());
}

#[test]
fn a_cluster_and_a_workgroup_do_not_share_a_name() {
    let Some(account) = Account::new() else { return };
    account.provision(&[]).exits(0);
    make(&account, &[])
        .exits(1)
        .complains("sparkify has a cluster, but the plan requires a workgroup");
    account.teardown(&[]).exits(0);
    make(&account, &[]).exits(0);
    let cluster = account.provision(&[]);
    cluster.exits(1).complains("sparkify has a workgroup, but the plan requires a cluster");
    account.teardown(&[]).exits(0);
}

#[test]
fn whoever_has_clusters_alone_need_not_be_allowed_to_look_at_workgroups() {
    let Some(account) = Account::new() else { return };
    account.provision(&[]).exits(0);
    for action in LOOKS {
        account.aws.script(Rule::new(action, What::Deny).always());
    }
    account.run(&["status"]).exits(0).says("available").complains("Serverless is not shown");
    account.run(&["pause", "--name", "sparkify"]).exits(0);
    account
        .teardown(&[])
        .exits(0)
        .says("Redshift Serverless was not checked: redshift-serverless:ListWorkgroups");
    assert!(account.holdings().is_empty());
}

#[test]
fn what_cannot_be_seen_is_not_said_to_be_gone() {
    let Some(account) = Account::new() else { return };
    make(&account, &[]).exits(0);
    account.aws.script(Rule::new("ListWorkgroups", What::Lose).always());
    account.teardown(&["--retries", "1"]).exits(1).complains("cannot list the workgroups");
    assert_eq!(holdings(&account), ALL_SERVERLESS);
}
