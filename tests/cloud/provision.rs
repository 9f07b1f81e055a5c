//! `provision`: what it makes, and that it ends in one state from wherever it begins.

use super::*;
use support::terminal::typed;

#[test]
fn a_role_a_rule_a_cluster_and_a_schedule_are_made_in_this_order() {
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
    assert_eq!(account.holdings(), ALL);
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
fn a_second_run_changes_nothing_and_asks_nobody() {
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
fn nothing_that_costs_is_made_unasked() {
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
    outcome.exits(2).complains("--yes").complains("1 × ra3.large").complains("per hour");
    assert!(account.holdings().is_empty(), "{:?}", account.holdings());
}

#[test]
fn at_a_terminal_the_user_is_asked() {
    let Some(account) = Account::new() else { return };
    let ask = |answer: &str| {
        let mut command = account.command();
        command.args(["provision", "--name", "sparkify", "--star", "s3://lake/star"]);
        command.args(["--cidr", "203.0.113.7/32"]);
        typed(&account.here, &command, &[answer]).unwrap()
    };
    let no = ask("n");
    no.exits(1)
        .says("1 × ra3.large")
        .says("per hour")
        .says("Create it?")
        .says("nothing was changed");
    assert!(account.holdings().is_empty());
    ask("y").exits(0).says("cluster sparkify: available");
    assert_eq!(account.holdings().len(), 3);
}

#[test]
fn a_dry_run_shows_all_and_makes_nothing() {
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
    assert!(account.holdings().is_empty());
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

/// What a failure at each step leaves, the next run completes.
#[test]
fn every_state_half_way_is_completed() {
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
        account.aws.script(Rule::new(action, What::Deny).after(after));
        let failed = account.provision(&["--expires", "8h"]);
        failed.exits(1).complains(action).complains("done before").complains("teardown");
        assert_eq!(account.aws.rules_left(), 0, "{action}\n{failed}");
        account.provision(&["--expires", "8h"]).exits(0);
        assert_eq!(account.holdings(), ALL, "{action}");
        account.teardown(&[]).exits(0);
        assert!(account.holdings().is_empty(), "{action}: {:?}", account.holdings());
    }
}

#[test]
fn a_lost_answer_is_as_good_as_one() {
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
        account.aws.script(Rule::new(action, What::Lose));
    }
    account.provision(&["--expires", "8h"]).exits(0).says("cluster sparkify: available");
    assert_eq!(account.holdings(), ALL);
    account.run(&["pause", "--name", "sparkify"]).exits(0);
    account.run(&["resume", "--name", "sparkify"]).exits(0);
    account.teardown(&[]).exits(0);
    assert_eq!(account.aws.rules_left(), 0);
    assert!(account.holdings().is_empty());
}

#[test]
fn what_others_have_under_our_names_is_not_touched() {
    let trust = "{\"Version\":\"2012-10-17\",\"Statement\":[]}";
    let Some(account) = Account::new() else { return };
    account.aws.call(
        "iam",
        "CreateRole",
        &[("RoleName", "starlift-sparkify-us-east-1"), ("AssumeRolePolicyDocument", trust)],
    );
    let outcome = account.provision(&[]);
    outcome
        .exits(1)
        .complains("role starlift-sparkify-us-east-1 exists already and is not tagged")
        .complains("starlift:name=sparkify")
        .complains("--name");
    assert_eq!(account.holdings(), ["starlift-sparkify-us-east-1"]);
    account.teardown(&[]).exits(0).says("nothing in us-east-1 belongs to sparkify");
    assert_eq!(account.holdings(), ["starlift-sparkify-us-east-1"]);
}

#[test]
fn a_changed_address_takes_the_place_of_the_old_one_and_rules_of_others_stay() {
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
fn the_internet_is_let_in_only_by_name() {
    let Some(account) = Account::new() else { return };
    for wide in ["0.0.0.0/0", "128.0.0.0/1"] {
        account
            .provision(&["--cidr", wide])
            .exits(2)
            .complains("everyone on the internet")
            .complains("--open-to-the-internet");
    }
    assert!(account.aws.requests().is_empty());
    account.provision(&["--cidr", "0.0.0.0/0", "--open-to-the-internet"]).exits(0);
}

#[test]
fn the_callers_own_address_is_let_in_where_none_is_named() {
    let Some(account) = Account::new() else { return };
    let service = serve("198.51.100.23\n");
    let args = ["provision", "--name", "sparkify", "--star", "s3://lake/star", "--yes", "--public"];
    account
        .run(&[&args[..], &["--address-service", &service]].concat())
        .exits(0)
        .says("admits    198.51.100.23/32");
    let cluster = account.aws.call("redshift", "DescribeClusters", &[]);
    assert_eq!(texts(&cluster, "PubliclyAccessible"), ["true"], "{cluster}");
    let nobody = account.run(&[&args[..], &["--address-service", "http://127.0.0.1:1"]].concat());
    nobody.exits(1).complains("http://127.0.0.1:1").complains("--cidr");
}

/// A server that gives one answer to everybody.
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

#[test]
fn a_cluster_that_differs_is_not_changed() {
    let Some(account) = Account::new() else { return };
    account.provision(&[]).exits(0);
    account
        .provision(&["--node-type", "ra3.xlplus"])
        .exits(1)
        .complains("node type ra3.large, but the plan requires ra3.xlplus");
    account.provision(&["--public"]).exits(0).says("network settings updated");
    account.provision(&[]).exits(0);
    let cluster = account.aws.call("redshift", "DescribeClusters", &[]);
    assert_eq!(texts(&cluster, "PubliclyAccessible"), ["true"], "what is not said stays");
    account
        .provision(&["--node-type", "dc2.large"])
        .exits(2)
        .complains("no longer creates clusters");
}

#[test]
fn what_went_astray_is_put_right() {
    let Some(account) = Account::new() else { return };
    account.provision(&[]).exits(0);
    let role = "starlift-sparkify-us-east-1";
    let nobody = "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"sts:AssumeRole\",\"Principal\":{\"Service\":\"ec2.amazonaws.com\"}}]}";
    let all = "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"}]}";
    account.aws.call(
        "iam",
        "UpdateAssumeRolePolicy",
        &[("RoleName", role), ("PolicyDocument", nobody)],
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
fn an_expiry_stays_until_another_is_named() {
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
    let place = |action: &str| all.iter().position(|asked| asked == action).expect(action);
    assert!(place("CreateScheduledAction") < place("ResumeCluster"), "{all:?}");
}

#[test]
fn a_cluster_on_its_way_out_is_made_anew() {
    let Some(account) = Account::new() else { return };
    account.provision(&[]).exits(0);
    account.aws.polls(4);
    let deletes = Rule::new("DeleteCluster", What::Lose);
    account.aws.script(deletes);
    account.teardown(&["--timeout", "1s"]).exits(1);
    account.aws.polls(1);
    account.provision(&[]).exits(0).says("cluster sparkify: being created");
    assert_eq!(account.asked("CreateCluster"), 2);
    account.run(&["status"]).exits(0).says("available");
}

#[test]
fn another_network_is_told_before_anything_is_made() {
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
    account
        .provision(&[])
        .exits(1)
        .complains("subnet group wide, but the plan requires default")
        .complains("nothing was changed");
    assert_eq!(account.asked("CreateSecurityGroup"), 1);
    account.provision(&["--subnet-group", "none"]).exits(1).complains("no cluster subnet group");
    account.teardown(&[]).exits(0);
}

/// The same account, and another of its users.
pub fn as_bob(account: &Account) {
    let (ann, bob) = (support::aws::USER, "arn:aws:iam::123456789012:user/bob");
    let rewrite = What::Rewrite(ann.to_owned(), bob.to_owned());
    account.aws.script(Rule::new("GetCallerIdentity", rewrite).always());
}

#[test]
fn what_a_colleague_made_is_taken_over_only_if_that_is_meant() {
    let Some(account) = Account::new() else { return };
    account.provision(&[]).exits(0);
    as_bob(&account);
    for outcome in [account.provision(&["--cidr", "192.0.2.1/32"]), account.teardown(&[])] {
        outcome
            .exits(1)
            .complains("created by arn:aws:iam::123456789012:user/ann")
            .complains("--adopt");
    }
    account.run(&["status"]).exits(0).says("203.0.113.7/32").says("available");
    account.provision(&["--cidr", "192.0.2.1/32", "--adopt"]).exits(0);
    account.teardown(&[]).exits(0);
    assert!(account.holdings().is_empty());

    let Some(account) = Account::new() else { return };
    account.provision(&[]).exits(0);
    as_bob(&account);
    account.teardown(&["--adopt"]).exits(0);
    assert!(account.holdings().is_empty());
}
