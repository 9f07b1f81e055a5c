//! Callers and accounts.

use std::process::Command;

use super::caller::{Caller, text};
use crate::support::aws::{ACCOUNT, Aws, USER};

#[test]
fn the_caller_is_a_user() {
    let Some(aws) = Caller::start() else { return };
    let xml = aws.send("sts", "GetCallerIdentity", &[]);
    assert_eq!((text(&xml, "Account"), text(&xml, "Arn")), (ACCOUNT, USER));
}

#[test]
fn request_must_be_signed_for_a_service() {
    let Some(aws) = Caller::start() else { return };
    aws.rejects("s3", "ListBuckets", &[], 403, "MissingAuthenticationToken");
    assert!(aws.requests().is_empty());
}

#[test]
fn each_stand_in_is_a_separate_account() {
    let Some(aws) = Caller::start() else { return };
    let Some(other) = Caller::start() else { return };
    let role = aws.role("copy", "redshift.amazonaws.com");
    let xml = aws.send("iam", "GetRole", &[("RoleName", "copy")]);
    assert_eq!(text(&xml, "Arn"), role);
    other.rejects("iam", "GetRole", &[("RoleName", "copy")], 404, "NoSuchEntity");
    assert_eq!(text(&other.send("sts", "GetCallerIdentity", &[]), "Account"), ACCOUNT);
}

#[test]
fn unsupported_action_of_moto_is_an_xml_error() {
    let Some(aws) = Caller::start() else { return };
    let xml = aws.rejects("redshift", "RebootCluster", &[], 500, "InternalFailure");
    assert!(text(&xml, "Message").ends_with("redshift:RebootCluster"), "{xml}");
}

#[test]
fn child_process_uses_the_stand_in() {
    let Some(aws) = Aws::start() else { return };
    let mut command = Command::new("env");
    let output = aws.apply(&mut command).output().unwrap();
    let env = String::from_utf8(output.stdout).unwrap();
    assert!(env.contains(&format!("AWS_ENDPOINT_URL={}\n", aws.endpoint())), "{env}");
    assert!(env.contains("AWS_REGION=us-east-1\n"), "{env}");
}

#[tokio::test]
async fn works_inside_a_runtime() {
    let Some(aws) = Aws::start() else { return };
    aws.call("iam", "ListRoles", &[]);
    assert!(aws.try_call("iam", "GetRole", &[("RoleName", "copy")]).is_err());
}
