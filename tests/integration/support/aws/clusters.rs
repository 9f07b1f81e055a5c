//! The lifecycle of clusters, and their fields that moto does not store.

use std::collections::BTreeMap;

use super::cloud::{Cloud, Pace};
use super::create::not_attached;
use super::query::{Answer, ErrorReply, Request, Service};
use super::xml::Element;
use super::{ACCOUNT, REGION};

pub(super) struct Clusters {
    /// The number of DescribeClusters requests that report a transitional state.
    pub polls: usize,
    /// Replaces the endpoint of moto.
    pub endpoint: Option<(String, u16)>,
    /// A user and a password for GetClusterCredentials.
    pub credentials: Option<(String, String)>,
    all: BTreeMap<String, Cluster>,
}

impl Default for Clusters {
    fn default() -> Clusters {
        Clusters { polls: 1, endpoint: None, credentials: None, all: BTreeMap::new() }
    }
}

struct Cluster {
    status: String,
    /// The next transition, and the number of polls before it.
    next: Option<(usize, Next)>,
    roles: Vec<Role>,
    default_role: Option<String>,
    secret: Option<String>,
}

#[derive(Clone, Copy)]
enum Next {
    Become(&'static str),
    Removed,
}

struct Role {
    arn: String,
    /// The number of polls before it is attached or removed; `None` once it is attached.
    left: Option<usize>,
    leaving: bool,
}

impl Clusters {
    pub fn set_status(&mut self, identifier: &str, status: &str) {
        let cluster = self.all.get_mut(identifier).expect("a cluster of that name");
        (cluster.status, cluster.next) = (status.to_owned(), None);
    }

    pub async fn create(
        &mut self,
        cloud: &Cloud,
        request: &Request,
        pace: Pace,
    ) -> Result<Answer, ErrorReply> {
        let answer = cloud.moto.ask(request).await;
        if answer.is_error() {
            return Ok(answer);
        }
        let identifier = request.require("ClusterIdentifier")?;
        let managed = request.says("ManageMasterPassword", "true");
        let left = self.polls_at(pace);
        let roles = request.list("IamRoles.IamRoleArn");
        let mut cluster = Cluster {
            status: "available".to_owned(),
            next: None,
            roles: roles.into_iter().map(|arn| Role { arn, left, leaving: false }).collect(),
            default_role: request.get("DefaultIamRoleArn").map(str::to_owned),
            secret: managed.then(|| secret(identifier, request)),
        };
        cluster.begin("creating", "available", left);
        self.all.insert(identifier.to_owned(), cluster);
        Ok(self.amend(&answer))
    }

    pub async fn describe(
        &mut self,
        cloud: &Cloud,
        request: &Request,
        pace: Pace,
    ) -> Result<Answer, ErrorReply> {
        let named = request.get("ClusterIdentifier").map(str::to_owned);
        let mut gone = Vec::new();
        for (identifier, cluster) in &mut self.all {
            let is_named = named.as_ref().is_none_or(|named| named == identifier);
            if is_named && pace == Pace::Real && cluster.step() {
                gone.push(identifier.clone());
            }
        }
        for identifier in gone {
            self.remove(cloud, &identifier).await;
        }
        let answer = cloud.moto.ask(request).await;
        Ok(if answer.is_error() { answer } else { self.amend(&answer) })
    }

    /// Rejects tags unless the cluster is available (API Reference, CreateTags,
    /// InvalidClusterState).
    pub fn check_tagging(&self, request: &Request) -> Result<(), ErrorReply> {
        let name = request.get("ResourceName").unwrap_or_default();
        let found = name.split_once(":cluster:").and_then(|(_, id)| self.all.get(id));
        match found {
            Some(cluster) if cluster.status != "available" => {
                Err(wrong_state(request, &cluster.status))
            }
            _ => Ok(()),
        }
    }

    /// Answers PauseCluster and ResumeCluster, which are not passed on to moto.
    pub async fn pause_or_resume(
        &mut self,
        cloud: &Cloud,
        request: &Request,
        pace: Pace,
        from: &str,
        via: &str,
        to: &'static str,
    ) -> Result<Answer, ErrorReply> {
        let left = self.polls_at(pace);
        let cluster = self.find(request)?;
        if cluster.status != from {
            return Err(wrong_state(request, &cluster.status));
        }
        cluster.begin(via, to, left);
        self.answer(cloud, request).await
    }

    pub async fn delete(
        &mut self,
        cloud: &Cloud,
        request: &Request,
        pace: Pace,
    ) -> Result<Answer, ErrorReply> {
        let left = self.polls_at(pace);
        let cluster = self.find(request)?;
        if cluster.status == "deleting" || availability(&cluster.status) == "Modifying" {
            return Err(wrong_state(request, &cluster.status));
        }
        let skips = request.says("SkipFinalClusterSnapshot", "true");
        let snapshot = request.get("FinalClusterSnapshotIdentifier");
        match (skips, snapshot) {
            (false, None) => {
                return Err(ErrorReply::combination(
                    "FinalClusterSnapshotIdentifier is required unless SkipFinalClusterSnapshot \
                     is specified.",
                ));
            }
            (true, Some(_)) => {
                return Err(ErrorReply::combination(
                    "FinalClusterSnapshotIdentifier must not be specified if \
                     SkipFinalClusterSnapshot is true.",
                ));
            }
            (true, None) => {}
            (false, Some(snapshot)) => {
                let identifier = request.require("ClusterIdentifier")?;
                let params = [("ClusterIdentifier", identifier), ("SnapshotIdentifier", snapshot)];
                let made =
                    cloud.ask_moto(Service::Redshift, "CreateClusterSnapshot", &params).await;
                if made.is_error() {
                    return Ok(made);
                }
            }
        }
        let cluster = self.find(request)?;
        cluster.status = "deleting".to_owned();
        cluster.next = left.map(|left| (left, Next::Removed));
        let answer = self.answer(cloud, request).await;
        if left.is_none() {
            self.remove(cloud, request.require("ClusterIdentifier")?).await;
        }
        answer
    }

    pub async fn modify(&mut self, cloud: &Cloud, request: &Request) -> Result<Answer, ErrorReply> {
        let cluster = self.find(request)?;
        if cluster.status != "available" {
            return Err(wrong_state(request, &cluster.status));
        }
        if request.says("ManageMasterPassword", "true") {
            let identifier = request.require("ClusterIdentifier")?;
            cluster.secret = Some(secret(identifier, request));
        } else if request.says("ManageMasterPassword", "false") {
            cluster.secret = None;
        }
        let answer = cloud.moto.ask(request).await;
        if answer.is_error() {
            return Ok(answer);
        }
        if let Some(new) = request.get("NewClusterIdentifier") {
            let renamed = self.all.remove(request.require("ClusterIdentifier")?);
            self.all.extend(renamed.map(|cluster| (new.to_owned(), cluster)));
        }
        Ok(self.amend(&answer))
    }

    pub async fn modify_roles(
        &mut self,
        cloud: &Cloud,
        request: &Request,
        pace: Pace,
    ) -> Result<Answer, ErrorReply> {
        let left = self.polls_at(pace);
        let cluster = self.find(request)?;
        if cluster.status != "available" {
            return Err(wrong_state(request, &cluster.status));
        }
        let added = request.list("AddIamRoles.IamRoleArn");
        let removed = request.list("RemoveIamRoles.IamRoleArn");
        if let Some(default) = request.get("DefaultIamRoleArn") {
            let attached = cluster.roles.iter().filter(|role| !role.leaving).map(|role| &role.arn);
            let mut roles = attached.chain(&added).filter(|arn| !removed.contains(arn));
            if !default.is_empty() && !roles.any(|arn| arn == default) {
                return Err(not_attached(default));
            }
            cluster.default_role = Some(default.to_owned()).filter(|arn| !arn.is_empty());
        }
        cluster.roles.retain(|role| left.is_some() || !removed.contains(&role.arn));
        for role in cluster.roles.iter_mut().filter(|role| removed.contains(&role.arn)) {
            (role.left, role.leaving) = (left, true);
        }
        cluster.default_role.take_if(|arn| removed.contains(arn));
        for arn in added {
            if cluster.roles.iter().any(|role| role.arn == arn && !role.leaving) {
                continue;
            }
            cluster.roles.retain(|role| role.arn != arn);
            cluster.roles.push(Role { arn, left, leaving: false });
        }
        self.answer(cloud, request).await
    }

    pub async fn credentials(
        &self,
        cloud: &Cloud,
        request: &Request,
    ) -> Result<Answer, ErrorReply> {
        if request.action == "GetClusterCredentialsWithIAM" {
            return self.credentials_with_iam(request);
        }
        let answer = cloud.moto.ask(request).await;
        let Some((user, password)) = self.credentials.as_ref().filter(|_| !answer.is_error())
        else {
            return Ok(answer);
        };
        let mut xml = answer.xml();
        let result = xml.find_mut("GetClusterCredentialsResult").expect("of GetClusterCredentials");
        result.put(Element::with_text("DbUser", user));
        result.put(Element::with_text("DbPassword", password));
        Ok(answer.with(&xml))
    }

    /// Answers GetClusterCredentialsWithIAM, which moto does not implement (7-moto).
    fn credentials_with_iam(&self, request: &Request) -> Result<Answer, ErrorReply> {
        let identifier = request.require("ClusterIdentifier")?;
        if !self.all.contains_key(identifier) {
            let message = format!("Cluster {identifier} not found.");
            return Err(ErrorReply::new(404, "ClusterNotFound", message));
        }
        let (user, password) = self.credentials.clone().unwrap_or_default();
        Ok(request.answer(vec![
            Element::with_text("DbUser", &user),
            Element::with_text("DbPassword", &password),
        ]))
    }

    fn polls_at(&self, pace: Pace) -> Option<usize> {
        (pace == Pace::Real).then_some(self.polls)
    }

    fn find(&mut self, request: &Request) -> Result<&mut Cluster, ErrorReply> {
        let identifier = request.require("ClusterIdentifier")?;
        let message = format!("Cluster {identifier} not found.");
        let cluster = self.all.get_mut(identifier);
        cluster.ok_or_else(|| ErrorReply::new(404, "ClusterNotFound", message))
    }

    async fn remove(&mut self, cloud: &Cloud, identifier: &str) {
        let params = [("ClusterIdentifier", identifier), ("SkipFinalClusterSnapshot", "true")];
        cloud.ask_moto(Service::Redshift, "DeleteCluster", &params).await;
        self.all.remove(identifier);
    }

    /// Answers with the cluster that the request names.
    async fn answer(&self, cloud: &Cloud, request: &Request) -> Result<Answer, ErrorReply> {
        let params = [("ClusterIdentifier", request.require("ClusterIdentifier")?)];
        let found = cloud.ask_moto(Service::Redshift, "DescribeClusters", &params).await;
        let found = self.amend(&found).xml();
        Ok(request.answer(found.find("Cluster").cloned().into_iter().collect()))
    }

    /// Adds the fields that moto does not store to its answer.
    fn amend(&self, answer: &Answer) -> Answer {
        let mut xml = answer.xml();
        self.amend_clusters(&mut xml);
        answer.with(&xml)
    }

    fn amend_clusters(&self, element: &mut Element) {
        if element.name() != "Cluster" {
            element.children_mut().iter_mut().for_each(|child| self.amend_clusters(child));
            return;
        }
        let Some(cluster) = self.all.get(element.text_of("ClusterIdentifier")) else { return };
        let field = |name: &str, text: &str| Element::with_text(name, text);
        element.put(field("ClusterStatus", &cluster.status));
        element.put(field("ClusterAvailabilityStatus", availability(&cluster.status)));
        element.put(Element::with("IamRoles", cluster.roles.iter().map(Role::to_xml).collect()));
        if let Some(role) = &cluster.default_role {
            element.put(field("DefaultIamRoleArn", role));
        }
        if let Some(secret) = &cluster.secret {
            element.put(field("MasterPasswordSecretArn", secret));
        }
        if cluster.status == "creating" {
            element.remove("Endpoint");
        } else if let Some((address, port)) = &self.endpoint {
            let endpoint = vec![field("Address", address), field("Port", &port.to_string())];
            element.put(Element::with("Endpoint", endpoint));
        }
    }
}

impl Cluster {
    /// Enters the transitional state `via` on the way to the state `to`, or `to` at once if `left`
    /// is `None`.
    fn begin(&mut self, via: &str, to: &'static str, left: Option<usize>) {
        self.status = if left.is_some() { via } else { to }.to_owned();
        self.next = left.map(|left| (left, Next::Become(to)));
    }

    /// Counts one poll. Returns true if the cluster no longer exists.
    fn step(&mut self) -> bool {
        self.roles.retain_mut(Role::step);
        match &mut self.next {
            Some((0, Next::Removed)) => return true,
            Some((0, Next::Become(status))) => {
                self.status = (*status).to_owned();
                self.next = None;
            }
            Some((left, _)) => *left -= 1,
            None => {}
        }
        false
    }
}

impl Role {
    /// Counts one poll. Returns false if the role is removed.
    fn step(&mut self) -> bool {
        let done = self.left == Some(0);
        self.left = self.left.and_then(|left| left.checked_sub(1));
        !(done && self.leaving)
    }

    fn to_xml(&self) -> Element {
        let status = match (self.leaving, self.left) {
            (true, _) => "removing",
            (false, None) => "in-sync",
            (false, Some(_)) => "adding",
        };
        let arn = Element::with_text("IamRoleArn", &self.arn);
        Element::with("ClusterIamRole", vec![arn, Element::with_text("ApplyStatus", status)])
    }
}

fn availability(status: &str) -> &'static str {
    match status {
        "available" => "Available",
        "paused" => "Paused",
        "creating" | "pausing" | "resuming" | "modifying" | "resizing" | "rebooting" => "Modifying",
        _ => "Unavailable",
    }
}

fn wrong_state(request: &Request, status: &str) -> ErrorReply {
    let identifier = request.get("ClusterIdentifier").unwrap_or_default();
    let message = match status {
        "available" | "paused" => format!("Cluster {identifier} is {status}."),
        _ => "There is an operation running on the Cluster. Please try again at a later time."
            .to_owned(),
    };
    ErrorReply::new(400, "InvalidClusterState", message)
}

fn secret(identifier: &str, request: &Request) -> String {
    let user = request.get("MasterUsername").unwrap_or("admin");
    format!("arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:redshift!{identifier}-{user}-AbCdEf")
}
