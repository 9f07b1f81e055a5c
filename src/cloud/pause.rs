//! Pause and resume of a cluster. A paused cluster costs only its storage.

use std::time::Duration;

use aws_sdk_redshift::types::Cluster;
use chrono::{SubsecRound, Utc};

use super::clients::Clients;
use super::cluster::{self, Change, wait_for_cluster};
use super::error::{ApiError, CloudError};
use super::names::Name;
use super::plan::{Expires, expiry, pause_schedule};
use super::progress::OperationProgress;
use super::retry::WaitState;
use super::tags::{Expiry, Tags, owner_tag};
use super::{role, schedule, serverless};

/// Pauses the cluster of a name and waits until it is paused. Succeeds if it is paused already.
///
/// # Errors
///
/// Returns an error if the cluster does not exist, if AWS rejects a request or cannot be reached, or if the
/// wait times out.
pub async fn pause(
    clients: &Clients,
    name: &Name,
    timeout: Duration,
    progress: &OperationProgress,
) -> Result<(), CloudError> {
    let id = name.as_str();
    ensure_cluster(clients, name).await?;
    let settled = settled(clients, id, timeout, progress).await?;
    if cluster::status(&settled) == "paused" {
        progress.note(format!("cluster {id}: already paused"));
        return Ok(());
    }
    let change = Change { id, limit: timeout, done: &["pausing", "paused"] };
    let send = || async {
        let sent = clients.redshift.pause_cluster().cluster_identifier(id).send().await;
        sent.map(|_| ()).map_err(|e| ApiError::new("redshift:PauseCluster", &e))
    };
    change.apply(clients, &format!("pause the cluster {id}"), send).await?;
    let check = |cluster: Option<&Cluster>| match cluster.map(cluster::status) {
        Some("paused") => WaitState::Reached,
        // The pause may not be visible at once.
        Some("pausing" | "available") => WaitState::Pending,
        _ => WaitState::Unreachable,
    };
    wait_for_cluster(clients, id, "paused", timeout, progress, check).await?;
    progress.note(format!("cluster {id}: paused"));
    Ok(())
}

/// Resumes the cluster of a name, waits until it is available, and renews its expiry, which is returned.
///
/// # Errors
///
/// Returns an error if the cluster does not exist, if AWS rejects a request or cannot be reached, or if the
/// wait times out.
pub async fn resume(
    clients: &Clients,
    name: &Name,
    expires: Expires,
    timeout: Duration,
    progress: &OperationProgress,
) -> Result<Option<Expiry>, CloudError> {
    let id = name.as_str();
    let tags = ensure_cluster(clients, name).await?;
    let settled = settled(clients, id, timeout, progress).await?;
    let was_paused = cluster::status(&settled) == "paused";
    // A pause ends the lifetime; the next one has the same length.
    let now = Utc::now().trunc_subsecs(0);
    let renewed = tags.expiry.filter(|_| was_paused).map(|old| Expiry::after(now, old.lifetime));
    let expiry = expiry(expires, renewed.or(tags.expiry), now);
    let tags = Tags { expiry, ..tags };
    // Before the resume: AWS must pause the running cluster even if this process ends.
    set_schedule(clients, name, &tags, progress).await?;
    if was_paused {
        start(clients, id, timeout, progress).await?;
    } else {
        progress.note(format!("cluster {id}: already {}", cluster::status(&settled)));
    }
    let up = cluster::wait_available(clients, id, None, timeout, progress).await?;
    if cluster::tags(&up).as_ref() != Some(&tags) {
        let arn = cluster::arn(&clients.caller().await?, &clients.region, id);
        let change = Change { id, limit: timeout, done: &[] };
        change.apply(clients, &format!("tag {arn}"), || cluster::tag(clients, &arn, &tags)).await?;
    }
    progress.note(format!("cluster {id}: available"));
    Ok(expiry)
}

/// Starts a paused cluster.
pub(super) async fn start(
    clients: &Clients,
    id: &str,
    timeout: Duration,
    progress: &OperationProgress,
) -> Result<(), CloudError> {
    let change = Change { id, limit: timeout, done: &["resuming", "available"] };
    let send = || async {
        let sent = clients.redshift.resume_cluster().cluster_identifier(id).send().await;
        sent.map(|_| ()).map_err(|e| ApiError::new("redshift:ResumeCluster", &e))
    };
    change.apply(clients, &format!("resume the cluster {id}"), send).await?;
    progress.note(format!("cluster {id}: resuming; it incurs costs from now on"));
    Ok(())
}

/// Returns the tags of the cluster. Sends no other request: the user who may pause a cluster might have no
/// other permission.
async fn ensure_cluster(clients: &Clients, name: &Name) -> Result<Tags, CloudError> {
    let found = cluster::find_managed(clients, name).await?;
    if found.is_none() && serverless::workgroup::is_managed(clients, name).await {
        return Err(CloudError::NeverPaused(name.to_string()));
    }
    found.as_ref().and_then(cluster::tags).ok_or_else(|| CloudError::NothingManaged {
        region: clients.region.clone(),
        tag: format!("{} and is a cluster of this name", owner_tag(name)),
    })
}

async fn settled(
    clients: &Clients,
    id: &str,
    timeout: Duration,
    progress: &OperationProgress,
) -> Result<Cluster, CloudError> {
    let settled = cluster::wait_settled(clients, id, timeout, progress).await?;
    cluster::ensure_exists(settled, id, "settled")
}

/// Creates, changes or deletes the schedule to match the tags.
async fn set_schedule(
    clients: &Clients,
    name: &Name,
    tags: &Tags,
    progress: &OperationProgress,
) -> Result<(), CloudError> {
    let region = &clients.region;
    let current = schedule::find(clients, &name.schedule()).await?;
    if current.as_ref().is_some_and(|found| schedule::owner(found).as_ref() != Some(name)) {
        return tags.ensure_same_owner(None, format!("scheduled action {}", name.schedule()));
    }
    let Some(expiry) = tags.expiry else {
        return match current {
            Some(_) => schedule::delete(clients, &name.schedule(), progress).await,
            None => Ok(()),
        };
    };
    let caller = clients.caller().await?;
    let cluster_arn = cluster::arn(&caller, region, name.as_str());
    let role_arn = caller.role_arn(&name.scheduler_role(region));
    let (role, schedule) = pause_schedule(name, region, expiry, &cluster_arn, tags, &role_arn);
    let found = role::find(clients, &role.name).await?;
    if let Some(found) = &found {
        tags.ensure_same_owner(found.tags.clone(), format!("role {}", role.name))?;
    }
    role::ensure(clients, &role, found.as_ref(), progress).await?;
    schedule::ensure(clients, &schedule, current.as_ref(), progress).await
}
