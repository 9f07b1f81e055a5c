//! Creation of a cluster and the resources that belong to it: role, rule, cluster and schedule, in that
//! order.
//!
//! Each step is idempotent: it compares the existing resource with the plan and makes only the missing
//! changes, so a repeated run, or one after a failure, ends in the same state.

use std::time::Duration;

use aws_sdk_redshift::types::{Cluster, ScheduledAction};

use super::clients::Clients;
use super::error::CloudError;
use super::network::{FoundGroup, group_of};
use super::plan::Plan;
use super::progress::OperationProgress;
use super::role::FoundRole;
use super::tags::Tags;
use super::{cluster, network, pause, role, schedule, serverless};

/// The existing resources with the names of a plan, all managed by starlift.
#[derive(Debug, Default)]
pub struct Found {
    /// The role that the cluster assumes to read the star.
    pub role: Option<FoundRole>,
    /// The security group.
    pub group: Option<FoundGroup>,
    /// The cluster, if it exists.
    pub cluster: Option<Cluster>,
    /// The role that AWS assumes to pause the cluster.
    pub scheduler_role: Option<FoundRole>,
    /// The scheduled action.
    pub schedule: Option<ScheduledAction>,
}

impl Found {
    /// Finds all resources that the plan names, before anything is created. Accepts resources that another
    /// user of the account created only if `adopts` is set.
    ///
    /// # Errors
    ///
    /// Returns an error if starlift does not manage one of these resources, if the cluster differs from the
    /// plan in a property that cannot be changed in place, or if AWS rejects a request or cannot be reached.
    pub async fn query(clients: &Clients, plan: &Plan, adopts: bool) -> Result<Found, CloudError> {
        let ensure_owner = |found: Option<Tags>, what: String| match adopts {
            true => plan.cluster.tags.ensure_same_owner(found, what),
            false => plan.cluster.tags.ensure_same_creator(found, what),
        };
        let ensure_role_owner = |found: Option<&FoundRole>| {
            let Some(role) = found else { return Ok(()) };
            ensure_owner(role.tags.clone(), format!("role {}", role.name))
        };
        let role = role::find(clients, &plan.role.name).await?;
        ensure_role_owner(role.as_ref())?;
        let group = group_of(clients, &plan.group).await?;
        if let Some(group) = &group {
            let what = format!("security group {} ({})", group.name, group.id);
            ensure_owner(group.tags.clone(), what)?;
        }
        let cluster = cluster::find(clients, &plan.cluster.id).await?;
        if let Some(found) = &cluster {
            let what = format!("cluster {}", plan.cluster.id);
            ensure_owner(cluster::tags(found), what)?;
            if !cluster::is_deleting(cluster::status(found))
                && let Some(difference) = cluster::difference(&plan.cluster, found)
            {
                return Err(difference);
            }
        }
        if cluster.is_none() && serverless::workgroup::is_managed(clients, &plan.name).await {
            let (what, found) = (plan.name.to_string(), "a workgroup".to_owned());
            return Err(CloudError::Differs { what, found, wanted: "a cluster".to_owned() });
        }
        let scheduler = plan.name.scheduler_role(&clients.region);
        let scheduler_role = role::find(clients, &scheduler).await?;
        ensure_role_owner(scheduler_role.as_ref())?;
        let schedule = schedule::find(clients, &plan.name.schedule()).await?;
        if let Some(action) = &schedule
            && schedule::owner(action).as_ref() != Some(&plan.name)
        {
            let what = format!("scheduled action {}", plan.name.schedule());
            ensure_owner(None, what)?;
        }
        Ok(Found { role, group, cluster, scheduler_role, schedule })
    }
}

/// Creates or changes the resources of the plan, and waits until the cluster is available.
///
/// # Errors
///
/// Returns an error if AWS rejects a request or cannot be reached, or if the cluster does not become available
/// in time.
pub async fn provision(
    clients: &Clients,
    plan: &Plan,
    found: Found,
    timeout: Duration,
    progress: &OperationProgress,
) -> Result<Cluster, CloudError> {
    role::ensure(clients, &plan.role, found.role.as_ref(), progress).await?;
    let group_id = network::ensure(clients, &plan.group, found.group.as_ref(), progress).await?;
    let id = &plan.cluster.id;
    let current = current_cluster(clients, &found, timeout, progress).await?;
    if current.is_none() {
        cluster::create(clients, &plan.cluster, &group_id, progress).await?;
    }
    // Before the long wait, so that AWS pauses the cluster even if this process ends during the wait. It is
    // undocumented whether AWS accepts a schedule for a cluster that is being created, so try again after
    // the wait if it does not.
    let is_transitional = current.is_none_or(|c| cluster::is_transitional(cluster::status(c)));
    let is_scheduled = match ensure_schedule(clients, plan, &found, progress).await {
        Ok(()) => true,
        Err(error @ CloudError::Api { .. }) if is_transitional && !error.is_denied() => {
            progress.note(format!("NOT done yet: {error}"));
            false
        }
        Err(error) => return Err(error),
    };
    let settled = cluster::wait_settled(clients, id, timeout, progress).await;
    if !is_scheduled {
        // Even if the wait failed: the cluster may become available later.
        ensure_schedule(clients, plan, &found, progress).await?;
    }
    if let Some(cluster) = settled?
        && cluster::status(&cluster) == "paused"
    {
        pause::start(clients, id, timeout, progress).await?;
    }
    let role_arn = Some(plan.cluster.role_arn.as_str());
    let cluster = cluster::wait_available(clients, id, None, timeout, progress).await?;
    // A cluster in a transitional state may not have reported all properties before.
    if current.is_some()
        && let Some(difference) = cluster::difference(&plan.cluster, &cluster)
    {
        return Err(difference);
    }
    cluster::update(clients, &plan.cluster, &cluster, &group_id, timeout, progress).await?;
    let cluster = cluster::wait_available(clients, id, role_arn, timeout, progress).await?;
    progress.note(format!("cluster {id}: available"));
    Ok(cluster)
}

/// Returns the existing cluster, or `None` after it was deleted if it was being deleted.
async fn current_cluster<'a>(
    clients: &Clients,
    found: &'a Found,
    timeout: Duration,
    progress: &OperationProgress,
) -> Result<Option<&'a Cluster>, CloudError> {
    let Some(cluster) = &found.cluster else { return Ok(None) };
    let (id, state) = (cluster::id(cluster), cluster::status(cluster));
    progress.note(format!("cluster {id}: already exists ({state}) and incurs costs"));
    if cluster::is_deleting(state) {
        cluster::wait_deleted(clients, id, timeout, progress).await?;
        return Ok(None);
    }
    Ok(Some(cluster))
}

/// Creates the schedule and its role if the plan has one, and deletes them otherwise.
async fn ensure_schedule(
    clients: &Clients,
    plan: &Plan,
    found: &Found,
    progress: &OperationProgress,
) -> Result<(), CloudError> {
    if let Some((role, schedule)) = &plan.expiry {
        role::ensure(clients, role, found.scheduler_role.as_ref(), progress).await?;
        return schedule::ensure(clients, schedule, found.schedule.as_ref(), progress).await;
    }
    if found.schedule.is_some() {
        schedule::delete(clients, &plan.name.schedule(), progress).await?;
    }
    match &found.scheduler_role {
        Some(role) => role::delete(clients, &role.name, progress).await,
        None => Ok(()),
    }
}
