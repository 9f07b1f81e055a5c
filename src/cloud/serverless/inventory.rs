//! Inventory of Redshift Serverless: all resources with the tags of starlift, by name.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::json;

use super::api::{self, call, existing};
use super::limit::{self, FoundLimit};
use super::namespace::{self, Namespace};
use super::resource;
use super::workgroup::{self, Workgroup};
use crate::cloud::clients::Clients;
use crate::cloud::error::CloudError;
use crate::cloud::names::Name;
use crate::cloud::tags::Tags;

/// The resources of one name.
#[derive(Debug, Clone, Default)]
pub struct ServerlessResources {
    /// The workgroup of this name.
    pub workgroup: Option<Workgroup>,
    /// The limits of its compute.
    pub limits: Vec<FoundLimit>,
    /// The namespace of this name.
    pub namespace: Option<Namespace>,
    /// Resources with the tag of this name that have another name or the tag of another region.
    pub strays: Vec<String>,
    /// Manual snapshots, which AWS charges for until they are deleted.
    pub snapshots: Vec<Snapshot>,
}

/// A snapshot of a namespace.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// Name, unique within the account and region.
    pub snapshot_name: String,
    /// ARN, which tags refer to.
    #[serde(default)]
    pub snapshot_arn: String,
    /// Name of the namespace that the snapshot belongs to.
    #[serde(default)]
    pub namespace_name: String,
}

#[derive(Deserialize)]
struct GotSnapshot {
    snapshot: Snapshot,
}

impl ServerlessResources {
    /// Returns `true` if there is neither a workgroup nor a namespace.
    pub fn is_empty(&self) -> bool {
        self.workgroup.is_none() && self.namespace.is_none()
    }

    /// Returns the resources that a teardown removes, one line per resource.
    pub fn descriptions(&self) -> Vec<String> {
        let state = |status: &str| status.to_ascii_lowercase();
        let mut lines = Vec::new();
        if let Some(found) = &self.workgroup {
            let name = &found.workgroup_name;
            lines.push(format!("workgroup {name} ({})", state(&found.status)));
            lines.extend(self.limits.iter().map(|l| format!("usage limit of {name} ({l})")));
        }
        lines.extend(
            self.namespace.iter().map(|found| {
                format!("namespace {} ({})", found.namespace_name, state(&found.status))
            }),
        );
        lines
    }

    /// Returns the tags of its resources.
    pub fn tags(&self) -> Option<Tags> {
        let of_workgroup = self.workgroup.as_ref().and_then(|found| found.tags.clone());
        of_workgroup.or_else(|| self.namespace.as_ref().and_then(|found| found.tags.clone()))
    }

    fn add_workgroup(&mut self, found: Workgroup, tags: &Tags, region: &str) {
        if found.workgroup_name == tags.name && tags.region == region {
            self.workgroup = Some(found);
        } else {
            self.strays.push(format!("workgroup {}", found.workgroup_name));
        }
    }

    fn add_namespace(&mut self, found: Namespace, tags: &Tags, region: &str) {
        if found.namespace_name == tags.name && tags.region == region {
            self.namespace = Some(found);
        } else {
            self.strays.push(format!("namespace {}", found.namespace_name));
        }
    }
}

/// Returns all resources in the region with the tags of starlift, by name.
///
/// # Errors
///
/// Returns an error if AWS rejects the request or cannot be reached.
pub async fn list_resources(
    clients: &Clients,
) -> Result<BTreeMap<String, ServerlessResources>, CloudError> {
    let mut all: BTreeMap<String, ServerlessResources> = BTreeMap::new();
    for mut found in workgroup::list(clients).await? {
        found.tags = api::tags(clients, &found.workgroup_arn).await?;
        if let Some(tags) = found.tags.clone() {
            let resources = all.entry(tags.name.clone()).or_default();
            resources.add_workgroup(found, &tags, &clients.region);
        }
    }
    for mut found in namespace::list(clients).await? {
        found.tags = api::tags(clients, &found.namespace_arn).await?;
        if let Some(tags) = found.tags.clone() {
            let resources = all.entry(tags.name.clone()).or_default();
            resources.add_namespace(found, &tags, &clients.region);
        }
    }
    for snapshot in snapshots(clients).await? {
        if let Some(tags) = api::tags(clients, &snapshot.snapshot_arn).await? {
            all.entry(tags.name).or_default().snapshots.push(snapshot);
        }
    }
    for resources in all.values_mut() {
        add_limits(clients, resources).await?;
    }
    Ok(all)
}

/// Adds the resources of one name that are found by name, because listings may lag behind.
///
/// # Errors
///
/// Returns an error if AWS rejects the request or cannot be reached.
pub async fn complete(
    clients: &Clients,
    resources: &mut ServerlessResources,
    name: &Name,
) -> Result<(), CloudError> {
    let is_managed = |tags: Option<&Tags>| {
        tags.is_some_and(|tags| tags.is_of(name) && tags.region == clients.region)
    };
    if resources.workgroup.is_none() {
        let found = resource::find::<Workgroup>(clients, name.as_str()).await?;
        resources.workgroup = found.filter(|found| is_managed(found.tags.as_ref()));
        add_limits(clients, resources).await?;
    }
    if resources.namespace.is_none() {
        let found = resource::find::<Namespace>(clients, name.as_str()).await?;
        resources.namespace = found.filter(|found| is_managed(found.tags.as_ref()));
    }
    Ok(())
}

async fn add_limits(
    clients: &Clients,
    resources: &mut ServerlessResources,
) -> Result<(), CloudError> {
    if let Some(found) = &resources.workgroup {
        resources.limits = limit::list(clients, Some(&found.workgroup_arn)).await?;
    }
    Ok(())
}

async fn snapshots(clients: &Clients) -> Result<Vec<Snapshot>, CloudError> {
    let found = api::list(clients, &api::LIST_SNAPSHOTS, "snapshots", json!({})).await;
    found.map_err(|e| e.during("list the snapshots of Redshift Serverless"))
}

/// Returns the snapshot of this name, if there is one.
///
/// # Errors
///
/// Returns an error if AWS rejects the request or cannot be reached.
pub async fn find_snapshot(clients: &Clients, name: &str) -> Result<Option<Snapshot>, CloudError> {
    let request = json!({ "snapshotName": name });
    let answer = existing(call::<GotSnapshot>(clients, &api::GET_SNAPSHOT, &request).await);
    let answer = answer.map_err(|e| e.during(format!("look up the snapshot {name}")))?;
    Ok(answer.map(|answer| answer.snapshot))
}
