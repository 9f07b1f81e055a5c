//! The plan of a cluster: the specification of every resource, derived only from the options, the caller
//! and the VPC, so that it can be shown before anything changes.

use std::time::Duration;

use chrono::{DateTime, SubsecRound, Utc};

use super::cidr::Cidr;
use super::clients::Caller;
use super::cluster::{self, ClusterSpec};
use super::names::Name;
use super::network::{GroupSpec, Vpc};
use super::policy::{self, StarLocation};
use super::price::Cost;
use super::role::RoleSpec;
use super::schedule::ScheduleSpec;
use super::tags::{Expiry, Tags, creator};
use crate::error::{Error, Result};

/// The options of a cluster and the resources that belong to it.
#[derive(Debug, Clone)]
pub struct ProvisionOptions {
    /// The name of the cluster, from which the names of all resources are derived.
    pub name: Name,
    /// The location of the star that the cluster reads.
    pub star: StarLocation,
    /// Type of each node, such as `ra3.large`.
    pub node_type: String,
    /// The number of nodes.
    pub nodes: u32,
    /// The initial database.
    pub database: String,
    /// The admin user.
    pub user: String,
    /// The TCP port.
    pub port: u16,
    /// `true` if the cluster is publicly accessible. `None` leaves an existing cluster as it is, and
    /// creates a new one without a public address.
    pub public: Option<bool>,
    /// The cluster subnet group, or `None` for the subnets of the default VPC.
    pub subnet_group: Option<String>,
    /// The ARN of the customer managed KMS key that encrypts the star's objects, if there is one.
    pub kms_key: Option<String>,
    /// The time after which AWS pauses the cluster.
    pub expires: Expires,
    /// The maximum time to wait for the cluster.
    pub timeout: Duration,
}

/// The time after which AWS pauses a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Expires {
    /// As before; never for a new cluster.
    #[default]
    Unchanged,
    /// AWS does not pause the cluster.
    Never,
    /// After this lifetime.
    After(Duration),
}

impl Expires {
    /// The shortest lifetime: a cluster and a schedule each take minutes to become effective.
    pub const SHORTEST: Duration = Duration::from_secs(15 * 60);
    /// The longest lifetime, ten years. A cluster that is needed for longer has `never`.
    pub const LONGEST: Duration = Duration::from_secs(3650 * 24 * 60 * 60);

    /// Checks the lifetime.
    ///
    /// # Errors
    ///
    /// Returns an error if it is too short or too long.
    pub fn check(self) -> Result<()> {
        match self {
            Expires::After(life) if life < Expires::SHORTEST => Err(Error::Usage(format!(
                "--expires must be {} or more",
                humantime::format_duration(Expires::SHORTEST)
            ))),
            Expires::After(life) if life > Expires::LONGEST => Err(Error::Usage(format!(
                "--expires must be at most {} days, or `never`",
                Expires::LONGEST.as_secs() / (24 * 60 * 60)
            ))),
            _ => Ok(()),
        }
    }
}

impl std::str::FromStr for Expires {
    type Err = humantime::DurationError;

    fn from_str(text: &str) -> Result<Expires, humantime::DurationError> {
        match text {
            "never" => Ok(Expires::Never),
            text => humantime::parse_duration(text).map(Expires::After),
        }
    }
}

impl ProvisionOptions {
    /// The cheapest node type that supports a single node. Source: Redshift Management Guide, Clusters and
    /// nodes.
    pub const NODE_TYPE: &str = "ra3.large";
    /// The maximum number of nodes of any type. Source: Redshift Management Guide, Clusters and nodes.
    pub const MAX_NODES: u32 = 128;
    /// Redshift's default name of the initial database.
    pub const DATABASE: &str = "dev";
    /// The console's default name of the admin user.
    pub const USER: &str = "awsuser";
    /// Redshift's default port.
    pub const PORT: u16 = 5439;

    /// Checks the values that Redshift would reject only after a role and a rule have been created.
    ///
    /// Sources: Redshift API Reference, CreateCluster; Management Guide, Clusters and nodes.
    ///
    /// # Errors
    ///
    /// Returns an error if a value is invalid.
    pub fn check(&self) -> Result<()> {
        let reject = |text: String| Err(Error::Usage(text));
        let node_type = self.node_type.as_str();
        if node_type.starts_with("dc2.") || node_type.starts_with("ds2.") {
            return reject(format!(
                "AWS no longer creates clusters of {node_type}; use --node-type {} instead of dc2.large",
                ProvisionOptions::NODE_TYPE
            ));
        }
        if !(1..=ProvisionOptions::MAX_NODES).contains(&self.nodes) {
            let most = ProvisionOptions::MAX_NODES;
            return reject(format!("--nodes must be from 1 to {most}"));
        }
        if self.nodes == 1 && ["ra3.4xlarge", "ra3.16xlarge"].contains(&node_type) {
            return reject(format!("a cluster of {node_type} needs at least 2 nodes; add --nodes"));
        }
        let ProvisionOptions { database, user, port, .. } = self;
        check_login(database, user, *port)?;
        check_key(self.kms_key.as_deref())?;
        self.expires.check()
    }
}

/// Checks a database name, a user name and a port against the rules for both clusters and workgroups.
///
/// # Errors
///
/// Returns an error if a value is invalid.
pub(super) fn check_login(database: &str, user: &str, port: u16) -> Result<()> {
    let reject = |text: &str| Err(Error::Usage(text.to_owned()));
    if !(5431..=5455).contains(&port) && !(8191..=8215).contains(&port) {
        return reject("--port must be from 5431 to 5455, or from 8191 to 8215");
    }
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    if database.is_empty() || !database.chars().all(is_plain) {
        return reject("--database must contain only lowercase letters and digits");
    }
    let is_user = |c: char| is_plain(c) || "_+.@-".contains(c);
    if !user.starts_with(|c: char| c.is_ascii_lowercase())
        || !user.chars().all(is_user)
        || user == "public"
    {
        return reject(
            "--user must begin with a letter and contain only lowercase letters, digits and _+.@-; \
             public is reserved",
        );
    }
    Ok(())
}

/// Checks that a KMS key is named by its ARN.
///
/// # Errors
///
/// Returns an error if it is not.
pub(super) fn check_key(kms_key: Option<&str>) -> Result<()> {
    if kms_key.is_none_or(|key| key.starts_with("arn:") && key.contains(":key/")) {
        return Ok(());
    }
    Err(Error::Usage(
        "--kms-key must be the ARN of a key, arn:aws:kms:REGION:ACCOUNT:key/ID; policies do not \
         support aliases"
            .to_owned(),
    ))
}

/// The specification of every resource.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The name of the cluster, from which the names of all resources are derived.
    pub name: Name,
    /// The role that the cluster assumes to read the star.
    pub role: RoleSpec,
    /// The security group and its rules.
    pub group: GroupSpec,
    /// Properties that the cluster must have.
    pub cluster: ClusterSpec,
    /// The schedule that pauses the cluster, and the role that it uses.
    pub expiry: Option<(RoleSpec, ScheduleSpec)>,
    /// The cost of the nodes, if their price is known.
    pub cost: Option<Cost>,
}

impl Plan {
    /// Derives the plan from the options of this caller.
    pub fn new(
        options: &ProvisionOptions,
        caller: &Caller,
        region: &str,
        vpc: &Vpc,
        cidrs: Vec<Cidr>,
        expiry: Option<Expiry>,
    ) -> Plan {
        let name = &options.name;
        let tags = Tags {
            name: name.to_string(),
            region: region.to_owned(),
            creator: creator(&caller.arn),
            expiry,
        };
        let cluster_arn = cluster::arn(caller, region, name.as_str());
        let role = reading_role(options, caller, region, &tags);
        let scheduler_arn = caller.role_arn(&name.scheduler_role(region));
        let expiry = expiry.map(|expiry| {
            pause_schedule(name, region, expiry, &cluster_arn, &tags, &scheduler_arn)
        });
        Plan {
            name: name.clone(),
            cluster: ClusterSpec {
                id: name.to_string(),
                arn: cluster_arn,
                node_type: options.node_type.clone(),
                nodes: options.nodes,
                database: options.database.clone(),
                user: options.user.clone(),
                port: options.port,
                public: options.public,
                subnet_group: options.subnet_group.clone(),
                role_arn: caller.role_arn(&role.name),
                tags: tags.clone(),
            },
            role,
            group: GroupSpec {
                name: name.group(),
                vpc: vpc.id.clone(),
                port: options.port,
                cidrs,
                tags,
            },
            expiry,
            cost: Cost::of(&options.node_type, options.nodes),
        }
    }
}

/// Returns the role that the cluster assumes to read the star.
fn reading_role(
    options: &ProvisionOptions,
    caller: &Caller,
    region: &str,
    tags: &Tags,
) -> RoleSpec {
    let name = &options.name;
    RoleSpec {
        name: name.role(region),
        description: format!("Lets the Redshift cluster {name} read a star; made by starlift"),
        trust: policy::trust(&policy::REDSHIFT),
        policy_name: "read-star",
        policy: policy::read_star(caller.partition(), &options.star, options.kms_key.as_deref()),
        tags: tags.clone(),
    }
}

/// Returns the role and the schedule that pause a cluster.
pub fn pause_schedule(
    name: &Name,
    region: &str,
    expiry: Expiry,
    cluster_arn: &str,
    tags: &Tags,
    role_arn: &str,
) -> (RoleSpec, ScheduleSpec) {
    let role = RoleSpec {
        name: name.scheduler_role(region),
        description: format!("Lets AWS pause the Redshift cluster {name}; made by starlift"),
        trust: policy::trust(&policy::SCHEDULER),
        policy_name: "stop-cluster",
        policy: policy::stop_cluster(cluster_arn),
        tags: Tags { expiry: Some(expiry), ..tags.clone() },
    };
    let schedule = ScheduleSpec {
        name: name.schedule(),
        cluster: name.to_string(),
        at: expiry.at,
        role_arn: role_arn.to_owned(),
    };
    (role, schedule)
}

/// Returns the new expiry of a cluster whose expiry was `before`. An expiry that has passed is renewed with the
/// same lifetime.
pub fn expiry(expires: Expires, before: Option<Expiry>, now: DateTime<Utc>) -> Option<Expiry> {
    match expires {
        Expires::Unchanged => before.map(|old| match old.at > now {
            true => old,
            false => Expiry::after(now.trunc_subsecs(0), old.lifetime),
        }),
        Expires::Never => None,
        Expires::After(lifetime) => Some(Expiry::after(now.trunc_subsecs(0), lifetime)),
    }
}
