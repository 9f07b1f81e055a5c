//! `provision --serverless`, `status` and `teardown` of a workgroup of Redshift Serverless.

use serde_json::Value;

use super::workgroup::Cloud;
use super::*;
use crate::support::redshift::Config;
use crate::support::terminal::typed;

pub const ROLE: &str = "arn:aws:iam::123456789012:role/starlift/starlift-sparkify-us-east-1";

/// Sends a request that bypasses the faults and the log of the stand-in, and returns the answer.
pub fn call(account: &Account, action: &str, params: &[(&str, &str)]) -> Value {
    let answer = account.aws.call("redshift-serverless", action, params);
    serde_json::from_str(&answer).unwrap()
}

/// The resources of the account, including those that starlift does not manage.
pub fn resources(account: &Account) -> Vec<String> {
    let listed = |action: &str, key: &str, field: &str| -> Vec<String> {
        let answer = call(account, action, &[]);
        let all = answer[key].as_array().unwrap().iter();
        all.map(|found| format!("{key}: {}", found[field].as_str().unwrap())).collect()
    };
    let limits = call(account, "ListUsageLimits", &[]);
    let limits = limits["usageLimits"].as_array().unwrap().iter().map(|limit| {
        let text = |key: &str| limit[key].as_str().unwrap().to_owned();
        format!("limit: {} {} {}", limit["amount"], text("period"), text("breachAction"))
    });
    let mut found: Vec<String> = limits.collect();
    found.extend(listed("ListNamespaces", "namespaces", "namespaceName"));
    found.extend(listed("ListSnapshots", "snapshots", "snapshotName"));
    found.extend(listed("ListWorkgroups", "workgroups", "workgroupName"));
    found.extend(account.resources());
    found
}

/// The resources that `provision --serverless` creates.
pub const ALL_SERVERLESS: [&str; 5] = [
    "limit: 24 daily deactivate",
    "namespaces: sparkify",
    "workgroups: sparkify",
    "starlift-sparkify",
    "starlift-sparkify-us-east-1",
];

/// `provision --serverless` with the arguments that all of these tests share.
pub fn provision_serverless(account: &Account, more: &[&str]) -> Outcome {
    account.provision(&[&["--serverless"], more].concat())
}

/// The actions of the requests that change resources.
pub fn changes(account: &Account) -> Vec<String> {
    let requests = account.aws.requests().into_iter().map(|request| request.action);
    let is_change =
        |action: &String| !["Get", "List", "Describe"].iter().any(|verb| action.starts_with(verb));
    requests.filter(is_change).collect()
}

pub fn workgroup(account: &Account) -> Value {
    call(account, "GetWorkgroup", &[("workgroupName", "sparkify")])["workgroup"].clone()
}

pub fn namespace(account: &Account) -> Value {
    call(account, "GetNamespace", &[("namespaceName", "sparkify")])["namespace"].clone()
}

#[test]
fn a_role_a_rule_a_namespace_a_workgroup_and_a_limit_are_created_in_order() {
    let Some(account) = Account::new() else { return };
    let host = "sparkify.123456789012.us-east-1.redshift-serverless.amazonaws.com:5439";
    let secret = "arn:aws:secretsmanager:us-east-1:123456789012:secret:redshift!sparkify-awsuser";
    provision_serverless(&account, &[])
        .exits(0)
        .says("role starlift-sparkify-us-east-1: created")
        .says("admits 203.0.113.7/32 to port 5439")
        .says("namespace sparkify: created")
        .says("workgroup sparkify: limited to 24 RPU-hours per day")
        .says("workgroup sparkify: available")
        .says(&format!("endpoint  {host}"))
        .says(&format!("secret    {secret}"))
        .says(&format!("role      {ROLE}"))
        .says("about $3.00 per hour while queries run")
        .says("at most about $9.00 per day, $279 per month")
        .says("[warehouse.redshift]\nworkgroup = \"sparkify\"\n")
        .says(&format!("# password_secret = \"{secret}"))
        .says("starlift teardown --name sparkify");
    assert_eq!(resources(&account), ALL_SERVERLESS);
    let order = [
        "CreateRole",
        "PutRolePolicy",
        "CreateSecurityGroup",
        "AuthorizeSecurityGroupIngress",
        "CreateNamespace",
        "CreateWorkgroup",
        "CreateUsageLimit",
    ];
    assert_eq!(changes(&account), order);
    let made = workgroup(&account);
    assert_eq!((&made["baseCapacity"], &made["publiclyAccessible"]), (&8.into(), &false.into()));
    assert_eq!(made["securityGroupIds"].as_array().unwrap().len(), 1);
    let made = namespace(&account);
    assert_eq!((&made["dbName"], &made["adminUsername"]), (&"dev".into(), &"awsuser".into()));
    assert_eq!(made["defaultIamRoleArn"], ROLE);
    for arn in [&made["namespaceArn"], &workgroup(&account)["workgroupArn"]] {
        let tags = call(&account, "ListTagsForResource", &[("resourceArn", arn.as_str().unwrap())]);
        let tags = tags.to_string();
        for tag in ["starlift:name", "sparkify", "user/ann", "starlift:expires", "never"] {
            assert!(tags.contains(tag), "{tag}: {tags}");
        }
    }
}

#[test]
fn a_second_run_changes_nothing_and_does_not_prompt() {
    let Some(account) = Account::new() else { return };
    provision_serverless(&account, &["--base-capacity", "16", "--rpu-limit", "100/week"]).exits(0);
    account.aws.forget_requests();
    let args = ["provision", "--serverless", "--name", "sparkify", "--star", "s3://lake/star"];
    let again = account.run(&[&args[..], &["--cidr", "203.0.113.7/32"]].concat());
    again.exits(0).says("workgroup sparkify: available").says("limit     100 RPU-hours per week");
    assert!(changes(&account).is_empty(), "{:?}", changes(&account));
    assert_eq!(
        workgroup(&account)["baseCapacity"],
        16,
        "an option that is not given stays as it is"
    );
}

#[test]
fn a_dry_run_prints_the_plan_and_creates_nothing() {
    let Some(account) = Account::new() else { return };
    let dry = ["--dry-run", "--rpu-limit", "10/day", "--max-capacity", "32"];
    provision_serverless(&account, &dry)
        .exits(0)
        .says("\"redshift-serverless.amazonaws.com\"")
        .says("\"Resource\": \"arn:aws:s3:::lake/star/*\"")
        .says("security group starlift-sparkify (to create)")
        .says("sparkify (to create)")
        .says("8 RPUs unless it has another base capacity already, 32 at most, not publicly accessible")
        .says("10 RPU-hours per day (to create)")
        .says("AWS disables queries when it is reached")
        .says("workgroups are never paused")
        .says("starlift:creator = arn:aws:iam::123456789012:user/ann")
        .says("at most about $3.75 per day, $116 per month")
        .says("estimate");
    assert!(changes(&account).is_empty(), "{:?}", changes(&account));
    provision_serverless(&account, &[]).exits(0);
    provision_serverless(&account, &["--dry-run"]).exits(0).says("24 RPU-hours per day (exists)");
}

#[test]
fn a_dry_run_needs_no_account() {
    let here = Workspace::new();
    let args = ["provision", "--serverless", "--dry-run", "--name", "sparkify"];
    let mut command = here.command();
    command.args(args).args(["--star", "s3://lake/star", "--region", "eu-west-1"]);
    command.env("AWS_CONFIG_FILE", "/nonexistent");
    command.env("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent");
    here.outcome(&mut command).exits(0).says("AWS was not queried").says("24 RPU-hours per day");
}

#[test]
fn nothing_billable_is_created_without_confirmation() {
    let Some(account) = Account::new() else { return };
    let args = ["provision", "--serverless", "--name", "sparkify", "--star", "s3://lake/star"];
    let args = [&args[..], &["--cidr", "203.0.113.7/32"]].concat();
    account
        .run(&args)
        .fails_with("invalid-option")
        .naming(&["--yes"])
        .complains("limited to 24 RPU-hours per day");
    assert!(resources(&account).is_empty());
    let mut command = account.command();
    command.args(&args);
    typed(&account.here, &command, &["n"]).unwrap().exits(1).says("Create it?");
    assert!(resources(&account).is_empty());
    typed(&account.here, &command, &["y"]).unwrap().exits(0).says("workgroup sparkify: available");
}

#[test]
fn status_shows_capacity_limit_and_cost() {
    let Some(account) = Account::new() else { return };
    provision_serverless(&account, &["--rpu-limit", "100/week"]).exits(0);
    let outcome = account.run(&["status"]);
    outcome
        .exits(0)
        .says("available")
        .says("redshift-serverless.amazonaws.com:5439")
        .says("starlift-sparkify-us-east-1")
        .says("203.0.113.7/32")
        .says("workgroup sparkify: 8 RPUs, about $3.00 per hour while queries run")
        .says("limited to 100 RPU-hours per week: at most about $37.50 per week, $225 per month");
    let outcome = account.run(&["status", "--format", "json"]);
    let rows: Value = serde_json::from_str(&outcome.exits(0).stdout).unwrap();
    let row = &rows[0];
    assert_eq!((&row["name"], &row["state"]), (&"sparkify".into(), &"available".into()));
    assert_eq!(row["role_status"], "in-sync");
    assert_eq!(row["workgroup"]["base_capacity"], 8);
    assert_eq!(row["workgroup"]["limits"][0], "100 RPU-hours weekly, then deactivate");
    assert!(row["age_seconds"].as_u64().unwrap() > 0, "{row}");
    // The limit is the only protection against cost, so `status` reports that there is none.
    let limits = call(&account, "ListUsageLimits", &[]);
    let id = limits["usageLimits"][0]["usageLimitId"].as_str().unwrap();
    call(&account, "DeleteUsageLimit", &[("usageLimitId", id)]);
    account.run(&["status"]).exits(0).says("NO usage limit disables queries");
    provision_serverless(&account, &[]).exits(0).says("limited to 24 RPU-hours per day");
}

#[test]
fn a_workgroup_can_be_neither_paused_nor_resumed() {
    let Some(account) = Account::new() else { return };
    provision_serverless(&account, &[]).exits(0);
    for command in ["pause", "resume"] {
        account
            .run(&[command, "--name", "sparkify"])
            .fails_with("never-paused")
            .naming(&["sparkify", "usage limit"]);
    }
}

#[test]
fn teardown_removes_everything_and_a_second_run_does_nothing() {
    let Some(account) = Account::new() else { return };
    provision_serverless(&account, &[]).exits(0);
    account.aws.forget_requests();
    account
        .teardown(&[])
        .exits(0)
        .says("no longer admits 203.0.113.7/32")
        .says("usage limit of sparkify (24 RPU-hours daily, then deactivate): removed")
        .says("workgroup sparkify: removed")
        .says("namespace sparkify: removed")
        .says("security group starlift-sparkify")
        .says("role starlift-sparkify-us-east-1: removed")
        .says("no resources of sparkify remain in us-east-1");
    let order = [
        "RevokeSecurityGroupIngress",
        "DeleteUsageLimit",
        "DeleteWorkgroup",
        "DeleteNamespace",
        "DeleteSecurityGroup",
        "DeleteRolePolicy",
        "DeleteRole",
    ];
    assert_eq!(changes(&account), order);
    assert!(resources(&account).is_empty(), "{:?}", resources(&account));
    account.teardown(&[]).exits(0).says("nothing in us-east-1 belongs to sparkify");
}

#[test]
fn a_final_snapshot_is_kept() {
    let Some(account) = Account::new() else { return };
    provision_serverless(&account, &[]).exits(0);
    let ask_first = account.run(&["teardown", "--name", "sparkify"]);
    ask_first
        .fails_with("invalid-option")
        .complains("workgroup sparkify (available)")
        .complains("namespace sparkify (available)")
        .complains("its data is lost permanently");
    let last = ["--final-snapshot", "sparkify-last"];
    account.teardown(&last).exits(0).says("snapshot sparkify-last stays and incurs costs");
    assert_eq!(resources(&account), ["snapshots: sparkify-last"]);
    account.run(&["status"]).exits(0).says("snapshot sparkify-last of sparkify is kept");
    provision_serverless(&account, &[]).exits(0);
    account.teardown(&last).fails_with("snapshot-exists").naming(&["snapshot sparkify-last"]);
    assert!(resources(&account).contains(&"workgroups: sparkify".to_owned()));
}

#[test]
fn a_final_snapshot_survives_a_failed_teardown() {
    let Some(account) = Account::new() else { return };
    provision_serverless(&account, &[]).exits(0);
    account.aws.inject(Rule::new("TagResource", Effect::Deny));
    let last = ["--final-snapshot", "last"];
    account.teardown(&last).fails_with("aws-denied").naming(&["tag the snapshot last"]);
    // Namespace and role are removed. Only the tag of the snapshot is missing.
    assert_eq!(resources(&account), ["snapshots: last"]);
}

const SECRET: &str =
    "arn:aws:secretsmanager:us-east-1:123456789012:secret:redshift!sparkify-awsuser-AbCdEf";

/// The whole lifecycle, with a configuration file that names the workgroup once.
#[tokio::test(flavor = "multi_thread")]
async fn a_workgroup_is_created_checked_loaded_and_removed() {
    let config = Config { role: Some(ROLE.to_owned()), ..Config::default() };
    let settings = "[cloud]\nname = \"sparkify\"\nserverless = true\nnode_type = \"ra3.large\"\n\
                    expires = \"8h\"\nbase_capacity = 16\nrpu_limit = \"50/week\"";
    let Some(cloud) = Cloud::with(settings, config).await else { return };
    let (user, password) = (cloud.redshift.user(), cloud.redshift.password());
    let aws = &cloud.account.aws;
    aws.set_workgroup_endpoint("localhost", cloud.redshift.port(), user, password);
    cloud
        .run(&["provision", "--yes", "--cidr", "203.0.113.7/32"])
        .exits(0)
        .says(&format!("endpoint  localhost:{}", cloud.redshift.port()))
        .says("50 RPU-hours per week");
    cloud.run(&["run", "--to", "redshift"]).exits(0).says("statistics equal those of the files");
    let copies = cloud.redshift.statements();
    let copies: Vec<_> = copies.iter().filter(|sql| sql.contains("COPY")).collect();
    assert!(!copies.is_empty() && copies.iter().all(|sql| sql.contains(ROLE)), "{copies:#?}");
    cloud
        .run(&["doctor"])
        .exits(0)
        .says("sparkify is available at localhost")
        .says(&format!("{ROLE} exists"))
        .says("redshift-serverless.amazonaws.com can")
        .says("it can read and list the star");
    cloud.run(&["status"]).exits(0).says("workgroup sparkify: 16 RPUs");
    // The configuration section that `provision` prints, with the secret of the admin user.
    let managed = format!("{{\"username\":\"{user}\",\"password\":\"{password}\"}}");
    aws.set_secret(SECRET, &managed);
    let again = cloud.run(&["provision", "--yes", "--cidr", "203.0.113.7/32"]);
    let (_, section) = again.stdout.split_once("for starlift.toml:\n\n").unwrap();
    let (section, _) = section.split_once("\nnext:").unwrap();
    let section = section
        .replace("# Logs", "#Logs")
        .replace("# ", "")
        .replace("awsuser\"\n", &format!("{user}\"\n"));
    let (star, ca) = (cloud.s3.url("star"), cloud.redshift.ca_file());
    let file = format!("star = \"{star}\"\n{section}sslrootcert = \"{}\"\n", ca.display());
    cloud.account.here.write("secret.toml", file);
    let check = ["check", "--on", "redshift", "--config", "secret.toml"];
    cloud.run(&check).exits(0);
    assert_eq!(cloud.account.request_count("GetSecretValue"), 1);
    cloud.run(&["teardown", "--yes"]).exits(0).says("no resources of sparkify remain in us-east-1");
    assert_eq!(resources(&cloud.account), ["copy"], "the role that the test created");
}
