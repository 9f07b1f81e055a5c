//! Removal of the Redshift Serverless resources of a name: limits, workgroup, namespace.

use std::time::Duration;

use super::api;
use super::inventory::{ServerlessResources, find_snapshot};
use super::limit::{self, FoundLimit};
use super::namespace::Namespace;
use super::resource::{self, Resource};
use super::workgroup::Workgroup;
use crate::cloud::clients::Clients;
use crate::cloud::error::CloudError;
use crate::cloud::names::Name;
use crate::cloud::progress::OperationProgress;
use crate::cloud::tags::Tags;

/// Removes limits, workgroup and namespace. Returns the failures.
///
/// AWS deletes a namespace only after its workgroup. If the workgroup cannot be removed, its limits are
/// restored.
pub async fn remove(
    clients: &Clients,
    name: &Name,
    resources: &ServerlessResources,
    final_snapshot: Option<&str>,
    timeout: Duration,
    progress: &OperationProgress,
) -> Vec<CloudError> {
    let name = name.as_str();
    let mut errors = Vec::new();
    if resources.workgroup.is_some() {
        let removed = remove_limits(clients, name, &resources.limits, progress, &mut errors).await;
        if let Err(error) =
            resource::remove::<Workgroup>(clients, name, &[], timeout, progress).await
        {
            errors.push(error);
            errors.extend(restore_limits(clients, name, &removed, progress).await);
            return errors;
        }
    }
    if resources.namespace.is_some() {
        let snapshot = final_snapshot.map(|snapshot| ("finalSnapshotName", snapshot));
        let more = snapshot.as_slice();
        let gone = resource::remove::<Namespace>(clients, name, more, timeout, progress).await;
        errors.extend(gone.err());
    }
    errors
}

/// Removes the limits of a workgroup, and returns the removed ones.
async fn remove_limits<'a>(
    clients: &Clients,
    name: &str,
    limits: &'a [FoundLimit],
    progress: &OperationProgress,
    errors: &mut Vec<CloudError>,
) -> Vec<&'a FoundLimit> {
    let mut removed = Vec::new();
    for found in limits {
        progress.set_step(format!("removing the usage limit of workgroup {name}"));
        match limit::delete(clients, name, found).await {
            Ok(()) => {
                progress.note(format!("usage limit of {name} ({found}): removed"));
                removed.push(found);
            }
            Err(error) => errors.push(error),
        }
    }
    removed
}

/// Restores the limits, including alerts, of a workgroup that could not be removed. Returns the failures. A
/// workgroup that is being deleted runs no queries and needs no limits.
async fn restore_limits(
    clients: &Clients,
    name: &str,
    removed: &[&FoundLimit],
    progress: &OperationProgress,
) -> Vec<CloudError> {
    match resource::find::<Workgroup>(clients, name).await {
        Ok(Some(found)) if !found.is_deleting() => {}
        Ok(_) => return Vec::new(),
        Err(error) => return vec![error],
    }
    let mut errors = Vec::new();
    for found in removed {
        match limit::restore(clients, name, found).await {
            Ok(()) => progress.note(format!(
                "usage limit of {name} ({found}): restored, because the workgroup still exists"
            )),
            Err(error) => errors.push(error),
        }
    }
    errors
}

/// Rejects the name of an existing snapshot for the final snapshot, before anything is changed.
///
/// # Errors
///
/// Returns an error if there is one, or if AWS rejects the request or cannot be reached.
pub async fn ensure_snapshot_name_free(
    clients: &Clients,
    resources: &ServerlessResources,
    snapshot: &str,
) -> Result<(), CloudError> {
    if resources.namespace.as_ref().is_none_or(Resource::is_deleting) {
        return Ok(());
    }
    match find_snapshot(clients, snapshot).await? {
        None => Ok(()),
        Some(_) => Err(CloudError::SnapshotExists(snapshot.to_owned())),
    }
}

/// Tags the final snapshot, so that `status` lists it with its cost.
///
/// # Errors
///
/// Returns an error if the namespace has no such snapshot, or if AWS rejects a request or cannot be reached.
pub async fn keep_snapshot(
    clients: &Clients,
    name: &Name,
    snapshot: &str,
    tags: Option<Tags>,
    progress: &OperationProgress,
) -> Result<(), CloudError> {
    let found = find_snapshot(clients, snapshot).await?;
    let found = found.filter(|found| found.namespace_name == name.as_str());
    let Some((found, tags)) = found.zip(tags) else {
        return Err(CloudError::SnapshotMissing(snapshot.to_owned()));
    };
    let tagged = api::tag(clients, &found.snapshot_arn, &tags).await;
    tagged.map_err(|e| e.during(format!("tag the snapshot {snapshot}")))?;
    progress.note(format!("snapshot {snapshot}: taken"));
    Ok(())
}
