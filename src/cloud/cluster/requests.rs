//! Requests that create and change a cluster.

use aws_sdk_redshift::operation::create_cluster::builders::CreateClusterInputBuilder;
use aws_sdk_redshift::operation::modify_cluster::builders::ModifyClusterInputBuilder;
use aws_sdk_redshift::operation::modify_cluster_iam_roles::builders::ModifyClusterIamRolesInputBuilder;
use aws_sdk_redshift::types::{Cluster, Tag};

use crate::cloud::tags::Tags;

/// The specification of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterSpec {
    /// The cluster identifier.
    pub id: String,
    /// The ARN of the cluster.
    pub arn: String,
    /// Type of each node, such as `ra3.large`.
    pub node_type: String,
    /// The number of nodes.
    pub nodes: u32,
    /// The initial database.
    pub database: String,
    /// The admin user, whose password AWS generates and stores.
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

/// Converts tags to the form of requests.
pub(super) fn redshift_tags(tags: &Tags) -> Vec<Tag> {
    tags.pairs()
        .into_iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect()
}

fn to_i32(nodes: u32) -> i32 {
    i32::try_from(nodes).unwrap_or(i32::MAX)
}
