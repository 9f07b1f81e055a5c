//! Removal of the Redshift Serverless resources of a name: limits, workgroup, namespace.

use std::time::Duration;

use super::api;
use super::limit::{self, FoundLimit};
use super::namespace::Namespace;
use super::resource::{self, Resource};
use super::survey::{Holding, find_snapshot};
use super::workgroup::Workgroup;
use crate::cloud::clients::Clients;
use crate::cloud::error::CloudError;
use crate::cloud::journal::Journal;
use crate::cloud::names::Name;
use crate::cloud::tags::Tags;

/// Removes limits, workgroup and namespace. Returns the failures.
///
/// AWS deletes a namespace only after its workgroup. If the workgroup cannot be removed, its limits are
/// restored.
pub async fn remove(
    clients: &Clients,
    name: &Name,
    holding: &Holding,
    final_snapshot: Option<&str>,
    timeout: Duration,
    journal: &Journal,
) -> Vec<CloudError> {
    let name = name.as_str();
    let mut errors = Vec::new();
    if holding.workgroup.is_some() {
        let removed = remove_limits(clients, name, &holding.limits, journal, &mut errors).await;
        if let Err(error) =
            resource::remove::<Workgroup>(clients, name, &[], timeout, journal).await
        {
            errors.push(error);
            errors.extend(put_back(clients, name, &removed, journal).await);
            return errors;
        }
    }
    if holding.namespace.is_some() {
        let snapshot = final_snapshot.map(|snapshot| ("finalSnapshotName", snapshot));
        let more = snapshot.as_slice();
        let gone = resource::remove::<Namespace>(clients, name, more, timeout, journal).await;
        errors.extend(gone.err());
    }
    errors
}

/// Removes the limits of a workgroup, and returns the removed ones.
async fn remove_limits<'a>(
    clients: &Clients,
    name: &str,
    limits: &'a [FoundLimit],
    journal: &Journal,
    errors: &mut Vec<CloudError>,
) -> Vec<&'a FoundLimit> {
    let mut removed = Vec::new();
    for found in limits {
        journal.enter(format!("removing the usage limit of workgroup {name}"));
        match limit::delete(clients, name, found).await {
            Ok(()) => {
                journal.note(format!("usage limit of {name} ({found}): removed"));
                removed.push(found);
            }
            Err(error) => errors.push(error),
        }
    }
    removed
}

/// Restores the limits, including alerts, of a workgroup that could not be removed. Returns the failures. A
/// workgroup that is being deleted runs no queries and needs no limits.
async fn put_back(
    clients: &Clients,
    name: &str,
    removed: &[&FoundLimit],
    journal: &Journal,
) -> Vec<CloudError> {
    match resource::find::<Workgroup>(clients, name).await {
        Ok(Some(found)) if !found.is_going() => {}
        Ok(_) => return Vec::new(),
        Err(error) => return vec![error],
    }
    let mut errors = Vec::new();
    for found in removed {
        match limit::restore(clients, name, found).await {
            Ok(()) => journal.note(format!(
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
pub async fn demand_free(
    clients: &Clients,
    holding: &Holding,
    snapshot: &str,
) -> Result<(), CloudError> {
    if holding.namespace.as_ref().is_none_or(Resource::is_going) {
        return Ok(());
    }
    match find_snapshot(clients, snapshot).await? {
        None => Ok(()),
        Some(_) => Err(CloudError::SnapshotTaken(snapshot.to_owned())),
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
    journal: &Journal,
) -> Result<(), CloudError> {
    let found = find_snapshot(clients, snapshot).await?;
    let found = found.filter(|found| found.namespace_name == name.as_str());
    let Some((found, tags)) = found.zip(tags) else {
        return Err(CloudError::NoSnapshot(snapshot.to_owned()));
    };
    let tagged = api::tag(clients, &found.snapshot_arn, &tags).await;
    tagged.map_err(|e| e.during(format!("tag the snapshot {snapshot}")))?;
    journal.note(format!("snapshot {snapshot}: taken"));
    Ok(())
}
