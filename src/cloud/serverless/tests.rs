//! The requests, pinned as they are sent: what a stand-in does not check is read here by people.

use std::time::Duration;

use serde_json::{Value, json};

use super::limit::{self, RpuLimit};
use super::namespace::{self, Namespace};
use super::plan::{Plan, ServerlessOptions};
use super::workgroup::{self, Workgroup};
use crate::cloud::clients::Caller;
use crate::cloud::network::{Vpc, subnets::find_subnets};
use crate::cloud::policy::StarLocation;

const ROLE: &str = "arn:aws:iam::123456789012:role/starlift/starlift-sparkify-us-west-2";

fn options() -> ServerlessOptions {
    ServerlessOptions {
        name: "sparkify".parse().unwrap(),
        star: StarLocation { bucket: "lake".to_owned(), prefix: "star/v1".to_owned() },
        base_capacity: None,
        max_capacity: None,
        limit: None,
        database: "dev".to_owned(),
        user: "awsuser".to_owned(),
        port: 5439,
        public: None,
        subnets: Vec::new(),
        kms_key: None,
        timeout: Duration::from_secs(60),
    }
}

fn plan(options: &ServerlessOptions) -> Plan {
    let caller = Caller {
        account: "123456789012".to_owned(),
        arn: "arn:aws:iam::123456789012:user/ann".to_owned(),
    };
    let vpc = Vpc { id: "vpc-1".to_owned(), cidr: None };
    Plan::new(options, &caller, "us-west-2", &vpc, vec!["203.0.113.7/32".parse().unwrap()])
}

fn tags() -> Value {
    json!([
        {"key": "starlift:name", "value": "sparkify"},
        {"key": "starlift:region", "value": "us-west-2"},
        {"key": "starlift:creator", "value": "arn:aws:iam::123456789012:user/ann"},
        {"key": "starlift:expires", "value": "never"},
        {"key": "starlift:lifetime", "value": "never"},
    ])
}

#[test]
fn aws_keeps_the_password_and_the_role_is_the_default() {
    let plan = plan(&options());
    assert_eq!(
        namespace::create_request(&plan.namespace),
        json!({
            "namespaceName": "sparkify",
            "dbName": "dev",
            "adminUsername": "awsuser",
            "manageAdminPassword": true,
            "iamRoles": [ROLE],
            "defaultIamRoleArn": ROLE,
            "tags": tags(),
        })
    );
    let services = ["redshift.amazonaws.com", "redshift-serverless.amazonaws.com"];
    assert_eq!(plan.role.trust["Statement"][0]["Principal"]["Service"], json!(services));
}

#[test]
fn a_workgroup_is_small_and_not_public_by_default() {
    assert_eq!(
        workgroup::create_request(&plan(&options()).workgroup, "sg-1"),
        json!({
            "workgroupName": "sparkify",
            "namespaceName": "sparkify",
            "baseCapacity": 8,
            "port": 5439,
            "publiclyAccessible": false,
            "securityGroupIds": ["sg-1"],
            "tags": tags(),
        })
    );
    let wide = ServerlessOptions {
        base_capacity: Some(32),
        max_capacity: Some(64),
        public: Some(true),
        port: 5440,
        subnets: ["subnet-1", "subnet-2", "subnet-3"].map(str::to_owned).to_vec(),
        ..options()
    };
    assert_eq!(
        workgroup::create_request(&plan(&wide).workgroup, "sg-1"),
        json!({
            "workgroupName": "sparkify",
            "namespaceName": "sparkify",
            "baseCapacity": 32,
            "maxCapacity": 64,
            "port": 5440,
            "publiclyAccessible": true,
            "securityGroupIds": ["sg-1"],
            "subnetIds": ["subnet-1", "subnet-2", "subnet-3"],
            "tags": tags(),
        })
    );
    let body = find_subnets(&wide.subnets).body();
    assert_eq!(
        body,
        "Action=DescribeSubnets&Version=2016-11-15&SubnetId.1=subnet-1&SubnetId.2=subnet-2\
         &SubnetId.3=subnet-3"
    );
}

#[test]
fn queries_are_turned_off_at_the_limit() {
    assert_eq!(
        limit::create_request("arn:workgroup", RpuLimit::DEFAULT),
        json!({
            "resourceArn": "arn:workgroup",
            "usageType": "serverless-compute",
            "amount": 24,
            "period": "daily",
            "breachAction": "deactivate",
        })
    );
}

fn found(more: &Value) -> Workgroup {
    let mut found = json!({
        "workgroupName": "sparkify",
        "namespaceName": "sparkify",
        "status": "AVAILABLE",
        "baseCapacity": 8,
        "maxCapacity": -1,
        "publiclyAccessible": false,
        "securityGroupIds": ["sg-1"],
    });
    for (key, value) in more.as_object().unwrap() {
        found[key] = value.clone();
    }
    serde_json::from_value(found).unwrap()
}

#[test]
fn each_request_changes_one_thing_and_groups_of_others_stay() {
    let requests = |options: &ServerlessOptions, found: &Workgroup| -> Vec<Value> {
        let changes = workgroup::changes(&plan(options).workgroup, found, "sg-1");
        changes.into_iter().map(|change| change.request).collect()
    };
    assert!(requests(&options(), &found(&json!({}))).is_empty());
    let all = ServerlessOptions {
        base_capacity: Some(16),
        max_capacity: Some(32),
        public: Some(true),
        ..options()
    };
    let change = |key: &str, value: Value| json!({ "workgroupName": "sparkify", key: value });
    assert_eq!(
        requests(&all, &found(&json!({ "securityGroupIds": ["sg-theirs"] }))),
        [
            change("baseCapacity", 16.into()),
            change("maxCapacity", 32.into()),
            change("publiclyAccessible", true.into()),
            change("securityGroupIds", json!(["sg-theirs", "sg-1"])),
        ]
    );
    // A base capacity above the largest is refused: the largest rises first.
    let below = found(&json!({ "maxCapacity": 8, "publiclyAccessible": true }));
    assert_eq!(
        requests(&all, &below),
        [change("maxCapacity", 32.into()), change("baseCapacity", 16.into())]
    );
}

#[test]
fn roles_of_others_stay_attached() {
    let spec = plan(&options()).namespace;
    let found = |roles: &[&str], default: &str| -> Namespace {
        let found = json!({
            "namespaceName": "sparkify",
            "status": "AVAILABLE",
            "iamRoles": roles,
            "defaultIamRoleArn": default,
        });
        serde_json::from_value(found).unwrap()
    };
    let listed = format!("IamRole(applyStatus=adding, iamRoleArn={ROLE})");
    let ours = found(&[&listed], ROLE);
    assert_eq!(namespace::attach_role(&spec, &ours), None);
    assert_eq!(ours.role_status(ROLE), Some("adding"));
    let theirs = "arn:aws:iam::123456789012:role/theirs";
    let request = namespace::attach_role(&spec, &found(&[theirs], theirs)).unwrap();
    assert_eq!(request["iamRoles"], json!([theirs, ROLE]));
    assert_eq!(request["defaultIamRoleArn"], ROLE);
    let removing = format!("IamRole(applyStatus=removing, iamRoleArn={ROLE})");
    assert!(namespace::attach_role(&spec, &found(&[&removing], ROLE)).is_some());
    assert_eq!(found(&[ROLE], ROLE).role_status(ROLE), Some("in-sync"));
}

#[test]
fn the_time_of_creation_is_read_in_both_forms() {
    for date in [json!("2026-11-21T12:34:56.789Z"), json!(1_795_264_496.789)] {
        let found = found(&json!({ "creationDate": date }));
        assert_eq!(found.created().unwrap().timestamp(), 1_795_264_496, "{date}");
    }
    assert_eq!(found(&json!({ "creationDate": "yesterday" })).created(), None);
}
