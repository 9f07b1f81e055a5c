//! Inventory of the resources that carry the tags of starlift, by name.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_redshift::types::{Cluster, ScheduledAction, Snapshot};

use super::clients::Clients;
use super::error::{ApiError, CloudError};
use super::names::Name;
use super::network::{self, FoundGroup};
use super::role::{self, FoundRole};
use super::serverless::inventory::{self as serverless, ServerlessResources};
use super::tags::{self, Tags, from_redshift, owner_tag};
use super::{cluster, schedule};

/// The resources that belong to one name.
#[derive(Debug, Clone, Default)]
pub struct ManagedResources {
    /// The roles of the cluster and of the schedule.
    pub roles: Vec<FoundRole>,
    /// The security groups.
    pub groups: Vec<FoundGroup>,
    /// The cluster with this name.
    pub cluster: Option<Cluster>,
    /// Resources that carry the tag under another name, or the tag of another region: a cluster that was
    /// renamed or restored from a snapshot, or a role that was copied.
    pub strays: Vec<String>,
    /// The scheduled action that pauses the cluster.
    pub schedule: Option<ScheduledAction>,
    /// Manual snapshots, which cost until a user deletes them.
    pub snapshots: Vec<Snapshot>,
    /// The workgroup with this name and the resources that belong to it.
    pub serverless: ServerlessResources,
    /// The reason why Redshift Serverless could not be queried, if it could not.
    pub serverless_error: Option<String>,
    /// Other regions in which roles with this name are used.
    pub other_regions: BTreeSet<String>,
}

impl ManagedResources {
    /// Returns `true` if there is nothing in this region.
    pub fn is_empty(&self) -> bool {
        let has_snapshots = !(self.snapshots.is_empty() && self.serverless.snapshots.is_empty());
        self.descriptions().is_empty() && !has_snapshots
    }

    /// Describes the resources that a teardown deletes, one line per resource.
    pub fn descriptions(&self) -> Vec<String> {
        let mut lines = Vec::new();
        lines.extend(self.cluster.iter().map(|cluster| {
            format!("cluster {} ({})", cluster::id(cluster), cluster::status(cluster))
        }));
        lines.extend(self.serverless.descriptions());
        lines.extend(self.strays().cloned());
        lines.extend(self.schedule.iter().map(|schedule| {
            format!("schedule {}", schedule.scheduled_action_name.as_deref().unwrap_or_default())
        }));
        lines.extend(self.groups.iter().map(|g| format!("security group {} ({})", g.name, g.id)));
        lines.extend(self.roles.iter().map(|role| format!("role {}", role.name)));
        lines
    }

    /// Returns the resources that carry the tags under another name, or those of another region.
    pub fn strays(&self) -> impl Iterator<Item = &String> {
        self.strays.iter().chain(&self.serverless.strays)
    }

    /// Returns the names of the snapshots.
    pub fn snapshots(&self) -> impl Iterator<Item = &str> {
        let of_namespaces = self.serverless.snapshots.iter().map(|s| s.snapshot_name.as_str());
        self.snapshots.iter().map(snapshot_id).chain(of_namespaces)
    }

    /// Returns the ownership tags: those of the cluster or workgroup if it exists, else those of a role or
    /// group.
    pub fn tags(&self) -> Option<Tags> {
        let of_cluster = self.cluster.as_ref().and_then(cluster::tags);
        let of_roles = || self.roles.iter().find_map(|role| role.tags.clone());
        let of_groups = || self.groups.iter().find_map(|group| group.tags.clone());
        let of_workgroup = || self.serverless.tags();
        of_cluster.or_else(of_workgroup).or_else(of_roles).or_else(of_groups)
    }

    /// Returns the role that the cluster assumes to read the star.
    pub fn role(&self, name: &Name, region: &str) -> Option<&FoundRole> {
        let wanted = name.role(region);
        self.roles.iter().find(|role| role.name == wanted)
    }

    /// Ensures that no resource with another name carries the tag.
    ///
    /// # Errors
    ///
    /// Returns an error for the first such resource.
    pub fn ensure_no_strays(&self, name: &Name) -> Result<(), CloudError> {
        match self.strays().next() {
            None => Ok(()),
            Some(stray) => Err(CloudError::Stray { what: stray.clone(), tag: owner_tag(name) }),
        }
    }

    fn add_cluster(&mut self, cluster: Cluster, tags: &Tags, region: &str) {
        if cluster::id(&cluster) == tags.name && tags.region == region {
            self.cluster = Some(cluster);
        } else {
            self.strays.push(format!("cluster {}", cluster::id(&cluster)));
        }
    }

    fn add_group(&mut self, group: FoundGroup, tags: &Tags, region: &str) {
        let is_named = tags.name.parse().is_ok_and(|name: Name| group.name == name.group());
        if is_named && tags.region == region {
            if !self.groups.iter().any(|known| known.id == group.id) {
                self.groups.push(group);
            }
        } else {
            self.strays.push(format!("security group {} ({})", group.name, group.id));
        }
    }

    fn add_role(&mut self, role: FoundRole, tags: &Tags) {
        let is_named = tags.name.parse().is_ok_and(|name: Name| {
            [name.role(&tags.region), name.scheduler_role(&tags.region)].contains(&role.name)
        });
        if !is_named {
            self.strays.push(format!("role {}", role.name));
        } else if !self.roles.iter().any(|known| known.name == role.name) {
            self.roles.push(role);
        }
    }
}

/// Returns the identifier of a snapshot.
pub fn snapshot_id(snapshot: &Snapshot) -> &str {
    snapshot.snapshot_identifier.as_deref().unwrap_or_default()
}

/// The resources of all names.
#[derive(Debug, Default)]
pub struct Inventory {
    /// The resources of each name.
    pub resources: BTreeMap<String, ManagedResources>,
    /// The reason why Redshift Serverless could not be queried, if it could not. A user of clusters only
    /// may lack the permission, and some regions lack the service.
    pub serverless_error: Option<CloudError>,
}

/// Returns all resources in the region that carry the tags of starlift, by name.
///
/// # Errors
///
/// Returns an error if AWS rejects the request or cannot be reached.
pub async fn list_resources(clients: &Clients) -> Result<Inventory, CloudError> {
    let mut resources = list_cluster_resources(clients).await?;
    let serverless_error = match serverless::list_resources(clients).await {
        Ok(found) => {
            for (name, of_name) in found {
                resources.entry(name).or_default().serverless = of_name;
            }
            None
        }
        Err(error) => Some(tolerate(error)?),
    };
    Ok(Inventory { resources, serverless_error })
}

/// Returns the error of a query of Redshift Serverless as a value if permission was denied or if there was
/// no response, and propagates any other error.
fn tolerate(error: CloudError) -> Result<CloudError, CloudError> {
    match &error {
        CloudError::Api { source, .. } if source.is_denied() || source.code.is_none() => Ok(error),
        _ => Err(error),
    }
}

/// Returns the same without workgroups.
async fn list_cluster_resources(
    clients: &Clients,
) -> Result<BTreeMap<String, ManagedResources>, CloudError> {
    let mut found: BTreeMap<String, ManagedResources> = BTreeMap::new();
    for role in role::list(clients).await? {
        let Some(tags) = role.tags.clone() else { continue };
        let resources = found.entry(tags.name.clone()).or_default();
        if tags.region == clients.region {
            resources.add_role(role, &tags);
        } else {
            resources.other_regions.insert(tags.region);
        }
    }
    for group in network::groups(clients, &network::find_groups()).await? {
        if let Some(tags) = group.tags.clone() {
            let resources = found.entry(tags.name.clone()).or_default();
            resources.add_group(group, &tags, &clients.region);
        }
    }
    for cluster in cluster::list(clients).await? {
        if let Some(tags) = cluster::tags(&cluster) {
            let resources = found.entry(tags.name.clone()).or_default();
            resources.add_cluster(cluster, &tags, &clients.region);
        }
    }
    for snapshot in snapshots(clients).await? {
        if let Some(tags) = from_redshift(snapshot.tags.as_deref()) {
            found.entry(tags.name).or_default().snapshots.push(snapshot);
        }
    }
    for action in schedule::list(clients).await? {
        if let Some(name) = schedule::owner(&action) {
            found.entry(name.to_string()).or_default().schedule = Some(action);
        }
    }
    Ok(found)
}

/// Returns the resources of one name: those in the listings, and those found by name, because listings can
/// lag behind.
///
/// # Errors
///
/// Returns an error if AWS rejects the request or cannot be reached.
pub async fn find_resources(
    clients: &Clients,
    name: &Name,
) -> Result<ManagedResources, CloudError> {
    let mut inventory = list_resources(clients).await?;
    let mut resources = inventory.resources.remove(name.as_str()).unwrap_or_default();
    let serverless_error = match inventory.serverless_error {
        None => serverless::complete(clients, &mut resources.serverless, name).await.err(),
        serverless_error => serverless_error,
    };
    // Without a response, it is unknown whether resources remain.
    if let Some(error) = serverless_error {
        match &error {
            CloudError::Api { source, .. } if source.is_denied() => {
                resources.serverless_error = Some(source.to_string());
            }
            _ => return Err(error),
        }
    }
    for role in [name.role(&clients.region), name.scheduler_role(&clients.region)] {
        let role = role::find(clients, &role).await?;
        let Some(role) = role else { continue };
        if let Some(tags) = role.tags.clone().filter(|tags| tags.is_of(name)) {
            resources.add_role(role, &tags);
        }
    }
    if resources.cluster.is_none() {
        resources.cluster = cluster::find_managed(clients, name).await?;
    }
    for group in network::groups(clients, &network::find_groups_named(&name.group())).await? {
        if let Some(tags) = group.tags.clone().filter(|tags| tags.is_of(name)) {
            resources.add_group(group, &tags, &clients.region);
        }
    }
    if resources.schedule.is_none() {
        let found = schedule::find(clients, &name.schedule()).await?;
        resources.schedule = found.filter(|found| schedule::owner(found).as_ref() == Some(name));
    }
    Ok(resources)
}

async fn snapshots(clients: &Clients) -> Result<Vec<Snapshot>, CloudError> {
    let request = clients.redshift.describe_cluster_snapshots();
    // Redshift deletes automated snapshots with their cluster.
    let request = request.snapshot_type("manual").tag_keys(tags::NAME);
    let snapshots: Result<Vec<Snapshot>, _> =
        request.into_paginator().items().send().try_collect().await;
    snapshots.map_err(|e| {
        ApiError::new("redshift:DescribeClusterSnapshots", &e).during("list the snapshots")
    })
}

/// Returns the snapshot with this name, if it exists.
///
/// # Errors
///
/// Returns an error if AWS rejects the request or cannot be reached.
pub async fn find_snapshot(clients: &Clients, id: &str) -> Result<Option<Snapshot>, CloudError> {
    let request = clients.redshift.describe_cluster_snapshots().snapshot_identifier(id);
    match request.send().await {
        Ok(answer) => Ok(answer.snapshots.unwrap_or_default().into_iter().next()),
        Err(error) => {
            let error = ApiError::new("redshift:DescribeClusterSnapshots", &error);
            if error.is("ClusterSnapshotNotFound") {
                return Ok(None);
            }
            Err(error.during(format!("look up the snapshot {id}")))
        }
    }
}
