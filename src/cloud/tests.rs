//! Snapshots of the requests, for review by people of what the stand-in does not check.

use std::time::Duration;

use aws_sdk_redshift::types::{Cluster, VpcSecurityGroupMembership};
use chrono::{DateTime, SubsecRound, Utc};
use insta::{assert_debug_snapshot, assert_snapshot};

use super::clients::Caller;
use super::network::{self, Vpc};
use super::plan::{Expires, Plan, ProvisionOptions, expiry};
use super::policy::{self, StarLocation};
use super::tags::Expiry;
use super::{cluster, role, schedule, teardown};

fn options() -> ProvisionOptions {
    ProvisionOptions {
        name: "sparkify".parse().unwrap(),
        star: StarLocation { bucket: "lake".to_owned(), prefix: "star/v1".to_owned() },
        node_type: ProvisionOptions::NODE_TYPE.to_owned(),
        nodes: 1,
        database: ProvisionOptions::DATABASE.to_owned(),
        user: ProvisionOptions::USER.to_owned(),
        port: ProvisionOptions::PORT,
        public: None,
        subnet_group: None,
        kms_key: None,
        expires: Expires::Unchanged,
        timeout: Duration::from_secs(30 * 60),
    }
}

fn now() -> DateTime<Utc> {
    DateTime::parse_from_rfc3339("2026-11-21T12:34:56.5Z").unwrap().to_utc()
}

fn plan(options: &ProvisionOptions) -> Plan {
    let caller = Caller {
        account: "123456789012".to_owned(),
        arn: "arn:aws:iam::123456789012:user/ann".to_owned(),
    };
    let vpc = Vpc { id: "vpc-1".to_owned(), cidr: None };
    let cidrs = vec!["203.0.113.7/32".parse().unwrap()];
    let expiry = expiry(options.expires, None, now());
    Plan::new(options, &caller, "us-west-2", &vpc, cidrs, expiry)
}

fn for_eight_hours() -> Plan {
    plan(&ProvisionOptions { expires: Expires::After(Duration::from_secs(8 * 3600)), ..options() })
}

#[test]
fn the_role_reads_the_star_and_nothing_else() {
    let plan = plan(&options());
    assert_snapshot!(format!("{:#}", plan.role.trust));
    assert_snapshot!(format!("{:#}", plan.role.policy));
    assert_debug_snapshot!(role::create_request(&plan.role));
    assert_debug_snapshot!(role::update_trust(&plan.role));
    assert_debug_snapshot!(role::put_policy(&plan.role));
}

#[test]
fn a_star_that_is_a_bucket_and_a_key_are_in_the_policy() {
    let star = StarLocation { bucket: "star".to_owned(), prefix: String::new() };
    let key = "arn:aws-cn:kms:cn-north-1:123456789012:key/1";
    assert_snapshot!(format!("{:#}", policy::read_star("aws-cn", &star, Some(key))));
}

#[test]
fn the_rule_admits_one_address_to_one_port() {
    let group = plan(&options()).group;
    assert_snapshot!(decoded(&network::create_group(&group)));
    assert_snapshot!(decoded(&network::authorize(&group, "sg-1", group.cidrs[0])));
    assert_snapshot!(decoded(&network::revoke("sg-1", &["sgr-1", "sgr-2"])));
    assert_snapshot!(decoded(&network::tag_group("sg-1", &group.tags)));
    assert_snapshot!(decoded(&network::find_group(&group.name, &group.vpc)));
    assert_snapshot!(decoded(&network::find_groups()));
}

/// Returns the body of a request, one line per parameter.
fn decoded(request: &super::ec2::Request) -> String {
    let body = request.body();
    let pairs = url::form_urlencoded::parse(body.as_bytes());
    pairs.map(|(key, value)| format!("{key} = {value}\n")).collect()
}

#[test]
fn the_cluster_is_single_encrypted_by_default_and_not_public() {
    assert_debug_snapshot!(cluster::create_request(&plan(&options()).cluster, "sg-1"));
}

#[test]
fn a_cluster_may_be_larger_and_public() {
    let options = ProvisionOptions {
        node_type: "ra3.4xlarge".to_owned(),
        nodes: 3,
        public: Some(true),
        subnet_group: Some("wide".to_owned()),
        port: 5440,
        ..options()
    };
    assert_debug_snapshot!(cluster::create_request(&plan(&options).cluster, "sg-1"));
}

#[test]
fn a_cluster_is_updated_where_it_differs() {
    let spec = plan(&options()).cluster;
    assert_debug_snapshot!(cluster::attach_role(&spec));
    let member = |id: &str| VpcSecurityGroupMembership::builder().vpc_security_group_id(id).build();
    let right = Cluster::builder().vpc_security_groups(member("sg-1")).build();
    assert!(cluster::modify(&spec, &right, "sg-1").is_none());
    let wrong = Cluster::builder()
        .vpc_security_groups(member("sg-others"))
        .publicly_accessible(true)
        .build();
    assert_debug_snapshot!(cluster::modify(&spec, &wrong, "sg-1"));
}

#[test]
fn a_difference_that_cannot_be_changed_in_place_is_reported() {
    let spec = plan(&options()).cluster;
    let same = Cluster::builder().node_type("ra3.large").number_of_nodes(1).db_name("dev");
    assert!(cluster::difference(&spec, &same.clone().build()).is_none());
    for (cluster, says) in [
        (same.clone().node_type("rg.large"), "node type rg.large, but the plan requires ra3.large"),
        (same.clone().number_of_nodes(2), "number of nodes 2, but the plan requires 1"),
        (same.clone().db_name("other"), "database other, but the plan requires dev"),
        (same.clone().master_username("ann"), "user ann, but the plan requires awsuser"),
    ] {
        let error = cluster::difference(&spec, &cluster.build()).unwrap().to_string();
        assert!(error.contains(says), "{error}");
    }
}

#[test]
fn the_schedule_pauses_the_cluster_every_hour_from_its_end_on() {
    let (scheduler, stop) = for_eight_hours().expiry.unwrap();
    assert_snapshot!(format!("{:#}\n{:#}", scheduler.trust, scheduler.policy));
    assert_debug_snapshot!(schedule::create_request(&stop));
    assert_debug_snapshot!(schedule::modify(&stop));
}

#[test]
fn all_resources_have_the_same_tags() {
    let plan = for_eight_hours();
    let (scheduler, _) = plan.expiry.as_ref().unwrap();
    assert_debug_snapshot!(plan.cluster.tags.pairs());
    for tags in [&plan.role.tags, &plan.group.tags, &scheduler.tags] {
        assert_eq!(tags, &plan.cluster.tags);
    }
}

#[test]
fn a_cluster_is_deleted_without_a_snapshot_unless_one_is_named() {
    assert_debug_snapshot!(teardown::delete_cluster("sparkify", None));
    assert_debug_snapshot!(teardown::delete_cluster("sparkify", Some("last")));
}

#[test]
fn an_expiry_is_kept_extended_or_removed() {
    let hour = Duration::from_secs(3600);
    let old = Some(Expiry::after(now(), hour));
    assert_eq!(expiry(Expires::Unchanged, old, now()), old);
    assert_eq!(expiry(Expires::Unchanged, None, now()), None);
    let renewed = expiry(Expires::Unchanged, old, now() + hour * 5).unwrap();
    assert_eq!((renewed.at - now().trunc_subsecs(0)).num_hours(), 6);
    assert_eq!(expiry(Expires::Never, old, now()), None);
    let new = expiry(Expires::After(hour * 2), old, now()).unwrap();
    assert_eq!(new.at.to_rfc3339(), "2026-11-21T14:34:56+00:00");
}

#[test]
fn values_that_redshift_would_reject_are_rejected_locally() {
    options().check().unwrap();
    for (options, says) in [
        (ProvisionOptions { node_type: "dc2.large".to_owned(), ..options() }, "no longer creates"),
        (ProvisionOptions { nodes: 0, ..options() }, "--nodes"),
        (ProvisionOptions { node_type: "ra3.4xlarge".to_owned(), ..options() }, "2 nodes"),
        (ProvisionOptions { port: 5432 - 2, ..options() }, "--port"),
        (ProvisionOptions { database: "Dev".to_owned(), ..options() }, "--database"),
        (ProvisionOptions { user: "public".to_owned(), ..options() }, "--user"),
        (
            ProvisionOptions { expires: Expires::After(Duration::from_secs(60)), ..options() },
            "--expires",
        ),
    ] {
        let error = options.check().unwrap_err().to_string();
        assert!(error.contains(says), "{says}: {error}");
    }
}

#[test]
fn costs_are_those_of_the_nodes() {
    use super::price::Cost;
    let cost = Cost::of("ra3.large", 2).unwrap();
    assert!((cost.hour - 1.086).abs() < 1e-9);
    assert!((cost.unattended_nights() - 456.12).abs() < 1e-9);
    assert!((cost.month() - 792.78).abs() < 1e-9);
    assert!((cost.over(Duration::from_secs(1800)) - 0.543).abs() < 1e-9);
    assert_eq!(Cost::of("rg.12xlarge", 2), None);
}

#[test]
fn arns_use_the_partition_of_the_caller() {
    for partition in ["aws", "aws-cn", "aws-us-gov"] {
        let arn = format!("arn:{partition}:sts::123456789012:assumed-role/analyst/ann");
        let caller = Caller { account: "123456789012".to_owned(), arn };
        let role = format!("arn:{partition}:iam::123456789012:role/starlift/reader");
        assert_eq!(caller.role_arn("reader"), role);
        let cluster = format!("arn:{partition}:redshift:r-1:123456789012:cluster:c");
        assert_eq!(cluster::arn(&caller, "r-1", "c"), cluster);
        let star = StarLocation { bucket: "b".to_owned(), prefix: "star".to_owned() };
        let policy = policy::read_star(partition, &star, None).to_string();
        assert_eq!(policy.matches(&format!("arn:{partition}:s3:::b")).count(), 3, "{policy}");
    }
}
