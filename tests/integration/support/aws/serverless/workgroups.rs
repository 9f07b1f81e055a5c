//! Workgroups.

use serde_json::{Value, json};

use super::super::cloud::{Cloud, Pace};
use super::super::query::{ErrorReply, Service};
use super::super::{ACCOUNT, REGION};
use super::checks::{conflict, invalid, missing, name, one_change, texts};
use super::namespaces::{self, check_available};
use super::{Next, Serverless, Then, arn, tags};

#[derive(Clone)]
pub struct Group {
    pub namespace: String,
    pub status: String,
    pub next: Next,
    /// The address and the port that the service reports.
    pub endpoint: (String, u16),
    pub port: u16,
    pub security_groups: Vec<String>,
    pub subnets: Vec<String>,
    pub base: u64,
    pub max: Option<u64>,
    pub public: bool,
}

impl Default for Group {
    fn default() -> Group {
        Group {
            namespace: String::new(),
            status: "AVAILABLE".to_owned(),
            next: None,
            endpoint: (String::new(), 5439),
            port: 5439,
            security_groups: Vec::new(),
            subnets: Vec::new(),
            base: 8,
            max: None,
            public: false,
        }
    }
}

/// The kinds of changes. A request can contain only one kind.
const KINDS: [&[&str]; 6] = [
    &["baseCapacity"],
    &["maxCapacity"],
    &["publiclyAccessible"],
    &["securityGroupIds"],
    &["subnetIds"],
    &["port"],
];

impl Group {
    pub fn to_json(&self, name: &str) -> Value {
        let mut fields = json!({
            "workgroupName": name,
            "workgroupArn": arn("workgroup", name),
            "workgroupId": "0f3a",
            "namespaceName": self.namespace,
            "status": self.status,
            "baseCapacity": self.base,
            "publiclyAccessible": self.public,
            "port": self.port,
            "securityGroupIds": self.security_groups,
            "subnetIds": self.subnets,
            "creationDate": "2026-01-01T00:00:00Z",
        });
        if let Some(max) = self.max {
            fields["maxCapacity"] = max.into();
        }
        // The endpoint does not exist during the creation.
        if self.status != "CREATING" {
            let (address, port) = &self.endpoint;
            fields["endpoint"] = json!({ "address": address, "port": port, "vpcEndpoints": [] });
        }
        fields
    }

    /// Enters the transitional state `status` unless `left` is `None`.
    fn begin(&mut self, status: &str, left: Option<usize>) {
        if let Some(left) = left {
            (self.status, self.next) = (status.to_owned(), Some((left, Then::Available)));
        }
    }

    async fn set(&mut self, cloud: &Cloud, body: &Value) -> Result<(), ErrorReply> {
        if !body["baseCapacity"].is_null() {
            self.base = capacity(body, "baseCapacity")?;
        }
        if !body["maxCapacity"].is_null() {
            self.max = Some(capacity(body, "maxCapacity")?);
        }
        if self.max.is_some_and(|max| max < self.base) {
            return Err(invalid("The max capacity must not be less than the base capacity."));
        }
        if let Some(public) = body["publiclyAccessible"].as_bool() {
            self.public = public;
        }
        if let Some(port) = body["port"].as_u64() {
            if !(5431..=5455).contains(&port) && !(8191..=8215).contains(&port) {
                return Err(invalid("Valid port ranges are 5431-5455 and 8191-8215."));
            }
            self.port = port.try_into().expect("a port");
            self.endpoint.1 = self.port;
        }
        if !body["securityGroupIds"].is_null() {
            self.security_groups = texts(body, "securityGroupIds");
            check_existence(cloud, "DescribeSecurityGroups", "GroupId.1", &self.security_groups)
                .await?;
        }
        if !body["subnetIds"].is_null() {
            self.subnets = texts(body, "subnetIds");
            check_existence(cloud, "DescribeSubnets", "SubnetId.1", &self.subnets).await?;
            if self.subnets.len() < 3 {
                return Err(invalid(
                    "At least three subnets in three Availability Zones are needed.",
                ));
            }
        }
        Ok(())
    }
}

/// Reads a capacity (Management Guide, Compute capacity for Amazon Redshift Serverless).
fn capacity(body: &Value, key: &str) -> Result<u64, ErrorReply> {
    let capacity = body[key].as_u64().unwrap_or_default();
    let is_valid =
        capacity == 4 || (capacity >= 8 && capacity.is_multiple_of(8) && capacity <= 1024);
    if is_valid {
        Ok(capacity)
    } else {
        Err(invalid(format!("{key} {capacity} is not a valid capacity.")))
    }
}

async fn check_existence(
    cloud: &Cloud,
    action: &str,
    key: &str,
    ids: &[String],
) -> Result<(), ErrorReply> {
    for id in ids {
        if cloud.ask_moto(Service::Ec2, action, &[(key, id)]).await.is_error() {
            return Err(invalid(format!("{id} does not exist.")));
        }
    }
    Ok(())
}

impl Serverless {
    pub(super) fn get_workgroup(&self, body: &Value) -> Result<Value, ErrorReply> {
        let name = name(body, "workgroupName")?;
        let found = self.workgroups.get(name).ok_or_else(|| unknown(name))?;
        Ok(json!({ "workgroup": found.to_json(name) }))
    }

    pub(super) async fn create_workgroup(
        &mut self,
        cloud: &Cloud,
        body: &Value,
        pace: Pace,
    ) -> Result<Value, ErrorReply> {
        let (name, of) = (name(body, "workgroupName")?, name(body, "namespaceName")?);
        if self.workgroups.contains_key(name) {
            return Err(conflict(format!("The workgroup {name} already exists.")));
        }
        let left = self.polls_at(pace);
        let namespace = self.namespaces.get_mut(of).ok_or_else(|| namespaces::unknown(of))?;
        check_available(of, &namespace.status)?;
        if self.workgroups.values().any(|group| group.namespace == of) {
            return Err(conflict(format!("The namespace {of} has a workgroup already.")));
        }
        let host = format!("{name}.{ACCOUNT}.{REGION}.redshift-serverless.amazonaws.com");
        let mut group = Group {
            namespace: of.to_owned(),
            endpoint: (host, 5439),
            base: 128,
            ..Group::default()
        };
        group.set(cloud, body).await?;
        if let Some(endpoint) = &self.endpoint {
            group.endpoint = endpoint.clone();
        }
        group.begin("CREATING", left);
        namespace.begin("MODIFYING", left);
        let answer = json!({ "workgroup": group.to_json(name) });
        self.tags.insert(arn("workgroup", name), tags::read(body));
        self.workgroups.insert(name.to_owned(), group);
        Ok(answer)
    }

    pub(super) async fn update_workgroup(
        &mut self,
        cloud: &Cloud,
        body: &Value,
        pace: Pace,
    ) -> Result<Value, ErrorReply> {
        let name = name(body, "workgroupName")?;
        let left = self.polls_at(pace);
        let found = self.workgroups.get_mut(name).ok_or_else(|| unknown(name))?;
        check_available(name, &found.status)?;
        one_change(body, &format!("workgroup {name}"), &KINDS)?;
        let mut changed = found.clone();
        changed.set(cloud, body).await?;
        changed.begin("MODIFYING", left);
        *found = changed;
        Ok(json!({ "workgroup": found.to_json(name) }))
    }

    pub(super) fn delete_workgroup(
        &mut self,
        body: &Value,
        pace: Pace,
    ) -> Result<Value, ErrorReply> {
        let name = name(body, "workgroupName")?;
        let left = self.polls_at(pace);
        let found = self.workgroups.get_mut(name).ok_or_else(|| unknown(name))?;
        check_available(name, &found.status)?;
        found.status = "DELETING".to_owned();
        found.next = left.map(|left| (left, Then::Removed));
        let answer = json!({ "workgroup": found.to_json(name) });
        if left.is_none() {
            self.remove_workgroup(name);
        }
        Ok(answer)
    }

    pub(super) fn step_workgroup(&mut self, name: &str) {
        let Some(found) = self.workgroups.get_mut(name) else { return };
        match &mut found.next {
            Some((0, Then::Removed)) => self.remove_workgroup(name),
            Some((0, Then::Available)) => {
                (found.status, found.next) = ("AVAILABLE".to_owned(), None)
            }
            Some((left, _)) => *left -= 1,
            None => {}
        }
    }

    fn remove_workgroup(&mut self, name: &str) {
        self.workgroups.remove(name);
        self.tags.remove(&arn("workgroup", name));
        self.remove_limits(&arn("workgroup", name));
    }
}

fn unknown(name: &str) -> ErrorReply {
    missing(format!("The workgroupName {name} was not found."))
}
