//! The lifecycle of a cluster.

use super::caller::{Caller, text};
use super::create;

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
    let made = aws.send("redshift", "CreateCluster", &params);
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
    aws.send("redshift", "CreateCluster", &create::params("w"));
    aws.describe("other");
    aws.call("redshift", "DescribeClusters", &[]);
    let list = aws.send("redshift", "DescribeClusters", &[]);
    assert!(list.contains("<ClusterStatus>creating</ClusterStatus>"), "{list}");
    let list = aws.send("redshift", "DescribeClusters", &[]);
    assert!(!list.contains("<ClusterStatus>creating</ClusterStatus>"), "{list}");
}

#[test]
fn cluster_is_paused_and_resumed() {
    let Some(aws) = Caller::start() else { return };
    aws.cluster("w");
    aws.rejects("redshift", "ResumeCluster", &[W], 400, "InvalidClusterState");
    let answer = aws.send("redshift", "PauseCluster", &[W]);
    assert_eq!(text(&answer, "ClusterStatus"), "pausing");
    assert!(answer.contains("<PauseClusterResult><Cluster>"), "{answer}");
    aws.rejects("redshift", "PauseCluster", &[W], 400, "InvalidClusterState");
    aws.rejects("redshift", "ResumeCluster", &[W], 400, "InvalidClusterState");
    assert_eq!(states(&aws, 3), ["pausing", "paused", "paused"]);
    assert_eq!(text(&aws.describe("w"), "ClusterAvailabilityStatus"), "Paused");
    aws.rejects("redshift", "ModifyCluster", &[W], 400, "InvalidClusterState");
    let answer = aws.send("redshift", "ResumeCluster", &[W]);
    assert_eq!(text(&answer, "ClusterStatus"), "resuming");
    assert_eq!(states(&aws, 2), ["resuming", "available"]);
    aws.rejects("redshift", "PauseCluster", &[("ClusterIdentifier", "x")], 404, "ClusterNotFound");
}

#[test]
fn cluster_is_deleted_step_by_step() {
    let Some(aws) = Caller::start() else { return };
    aws.send("redshift", "CreateCluster", &create::params("w"));
    aws.rejects("redshift", "DeleteCluster", &[W, AT_ONCE], 400, "InvalidClusterState");
    assert_eq!(states(&aws, 2), ["creating", "available"]);
    let answer = aws.send("redshift", "DeleteCluster", &[W, AT_ONCE]);
    assert_eq!(text(&answer, "ClusterStatus"), "deleting");
    aws.rejects("redshift", "DeleteCluster", &[W, AT_ONCE], 400, "InvalidClusterState");
    aws.rejects("redshift", "PauseCluster", &[W], 400, "InvalidClusterState");
    aws.rejects("redshift", "CreateCluster", &create::params("w"), 400, "ClusterAlreadyExists");
    assert_eq!(states(&aws, 1), ["deleting"]);
    aws.rejects("redshift", "DescribeClusters", &[W], 404, "ClusterNotFound");
    aws.rejects("redshift", "DeleteCluster", &[W, AT_ONCE], 404, "ClusterNotFound");
    aws.send("redshift", "CreateCluster", &create::params("w"));
}

#[test]
fn deletion_requires_a_final_snapshot_or_its_omission() {
    let Some(aws) = Caller::start() else { return };
    aws.cluster("w");
    let last = ("FinalClusterSnapshotIdentifier", "last");
    let code = "InvalidParameterCombination";
    aws.rejects("redshift", "DeleteCluster", &[W], 400, code);
    aws.rejects("redshift", "DeleteCluster", &[W, AT_ONCE, last], 400, code);
    aws.send("redshift", "DeleteCluster", &[W, last]);
    let params = [("SnapshotIdentifier", "last")];
    aws.send("redshift", "DescribeClusterSnapshots", &params);
}

#[test]
fn test_can_set_the_state() {
    let Some(aws) = Caller::start() else { return };
    aws.cluster("w");
    aws.set_cluster_status("w", "incompatible-network");
    assert_eq!(states(&aws, 2), ["incompatible-network", "incompatible-network"]);
    assert_eq!(text(&aws.describe("w"), "ClusterAvailabilityStatus"), "Unavailable");
    aws.rejects("redshift", "PauseCluster", &[W], 400, "InvalidClusterState");
    aws.set_cluster_status("w", "modifying");
    aws.rejects("redshift", "DeleteCluster", &[W, AT_ONCE], 400, "InvalidClusterState");
    aws.set_cluster_status("w", "paused");
    aws.send("redshift", "ResumeCluster", &[W]);
    assert_eq!(states(&aws, 2), ["resuming", "available"]);
}

#[test]
fn modifications_are_visible() {
    let Some(aws) = Caller::start() else { return };
    aws.cluster("w");
    let group = [("GroupName", "g"), ("GroupDescription", "g")];
    let made = aws.call("ec2", "CreateSecurityGroup", &group);
    let group = ("VpcSecurityGroupIds.VpcSecurityGroupId.1", text(&made, "groupId"));
    aws.send("redshift", "ModifyCluster", &[W, group, ("PubliclyAccessible", "true")]);
    let seen = aws.describe("w");
    assert_eq!(text(&seen, "VpcSecurityGroupId"), group.1);
    assert_eq!(text(&seen, "PubliclyAccessible"), "true");
    let unknown = ("VpcSecurityGroupIds.VpcSecurityGroupId.1", "sg-0");
    aws.rejects("redshift", "ModifyCluster", &[W, unknown], 400, "InvalidParameterValue");
    let weak = ("MasterUserPassword", "weak");
    aws.rejects("redshift", "ModifyCluster", &[W, weak], 400, "InvalidParameterValue");
}

#[test]
fn test_can_set_the_endpoint() {
    let Some(aws) = Caller::start() else { return };
    aws.cluster("w");
    aws.set_cluster_endpoint("localhost", 15439);
    let seen = aws.describe("w");
    let endpoint = "<Address>localhost</Address><Port>15439</Port>";
    assert_eq!(text(&seen, "Endpoint"), endpoint);
    aws.send("redshift", "CreateCluster", &create::params("new"));
    assert_eq!(text(&aws.describe("new"), "Endpoint"), "");
    assert_eq!(text(&aws.describe("new"), "Endpoint"), endpoint);
}

#[test]
fn test_can_set_the_credentials() {
    let Some(aws) = Caller::start() else { return };
    aws.cluster("w");
    let params = [W, ("DbUser", "ann")];
    let default = aws.send("redshift", "GetClusterCredentials", &params);
    assert_eq!(text(&default, "DbUser"), "IAM:ann");
    aws.set_cluster_credentials("IAM:loader", "Str0ng & enough");
    let set = aws.send("redshift", "GetClusterCredentials", &params);
    assert_eq!(text(&set, "DbUser"), "IAM:loader");
    assert_eq!(text(&set, "DbPassword"), "Str0ng &amp; enough");
    assert!(text(&set, "Expiration").ends_with('Z'), "{set}");
    let unknown = [("ClusterIdentifier", "x"), ("DbUser", "ann")];
    aws.rejects("redshift", "GetClusterCredentials", &unknown, 404, "ClusterNotFound");
}
