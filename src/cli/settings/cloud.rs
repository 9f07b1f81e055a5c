//! The settings for the cloud in the configuration file, which options of the command line override.

use serde::{Deserialize, Deserializer};

use super::warehouse::NamedRedshift;
use crate::cli::args::ProvisionArgs;
use crate::cli::error::{Error, Result};
use crate::cloud::cidr::Cidr;
use crate::cloud::names::Name;
use crate::cloud::plan::{Expires, ProvisionOptions};
use crate::cloud::policy::StarLocation;
use crate::cloud::serverless::limit::RpuLimit;
use crate::cloud::serverless::plan::ServerlessOptions;
use crate::storage::Location;

/// The `[cloud]` table of a configuration file. Keys are the names of the flags, with `_` for `-`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CloudSettings {
    #[serde(default, deserialize_with = "parsed")]
    name: Option<Name>,
    region: Option<String>,
    node_type: Option<String>,
    nodes: Option<u32>,
    database: Option<String>,
    user: Option<String>,
    port: Option<u16>,
    public: Option<bool>,
    #[serde(default, deserialize_with = "ranges")]
    cidr: Vec<Cidr>,
    subnet_group: Option<String>,
    serverless: Option<bool>,
    base_capacity: Option<u32>,
    max_capacity: Option<u32>,
    #[serde(default, deserialize_with = "parsed")]
    rpu_limit: Option<RpuLimit>,
    #[serde(default, deserialize_with = "crate::cli::settings::one_or_many")]
    subnet: Vec<String>,
    kms_key: Option<String>,
    #[serde(default, deserialize_with = "parsed")]
    expires: Option<Expires>,
}

fn parsed<'de, D: Deserializer<'de>, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    let text = String::deserialize(deserializer)?;
    text.parse().map(Some).map_err(serde::de::Error::custom)
}

fn ranges<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Cidr>, D::Error> {
    let texts = super::one_or_many(deserializer)?;
    texts.iter().map(|text| text.parse().map_err(serde::de::Error::custom)).collect()
}

impl CloudSettings {
    /// Returns the name from the command line, or else from the file.
    ///
    /// # Errors
    ///
    /// Returns an error if there is none.
    pub fn name(&self, typed: Option<&Name>) -> Result<Name> {
        typed.or(self.name.as_ref()).cloned().ok_or_else(|| {
            Error::Usage(
                "--name is required; it can also be set as STARLIFT_NAME in the environment, or as name in [cloud] in \
                 starlift.toml"
                    .to_owned(),
            )
        })
    }

    /// Returns the cluster or workgroup that the environment names, or else the file.
    pub fn redshift(&self) -> Option<NamedRedshift> {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let name = variable("STARLIFT_NAME");
        let name = name.or_else(|| self.name.as_ref().map(ToString::to_string))?;
        let is_serverless = variable("STARLIFT_SERVERLESS").and_then(|value| value.parse().ok());
        Some(match is_serverless.or(self.serverless) {
            Some(true) => NamedRedshift::Workgroup(name),
            _ => NamedRedshift::Cluster(name),
        })
    }

    /// Returns `true` if `provision` creates a workgroup.
    pub fn is_serverless(&self, args: &ProvisionArgs) -> bool {
        args.serverless.serverless.or(self.serverless).unwrap_or_default()
    }

    /// Returns the region of the cluster.
    pub fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }

    /// Returns the ARN of the key that encrypts the star.
    pub fn kms_key(&self) -> Option<&str> {
        self.kms_key.as_deref()
    }

    /// Returns the options of `provision`; `star` is the location from the rest of the file.
    ///
    /// # Errors
    ///
    /// Returns an error if a value is missing or invalid, or if an option is for workgroups.
    pub fn provision(&self, args: &ProvisionArgs, star: Option<&str>) -> Result<ProvisionOptions> {
        reject_options_of_workgroups(args)?;
        let or = |typed: &Option<String>, file: &Option<String>, default: &str| {
            typed.as_ref().or(file.as_ref()).cloned().unwrap_or_else(|| default.to_owned())
        };
        let options = ProvisionOptions {
            name: self.name(args.name.as_ref())?,
            star: star_location(args.star.as_deref().or(star))?,
            node_type: or(&args.node_type, &self.node_type, ProvisionOptions::NODE_TYPE),
            nodes: args.nodes.or(self.nodes).unwrap_or(1),
            database: or(&args.database, &self.database, ProvisionOptions::DATABASE),
            user: or(&args.user, &self.user, ProvisionOptions::USER),
            port: args.port.or(self.port).unwrap_or(ProvisionOptions::PORT),
            public: args.public.or(self.public),
            subnet_group: args.subnet_group.clone().or_else(|| self.subnet_group.clone()),
            kms_key: args.kms_key.clone().or_else(|| self.kms_key.clone()),
            expires: args.expires.or(self.expires).unwrap_or_default(),
            timeout: args.wait.timeout,
        };
        options.check()?;
        Ok(options)
    }

    /// Returns the options of `provision --serverless`; `star` is the location from the rest of the file.
    /// Ignores the keys of the file that are for clusters.
    ///
    /// # Errors
    ///
    /// Returns an error if a value is missing or invalid, or if an option is for clusters.
    pub fn serverless(
        &self,
        args: &ProvisionArgs,
        star: Option<&str>,
    ) -> Result<ServerlessOptions> {
        reject_options_of_clusters(args)?;
        let or = |typed: &Option<String>, file: &Option<String>, default: &str| {
            typed.as_ref().or(file.as_ref()).cloned().unwrap_or_else(|| default.to_owned())
        };
        let typed = &args.serverless;
        let subnets = if typed.subnet.is_empty() { &self.subnet } else { &typed.subnet };
        let options = ServerlessOptions {
            name: self.name(args.name.as_ref())?,
            star: star_location(args.star.as_deref().or(star))?,
            base_capacity: typed.base_capacity.or(self.base_capacity),
            max_capacity: typed.max_capacity.or(self.max_capacity),
            limit: typed.rpu_limit.or(self.rpu_limit),
            database: or(&args.database, &self.database, ProvisionOptions::DATABASE),
            user: or(&args.user, &self.user, ProvisionOptions::USER),
            port: args.port.or(self.port).unwrap_or(ProvisionOptions::PORT),
            public: args.public.or(self.public),
            subnets: subnets.clone(),
            kms_key: args.kms_key.clone().or_else(|| self.kms_key.clone()),
            timeout: args.wait.timeout,
        };
        options.check()?;
        Ok(options)
    }

    /// Returns the address ranges to admit, which may be empty.
    ///
    /// # Errors
    ///
    /// Returns an error if a range counts as the whole internet and `--open-to-the-internet` is not set.
    pub fn cidrs(&self, args: &ProvisionArgs) -> Result<Vec<Cidr>> {
        let cidrs = if args.cidr.is_empty() { &self.cidr } else { &args.cidr };
        if let Some(wide) =
            cidrs.iter().find(|cidr| cidr.is_whole_internet() && !args.open_to_the_internet)
        {
            return Err(Error::Usage(format!(
                "--cidr {wide} allows everyone on the internet to try passwords; specify a smaller range, \
                 or add --open-to-the-internet to allow it"
            )));
        }
        Ok(cidrs.clone())
    }
}

/// Parses the bucket and prefix of a star in S3.
fn star_location(star: Option<&str>) -> Result<StarLocation> {
    let star = star.ok_or_else(|| {
        Error::Usage(
            "--star s3://BUCKET/PREFIX is required; it can also be set as STARLIFT_STAR in the environment, \
             or as star in starlift.toml"
                .to_owned(),
        )
    })?;
    StarLocation::of(&Location::parse_single(star)?).ok_or_else(|| {
        Error::Usage(format!(
            "Redshift reads from S3, but the star is at {star}; pass --star s3://BUCKET/PREFIX"
        ))
    })
}

/// Rejects options that only apply to workgroups.
fn reject_options_of_workgroups(args: &ProvisionArgs) -> Result<()> {
    let typed = &args.serverless;
    let options = [
        ("--base-capacity", typed.base_capacity.is_some()),
        ("--max-capacity", typed.max_capacity.is_some()),
        ("--rpu-limit", typed.rpu_limit.is_some()),
        ("--subnet", !typed.subnet.is_empty()),
    ];
    match options.into_iter().find(|(_, is_given)| *is_given) {
        None => Ok(()),
        Some((option, _)) => Err(Error::Usage(format!(
            "{option} is for workgroups of Redshift Serverless: add --serverless"
        ))),
    }
}

/// Rejects options that only apply to clusters.
fn reject_options_of_clusters(args: &ProvisionArgs) -> Result<()> {
    let nodes = "a workgroup has no nodes; --base-capacity sets its size";
    let options = [
        ("--node-type", args.node_type.is_some(), nodes),
        ("--nodes", args.nodes.is_some(), nodes),
        ("--subnet-group", args.subnet_group.is_some(), "specify the subnets with --subnet"),
        (
            "--expires",
            args.expires.is_some(),
            "workgroups are never paused, and have no compute cost while no query runs; --rpu-limit \
             limits the cost",
        ),
    ];
    match options.into_iter().find(|(_, is_given, _)| *is_given) {
        None => Ok(()),
        Some((option, _, instead)) => {
            Err(Error::Usage(format!("{option} is for clusters, not for --serverless: {instead}")))
        }
    }
}
