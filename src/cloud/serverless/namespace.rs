//! The namespace of a workgroup: its database, its first user, and the role in which it reads.
//!
//! Sources: Redshift Serverless API Reference, CreateNamespace, UpdateNamespace (which takes one kind of
//! change at a time), GetNamespace.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::api::{self, CONFLICT, Done, call, is_unknown_role, tag_list};
use super::lookup::role_arn;
use super::resource::{self, Resource};
use super::wait::{Wait, while_busy};
use crate::cloud::clients::Clients;
use crate::cloud::error::CloudError;
use crate::cloud::journal::Journal;
use crate::cloud::json::Operation;
use crate::cloud::tags::Tags;
use crate::cloud::wait::{Verdict, until_seen, while_settling};

/// A namespace as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamespaceSpec {
    /// Its name.
    pub name: String,
    /// The database that it begins with.
    pub database: String,
    /// Its first user, whose password AWS makes up and keeps.
    pub user: String,
    /// The role in which it reads the star.
    pub role_arn: String,
    /// Whose it is.
    pub tags: Tags,
}

/// A namespace as it is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Namespace {
    /// Its name.
    pub namespace_name: String,
    /// Its ARN.
    #[serde(default)]
    pub namespace_arn: String,
    /// `AVAILABLE`, `MODIFYING` or `DELETING`.
    pub status: String,
    /// The database that it began with.
    pub db_name: Option<String>,
    /// Its first user.
    pub admin_username: Option<String>,
    /// The secret that holds the first user's password, where AWS keeps it.
    pub admin_password_secret_arn: Option<String>,
    /// What `IAM_ROLE default` means.
    pub default_iam_role_arn: Option<String>,
    #[serde(default)]
    iam_roles: Vec<String>,
    /// Whose it is; `None` where it is not ours.
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
    /// The ARNs of its roles.
    fn roles(&self) -> Vec<String> {
        self.iam_roles.iter().filter_map(|listed| role_arn(listed)).collect()
    }

    /// How far the attachment of a role has come: `in-sync` is all the way; `None` where it is not
    /// attached.
    pub fn role_status(&self, arn: &str) -> Option<&str> {
        let listed =
            self.iam_roles.iter().find(|listed| role_arn(listed).as_deref() == Some(arn))?;
        let status = listed.split_once("applyStatus=").map(|(_, rest)| rest);
        // A list of plain ARNs tells no state.
        Some(status.and_then(|rest| rest.split([',', ')']).next()).unwrap_or("in-sync"))
    }
}

/// Creates the namespace.
pub fn create(spec: &NamespaceSpec) -> Value {
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

/// Attaches the role, and makes it the one that `IAM_ROLE default` means; `None` where it is so.
///
/// The list replaces the one that is there: the roles of others stay in it.
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

/// What a namespace has otherwise than the plan, of what is not changed in place.
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

/// All namespaces, without their tags.
///
/// # Errors
///
/// If AWS refuses or cannot be reached.
pub async fn list(clients: &Clients) -> Result<Vec<Namespace>, CloudError> {
    let found = api::list(clients, &api::LIST_NAMESPACES, "namespaces", json!({})).await;
    found.map_err(|e| e.during("list the namespaces"))
}

/// Creates the namespace.
///
/// # Errors
///
/// If AWS refuses or cannot be reached, or somebody else creates one of this name meanwhile.
pub async fn make(
    clients: &Clients,
    spec: &NamespaceSpec,
    journal: &Journal,
) -> Result<(), CloudError> {
    let name = &spec.name;
    journal.enter(format!("making the namespace {name}"));
    // A role that was only just made may not be known yet to Redshift.
    let request = create(spec);
    let made = while_settling(is_unknown_role, || async {
        call::<Done>(clients, &api::CREATE_NAMESPACE, &request).await
    });
    match made.await {
        Ok(Done {}) => {}
        // A try whose answer was lost made it, or somebody else did meanwhile.
        Err(error) if error.is(CONFLICT) => {
            let Some(found) = until_seen(|| resource::find::<Namespace>(clients, name)).await?
            else {
                return Err(error.during(format!("make the namespace {name}")));
            };
            spec.tags.demand_same(found.tags.clone(), format!("namespace {name}"))?;
            if let Some(difference) = difference(spec, &found) {
                return Err(difference);
            }
        }
        Err(error) => return Err(error.during(format!("make the namespace {name}"))),
    }
    journal.note(format!("namespace {name}: made"));
    Ok(())
}

/// Brings a namespace that stands to what it should be.
///
/// # Errors
///
/// If AWS refuses or cannot be reached.
pub async fn amend(
    clients: &Clients,
    spec: &NamespaceSpec,
    found: &Namespace,
    limit: Duration,
    journal: &Journal,
) -> Result<(), CloudError> {
    let name = &spec.name;
    if found.tags.as_ref() != Some(&spec.tags) {
        resource::tag(clients, name, found, &spec.tags).await?;
    }
    let Some(request) = attach_role(spec, found) else { return Ok(()) };
    journal.enter(format!("attaching the role to namespace {name}"));
    let what = format!("namespace {name}");
    let attached = while_settling(is_unknown_role, || {
        while_busy(&what, limit, || async {
            call::<Done>(clients, &api::UPDATE_NAMESPACE, &request).await
        })
    });
    attached.await.map_err(|e| e.during(format!("attach the role to namespace {name}")))?;
    journal.note(format!("namespace {name}: the role was attached"));
    Ok(())
}

/// Waits until the namespace can be changed; with a role, until it reads in that role.
///
/// # Errors
///
/// If it is removed meanwhile, if it takes too long, or if AWS refuses.
pub async fn wait_available(
    clients: &Clients,
    name: &str,
    role_arn: Option<&str>,
    limit: Duration,
    journal: &Journal,
) -> Result<Namespace, CloudError> {
    let judge = |found: Option<&Namespace>| {
        // It may be missing from the answers for a moment after it was made.
        let Some(found) = found else { return (Verdict::Waiting, "not there".to_owned()) };
        let role = role_arn.map(|arn| found.role_status(arn).unwrap_or("not attached"));
        let state = found.status.to_ascii_lowercase();
        match (found.status.as_str(), role) {
            ("DELETING", _) => (Verdict::Lost, state),
            ("AVAILABLE", None | Some("in-sync")) => (Verdict::Reached, state),
            (_, None | Some("in-sync")) => (Verdict::Waiting, state),
            (_, Some(role)) => (Verdict::Waiting, format!("{state}, its role {role}")),
        }
    };
    let what = format!("namespace {name}");
    let wait = Wait { what: &what, wanted: "available", limit, journal };
    let found = wait.until(|| resource::find(clients, name), judge).await?;
    found.ok_or_else(|| wait.lost("not there".to_owned()))
}
