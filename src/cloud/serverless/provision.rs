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
use crate::cloud::network::{FoundGroup, group_of};
use crate::cloud::progress::OperationProgress;
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
    /// The namespace, if it exists.
    pub namespace: Option<Namespace>,
    /// The workgroup, if it exists.
    pub workgroup: Option<Workgroup>,
    /// The limits of the workgroup's compute.
    pub limits: Vec<FoundLimit>,
}

/// The resulting resources, as AWS describes them.
#[derive(Debug)]
pub struct Provisioned {
    /// The namespace with its role.
    pub namespace: Namespace,
    /// The workgroup with its endpoint.
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
    pub async fn query(clients: &Clients, plan: &Plan, adopts: bool) -> Result<Found, CloudError> {
        let tags = &plan.workgroup.tags;
        let ensure_owner = |found: Option<Tags>, what: String| match adopts {
            true => tags.ensure_same_owner(found, what),
            false => tags.ensure_same_creator(found, what),
        };
        let role = role::find(clients, &plan.role.name).await?;
        if let Some(role) = &role {
            ensure_owner(role.tags.clone(), format!("role {}", role.name))?;
        }
        let group = group_of(clients, &plan.group).await?;
        if let Some(group) = &group {
            let what = format!("security group {} ({})", group.name, group.id);
            ensure_owner(group.tags.clone(), what)?;
        }
        let namespace = resource::find::<Namespace>(clients, &plan.namespace.name).await?;
        if let Some(found) = &namespace {
            ensure_owner(found.tags.clone(), format!("namespace {}", found.namespace_name))?;
            let difference = namespace::difference(&plan.namespace, found);
            reject(difference.filter(|_| !found.is_deleting()))?;
        }
        let workgroup = resource::find::<Workgroup>(clients, &plan.workgroup.name).await?;
        let mut limits = Vec::new();
        if let Some(found) = &workgroup {
            ensure_owner(found.tags.clone(), format!("workgroup {}", found.workgroup_name))?;
            let difference = workgroup::difference(&plan.workgroup, found);
            reject(difference.filter(|_| !found.is_deleting()))?;
            limits = limit::list(clients, Some(&found.workgroup_arn)).await?;
        }
        ensure_exclusive(clients, plan, namespace.is_some() && workgroup.is_none()).await?;
        Ok(Found { role, group, namespace, workgroup, limits })
    }
}

fn reject(error: Option<CloudError>) -> Result<(), CloudError> {
    error.map_or(Ok(()), Err)
}

/// Rejects the name of a managed cluster, whose role and rule the workgroup would share, and a namespace that
/// belongs to another workgroup.
async fn ensure_exclusive(
    clients: &Clients,
    plan: &Plan,
    is_unserved: bool,
) -> Result<(), CloudError> {
    if cluster::find_managed(clients, &plan.name).await?.is_some() {
        let (what, found) = (plan.name.to_string(), "a cluster".to_owned());
        return Err(CloudError::Differs { what, found, wanted: "a workgroup".to_owned() });
    }
    if !is_unserved {
        return Ok(());
    }
    let serving = workgroup::list(clients).await?;
    let serving = serving.into_iter().find(|found| found.namespace_name == plan.namespace.name);
    reject(serving.map(|found| CloudError::Differs {
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
    progress: &OperationProgress,
) -> Result<Provisioned, CloudError> {
    role::ensure(clients, &plan.role, found.role.as_ref(), progress).await?;
    let group_id = network::ensure(clients, &plan.group, found.group.as_ref(), progress).await?;
    let name = plan.name.as_str();

    let mut current = found.workgroup.as_ref();
    if let Some(workgroup) = current {
        let state = workgroup.status.to_ascii_lowercase();
        progress.note(format!("workgroup {name}: already exists ({state})"));
    }
    if current.is_some_and(Workgroup::is_deleting) {
        resource::wait_deleted::<Workgroup>(clients, name, timeout, progress).await?;
        current = None;
    }
    ensure_namespace(clients, plan, found.namespace.as_ref(), timeout, progress).await?;
    let arn = match current {
        Some(found) => found.workgroup_arn.clone(),
        None => workgroup::create(clients, &plan.workgroup, &group_id, timeout, progress).await?,
    };
    // Set the limit before the long wait, so that it applies even if this process ends. It is undocumented
    // whether AWS accepts a limit for a workgroup that is being created; if not, retry after the wait.
    let limited = limit::ensure(clients, name, &arn, plan.limit, progress).await;
    let is_limited = match limited {
        Ok(()) => true,
        Err(error @ CloudError::Api { .. }) if !error.is_denied() => {
            progress.note(format!("NOT done yet: {error}"));
            false
        }
        Err(error) => return Err(error),
    };
    let workgroup = workgroup::wait_available(clients, name, timeout, progress).await?;
    if !is_limited {
        limit::ensure(clients, name, &arn, plan.limit, progress).await?;
    }
    if let Some(difference) = workgroup::difference(&plan.workgroup, &workgroup) {
        return Err(difference);
    }
    finish(clients, plan, &workgroup, &group_id, timeout, progress).await
}

/// Creates the namespace if it does not exist, and waits until it is available.
async fn ensure_namespace(
    clients: &Clients,
    plan: &Plan,
    found: Option<&Namespace>,
    timeout: Duration,
    progress: &OperationProgress,
) -> Result<(), CloudError> {
    let name = plan.name.as_str();
    let mut current = found;
    if current.is_some_and(Namespace::is_deleting) {
        resource::wait_deleted::<Namespace>(clients, name, timeout, progress).await?;
        current = None;
    }
    if current.is_none() {
        namespace::create(clients, &plan.namespace, progress).await?;
    }
    namespace::wait_available(clients, name, None, timeout, progress).await?;
    Ok(())
}

/// Changes existing resources to match the plan, and returns them.
async fn finish(
    clients: &Clients,
    plan: &Plan,
    workgroup: &Workgroup,
    group_id: &str,
    timeout: Duration,
    progress: &OperationProgress,
) -> Result<Provisioned, CloudError> {
    let name = plan.name.as_str();
    let namespace = namespace::wait_available(clients, name, None, timeout, progress).await?;
    namespace::update(clients, &plan.namespace, &namespace, timeout, progress).await?;
    let role_arn = Some(plan.namespace.role_arn.as_str());
    let namespace = namespace::wait_available(clients, name, role_arn, timeout, progress).await?;
    workgroup::update(clients, &plan.workgroup, workgroup, group_id, timeout, progress).await?;
    let workgroup = workgroup::wait_available(clients, name, timeout, progress).await?;
    let limits = limit::list(clients, Some(&workgroup.workgroup_arn)).await?;
    progress.note(format!("workgroup {name}: available"));
    Ok(Provisioned { namespace, workgroup, limits })
}
