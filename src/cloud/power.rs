//! Pausing and resuming: a paused cluster costs its storage alone.

use std::time::Duration;

use aws_sdk_redshift::types::Cluster;
use chrono::{SubsecRound, Utc};

use super::clients::Clients;
use super::error::{ApiError, CloudError};
use super::journal::Journal;
use super::names::{Name, ROLE_PATH};
use super::plan::{Expires, expiry, stop};
use super::survey::Estate;
use super::tags::{Expiry, Tags, owner};
use super::wait::{Verdict, for_cluster};
use super::{cluster, provision, role, schedule};

/// Pauses the cluster of a name and waits until it is; one that is paused stays so.
///
/// # Errors
///
/// If there is none, if AWS refuses or cannot be asked, or it takes too long.
pub async fn pause(
    clients: &Clients,
    name: &Name,
    estate: &Estate,
    timeout: Duration,
    journal: &Journal,
) -> Result<(), CloudError> {
    let id = name.as_str();
    demand_cluster(clients, name, estate)?;
    let settled = settled(clients, id, timeout, journal).await?;
    if cluster::status(&settled) == "paused" {
        journal.note(format!("cluster {id}: paused already"));
        return Ok(());
    }
    let sent = clients.redshift.pause_cluster().cluster_identifier(id).send().await;
    sent.map_err(|e| {
        ApiError::new("redshift:PauseCluster", &e).during(format!("pause the cluster {id}"))
    })?;
    let judge = |cluster: Option<&Cluster>| match cluster.map(cluster::status) {
        Some("paused") => Verdict::Reached,
        // The pause may not show at once.
        Some("pausing" | "available") => Verdict::Waiting,
        _ => Verdict::Lost,
    };
    for_cluster(clients, id, "paused", timeout, journal, judge).await?;
    journal.note(format!("cluster {id}: paused"));
    Ok(())
}

/// Resumes the cluster of a name, waits until it can be used, and renews its expiry.
///
/// # Errors
///
/// If there is none, if AWS refuses or cannot be asked, or it takes too long.
pub async fn resume(
    clients: &Clients,
    name: &Name,
    estate: &Estate,
    expires: Expires,
    timeout: Duration,
    journal: &Journal,
) -> Result<Option<Expiry>, CloudError> {
    let id = name.as_str();
    let tags = demand_cluster(clients, name, estate)?;
    let settled = settled(clients, id, timeout, journal).await?;
    let was_paused = cluster::status(&settled) == "paused";
    // A pause ends a life, and the next is as long.
    let now = Utc::now().trunc_subsecs(0);
    let renewed = tags.expiry.filter(|_| was_paused).map(|old| Expiry::after(now, old.lifetime));
    let expiry = expiry(expires, renewed.or(tags.expiry), now);
    if expiry != tags.expiry {
        // First: a cluster that runs is to be stopped whatever becomes of this process.
        set_expiry(clients, name, estate, Tags { expiry, ..tags }, journal).await?;
    }
    if was_paused {
        provision::resume(clients, id, journal).await?;
    } else {
        journal.note(format!("cluster {id}: {} already", cluster::status(&settled)));
    }
    cluster::wait_available(clients, id, None, timeout, journal).await?;
    journal.note(format!("cluster {id}: available"));
    Ok(expiry)
}

fn demand_cluster(clients: &Clients, name: &Name, estate: &Estate) -> Result<Tags, CloudError> {
    estate.cluster.as_ref().and_then(cluster::tags).ok_or_else(|| CloudError::NothingOwned {
        region: clients.region.clone(),
        tag: format!("{} and is a cluster", owner(name)),
    })
}

async fn settled(
    clients: &Clients,
    id: &str,
    timeout: Duration,
    journal: &Journal,
) -> Result<Cluster, CloudError> {
    let settled = cluster::wait_settled(clients, id, timeout, journal).await?;
    settled.ok_or_else(|| CloudError::State {
        cluster: id.to_owned(),
        state: "not there".to_owned(),
        wanted: "settled",
    })
}

/// Puts the schedule and all tags to another expiry.
async fn set_expiry(
    clients: &Clients,
    name: &Name,
    estate: &Estate,
    tags: Tags,
    journal: &Journal,
) -> Result<(), CloudError> {
    let caller = clients.caller().await?;
    let arn = cluster::arn(&caller, &clients.region, name.as_str());
    cluster::tag(clients, &arn, &tags).await?;
    let old = estate.schedule.as_ref();
    match tags.expiry {
        Some(expiry) => {
            let role = name.scheduler_role(&clients.region);
            let (partition, account) = (caller.partition(), &caller.account);
            let role_arn = format!("arn:{partition}:iam::{account}:role{ROLE_PATH}{role}");
            let (role, schedule) = stop(name, &clients.region, expiry, &arn, &tags, &role_arn);
            let found = estate.scheduler_role(name, &clients.region);
            role::ensure(clients, &role, found, journal).await?;
            schedule::ensure(clients, &schedule, old, journal).await
        }
        None if old.is_some() => schedule::delete(clients, &name.schedule(), journal).await,
        None => Ok(()),
    }
}
