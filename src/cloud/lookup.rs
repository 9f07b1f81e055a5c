//! Lookup of a cluster by its name: its endpoint and the role that it reads with.

use aws_sdk_redshift::types::Cluster;

use super::clients::Clients;
use super::cluster;
use super::error::CloudError;

/// The properties of a cluster that a load needs.
#[derive(Debug)]
pub struct FoundCluster {
    /// The host of its endpoint.
    pub host: String,
    /// The port of its endpoint.
    pub port: u16,
    /// The initial database.
    pub database: String,
    /// The admin user.
    pub user: String,
    /// The role that it reads with, if that is unambiguous.
    pub iam_role: Option<String>,
    /// AWS region of the cluster or workgroup.
    pub region: String,
}

/// Finds a cluster.
///
/// # Errors
///
/// Returns an error if the cluster does not exist or is not available, or if AWS rejects the request or
/// cannot be reached.
pub async fn find(clients: &Clients, id: &str) -> Result<FoundCluster, CloudError> {
    let found = cluster::find(clients, id).await?;
    let cluster = found.ok_or_else(|| CloudError::NoCluster {
        cluster: id.to_owned(),
        region: clients.region.clone(),
    })?;
    let down = || CloudError::ClusterUnavailable {
        cluster: id.to_owned(),
        state: cluster::status(&cluster).to_owned(),
    };
    if cluster::status(&cluster) == "paused" {
        return Err(down());
    }
    let endpoint = cluster.endpoint.as_ref();
    let host = endpoint.and_then(|endpoint| endpoint.address.clone()).ok_or_else(down)?;
    let port = endpoint.and_then(|endpoint| endpoint.port).and_then(|port| port.try_into().ok());
    Ok(FoundCluster {
        host,
        port: port.ok_or_else(down)?,
        database: cluster.db_name.clone().unwrap_or_default(),
        user: cluster.master_username.clone().unwrap_or_default(),
        iam_role: reading_role(&cluster),
        region: clients.region.clone(),
    })
}

/// Returns the default role of a cluster, or its only one.
pub fn reading_role(cluster: &Cluster) -> Option<String> {
    let roles = cluster.iam_roles.iter().flatten().map(|role| role.iam_role_arn.clone());
    default_or_only(cluster.default_iam_role_arn.as_deref(), roles)
}

/// Returns the default role, or the only one of `roles`.
pub(super) fn default_or_only(
    default: Option<&str>,
    roles: impl IntoIterator<Item = Option<String>>,
) -> Option<String> {
    if let Some(role) = default.filter(|role| !role.is_empty()) {
        return Some(role.to_owned());
    }
    let mut roles = roles.into_iter();
    let first = roles.next();
    first.filter(|_| roles.next().is_none()).flatten()
}
