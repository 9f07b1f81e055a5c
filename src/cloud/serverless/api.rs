//! The operations of Redshift Serverless and the shapes of their answers.
//!
//! Sources: Redshift Serverless API Reference, version 2021-04-21; botocore's service-2.json of
//! redshift-serverless.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::cloud::clients::Clients;
use crate::cloud::error::{ApiError, CloudError};
use crate::cloud::json::{Operation, SERVERLESS, send};
use crate::cloud::tags::Tags;

macro_rules! operations {
    ($($name:ident = $operation:literal;)*) => {
        $(pub(super) static $name: Operation = Operation::new(
            concat!("redshift-serverless:", $operation),
            concat!("RedshiftServerless.", $operation),
        );)*
    };
}

operations! {
    CREATE_NAMESPACE = "CreateNamespace";
    CREATE_USAGE_LIMIT = "CreateUsageLimit";
    CREATE_WORKGROUP = "CreateWorkgroup";
    DELETE_NAMESPACE = "DeleteNamespace";
    DELETE_USAGE_LIMIT = "DeleteUsageLimit";
    DELETE_WORKGROUP = "DeleteWorkgroup";
    GET_CREDENTIALS = "GetCredentials";
    GET_NAMESPACE = "GetNamespace";
    GET_SNAPSHOT = "GetSnapshot";
    GET_WORKGROUP = "GetWorkgroup";
    LIST_NAMESPACES = "ListNamespaces";
    LIST_SNAPSHOTS = "ListSnapshots";
    LIST_TAGS = "ListTagsForResource";
    LIST_USAGE_LIMITS = "ListUsageLimits";
    LIST_WORKGROUPS = "ListWorkgroups";
    TAG_RESOURCE = "TagResource";
    UPDATE_NAMESPACE = "UpdateNamespace";
    UPDATE_USAGE_LIMIT = "UpdateUsageLimit";
    UPDATE_WORKGROUP = "UpdateWorkgroup";
}

/// Error code for a resource that does not exist.
const NOT_FOUND: &str = "ResourceNotFoundException";

/// Error code for a resource that exists or is being changed already.
pub(super) const CONFLICT: &str = "ConflictException";

/// A response whose content is not needed.
#[derive(Debug, Deserialize)]
pub(super) struct Empty {}

#[derive(Debug, Deserialize)]
struct Tag {
    key: String,
    value: String,
}

#[derive(Debug, Deserialize)]
struct Tagged {
    #[serde(default)]
    tags: Vec<Tag>,
}

/// Sends a request.
pub(super) async fn call<T: DeserializeOwned>(
    clients: &Clients,
    operation: &'static Operation,
    request: &Value,
) -> Result<T, ApiError> {
    let service = (&SERVERLESS, clients.sdk(), clients.region.as_str());
    send(service, operation, request).await
}

/// Returns the response, or `None` if the resource does not exist.
pub(super) fn existing<T>(answer: Result<T, ApiError>) -> Result<Option<T>, ApiError> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.is(NOT_FOUND) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Returns all items that an operation lists under `key`, from all pages.
pub(super) async fn list<T: DeserializeOwned>(
    clients: &Clients,
    operation: &'static Operation,
    key: &str,
    request: Value,
) -> Result<Vec<T>, ApiError> {
    let mut request = request;
    let mut found = Vec::new();
    loop {
        let mut page: Map<String, Value> = call(clients, operation, &request).await?;
        let items = page.remove(key).filter(|items| !items.is_null()).unwrap_or(json!([]));
        let items: Vec<T> = serde_json::from_value(items).map_err(|error| ApiError {
            operation: operation.name,
            code: None,
            message: format!("unexpected format of the response: {error}"),
        })?;
        found.extend(items);
        match page.remove("nextToken") {
            Some(Value::String(token)) if !token.is_empty() => request["nextToken"] = token.into(),
            _ => return Ok(found),
        }
    }
}

/// Returns the tags of a resource, which listings omit, or `None` if starlift does not manage the resource
/// or it does not exist.
pub(super) async fn tags(clients: &Clients, arn: &str) -> Result<Option<Tags>, CloudError> {
    let request = json!({ "resourceArn": arn });
    let answer = existing(call::<Tagged>(clients, &LIST_TAGS, &request).await);
    let answer = answer.map_err(|e| e.during(format!("read the tags of {arn}")))?;
    let tags = answer.map(|answer| answer.tags).unwrap_or_default();
    Ok(Tags::read(tags.iter().map(|tag| (tag.key.as_str(), tag.value.as_str()))))
}

/// Returns tags in the form of a request.
pub(super) fn tag_list(tags: &Tags) -> Value {
    tags.pairs().into_iter().map(|(key, value)| json!({ "key": key, "value": value })).collect()
}

/// Sets the tags of a resource.
pub(super) async fn tag(clients: &Clients, arn: &str, tags: &Tags) -> Result<(), ApiError> {
    let request = json!({ "resourceArn": arn, "tags": tag_list(tags) });
    call::<Empty>(clients, &TAG_RESOURCE, &request).await.map(|Empty {}| ())
}

/// Returns `true` if AWS rejects a role because it has not propagated yet. The code is that of any invalid
/// value, and the message is undocumented, except that it has to name the role.
pub(super) fn is_unknown_role(error: &ApiError) -> bool {
    error.is("ValidationException") && error.message.to_lowercase().contains("role")
}
