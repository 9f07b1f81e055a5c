//! IAM roles: one that the cluster assumes to read the star, and one that AWS assumes to pause the cluster.

use aws_sdk_iam::operation::create_role::builders::CreateRoleInputBuilder;
use aws_sdk_iam::operation::put_role_policy::builders::PutRolePolicyInputBuilder;
use aws_sdk_iam::operation::update_assume_role_policy::builders::UpdateAssumeRolePolicyInputBuilder;
use aws_sdk_iam::types::{Role, Tag};
use serde_json::Value;

use super::clients::Clients;
use super::error::{ApiError, CloudError};
use super::names::ROLE_PATH;
use super::progress::OperationProgress;
use super::retry::{retry_until_found, retry_while};
use super::tags::Tags;

/// The specification of a role.
#[derive(Debug, Clone, PartialEq)]
pub struct RoleSpec {
    /// The role name.
    pub name: String,
    /// The description, which states its purpose.
    pub description: String,
    /// The trust policy.
    pub trust: Value,
    /// The name of the only inline policy.
    pub policy_name: &'static str,
    /// The inline policy, which defines the permissions.
    pub policy: Value,
    /// The ownership tags.
    pub tags: Tags,
}

/// An existing role.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundRole {
    /// The role name.
    pub name: String,
    /// The ARN of the role.
    pub arn: String,
    /// The trust policy, or `null` if it cannot be parsed.
    pub trust: Value,
    /// The ownership tags, or `None` if starlift does not manage the role.
    pub tags: Option<Tags>,
}

/// Returns the request that creates the role.
pub fn create_request(spec: &RoleSpec) -> CreateRoleInputBuilder {
    CreateRoleInputBuilder::default()
        .role_name(&spec.name)
        .path(ROLE_PATH)
        .description(&spec.description)
        .assume_role_policy_document(spec.trust.to_string())
        .set_tags(Some(iam_tags(&spec.tags)))
}

/// Returns the request that replaces the trust policy.
pub fn update_trust(spec: &RoleSpec) -> UpdateAssumeRolePolicyInputBuilder {
    UpdateAssumeRolePolicyInputBuilder::default()
        .role_name(&spec.name)
        .policy_document(spec.trust.to_string())
}

/// Returns the request that sets the inline policy.
pub fn put_policy(spec: &RoleSpec) -> PutRolePolicyInputBuilder {
    PutRolePolicyInputBuilder::default()
        .role_name(&spec.name)
        .policy_name(spec.policy_name)
        .policy_document(spec.policy.to_string())
}

/// Returns the role with this name, if it exists.
///
/// # Errors
///
/// Returns an error if AWS rejects the request or cannot be reached.
pub async fn find(clients: &Clients, name: &str) -> Result<Option<FoundRole>, CloudError> {
    match clients.iam.get_role().role_name(name).send().await {
        Ok(answer) => Ok(answer.role.map(|role| found(&role))),
        Err(error) => {
            let error = ApiError::new("iam:GetRole", &error);
            if error.is("NoSuchEntity") {
                return Ok(None);
            }
            Err(error.during(format!("look up the role {name}")))
        }
    }
}

fn found(role: &Role) -> FoundRole {
    let tags = role.tags.as_deref().unwrap_or_default();
    let trust = role.assume_role_policy_document.as_deref().and_then(parse_document);
    FoundRole {
        name: role.role_name.clone(),
        arn: role.arn.clone(),
        trust: trust.unwrap_or(Value::Null),
        tags: Tags::read(tags.iter().map(|tag| (tag.key.as_str(), tag.value.as_str()))),
    }
}

/// Decodes a policy document as IAM returns it: percent-encoded JSON.
pub fn parse_document(encoded: &str) -> Option<Value> {
    let pair = format!("x={}", encoded.replace('+', "%2B"));
    let (_, text) = url::form_urlencoded::parse(pair.as_bytes()).next()?;
    serde_json::from_str(&text).ok()
}

/// Creates the role, or changes an existing one to match the specification, and returns its ARN.
///
/// # Errors
///
/// Returns an error if AWS rejects the request or cannot be reached.
pub async fn ensure(
    clients: &Clients,
    spec: &RoleSpec,
    found: Option<&FoundRole>,
    progress: &OperationProgress,
) -> Result<String, CloudError> {
    let name = &spec.name;
    progress.set_step(format!("creating the role {name}"));
    let arn = match found {
        None => {
            let arn = create(clients, spec).await?;
            progress.note(format!("role {name}: created"));
            arn
        }
        Some(found) => {
            update(clients, spec, found, progress).await?;
            found.arn.clone()
        }
    };
    if policy(clients, name, spec.policy_name).await? != Some(spec.policy.clone()) {
        // A new role may not have propagated yet.
        let put = retry_while(
            |e: &ApiError| e.is("NoSuchEntity"),
            || async {
                let sent = put_policy(spec).send_with(&clients.iam).await;
                sent.map_err(|e| ApiError::new("iam:PutRolePolicy", &e))
            },
        );
        put.await.map_err(|e| e.during(format!("set the policy of the role {name}")))?;
        progress.note(format!("role {name}: policy set"));
    }
    Ok(arn)
}

/// Creates the role without its policy, and returns its ARN.
async fn create(clients: &Clients, spec: &RoleSpec) -> Result<String, CloudError> {
    let name = &spec.name;
    let created = create_request(spec).send_with(&clients.iam).await;
    match created.map_err(|e| ApiError::new("iam:CreateRole", &e)) {
        Ok(answer) => Ok(answer.role.map(|role| role.arn).unwrap_or_default()),
        // An earlier request whose response was lost created it, or another user did.
        Err(error) if error.is("EntityAlreadyExists") => {
            let Some(found) = retry_until_found(|| find(clients, name)).await? else {
                return Err(error.during(format!("create the role {name}")));
            };
            spec.tags.ensure_same_creator(found.tags, format!("role {name}"))?;
            Ok(found.arn)
        }
        Err(error) => Err(error.during(format!("create the role {name}"))),
    }
}

/// Changes the trust policy and the tags of an existing role to match the specification.
async fn update(
    clients: &Clients,
    spec: &RoleSpec,
    found: &FoundRole,
    progress: &OperationProgress,
) -> Result<(), CloudError> {
    let name = &spec.name;
    if found.trust != spec.trust {
        let sent = update_trust(spec).send_with(&clients.iam).await;
        sent.map_err(|e| {
            ApiError::new("iam:UpdateAssumeRolePolicy", &e)
                .during(format!("update the trust policy of the role {name}"))
        })?;
        progress.note(format!("role {name}: trust policy updated"));
    }
    if found.tags.as_ref() != Some(&spec.tags) {
        tag(clients, name, &spec.tags).await?;
    }
    Ok(())
}

/// Sets the ownership tags of a role.
pub(super) async fn tag(clients: &Clients, name: &str, tags: &Tags) -> Result<(), CloudError> {
    let request = clients.iam.tag_role().role_name(name).set_tags(Some(iam_tags(tags)));
    let sent = request.send().await;
    sent.map_err(|e| ApiError::new("iam:TagRole", &e).during(format!("tag the role {name}")))?;
    Ok(())
}

async fn policy(clients: &Clients, role: &str, policy: &str) -> Result<Option<Value>, CloudError> {
    match clients.iam.get_role_policy().role_name(role).policy_name(policy).send().await {
        Ok(answer) => Ok(parse_document(&answer.policy_document)),
        Err(error) => {
            let error = ApiError::new("iam:GetRolePolicy", &error);
            if error.is("NoSuchEntity") {
                return Ok(None);
            }
            Err(error.during(format!("read the policy of the role {role}")))
        }
    }
}

/// Returns all roles below the path of starlift, with their tags.
///
/// # Errors
///
/// Returns an error if AWS rejects the request or cannot be reached.
pub async fn list(clients: &Clients) -> Result<Vec<FoundRole>, CloudError> {
    let mut pages = clients.iam.list_roles().path_prefix(ROLE_PATH).into_paginator().items().send();
    let mut roles = Vec::new();
    while let Some(role) = pages.next().await {
        let listed =
            role.map_err(|e| ApiError::new("iam:ListRoles", &e).during("list the roles"))?;
        // The listing omits tags.
        roles.extend(find(clients, &listed.role_name).await?);
    }
    Ok(roles)
}

/// Deletes a role and its policies. Succeeds if it does not exist.
///
/// # Errors
///
/// Returns an error if AWS rejects the request or cannot be reached.
pub async fn delete(
    clients: &Clients,
    name: &str,
    progress: &OperationProgress,
) -> Result<(), CloudError> {
    progress.set_step(format!("removing the role {name}"));
    let removed = try_delete(clients, name).await;
    match removed {
        Err(error) if !error.is("NoSuchEntity") => {
            return Err(error.during(format!("remove the role {name}")));
        }
        _ => progress.note(format!("role {name}: removed")),
    }
    Ok(())
}

async fn try_delete(clients: &Clients, name: &str) -> Result<(), ApiError> {
    let iam = &clients.iam;
    let own = iam.list_role_policies().role_name(name).send().await;
    let own = own.map_err(|e| ApiError::new("iam:ListRolePolicies", &e))?;
    for policy in own.policy_names {
        let sent = iam.delete_role_policy().role_name(name).policy_name(policy).send().await;
        ignore_missing(sent.map_err(|e| ApiError::new("iam:DeleteRolePolicy", &e)))?;
    }
    let attached = iam.list_attached_role_policies().role_name(name).send().await;
    let attached = attached.map_err(|e| ApiError::new("iam:ListAttachedRolePolicies", &e))?;
    // A user attached managed policies to the role: detach them, but keep the policies themselves.
    for policy in attached.attached_policies.unwrap_or_default() {
        let detach = iam.detach_role_policy().role_name(name).set_policy_arn(policy.policy_arn);
        ignore_missing(detach.send().await.map_err(|e| ApiError::new("iam:DetachRolePolicy", &e)))?;
    }
    // IAM may still count policies that were just removed.
    retry_while(
        |e: &ApiError| e.is("DeleteConflict"),
        || async {
            let sent = iam.delete_role().role_name(name).send().await;
            sent.map(|_| ()).map_err(|e| ApiError::new("iam:DeleteRole", &e))
        },
    )
    .await
}

fn ignore_missing<T>(outcome: Result<T, ApiError>) -> Result<(), ApiError> {
    match outcome {
        Err(error) if !error.is("NoSuchEntity") => Err(error),
        _ => Ok(()),
    }
}

/// Converts the tags. Building one fails only without a key or a value, and both are present.
fn iam_tags(tags: &Tags) -> Vec<Tag> {
    let tag = |(key, value)| Tag::builder().key(key).value(value).build().ok();
    tags.pairs().into_iter().filter_map(tag).collect()
}
