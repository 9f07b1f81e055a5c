//! Pause and resume of a cluster. A paused cluster costs only its storage.

use std::time::Duration;

use aws_sdk_redshift::types::Cluster;
use chrono::{SubsecRound, Utc};

use super::clients::Clients;
use super::error::{ApiError, CloudError};
use super::journal::Journal;
use super::names::Name;
use super::plan::{Expires, expiry, stop};
use super::tags::{Expiry, Tags, owner};
use super::wait::{Change, Verdict, for_cluster};
use super::{cluster, role, schedule, serverless};

/// Pauses the cluster of a name and waits until it is paused. Succeeds if it is paused already.
///
/// # Errors
///
/// Returns an error if the cluster does not exist, if AWS rejects a request or cannot be reached, or if the wait
/// times out.
pub async fn pause(
    clients: &Clients,
    name: &Name,
    timeout: Duration,
    journal: &Journal,
) -> Result<(), CloudError> {
    let id = name.as_str();
    demand_cluster(clients, name).await?;
    let settled = settled(clients, id, timeout, journal).await?;
    if cluster::status(&settled) == "paused" {
        journal.note(format!("cluster {id}: already paused"));
        return Ok(());
    }
    let change = Change { id, limit: timeout, done: &["pausing", "paused"] };
    let ask = || async {
        let sent = clients.redshift.pause_cluster().cluster_identifier(id).send().await;
        sent.map(|_| ()).map_err(|e| ApiError::new("redshift:PauseCluster", &e))
    };
    change.make(clients, &format!("pause the cluster {id}"), ask).await?;
    let judge = |cluster: Option<&Cluster>| match cluster.map(cluster::status) {
        Some("paused") => Verdict::Reached,
        // The pause may not be visible at once.
        Some("pausing" | "available") => Verdict::Waiting,
        _ => Verdict::Lost,
    };
    for_cluster(clients, id, "paused", timeout, journal, judge).await?;
    journal.note(format!("cluster {id}: paused"));
    Ok(())
}

/// Resumes the cluster of a name, waits until it is available, and renews its expiry, which is returned.
///
/// # Errors
///
/// Returns an error if the cluster does not exist, if AWS rejects a request or cannot be reached, or if the wait
/// times out.
pub async fn resume(
    clients: &Clients,
    name: &Name,
    expires: Expires,
    timeout: Duration,
    journal: &Journal,
) -> Result<Option<Expiry>, CloudError> {
    let id = name.as_str();
    let tags = demand_cluster(clients, name).await?;
    let settled = settled(clients, id, timeout, journal).await?;
    let was_paused = cluster::status(&settled) == "paused";
    // A pause ends the lifetime; the next one has the same length.
    let now = Utc::now().trunc_subsecs(0);
    let renewed = tags.expiry.filter(|_| was_paused).map(|old| Expiry::after(now, old.lifetime));
    let expiry = expiry(expires, renewed.or(tags.expiry), now);
    let tags = Tags { expiry, ..tags };
    // Before the resume: AWS must pause the running cluster even if this process ends.
    set_schedule(clients, name, &tags, journal).await?;
    if was_paused {
        start(clients, id, timeout, journal).await?;
    } else {
        journal.note(format!("cluster {id}: already {}", cluster::status(&settled)));
    }
    let up = cluster::wait_available(clients, id, None, timeout, journal).await?;
    if cluster::tags(&up).as_ref() != Some(&tags) {
        let arn = cluster::arn(&clients.caller().await?, &clients.region, id);
        let change = Change { id, limit: timeout, done: &[] };
        change.make(clients, &format!("tag {arn}"), || cluster::tag(clients, &arn, &tags)).await?;
    }
    journal.note(format!("cluster {id}: available"));
    Ok(expiry)
}

/// Starts a paused cluster.
pub(super) async fn start(
    clients: &Clients,
    id: &str,
    timeout: Duration,
    journal: &Journal,
) -> Result<(), CloudError> {
    let change = Change { id, limit: timeout, done: &["resuming", "available"] };
    let ask = || async {
        let sent = clients.redshift.resume_cluster().cluster_identifier(id).send().await;
        sent.map(|_| ()).map_err(|e| ApiError::new("redshift:ResumeCluster", &e))
    };
    change.make(clients, &format!("resume the cluster {id}"), ask).await?;
    journal.note(format!("cluster {id}: resuming; it incurs costs from now on"));
    Ok(())
}

/// Returns the tags of the cluster. Sends no other request: the user who may pause a cluster might have no
/// other permission.
async fn demand_cluster(clients: &Clients, name: &Name) -> Result<Tags, CloudError> {
    let found = cluster::find_ours(clients, name).await?;
    if found.is_none() && serverless::workgroup::is_ours(clients, name).await {
        return Err(CloudError::NeverPaused(name.to_string()));
    }
    found.as_ref().and_then(cluster::tags).ok_or_else(|| CloudError::NothingOwned {
        region: clients.region.clone(),
        tag: format!("{} and is a cluster of this name", owner(name)),
    })
}

async fn settled(
    clients: &Clients,
    id: &str,
    timeout: Duration,
    journal: &Journal,
) -> Result<Cluster, CloudError> {
    let settled = cluster::wait_settled(clients, id, timeout, journal).await?;
    cluster::demand_there(settled, id, "settled")
}

/// Creates, changes or deletes the schedule to match the tags.
async fn set_schedule(
    clients: &Clients,
    name: &Name,
    tags: &Tags,
    journal: &Journal,
) -> Result<(), CloudError> {
    let region = &clients.region;
    let standing = schedule::find(clients, &name.schedule()).await?;
    if standing.as_ref().is_some_and(|found| schedule::owner(found).as_ref() != Some(name)) {
        return tags.demand(None, format!("scheduled action {}", name.schedule()));
    }
    let Some(expiry) = tags.expiry else {
        return match standing {
            Some(_) => schedule::delete(clients, &name.schedule(), journal).await,
            None => Ok(()),
        };
    };
    let caller = clients.caller().await?;
    let cluster_arn = cluster::arn(&caller, region, name.as_str());
    let role_arn = caller.role_arn(&name.scheduler_role(region));
    let (role, schedule) = stop(name, region, expiry, &cluster_arn, tags, &role_arn);
    let found = role::find(clients, &role.name).await?;
    if let Some(found) = &found {
        tags.demand(found.tags.clone(), format!("role {}", role.name))?;
    }
    role::ensure(clients, &role, found.as_ref(), journal).await?;
    schedule::ensure(clients, &schedule, standing.as_ref(), journal).await
}
