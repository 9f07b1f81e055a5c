//! Faults that a test injects.

use std::time::Duration;

use super::caller::{Caller, text};
use super::create;
use crate::support::aws::{Effect, Rule};
use crate::support::redshift::Gate;

#[test]
fn requests_are_recorded_in_order() {
    let Some(aws) = Caller::start() else { return };
    aws.send("sts", "GetCallerIdentity", &[]);
    aws.send(
        "ec2",
        "DescribeVpcs",
        &[("Filter.1.Name", "is-default"), ("Filter.1.Value.1", "true")],
    );
    aws.call("iam", "ListRoles", &[]);
    let seen = aws.requests();
    let action_at = |i: usize| (seen[i].service.as_str(), seen[i].action.as_str());
    assert_eq!(
        [action_at(0), action_at(1)],
        [("sts", "GetCallerIdentity"), ("ec2", "DescribeVpcs")]
    );
    assert_eq!(seen[1].params["Filter.1.Name"], "is-default");
    assert_eq!((seen.len(), seen[1].params.len()), (2, 2));
    aws.forget_requests();
    assert!(aws.requests().is_empty());
}

#[test]
fn request_is_throttled() {
    let Some(aws) = Caller::start() else { return };
    aws.inject(Rule::new("ListRoles", Effect::Throttle).after(1).times(2));
    aws.inject(Rule::new("DescribeVpcs", Effect::Throttle));
    assert_eq!(aws.rules_left(), 2);
    aws.send("iam", "ListRoles", &[]);
    assert_eq!(aws.rules_left(), 2);
    let xml = aws.rejects("iam", "ListRoles", &[], 400, "Throttling");
    assert_eq!(text(&xml, "Message"), "Rate exceeded");
    aws.rejects("iam", "ListRoles", &[], 400, "Throttling");
    aws.send("iam", "ListRoles", &[]);
    aws.rejects("ec2", "DescribeVpcs", &[], 503, "RequestLimitExceeded");
    assert_eq!(aws.rules_left(), 0);
}

#[test]
fn request_is_denied() {
    let Some(aws) = Caller::start() else { return };
    for action in ["CreateRole", "CreateSecurityGroup", "PauseCluster"] {
        aws.inject(Rule::new(action, Effect::Deny).always());
    }
    let role = [("RoleName", "copy"), ("AssumeRolePolicyDocument", "{}")];
    let error = aws.rejects("iam", "CreateRole", &role, 403, "AccessDenied");
    assert_eq!(
        text(&error, "Message"),
        "User: arn:aws:iam::123456789012:user/ann is not authorized to perform: iam:CreateRole on \
         resource: arn:aws:iam::123456789012:role/copy because no identity-based policy allows \
         the iam:CreateRole action"
    );
    aws.rejects("iam", "CreateRole", &role, 403, "AccessDenied");
    aws.rejects("redshift", "PauseCluster", &[("ClusterIdentifier", "w")], 403, "AccessDenied");
    let error = aws.rejects("ec2", "CreateSecurityGroup", &[], 403, "UnauthorizedOperation");
    let shape = "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>You are not";
    assert!(error.contains(shape) && error.contains("</Errors><RequestID>"), "{error}");
    // Requests that set up a test are not denied.
    aws.role("copy", "redshift.amazonaws.com");
}

#[test]
fn request_is_rejected_with_any_error() {
    let Some(aws) = Caller::start() else { return };
    let code = "InsufficientClusterCapacity";
    let effect = Effect::Reject { status: 400, code, message: "No <room>".into() };
    aws.inject(Rule::new("CreateCluster", effect).with("NodeType", "ra3.large"));
    let mut other = create::params("w");
    other.retain(|(key, _)| *key != "NodeType");
    other.push(("NodeType", "rg.large"));
    aws.send("redshift", "CreateCluster", &other);
    let error = aws.rejects("redshift", "CreateCluster", &create::params("v"), 400, code);
    assert_eq!(text(&error, "Message"), "No &lt;room&gt;");
    assert!(
        error.starts_with("<ErrorResponse xmlns=\"http://redshift.amazonaws.com/doc/"),
        "{error}"
    );
    let effect = Effect::Reject { status: 500, code: "InternalError", message: "oh".into() };
    aws.inject(Rule::new("DescribeVpcs", effect));
    aws.rejects("ec2", "DescribeVpcs", &[], 500, "InternalError");
}

#[test]
fn test_provides_the_response() {
    let Some(aws) = Caller::start() else { return };
    aws.inject(Rule::new("ListRoles", Effect::Answer("not <XML".into())));
    assert_eq!(aws.send("iam", "ListRoles", &[]), "not <XML");
    aws.inject(Rule::new("GetCallerIdentity", Effect::Rewrite("user/ann".into(), "root".into())));
    let xml = aws.send("sts", "GetCallerIdentity", &[]);
    assert_eq!(text(&xml, "Arn"), "arn:aws:iam::123456789012:root");
}

#[test]
fn response_is_lost() {
    let Some(aws) = Caller::start() else { return };
    aws.inject(Rule::new("CreateCluster", Effect::Lose));
    assert!(aws.try_send("redshift", "CreateCluster", &create::params("w")).is_err());
    assert_eq!(text(&aws.describe("w"), "ClusterStatus"), "creating");
    assert_eq!(aws.requests().len(), 2);
}

#[test]
fn request_gets_no_response() {
    let Some(aws) = Caller::start() else { return };
    aws.inject(Rule::new("CreateCluster", Effect::Hang));
    let timeout = Duration::from_millis(200);
    let response = aws.send_with_timeout(timeout, "CreateCluster", &create::params("w"));
    assert!(response.unwrap_err().is_timeout());
    let none = [("ClusterIdentifier", "w")];
    aws.rejects("redshift", "DescribeClusters", &none, 404, "ClusterNotFound");
}

#[test]
fn request_waits_at_a_gate() {
    let Some(aws) = Caller::start() else { return };
    let gate = Gate::new();
    aws.inject(Rule::new("CreateCluster", Effect::Hold(gate.clone())));
    std::thread::scope(|scope| {
        let response = scope.spawn(|| aws.send("redshift", "CreateCluster", &create::params("w")));
        gate.wait();
        assert_eq!(aws.requests().len(), 1);
        let none = aws.call("redshift", "DescribeClusters", &[]);
        assert!(!none.contains("<Cluster>"), "{none}");
        gate.open();
        assert_eq!(text(&response.join().unwrap(), "ClusterStatus"), "creating");
    });
    aws.call("redshift", "DescribeClusters", &[("ClusterIdentifier", "w")]);
}
