//! The Redshift cluster: requests, state, creation and changes.

use std::time::Duration;

use aws_sdk_redshift::operation::create_cluster::builders::CreateClusterInputBuilder;
use aws_sdk_redshift::operation::modify_cluster::builders::ModifyClusterInputBuilder;
use aws_sdk_redshift::operation::modify_cluster_iam_roles::builders::ModifyClusterIamRolesInputBuilder;
use aws_sdk_redshift::types::{Cluster, Tag};

use super::clients::{Caller, Clients};
use super::error::{ApiError, CloudError};
use super::names::Name;
use super::progress::OperationProgress;
use super::tags::{Tags, from_redshift};
use super::wait::{Change, WaitState, retry_until_found, retry_while, wait_for_cluster};

/// The specification of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterSpec {
    /// The cluster identifier.
    pub id: String,
    /// The ARN of the cluster.
    pub arn: String,
    /// The node type.
    pub node_type: String,
    /// The number of nodes.
    pub nodes: u32,
    /// The initial database.
    pub database: String,
    /// The first user, whose password AWS generates and stores.
    pub user: String,
    /// The TCP port.
    pub port: u16,
    /// `true` if the cluster is publicly accessible. `None` leaves an existing cluster as it is, and
    /// creates a new one without a public address.
    pub public: Option<bool>,
    /// The cluster subnet group, or `None` for the subnets of the default VPC.
    pub subnet_group: Option<String>,
    /// The ARN of the role that the cluster assumes to read the star.
    pub role_arn: String,
    /// The ownership tags.
    pub tags: Tags,
}

/// Redshift's name for the subnet group of the default VPC.
const DEFAULT_SUBNETS: &str = "default";

/// Returns the request that creates the cluster.
///
/// `Encrypted` is omitted: it is the default, and the service rejects any other value (Redshift API
/// Reference, CreateCluster).
pub fn create_request(spec: &ClusterSpec, group_id: &str) -> CreateClusterInputBuilder {
    let request = CreateClusterInputBuilder::default()
        .cluster_identifier(&spec.id)
        .node_type(&spec.node_type)
        .db_name(&spec.database)
        .master_username(&spec.user)
        .manage_master_password(true)
        .port(spec.port.into())
        .publicly_accessible(spec.public.unwrap_or(false))
        .set_cluster_subnet_group_name(spec.subnet_group.clone())
        .vpc_security_group_ids(group_id)
        .iam_roles(&spec.role_arn)
        .default_iam_role_arn(&spec.role_arn)
        .set_tags(Some(redshift_tags(&spec.tags)));
    match spec.nodes {
        1 => request.cluster_type("single-node"),
        nodes => request.cluster_type("multi-node").number_of_nodes(to_i32(nodes)),
    }
}

/// Returns the request that attaches the role and makes it the default role, which `IAM_ROLE default`
/// refers to.
pub fn attach_role(spec: &ClusterSpec) -> ModifyClusterIamRolesInputBuilder {
    ModifyClusterIamRolesInputBuilder::default()
        .cluster_identifier(&spec.id)
        .add_iam_roles(&spec.role_arn)
        .default_iam_role_arn(&spec.role_arn)
}

/// Returns the request that corrects the properties of a running cluster that can be changed in place, or
/// `None` if no change is needed.
pub fn modify(
    spec: &ClusterSpec,
    cluster: &Cluster,
    group_id: &str,
) -> Option<ModifyClusterInputBuilder> {
    let groups = group_ids(cluster);
    let is_in_group = groups.contains(&group_id);
    let is_public = cluster.publicly_accessible.unwrap_or_default();
    let public = spec.public.filter(|public| *public != is_public);
    if is_in_group && public.is_none() {
        return None;
    }
    let mut request = ModifyClusterInputBuilder::default().cluster_identifier(&spec.id);
    if !is_in_group {
        // The list replaces the current one, so it has to contain the groups that starlift does not manage.
        let all = groups.iter().copied().chain([group_id]).map(str::to_owned).collect();
        request = request.set_vpc_security_group_ids(Some(all));
    }
    Some(request.set_publicly_accessible(public))
}

fn group_ids(cluster: &Cluster) -> Vec<&str> {
    let groups = cluster.vpc_security_groups.as_deref().unwrap_or_default();
    groups.iter().filter_map(|group| group.vpc_security_group_id.as_deref()).collect()
}

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

/// Returns the cluster of a name, if it exists and carries the tags of that name and region.
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
    let request = clients.redshift.describe_clusters().tag_keys(super::tags::NAME);
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

/// Creates the cluster, which takes minutes to become available.
///
/// # Errors
///
/// Returns an error if AWS rejects the request or cannot be reached, or if another user creates a cluster
/// with this name at the same time.
pub async fn create(
    clients: &Clients,
    spec: &ClusterSpec,
    group_id: &str,
    progress: &OperationProgress,
) -> Result<(), CloudError> {
    let id = &spec.id;
    progress.set_step(format!("creating the cluster {id}"));
    // A new role takes a while to propagate to Redshift.
    let made = retry_while(is_unknown_role, || async {
        let sent = create_request(spec, group_id).send_with(&clients.redshift).await;
        sent.map_err(|e| ApiError::new("redshift:CreateCluster", &e))
    });
    match made.await {
        // An earlier request whose response was lost created it, or another user did.
        Err(error) if error.is("ClusterAlreadyExists") => {
            let Some(found) = retry_until_found(|| find(clients, id)).await? else {
                return Err(error.during(format!("create the cluster {id}")));
            };
            spec.tags.ensure_same_creator(tags(&found), format!("cluster {id}"))?;
            if let Some(difference) = difference(spec, &found) {
                return Err(difference);
            }
        }
        Err(error) => return Err(error.during(format!("create the cluster {id}"))),
        Ok(_) => {}
    }
    progress.note(format!("cluster {id}: being created; it incurs costs from now on"));
    Ok(())
}

/// Changes an existing cluster to match the specification.
///
/// # Errors
///
/// Returns an error if AWS rejects the request or cannot be reached.
pub async fn update(
    clients: &Clients,
    spec: &ClusterSpec,
    cluster: &Cluster,
    group_id: &str,
    limit: Duration,
    progress: &OperationProgress,
) -> Result<(), CloudError> {
    let id = &spec.id;
    let change = Change { id, limit, done: &[] };
    // Only an available cluster accepts tags (CreateTags, InvalidClusterState).
    if tags(cluster).as_ref() != Some(&spec.tags) {
        let send = || tag(clients, &spec.arn, &spec.tags);
        change.apply(clients, &format!("tag the cluster {id}"), send).await?;
    }
    if !is_attached(cluster, &spec.role_arn) {
        progress.set_step(format!("attaching the role to cluster {id}"));
        let attach = || async {
            let attached = retry_while(is_unknown_role, || async {
                let sent = attach_role(spec).send_with(&clients.redshift).await;
                sent.map_err(|e| ApiError::new("redshift:ModifyClusterIamRoles", &e))
            });
            attached.await.map(|_| ())
        };
        let action = format!("attach the role to cluster {id}");
        change.apply(clients, &action, attach).await?;
        progress.note(format!("cluster {id}: role attached"));
        wait_available(clients, id, Some(&spec.role_arn), limit, progress).await?;
    }
    if modify(spec, cluster, group_id).is_some() {
        let send = || async {
            let Some(request) = modify(spec, cluster, group_id) else { return Ok(()) };
            let sent = request.send_with(&clients.redshift).await;
            sent.map(|_| ()).map_err(|e| ApiError::new("redshift:ModifyCluster", &e))
        };
        change.apply(clients, &format!("change the cluster {id}"), send).await?;
        progress.note(format!("cluster {id}: network settings updated"));
    }
    Ok(())
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

/// Returns `true` if Redshift rejects a role because it has not propagated yet. The error is undocumented;
/// every report of it names the role.
pub(super) fn is_unknown_role(error: &ApiError) -> bool {
    let codes = ["InvalidParameterValue", "InvalidScheduledAction", "InvalidParameterCombination"];
    codes.iter().any(|code| error.is(code)) && error.message.to_lowercase().contains("role")
}

/// Sets the ownership tags of a cluster or snapshot.
pub(super) async fn tag(clients: &Clients, arn: &str, tags: &Tags) -> Result<(), ApiError> {
    let request = clients.redshift.create_tags().resource_name(arn);
    let sent = request.set_tags(Some(redshift_tags(tags))).send().await;
    sent.map(|_| ()).map_err(|e| ApiError::new("redshift:CreateTags", &e))
}

/// Returns the ARN of a cluster.
///
/// Source: Service Authorization Reference, Amazon Redshift, resource type cluster.
pub fn arn(caller: &Caller, region: &str, id: &str) -> String {
    format!("arn:{}:redshift:{region}:{}:cluster:{id}", caller.partition(), caller.account)
}

/// Waits until the cluster can be used: available, with an endpoint, and with the role in sync if one is
/// named.
///
/// # Errors
///
/// Returns an error if the cluster reaches a state that it does not leave by itself, or if it takes longer
/// than `limit`.
pub async fn wait_available(
    clients: &Clients,
    id: &str,
    role_arn: Option<&str>,
    limit: Duration,
    progress: &OperationProgress,
) -> Result<Cluster, CloudError> {
    let check = |cluster: Option<&Cluster>| availability(cluster, role_arn);
    let cluster = wait_for_cluster(clients, id, "available", limit, progress, check).await?;
    ensure_exists(cluster, id, "available")
}

/// Returns the cluster, or an error if it does not exist.
pub(super) fn ensure_exists(
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

fn availability(cluster: Option<&Cluster>, role_arn: Option<&str>) -> WaitState {
    // A new cluster may be missing from responses for a moment.
    let Some(cluster) = cluster else { return WaitState::Pending };
    let can_be_used = !matches!(
        cluster.cluster_availability_status.as_deref(),
        Some(other) if !other.eq_ignore_ascii_case("available")
    );
    let can_read = role_arn.is_none_or(|role| role_status(cluster, role) == Some("in-sync"));
    match status(cluster) {
        "available" if can_be_used && can_read && cluster.endpoint.is_some() => WaitState::Reached,
        state if is_terminal(state) => WaitState::Unreachable,
        _ => WaitState::Pending,
    }
}

/// Returns `true` for states that a cluster does not leave by itself, or leaves only to be deleted.
///
/// Source: Redshift Management Guide, Cluster status.
fn is_terminal(state: &str) -> bool {
    state.starts_with("incompatible-") || state == "hardware-failure" || is_deleting(state)
}

/// Returns `true` if a cluster in this state is being deleted.
pub(super) fn is_deleting(state: &str) -> bool {
    ["deleting", "final-snapshot"].contains(&state)
}

/// Returns `true` if a cluster in this state is changing to another, and rejects other changes until then.
pub(super) fn is_transitional(state: &str) -> bool {
    !(["available", "paused", "hardware-failure", "storage-full"].contains(&state)
        || state.starts_with("incompatible-"))
}

/// Waits until the cluster is in no transitional state.
pub(super) async fn wait_settled(
    clients: &Clients,
    id: &str,
    limit: Duration,
    progress: &OperationProgress,
) -> Result<Option<Cluster>, CloudError> {
    let check = |cluster: Option<&Cluster>| match cluster {
        Some(cluster) if is_transitional(status(cluster)) => WaitState::Pending,
        _ => WaitState::Reached,
    };
    wait_for_cluster(clients, id, "settled", limit, progress, check).await
}

/// Waits until the cluster no longer exists.
pub(super) async fn wait_deleted(
    clients: &Clients,
    id: &str,
    limit: Duration,
    progress: &OperationProgress,
) -> Result<(), CloudError> {
    // The deletion may not be visible at once, and can start from any state.
    let check = |cluster: Option<&Cluster>| match cluster {
        None => WaitState::Reached,
        Some(_) => WaitState::Pending,
    };
    wait_for_cluster(clients, id, "gone", limit, progress, check).await?;
    Ok(())
}

fn redshift_tags(tags: &Tags) -> Vec<Tag> {
    tags.pairs()
        .into_iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect()
}

fn to_i32(nodes: u32) -> i32 {
    i32::try_from(nodes).unwrap_or(i32::MAX)
}
