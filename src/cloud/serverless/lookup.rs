//! Lookup of workgroups for loads: their endpoints, the roles that they read with, and short-lived passwords.
//!
//! Source: Redshift Serverless API Reference, GetWorkgroup, GetNamespace and GetCredentials.

use aws_types::SdkConfig;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::json;

use super::api::{GET_CREDENTIALS, GET_NAMESPACE, GET_WORKGROUP};
use crate::cloud::clients::Clients;
use crate::cloud::error::{ApiError, CloudError};
use crate::cloud::json::{SERVERLESS, send};
use crate::cloud::lookup::{FoundCluster, default_or_only};

/// A user name and its password, as AWS returns them.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Credentials {
    /// The database user that the caller is mapped to, such as `IAM:ann` or `IAMR:loader`.
    pub db_user: String,
    /// Temporary password of the user.
    pub db_password: SecretString,
}

#[derive(Deserialize)]
struct GotWorkgroup {
    workgroup: Workgroup,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Workgroup {
    namespace_name: String,
    status: String,
    endpoint: Option<Endpoint>,
}

#[derive(Deserialize)]
struct Endpoint {
    address: Option<String>,
    port: Option<u16>,
}

#[derive(Deserialize)]
struct GotNamespace {
    namespace: Namespace,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Namespace {
    db_name: Option<String>,
    default_iam_role_arn: Option<String>,
    #[serde(default)]
    iam_roles: Vec<String>,
}

/// Finds a workgroup by its name. The user of the result is empty, because AWS derives it from the caller's
/// identity at each login.
///
/// # Errors
///
/// Returns an error if there is no such workgroup or it is not available, or if AWS rejects the request or
/// cannot be reached.
pub async fn find(clients: &Clients, name: &str) -> Result<FoundCluster, CloudError> {
    let service = (&SERVERLESS, clients.sdk(), clients.region.as_str());
    let sent = send(service, &GET_WORKGROUP, &json!({ "workgroupName": name })).await;
    let GotWorkgroup { workgroup } = sent.map_err(|error: ApiError| {
        if error.is("ResourceNotFoundException") {
            let region = clients.region.clone();
            return CloudError::NoWorkgroup { workgroup: name.to_owned(), region };
        }
        error.during(format!("look up the workgroup {name}"))
    })?;
    let endpoint =
        workgroup.endpoint.and_then(|endpoint| Some((endpoint.address?, endpoint.port?)));
    let (host, port) = match endpoint {
        Some(endpoint) if workgroup.status == "AVAILABLE" => endpoint,
        _ => {
            let state = workgroup.status.to_ascii_lowercase();
            return Err(CloudError::WorkgroupUnavailable { workgroup: name.to_owned(), state });
        }
    };
    let request = json!({ "namespaceName": workgroup.namespace_name });
    let sent = send(service, &GET_NAMESPACE, &request).await;
    let GotNamespace { namespace } = sent.map_err(|error: ApiError| {
        error.during(format!("look up the namespace {}", workgroup.namespace_name))
    })?;
    Ok(FoundCluster {
        host,
        port,
        iam_role: namespace.reading_role(),
        database: namespace.db_name.unwrap_or_else(|| "dev".to_owned()),
        user: String::new(),
        region: clients.region.clone(),
    })
}

/// Returns a password for the database user that the caller is mapped to, valid for `seconds`. The user is
/// created at its first login.
///
/// # Errors
///
/// Returns an error if AWS rejects the request or cannot be reached.
pub async fn credentials(
    sdk: &SdkConfig,
    region: &str,
    workgroup: &str,
    database: &str,
    seconds: i32,
) -> Result<Credentials, ApiError> {
    let request =
        json!({ "workgroupName": workgroup, "dbName": database, "durationSeconds": seconds });
    send((&SERVERLESS, sdk, region), &GET_CREDENTIALS, &request).await
}

impl Namespace {
    /// Returns the default role, or the only role.
    fn reading_role(&self) -> Option<String> {
        let roles = self.iam_roles.iter().map(|listed| role_arn(listed));
        default_or_only(self.default_iam_role_arn.as_deref(), roles)
    }
}

/// Returns the ARN of a role in a listing, which is the ARN itself or
/// `IamRole(applyStatus=…, iamRoleArn=ARN)`.
pub(super) fn role_arn(listed: &str) -> Option<String> {
    let start = listed.find("arn:")?;
    let arn = listed[start..].split([',', ')', ' ']).next()?;
    Some(arn.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_role_is_the_default_or_the_only_one() {
        let role = |default: &str, listed: &[&str]| {
            let namespace = json!({ "defaultIamRoleArn": default, "iamRoles": listed });
            serde_json::from_value::<Namespace>(namespace).unwrap().reading_role()
        };
        let arn = "arn:aws:iam::1:role/copy";
        let listed = format!("IamRole(applyStatus=in-sync, iamRoleArn={arn})");
        assert_eq!(role("", &[&listed]).as_deref(), Some(arn));
        assert_eq!(role("", &[arn]).as_deref(), Some(arn));
        assert_eq!(role("", &[arn, &listed]), None);
        assert_eq!(role(arn, &["arn:aws:iam::1:role/other"]).as_deref(), Some(arn));
    }

    #[test]
    fn a_password_is_not_in_the_debug_form() {
        let answer = r#"{"dbUser":"IAM:ann","dbPassword":"open sesame","expiration":1.7e9}"#;
        let credentials: Credentials = serde_json::from_str(answer).unwrap();
        assert!(!format!("{credentials:?}").contains("sesame"));
    }
}
