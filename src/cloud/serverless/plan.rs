//! The plan for a workgroup, in full, so that it can be shown before anything is created.

use std::time::Duration;

use super::limit::RpuLimit;
use super::namespace::NamespaceSpec;
use super::workgroup::WorkgroupSpec;
use crate::cloud::cidr::Cidr;
use crate::cloud::clients::Caller;
use crate::cloud::names::Name;
use crate::cloud::network::{GroupSpec, Vpc};
use crate::cloud::plan::{check_key, check_login};
use crate::cloud::policy::{self, StarLocation};
use crate::cloud::role::RoleSpec;
use crate::cloud::tags::{Tags, creator};
use crate::error::{Error, Result};

/// The user's options for a workgroup and the resources that belong to it.
#[derive(Debug, Clone)]
pub struct ServerlessOptions {
    /// The name of all resources.
    pub name: Name,
    /// Location of the star that the workgroup reads.
    pub star: StarLocation,
    /// Base capacity in RPUs. Without it, a new workgroup has the smallest one that is available in all
    /// regions, and an existing one keeps its own.
    pub base_capacity: Option<u32>,
    /// Maximum capacity in RPUs. Without it, AWS chooses for a new workgroup, and an existing one keeps
    /// its own.
    pub max_capacity: Option<u32>,
    /// Usage limit. Without it, a new workgroup has the default, and an existing one keeps its own.
    pub limit: Option<RpuLimit>,
    /// Name of the initial database.
    pub database: String,
    /// The admin user.
    pub user: String,
    /// Port that the workgroup listens on.
    pub port: u16,
    /// `true` for a public address. Without it, a new workgroup has none, and an existing one stays as it is.
    pub public: Option<bool>,
    /// IDs of its subnets; if empty, AWS uses those of the default VPC.
    pub subnets: Vec<String>,
    /// ARN of the customer managed key that encrypts the star's objects, if there is one.
    pub kms_key: Option<String>,
    /// Time to wait for each change.
    pub timeout: Duration,
}

/// Minimum length of the name of a workgroup.
const SHORTEST_NAME: usize = 3;

/// Maximum base capacity, and the capacity up to which steps are of 8 RPUs; above it, they are of 32.
const LARGEST_BASE: (u32, u32) = (1024, 512);

impl ServerlessOptions {
    /// Rejects values that AWS would reject only after a role and a rule have been created.
    ///
    /// Sources: Redshift Serverless API Reference, CreateWorkgroup; Redshift Management Guide, Compute
    /// capacity for Amazon Redshift Serverless.
    ///
    /// # Errors
    ///
    /// Returns an error that names the invalid value.
    pub fn check(&self) -> Result<()> {
        let reject = |text: String| Err(Error::Usage(text));
        if self.name.as_str().len() < SHORTEST_NAME {
            return reject(format!(
                "{} is not a valid workgroup name: it must have at least {SHORTEST_NAME} characters",
                self.name
            ));
        }
        if !self.base_capacity.is_none_or(is_base_capacity) {
            return reject(
                "--base-capacity must be 4, a multiple of 8 up to 512, or a multiple of 32 up to 1024"
                    .to_owned(),
            );
        }
        let is_capacity = |n: u32| n == 4 || (n >= 8 && n.is_multiple_of(8));
        if !self.max_capacity.is_none_or(is_capacity) {
            return reject("--max-capacity must be 4 or a multiple of 8".to_owned());
        }
        if self.max_capacity.is_some() && self.base_capacity > self.max_capacity {
            return reject("--max-capacity must not be below --base-capacity".to_owned());
        }
        check_login(&self.database, &self.user, self.port)?;
        check_key(self.kms_key.as_deref())
    }
}

/// Returns `true` if AWS offers this base capacity in some region.
fn is_base_capacity(rpus: u32) -> bool {
    let (largest, fine) = LARGEST_BASE;
    match rpus {
        4 => true,
        8.. if rpus <= fine => rpus.is_multiple_of(8),
        _ => rpus > fine && rpus <= largest && rpus.is_multiple_of(32),
    }
}

/// The wanted state of every resource.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The name of all resources.
    pub name: Name,
    /// The role that reads the star.
    pub role: RoleSpec,
    /// The network rule.
    pub group: GroupSpec,
    /// Properties that the namespace must have.
    pub namespace: NamespaceSpec,
    /// Properties that the workgroup must have.
    pub workgroup: WorkgroupSpec,
    /// The usage limit, if the user specifies one.
    pub limit: Option<RpuLimit>,
}

impl Plan {
    /// Returns the plan that follows from the options for this caller.
    ///
    /// The tags contain no expiry: a schedule could only pause the workgroup, and an idle workgroup costs
    /// no more than a paused one.
    pub fn new(
        options: &ServerlessOptions,
        caller: &Caller,
        region: &str,
        vpc: &Vpc,
        cidrs: Vec<Cidr>,
    ) -> Plan {
        let name = &options.name;
        let tags = Tags {
            name: name.to_string(),
            region: region.to_owned(),
            creator: creator(&caller.arn),
            expiry: None,
        };
        let role = reading_role(options, caller, region, &tags);
        Plan {
            name: name.clone(),
            namespace: NamespaceSpec {
                name: name.to_string(),
                database: options.database.clone(),
                user: options.user.clone(),
                role_arn: caller.role_arn(&role.name),
                tags: tags.clone(),
            },
            workgroup: WorkgroupSpec {
                name: name.to_string(),
                base_capacity: options.base_capacity,
                max_capacity: options.max_capacity,
                port: options.port,
                public: options.public,
                subnets: options.subnets.clone(),
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
            limit: options.limit,
        }
    }
}

/// Returns the role with which the namespace reads the star.
fn reading_role(
    options: &ServerlessOptions,
    caller: &Caller,
    region: &str,
    tags: &Tags,
) -> RoleSpec {
    let name = &options.name;
    RoleSpec {
        name: name.role(region),
        description: format!(
            "Lets the Redshift Serverless namespace {name} read a star; made by starlift"
        ),
        trust: policy::trust(&policy::REDSHIFT),
        policy_name: "read-star",
        policy: policy::read_star(caller.partition(), &options.star, options.kms_key.as_deref()),
        tags: tags.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_capacity_is_one_that_aws_has() {
        for rpus in [4, 8, 16, 512, 544, 1024] {
            assert!(is_base_capacity(rpus), "{rpus}");
        }
        for rpus in [0, 1, 2, 7, 9, 12, 516, 520, 1032, 1056, u32::MAX] {
            assert!(!is_base_capacity(rpus), "{rpus}");
        }
    }
}
