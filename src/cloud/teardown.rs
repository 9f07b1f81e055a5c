//! Removing all that belongs to a name, and looking whether it is gone.

use std::time::Duration;

use aws_sdk_redshift::operation::delete_cluster::builders::DeleteClusterInputBuilder;

use super::clients::Clients;
use super::error::{ApiError, CloudError};
use super::journal::Journal;
use super::names::Name;
use super::survey::{Estate, snapshot_id, survey_of};
use super::tags::Tags;
use super::{cluster, network, role, schedule};

/// How often it is looked whether all is gone: listings may lag behind.
const LOOKS: u32 = 5;

/// The time between two looks.
const PAUSE: Duration = Duration::from_secs(2);

/// Removes the cluster.
pub fn delete_cluster(id: &str, final_snapshot: Option<&str>) -> DeleteClusterInputBuilder {
    DeleteClusterInputBuilder::default()
        .cluster_identifier(id)
        .skip_final_cluster_snapshot(final_snapshot.is_none())
        .set_final_cluster_snapshot_identifier(final_snapshot.map(str::to_owned))
}

/// Removes what belongs to a name: schedule, rules, cluster, group, roles; then looks again.
///
/// Snapshots stay: somebody took them to keep them. They are what is found at the end.
///
/// # Errors
///
/// If AWS refuses or cannot be asked, if it takes too long, or if something is still there.
pub async fn teardown(
    clients: &Clients,
    name: &Name,
    estate: &Estate,
    final_snapshot: Option<&str>,
    timeout: Duration,
    journal: &Journal,
) -> Result<(), CloudError> {
    if estate.schedule.is_some() {
        schedule::delete(clients, &name.schedule(), journal).await?;
    }
    for group in &estate.groups {
        journal.enter(format!("taking the rules of {} back", group.name));
        network::revoke_all(clients, &group.id, group.rules.iter(), journal).await?;
    }
    if estate.cluster.is_some() {
        remove_cluster(clients, name.as_str(), final_snapshot, timeout, journal).await?;
        if let (Some(snapshot), Some(tags)) = (final_snapshot, estate.tags()) {
            tag_snapshot(clients, name, snapshot, tags).await?;
        }
    }
    for group in &estate.groups {
        network::delete(clients, group, journal).await?;
    }
    for found in &estate.roles {
        role::delete(clients, &found.name, journal).await?;
    }
    journal.enter("looking for what is left");
    let mut left = Vec::new();
    for look in 0..LOOKS {
        if look > 0 {
            tokio::time::sleep(PAUSE).await;
        }
        left = leftovers(survey_of(clients, name).await?, final_snapshot);
        if left.is_empty() {
            return Ok(());
        }
    }
    Err(CloudError::Left { left })
}

/// Says whose the last snapshot is, so that `status` tells what it costs.
///
/// Source of the ARN: Service Authorization Reference, Amazon Redshift, resource type snapshot.
async fn tag_snapshot(
    clients: &Clients,
    name: &Name,
    snapshot: &str,
    tags: Tags,
) -> Result<(), CloudError> {
    let caller = clients.caller().await?;
    let (partition, account, region) = (caller.partition(), &caller.account, &clients.region);
    let arn = format!("arn:{partition}:redshift:{region}:{account}:snapshot:{name}/{snapshot}");
    cluster::tag(clients, &arn, &Tags { expiry: None, ..tags }).await
}

/// What is there, but for the snapshot that was asked for.
fn leftovers(mut estate: Estate, final_snapshot: Option<&str>) -> Vec<String> {
    estate.snapshots.retain(|snapshot| Some(snapshot_id(snapshot)) != final_snapshot);
    estate.inventory()
}

async fn remove_cluster(
    clients: &Clients,
    id: &str,
    final_snapshot: Option<&str>,
    timeout: Duration,
    journal: &Journal,
) -> Result<(), CloudError> {
    journal.enter(format!("removing the cluster {id}"));
    loop {
        let sent = delete_cluster(id, final_snapshot).send_with(&clients.redshift).await;
        match sent.map_err(|e| ApiError::new("redshift:DeleteCluster", &e)) {
            Ok(_) => break,
            Err(error) if error.is("ClusterNotFound") => break,
            // It is on its way to another state: to its end, or to one in which it can be removed.
            Err(error) if error.is("InvalidClusterState") => {
                let now = cluster::find(clients, id).await?;
                match now.as_ref().map(cluster::status) {
                    None | Some("deleting") => break,
                    Some(state) if cluster::is_passing(state) => {
                        cluster::wait_settled(clients, id, timeout, journal).await?;
                    }
                    Some(_) => return Err(error.during(format!("remove the cluster {id}"))),
                }
            }
            Err(error) => return Err(error.during(format!("remove the cluster {id}"))),
        }
    }
    cluster::wait_gone(clients, id, timeout, journal).await?;
    journal.note(format!("cluster {id}: removed"));
    Ok(())
}
