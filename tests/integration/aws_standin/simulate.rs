//! Responses of SimulatePrincipalPolicy.

use super::caller::{Caller, text};

const READER: &str = r#"{"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": ["s3:GetObject", "s3:Get?ucketLocation"],
     "Resource": ["arn:aws:s3:::lake/star/*", "arn:aws:s3:::lake"]},
    {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::lake",
     "Condition": {"StringLike": {"s3:prefix": ["star/*", "a+b c"]}}},
    {"Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::lake/star/secret/*"}]}"#;

const WRITER: &str = r#"{"Version": "2012-10-17", "Statement": {
    "Effect": "Allow", "Action": "s3:putobject",
    "NotResource": "arn:aws:s3:::lake/raw/*",
    "Condition": {"StringEquals": {"aws:RequestedRegion": "us-east-1"}}}}"#;

fn arranged() -> Option<(Caller, String)> {
    let aws = Caller::start()?;
    let role = aws.role("copy", "redshift.amazonaws.com");
    let inline = [("RoleName", "copy"), ("PolicyName", "reader"), ("PolicyDocument", READER)];
    aws.call("iam", "PutRolePolicy", &inline);
    let made = [("PolicyName", "writer"), ("PolicyDocument", WRITER)];
    let xml = aws.call("iam", "CreatePolicy", &made);
    let attached = [("RoleName", "copy"), ("PolicyArn", text(&xml, "Arn"))];
    aws.call("iam", "AttachRolePolicy", &attached);
    Some((aws, role))
}

fn simulated(aws: &Caller, role: &str, action: &str, resource: &str, context: &str) -> String {
    let mut params = vec![
        ("PolicySourceArn", role),
        ("ActionNames.member.1", action),
        ("ResourceArns.member.1", resource),
    ];
    if let Some((key, value)) = context.split_once('=') {
        params.push(("ContextEntries.member.1.ContextKeyName", key));
        params.push(("ContextEntries.member.1.ContextKeyValues.member.1", value));
        params.push(("ContextEntries.member.1.ContextKeyType", "string"));
    }
    aws.send("iam", "SimulatePrincipalPolicy", &params)
}

#[test]
fn each_decision_is_returned() {
    let Some((aws, role)) = arranged() else { return };
    let (allowed, implicit, explicit) = ("allowed", "implicitDeny", "explicitDeny");
    let (lake, part) = ("arn:aws:s3:::lake", "arn:aws:s3:::lake/star/songs/0.parquet");
    let requests = [
        ("s3:GetObject", part, "", allowed),
        ("S3:getobject", part, "", allowed),
        ("s3:GetObject", "arn:aws:s3:::lake/raw/0.json", "", implicit),
        ("s3:GetObject", "arn:aws:s3:::lake/star/secret/0", "", explicit),
        ("s3:GetBucketLocation", lake, "", allowed),
        ("s3:DeleteObject", part, "", implicit),
        ("s3:ListBucket", lake, "", implicit),
        ("s3:ListBucket", lake, "s3:prefix=star/songs", allowed),
        ("s3:ListBucket", lake, "S3:Prefix=a+b c", allowed),
        ("s3:ListBucket", lake, "s3:prefix=raw/", implicit),
        ("s3:PutObject", part, "aws:RequestedRegion=us-east-1", allowed),
        ("s3:PutObject", part, "aws:RequestedRegion=us-east-*", implicit),
        ("s3:PutObject", "arn:aws:s3:::lake/raw/0", "aws:RequestedRegion=us-east-1", implicit),
    ];
    for (action, resource, context, decision) in requests {
        let xml = simulated(&aws, &role, action, resource, context);
        let got = text(&xml, "EvalDecision");
        assert_eq!(got, decision, "{action} {resource} {context}");
        assert_eq!(
            (text(&xml, "EvalActionName"), text(&xml, "EvalResourceName")),
            (action, resource)
        );
    }
}

#[test]
fn matching_statements_and_missing_context_are_returned() {
    let Some((aws, role)) = arranged() else { return };
    let xml = simulated(&aws, &role, "s3:GetObject", "arn:aws:s3:::lake/star/secret/0", "");
    assert_eq!(text(&xml, "SourcePolicyId"), "reader");
    assert_eq!(xml.matches("<SourcePolicyId>").count(), 2, "{xml}");
    let xml = simulated(&aws, &role, "s3:ListBucket", "arn:aws:s3:::lake", "");
    assert_eq!(text(&xml, "MissingContextValues"), "<member>s3:prefix</member>");
}

#[test]
fn each_action_is_simulated_on_each_resource() {
    let Some((aws, role)) = arranged() else { return };
    let params = [
        ("PolicySourceArn", role.as_str()),
        ("ActionNames.member.1", "s3:GetObject"),
        ("ActionNames.member.2", "s3:PutObject"),
        ("ResourceArns.member.1", "arn:aws:s3:::lake/star/a"),
        ("ResourceArns.member.2", "arn:aws:s3:::lake/raw/a"),
    ];
    let xml = aws.send("iam", "SimulatePrincipalPolicy", &params);
    assert_eq!(xml.matches("<EvalDecision>").count(), 4, "{xml}");
    assert_eq!(xml.matches("<EvalDecision>allowed<").count(), 1, "{xml}");
    let everywhere = aws.send("iam", "SimulatePrincipalPolicy", &params[..2]);
    assert_eq!(text(&everywhere, "EvalResourceName"), "*");
}

#[test]
fn invalid_requests_are_rejected() {
    let Some((aws, role)) = arranged() else { return };
    let action = ("ActionNames.member.1", "s3:GetObject");
    let unknown = [("PolicySourceArn", "arn:aws:iam::123456789012:role/missing"), action];
    let simulate = "SimulatePrincipalPolicy";
    aws.rejects("iam", simulate, &unknown, 404, "NoSuchEntity");
    let role = ("PolicySourceArn", role.as_str());
    aws.rejects("iam", simulate, &[role], 400, "ValidationError");
    let more = [role, action, ("PolicyInputList.member.1", "{}")];
    aws.rejects("iam", simulate, &more, 501, "NotImplemented");
    let odd = r#"{"Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Action": "*", "Resource": "*",
        "Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}}}"#;
    let params = [("RoleName", "copy"), ("PolicyName", "odd"), ("PolicyDocument", odd)];
    aws.call("iam", "PutRolePolicy", &params);
    aws.rejects("iam", simulate, &[role, action], 501, "NotImplemented");
}
