//! Clients of the AWS services, and the identity of the caller.

use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_sdk_redshift::config::Region;
use aws_types::SdkConfig;
use tokio::sync::OnceCell;

use super::ec2::Ec2;
use super::error::{ApiError, CloudError};
use super::names::ROLE_PATH;
use crate::error::causes;
use crate::storage::{StoreOptions, aws_config};

/// Clients for one region, with the credentials of the AWS provider chain.
#[derive(Debug)]
pub struct Clients {
    /// AWS region of all requests, such as `eu-west-1`.
    pub region: String,
    /// The client for roles.
    pub iam: aws_sdk_iam::Client,
    /// The client for clusters.
    pub redshift: aws_sdk_redshift::Client,
    /// The client for security groups and VPCs.
    pub ec2: Ec2,
    sts: aws_sdk_sts::Client,
    sdk: SdkConfig,
    caller: OnceCell<Caller>,
}

/// The identity that the credentials belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The account ID.
    pub account: String,
    /// The ARN of the user or role.
    pub arn: String,
}

impl Caller {
    /// Returns the AWS partition, such as `aws` or `aws-cn`.
    pub fn partition(&self) -> &str {
        self.arn.split(':').nth(1).filter(|part| !part.is_empty()).unwrap_or("aws")
    }

    /// Returns the ARN of a role below the path of starlift.
    pub fn role_arn(&self, role: &str) -> String {
        format!("arn:{}:iam::{}:role{ROLE_PATH}{role}", self.partition(), self.account)
    }
}

/// Returns the credentials of the provider chain, for use by `operation`.
///
/// # Errors
///
/// Returns an error if there are none.
pub(super) async fn credentials(
    sdk: &SdkConfig,
    operation: &'static str,
) -> Result<Credentials, ApiError> {
    let none = |message| ApiError { operation, code: None, message };
    let provider = sdk.credentials_provider();
    let provider = provider.ok_or_else(|| none("there are no credentials".to_owned()))?;
    provider.provide_credentials().await.map_err(|error| {
        // The outer errors only state that there is an inner one.
        let root = causes(&error).last().unwrap_or(&error);
        none(format!("there are no credentials: {root}"))
    })
}

impl Clients {
    /// Creates the clients. Sends no request except those that resolve the settings of the provider chain.
    ///
    /// # Errors
    ///
    /// Returns an error if no region is configured.
    pub async fn connect(options: &StoreOptions) -> Result<Clients, CloudError> {
        // Unsigned requests work for public buckets only.
        let options = StoreOptions { no_sign_request: false, ..options.clone() };
        let mut sdk = aws_config(&options).await;
        if let Some(region) = options.cluster_region.as_ref().or(options.region.as_ref()) {
            sdk = sdk.into_builder().region(Region::new(region.clone())).build();
        }
        let region = sdk.region().ok_or(CloudError::NoRegion)?.to_string();
        Ok(Clients {
            iam: aws_sdk_iam::Client::new(&sdk),
            redshift: aws_sdk_redshift::Client::new(&sdk),
            ec2: Ec2::new(&sdk, &region),
            sts: aws_sdk_sts::Client::new(&sdk),
            region,
            sdk,
            caller: OnceCell::new(),
        })
    }

    /// Returns the identity of the credentials, which is queried once.
    ///
    /// # Errors
    ///
    /// Returns an error if there are no credentials or AWS rejects them.
    pub async fn caller(&self) -> Result<Caller, CloudError> {
        self.caller.get_or_try_init(|| self.query_caller()).await.cloned()
    }

    async fn query_caller(&self) -> Result<Caller, CloudError> {
        let action = "identify the owner of the credentials";
        let operation = "sts:GetCallerIdentity";
        credentials(&self.sdk, operation).await.map_err(|e| e.during(action))?;
        let answer = self.sts.get_caller_identity().send().await;
        let answer = answer.map_err(|e| ApiError::new(operation, &e).during(action))?;
        Ok(Caller {
            account: answer.account.unwrap_or_default(),
            arn: answer.arn.unwrap_or_default(),
        })
    }

    pub(super) fn sdk(&self) -> &SdkConfig {
        &self.sdk
    }
}
