//! Temporary passwords from AWS for Redshift clusters and Redshift Serverless workgroups.

use aws_sdk_redshift::Client;
use aws_sdk_redshift::config::{Builder, Region};
use aws_types::SdkConfig;
use secrecy::ExposeSecret;

use crate::cloud::error::ApiError;
use crate::cloud::serverless;
use crate::warehouse::connection::secret::Secret;
use crate::warehouse::connection::target::Target;
use crate::warehouse::error::{Cause, WarehouseError};

/// Lifetime of a password in seconds, the shortest that AWS allows. The password is needed only at
/// login, and each login requests a new one.
const LIFE_SECONDS: i32 = 900;

/// Settings for requesting a temporary password from AWS.
#[derive(Debug, Clone)]
pub struct IamLogin {
    /// Credentials, endpoint and HTTP client from the AWS configuration chain.
    pub sdk: SdkConfig,
    /// Identifier of the cluster; `None` to take it from the host.
    pub cluster: Option<String>,
    /// Name of the workgroup; `None` to take it from the host.
    pub workgroup: Option<String>,
    /// AWS region; `None` to take it from the host or the AWS configuration.
    pub region: Option<String>,
    /// The database user to log in as.
    pub user: IamUser,
}

/// The database user that a password is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IamUser {
    /// The target's user, which must exist. A workgroup instead derives the user from the IAM
    /// identity, as for [`IamUser::Identity`], and rejects groups.
    Named {
        /// Database groups that the user joins for the session.
        groups: Vec<String>,
    },
    /// The user that the caller's IAM identity maps to; AWS creates it.
    Identity,
}

impl IamLogin {
    /// Requests a user name and a temporary password from AWS.
    ///
    /// Source: Redshift API Reference, GetClusterCredentials and GetClusterCredentialsWithIAM;
    /// Redshift Serverless API Reference, GetCredentials.
    pub(super) async fn credentials(
        &self,
        target: &Target,
    ) -> Result<(String, Secret), WarehouseError> {
        let fail = |reason: String| WarehouseError {
            action: "get a password from AWS".to_owned(),
            target: target.to_string(),
            cause: Cause::Credentials(reason),
        };
        if self.cluster.is_none()
            && let Some(workgroup) = self.workgroup.as_deref().or(target.workgroup())
        {
            return self.of_workgroup(target, workgroup).await.map_err(fail);
        }
        let cluster = self.cluster.as_deref().or(target.cluster()).ok_or_else(|| {
            fail(
                "the host contains neither a cluster nor a workgroup; specify one with --cluster or --workgroup"
                    .to_owned(),
            )
        })?;
        let answer = match &self.user {
            IamUser::Named { groups } => self.of_user(target, cluster, groups).await,
            IamUser::Identity => self.of_identity(target, cluster).await,
        };
        match answer.map_err(|error| fail(explain(&error, &format!("cluster {cluster}"))))? {
            (Some(user), Some(password)) => Ok((user, Secret::new(password))),
            _ => Err(fail("the response of AWS lacks a user or a password".to_owned())),
        }
    }

    fn client(&self, target: &Target) -> Client {
        let mut config = Builder::from(&self.sdk);
        if let Some(region) = self.region.as_deref().or(target.region()) {
            config = config.region(Region::new(region.to_owned()));
        }
        Client::from_conf(config.build())
    }

    async fn of_user(
        &self,
        target: &Target,
        cluster: &str,
        groups: &[String],
    ) -> Result<(Option<String>, Option<String>), ApiError> {
        let request = self
            .client(target)
            .get_cluster_credentials()
            .cluster_identifier(cluster)
            .db_user(&target.user)
            .db_name(&target.database)
            .auto_create(false)
            .set_db_groups((!groups.is_empty()).then(|| groups.to_vec()))
            .duration_seconds(LIFE_SECONDS);
        let answer = request.send().await;
        let answer = answer.map_err(|e| ApiError::new("redshift:GetClusterCredentials", &e))?;
        Ok((answer.db_user, answer.db_password))
    }

    async fn of_identity(
        &self,
        target: &Target,
        cluster: &str,
    ) -> Result<(Option<String>, Option<String>), ApiError> {
        let request = self
            .client(target)
            .get_cluster_credentials_with_iam()
            .cluster_identifier(cluster)
            .db_name(&target.database)
            .duration_seconds(LIFE_SECONDS);
        let answer = request.send().await;
        let answer =
            answer.map_err(|e| ApiError::new("redshift:GetClusterCredentialsWithIAM", &e))?;
        Ok((answer.db_user, answer.db_password))
    }

    async fn of_workgroup(
        &self,
        target: &Target,
        workgroup: &str,
    ) -> Result<(String, Secret), String> {
        if matches!(&self.user, IamUser::Named { groups } if !groups.is_empty()) {
            return Err(format!(
                "the workgroup {workgroup} derives the user from the IAM identity, so database \
                 groups cannot be requested; tag the identity with RedshiftDbRoles instead"
            ));
        }
        let configured = self.sdk.region().map(|region| region.as_ref());
        let region = self.region.as_deref().or(target.region()).or(configured);
        let region = region.ok_or("no AWS region is configured; specify one with --region")?;
        let answer =
            serverless::credentials(&self.sdk, region, workgroup, &target.database, LIFE_SECONDS)
                .await
                .map_err(|error| explain(&error, &format!("workgroup {workgroup}")))?;
        Ok((answer.db_user, Secret::new(answer.db_password.expose_secret().to_owned())))
    }
}

fn explain(error: &ApiError, of: &str) -> String {
    let operation = error.operation.rsplit(':').next().unwrap_or_default();
    format!(
        "{operation} for {of}: {}; the caller needs permission for {}",
        error.message, error.operation
    )
}
