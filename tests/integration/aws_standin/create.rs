//! Requests that CreateCluster rejects.

use super::caller::{Caller, text};

/// Replacement values of parameters; `None` removes a parameter.
type Changes<'a> = [(&'a str, Option<&'a str>)];

/// Returns the parameters of a valid request.
pub fn params(identifier: &str) -> Vec<(&str, &str)> {
    vec![
        ("ClusterIdentifier", identifier),
        ("NodeType", "ra3.large"),
        ("ClusterType", "single-node"),
        ("MasterUsername", "admin"),
        ("MasterUserPassword", "Str0ng-enough"),
    ]
}

fn changed<'a>(changes: &Changes<'a>) -> Vec<(&'a str, &'a str)> {
    let mut params = params("w");
    params.retain(|(key, _)| changes.iter().all(|(changed, _)| changed != key));
    params.extend(changes.iter().filter_map(|(key, value)| Some((*key, (*value)?))));
    params
}

#[test]
fn each_invalid_value_is_rejected() {
    let Some(aws) = Caller::start() else { return };
    let (value, combination) = ("InvalidParameterValue", "InvalidParameterCombination");
    let two = ("NumberOfNodes", Some("2"));
    let multi = ("ClusterType", Some("multi-node"));
    let rejected: &[(&Changes<'_>, &str)] = &[
        (&[("NodeType", Some("dc2.large"))], value),
        (&[("NodeType", Some("ra3.xlarge"))], value),
        (&[("Encrypted", Some("false"))], value),
        (&[two], combination),
        (&[multi], combination),
        (&[("ClusterType", None)], combination),
        (&[multi, ("NumberOfNodes", Some("1"))], combination),
        (&[("ClusterType", Some("serverless"))], value),
        (&[("NodeType", Some("ra3.4xlarge"))], combination),
        (&[("NodeType", Some("ra3.16xlarge"))], combination),
        (&[("ManageMasterPassword", Some("true"))], combination),
        (&[("MasterUserPassword", None)], combination),
        (&[("MasterUserPassword", Some("Sh0rt"))], value),
        (&[("MasterUserPassword", Some("no-upper-case-1"))], value),
        (&[("MasterUserPassword", Some("NO-LOWER-CASE-1"))], value),
        (&[("MasterUserPassword", Some("No-digit-in-it"))], value),
        (&[("MasterUserPassword", Some("Str0ng enough"))], value),
        (&[("MasterUserPassword", Some("Str0ng@enough"))], value),
        (&[("ClusterIdentifier", Some("1st"))], value),
        (&[("ClusterIdentifier", Some("Upper"))], value),
        (&[("ClusterIdentifier", Some("a--b"))], value),
        (&[("ClusterIdentifier", Some("a-"))], value),
        (&[("ClusterIdentifier", Some("under_score"))], value),
        (&[("ClusterIdentifier", None)], "MissingParameter"),
        (&[("MasterUsername", Some("Admin"))], value),
        (&[("MasterUsername", Some("public"))], value),
        (&[("DBName", Some("Dev"))], value),
        (&[("Port", Some("5432")), ("DBName", Some("a b"))], value),
        (&[("Port", Some("5430"))], value),
        (&[("Port", Some("8216"))], value),
        (&[("VpcSecurityGroupIds.VpcSecurityGroupId.1", Some("sg-0"))], value),
    ];
    for (changes, code) in rejected {
        aws.rejects("redshift", "CreateCluster", &changed(changes), 400, code);
    }
    let message = aws.rejects("redshift", "CreateCluster", &changed(rejected[0].0), 400, value);
    assert_eq!(text(&message, "Message"), "Invalid node type: dc2.large");
    assert_eq!(text(&message, "Type"), "Sender");
    let none = aws.call("redshift", "DescribeClusters", &[]);
    assert!(none.contains("<Clusters></Clusters>"), "{none}");
}

#[test]
fn each_valid_value_is_accepted() {
    let Some(aws) = Caller::start() else { return };
    let two = ("NumberOfNodes", Some("2"));
    let multi = ("ClusterType", Some("multi-node"));
    let taken: &[&Changes<'_>] = &[
        &[("NodeType", Some("rg.large")), ("Encrypted", Some("true"))],
        &[("NodeType", Some("ra3.4xlarge")), multi, two],
        &[("ClusterType", None), two],
        &[("Port", Some("8191"))],
        &[("DBName", Some("star_1")), ("MasterUsername", Some("a.b@c-d"))],
    ];
    for changes in taken {
        aws.call("redshift", "CreateCluster", &changed(changes));
        let params = [("ClusterIdentifier", "w"), ("SkipFinalClusterSnapshot", "true")];
        aws.call("redshift", "DeleteCluster", &params);
    }
}

#[test]
fn cluster_identifiers_are_unique() {
    let Some(aws) = Caller::start() else { return };
    aws.cluster("w");
    aws.rejects("redshift", "CreateCluster", &params("w"), 400, "ClusterAlreadyExists");
}

#[test]
fn role_must_trust_redshift() {
    let Some(aws) = Caller::start() else { return };
    let unknown = "arn:aws:iam::123456789012:role/missing";
    let lambda = aws.role("lambda", "lambda.amazonaws.com");
    let copy = aws.role("copy", "redshift.amazonaws.com");
    for role in [unknown, lambda.as_str(), "copy"] {
        let params = changed(&[("IamRoles.IamRoleArn.1", Some(role))]);
        let error = aws.rejects("redshift", "CreateCluster", &params, 400, "InvalidParameterValue");
        assert!(text(&error, "Message").contains(role), "{error}");
    }
    let params = changed(&[("DefaultIamRoleArn", Some(&copy))]);
    aws.rejects("redshift", "CreateCluster", &params, 400, "InvalidParameterValue");
}

#[test]
fn managed_password_is_stored_as_a_secret() {
    let Some(aws) = Caller::start() else { return };
    let params = changed(&[("MasterUserPassword", None), ("ManageMasterPassword", Some("true"))]);
    let made = aws.send("redshift", "CreateCluster", &params);
    let secret = text(&made, "MasterPasswordSecretArn");
    assert!(secret.starts_with("arn:aws:secretsmanager:us-east-1:123456789012:secret:"), "{made}");
    assert_eq!(text(&aws.describe("w"), "MasterPasswordSecretArn"), secret);
}
