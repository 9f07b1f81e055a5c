//! Policy documents: trust policies and permissions of roles.

use serde_json::{Value, json};

use crate::storage::{Location, StoreKey};

const VERSION: &str = "2012-10-17";

/// The service principals of Redshift: of provisioned clusters, and of workgroups of Redshift Serverless, whose
/// roles must trust both.
///
/// Sources: Redshift Database Developer Guide, Permissions to access other AWS resources; Redshift
/// Management Guide, Granting permissions to Amazon Redshift Serverless.
pub const REDSHIFT: [&str; 2] = ["redshift.amazonaws.com", "redshift-serverless.amazonaws.com"];

/// The service principal of scheduled actions.
///
/// Source: Redshift API Reference, CreateScheduledAction, IamRole.
pub const SCHEDULER: [&str; 1] = ["scheduler.redshift.amazonaws.com"];

/// The location of the star in S3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StarLocation {
    /// Name of the S3 bucket.
    pub bucket: String,
    /// The prefix, without leading or trailing slashes; empty if the star is the whole bucket.
    pub prefix: String,
}

impl StarLocation {
    /// Converts a location. Returns `None` if it is not in S3.
    pub fn of(location: &Location) -> Option<StarLocation> {
        match &location.store {
            StoreKey::S3(bucket) => {
                Some(StarLocation { bucket: bucket.clone(), prefix: location.path.to_string() })
            }
            _ => None,
        }
    }
}

/// Returns the trust policy that allows these services to assume the role.
pub fn trust(services: &[&str]) -> Value {
    json!({
        "Version": VERSION,
        "Statement": [{
            "Effect": "Allow",
            "Principal": {"Service": services},
            "Action": "sts:AssumeRole",
        }],
    })
}

/// Returns the policy that allows a role to read the star and nothing else.
///
/// Source: Redshift Database Developer Guide, COPY: usage notes, Permissions to access other AWS
/// resources (GetObject, ListBucket), and IAM policies for Spectrum (GetBucketLocation).
pub fn read_star(partition: &str, star: &StarLocation, kms_key: Option<&str>) -> Value {
    let StarLocation { bucket, prefix } = star;
    let bucket = format!("arn:{partition}:s3:::{bucket}");
    let (objects, mut list) = match prefix.as_str() {
        "" => (format!("{bucket}/*"), json!({})),
        prefix => (
            format!("{bucket}/{prefix}/*"),
            json!({"Condition": {"StringLike": {"s3:prefix": [format!("{prefix}/*")]}}}),
        ),
    };
    list["Sid"] = json!("ListTheStar");
    list["Effect"] = json!("Allow");
    list["Action"] = json!("s3:ListBucket");
    list["Resource"] = json!(bucket);
    let mut statements = vec![
        json!({
            "Sid": "ReadTheStar",
            "Effect": "Allow",
            "Action": "s3:GetObject",
            "Resource": objects,
        }),
        list,
        json!({
            "Sid": "FindTheBucket",
            "Effect": "Allow",
            "Action": "s3:GetBucketLocation",
            "Resource": bucket,
        }),
    ];
    if let Some(key) = kms_key {
        statements.push(json!({
            "Sid": "DecryptTheStar",
            "Effect": "Allow",
            "Action": "kms:Decrypt",
            "Resource": key,
        }));
    }
    json!({"Version": VERSION, "Statement": statements})
}

/// Returns the policy that allows a role to pause one cluster.
pub fn stop_cluster(cluster_arn: &str) -> Value {
    json!({
        "Version": VERSION,
        "Statement": [{
            "Sid": "StopTheCluster",
            "Effect": "Allow",
            "Action": "redshift:PauseCluster",
            "Resource": cluster_arn,
        }],
    })
}

/// Returns `true` if a trust policy allows a service to assume the role.
pub fn trusts(policy: &Value, service: &str) -> bool {
    let is = |value: &Value, wanted: &str| match value {
        Value::String(text) => text == wanted,
        Value::Array(texts) => texts.iter().any(|text| text == wanted),
        _ => false,
    };
    let lets = |statement: &Value| {
        statement["Effect"] == "Allow"
            && is(&statement["Action"], "sts:AssumeRole")
            && is(&statement["Principal"]["Service"], service)
    };
    match &policy["Statement"] {
        Value::Array(statements) => statements.iter().any(lets),
        statement => lets(statement),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trusted_services_are_found_in_each_form_of_a_policy() {
        assert!(trusts(&trust(&REDSHIFT), "redshift.amazonaws.com"));
        assert!(!trusts(&trust(&SCHEDULER), "redshift.amazonaws.com"));
        let single = json!({"Statement": {"Effect": "Allow", "Action": ["sts:AssumeRole"],
            "Principal": {"Service": "redshift.amazonaws.com"}}});
        assert!(trusts(&single, "redshift.amazonaws.com"));
        let denied = json!({"Statement": [{"Effect": "Deny", "Action": "sts:AssumeRole",
            "Principal": {"Service": "redshift.amazonaws.com"}}]});
        assert!(!trusts(&denied, "redshift.amazonaws.com"));
        assert!(!trusts(&Value::Null, "redshift.amazonaws.com"));
    }
}
