//! Removing what belongs to a name of Redshift Serverless: limit, workgroup, namespace.

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

/// Removes limits, workgroup and namespace. Returns what could not be done.
///
/// The namespace can go only after its workgroup. Where the workgroup stays, so do its limits: they are
/// put back.
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

/// Removes the limits of a workgroup. Returns those that are gone.
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

/// Puts the limits of a workgroup back that could not be removed, alerts among them. Returns the
/// failures. A workgroup that is being deleted runs no queries and needs no limits.
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
                "usage limit of {name} ({found}): put back, as the workgroup is still there"
            )),
            Err(error) => errors.push(error),
        }
    }
    errors
}

/// Refuses a name for the last snapshot that another one has, before anything is touched.
///
/// # Errors
///
/// If there is one, or if AWS refuses or cannot be reached.
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

/// Says whose the last snapshot is, so that `status` tells what costs.
///
/// # Errors
///
/// If there is no such snapshot of the namespace, or if AWS refuses or cannot be reached.
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
