//! State of clusters: lookup, properties and differences from the plan.

use aws_sdk_redshift::types::Cluster;

use super::requests::ClusterSpec;
use crate::cloud::clients::{Caller, Clients};
use crate::cloud::error::{ApiError, CloudError};
use crate::cloud::names::Name;
use crate::cloud::tags::{self, Tags, from_redshift};

/// Redshift's name for the subnet group of the default VPC.
const DEFAULT_SUBNETS: &str = "default";

/// Returns the first difference from the plan that cannot be changed in place.
pub fn difference(spec: &ClusterSpec, cluster: &Cluster) -> Option<CloudError> {
    let nodes = cluster.number_of_nodes.unwrap_or(1);
    let port = cluster.endpoint.as_ref().and_then(|endpoint| endpoint.port);
    let pairs = [
        ("node type", cluster.node_type.clone(), spec.node_type.clone()),
        ("number of nodes", Some(nodes.to_string()), spec.nodes.to_string()),
        ("database", cluster.db_name.clone(), spec.database.clone()),
        ("user", cluster.master_username.clone(), spec.user.clone()),
        ("port", port.map(|port| port.to_string()), spec.port.to_string()),
    ];
    let subnets = cluster.cluster_subnet_group_name.clone().filter(|group| !group.is_empty());
    let wanted = spec.subnet_group.clone().unwrap_or_else(|| DEFAULT_SUBNETS.to_owned());
    let mut pairs = pairs.into_iter().chain([("subnet group", subnets, wanted)]);
    pairs.find_map(|(what, found, wanted)| {
        let found = found.filter(|found| *found != wanted)?;
        Some(CloudError::Differs {
            what: format!("cluster {}", spec.id),
            found: format!("{what} {found}"),
            wanted,
        })
    })
}

/// Returns the cluster with this identifier, if it exists.
///
/// # Errors
///
/// Returns an error if AWS rejects the request or cannot be reached.
pub async fn find(clients: &Clients, id: &str) -> Result<Option<Cluster>, CloudError> {
    match clients.redshift.describe_clusters().cluster_identifier(id).send().await {
        Ok(answer) => Ok(answer.clusters.unwrap_or_default().into_iter().next()),
        Err(error) => {
            let error = ApiError::new("redshift:DescribeClusters", &error);
            if error.is("ClusterNotFound") {
                return Ok(None);
            }
            Err(error.during(format!("look up the cluster {id}")))
        }
    }
}

/// Returns the cluster of a name, if it exists and has the tags of that name and region.
///
/// # Errors
///
/// Returns an error if AWS rejects the request or cannot be reached.
pub async fn find_managed(clients: &Clients, name: &Name) -> Result<Option<Cluster>, CloudError> {
    let found = find(clients, name.as_str()).await?;
    Ok(found.filter(|cluster| {
        tags(cluster).is_some_and(|t| t.is_of(name) && t.region == clients.region)
    }))
}

/// Returns all clusters that carry the tag of starlift.
///
/// # Errors
///
/// Returns an error if AWS rejects the request or cannot be reached.
pub async fn list(clients: &Clients) -> Result<Vec<Cluster>, CloudError> {
    let request = clients.redshift.describe_clusters().tag_keys(tags::NAME);
    let clusters: Result<Vec<Cluster>, _> =
        request.into_paginator().items().send().try_collect().await;
    clusters.map_err(|e| ApiError::new("redshift:DescribeClusters", &e).during("list the clusters"))
}

/// Returns the ownership tags of a cluster, or `None` if starlift does not manage it.
pub fn tags(cluster: &Cluster) -> Option<Tags> {
    from_redshift(cluster.tags.as_deref())
}

/// Returns the identifier of a cluster.
pub fn id(cluster: &Cluster) -> &str {
    cluster.cluster_identifier.as_deref().unwrap_or_default()
}

/// Returns the state of a cluster: the first part of a status such as `available, prep-for-resize`.
///
/// Source: Redshift Management Guide, Cluster status.
pub fn status(cluster: &Cluster) -> &str {
    let status = cluster.cluster_status.as_deref().unwrap_or_default();
    status.split(',').next().unwrap_or(status).trim()
}

/// Returns `true` if the role is attached to the cluster or is being attached.
pub fn is_attached(cluster: &Cluster, role_arn: &str) -> bool {
    role_status(cluster, role_arn).is_some_and(|status| status != "removing")
}

/// Returns the status of a role's attachment; `in-sync` means that it is complete.
pub fn role_status<'a>(cluster: &'a Cluster, role_arn: &str) -> Option<&'a str> {
    let roles = cluster.iam_roles.as_deref().unwrap_or_default();
    let role = roles.iter().find(|role| role.iam_role_arn.as_deref() == Some(role_arn))?;
    Some(role.apply_status.as_deref().unwrap_or_default())
}

/// Returns the ARN of a cluster.
///
/// Source: Service Authorization Reference, Amazon Redshift, resource type cluster.
pub fn arn(caller: &Caller, region: &str, id: &str) -> String {
    format!("arn:{}:redshift:{region}:{}:cluster:{id}", caller.partition(), caller.account)
}

/// Returns the cluster, or an error if it does not exist.
pub(in crate::cloud) fn ensure_exists(
    found: Option<Cluster>,
    id: &str,
    wanted: &'static str,
) -> Result<Cluster, CloudError> {
    found.ok_or_else(|| CloudError::State {
        what: format!("cluster {id}"),
        state: "missing".to_owned(),
        wanted,
    })
}

/// Returns `true` for states that a cluster does not leave by itself, or leaves only to be deleted.
///
/// Source: Redshift Management Guide, Cluster status.
pub(super) fn is_terminal(state: &str) -> bool {
    state.starts_with("incompatible-") || state == "hardware-failure" || is_deleting(state)
}

/// Returns `true` if a cluster in this state is being deleted.
pub(in crate::cloud) fn is_deleting(state: &str) -> bool {
    ["deleting", "final-snapshot"].contains(&state)
}

/// Returns `true` if a cluster in this state is changing to another, and rejects other changes until then.
pub(in crate::cloud) fn is_transitional(state: &str) -> bool {
    !(["available", "paused", "hardware-failure", "storage-full"].contains(&state)
        || state.starts_with("incompatible-"))
}
