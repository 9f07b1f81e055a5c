//! `teardown`: all that is ours goes, nothing else does, and what stays is told.

use super::*;
use support::terminal::typed;

const TRUST: &str = "{\"Version\":\"2012-10-17\",\"Statement\":[]}";

#[test]
fn nothing_is_left_and_a_second_time_there_is_nothing_to_do() {
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
    assert!(account.holdings().is_empty(), "{:?}", account.holdings());
    account.teardown(&[]).exits(0).says("nothing in us-east-1 belongs to sparkify");
    account.run(&["status"]).exits(0).says("starlift manages nothing in us-east-1");
}

#[test]
fn the_rule_goes_before_the_cluster_and_the_group_after_it() {
    let Some(account) = Account::new() else { return };
    account.provision(&[]).exits(0);
    account.aws.forget_requests();
    account.teardown(&[]).exits(0);
    let place = |action: &str| {
        let all = account.aws.requests();
        all.iter().position(|request| request.action == action).expect(action)
    };
    assert!(place("RevokeSecurityGroupIngress") < place("DeleteCluster"));
    assert!(place("DeleteCluster") < place("DeleteSecurityGroup"));
    assert!(place("DeleteSecurityGroup") < place("DeleteRole"));
}

#[test]
fn what_others_own_stays() {
    let Some(account) = Account::new() else { return };
    account.strangers("theirs", &[("team", "sparkify")]);
    let role = [("RoleName", "theirs"), ("AssumeRolePolicyDocument", TRUST)];
    account.aws.call("iam", "CreateRole", &role);
    account.aws.call(
        "ec2",
        "CreateSecurityGroup",
        &[("GroupName", "theirs"), ("GroupDescription", "of others")],
    );
    let before = account.holdings();
    account.provision(&["--expires", "8h"]).exits(0);
    // Another cluster of ours has another name.
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
    assert_eq!(account.holdings(), with_other);
    account.run(&["teardown", "--name", "other", "--yes"]).exits(0);
    assert_eq!(account.holdings(), before);
}

#[test]
fn a_name_is_asked_for_where_nobody_said_yes() {
    let Some(account) = Account::new() else { return };
    account.provision(&[]).exits(0);
    account
        .run(&["teardown", "--name", "sparkify"])
        .exits(2)
        .complains("would remove from us-east-1")
        .complains("cluster sparkify (available)")
        .complains("its data is lost permanently")
        .complains("--yes");
    assert!(account.holdings().contains(&"sparkify".to_owned()));
}

#[test]
fn at_a_terminal_the_name_is_typed() {
    let Some(account) = Account::new() else { return };
    account.provision(&[]).exits(0);
    let ask = |answer: &str| {
        let mut command = account.command();
        command.args(["teardown", "--name", "sparkify"]);
        typed(&account.here, &command, &[answer]).unwrap()
    };
    for wrong in ["y", "Sparkify", ""] {
        ask(wrong).exits(1).says("cluster sparkify (available)").says("nothing was changed");
        assert_eq!(account.holdings().len(), 3, "{wrong:?}");
    }
    ask("sparkify").exits(0).says("no resources of sparkify remain");
    assert!(account.holdings().is_empty());
}

/// What a failure at each step leaves, the next run removes.
#[test]
fn every_state_half_way_is_removed() {
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
        account.aws.script(Rule::new(action, What::Deny));
        let failed = account.teardown(&[]);
        failed.exits(1).complains(action).complains("same command again").complains("NOT done");
        let has_cluster = account.holdings().contains(&"sparkify".to_owned());
        assert_eq!(has_cluster, action == "DeleteCluster", "one denial does not keep the rest");
        assert_eq!(account.aws.rules_left(), 0, "{action}\n{failed}");
        account.teardown(&[]).exits(0);
        assert!(account.holdings().is_empty(), "{action}: {:?}", account.holdings());
    }
}

#[test]
fn a_cluster_that_is_busy_though_it_is_called_available_is_asked_again() {
    let Some(account) = Account::new() else { return };
    account.provision(&[]).exits(0);
    account.aws.script(Rule::new(
        "DeleteCluster",
        What::Refuse {
            status: 400,
            code: "InvalidClusterState",
            message: "There is an operation running on the Cluster.".to_owned(),
        },
    ));
    account.teardown(&[]).exits(0);
    assert_eq!((account.asked("DeleteCluster"), account.aws.rules_left()), (2, 0));
    assert!(account.holdings().is_empty());
}

#[test]
fn a_last_snapshot_stays_where_it_is_asked_for() {
    let Some(account) = Account::new() else { return };
    account.provision(&[]).exits(0);
    account
        .teardown(&["--final-snapshot", "sparkify-last"])
        .exits(0)
        .says("snapshot sparkify-last stays and incurs costs until you delete it");
    assert_eq!(account.holdings(), ["sparkify-last"]);
    account
        .run(&["status"])
        .exits(0)
        .says("snapshot sparkify-last of sparkify is kept and incurs costs");
    // Nobody asked for it to stay this time.
    account
        .teardown(&[])
        .exits(1)
        .complains("snapshot sparkify-last")
        .complains("resources remain");
}

#[test]
fn what_is_left_fails_the_teardown_by_name() {
    let Some(account) = Account::new() else { return };
    account.provision(&[]).exits(0);
    // AWS says that the role is gone, and it is not.
    let gone = "<DeleteRoleResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\">\
                <ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></DeleteRoleResponse>";
    account.aws.script(Rule::new("DeleteRole", What::Answer(gone.to_owned())));
    account
        .teardown(&[])
        .exits(1)
        .complains("resources remain after the teardown: role starlift-sparkify-us-east-1");
    assert_eq!(account.holdings(), ["starlift-sparkify-us-east-1"]);
}

#[test]
fn policies_that_others_attached_do_not_hold_the_role() {
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
    assert!(account.holdings().is_empty());
    account.aws.call("iam", "GetPolicy", &[("PolicyArn", arn)]);
}

#[test]
fn the_schedule_outlives_a_cluster_that_could_not_be_removed() {
    let Some(account) = Account::new() else { return };
    account.provision(&["--expires", "8h"]).exits(0);
    account.aws.script(Rule::new("DeleteCluster", What::Deny));
    account.teardown(&[]).exits(1);
    assert!(account.holdings().contains(&"starlift-sparkify-stop".to_owned()));
    let rules = account.aws.call("ec2", "DescribeSecurityGroupRules", &[]);
    assert!(!rules.contains("203.0.113.7"), "nobody is let in any more");
}

#[test]
fn a_cluster_that_was_renamed_is_told_and_no_strangers_is_removed() {
    let Some(account) = Account::new() else { return };
    account.provision(&[]).exits(0);
    account.strangers("prod", &[("starlift:name", "sparkify")]);
    account.run(&["status"]).exits(0).says("cluster prod carries the tags of sparkify");
    account
        .teardown(&[])
        .exits(1)
        .complains("cluster prod is tagged starlift:name=sparkify, under another name or region")
        .complains("nothing was changed");
    assert!(account.holdings().contains(&"prod".to_owned()));
    assert!(account.holdings().contains(&"sparkify".to_owned()));
}

#[test]
fn a_name_for_the_snapshot_that_is_taken_is_told_before_anything_goes() {
    let Some(account) = Account::new() else { return };
    account.provision(&["--expires", "8h"]).exits(0);
    let snapshot = [("ClusterIdentifier", "sparkify"), ("SnapshotIdentifier", "last")];
    account.aws.call("redshift", "CreateClusterSnapshot", &snapshot);
    let before = account.holdings();
    account
        .teardown(&["--final-snapshot", "last"])
        .exits(1)
        .complains("a snapshot last exists already; nothing was changed")
        .complains("--final-snapshot");
    assert_eq!(account.holdings(), before);
}

#[test]
fn a_snapshot_is_not_lost_to_an_interrupt() {
    let Some(account) = Account::new() else { return };
    account.provision(&[]).exits(0);
    account.aws.polls(6);
    let outcome = account.teardown(&["--final-snapshot", "last", "--timeout", "1s"]);
    outcome.exits(1).complains("still \"deleting\"").complains("same command again");
    account.aws.polls(1);
    account.teardown(&["--final-snapshot", "last"]).exits(0).says("snapshot last stays");
    assert_eq!(account.holdings(), ["last"]);
    account.run(&["status"]).exits(0).says("snapshot last of sparkify is kept");

    let Some(account) = Account::new() else { return };
    account.provision(&[]).exits(0);
    account.aws.polls(6);
    account.teardown(&["--timeout", "1s"]).exits(1);
    let outcome = account.teardown(&["--final-snapshot", "last"]);
    outcome
        .exits(1)
        .complains("there is no snapshot last")
        .complains("already being deleted without one");
}

#[test]
fn another_region_is_pointed_to() {
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
    outcome
        .exits(1)
        .complains("nothing in eu-west-1 belongs to sparkify, but there are roles for us-east-1")
        .complains("--region");
    account.teardown(&[]).exits(0);
}

#[test]
fn a_rule_that_stays_does_not_keep_the_others_open() {
    let Some(account) = Account::new() else { return };
    account.provision(&["--cidr", "203.0.113.7/32", "192.0.2.9/32"]).exits(0);
    account.aws.script(Rule::new("RevokeSecurityGroupIngress", What::Deny));
    account.aws.script(Rule::new("DeleteCluster", What::Deny));
    let outcome = account.teardown(&[]);
    outcome.exits(1).complains("still exists: cluster sparkify (available)");
    let rules = account.aws.call("ec2", "DescribeSecurityGroupRules", &[]);
    let open = texts(&rules, "cidrIpv4").into_iter().filter(|cidr| cidr != "0.0.0.0/0").count();
    assert_eq!(open, 1, "{rules}");
    account.teardown(&[]).exits(0);
}

#[test]
fn snapshots_of_others_are_not_taken_for_ours() {
    let Some(account) = Account::new() else { return };
    account.strangers("sparkify", &[]);
    let snapshot = [("ClusterIdentifier", "sparkify"), ("SnapshotIdentifier", "nightly")];
    account.aws.call("redshift", "CreateClusterSnapshot", &snapshot);
    account
        .teardown(&["--final-snapshot", "nightly"])
        .exits(0)
        .says("nothing in us-east-1 belongs");
    assert_eq!(account.asked("CreateTags") + account.asked("DeleteCluster"), 0);
    account.run(&["status"]).exits(0).says("starlift manages nothing");
}

#[test]
fn a_group_that_only_carries_the_tag_is_told_and_stays() {
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
    account
        .teardown(&[])
        .exits(1)
        .complains("security group theirs")
        .complains("nothing was changed");
    assert_eq!(account.holdings(), ["theirs"]);
}

#[test]
fn a_role_that_only_carries_the_tags_is_told_and_stays() {
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
    account.teardown(&[]).exits(1).complains("role theirs").complains("nothing was changed");
    assert_eq!(account.holdings(), ["theirs"]);
}

#[test]
fn rules_of_others_stay_with_a_group_that_cannot_be_removed() {
    let Some(account) = Account::new() else { return };
    account.provision(&[]).exits(0);
    let groups = account.aws.call("ec2", "DescribeSecurityGroups", &[]);
    let ours = texts(&groups, "groupName").iter().position(|name| name == "starlift-sparkify");
    let ids: Vec<_> = texts(&groups, "groupId");
    let id = ids.into_iter().nth(ours.unwrap()).unwrap();
    let rule = [
        ("GroupId", &*id),
        ("IpPermissions.1.IpProtocol", "tcp"),
        ("IpPermissions.1.FromPort", "5439"),
        ("IpPermissions.1.ToPort", "5439"),
        ("IpPermissions.1.IpRanges.1.CidrIp", "198.51.100.4/32"),
    ];
    account.aws.call("ec2", "AuthorizeSecurityGroupIngress", &rule);
    account.aws.script(Rule::new("DeleteSecurityGroup", What::Deny));
    account.teardown(&[]).exits(1).complains("still exists: security group");
    let rules = account.aws.call("ec2", "DescribeSecurityGroupRules", &[]);
    assert!(rules.contains("198.51.100.4/32") && !rules.contains("203.0.113.7"), "{rules}");
    account.teardown(&[]).exits(0);
}
