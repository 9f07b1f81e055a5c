//! What is there: everything that carries our tags, by the name it belongs to.

use std::collections::BTreeMap;

use aws_sdk_redshift::types::{Cluster, ScheduledAction, Snapshot};

use super::clients::Clients;
use super::error::{ApiError, CloudError};
use super::names::Name;
use super::network::{self, FoundGroup};
use super::role::{self, FoundRole};
use super::tags::{self, Tags};
use super::{cluster, schedule};

/// What belongs to one name.
#[derive(Debug, Clone, Default)]
pub struct Estate {
    /// Roles: of the cluster, and of the schedule.
    pub roles: Vec<FoundRole>,
    /// Security groups.
    pub groups: Vec<FoundGroup>,
    /// The cluster.
    pub cluster: Option<Cluster>,
    /// The scheduled action that stops it.
    pub schedule: Option<ScheduledAction>,
    /// Snapshots that somebody took: they cost until somebody removes them.
    pub snapshots: Vec<Snapshot>,
}

impl Estate {
    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.inventory().is_empty()
    }

    /// What there is, a line a resource.
    pub fn inventory(&self) -> Vec<String> {
        let mut lines = Vec::new();
        lines.extend(self.cluster.iter().map(|cluster| {
            let id = cluster.cluster_identifier.as_deref().unwrap_or_default();
            format!("cluster {id} ({})", cluster::status(cluster))
        }));
        lines.extend(self.schedule.iter().map(|schedule| {
            format!("schedule {}", schedule.scheduled_action_name.as_deref().unwrap_or_default())
        }));
        lines.extend(self.groups.iter().map(|g| format!("security group {} ({})", g.name, g.id)));
        lines.extend(self.roles.iter().map(|role| format!("role {}", role.name)));
        lines.extend(self.snapshots.iter().map(|s| format!("snapshot {}", snapshot_id(s))));
        lines
    }

    /// What the tags of its parts say: those of the cluster before those of the rest.
    pub fn tags(&self) -> Option<Tags> {
        let of_cluster = self.cluster.as_ref().and_then(cluster::tags);
        let of_roles = || self.roles.iter().find_map(|role| role.tags.clone());
        let of_groups = || self.groups.iter().find_map(|group| group.tags.clone());
        of_cluster.or_else(of_roles).or_else(of_groups)
    }

    /// The role in which the cluster reads the star.
    pub fn role(&self, name: &Name, region: &str) -> Option<&FoundRole> {
        let wanted = name.role(region);
        self.roles.iter().find(|role| role.name == wanted)
    }

    /// The role in which AWS stops the cluster.
    pub fn scheduler_role(&self, name: &Name, region: &str) -> Option<&FoundRole> {
        let wanted = name.scheduler_role(region);
        self.roles.iter().find(|role| role.name == wanted)
    }
}

/// The identifier of a snapshot.
pub fn snapshot_id(snapshot: &Snapshot) -> &str {
    snapshot.snapshot_identifier.as_deref().unwrap_or_default()
}

/// Everything in the region that carries our tags, by the name it belongs to.
///
/// # Errors
///
/// If AWS refuses or cannot be asked.
pub async fn survey(clients: &Clients) -> Result<BTreeMap<String, Estate>, CloudError> {
    let mut found: BTreeMap<String, Estate> = BTreeMap::new();
    for role in role::list(clients).await? {
        if let Some(tags) = role.tags.clone().filter(|tags| tags.region == clients.region) {
            found.entry(tags.name).or_default().roles.push(role);
        }
    }
    for group in network::groups(clients, &network::find_groups()).await? {
        if let Some(tags) = group.tags.clone() {
            found.entry(tags.name).or_default().groups.push(group);
        }
    }
    for cluster in cluster::list(clients).await? {
        if let Some(tags) = cluster::tags(&cluster) {
            found.entry(tags.name).or_default().cluster = Some(cluster);
        }
    }
    for snapshot in snapshots(clients).await? {
        let tags = snapshot.tags.as_deref().unwrap_or_default();
        let pairs = tags.iter().filter_map(|tag| tag.key.as_deref().zip(tag.value.as_deref()));
        if let Some(tags) = Tags::read(pairs) {
            found.entry(tags.name).or_default().snapshots.push(snapshot);
        }
    }
    for action in schedule::list(clients).await? {
        if let Some(name) = owner(&action) {
            found.entry(name.to_string()).or_default().schedule = Some(action);
        }
    }
    Ok(found)
}

/// What belongs to one name.
///
/// # Errors
///
/// If AWS refuses or cannot be asked.
pub async fn survey_of(clients: &Clients, name: &Name) -> Result<Estate, CloudError> {
    Ok(survey(clients).await?.remove(name.as_str()).unwrap_or_default())
}

async fn snapshots(clients: &Clients) -> Result<Vec<Snapshot>, CloudError> {
    let request = clients.redshift.describe_cluster_snapshots();
    // Automated ones go with their cluster.
    let request = request.snapshot_type("manual").tag_keys(tags::NAME);
    let snapshots: Result<Vec<Snapshot>, _> =
        request.into_paginator().items().send().try_collect().await;
    snapshots.map_err(|e| {
        ApiError::new("redshift:DescribeClusterSnapshots", &e).during("list the snapshots")
    })
}

/// Scheduled actions have no tags: one is ours that has our name and pauses the cluster of it.
fn owner(action: &ScheduledAction) -> Option<Name> {
    let name: Name = schedule::paused_cluster(action)?.parse().ok()?;
    (action.scheduled_action_name.as_deref()? == name.schedule()).then_some(name)
}
