//! Permissions of a role, evaluated by AWS.

use aws_sdk_iam::operation::simulate_principal_policy::builders::SimulatePrincipalPolicyInputBuilder;
use aws_sdk_iam::types::{ContextEntry, ContextKeyTypeEnum, PolicyEvaluationDecisionType};

use super::clients::Clients;
use super::error::ApiError;
use super::policy::StarLocation;

/// The result of a check of a role's permission to read the star.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Permission {
    /// The role has all permissions that a load needs.
    Granted,
    /// The role lacks the permission for these actions.
    Missing(Vec<String>),
}

/// Returns the request that evaluates whether a role may perform `action` on a resource.
pub fn simulate(
    role_arn: &str,
    action: &str,
    resource: &str,
) -> SimulatePrincipalPolicyInputBuilder {
    SimulatePrincipalPolicyInputBuilder::default()
        .policy_source_arn(role_arn)
        .action_names(action)
        .resource_arns(resource)
}

/// Checks that a role may read the star, list it, locate its bucket, and decrypt with its key.
///
/// # Errors
///
/// Returns an error if AWS rejects the request or cannot be reached.
pub async fn check_read(
    clients: &Clients,
    role_arn: &str,
    star: &StarLocation,
    kms_key: Option<&str>,
) -> Result<Permission, ApiError> {
    let partition = role_arn.split(':').nth(1).unwrap_or("aws");
    let bucket = format!("arn:{partition}:s3:::{}", star.bucket);
    let below = |key: &str| match star.prefix.as_str() {
        "" => key.to_owned(),
        prefix => format!("{prefix}/{key}"),
    };
    let object = format!("{bucket}/{}", below("table.manifest"));
    let prefix = ContextEntry::builder()
        .context_key_name("s3:prefix")
        .context_key_type(ContextKeyTypeEnum::String)
        .context_key_values(below(""))
        .build();
    let mut requests = vec![
        ("s3:GetObject", simulate(role_arn, "s3:GetObject", &object)),
        ("s3:ListBucket", simulate(role_arn, "s3:ListBucket", &bucket).context_entries(prefix)),
        ("s3:GetBucketLocation", simulate(role_arn, "s3:GetBucketLocation", &bucket)),
    ];
    if let Some(key) = kms_key {
        requests.push(("kms:Decrypt", simulate(role_arn, "kms:Decrypt", key)));
    }
    let mut missing = Vec::new();
    for (action, request) in requests {
        let answer = request.send_with(&clients.iam).await;
        let answer = answer.map_err(|e| ApiError::new("iam:SimulatePrincipalPolicy", &e))?;
        let results = answer.evaluation_results.unwrap_or_default();
        let allowed = |decision: &_| *decision == PolicyEvaluationDecisionType::Allowed;
        if results.is_empty() || !results.iter().all(|result| allowed(&result.eval_decision)) {
            missing.push(action.to_owned());
        }
    }
    Ok(if missing.is_empty() { Permission::Granted } else { Permission::Missing(missing) })
}
