//! The Redshift cluster: requests, state, creation and changes.

mod requests;
mod state;
mod wait;

use std::time::Duration;

use aws_sdk_redshift::types::Cluster;

pub use requests::{ClusterSpec, attach_role, create_request, modify};
pub use state::{
    arn, difference, find, find_managed, id, is_attached, list, role_status, status, tags,
};
pub(super) use state::{ensure_exists, is_deleting, is_transitional};
pub use wait::wait_available;
pub(super) use wait::{Change, wait_deleted, wait_for_cluster, wait_settled};

use requests::redshift_tags;

use super::clients::Clients;
use super::error::{ApiError, CloudError};
use super::progress::OperationProgress;
use super::retry::{retry_until_found, retry_while};
use super::tags::Tags;

/// Creates the cluster, which takes minutes to become available.
///
/// # Errors
///
/// Returns an error if AWS rejects the request or cannot be reached, or if another user creates a cluster
/// with this name at the same time.
pub async fn create(
    clients: &Clients,
    spec: &ClusterSpec,
    group_id: &str,
    progress: &OperationProgress,
) -> Result<(), CloudError> {
    let id = &spec.id;
    progress.set_step(format!("creating the cluster {id}"));
    // A new role takes a while to propagate to Redshift.
    let created = retry_while(is_unknown_role, || async {
        let sent = create_request(spec, group_id).send_with(&clients.redshift).await;
        sent.map_err(|e| ApiError::new("redshift:CreateCluster", &e))
    });
    match created.await {
        // An earlier request whose response was lost created it, or another user did.
        Err(error) if error.is("ClusterAlreadyExists") => {
            let Some(found) = retry_until_found(|| find(clients, id)).await? else {
                return Err(error.during(format!("create the cluster {id}")));
            };
            spec.tags.ensure_same_creator(tags(&found), format!("cluster {id}"))?;
            if let Some(difference) = difference(spec, &found) {
                return Err(difference);
            }
        }
        Err(error) => return Err(error.during(format!("create the cluster {id}"))),
        Ok(_) => {}
    }
    progress.note(format!("cluster {id}: being created; it incurs costs from now on"));
    Ok(())
}

/// Changes an existing cluster to match the specification.
///
/// # Errors
///
/// Returns an error if AWS rejects the request or cannot be reached.
pub async fn update(
    clients: &Clients,
    spec: &ClusterSpec,
    cluster: &Cluster,
    group_id: &str,
    limit: Duration,
    progress: &OperationProgress,
) -> Result<(), CloudError> {
    let id = &spec.id;
    let change = Change { id, limit, done: &[] };
    // Only an available cluster accepts tags (CreateTags, InvalidClusterState).
    if tags(cluster).as_ref() != Some(&spec.tags) {
        let send = || tag(clients, &spec.arn, &spec.tags);
        change.apply(clients, &format!("tag the cluster {id}"), send).await?;
    }
    if !is_attached(cluster, &spec.role_arn) {
        progress.set_step(format!("attaching the role to cluster {id}"));
        let attach = || async {
            let attached = retry_while(is_unknown_role, || async {
                let sent = attach_role(spec).send_with(&clients.redshift).await;
                sent.map_err(|e| ApiError::new("redshift:ModifyClusterIamRoles", &e))
            });
            attached.await.map(|_| ())
        };
        let action = format!("attach the role to cluster {id}");
        change.apply(clients, &action, attach).await?;
        progress.note(format!("cluster {id}: role attached"));
        wait_available(clients, id, Some(&spec.role_arn), limit, progress).await?;
    }
    if modify(spec, cluster, group_id).is_some() {
        let send = || async {
            let Some(request) = modify(spec, cluster, group_id) else { return Ok(()) };
            let sent = request.send_with(&clients.redshift).await;
            sent.map(|_| ()).map_err(|e| ApiError::new("redshift:ModifyCluster", &e))
        };
        change.apply(clients, &format!("change the cluster {id}"), send).await?;
        progress.note(format!("cluster {id}: network settings updated"));
    }
    Ok(())
}

/// Returns `true` if Redshift rejects a role because it has not propagated yet. The error is undocumented;
/// every report of it names the role.
pub(super) fn is_unknown_role(error: &ApiError) -> bool {
    let codes = ["InvalidParameterValue", "InvalidScheduledAction", "InvalidParameterCombination"];
    codes.iter().any(|code| error.is(code)) && error.message.to_lowercase().contains("role")
}

/// Sets the ownership tags of a cluster or snapshot.
pub(super) async fn tag(clients: &Clients, arn: &str, tags: &Tags) -> Result<(), ApiError> {
    let request = clients.redshift.create_tags().resource_name(arn);
    let sent = request.set_tags(Some(redshift_tags(tags))).send().await;
    sent.map(|_| ()).map_err(|e| ApiError::new("redshift:CreateTags", &e))
}
