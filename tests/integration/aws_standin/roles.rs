//! The IAM roles of a cluster.

use super::caller::{Caller, text};
use super::create;

const W: (&str, &str) = ("ClusterIdentifier", "w");
const ADD: &str = "AddIamRoles.IamRoleArn.1";
const REMOVE: &str = "RemoveIamRoles.IamRoleArn.1";
const DEFAULT: &str = "DefaultIamRoleArn";

fn status(aws: &Caller) -> String {
    text(&aws.describe("w"), "ApplyStatus").to_owned()
}

#[test]
fn roles_of_a_new_cluster_take_time() {
    let Some(aws) = Caller::start() else { return };
    let role = aws.role("copy", "redshift.amazonaws.com");
    let mut params = create::params("w");
    params.extend([("IamRoles.IamRoleArn.1", role.as_str()), (DEFAULT, &role)]);
    let made = aws.send("redshift", "CreateCluster", &params);
    assert_eq!(text(&made, "ApplyStatus"), "adding");
    assert_eq!(text(&made, DEFAULT), role);
    assert_eq!([status(&aws), status(&aws)], ["adding", "in-sync"]);
    let seen = aws.describe("w");
    assert_eq!(text(&seen, "IamRoleArn"), role);
    assert_eq!(text(&seen, DEFAULT), role);
}

#[test]
fn roles_are_added_and_removed() {
    let Some(aws) = Caller::start() else { return };
    let role = aws.role("copy", "redshift.amazonaws.com");
    aws.cluster("w");
    aws.set_polls(2);
    let params = [W, (ADD, role.as_str()), (DEFAULT, &role)];
    let answer = aws.send("redshift", "ModifyClusterIamRoles", &params);
    assert!(answer.contains("<ModifyClusterIamRolesResult><Cluster>"), "{answer}");
    assert_eq!(text(&answer, "ApplyStatus"), "adding");
    assert_eq!([status(&aws), status(&aws), status(&aws)], ["adding", "adding", "in-sync"]);
    aws.send("redshift", "ModifyClusterIamRoles", &params);
    assert_eq!(status(&aws), "in-sync");
    assert_eq!(text(&aws.describe("w"), DEFAULT), role);
    aws.send("redshift", "ModifyClusterIamRoles", &[W, (REMOVE, &role)]);
    assert_eq!([status(&aws), status(&aws), status(&aws)], ["removing", "removing", ""]);
    assert_eq!(text(&aws.describe("w"), DEFAULT), "");
}

#[test]
fn role_must_trust_redshift() {
    let Some(aws) = Caller::start() else { return };
    let lambda = aws.role("lambda", "lambda.amazonaws.com");
    aws.cluster("w");
    let code = "InvalidParameterValue";
    aws.rejects("redshift", "ModifyClusterIamRoles", &[W, (ADD, &lambda)], 400, code);
    aws.rejects("redshift", "ModifyClusterIamRoles", &[W, (DEFAULT, &lambda)], 400, code);
}

#[test]
fn cluster_must_be_available() {
    let Some(aws) = Caller::start() else { return };
    aws.cluster("w");
    aws.set_cluster_status("w", "paused");
    aws.rejects("redshift", "ModifyClusterIamRoles", &[W], 400, "InvalidClusterState");
    let unknown = [("ClusterIdentifier", "x")];
    aws.rejects("redshift", "ModifyClusterIamRoles", &unknown, 404, "ClusterNotFound");
}
