//! Making a workgroup and what goes with it: role, rule, namespace, workgroup, limit, in that order.
//!
//! Each step looks at what is there and does what is missing, so that a second run, or one after a
//! failure half-way, ends in the same state.

use std::time::Duration;

use super::namespace::{self, Namespace};
use super::plan::Plan;
use super::resource::{self, Resource};
use super::workgroup::{self, Workgroup};
use super::{limit, limit::FoundLimit};
use crate::cloud::clients::Clients;
use crate::cloud::error::CloudError;
use crate::cloud::journal::Journal;
use crate::cloud::network::{FoundGroup, group_of};
use crate::cloud::role::{self, FoundRole};
use crate::cloud::tags::Tags;
use crate::cloud::{cluster, network};

/// What is there under the names of a plan, all of it ours.
#[derive(Debug, Default)]
pub struct Found {
    /// The role in which the workgroup reads the star.
    pub role: Option<FoundRole>,
    /// The security group.
    pub group: Option<FoundGroup>,
    /// The namespace.
    pub namespace: Option<Namespace>,
    /// The workgroup.
    pub workgroup: Option<Workgroup>,
    /// The limits of the workgroup's compute.
    pub limits: Vec<FoundLimit>,
}

/// What has been made, as AWS describes it.
#[derive(Debug)]
pub struct Made {
    /// The namespace.
    pub namespace: Namespace,
    /// The workgroup.
    pub workgroup: Workgroup,
    /// The limits of the workgroup's compute.
    pub limits: Vec<FoundLimit>,
}

impl Found {
    /// Looks for everything that the plan names, before anything is made; what another user of the
    /// account made is taken over only if that is meant.
    ///
    /// # Errors
    ///
    /// If something has a name of the plan's and is not ours, if something differs in what cannot be
    /// changed, or if AWS refuses or cannot be reached.
    pub async fn look(clients: &Clients, plan: &Plan, adopts: bool) -> Result<Found, CloudError> {
        let tags = &plan.workgroup.tags;
        let demand = |found: Option<Tags>, what: String| match adopts {
            true => tags.demand(found, what),
            false => tags.demand_same(found, what),
        };
        let role = role::find(clients, &plan.role.name).await?;
        if let Some(role) = &role {
            demand(role.tags.clone(), format!("role {}", role.name))?;
        }
        let group = group_of(clients, &plan.group).await?;
        if let Some(group) = &group {
            let what = format!("security group {} ({})", group.name, group.id);
            demand(group.tags.clone(), what)?;
        }
        let namespace = resource::find::<Namespace>(clients, &plan.namespace.name).await?;
        if let Some(found) = &namespace {
            demand(found.tags.clone(), format!("namespace {}", found.namespace_name))?;
            let difference = namespace::difference(&plan.namespace, found);
            refuse(difference.filter(|_| !found.is_going()))?;
        }
        let workgroup = resource::find::<Workgroup>(clients, &plan.workgroup.name).await?;
        let mut limits = Vec::new();
        if let Some(found) = &workgroup {
            demand(found.tags.clone(), format!("workgroup {}", found.workgroup_name))?;
            let difference = workgroup::difference(&plan.workgroup, found);
            refuse(difference.filter(|_| !found.is_going()))?;
            limits = limit::list(clients, Some(&found.workgroup_arn)).await?;
        }
        demand_alone(clients, plan, namespace.is_some() && workgroup.is_none()).await?;
        Ok(Found { role, group, namespace, workgroup, limits })
    }
}

fn refuse(error: Option<CloudError>) -> Result<(), CloudError> {
    error.map_or(Ok(()), Err)
}

/// Refuses a name that a cluster of ours has, whose role and rule it would share, and a namespace
/// that another workgroup serves.
async fn demand_alone(clients: &Clients, plan: &Plan, is_unserved: bool) -> Result<(), CloudError> {
    if cluster::find_ours(clients, &plan.name).await?.is_some() {
        let (what, found) = (plan.name.to_string(), "a cluster".to_owned());
        return Err(CloudError::Differs { what, found, wanted: "a workgroup".to_owned() });
    }
    if !is_unserved {
        return Ok(());
    }
    let serving = workgroup::list(clients).await?;
    let serving = serving.into_iter().find(|found| found.namespace_name == plan.namespace.name);
    refuse(serving.map(|found| CloudError::Differs {
        what: format!("namespace {}", plan.namespace.name),
        found: format!("workgroup {}", found.workgroup_name),
        wanted: plan.workgroup.name.clone(),
    }))
}

/// Makes what the plan says, and waits until the workgroup can be used.
///
/// # Errors
///
/// If AWS refuses or cannot be reached, or something does not come up in time.
pub async fn provision(
    clients: &Clients,
    plan: &Plan,
    found: Found,
    timeout: Duration,
    journal: &Journal,
) -> Result<Made, CloudError> {
    role::ensure(clients, &plan.role, found.role.as_ref(), journal).await?;
    let group_id = network::ensure(clients, &plan.group, found.group.as_ref(), journal).await?;
    let name = plan.name.as_str();

    let mut standing = found.workgroup.as_ref();
    if let Some(workgroup) = standing {
        let state = workgroup.status.to_ascii_lowercase();
        journal.note(format!("workgroup {name}: was there already ({state})"));
    }
    if standing.is_some_and(Workgroup::is_going) {
        resource::wait_gone::<Workgroup>(clients, name, timeout, journal).await?;
        standing = None;
    }
    ensure_namespace(clients, plan, found.namespace.as_ref(), timeout, journal).await?;
    let arn = match standing {
        Some(found) => found.workgroup_arn.clone(),
        None => workgroup::make(clients, &plan.workgroup, &group_id, timeout, journal).await?,
    };
    // Before the long wait: if this process ends in it, the workgroup is limited all the same. No
    // documentation says whether AWS limits one that is being made: if not, it is tried again.
    let limited = limit::ensure(clients, name, &arn, plan.limit, journal).await;
    let is_limited = match limited {
        Ok(()) => true,
        Err(error @ CloudError::Api { .. }) if !error.is_denied() => {
            journal.note(format!("NOT done yet: {error}"));
            false
        }
        Err(error) => return Err(error),
    };
    let workgroup = workgroup::wait_available(clients, name, timeout, journal).await?;
    if !is_limited {
        limit::ensure(clients, name, &arn, plan.limit, journal).await?;
    }
    if let Some(difference) = workgroup::difference(&plan.workgroup, &workgroup) {
        return Err(difference);
    }
    finish(clients, plan, &workgroup, &group_id, timeout, journal).await
}

/// Makes the namespace, unless it stands, and waits until it can be changed.
async fn ensure_namespace(
    clients: &Clients,
    plan: &Plan,
    found: Option<&Namespace>,
    timeout: Duration,
    journal: &Journal,
) -> Result<(), CloudError> {
    let name = plan.name.as_str();
    let mut standing = found;
    if standing.is_some_and(Namespace::is_going) {
        resource::wait_gone::<Namespace>(clients, name, timeout, journal).await?;
        standing = None;
    }
    if standing.is_none() {
        namespace::make(clients, &plan.namespace, journal).await?;
    }
    namespace::wait_available(clients, name, None, timeout, journal).await?;
    Ok(())
}

/// Brings what stands to what it should be, and looks at the result.
async fn finish(
    clients: &Clients,
    plan: &Plan,
    workgroup: &Workgroup,
    group_id: &str,
    timeout: Duration,
    journal: &Journal,
) -> Result<Made, CloudError> {
    let name = plan.name.as_str();
    let namespace = namespace::wait_available(clients, name, None, timeout, journal).await?;
    namespace::amend(clients, &plan.namespace, &namespace, timeout, journal).await?;
    let role_arn = Some(plan.namespace.role_arn.as_str());
    let namespace = namespace::wait_available(clients, name, role_arn, timeout, journal).await?;
    workgroup::amend(clients, &plan.workgroup, workgroup, group_id, timeout, journal).await?;
    let workgroup = workgroup::wait_available(clients, name, timeout, journal).await?;
    let limits = limit::list(clients, Some(&workgroup.workgroup_arn)).await?;
    journal.note(format!("workgroup {name}: available"));
    Ok(Made { namespace, workgroup, limits })
}
