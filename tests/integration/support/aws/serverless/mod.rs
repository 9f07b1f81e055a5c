//! Redshift Serverless and Secrets Manager, whose requests and answers are JSON.
//!
//! Sources: Redshift Serverless API Reference, version 2021-04-21, and botocore's service-2.json for
//! shapes and errors; issues 26522 (a namespace is modified while its workgroup is created), 28255 and
//! 39249 (one change at a time) of hashicorp/terraform-provider-aws. Assumed, as it is not
//! documented: that a second usage limit of the same period and action conflicts, that limits are
//! deleted together with their workgroup, and the wording of most messages.

mod checks;
mod limits;
mod namespaces;
mod tags;
mod workgroups;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::cloud::{Cloud, Pace};
use super::query::{Answer, ErrorReply, Request};
use super::{ACCOUNT, REGION};
use limits::Limit;
use namespaces::{Namespace, Role};
use workgroups::Group;

pub(super) struct Serverless {
    /// The number of polls that report a transitional state.
    pub polls: usize,
    /// The endpoint of new workgroups. By default it is a name that does not resolve.
    pub endpoint: Option<(String, u16)>,
    /// The user and the password that GetCredentials returns.
    pub credentials: (String, String),
    /// The texts of secrets by their ARNs.
    pub secrets: BTreeMap<String, String>,
    namespaces: BTreeMap<String, Namespace>,
    workgroups: BTreeMap<String, Group>,
    limits: BTreeMap<String, Limit>,
    /// The namespaces of snapshots.
    snapshots: BTreeMap<String, String>,
    /// Tags by the ARN of their resource.
    tags: BTreeMap<String, BTreeMap<String, String>>,
    last_limit: usize,
}

impl Default for Serverless {
    fn default() -> Serverless {
        Serverless {
            polls: 1,
            endpoint: None,
            credentials: Default::default(),
            secrets: BTreeMap::new(),
            namespaces: BTreeMap::new(),
            workgroups: BTreeMap::new(),
            limits: BTreeMap::new(),
            snapshots: BTreeMap::new(),
            tags: BTreeMap::new(),
            last_limit: 0,
        }
    }
}

/// The next transition, and the number of polls before it.
type Next = Option<(usize, Then)>;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    Available,
    Removed,
}

/// A workgroup and its namespace, as a test sets them up.
#[derive(Clone, Debug)]
pub struct Workgroup {
    /// Such as `AVAILABLE`.
    pub status: &'static str,
    pub address: String,
    pub port: u16,
    pub database: &'static str,
    /// The roles of the namespace.
    pub roles: Vec<String>,
    pub default_role: Option<String>,
    /// The user and the password that GetCredentials returns.
    pub credentials: (String, String),
}

impl Serverless {
    /// Adds a workgroup with a namespace of the same name.
    pub fn add(&mut self, name: &str, workgroup: Workgroup) {
        let namespace = Namespace {
            database: workgroup.database.to_owned(),
            user: "admin".to_owned(),
            roles: workgroup.roles.into_iter().map(Role::attached).collect(),
            default_role: workgroup.default_role,
            ..Namespace::default()
        };
        let group = Group {
            namespace: name.to_owned(),
            status: workgroup.status.to_owned(),
            port: workgroup.port,
            endpoint: (workgroup.address, workgroup.port),
            ..Group::default()
        };
        self.credentials = workgroup.credentials;
        for kind in ["namespace", "workgroup"] {
            self.tags.insert(arn(kind, name), BTreeMap::new());
        }
        self.namespaces.insert(name.to_owned(), namespace);
        self.workgroups.insert(name.to_owned(), group);
    }

    /// Returns true if a workgroup uses the security group.
    pub fn uses(&self, security_group: &str) -> bool {
        self.workgroups
            .values()
            .any(|group| group.security_groups.iter().any(|id| id == security_group))
    }

    pub async fn answer(
        &mut self,
        cloud: &Cloud,
        request: &Request,
        pace: Pace,
    ) -> Result<Answer, ErrorReply> {
        self.step(pace, request);
        let body = request.typed_json();
        let answered = match request.action.as_str() {
            "CreateNamespace" => self.create_namespace(cloud, &body, pace).await,
            "UpdateNamespace" => self.update_namespace(cloud, &body, pace).await,
            "DeleteNamespace" => self.delete_namespace(&body, pace),
            "GetNamespace" => self.get_namespace(&body),
            "CreateWorkgroup" => self.create_workgroup(cloud, &body, pace).await,
            "UpdateWorkgroup" => self.update_workgroup(cloud, &body, pace).await,
            "DeleteWorkgroup" => self.delete_workgroup(&body, pace),
            "GetWorkgroup" => self.get_workgroup(&body),
            "GetCredentials" => self.get_workgroup(&body).map(|_| {
                let (user, password) = &self.credentials;
                json!({ "dbUser": user, "dbPassword": password, "expiration": 1.8e9 })
            }),
            "CreateUsageLimit" => self.create_limit(&body),
            "UpdateUsageLimit" => self.update_limit(&body),
            "DeleteUsageLimit" => self.delete_limit(&body),
            "GetSnapshot" => self.get_snapshot(&body),
            "ListTagsForResource" => self.list_tags(&body),
            "TagResource" => self.tag(&body),
            action => self.list(action, &body, pace),
        };
        answered.map(|body| Answer { status: 200, body: body.to_string() })
    }

    fn list(&self, action: &str, body: &Value, pace: Pace) -> Result<Value, ErrorReply> {
        let (key, all): (&str, Vec<Value>) = match action {
            "ListNamespaces" => {
                ("namespaces", self.namespaces.iter().map(|(name, n)| n.to_json(name)).collect())
            }
            "ListWorkgroups" => {
                ("workgroups", self.workgroups.iter().map(|(name, g)| g.to_json(name)).collect())
            }
            "ListSnapshots" => {
                ("snapshots", self.snapshots.iter().map(|(name, of)| snapshot(name, of)).collect())
            }
            "ListUsageLimits" => ("usageLimits", self.list_limits(body)?),
            other => return Err(ErrorReply::new(400, "UnknownOperationException", other)),
        };
        // A page has one item, so that a client that reads only the first page fails.
        let token = |at: usize| format!("token-{at:03}");
        let at = match body["nextToken"].as_str() {
            None => 0,
            Some(given) => (1..all.len()).find(|at| token(*at) == given).ok_or_else(|| {
                checks::invalid(format!("The pagination token {given} is not valid."))
            })?,
        };
        if pace == Pace::AtOnce {
            return Ok(json!({ key: all }));
        }
        let page: Vec<&Value> = all.iter().skip(at).take(1).collect();
        let mut answer = json!({ key: page });
        if at + 1 < all.len() {
            answer["nextToken"] = token(at + 1).into();
        }
        Ok(answer)
    }

    fn get_snapshot(&self, body: &Value) -> Result<Value, ErrorReply> {
        let name = checks::text(body, "snapshotName")?;
        let of = self.snapshots.get(name);
        let of =
            of.ok_or_else(|| checks::missing(format!("The snapshot {name} was not found.")))?;
        Ok(json!({ "snapshot": snapshot(name, of) }))
    }

    /// Counts one poll of the resource that a request reads. Other requests advance nothing.
    fn step(&mut self, pace: Pace, request: &Request) {
        if pace != Pace::Real {
            return;
        }
        match request.action.as_str() {
            "GetNamespace" => self.step_namespace(request.get("namespaceName").unwrap_or_default()),
            "GetWorkgroup" => self.step_workgroup(request.get("workgroupName").unwrap_or_default()),
            _ => {}
        }
    }

    fn polls_at(&self, pace: Pace) -> Option<usize> {
        (pace == Pace::Real).then_some(self.polls)
    }

    pub fn secret(&self, request: &Request) -> Result<Answer, ErrorReply> {
        let arn = request.require("SecretId")?;
        match self.secrets.get(arn) {
            Some(text) => {
                let body = json!({ "ARN": arn, "SecretString": text }).to_string();
                Ok(Answer { status: 200, body })
            }
            None => {
                Err(checks::missing("Secrets Manager can't find the specified secret.".to_owned()))
            }
        }
    }
}

fn snapshot(name: &str, of: &str) -> Value {
    json!({
        "snapshotName": name,
        "snapshotArn": arn("snapshot", name),
        "namespaceName": of,
        "status": "AVAILABLE",
    })
}

/// The ARN of a resource. Real ARNs end in an identifier, which tests do not need.
fn arn(kind: &str, name: &str) -> String {
    format!("arn:aws:redshift-serverless:{REGION}:{ACCOUNT}:{kind}/{name}-0f3a")
}
