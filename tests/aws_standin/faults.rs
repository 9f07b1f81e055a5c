//! Faults that a test injects.

use std::time::Duration;

use crate::caller::{Caller, text};
use crate::create;
use crate::support::aws::{Effect, Rule};
use crate::support::redshift::Gate;

#[test]
fn requests_are_recorded_in_order() {
    let Some(aws) = Caller::start() else { return };
    aws.ask("sts", "GetCallerIdentity", &[]);
    aws.ask(
        "ec2",
        "DescribeVpcs",
        &[("Filter.1.Name", "is-default"), ("Filter.1.Value.1", "true")],
    );
    aws.call("iam", "ListRoles", &[]);
    let seen = aws.requests();
    let told = |i: usize| (seen[i].service.as_str(), seen[i].action.as_str());
    assert_eq!([told(0), told(1)], [("sts", "GetCallerIdentity"), ("ec2", "DescribeVpcs")]);
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
    aws.ask("iam", "ListRoles", &[]);
    assert_eq!(aws.rules_left(), 2);
    let xml = aws.refused("iam", "ListRoles", &[], 400, "Throttling");
    assert_eq!(text(&xml, "Message"), "Rate exceeded");
    aws.refused("iam", "ListRoles", &[], 400, "Throttling");
    aws.ask("iam", "ListRoles", &[]);
    aws.refused("ec2", "DescribeVpcs", &[], 503, "RequestLimitExceeded");
    assert_eq!(aws.rules_left(), 0);
}

#[test]
fn request_is_denied() {
    let Some(aws) = Caller::start() else { return };
    for action in ["CreateRole", "CreateSecurityGroup", "PauseCluster"] {
        aws.inject(Rule::new(action, Effect::Deny).always());
    }
    let role = [("RoleName", "copy"), ("AssumeRolePolicyDocument", "{}")];
    let no = aws.refused("iam", "CreateRole", &role, 403, "AccessDenied");
    assert_eq!(
        text(&no, "Message"),
        "User: arn:aws:iam::123456789012:user/ann is not authorized to perform: iam:CreateRole on \
         resource: arn:aws:iam::123456789012:role/copy because no identity-based policy allows \
         the iam:CreateRole action"
    );
    aws.refused("iam", "CreateRole", &role, 403, "AccessDenied");
    aws.refused("redshift", "PauseCluster", &[("ClusterIdentifier", "w")], 403, "AccessDenied");
    let no = aws.refused("ec2", "CreateSecurityGroup", &[], 403, "UnauthorizedOperation");
    let shape = "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>You are not";
    assert!(no.contains(shape) && no.contains("</Errors><RequestID>"), "{no}");
    // Requests that set up a test are not denied.
    aws.role("copy", "redshift.amazonaws.com");
}

#[test]
fn request_is_rejected_with_any_error() {
    let Some(aws) = Caller::start() else { return };
    let code = "InsufficientClusterCapacity";
    let what = Effect::Refuse { status: 400, code, message: "No <room>".into() };
    aws.inject(Rule::new("CreateCluster", what).with("NodeType", "ra3.large"));
    let mut other = create::params("w");
    other.retain(|(key, _)| *key != "NodeType");
    other.push(("NodeType", "rg.large"));
    aws.ask("redshift", "CreateCluster", &other);
    let no = aws.refused("redshift", "CreateCluster", &create::params("v"), 400, code);
    assert_eq!(text(&no, "Message"), "No &lt;room&gt;");
    assert!(no.starts_with("<ErrorResponse xmlns=\"http://redshift.amazonaws.com/doc/"), "{no}");
    let what = Effect::Refuse { status: 500, code: "InternalError", message: "oh".into() };
    aws.inject(Rule::new("DescribeVpcs", what));
    aws.refused("ec2", "DescribeVpcs", &[], 500, "InternalError");
}

#[test]
fn test_provides_the_response() {
    let Some(aws) = Caller::start() else { return };
    aws.inject(Rule::new("ListRoles", Effect::Answer("not <XML".into())));
    assert_eq!(aws.ask("iam", "ListRoles", &[]), "not <XML");
    aws.inject(Rule::new("GetCallerIdentity", Effect::Rewrite("user/ann".into(), "root".into())));
    let xml = aws.ask("sts", "GetCallerIdentity", &[]);
    assert_eq!(text(&xml, "Arn"), "arn:aws:iam::123456789012:root");
}

#[test]
fn response_is_lost() {
    let Some(aws) = Caller::start() else { return };
    aws.inject(Rule::new("CreateCluster", Effect::Lose));
    assert!(aws.try_ask("redshift", "CreateCluster", &create::params("w")).is_err());
    assert_eq!(text(&aws.describe("w"), "ClusterStatus"), "creating");
    assert_eq!(aws.requests().len(), 2);
}

#[test]
fn request_gets_no_response() {
    let Some(aws) = Caller::start() else { return };
    aws.inject(Rule::new("CreateCluster", Effect::Hang));
    let patience = Duration::from_millis(200);
    let asked = aws.ask_for(patience, "CreateCluster", &create::params("w"));
    assert!(asked.unwrap_err().is_timeout());
    let none = [("ClusterIdentifier", "w")];
    aws.refused("redshift", "DescribeClusters", &none, 404, "ClusterNotFound");
}

#[test]
fn request_waits_at_a_gate() {
    let Some(aws) = Caller::start() else { return };
    let gate = Gate::new();
    aws.inject(Rule::new("CreateCluster", Effect::Hold(gate.clone())));
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| aws.ask("redshift", "CreateCluster", &create::params("w")));
        gate.wait();
        assert_eq!(aws.requests().len(), 1);
        let none = aws.call("redshift", "DescribeClusters", &[]);
        assert!(!none.contains("<Cluster>"), "{none}");
        gate.open();
        assert_eq!(text(&asked.join().unwrap(), "ClusterStatus"), "creating");
    });
    aws.call("redshift", "DescribeClusters", &[("ClusterIdentifier", "w")]);
}
