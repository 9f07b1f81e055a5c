//! The lifecycle of a cluster.

use crate::caller::{Caller, text};
use crate::create;

const W: (&str, &str) = ("ClusterIdentifier", "w");
const AT_ONCE: (&str, &str) = ("SkipFinalClusterSnapshot", "true");

fn states(aws: &Caller, n: usize) -> Vec<String> {
    (0..n).map(|_| text(&aws.describe("w"), "ClusterStatus").to_owned()).collect()
}

#[test]
fn cluster_is_created_step_by_step() {
    let Some(aws) = Caller::start() else { return };
    aws.set_polls(2);
    let mut params = create::params("w");
    params.extend([("Tags.Tag.1.Key", "starlift"), ("Tags.Tag.1.Value", "yes")]);
    let made = aws.ask("redshift", "CreateCluster", &params);
    let first = aws.describe("w");
    for xml in [&made, &first] {
        assert_eq!(text(xml, "ClusterStatus"), "creating");
        assert_eq!(text(xml, "ClusterAvailabilityStatus"), "Modifying");
        assert!(!xml.contains("<Endpoint>"), "{xml}");
    }
    assert!(first.contains("<Tag><Key>starlift</Key><Value>yes</Value></Tag>"), "{first}");
    assert_eq!(states(&aws, 1), ["creating"]);
    let done = aws.describe("w");
    assert_eq!(text(&done, "ClusterStatus"), "available");
    assert_eq!(text(&done, "ClusterAvailabilityStatus"), "Available");
    assert!(text(&done, "Endpoint").contains("<Port>5439</Port>"), "{done}");
}

#[test]
fn only_polls_of_the_cluster_or_of_all_clusters_advance_it() {
    let Some(aws) = Caller::start() else { return };
    aws.cluster("other");
    aws.ask("redshift", "CreateCluster", &create::params("w"));
    aws.describe("other");
    aws.call("redshift", "DescribeClusters", &[]);
    let list = aws.ask("redshift", "DescribeClusters", &[]);
    assert!(list.contains("<ClusterStatus>creating</ClusterStatus>"), "{list}");
    let list = aws.ask("redshift", "DescribeClusters", &[]);
    assert!(!list.contains("<ClusterStatus>creating</ClusterStatus>"), "{list}");
}

#[test]
fn cluster_is_paused_and_resumed() {
    let Some(aws) = Caller::start() else { return };
    aws.cluster("w");
    aws.refused("redshift", "ResumeCluster", &[W], 400, "InvalidClusterState");
    let answer = aws.ask("redshift", "PauseCluster", &[W]);
    assert_eq!(text(&answer, "ClusterStatus"), "pausing");
    assert!(answer.contains("<PauseClusterResult><Cluster>"), "{answer}");
    aws.refused("redshift", "PauseCluster", &[W], 400, "InvalidClusterState");
    aws.refused("redshift", "ResumeCluster", &[W], 400, "InvalidClusterState");
    assert_eq!(states(&aws, 3), ["pausing", "paused", "paused"]);
    assert_eq!(text(&aws.describe("w"), "ClusterAvailabilityStatus"), "Paused");
    aws.refused("redshift", "ModifyCluster", &[W], 400, "InvalidClusterState");
    let answer = aws.ask("redshift", "ResumeCluster", &[W]);
    assert_eq!(text(&answer, "ClusterStatus"), "resuming");
    assert_eq!(states(&aws, 2), ["resuming", "available"]);
    aws.refused("redshift", "PauseCluster", &[("ClusterIdentifier", "x")], 404, "ClusterNotFound");
}

#[test]
fn cluster_is_deleted_step_by_step() {
    let Some(aws) = Caller::start() else { return };
    aws.ask("redshift", "CreateCluster", &create::params("w"));
    aws.refused("redshift", "DeleteCluster", &[W, AT_ONCE], 400, "InvalidClusterState");
    assert_eq!(states(&aws, 2), ["creating", "available"]);
    let answer = aws.ask("redshift", "DeleteCluster", &[W, AT_ONCE]);
    assert_eq!(text(&answer, "ClusterStatus"), "deleting");
    aws.refused("redshift", "DeleteCluster", &[W, AT_ONCE], 400, "InvalidClusterState");
    aws.refused("redshift", "PauseCluster", &[W], 400, "InvalidClusterState");
    aws.refused("redshift", "CreateCluster", &create::params("w"), 400, "ClusterAlreadyExists");
    assert_eq!(states(&aws, 1), ["deleting"]);
    aws.refused("redshift", "DescribeClusters", &[W], 404, "ClusterNotFound");
    aws.refused("redshift", "DeleteCluster", &[W, AT_ONCE], 404, "ClusterNotFound");
    aws.ask("redshift", "CreateCluster", &create::params("w"));
}

#[test]
fn deletion_requires_a_final_snapshot_or_its_omission() {
    let Some(aws) = Caller::start() else { return };
    aws.cluster("w");
    let last = ("FinalClusterSnapshotIdentifier", "last");
    let code = "InvalidParameterCombination";
    aws.refused("redshift", "DeleteCluster", &[W], 400, code);
    aws.refused("redshift", "DeleteCluster", &[W, AT_ONCE, last], 400, code);
    aws.ask("redshift", "DeleteCluster", &[W, last]);
    let params = [("SnapshotIdentifier", "last")];
    aws.ask("redshift", "DescribeClusterSnapshots", &params);
}

#[test]
fn test_can_set_the_state() {
    let Some(aws) = Caller::start() else { return };
    aws.cluster("w");
    aws.set_cluster_status("w", "incompatible-network");
    assert_eq!(states(&aws, 2), ["incompatible-network", "incompatible-network"]);
    assert_eq!(text(&aws.describe("w"), "ClusterAvailabilityStatus"), "Unavailable");
    aws.refused("redshift", "PauseCluster", &[W], 400, "InvalidClusterState");
    aws.set_cluster_status("w", "modifying");
    aws.refused("redshift", "DeleteCluster", &[W, AT_ONCE], 400, "InvalidClusterState");
    aws.set_cluster_status("w", "paused");
    aws.ask("redshift", "ResumeCluster", &[W]);
    assert_eq!(states(&aws, 2), ["resuming", "available"]);
}

#[test]
fn modifications_are_visible() {
    let Some(aws) = Caller::start() else { return };
    aws.cluster("w");
    let group = [("GroupName", "g"), ("GroupDescription", "g")];
    let made = aws.call("ec2", "CreateSecurityGroup", &group);
    let group = ("VpcSecurityGroupIds.VpcSecurityGroupId.1", text(&made, "groupId"));
    aws.ask("redshift", "ModifyCluster", &[W, group, ("PubliclyAccessible", "true")]);
    let seen = aws.describe("w");
    assert_eq!(text(&seen, "VpcSecurityGroupId"), group.1);
    assert_eq!(text(&seen, "PubliclyAccessible"), "true");
    let unknown = ("VpcSecurityGroupIds.VpcSecurityGroupId.1", "sg-0");
    aws.refused("redshift", "ModifyCluster", &[W, unknown], 400, "InvalidParameterValue");
    let weak = ("MasterUserPassword", "weak");
    aws.refused("redshift", "ModifyCluster", &[W, weak], 400, "InvalidParameterValue");
}

#[test]
fn test_can_set_the_endpoint() {
    let Some(aws) = Caller::start() else { return };
    aws.cluster("w");
    aws.set_cluster_endpoint("localhost", 15439);
    let seen = aws.describe("w");
    let endpoint = "<Address>localhost</Address><Port>15439</Port>";
    assert_eq!(text(&seen, "Endpoint"), endpoint);
    aws.ask("redshift", "CreateCluster", &create::params("new"));
    assert_eq!(text(&aws.describe("new"), "Endpoint"), "");
    assert_eq!(text(&aws.describe("new"), "Endpoint"), endpoint);
}

#[test]
fn test_can_set_the_credentials() {
    let Some(aws) = Caller::start() else { return };
    aws.cluster("w");
    let params = [W, ("DbUser", "ann")];
    let motos = aws.ask("redshift", "GetClusterCredentials", &params);
    assert_eq!(text(&motos, "DbUser"), "IAM:ann");
    aws.set_cluster_credentials("IAM:loader", "Str0ng & enough");
    let ours = aws.ask("redshift", "GetClusterCredentials", &params);
    assert_eq!(text(&ours, "DbUser"), "IAM:loader");
    assert_eq!(text(&ours, "DbPassword"), "Str0ng &amp; enough");
    assert!(text(&ours, "Expiration").ends_with('Z'), "{ours}");
    let unknown = [("ClusterIdentifier", "x"), ("DbUser", "ann")];
    aws.refused("redshift", "GetClusterCredentials", &unknown, 404, "ClusterNotFound");
}
