//! Deletion of all resources of a name, and verification that none remains.

use std::time::Duration;

use aws_sdk_redshift::operation::delete_cluster::builders::DeleteClusterInputBuilder;
use aws_sdk_redshift::types::Snapshot;

use super::clients::Clients;
use super::error::{ApiError, CloudError};
use super::journal::Journal;
use super::names::Name;
use super::survey::{Estate, find_snapshot, survey_of};
use super::tags::Tags;
use super::wait::Change;
use super::{cluster, network, role, schedule, serverless};

/// The maximum number of checks for remaining resources, because listings can lag behind.
const LOOKS: u32 = 5;

/// The pause between two checks.
const PAUSE: Duration = Duration::from_secs(2);

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
    estate: &Estate,
    final_snapshot: Option<&str>,
    timeout: Duration,
    journal: &Journal,
) -> Result<(), CloudError> {
    estate.demand_no_strays(name)?;
    if let Some(snapshot) = final_snapshot {
        demand_free(clients, estate, snapshot).await?;
        serverless::teardown::demand_free(clients, &estate.serverless, snapshot).await?;
    }
    let mut first_error = None;
    let mut keep = |outcome: Result<(), CloudError>| {
        if let Err(error) = outcome {
            journal.note(format!("NOT done: {error}"));
            first_error.get_or_insert(error);
            return false;
        }
        true
    };
    for group in &estate.groups {
        journal.enter(format!("revoking the rules of {}", group.name));
        // Rules of others are deleted with the group, if it can be deleted.
        let ours = group.rules.iter().filter(|rule| rule.is_ours);
        keep(network::revoke_all(clients, &group.id, ours, journal).await);
    }
    let holding = &estate.serverless;
    let removed =
        serverless::teardown::remove(clients, name, holding, final_snapshot, timeout, journal);
    let mut outcomes: Vec<_> = removed.await.into_iter().map(Err).collect();
    if estate.cluster.is_some() {
        outcomes.push(remove_cluster(clients, name, final_snapshot, timeout, journal).await);
    }
    let mut is_gone = true;
    for outcome in outcomes {
        is_gone &= keep(outcome);
    }
    if is_gone {
        if let Some(snapshot) = final_snapshot {
            keep(keep_last(clients, name, estate, snapshot, journal).await);
        }
        if estate.schedule.is_some() {
            keep(schedule::delete(clients, &name.schedule(), journal).await);
        }
        for group in &estate.groups {
            keep(network::delete(clients, group, journal).await);
        }
        for found in &estate.roles {
            keep(role::delete(clients, &found.name, journal).await);
        }
    }
    let Some(error) = first_error else {
        return prove_gone(clients, name, final_snapshot, journal).await;
    };
    tell_left(clients, name, final_snapshot, journal).await;
    Err(error)
}

/// Records the resources that remain after a failure, if the inventory is available.
async fn tell_left(
    clients: &Clients,
    name: &Name,
    final_snapshot: Option<&str>,
    journal: &Journal,
) {
    if let Ok(estate) = survey_of(clients, name).await {
        let left = leftovers(estate, final_snapshot);
        left.iter().for_each(|what| journal.note(format!("still exists: {what}")));
    }
}

async fn prove_gone(
    clients: &Clients,
    name: &Name,
    final_snapshot: Option<&str>,
    journal: &Journal,
) -> Result<(), CloudError> {
    journal.enter("checking for remaining resources");
    let mut left = Vec::new();
    for look in 0..LOOKS {
        if look > 0 {
            tokio::time::sleep(PAUSE).await;
        }
        let estate = survey_of(clients, name).await?;
        let unseen = estate.unseen.clone();
        left = leftovers(estate, final_snapshot);
        if left.is_empty() {
            if let Some(error) = unseen {
                journal.note(format!("Redshift Serverless was not checked: {error}"));
            }
            return Ok(());
        }
    }
    Err(CloudError::Left { left })
}

/// Returns the remaining resources, except the requested snapshot.
fn leftovers(estate: Estate, final_snapshot: Option<&str>) -> Vec<String> {
    let snapshots = estate.snapshots();
    let kept =
        snapshots.filter(|id| Some(*id) != final_snapshot).map(|id| format!("snapshot {id}"));
    estate.inventory().into_iter().chain(kept).collect()
}

/// Ensures, before anything changes, that no snapshot has the name of the final snapshot.
async fn demand_free(clients: &Clients, estate: &Estate, snapshot: &str) -> Result<(), CloudError> {
    if estate.cluster.as_ref().is_none_or(|found| cluster::is_going(cluster::status(found))) {
        return Ok(());
    }
    match find_snapshot(clients, snapshot).await? {
        None => Ok(()),
        Some(_) => Err(CloudError::SnapshotTaken(snapshot.to_owned())),
    }
}

async fn remove_cluster(
    clients: &Clients,
    name: &Name,
    final_snapshot: Option<&str>,
    timeout: Duration,
    journal: &Journal,
) -> Result<(), CloudError> {
    let id = name.as_str();
    journal.enter(format!("removing the cluster {id}"));
    let change = Change { id, limit: timeout, done: &["deleting", "final-snapshot", "gone"] };
    let ask = || async {
        let sent = delete_cluster(id, final_snapshot).send_with(&clients.redshift).await;
        match sent.map_err(|e| ApiError::new("redshift:DeleteCluster", &e)) {
            Err(error) if !error.is("ClusterNotFound") => Err(error),
            _ => Ok(()),
        }
    };
    change.make(clients, &format!("remove the cluster {id}"), ask).await?;
    cluster::wait_gone(clients, id, timeout, journal).await?;
    journal.note(format!("cluster {id}: removed"));
    Ok(())
}

/// Tags the final snapshot of the cluster or namespace. After an interruption, neither of the two may exist
/// any more.
async fn keep_last(
    clients: &Clients,
    name: &Name,
    estate: &Estate,
    snapshot: &str,
    journal: &Journal,
) -> Result<(), CloudError> {
    let of_namespace =
        || serverless::teardown::keep_snapshot(clients, name, snapshot, estate.tags(), journal);
    if !estate.serverless.is_empty() {
        return of_namespace().await;
    }
    match keep_snapshot(clients, name, snapshot, estate.tags(), journal).await {
        Err(CloudError::NoSnapshot(_)) if estate.cluster.is_none() => of_namespace().await,
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
    journal: &Journal,
) -> Result<(), CloudError> {
    let found = find_snapshot(clients, snapshot).await?;
    let is_ours = |found: &Snapshot| {
        found.cluster_identifier.as_deref() == Some(name.as_str())
            && found.snapshot_type.as_deref() == Some("manual")
    };
    let Some(tags) = tags.filter(|_| found.is_some_and(|found| is_ours(&found))) else {
        return Err(CloudError::NoSnapshot(snapshot.to_owned()));
    };
    let caller = clients.caller().await?;
    let (partition, account, region) = (caller.partition(), &caller.account, &clients.region);
    let arn = format!("arn:{partition}:redshift:{region}:{account}:snapshot:{name}/{snapshot}");
    let tagged = cluster::tag(clients, &arn, &Tags { expiry: None, ..tags }).await;
    tagged.map_err(|e| e.during(format!("tag the snapshot {snapshot}")))?;
    journal.note(format!("snapshot {snapshot}: taken"));
    Ok(())
}
