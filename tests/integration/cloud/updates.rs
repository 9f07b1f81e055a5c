//! `provision` of a cluster that exists: updates, ownership and adoption.

use super::*;

#[test]
fn resources_of_others_with_the_same_names_are_not_changed() {
    let trust = "{\"Version\":\"2012-10-17\",\"Statement\":[]}";
    let Some(account) = Account::new() else { return };
    account.aws.call(
        "iam",
        "CreateRole",
        &[("RoleName", "starlift-sparkify-us-east-1"), ("AssumeRolePolicyDocument", trust)],
    );
    let outcome = account.provision(&[]);
    outcome.fails_with("not-managed").naming(&[
        "role starlift-sparkify-us-east-1",
        "starlift:name=sparkify",
        "--name",
    ]);
    assert_eq!(account.resources(), ["starlift-sparkify-us-east-1"]);
    account.teardown(&[]).exits(0).says("nothing in us-east-1 belongs to sparkify");
    assert_eq!(account.resources(), ["starlift-sparkify-us-east-1"]);
}

#[test]
fn a_new_address_replaces_the_old_one_and_rules_of_others_stay() {
    let Some(account) = Account::new() else { return };
    account.provision(&[]).exits(0);
    let groups =
        account.aws.call("ec2", "DescribeSecurityGroups", &[("GroupName.1", "starlift-sparkify")]);
    let id = texts(&groups, "groupId")[0].clone();
    account.aws.call(
        "ec2",
        "AuthorizeSecurityGroupIngress",
        &[
            ("GroupId", id.as_str()),
            ("IpPermissions.1.IpProtocol", "tcp"),
            ("IpPermissions.1.FromPort", "5439"),
            ("IpPermissions.1.ToPort", "5439"),
            ("IpPermissions.1.IpRanges.1.CidrIp", "198.51.100.0/24"),
        ],
    );
    let outcome = account.provision(&["--cidr", "192.0.2.9/32"]);
    outcome.exits(0).says("admits 192.0.2.9/32").says("no longer admits 203.0.113.7/32");
    let rules = account.aws.call("ec2", "DescribeSecurityGroupRules", &[]);
    let cidrs = texts(&rules, "cidrIpv4");
    for (cidr, is_there) in
        [("192.0.2.9/32", true), ("198.51.100.0/24", true), ("203.0.113.7/32", false)]
    {
        assert_eq!(cidrs.iter().any(|found| found == cidr), is_there, "{cidr}: {cidrs:?}");
    }
}

#[test]
fn only_the_network_of_a_cluster_is_updated() {
    let Some(account) = Account::new() else { return };
    account.provision(&[]).exits(0);
    account
        .provision(&["--node-type", "ra3.xlplus"])
        .fails_with("cluster-differs")
        .naming(&["node type ra3.large", "ra3.xlplus"]);
    account.provision(&["--public"]).exits(0).says("network settings updated");
    account.provision(&[]).exits(0);
    let cluster = account.aws.call("redshift", "DescribeClusters", &[]);
    assert_eq!(
        texts(&cluster, "PubliclyAccessible"),
        ["true"],
        "an option that is not given stays as it is"
    );
    account
        .provision(&["--node-type", "dc2.large"])
        .fails_with("invalid-option")
        .naming(&["no longer creates clusters"]);
}

#[test]
fn changes_to_trust_policy_and_role_are_reverted() {
    let Some(account) = Account::new() else { return };
    account.provision(&[]).exits(0);
    let role = "starlift-sparkify-us-east-1";
    let other_trust = "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"sts:AssumeRole\",\"Principal\":{\"Service\":\"ec2.amazonaws.com\"}}]}";
    let all = "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"}]}";
    account.aws.call(
        "iam",
        "UpdateAssumeRolePolicy",
        &[("RoleName", role), ("PolicyDocument", other_trust)],
    );
    account.aws.call(
        "iam",
        "PutRolePolicy",
        &[("RoleName", role), ("PolicyName", "read-star"), ("PolicyDocument", all)],
    );
    let arn = format!("arn:aws:iam::123456789012:role/starlift/{role}");
    account.aws.call(
        "redshift",
        "ModifyClusterIamRoles",
        &[("ClusterIdentifier", "sparkify"), ("RemoveIamRoles.IamRoleArn.1", &arn)],
    );
    account
        .provision(&[])
        .exits(0)
        .says("trust policy updated")
        .says("policy set")
        .says("role attached");
    let policy = account.aws.call(
        "iam",
        "GetRolePolicy",
        &[("RoleName", role), ("PolicyName", "read-star")],
    );
    assert!(policy.contains("lake"), "{policy}");
    let cluster = account.aws.call("redshift", "DescribeClusters", &[]);
    assert_eq!(texts(&cluster, "ApplyStatus"), ["in-sync"], "{cluster}");
}

#[test]
fn an_expiry_stays_until_it_is_changed() {
    let Some(account) = Account::new() else { return };
    account.provision(&["--expires", "8h"]).exits(0);
    let schedule = || {
        let actions = account.aws.call("redshift", "DescribeScheduledActions", &[]);
        texts(&actions, "StartTime")
    };
    let first = schedule();
    assert!(first[0].starts_with("20"), "{first:?}");
    account.provision(&[]).exits(0);
    assert_eq!(schedule(), first);
    account.provision(&["--expires", "3days"]).exits(0);
    assert!(schedule() > first);
    account.provision(&["--expires", "never"]).exits(0).says("never paused");
    assert!(schedule().is_empty());
}

#[test]
fn a_paused_cluster_ends_available() {
    let Some(account) = Account::new() else { return };
    account.provision(&[]).exits(0);
    account.aws.call("redshift", "PauseCluster", &[("ClusterIdentifier", "sparkify")]);
    let expires = ["--expires", "8h"];
    account.provision(&expires).exits(0).says("resuming").says("cluster sparkify: available");
    account.run(&["status"]).exits(0).says("available");
    let all: Vec<String> = account.aws.requests().into_iter().map(|r| r.action).collect();
    let index = |action: &str| all.iter().position(|request| request == action).expect(action);
    assert!(index("CreateScheduledAction") < index("ResumeCluster"), "{all:?}");
}

#[test]
fn a_cluster_that_is_being_deleted_is_created_again() {
    let Some(account) = Account::new() else { return };
    account.provision(&[]).exits(0);
    account.aws.set_polls(4);
    account.aws.inject(Rule::new("DeleteCluster", Effect::Lose));
    account.teardown(&["--timeout", "1s"]).fails_with("timed-out");
    account.aws.set_polls(1);
    account.provision(&[]).exits(0).says("cluster sparkify: being created");
    assert_eq!(account.request_count("CreateCluster"), 2);
    account.run(&["status"]).exits(0).says("available");
}

#[test]
fn another_network_is_reported_before_any_change() {
    let Some(account) = Account::new() else { return };
    let vpc = account.aws.call("ec2", "CreateVpc", &[("CidrBlock", "10.9.0.0/16")]);
    let vpc = texts(&vpc, "vpcId")[0].clone();
    let params = [("VpcId", vpc.as_str()), ("CidrBlock", "10.9.1.0/24")];
    let subnet = texts(&account.aws.call("ec2", "CreateSubnet", &params), "subnetId")[0].clone();
    account.aws.call(
        "redshift",
        "CreateClusterSubnetGroup",
        &[
            ("ClusterSubnetGroupName", "wide"),
            ("Description", "of a test"),
            ("SubnetIds.SubnetIdentifier.1", &subnet),
        ],
    );
    account.provision(&["--subnet-group", "wide"]).exits(0);
    account.provision(&[]).fails_with("cluster-differs").naming(&["subnet group wide", "default"]);
    assert_eq!(account.request_count("CreateSecurityGroup"), 1);
    account
        .provision(&["--subnet-group", "none"])
        .fails_with("no-subnet-group")
        .naming(&["\"none\""]);
    account.teardown(&[]).exits(0);
}

/// Makes the following requests those of another user of the account.
pub fn as_bob(account: &Account) {
    let (ann, bob) = (crate::support::aws::USER, "arn:aws:iam::123456789012:user/bob");
    let rewrite = Effect::Rewrite(ann.to_owned(), bob.to_owned());
    account.aws.inject(Rule::new("GetCallerIdentity", rewrite).always());
}

#[test]
fn resources_of_a_colleague_are_adopted_only_on_request() {
    let Some(account) = Account::new() else { return };
    account.provision(&[]).exits(0);
    as_bob(&account);
    for outcome in [account.provision(&["--cidr", "192.0.2.1/32"]), account.teardown(&[])] {
        outcome
            .fails_with("managed-by-others")
            .naming(&["arn:aws:iam::123456789012:user/ann", "--adopt"]);
    }
    account.run(&["status"]).exits(0).says("203.0.113.7/32").says("available");
    account.provision(&["--cidr", "192.0.2.1/32", "--adopt"]).exits(0);
    account.teardown(&[]).exits(0);
    assert!(account.resources().is_empty());

    let Some(account) = Account::new() else { return };
    account.provision(&[]).exits(0);
    as_bob(&account);
    account.teardown(&["--adopt"]).exits(0);
    assert!(account.resources().is_empty());
}
