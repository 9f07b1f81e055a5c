//! Operations that namespaces and workgroups have in common: lookup, tags, removal.

use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::api::{self, Empty, call, existing};
use super::wait::{Wait, retry_while_busy};
use crate::cloud::clients::Clients;
use crate::cloud::error::{ApiError, CloudError};
use crate::cloud::json::Operation;
use crate::cloud::progress::OperationProgress;
use crate::cloud::retry::WaitState;
use crate::cloud::tags::Tags;

/// A namespace or a workgroup, as the service describes it.
pub(super) trait Resource: DeserializeOwned {
    /// `namespace` or `workgroup`; also the prefix of the key that names it in requests.
    const KIND: &'static str;
    /// The operation that describes it.
    const GET: &'static Operation;
    /// The operation that deletes it.
    const DELETE: &'static Operation;

    /// Returns the ARN, which tags refer to.
    fn arn(&self) -> &str;

    /// Returns its status, such as `AVAILABLE`.
    fn status(&self) -> &str;

    /// Returns its tags, or `None` if starlift does not manage it.
    fn tags(&mut self) -> &mut Option<Tags>;

    /// Returns `true` if it is being deleted.
    fn is_deleting(&self) -> bool {
        self.status() == "DELETING"
    }
}

#[derive(Deserialize)]
pub(super) struct Got<T> {
    #[serde(alias = "namespace", alias = "workgroup")]
    pub resource: T,
}

/// Returns the request that names a resource, to which its other keys are added.
fn request<T: Resource>(name: &str) -> Value {
    json!({ format!("{}Name", T::KIND): name })
}

/// Returns the resource, without its tags, or `None` if it does not exist.
pub(super) async fn get<T: Resource>(clients: &Clients, name: &str) -> Result<Option<T>, ApiError> {
    let answer = existing(call::<Got<T>>(clients, T::GET, &request::<T>(name)).await)?;
    Ok(answer.map(|answer| answer.resource))
}

async fn find_untagged<T: Resource>(
    clients: &Clients,
    name: &str,
) -> Result<Option<T>, CloudError> {
    get(clients, name).await.map_err(|e| e.during(format!("look up the {} {name}", T::KIND)))
}

/// Returns the resource of this name with its tags, or `None` if it does not exist.
///
/// # Errors
///
/// Returns an error if AWS rejects the request or cannot be reached.
pub(super) async fn find<T: Resource>(
    clients: &Clients,
    name: &str,
) -> Result<Option<T>, CloudError> {
    let Some(mut found) = find_untagged::<T>(clients, name).await? else { return Ok(None) };
    let tags = api::tags(clients, found.arn()).await?;
    *found.tags() = tags;
    Ok(Some(found))
}

/// Sets the tags of a resource.
pub(super) async fn tag<T: Resource>(
    clients: &Clients,
    name: &str,
    found: &T,
    tags: &Tags,
) -> Result<(), CloudError> {
    let tagged = api::tag(clients, found.arn(), tags).await;
    tagged.map_err(|e| e.during(format!("tag the {} {name}", T::KIND)))
}

/// Removes a resource, and waits until it no longer exists. `more` has further keys of the request.
///
/// # Errors
///
/// Returns an error if AWS rejects the request or cannot be reached, or if it takes longer than `limit`.
pub(super) async fn remove<T: Resource>(
    clients: &Clients,
    name: &str,
    more: &[(&str, &str)],
    limit: Duration,
    progress: &OperationProgress,
) -> Result<(), CloudError> {
    let kind = T::KIND;
    progress.set_step(format!("removing the {kind} {name}"));
    let mut request = request::<T>(name);
    for (key, value) in more {
        request[*key] = (*value).into();
    }
    let what = format!("{kind} {name}");
    let requested = retry_while_busy(&what, limit, || async {
        // A second request conflicts with the first one.
        if get::<T>(clients, name).await?.is_none_or(|found| found.is_deleting()) {
            return Ok(());
        }
        existing(call::<Empty>(clients, T::DELETE, &request).await).map(|_| ())
    });
    requested.await.map_err(|e| e.during(format!("remove the {what}")))?;
    wait_deleted::<T>(clients, name, limit, progress).await?;
    progress.note(format!("{what}: removed"));
    Ok(())
}

/// Waits until a resource no longer exists.
///
/// # Errors
///
/// Returns an error if it takes longer than `limit`, or if AWS rejects a request.
pub(super) async fn wait_deleted<T: Resource>(
    clients: &Clients,
    name: &str,
    limit: Duration,
    progress: &OperationProgress,
) -> Result<(), CloudError> {
    let what = format!("{} {name}", T::KIND);
    let wait = Wait { what: &what, wanted: "gone", limit, progress };
    let check = |found: Option<&T>| match found {
        None => (WaitState::Reached, "gone".to_owned()),
        Some(found) => (WaitState::Pending, found.status().to_ascii_lowercase()),
    };
    wait.until(|| find_untagged::<T>(clients, name), check).await.map(|_| ())
}
