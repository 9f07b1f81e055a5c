//! The workgroup, which runs the queries: its capacity, its network and its endpoint.
//!
//! Sources: Redshift Serverless API Reference, CreateWorkgroup, UpdateWorkgroup, GetWorkgroup. That
//! UpdateWorkgroup takes one change at a time, and a change of capacity only once there is a recovery
//! point, is in the issues 28255 and 38865 of hashicorp/terraform-provider-aws.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

use super::api::{self, CONFLICT, Done, call, tag_list};
use super::resource::{self, Got, Resource};
use super::wait::{Wait, while_busy};
use crate::cloud::clients::Clients;
use crate::cloud::error::CloudError;
use crate::cloud::journal::Journal;
use crate::cloud::json::Operation;
use crate::cloud::names::Name;
use crate::cloud::tags::Tags;
use crate::cloud::wait::Verdict;

/// A workgroup as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkgroupSpec {
    /// Its name, which is that of its namespace too.
    pub name: String,
    /// RPUs with which a query begins; what is not said stays as it is.
    pub base_capacity: Option<u32>,
    /// The most RPUs at a time; what is not said stays as it is.
    pub max_capacity: Option<u32>,
    /// The port.
    pub port: u16,
    /// Whether it has an address on the internet: a new one does not, another stays as it is, unless
    /// that is said.
    pub public: Option<bool>,
    /// The subnets that it is in; the default network's without.
    pub subnets: Vec<String>,
    /// Whose it is.
    pub tags: Tags,
}

/// The smallest capacity that is in all regions.
pub const BASE_CAPACITY: u32 = 8;

/// A workgroup as it is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Workgroup {
    /// Its name.
    pub workgroup_name: String,
    /// Its ARN.
    #[serde(default)]
    pub workgroup_arn: String,
    /// The namespace that it serves.
    pub namespace_name: String,
    /// `CREATING`, `AVAILABLE`, `MODIFYING` or `DELETING`.
    pub status: String,
    /// RPUs with which a query begins.
    pub base_capacity: Option<u32>,
    max_capacity: Option<i64>,
    /// Whether it has an address on the internet.
    pub publicly_accessible: Option<bool>,
    port: Option<u16>,
    endpoint: Option<Endpoint>,
    #[serde(default)]
    security_group_ids: Vec<String>,
    #[serde(default)]
    subnet_ids: Vec<String>,
    creation_date: Option<Value>,
    /// Whose it is; `None` where it is not ours.
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
    /// The most RPUs at a time, where that is limited.
    pub fn max_capacity(&self) -> Option<u32> {
        self.max_capacity.and_then(|capacity| u32::try_from(capacity).ok()).filter(|n| *n > 0)
    }

    /// Host and port, where it has them.
    pub fn endpoint(&self) -> Option<(&str, u16)> {
        let endpoint = self.endpoint.as_ref()?;
        Some((endpoint.address.as_deref()?, endpoint.port?))
    }

    /// When it was made; the service gives seconds or a text.
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

/// Creates the workgroup.
pub fn create(spec: &WorkgroupSpec, group_id: &str) -> Value {
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

/// A change of a workgroup, and what it is to people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The request.
    pub request: Value,
    /// What is so when it is made.
    pub done: String,
}

/// The changes that bring a workgroup to what it should be, in this order: the base capacity is never
/// above the largest.
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
        let done = if public { "it has an address on the internet" } else { "it is not public" };
        change("publiclyAccessible", public.into(), done.to_owned())
    });
    // The list replaces the one that is there: the groups of others stay in it.
    let is_in_group = found.security_group_ids.iter().any(|id| id == group_id);
    let group = (!is_in_group).then(|| {
        let all = found.security_group_ids.iter().map(String::as_str).chain([group_id]);
        let all: Vec<&str> = all.collect();
        change("securityGroupIds", json!(all), "it is in its security group".to_owned())
    });
    capacities.into_iter().chain([public, group]).flatten().collect()
}

/// What a workgroup has otherwise than the plan, of what is not changed in place.
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

/// Returns the capacity of a workgroup that excludes the one of the plan, and that of the plan, if the
/// base capacity would be above the largest. The plan itself has been checked where it names both.
fn exclusive_capacities(spec: &WorkgroupSpec, found: &Workgroup) -> Option<(String, String)> {
    let base = |rpus: u32| format!("a base capacity of {rpus} RPUs");
    let largest = |rpus: u32| format!("a largest capacity of {rpus} RPUs");
    match (spec.base_capacity, spec.max_capacity) {
        (Some(wanted), None) => {
            let max = found.max_capacity().filter(|max| wanted > *max)?;
            Some((largest(max), base(wanted)))
        }
        (None, Some(wanted)) => {
            let standing = found.base_capacity.filter(|base| *base > wanted)?;
            Some((base(standing), largest(wanted)))
        }
        _ => None,
    }
}

/// Whether a workgroup of this name is ours, as far as can be seen: whoever has clusters alone need not
/// be allowed to look.
pub async fn is_ours(clients: &Clients, name: &Name) -> bool {
    let found = resource::find::<Workgroup>(clients, name.as_str()).await.unwrap_or_else(|error| {
        tracing::debug!("{error}");
        None
    });
    found.and_then(|found| found.tags).is_some_and(|tags| tags.is_of(name))
}

/// All workgroups, without their tags.
///
/// # Errors
///
/// If AWS refuses or cannot be reached.
pub async fn list(clients: &Clients) -> Result<Vec<Workgroup>, CloudError> {
    let found = api::list(clients, &api::LIST_WORKGROUPS, "workgroups", json!({})).await;
    found.map_err(|e| e.during("list the workgroups"))
}

/// Creates the workgroup, which then takes minutes to come up. Returns its ARN.
///
/// # Errors
///
/// If AWS refuses or cannot be reached, or somebody else creates one of this name meanwhile.
pub async fn make(
    clients: &Clients,
    spec: &WorkgroupSpec,
    group_id: &str,
    limit: Duration,
    journal: &Journal,
) -> Result<String, CloudError> {
    let name = &spec.name;
    journal.enter(format!("making the workgroup {name}"));
    let request = create(spec, group_id);
    let what = format!("namespace {name}");
    let made = while_busy(&what, limit, || async {
        match call::<Got<Workgroup>>(clients, &api::CREATE_WORKGROUP, &request).await {
            // A try whose answer was lost made it, or somebody else did meanwhile.
            Err(error) if error.is(CONFLICT) => resource::get(clients, name).await?.ok_or(error),
            answer => Ok(answer?.resource),
        }
    });
    let made = made.await.map_err(|e| e.during(format!("make the workgroup {name}")))?;
    let tags = api::tags(clients, &made.workgroup_arn).await?;
    spec.tags.demand_same(tags, format!("workgroup {name}"))?;
    if let Some(difference) = difference(spec, &made) {
        return Err(difference);
    }
    journal.note(format!("workgroup {name}: being made; it costs while queries run"));
    Ok(made.workgroup_arn)
}

/// Brings a workgroup that stands to what it should be, a change at a time.
///
/// # Errors
///
/// If AWS refuses or cannot be reached, or a change takes too long.
pub async fn amend(
    clients: &Clients,
    spec: &WorkgroupSpec,
    found: &Workgroup,
    group_id: &str,
    limit: Duration,
    journal: &Journal,
) -> Result<(), CloudError> {
    let name = &spec.name;
    if found.tags.as_ref() != Some(&spec.tags) {
        resource::tag(clients, name, found, &spec.tags).await?;
    }
    let what = format!("workgroup {name}");
    for Change { request, done } in changes(spec, found, group_id) {
        journal.enter(format!("changing the workgroup {name}"));
        let asked = while_busy(&what, limit, || async {
            call::<Done>(clients, &api::UPDATE_WORKGROUP, &request).await
        });
        asked.await.map_err(|e| e.during(format!("change the workgroup {name}")))?;
        wait_available(clients, name, limit, journal).await?;
        journal.note(format!("workgroup {name}: {done}"));
    }
    Ok(())
}

/// Waits until the workgroup can be used: available, with an endpoint.
///
/// # Errors
///
/// If it is removed meanwhile, if it takes too long, or if AWS refuses.
pub async fn wait_available(
    clients: &Clients,
    name: &str,
    limit: Duration,
    journal: &Journal,
) -> Result<Workgroup, CloudError> {
    let judge = |found: Option<&Workgroup>| {
        // It may be missing from the answers for a moment after it was made.
        let Some(found) = found else { return (Verdict::Waiting, "not there".to_owned()) };
        let verdict = match found.status.as_str() {
            "AVAILABLE" if found.endpoint().is_some() => Verdict::Reached,
            "DELETING" => Verdict::Lost,
            _ => Verdict::Waiting,
        };
        (verdict, found.status.to_ascii_lowercase())
    };
    let what = format!("workgroup {name}");
    let wait = Wait { what: &what, wanted: "available", limit, journal };
    let found = wait.until(|| resource::find(clients, name), judge).await?;
    found.ok_or_else(|| wait.lost("not there".to_owned()))
}
