//! Deletion of all resources of a name, and verification that none remains.

use std::time::Duration;

use aws_sdk_redshift::operation::delete_cluster::builders::DeleteClusterInputBuilder;
use aws_sdk_redshift::types::Snapshot;

use super::clients::Clients;
use super::cluster::{self, Change};
use super::error::{ApiError, CloudError};
use super::inventory::{ManagedResources, find_resources, find_snapshot};
use super::names::Name;
use super::progress::OperationProgress;
use super::tags::Tags;
use super::{network, role, schedule, serverless};

/// The maximum number of checks for remaining resources, because listings can lag behind.
const MAX_CHECKS: u32 = 5;

/// The pause between two checks.
const CHECK_PAUSE: Duration = Duration::from_secs(2);

/// Returns the request that deletes the cluster.
pub fn delete_cluster(id: &str, final_snapshot: Option<&str>) -> DeleteClusterInputBuilder {
    DeleteClusterInputBuilder::default()
        .cluster_identifier(id)
        .skip_final_cluster_snapshot(final_snapshot.is_none())
        .set_final_cluster_snapshot_identifier(final_snapshot.map(str::to_owned))
}

/// Deletes the resources of a name in this order: rules, cluster or workgroup, schedule, groups, roles. Then
/// verifies that none remains.
///
/// A resource that cannot be deleted does not block the others, and is reported at the end. The schedule is
/// deleted after the cluster, which it would otherwise still pause. Manual snapshots stay, because a user
/// took them to keep them.
///
/// # Errors
///
/// Returns an error if AWS rejects a request or cannot be reached, if a wait times out, or if resources
/// remain.
pub async fn teardown(
    clients: &Clients,
    name: &Name,
    resources: &ManagedResources,
    final_snapshot: Option<&str>,
    timeout: Duration,
    progress: &OperationProgress,
) -> Result<(), CloudError> {
    resources.ensure_no_strays(name)?;
    if let Some(snapshot) = final_snapshot {
        ensure_snapshot_name_free(clients, resources, snapshot).await?;
        serverless::teardown::ensure_snapshot_name_free(clients, &resources.serverless, snapshot)
            .await?;
    }
    let mut failures = Failures { first: None, progress };
    for group in &resources.groups {
        progress.set_step(format!("revoking the rules of {}", group.name));
        // Rules of others are deleted with the group, if it can be deleted.
        let managed = group.rules.iter().filter(|rule| rule.is_managed);
        failures.add(network::revoke_all(clients, &group.id, managed, progress).await);
    }
    let removed = serverless::teardown::remove(
        clients,
        name,
        &resources.serverless,
        final_snapshot,
        timeout,
        progress,
    );
    let mut outcomes: Vec<_> = removed.await.into_iter().map(Err).collect();
    if resources.cluster.is_some() {
        outcomes.push(remove_cluster(clients, name, final_snapshot, timeout, progress).await);
    }
    let is_deleted = outcomes.iter().all(Result::is_ok);
    outcomes.into_iter().for_each(|outcome| failures.add(outcome));
    if is_deleted {
        remove_rest(clients, name, resources, final_snapshot, &mut failures).await;
    }
    let Some(error) = failures.first else {
        return verify_deleted(clients, name, final_snapshot, progress).await;
    };
    note_remaining(clients, name, final_snapshot, progress).await;
    Err(error)
}

/// The failures of a teardown, which do not stop it.
struct Failures<'a> {
    first: Option<CloudError>,
    progress: &'a OperationProgress,
}

impl Failures<'_> {
    /// Records the outcome of one step.
    fn add(&mut self, outcome: Result<(), CloudError>) {
        if let Err(error) = outcome {
            self.progress.note(format!("NOT done: {error}"));
            self.first.get_or_insert(error);
        }
    }
}

/// Tags the final snapshot, and deletes the schedule, the groups and the roles of a deleted cluster or
/// workgroup.
async fn remove_rest(
    clients: &Clients,
    name: &Name,
    resources: &ManagedResources,
    final_snapshot: Option<&str>,
    failures: &mut Failures<'_>,
) {
    let progress = failures.progress;
    if let Some(snapshot) = final_snapshot {
        failures.add(keep_final_snapshot(clients, name, resources, snapshot, progress).await);
    }
    if resources.schedule.is_some() {
        failures.add(schedule::delete(clients, &name.schedule(), progress).await);
    }
    for group in &resources.groups {
        failures.add(network::delete(clients, group, progress).await);
    }
    for found in &resources.roles {
        failures.add(role::delete(clients, &found.name, progress).await);
    }
}

/// Records the resources that remain after a failure, if the inventory is available.
async fn note_remaining(
    clients: &Clients,
    name: &Name,
    final_snapshot: Option<&str>,
    progress: &OperationProgress,
) {
    if let Ok(resources) = find_resources(clients, name).await {
        let remaining = remaining_resources(resources, final_snapshot);
        remaining.iter().for_each(|what| progress.note(format!("still exists: {what}")));
    }
}

async fn verify_deleted(
    clients: &Clients,
    name: &Name,
    final_snapshot: Option<&str>,
    progress: &OperationProgress,
) -> Result<(), CloudError> {
    progress.set_step("checking for remaining resources");
    let mut remaining = Vec::new();
    for check in 0..MAX_CHECKS {
        if check > 0 {
            tokio::time::sleep(CHECK_PAUSE).await;
        }
        let resources = find_resources(clients, name).await?;
        let serverless_error = resources.serverless_error.clone();
        remaining = remaining_resources(resources, final_snapshot);
        if remaining.is_empty() {
            if let Some(error) = serverless_error {
                progress.note(format!("Redshift Serverless was not checked: {error}"));
            }
            return Ok(());
        }
    }
    Err(CloudError::ResourcesRemain { remaining })
}

/// Returns the remaining resources, except the requested snapshot.
fn remaining_resources(resources: ManagedResources, final_snapshot: Option<&str>) -> Vec<String> {
    let snapshots = resources.snapshots();
    let kept =
        snapshots.filter(|id| Some(*id) != final_snapshot).map(|id| format!("snapshot {id}"));
    resources.descriptions().into_iter().chain(kept).collect()
}

/// Ensures, before anything changes, that no snapshot has the name of the final snapshot.
async fn ensure_snapshot_name_free(
    clients: &Clients,
    resources: &ManagedResources,
    snapshot: &str,
) -> Result<(), CloudError> {
    if resources.cluster.as_ref().is_none_or(|found| cluster::is_deleting(cluster::status(found))) {
        return Ok(());
    }
    match find_snapshot(clients, snapshot).await? {
        None => Ok(()),
        Some(_) => Err(CloudError::SnapshotExists(snapshot.to_owned())),
    }
}

async fn remove_cluster(
    clients: &Clients,
    name: &Name,
    final_snapshot: Option<&str>,
    timeout: Duration,
    progress: &OperationProgress,
) -> Result<(), CloudError> {
    let id = name.as_str();
    progress.set_step(format!("removing the cluster {id}"));
    let change = Change { id, limit: timeout, done: &["deleting", "final-snapshot", "gone"] };
    let send = || async {
        let sent = delete_cluster(id, final_snapshot).send_with(&clients.redshift).await;
        match sent.map_err(|e| ApiError::new("redshift:DeleteCluster", &e)) {
            Err(error) if !error.is("ClusterNotFound") => Err(error),
            _ => Ok(()),
        }
    };
    change.apply(clients, &format!("remove the cluster {id}"), send).await?;
    cluster::wait_deleted(clients, id, timeout, progress).await?;
    progress.note(format!("cluster {id}: removed"));
    Ok(())
}

/// Tags the final snapshot of the cluster or namespace. After an interruption, neither of the two may exist
/// any more.
async fn keep_final_snapshot(
    clients: &Clients,
    name: &Name,
    resources: &ManagedResources,
    snapshot: &str,
    progress: &OperationProgress,
) -> Result<(), CloudError> {
    let of_namespace =
        || serverless::teardown::keep_snapshot(clients, name, snapshot, resources.tags(), progress);
    if !resources.serverless.is_empty() {
        return of_namespace().await;
    }
    match keep_snapshot(clients, name, snapshot, resources.tags(), progress).await {
        Err(CloudError::SnapshotMissing(_)) if resources.cluster.is_none() => of_namespace().await,
        kept => kept,
    }
}

/// Tags the final snapshot, so that `status` reports its cost; AWS might not copy the tags of the cluster.
///
/// Source of the ARN: Service Authorization Reference, Amazon Redshift, resource type snapshot.
async fn keep_snapshot(
    clients: &Clients,
    name: &Name,
    snapshot: &str,
    tags: Option<Tags>,
    progress: &OperationProgress,
) -> Result<(), CloudError> {
    let found = find_snapshot(clients, snapshot).await?;
    let is_final = |found: &Snapshot| {
        found.cluster_identifier.as_deref() == Some(name.as_str())
            && found.snapshot_type.as_deref() == Some("manual")
    };
    let Some(tags) = tags.filter(|_| found.is_some_and(|found| is_final(&found))) else {
        return Err(CloudError::SnapshotMissing(snapshot.to_owned()));
    };
    let caller = clients.caller().await?;
    let (partition, account, region) = (caller.partition(), &caller.account, &clients.region);
    let arn = format!("arn:{partition}:redshift:{region}:{account}:snapshot:{name}/{snapshot}");
    let tagged = cluster::tag(clients, &arn, &Tags { expiry: None, ..tags }).await;
    tagged.map_err(|e| e.during(format!("tag the snapshot {snapshot}")))?;
    progress.note(format!("snapshot {snapshot}: taken"));
    Ok(())
}
