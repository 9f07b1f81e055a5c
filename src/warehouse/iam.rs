//! Short-lived passwords from AWS, for provisioned Redshift clusters.

use aws_sdk_redshift::Client;
use aws_sdk_redshift::config::{Builder, Region};
use aws_sdk_redshift::error::{ProvideErrorMetadata, SdkError};
use aws_types::SdkConfig;

use super::error::{Cause, WarehouseError};
use super::secret::Secret;
use super::target::Target;
use crate::cloud::error::said;

/// Asks for as long as AWS allows at least; the password is needed at the log-in only, and a new
/// one is asked for at each.
const LIFE_SECONDS: i32 = 900;

/// How AWS is asked.
#[derive(Debug, Clone)]
pub struct IamLogin {
    /// Credentials, endpoint and HTTP client of the AWS chain.
    pub sdk: SdkConfig,
    /// The cluster's identifier, where the host does not tell it.
    pub cluster: Option<String>,
    /// The region, where the host does not tell it.
    pub region: Option<String>,
}

impl IamLogin {
    /// A user name and a password for the target's user, which must exist.
    ///
    /// Source: Redshift API Reference, GetClusterCredentials.
    pub(super) async fn credentials(
        &self,
        target: &Target,
    ) -> Result<(String, Secret), WarehouseError> {
        let fail = |reason: String| WarehouseError {
            action: "get a password from AWS".to_owned(),
            target: target.to_string(),
            cause: Cause::Credentials(reason),
        };
        let cluster = self.cluster.as_deref().or(target.cluster()).ok_or_else(|| {
            fail("the host is not a cluster's own; name the cluster with --cluster".to_owned())
        })?;
        let mut config = Builder::from(&self.sdk);
        if let Some(region) = self.region.as_deref().or(target.region()) {
            config = config.region(Region::new(region.to_owned()));
        }
        let answer = Client::from_conf(config.build())
            .get_cluster_credentials()
            .cluster_identifier(cluster)
            .db_user(&target.user)
            .db_name(&target.database)
            .auto_create(false)
            .duration_seconds(LIFE_SECONDS)
            .send()
            .await
            .map_err(|e| fail(explain(&e, cluster)))?;
        match (answer.db_user, answer.db_password) {
            (Some(user), Some(password)) => Ok((user, Secret::new(password))),
            _ => Err(fail("AWS answered without a user or a password".to_owned())),
        }
    }
}

fn explain<E, R>(error: &SdkError<E, R>, cluster: &str) -> String
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
{
    format!(
        "GetClusterCredentials for cluster {cluster}: {}; it takes redshift:GetClusterCredentials on \
         the cluster's user and database",
        said(error)
    )
}
