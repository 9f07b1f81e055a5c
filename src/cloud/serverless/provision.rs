//! Creation of a workgroup and the resources that belong to it: role, rule, namespace, workgroup, limit, in
//! that order.
//!
//! Each step does only what is missing, so a second run, or a run after a failure, ends in the same state.

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

/// Existing resources with the names of a plan, all managed by starlift.
#[derive(Debug, Default)]
pub struct Found {
    /// The role that reads the star.
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

/// The resulting resources, as AWS describes them.
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
    /// Finds the resources that the plan names, before anything is created. With `adopts`, resources of
    /// other users of the account are accepted.
    ///
    /// # Errors
    ///
    /// Returns an error if a resource of the plan exists and starlift does not manage it, if one differs in a
    /// property that cannot be changed, or if AWS rejects a request or cannot be reached.
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

/// Rejects the name of a managed cluster, whose role and rule the workgroup would share, and a namespace that
/// belongs to another workgroup.
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

/// Creates or changes the resources of the plan, and waits until the workgroup is available.
///
/// # Errors
///
/// Returns an error if AWS rejects a request or cannot be reached, or if a resource is not available in time.
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
        journal.note(format!("workgroup {name}: exists already ({state})"));
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
    // Set the limit before the long wait, so that it applies even if this process ends. It is undocumented
    // whether AWS accepts a limit for a workgroup that is being created; if not, retry after the wait.
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

/// Creates the namespace if it does not exist, and waits until it is available.
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

/// Changes existing resources to match the plan, and returns them.
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
