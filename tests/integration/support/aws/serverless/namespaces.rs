//! Namespaces.

use serde_json::{Value, json};

use super::super::cloud::{Cloud, Pace};
use super::super::query::ErrorReply;
use super::super::{ACCOUNT, REGION};
use super::checks::{conflict, invalid, missing, name, one_change, texts};
use super::{Next, Serverless, Then, arn, tags};

#[derive(Clone)]
pub struct Namespace {
    pub database: String,
    pub user: String,
    pub roles: Vec<Role>,
    pub default_role: Option<String>,
    pub secret: Option<String>,
    pub status: String,
    pub next: Next,
}

#[derive(Clone)]
pub struct Role {
    arn: String,
    /// The number of polls before it is attached; `None` once it is.
    left: Option<usize>,
}

impl Role {
    pub fn attached(arn: String) -> Role {
        Role { arn, left: None }
    }

    /// The role as the service lists it, which is not an ARN but text such as
    /// `IamRole(applyStatus=in-sync, iamRoleArn=...)`.
    fn to_text(&self) -> String {
        let status = if self.left.is_some() { "adding" } else { "in-sync" };
        format!("IamRole(applyStatus={status}, iamRoleArn={})", self.arn)
    }
}

impl Default for Namespace {
    fn default() -> Namespace {
        Namespace {
            database: "dev".to_owned(),
            user: "admin".to_owned(),
            roles: Vec::new(),
            default_role: None,
            secret: None,
            status: "AVAILABLE".to_owned(),
            next: None,
        }
    }
}

impl Namespace {
    pub fn to_json(&self, name: &str) -> Value {
        json!({
            "namespaceName": name,
            "namespaceArn": arn("namespace", name),
            "namespaceId": "0f3a",
            "dbName": self.database,
            "adminUsername": self.user,
            "adminPasswordSecretArn": self.secret,
            "status": self.status,
            "defaultIamRoleArn": self.default_role,
            "iamRoles": self.roles.iter().map(Role::to_text).collect::<Vec<_>>(),
            "creationDate": "2026-01-01T00:00:00Z",
        })
    }
}

impl Serverless {
    pub(super) fn get_namespace(&self, body: &Value) -> Result<Value, ErrorReply> {
        let name = name(body, "namespaceName")?;
        let found = self.namespaces.get(name).ok_or_else(|| unknown(name))?;
        Ok(json!({ "namespace": found.to_json(name) }))
    }

    pub(super) async fn create_namespace(
        &mut self,
        cloud: &Cloud,
        body: &Value,
        pace: Pace,
    ) -> Result<Value, ErrorReply> {
        let name = name(body, "namespaceName")?;
        if self.namespaces.contains_key(name) {
            return Err(conflict(format!("The namespace {name} already exists.")));
        }
        let managed = body["manageAdminPassword"] == true;
        if managed && !body["adminUserPassword"].is_null() {
            return Err(invalid("adminUserPassword can't be used if manageAdminPassword is true."));
        }
        let roles = check_roles(cloud, body).await?;
        let user = body["adminUsername"].as_str().unwrap_or("admin").to_owned();
        let secret = format!(
            "arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:redshift!{name}-{user}-AbCdEf"
        );
        let left = self.polls_at(pace);
        let namespace = Namespace {
            database: body["dbName"].as_str().unwrap_or("dev").to_owned(),
            user,
            roles: roles.into_iter().map(|arn| Role { arn, left }).collect(),
            default_role: body["defaultIamRoleArn"].as_str().map(str::to_owned),
            secret: managed.then_some(secret),
            ..Namespace::default()
        };
        let answer = json!({ "namespace": namespace.to_json(name) });
        self.tags.insert(arn("namespace", name), tags::read(body));
        self.namespaces.insert(name.to_owned(), namespace);
        Ok(answer)
    }

    pub(super) async fn update_namespace(
        &mut self,
        cloud: &Cloud,
        body: &Value,
        pace: Pace,
    ) -> Result<Value, ErrorReply> {
        let name = name(body, "namespaceName")?;
        let left = self.polls_at(pace);
        let found = self.namespaces.get_mut(name).ok_or_else(|| unknown(name))?;
        check_available(name, &found.status)?;
        let kinds: [&[&str]; 3] =
            [&["iamRoles", "defaultIamRoleArn"], &["adminUsername"], &["logExports"]];
        one_change(body, &format!("namespace {name}"), &kinds)?;
        if body["iamRoles"].is_null() || body["defaultIamRoleArn"].is_null() {
            return Err(invalid("iamRoles and defaultIamRoleArn must be updated together."));
        }
        let roles = check_roles(cloud, body).await?;
        let old = std::mem::take(&mut found.roles);
        found.roles = roles
            .into_iter()
            .map(|arn| {
                let known = old.iter().find(|role| role.arn == arn).cloned();
                known.unwrap_or(Role { arn, left })
            })
            .collect();
        found.default_role = body["defaultIamRoleArn"].as_str().map(str::to_owned);
        found.begin("MODIFYING", left);
        Ok(json!({ "namespace": found.to_json(name) }))
    }

    pub(super) fn delete_namespace(
        &mut self,
        body: &Value,
        pace: Pace,
    ) -> Result<Value, ErrorReply> {
        let name = name(body, "namespaceName")?;
        if self.workgroups.values().any(|group| group.namespace == name) {
            let message = format!("There is a workgroup associated with namespace {name}.");
            return Err(conflict(message));
        }
        let left = self.polls_at(pace);
        let found = self.namespaces.get_mut(name).ok_or_else(|| unknown(name))?;
        check_available(name, &found.status)?;
        if let Some(snapshot) = body["finalSnapshotName"].as_str() {
            if self.snapshots.contains_key(snapshot) {
                return Err(conflict(format!("The snapshot {snapshot} already exists.")));
            }
            self.snapshots.insert(snapshot.to_owned(), name.to_owned());
            self.tags.insert(arn("snapshot", snapshot), Default::default());
        }
        found.status = "DELETING".to_owned();
        found.next = left.map(|left| (left, Then::Removed));
        let answer = json!({ "namespace": found.to_json(name) });
        if left.is_none() {
            self.remove_namespace(name);
        }
        Ok(answer)
    }

    pub(super) fn step_namespace(&mut self, name: &str) {
        let Some(found) = self.namespaces.get_mut(name) else { return };
        for role in &mut found.roles {
            role.left = role.left.and_then(|left| left.checked_sub(1));
        }
        match &mut found.next {
            Some((0, Then::Removed)) => self.remove_namespace(name),
            Some((0, Then::Available)) => {
                (found.status, found.next) = ("AVAILABLE".to_owned(), None)
            }
            Some((left, _)) => *left -= 1,
            None => {}
        }
    }

    fn remove_namespace(&mut self, name: &str) {
        self.namespaces.remove(name);
        self.tags.remove(&arn("namespace", name));
    }
}

impl Namespace {
    /// Enters the transitional state `status` unless `left` is `None`.
    pub fn begin(&mut self, status: &str, left: Option<usize>) {
        if let Some(left) = left {
            (self.status, self.next) = (status.to_owned(), Some((left, Then::Available)));
        }
    }
}

/// Checks that the roles exist and trust the service, and that the default role is one of them.
async fn check_roles(cloud: &Cloud, body: &Value) -> Result<Vec<String>, ErrorReply> {
    let roles = texts(body, "iamRoles");
    for role in &roles {
        if !cloud.trusts(role, "redshift-serverless.amazonaws.com").await {
            return Err(invalid(format!(
                "The IAM role {role} is not valid. The IAM role must delegate access to an Amazon \
                 Redshift account."
            )));
        }
    }
    match body["defaultIamRoleArn"].as_str() {
        Some(default) if !roles.iter().any(|role| role == default) => {
            Err(invalid("The default IAM role must be one of the IAM roles."))
        }
        _ => Ok(roles),
    }
}

pub fn check_available(name: &str, status: &str) -> Result<(), ErrorReply> {
    match status {
        "AVAILABLE" => Ok(()),
        _ => Err(conflict(format!("There is an operation running on {name}. Try again later."))),
    }
}

pub fn unknown(name: &str) -> ErrorReply {
    missing(format!("The namespaceName {name} was not found."))
}
