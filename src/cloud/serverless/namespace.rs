//! The namespace of a workgroup: its database, its admin user, and the role that it reads with.
//!
//! Sources: Redshift Serverless API Reference, CreateNamespace, UpdateNamespace (which accepts one kind of
//! change per request), GetNamespace.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::api::{self, CONFLICT, Empty, call, is_unknown_role, tag_list};
use super::lookup::role_arn;
use super::resource::{self, Resource};
use super::wait::{Wait, retry_while_busy};
use crate::cloud::clients::Clients;
use crate::cloud::error::CloudError;
use crate::cloud::json::Operation;
use crate::cloud::progress::OperationProgress;
use crate::cloud::retry::{WaitState, retry_until_found, retry_while};
use crate::cloud::tags::Tags;

/// The wanted state of a namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamespaceSpec {
    /// Name, equal to that of the workgroup.
    pub name: String,
    /// The initial database.
    pub database: String,
    /// The admin user, whose password AWS generates and stores.
    pub user: String,
    /// ARN of the role that reads the star.
    pub role_arn: String,
    /// Tags that identify the owner.
    pub tags: Tags,
}

/// An existing namespace.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Namespace {
    /// Name, unique within the account and region.
    pub namespace_name: String,
    /// ARN, which tags refer to.
    #[serde(default)]
    pub namespace_arn: String,
    /// `AVAILABLE`, `MODIFYING` or `DELETING`.
    pub status: String,
    /// The initial database.
    pub db_name: Option<String>,
    /// The admin user.
    pub admin_username: Option<String>,
    /// ARN of the secret with the admin password, if AWS manages it.
    pub admin_password_secret_arn: Option<String>,
    /// ARN of the role that `IAM_ROLE default` refers to.
    pub default_iam_role_arn: Option<String>,
    #[serde(default)]
    iam_roles: Vec<String>,
    /// Tags that identify the owner, or `None` if starlift does not manage it.
    #[serde(skip)]
    pub tags: Option<Tags>,
}

impl Resource for Namespace {
    const KIND: &'static str = "namespace";
    const GET: &'static Operation = &api::GET_NAMESPACE;
    const DELETE: &'static Operation = &api::DELETE_NAMESPACE;

    fn arn(&self) -> &str {
        &self.namespace_arn
    }

    fn status(&self) -> &str {
        &self.status
    }

    fn tags(&mut self) -> &mut Option<Tags> {
        &mut self.tags
    }
}

impl Namespace {
    /// Returns the ARNs of its roles.
    fn roles(&self) -> Vec<String> {
        self.iam_roles.iter().filter_map(|listed| role_arn(listed)).collect()
    }

    /// Returns the status of a role, such as `in-sync`, or `None` if the role is not attached.
    pub fn role_status(&self, arn: &str) -> Option<&str> {
        let listed =
            self.iam_roles.iter().find(|listed| role_arn(listed).as_deref() == Some(arn))?;
        let status = listed.split_once("applyStatus=").map(|(_, rest)| rest);
        // A list of plain ARNs has no status.
        Some(status.and_then(|rest| rest.split([',', ')']).next()).unwrap_or("in-sync"))
    }
}

/// Returns the request that creates the namespace.
pub fn create_request(spec: &NamespaceSpec) -> Value {
    json!({
        "namespaceName": spec.name,
        "dbName": spec.database,
        "adminUsername": spec.user,
        "manageAdminPassword": true,
        "iamRoles": [spec.role_arn],
        "defaultIamRoleArn": spec.role_arn,
        "tags": tag_list(&spec.tags),
    })
}

/// Returns the request that attaches the role and makes it the default, or `None` if that is the case
/// already.
///
/// The request replaces the list of roles, so it includes the roles of others.
pub fn attach_role(spec: &NamespaceSpec, found: &Namespace) -> Option<Value> {
    let mut roles = found.roles();
    let is_attached =
        roles.contains(&spec.role_arn) && found.role_status(&spec.role_arn) != Some("removing");
    if is_attached && found.default_iam_role_arn.as_ref() == Some(&spec.role_arn) {
        return None;
    }
    if !roles.contains(&spec.role_arn) {
        roles.push(spec.role_arn.clone());
    }
    Some(json!({
        "namespaceName": spec.name,
        "iamRoles": roles,
        "defaultIamRoleArn": spec.role_arn,
    }))
}

/// Returns a difference from the plan that cannot be changed in place, if there is one.
pub fn difference(spec: &NamespaceSpec, found: &Namespace) -> Option<CloudError> {
    let pairs =
        [("database", &found.db_name, &spec.database), ("user", &found.admin_username, &spec.user)];
    pairs.into_iter().find_map(|(what, found, wanted)| {
        let found = found.as_ref().filter(|found| *found != wanted)?;
        Some(CloudError::Differs {
            what: format!("namespace {}", spec.name),
            found: format!("{what} {found}"),
            wanted: wanted.clone(),
        })
    })
}

/// Returns all namespaces, without their tags.
///
/// # Errors
///
/// Returns an error if AWS rejects the request or cannot be reached.
pub async fn list(clients: &Clients) -> Result<Vec<Namespace>, CloudError> {
    let found = api::list(clients, &api::LIST_NAMESPACES, "namespaces", json!({})).await;
    found.map_err(|e| e.during("list the namespaces"))
}

/// Creates the namespace.
///
/// # Errors
///
/// Returns an error if AWS rejects a request or cannot be reached, or if another user creates one of this name
/// at the same time.
pub async fn create(
    clients: &Clients,
    spec: &NamespaceSpec,
    progress: &OperationProgress,
) -> Result<(), CloudError> {
    let name = &spec.name;
    progress.set_step(format!("creating the namespace {name}"));
    // Redshift may not know a new role yet.
    let request = create_request(spec);
    let created = retry_while(is_unknown_role, || async {
        call::<Empty>(clients, &api::CREATE_NAMESPACE, &request).await
    });
    match created.await {
        Ok(Empty {}) => {}
        // An earlier request whose response was lost created it, or another user did.
        Err(error) if error.is(CONFLICT) => {
            let Some(found) =
                retry_until_found(|| resource::find::<Namespace>(clients, name)).await?
            else {
                return Err(error.during(format!("create the namespace {name}")));
            };
            spec.tags.ensure_same_creator(found.tags.clone(), format!("namespace {name}"))?;
            if let Some(difference) = difference(spec, &found) {
                return Err(difference);
            }
        }
        Err(error) => return Err(error.during(format!("create the namespace {name}"))),
    }
    progress.note(format!("namespace {name}: created"));
    Ok(())
}

/// Changes an existing namespace to match the plan.
///
/// # Errors
///
/// Returns an error if AWS rejects the request or cannot be reached.
pub async fn update(
    clients: &Clients,
    spec: &NamespaceSpec,
    found: &Namespace,
    limit: Duration,
    progress: &OperationProgress,
) -> Result<(), CloudError> {
    let name = &spec.name;
    if found.tags.as_ref() != Some(&spec.tags) {
        resource::tag(clients, name, found, &spec.tags).await?;
    }
    let Some(request) = attach_role(spec, found) else { return Ok(()) };
    progress.set_step(format!("attaching the role to namespace {name}"));
    let what = format!("namespace {name}");
    let attached = retry_while(is_unknown_role, || {
        retry_while_busy(&what, limit, || async {
            call::<Empty>(clients, &api::UPDATE_NAMESPACE, &request).await
        })
    });
    attached.await.map_err(|e| e.during(format!("attach the role to namespace {name}")))?;
    progress.note(format!("namespace {name}: role attached"));
    Ok(())
}

/// Waits until the namespace is available and, if a role is given, until the role is in sync.
///
/// # Errors
///
/// Returns an error if it is deleted, if it takes longer than `limit`, or if AWS rejects a request.
pub async fn wait_available(
    clients: &Clients,
    name: &str,
    role_arn: Option<&str>,
    limit: Duration,
    progress: &OperationProgress,
) -> Result<Namespace, CloudError> {
    let check = |found: Option<&Namespace>| {
        // A new resource may be missing from responses for a moment.
        let Some(found) = found else { return (WaitState::Pending, "missing".to_owned()) };
        let role = role_arn.map(|arn| found.role_status(arn).unwrap_or("not attached"));
        let state = found.status.to_ascii_lowercase();
        match (found.status.as_str(), role) {
            ("DELETING", _) => (WaitState::Unreachable, state),
            ("AVAILABLE", None | Some("in-sync")) => (WaitState::Reached, state),
            (_, None | Some("in-sync")) => (WaitState::Pending, state),
            (_, Some(role)) => (WaitState::Pending, format!("{state}, its role {role}")),
        }
    };
    let what = format!("namespace {name}");
    let wait = Wait { what: &what, wanted: "available", limit, progress };
    let found = wait.until(|| resource::find(clients, name), check).await?;
    found.ok_or_else(|| wait.unreachable("missing".to_owned()))
}
