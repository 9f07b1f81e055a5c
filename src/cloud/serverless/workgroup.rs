//! The workgroup, which runs the queries: its capacity, its network and its endpoint.
//!
//! Sources: Redshift Serverless API Reference, CreateWorkgroup, UpdateWorkgroup, GetWorkgroup. That
//! UpdateWorkgroup accepts one change per request, and a change of capacity only after the first recovery
//! point, is reported in issues 28255 and 38865 of hashicorp/terraform-provider-aws.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

use super::api::{self, CONFLICT, Empty, call, tag_list};
use super::resource::{self, Got, Resource};
use super::wait::{Wait, retry_while_busy};
use crate::cloud::clients::Clients;
use crate::cloud::error::CloudError;
use crate::cloud::json::Operation;
use crate::cloud::names::Name;
use crate::cloud::progress::OperationProgress;
use crate::cloud::retry::WaitState;
use crate::cloud::tags::Tags;

/// The wanted state of a workgroup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkgroupSpec {
    /// Its name, which is also the name of its namespace.
    pub name: String,
    /// Base capacity in RPUs, or `None` to leave it unchanged.
    pub base_capacity: Option<u32>,
    /// Maximum capacity in RPUs, or `None` to leave it unchanged.
    pub max_capacity: Option<u32>,
    /// Port that the workgroup listens on.
    pub port: u16,
    /// `true` for a public address, or `None` for none on a new workgroup and no change on an existing one.
    pub public: Option<bool>,
    /// IDs of its subnets; if empty, AWS uses those of the default VPC.
    pub subnets: Vec<String>,
    /// Tags that identify the owner.
    pub tags: Tags,
}

/// Smallest base capacity in RPUs that is available in all regions.
pub const BASE_CAPACITY: u32 = 8;

/// An existing workgroup.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Workgroup {
    /// Name, unique within the account and region.
    pub workgroup_name: String,
    /// ARN, which tags refer to.
    #[serde(default)]
    pub workgroup_arn: String,
    /// Name of the namespace whose database it serves.
    pub namespace_name: String,
    /// `CREATING`, `AVAILABLE`, `MODIFYING` or `DELETING`.
    pub status: String,
    /// Base capacity in RPUs.
    pub base_capacity: Option<u32>,
    max_capacity: Option<i64>,
    /// `true` if it has a public address.
    pub publicly_accessible: Option<bool>,
    port: Option<u16>,
    endpoint: Option<Endpoint>,
    #[serde(default)]
    security_group_ids: Vec<String>,
    #[serde(default)]
    subnet_ids: Vec<String>,
    creation_date: Option<Value>,
    /// Tags that identify the owner, or `None` if starlift does not manage it.
    #[serde(skip)]
    pub tags: Option<Tags>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Endpoint {
    address: Option<String>,
    port: Option<u16>,
}

impl Resource for Workgroup {
    const KIND: &'static str = "workgroup";
    const GET: &'static Operation = &api::GET_WORKGROUP;
    const DELETE: &'static Operation = &api::DELETE_WORKGROUP;

    fn arn(&self) -> &str {
        &self.workgroup_arn
    }

    fn status(&self) -> &str {
        &self.status
    }

    fn tags(&mut self) -> &mut Option<Tags> {
        &mut self.tags
    }
}

impl Workgroup {
    /// Returns the maximum capacity in RPUs, if there is one.
    pub fn max_capacity(&self) -> Option<u32> {
        self.max_capacity.and_then(|capacity| u32::try_from(capacity).ok()).filter(|n| *n > 0)
    }

    /// Returns host and port, if it has an endpoint.
    pub fn endpoint(&self) -> Option<(&str, u16)> {
        let endpoint = self.endpoint.as_ref()?;
        Some((endpoint.address.as_deref()?, endpoint.port?))
    }

    /// Returns the creation time, which the service reports in seconds or as RFC 3339.
    pub fn created(&self) -> Option<DateTime<Utc>> {
        match self.creation_date.as_ref()? {
            Value::String(text) => Some(DateTime::parse_from_rfc3339(text).ok()?.to_utc()),
            number => DateTime::from_timestamp(number.as_f64()? as i64, 0),
        }
    }

    fn listening_port(&self) -> Option<u16> {
        self.port.or(self.endpoint.as_ref().and_then(|endpoint| endpoint.port))
    }
}

/// Returns the request that creates the workgroup.
pub fn create_request(spec: &WorkgroupSpec, group_id: &str) -> Value {
    let mut request = json!({
        "workgroupName": spec.name,
        "namespaceName": spec.name,
        "baseCapacity": spec.base_capacity.unwrap_or(BASE_CAPACITY),
        "port": spec.port,
        "publiclyAccessible": spec.public.unwrap_or(false),
        "securityGroupIds": [group_id],
        "tags": tag_list(&spec.tags),
    });
    if let Some(capacity) = spec.max_capacity {
        request["maxCapacity"] = capacity.into();
    }
    if !spec.subnets.is_empty() {
        request["subnetIds"] = spec.subnets.clone().into();
    }
    request
}

/// A change to a workgroup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Body of the request that makes the change.
    pub request: Value,
    /// Describes the result, for the progress notes.
    pub done: String,
}

/// Returns the changes that make a workgroup match the plan, in an order in which the base capacity is never
/// above the maximum.
pub fn changes(spec: &WorkgroupSpec, found: &Workgroup, group_id: &str) -> Vec<Change> {
    let change = |key: &str, value: Value, done: String| Change {
        request: json!({ "workgroupName": spec.name, key: value }),
        done,
    };
    let base = spec.base_capacity.filter(|base| found.base_capacity != Some(*base)).map(|base| {
        change("baseCapacity", base.into(), format!("its base capacity is {base} RPUs"))
    });
    let max = spec.max_capacity.filter(|max| found.max_capacity() != Some(*max)).map(|max| {
        change("maxCapacity", max.into(), format!("its largest capacity is {max} RPUs"))
    });
    let rises = found.max_capacity().is_some_and(|max| spec.base_capacity > Some(max));
    let capacities = if rises { [max, base] } else { [base, max] };
    let public = spec.public.filter(|public| found.publicly_accessible != Some(*public));
    let public = public.map(|public| {
        let done =
            if public { "it is publicly accessible" } else { "it is not publicly accessible" };
        change("publiclyAccessible", public.into(), done.to_owned())
    });
    // The request replaces the list, so include the groups of others.
    let is_in_group = found.security_group_ids.iter().any(|id| id == group_id);
    let group = (!is_in_group).then(|| {
        let all = found.security_group_ids.iter().map(String::as_str).chain([group_id]);
        let all: Vec<&str> = all.collect();
        change("securityGroupIds", json!(all), "it is in its security group".to_owned())
    });
    capacities.into_iter().chain([public, group]).flatten().collect()
}

/// Returns a difference from the plan that cannot be changed in place, if there is one.
pub fn difference(spec: &WorkgroupSpec, found: &Workgroup) -> Option<CloudError> {
    let list = |ids: &[String]| {
        let mut ids = ids.to_vec();
        ids.sort();
        ids.join(", ")
    };
    let port = found.listening_port().map(|port| port.to_string());
    let subnets = (!spec.subnets.is_empty()).then(|| list(&found.subnet_ids));
    let pairs = [
        ("namespace", Some(found.namespace_name.clone()), spec.name.clone()),
        ("port", port, spec.port.to_string()),
        ("subnets", subnets, list(&spec.subnets)),
    ];
    let fixed = pairs.into_iter().find_map(|(kind, found, wanted)| {
        let found = found.filter(|found| *found != wanted)?;
        Some((format!("{kind} {found}"), wanted))
    });
    let (found, wanted) = fixed.or_else(|| exclusive_capacities(spec, found))?;
    Some(CloudError::Differs { what: format!("workgroup {}", spec.name), found, wanted })
}

/// Returns the existing and the wanted capacity if they conflict: if the base capacity would be above the
/// maximum. A plan that contains both has been checked already.
fn exclusive_capacities(spec: &WorkgroupSpec, found: &Workgroup) -> Option<(String, String)> {
    let base = |rpus: u32| format!("a base capacity of {rpus} RPUs");
    let largest = |rpus: u32| format!("a largest capacity of {rpus} RPUs");
    match (spec.base_capacity, spec.max_capacity) {
        (Some(wanted), None) => {
            let max = found.max_capacity().filter(|max| wanted > *max)?;
            Some((largest(max), base(wanted)))
        }
        (None, Some(wanted)) => {
            let current = found.base_capacity.filter(|base| *base > wanted)?;
            Some((base(current), largest(wanted)))
        }
        _ => None,
    }
}

/// Returns `true` if starlift manages a workgroup of this name. Returns `false` if the lookup fails: users of
/// clusters alone need no permission for it.
pub async fn is_managed(clients: &Clients, name: &Name) -> bool {
    let found = resource::find::<Workgroup>(clients, name.as_str()).await.unwrap_or_else(|error| {
        tracing::debug!("{error}");
        None
    });
    found.and_then(|found| found.tags).is_some_and(|tags| tags.is_of(name))
}

/// Returns all workgroups, without their tags.
///
/// # Errors
///
/// Returns an error if AWS rejects the request or cannot be reached.
pub async fn list(clients: &Clients) -> Result<Vec<Workgroup>, CloudError> {
    let found = api::list(clients, &api::LIST_WORKGROUPS, "workgroups", json!({})).await;
    found.map_err(|e| e.during("list the workgroups"))
}

/// Creates the workgroup, which takes minutes to become available, and returns its ARN.
///
/// # Errors
///
/// Returns an error if AWS rejects a request or cannot be reached, or if another user creates one of this name
/// at the same time.
pub async fn create(
    clients: &Clients,
    spec: &WorkgroupSpec,
    group_id: &str,
    limit: Duration,
    progress: &OperationProgress,
) -> Result<String, CloudError> {
    let name = &spec.name;
    progress.set_step(format!("creating the workgroup {name}"));
    let request = create_request(spec, group_id);
    let what = format!("namespace {name}");
    let created = retry_while_busy(&what, limit, || async {
        match call::<Got<Workgroup>>(clients, &api::CREATE_WORKGROUP, &request).await {
            // An earlier request whose response was lost created it, or another user did.
            Err(error) if error.is(CONFLICT) => resource::get(clients, name).await?.ok_or(error),
            answer => Ok(answer?.resource),
        }
    });
    let created = created.await.map_err(|e| e.during(format!("create the workgroup {name}")))?;
    let tags = api::tags(clients, &created.workgroup_arn).await?;
    spec.tags.ensure_same_creator(tags, format!("workgroup {name}"))?;
    if let Some(difference) = difference(spec, &created) {
        return Err(difference);
    }
    progress.note(format!("workgroup {name}: being created; it incurs costs while queries run"));
    Ok(created.workgroup_arn)
}

/// Changes an existing workgroup to match the plan, one property at a time.
///
/// # Errors
///
/// Returns an error if AWS rejects a request or cannot be reached, or if a change takes longer than `limit`.
pub async fn update(
    clients: &Clients,
    spec: &WorkgroupSpec,
    found: &Workgroup,
    group_id: &str,
    limit: Duration,
    progress: &OperationProgress,
) -> Result<(), CloudError> {
    let name = &spec.name;
    if found.tags.as_ref() != Some(&spec.tags) {
        resource::tag(clients, name, found, &spec.tags).await?;
    }
    let what = format!("workgroup {name}");
    for Change { request, done } in changes(spec, found, group_id) {
        progress.set_step(format!("changing the workgroup {name}"));
        let requested = retry_while_busy(&what, limit, || async {
            call::<Empty>(clients, &api::UPDATE_WORKGROUP, &request).await
        });
        requested.await.map_err(|e| e.during(format!("change the workgroup {name}")))?;
        wait_available(clients, name, limit, progress).await?;
        progress.note(format!("workgroup {name}: {done}"));
    }
    Ok(())
}

/// Waits until the workgroup is available and has an endpoint.
///
/// # Errors
///
/// Returns an error if it is deleted, if it takes longer than `limit`, or if AWS rejects a request.
pub async fn wait_available(
    clients: &Clients,
    name: &str,
    limit: Duration,
    progress: &OperationProgress,
) -> Result<Workgroup, CloudError> {
    let check = |found: Option<&Workgroup>| {
        // A new resource may be missing from responses for a moment.
        let Some(found) = found else { return (WaitState::Pending, "missing".to_owned()) };
        let wait_state = match found.status.as_str() {
            "AVAILABLE" if found.endpoint().is_some() => WaitState::Reached,
            "DELETING" => WaitState::Unreachable,
            _ => WaitState::Pending,
        };
        (wait_state, found.status.to_ascii_lowercase())
    };
    let what = format!("workgroup {name}");
    let wait = Wait { what: &what, wanted: "available", limit, progress };
    let found = wait.until(|| resource::find(clients, name), check).await?;
    found.ok_or_else(|| wait.unreachable("missing".to_owned()))
}
