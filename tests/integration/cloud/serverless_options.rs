//! The options of `provision --serverless`, and their effect on an existing workgroup.

use super::serverless::{
    ROLE, call, changes, namespace, provision_serverless, resources, workgroup,
};
use super::*;

#[test]
fn options_of_an_existing_workgroup_are_changed_one_at_a_time() {
    let Some(account) = Account::new() else { return };
    provision_serverless(&account, &["--base-capacity", "8", "--max-capacity", "16"]).exits(0);
    account.aws.forget_requests();
    let more =
        ["--base-capacity", "32", "--max-capacity", "64", "--public", "--rpu-limit", "40/day"];
    provision_serverless(&account, &more)
        .exits(0)
        .says("workgroup sparkify: its largest capacity is 64 RPUs")
        .says("workgroup sparkify: its base capacity is 32 RPUs")
        .says("workgroup sparkify: it is publicly accessible")
        .says("limited to 40 RPU-hours per day (previously 24 RPU-hours per day)");
    let updates = ["UpdateUsageLimit", "UpdateWorkgroup", "UpdateWorkgroup", "UpdateWorkgroup"];
    assert_eq!(changes(&account), updates);
    let found = workgroup(&account);
    assert_eq!((&found["baseCapacity"], &found["maxCapacity"]), (&32.into(), &64.into()));
    assert_eq!(found["publiclyAccessible"], true);
    // In the opposite direction, the base capacity is changed first.
    provision_serverless(&account, &["--base-capacity", "8", "--max-capacity", "16"]).exits(0);
    assert_eq!(workgroup(&account)["maxCapacity"], 16);
}

#[test]
fn a_limit_of_another_period_replaces_the_one_that_turns_queries_off() {
    let Some(account) = Account::new() else { return };
    provision_serverless(&account, &[]).exits(0);
    let found = workgroup(&account);
    let arn = found["workgroupArn"].as_str().unwrap();
    let alert = [("resourceArn", arn), ("usageType", "serverless-compute"), ("amount", "5")];
    call(&account, "CreateUsageLimit", &alert);
    account.aws.forget_requests();
    provision_serverless(&account, &["--rpu-limit", "300/month"])
        .exits(0)
        .says("limited to 300 RPU-hours per month")
        .says("no longer limited to 24 RPU-hours per day");
    assert_eq!(changes(&account), ["CreateUsageLimit", "DeleteUsageLimit"]);
    let limits: Vec<_> =
        resources(&account).into_iter().filter(|found| found.starts_with("limit")).collect();
    assert_eq!(limits, ["limit: 5 monthly log", "limit: 300 monthly deactivate"]);
}

#[test]
fn options_that_cannot_change_are_rejected_by_name() {
    let Some(account) = Account::new() else { return };
    provision_serverless(&account, &[]).exits(0);
    account.aws.forget_requests();
    for (more, message) in [
        (
            ["--database", "other"],
            "namespace sparkify has database dev, but the plan requires other",
        ),
        (["--user", "bob"], "namespace sparkify has user awsuser, but the plan requires bob"),
        (["--port", "5440"], "workgroup sparkify has port 5439, but the plan requires 5440"),
    ] {
        provision_serverless(&account, &more).fails_with("cluster-differs").naming(&[message]);
    }
    assert!(changes(&account).is_empty());
}

#[test]
fn conflicting_capacities_are_rejected_before_any_change() {
    let Some(account) = Account::new() else { return };
    provision_serverless(&account, &["--base-capacity", "16", "--max-capacity", "32"]).exits(0);
    account.aws.forget_requests();
    for (more, message) in [
        (
            ["--base-capacity", "64"],
            "workgroup sparkify has a largest capacity of 32 RPUs, but the plan requires a base \
             capacity of 64 RPUs",
        ),
        (
            ["--max-capacity", "8"],
            "workgroup sparkify has a base capacity of 16 RPUs, but the plan requires a largest \
             capacity of 8 RPUs",
        ),
    ] {
        for mode in [&[][..], &["--dry-run"]] {
            let outcome = provision_serverless(
                &account,
                &[&more[..], &["--rpu-limit", "40/day"], mode].concat(),
            );
            outcome.fails_with("cluster-differs").naming(&[message]);
        }
    }
    assert!(changes(&account).is_empty(), "{:?}", changes(&account));
    provision_serverless(&account, &["--base-capacity", "64", "--max-capacity", "64"]).exits(0);
    assert_eq!(workgroup(&account)["baseCapacity"], 64);
}

#[test]
fn a_role_that_was_detached_is_attached_again_and_others_stay() {
    let Some(account) = Account::new() else { return };
    provision_serverless(&account, &[]).exits(0);
    let trust = "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\
        \"sts:AssumeRole\",\"Principal\":{\"Service\":\"redshift-serverless.amazonaws.com\"}}]}";
    let role = [("RoleName", "theirs"), ("AssumeRolePolicyDocument", trust)];
    account.aws.call("iam", "CreateRole", &role);
    let theirs = "arn:aws:iam::123456789012:role/theirs";
    let roles = format!("[{theirs:?}]");
    let update =
        [("namespaceName", "sparkify"), ("iamRoles", &roles), ("defaultIamRoleArn", theirs)];
    call(&account, "UpdateNamespace", &update);
    provision_serverless(&account, &[]).exits(0).says("namespace sparkify: role attached");
    let found = namespace(&account);
    assert_eq!(found["defaultIamRoleArn"], ROLE);
    let roles = found["iamRoles"].to_string();
    assert!(roles.contains(theirs) && roles.contains(ROLE), "{roles}");
}

#[test]
fn options_of_the_other_kind_are_rejected() {
    let Some(account) = Account::new() else { return };
    for (more, message) in [
        (&["--node-type", "ra3.large"][..], "--base-capacity sets its size"),
        (&["--nodes", "2"], "--nodes is for clusters, not for --serverless"),
        (&["--subnet-group", "wide"], "specify the subnets with --subnet"),
        (&["--expires", "8h"], "workgroups are never paused"),
        (&["--base-capacity", "12"], "multiple of 8"),
        (&["--base-capacity", "16", "--max-capacity", "8"], "must not be below"),
        (&["--max-capacity", "9"], "multiple of 8"),
        (&["--rpu-limit", "24"], "such as 24/day"),
        (&["--port", "80"], "--port must be from 5431"),
        (&["--name", "ab"], "at least 3 characters"),
    ] {
        let name: &[&str] = if more[0] == "--name" { &[] } else { &["--name", "sparkify"] };
        let args = ["provision", "--serverless", "--star", "s3://lake/star", "--yes"];
        account.run(&[&args[..], name, more].concat()).exits(2).complains(message);
    }
    for more in [["--base-capacity", "8"], ["--rpu-limit", "24/day"], ["--subnet", "subnet-1"]] {
        account.provision(&more).fails_with("invalid-option").naming(&["--serverless"]);
    }
    assert!(account.aws.requests().is_empty());
}

#[test]
fn subnets_determine_the_network_of_the_rule() {
    let Some(account) = Account::new() else { return };
    let vpc = account.aws.call("ec2", "CreateVpc", &[("CidrBlock", "10.9.0.0/16")]);
    let vpc = texts(&vpc, "vpcId")[0].clone();
    let subnets: Vec<String> = (1..=3)
        .map(|n| {
            let params = [("VpcId", vpc.as_str()), ("CidrBlock", &format!("10.9.{n}.0/24"))];
            texts(&account.aws.call("ec2", "CreateSubnet", &params), "subnetId")[0].clone()
        })
        .collect();
    let named = |subnets: &[String]| {
        let mut more = vec!["--subnet"];
        more.extend(subnets.iter().map(String::as_str));
        provision_serverless(&account, &more)
    };
    named(&["subnet-0123".to_owned()]).fails_with("no-subnet").naming(&["subnet-0123"]);
    assert!(changes(&account).is_empty());
    named(&subnets).exits(0);
    let groups = account.aws.call(
        "ec2",
        "DescribeSecurityGroups",
        &[("Filter.1.Name", "group-name"), ("Filter.1.Value.1", "starlift-sparkify")],
    );
    assert_eq!(texts(&groups, "vpcId"), [vpc], "{groups}");
    named(&subnets).exits(0);
    named(&subnets[..2]).fails_with("cluster-differs").naming(&["workgroup sparkify", "subnets"]);
}

#[test]
fn the_command_line_overrides_serverless_of_the_file() {
    let Some(account) = Account::new() else { return };
    account.here.write("starlift.toml", "[cloud]\nserverless = true\nbase_capacity = 32\n");
    account.provision(&["--dry-run"]).exits(0).says("32 RPUs").says("workgroup");
    account.provision(&["--dry-run", "--serverless=false"]).exits(0).says("1 × ra3.large");
    for (key, message) in [
        ("base_capacity = \"x\"", "cloud.base_capacity: invalid type: string \"x\""),
        ("rpu_limit = \"24\"", "cloud.rpu_limit: \"24\" is not AMOUNT/PERIOD"),
    ] {
        account.here.write("starlift.toml", format!("[cloud]\n{key}\n"));
        account.provision(&["--dry-run"]).fails_with("invalid-option").naming(&[message]);
    }
}
