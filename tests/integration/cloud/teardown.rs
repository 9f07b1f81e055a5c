//! `teardown` removes all resources that starlift manages and no others, and reports what remains.

use super::*;
use crate::support::terminal::typed;

const TRUST: &str = "{\"Version\":\"2012-10-17\",\"Statement\":[]}";

#[test]
fn teardown_removes_everything_and_a_second_run_does_nothing() {
    let Some(account) = Account::new() else { return };
    account.provision(&["--expires", "8h"]).exits(0);
    let outcome = account.teardown(&[]);
    outcome
        .exits(0)
        .says("schedule starlift-sparkify-stop: removed")
        .says("no longer admits 203.0.113.7/32")
        .says("cluster sparkify: removed")
        .says("security group starlift-sparkify")
        .says("role starlift-sparkify-us-east-1: removed")
        .says("role starlift-sparkify-us-east-1-stop: removed")
        .says("no resources of sparkify remain in us-east-1");
    assert!(account.resources().is_empty(), "{:?}", account.resources());
    account.teardown(&[]).exits(0).says("nothing in us-east-1 belongs to sparkify");
    account.run(&["status"]).exits(0).says("starlift manages no resources in us-east-1");
}

#[test]
fn the_rule_is_removed_before_the_cluster_and_the_group_after_it() {
    let Some(account) = Account::new() else { return };
    account.provision(&[]).exits(0);
    account.aws.forget_requests();
    account.teardown(&[]).exits(0);
    let index = |action: &str| {
        let all = account.aws.requests();
        all.iter().position(|request| request.action == action).expect(action)
    };
    assert!(index("RevokeSecurityGroupIngress") < index("DeleteCluster"));
    assert!(index("DeleteCluster") < index("DeleteSecurityGroup"));
    assert!(index("DeleteSecurityGroup") < index("DeleteRole"));
}

#[test]
fn resources_of_others_stay() {
    let Some(account) = Account::new() else { return };
    account.create_foreign_cluster("theirs", &[("team", "sparkify")]);
    let role = [("RoleName", "theirs"), ("AssumeRolePolicyDocument", TRUST)];
    account.aws.call("iam", "CreateRole", &role);
    account.aws.call(
        "ec2",
        "CreateSecurityGroup",
        &[("GroupName", "theirs"), ("GroupDescription", "of others")],
    );
    let before = account.resources();
    account.provision(&["--expires", "8h"]).exits(0);
    // Another cluster that starlift manages, under another name.
    account
        .run(&[
            "provision",
            "--name",
            "other",
            "--star",
            "s3://lake/star",
            "--yes",
            "--cidr",
            "203.0.113.8/32",
        ])
        .exits(0);
    account.teardown(&[]).exits(0);
    let mut with_other = before.clone();
    with_other.extend(["other", "starlift-other", "starlift-other-us-east-1"].map(str::to_owned));
    with_other.sort();
    assert_eq!(account.resources(), with_other);
    account.run(&["teardown", "--name", "other", "--yes"]).exits(0);
    assert_eq!(account.resources(), before);
}

#[test]
fn teardown_needs_yes_without_a_terminal() {
    let Some(account) = Account::new() else { return };
    account.provision(&[]).exits(0);
    account
        .run(&["teardown", "--name", "sparkify"])
        .fails_with("invalid-option")
        .naming(&["--yes"])
        .complains("would remove from us-east-1")
        .complains("cluster sparkify (available)")
        .complains("its data is lost permanently");
    assert!(account.resources().contains(&"sparkify".to_owned()));
}

#[test]
fn a_terminal_prompts_for_the_name() {
    let Some(account) = Account::new() else { return };
    account.provision(&[]).exits(0);
    let ask = |answer: &str| {
        let mut command = account.command();
        command.args(["teardown", "--name", "sparkify"]);
        typed(&account.here, &command, &[answer]).unwrap()
    };
    for wrong in ["y", "Sparkify", ""] {
        ask(wrong).exits(1).says("cluster sparkify (available)").says("nothing was changed");
        assert_eq!(account.resources().len(), 3, "{wrong:?}");
    }
    ask("sparkify").exits(0).says("no resources of sparkify remain");
    assert!(account.resources().is_empty());
}

/// The next run removes the resources that a failure at each step leaves.
#[test]
fn every_partial_state_is_removed() {
    for action in [
        "DeleteScheduledAction",
        "RevokeSecurityGroupIngress",
        "DeleteCluster",
        "DeleteSecurityGroup",
        "DeleteRolePolicy",
        "DeleteRole",
    ] {
        let Some(account) = Account::new() else { return };
        account.provision(&["--expires", "8h"]).exits(0);
        account.aws.inject(Rule::new(action, Effect::Deny));
        let failed = account.teardown(&[]);
        failed
            .fails_with("aws-denied")
            .naming(&[action])
            .complains("same command again")
            .complains("NOT done");
        let has_cluster = account.resources().contains(&"sparkify".to_owned());
        assert_eq!(
            has_cluster,
            action == "DeleteCluster",
            "a denied request does not stop the others"
        );
        assert_eq!(account.aws.rules_left(), 0, "{action}\n{failed}");
        account.teardown(&[]).exits(0);
        assert!(account.resources().is_empty(), "{action}: {:?}", account.resources());
    }
}

#[test]
fn deletion_of_a_busy_cluster_is_retried() {
    let Some(account) = Account::new() else { return };
    account.provision(&[]).exits(0);
    account.aws.inject(Rule::new(
        "DeleteCluster",
        Effect::Reject {
            status: 400,
            code: "InvalidClusterState",
            message: "There is an operation running on the Cluster.".to_owned(),
        },
    ));
    account.teardown(&[]).exits(0);
    assert_eq!((account.request_count("DeleteCluster"), account.aws.rules_left()), (2, 0));
    assert!(account.resources().is_empty());
}

#[test]
fn a_final_snapshot_is_kept() {
    let Some(account) = Account::new() else { return };
    account.provision(&[]).exits(0);
    account
        .teardown(&["--final-snapshot", "sparkify-last"])
        .exits(0)
        .says("snapshot sparkify-last stays and incurs costs until you delete it");
    assert_eq!(account.resources(), ["sparkify-last"]);
    account
        .run(&["status"])
        .exits(0)
        .says("snapshot sparkify-last of sparkify is kept and incurs costs");
    // Without the flag, the snapshot counts as left over.
    account.teardown(&[]).fails_with("resources-remain").naming(&["snapshot sparkify-last"]);
}

#[test]
fn teardown_fails_with_the_names_of_remaining_resources() {
    let Some(account) = Account::new() else { return };
    account.provision(&[]).exits(0);
    // AWS reports success and does not delete the role.
    let success = "<DeleteRoleResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\">\
                <ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></DeleteRoleResponse>";
    account.aws.inject(Rule::new("DeleteRole", Effect::Answer(success.to_owned())));
    account
        .teardown(&[])
        .fails_with("resources-remain")
        .naming(&["role starlift-sparkify-us-east-1"]);
    assert_eq!(account.resources(), ["starlift-sparkify-us-east-1"]);
}

#[test]
fn policies_that_others_attached_do_not_block_the_removal_of_the_role() {
    let Some(account) = Account::new() else { return };
    account.provision(&[]).exits(0);
    let document = "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"s3:GetObject\",\"Resource\":\"*\"}]}";
    let made = account.aws.call(
        "iam",
        "CreatePolicy",
        &[("PolicyName", "theirs"), ("PolicyDocument", document)],
    );
    let arn = &texts(&made, "Arn")[0];
    account.aws.call(
        "iam",
        "AttachRolePolicy",
        &[("RoleName", "starlift-sparkify-us-east-1"), ("PolicyArn", arn)],
    );
    account.teardown(&[]).exits(0);
    assert!(account.resources().is_empty());
    account.aws.call("iam", "GetPolicy", &[("PolicyArn", arn)]);
}

#[test]
fn a_cluster_that_cannot_be_removed_keeps_its_schedule() {
    let Some(account) = Account::new() else { return };
    account.provision(&["--expires", "8h"]).exits(0);
    account.aws.inject(Rule::new("DeleteCluster", Effect::Deny));
    account.teardown(&[]).fails_with("aws-denied");
    assert!(account.resources().contains(&"starlift-sparkify-stop".to_owned()));
    let rules = account.aws.call("ec2", "DescribeSecurityGroupRules", &[]);
    assert!(!rules.contains("203.0.113.7"), "access is revoked");
}

#[test]
fn a_renamed_cluster_is_reported_and_nothing_is_removed() {
    let Some(account) = Account::new() else { return };
    account.provision(&[]).exits(0);
    account.create_foreign_cluster("prod", &[("starlift:name", "sparkify")]);
    account.run(&["status"]).exits(0).says("cluster prod has the tags of sparkify");
    account
        .teardown(&[])
        .fails_with("stray-tag")
        .naming(&["cluster prod", "starlift:name=sparkify"]);
    assert!(account.resources().contains(&"prod".to_owned()));
    assert!(account.resources().contains(&"sparkify".to_owned()));
}

#[test]
fn an_existing_snapshot_name_is_reported_before_any_change() {
    let Some(account) = Account::new() else { return };
    account.provision(&["--expires", "8h"]).exits(0);
    let snapshot = [("ClusterIdentifier", "sparkify"), ("SnapshotIdentifier", "last")];
    account.aws.call("redshift", "CreateClusterSnapshot", &snapshot);
    let before = account.resources();
    account
        .teardown(&["--final-snapshot", "last"])
        .fails_with("snapshot-exists")
        .naming(&["snapshot last", "--final-snapshot"]);
    assert_eq!(account.resources(), before);
}

#[test]
fn a_final_snapshot_survives_a_failed_teardown() {
    let Some(account) = Account::new() else { return };
    account.provision(&[]).exits(0);
    account.aws.set_polls(6);
    let outcome = account.teardown(&["--final-snapshot", "last", "--timeout", "1s"]);
    outcome.fails_with("timed-out").naming(&["\"deleting\""]);
    account.aws.set_polls(1);
    account.teardown(&["--final-snapshot", "last"]).exits(0).says("snapshot last stays");
    assert_eq!(account.resources(), ["last"]);
    account.run(&["status"]).exits(0).says("snapshot last of sparkify is kept");

    let Some(account) = Account::new() else { return };
    account.provision(&[]).exits(0);
    account.aws.set_polls(6);
    account.teardown(&["--timeout", "1s"]).fails_with("timed-out");
    let outcome = account.teardown(&["--final-snapshot", "last"]);
    outcome.fails_with("snapshot-missing").naming(&["snapshot last"]);
}

#[test]
fn resources_in_another_region_are_reported() {
    let Some(account) = Account::new() else { return };
    account.provision(&[]).exits(0);
    account.aws.call(
        "redshift",
        "DeleteCluster",
        &[("ClusterIdentifier", "sparkify"), ("SkipFinalClusterSnapshot", "true")],
    );
    let groups =
        account.aws.call("ec2", "DescribeSecurityGroups", &[("GroupName.1", "starlift-sparkify")]);
    let id = texts(&groups, "groupId")[0].clone();
    account.aws.call("ec2", "DeleteSecurityGroup", &[("GroupId", &id)]);
    let outcome = account.teardown(&["--region", "eu-west-1"]);
    outcome.fails_with("other-region").naming(&["eu-west-1", "sparkify", "us-east-1", "--region"]);
    account.teardown(&[]).exits(0);
}

#[test]
fn a_rule_that_cannot_be_revoked_does_not_block_the_others() {
    let Some(account) = Account::new() else { return };
    account.provision(&["--cidr", "203.0.113.7/32", "192.0.2.9/32"]).exits(0);
    account.aws.inject(Rule::new("RevokeSecurityGroupIngress", Effect::Deny));
    account.aws.inject(Rule::new("DeleteCluster", Effect::Deny));
    let outcome = account.teardown(&[]);
    outcome.fails_with("aws-denied").complains("still exists: cluster sparkify (available)");
    let rules = account.aws.call("ec2", "DescribeSecurityGroupRules", &[]);
    let open = texts(&rules, "cidrIpv4").into_iter().filter(|cidr| cidr != "0.0.0.0/0").count();
    assert_eq!(open, 1, "{rules}");
    account.teardown(&[]).exits(0);
}

#[test]
fn snapshots_of_others_are_ignored() {
    let Some(account) = Account::new() else { return };
    account.create_foreign_cluster("sparkify", &[]);
    let snapshot = [("ClusterIdentifier", "sparkify"), ("SnapshotIdentifier", "nightly")];
    account.aws.call("redshift", "CreateClusterSnapshot", &snapshot);
    account
        .teardown(&["--final-snapshot", "nightly"])
        .exits(0)
        .says("nothing in us-east-1 belongs");
    assert_eq!(account.request_count("CreateTags") + account.request_count("DeleteCluster"), 0);
    account.run(&["status"]).exits(0).says("starlift manages no resources");
}

#[test]
fn a_group_that_only_has_the_tag_is_reported_and_stays() {
    let Some(account) = Account::new() else { return };
    account.aws.call(
        "ec2",
        "CreateSecurityGroup",
        &[
            ("GroupName", "theirs"),
            ("GroupDescription", "of others"),
            ("TagSpecification.1.ResourceType", "security-group"),
            ("TagSpecification.1.Tag.1.Key", "starlift:name"),
            ("TagSpecification.1.Tag.1.Value", "sparkify"),
        ],
    );
    account.teardown(&[]).fails_with("stray-tag").naming(&["security group theirs"]);
    assert_eq!(account.resources(), ["theirs"]);
}

#[test]
fn a_role_that_only_has_the_tags_is_reported_and_stays() {
    let Some(account) = Account::new() else { return };
    let role = [
        ("RoleName", "theirs"),
        ("Path", "/starlift/"),
        ("AssumeRolePolicyDocument", TRUST),
        ("Tags.member.1.Key", "starlift:name"),
        ("Tags.member.1.Value", "sparkify"),
        ("Tags.member.2.Key", "starlift:region"),
        ("Tags.member.2.Value", "us-east-1"),
    ];
    account.aws.call("iam", "CreateRole", &role);
    account.teardown(&[]).fails_with("stray-tag").naming(&["role theirs"]);
    assert_eq!(account.resources(), ["theirs"]);
}

#[test]
fn rules_of_others_stay_with_a_group_that_cannot_be_removed() {
    let Some(account) = Account::new() else { return };
    account.provision(&[]).exits(0);
    let groups = account.aws.call("ec2", "DescribeSecurityGroups", &[]);
    let index = texts(&groups, "groupName").iter().position(|name| name == "starlift-sparkify");
    let ids: Vec<_> = texts(&groups, "groupId");
    let id = ids.into_iter().nth(index.unwrap()).unwrap();
    let rule = [
        ("GroupId", &*id),
        ("IpPermissions.1.IpProtocol", "tcp"),
        ("IpPermissions.1.FromPort", "5439"),
        ("IpPermissions.1.ToPort", "5439"),
        ("IpPermissions.1.IpRanges.1.CidrIp", "198.51.100.4/32"),
    ];
    account.aws.call("ec2", "AuthorizeSecurityGroupIngress", &rule);
    account.aws.inject(Rule::new("DeleteSecurityGroup", Effect::Deny));
    account.teardown(&[]).fails_with("aws-denied").complains("still exists: security group");
    let rules = account.aws.call("ec2", "DescribeSecurityGroupRules", &[]);
    assert!(rules.contains("198.51.100.4/32") && !rules.contains("203.0.113.7"), "{rules}");
    account.teardown(&[]).exits(0);
}
