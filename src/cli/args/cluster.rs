//! Options of the commands that make, show, stop and remove what a load needs in the cloud.

use std::time::Duration;

use clap::{Args, ValueEnum, ValueHint};

use super::range::wait;
use super::{ServerlessArgs, WarehouseArgs};
use crate::cloud::address::{Cidr, WHO_AM_I};
use crate::cloud::names::Name;
use crate::cloud::plan::Expires;

/// Options of `provision`.
#[derive(Debug, Args)]
pub struct ProvisionArgs {
    /// Name of the cluster or workgroup, and of all that goes with it.
    #[arg(long, value_name = "NAME", env = "STARLIFT_NAME")]
    pub name: Option<Name>,
    /// Options of a workgroup.
    #[command(flatten)]
    pub serverless: ServerlessArgs,
    /// Place of the star, which the role may read: s3://BUCKET/PREFIX.
    #[arg(long, value_name = "URL", env = "STARLIFT_STAR", value_hint = ValueHint::Url)]
    pub star: Option<String>,
    /// Type of the nodes [default: ra3.large].
    #[arg(long, value_name = "TYPE", env = "STARLIFT_NODE_TYPE")]
    pub node_type: Option<String>,
    /// Number of nodes [default: 1].
    #[arg(long, value_name = "N", env = "STARLIFT_NODES")]
    pub nodes: Option<u32>,
    /// Database [default: dev].
    #[arg(long, value_name = "NAME", env = "STARLIFT_DATABASE")]
    pub database: Option<String>,
    /// First user; AWS makes up its password and keeps it in Secrets Manager [default: awsuser].
    #[arg(long, value_name = "NAME", env = "STARLIFT_USER")]
    pub user: Option<String>,
    /// Port [default: 5439].
    #[arg(long, value_name = "PORT", env = "STARLIFT_PORT")]
    pub port: Option<u16>,
    /// Give the cluster or workgroup an address on the internet.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_missing_value = "true", env = "STARLIFT_PUBLIC")]
    pub public: Option<bool>,
    /// Addresses that the network rule lets in, such as 203.0.113.7/32 [default: this machine's own
    /// address].
    #[arg(long, value_name = "CIDR", num_args = 1.., env = "STARLIFT_CIDR", value_delimiter = ',')]
    pub cidr: Vec<Cidr>,
    /// Accept a --cidr as wide as 0.0.0.0/0, with which everybody on the internet can try passwords.
    #[arg(long)]
    pub open_to_the_internet: bool,
    /// Service that tells this machine's address on the internet.
    #[arg(long, value_name = "URL", env = "STARLIFT_ADDRESS_SERVICE", default_value = WHO_AM_I,
          hide_env_values = true, value_hint = ValueHint::Url)]
    pub address_service: String,
    /// Cluster subnet group [default: the default network's subnets].
    #[arg(long, value_name = "NAME", env = "STARLIFT_SUBNET_GROUP")]
    pub subnet_group: Option<String>,
    /// ARN of the KMS key that the star's objects are encrypted with, if it is your own.
    #[arg(long, value_name = "ARN", env = "STARLIFT_KMS_KEY")]
    pub kms_key: Option<String>,
    /// Time after which AWS pauses the cluster, such as 8h, or `never` [default: as it was; a new
    /// cluster never]. A paused cluster costs its storage.
    #[arg(long, value_name = "TIME", env = "STARLIFT_EXPIRES")]
    pub expires: Option<Expires>,
    /// Take over what another user of the account made under this name.
    #[arg(long)]
    pub adopt: bool,
    /// How long to wait.
    #[command(flatten)]
    pub wait: WaitArgs,
    /// Print what would be made, every policy, and what it costs; make nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask before making what costs.
    #[arg(long, short)]
    pub yes: bool,
}

/// How long a command waits.
#[derive(Debug, Args)]
pub struct WaitArgs {
    /// Time to wait for each change of the cluster or workgroup, such as 45min.
    #[arg(long, value_name = "TIME", env = "STARLIFT_TIMEOUT", default_value = "30min", value_parser = wait)]
    pub timeout: Duration,
}

/// Options of `status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Form of the answer.
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub format: StatusFormat,
}

/// Form of `status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StatusFormat {
    /// A table for people.
    Table,
    /// One JSON array of objects.
    Json,
}

/// Options of `pause`.
#[derive(Debug, Args)]
pub struct PauseArgs {
    /// Name of the cluster.
    #[arg(long, value_name = "NAME", env = "STARLIFT_NAME")]
    pub name: Option<Name>,
    /// How long to wait.
    #[command(flatten)]
    pub wait: WaitArgs,
}

/// Options of `resume`.
#[derive(Debug, Args)]
pub struct ResumeArgs {
    /// Name of the cluster.
    #[arg(long, value_name = "NAME", env = "STARLIFT_NAME")]
    pub name: Option<Name>,
    /// Time after which AWS pauses the cluster again, such as 8h, or `never` [default: as long as
    /// before].
    #[arg(long, value_name = "TIME", env = "STARLIFT_EXPIRES")]
    pub expires: Option<Expires>,
    /// How long to wait.
    #[command(flatten)]
    pub wait: WaitArgs,
}

/// Options of `teardown`.
#[derive(Debug, Args)]
pub struct TeardownArgs {
    /// Name of the cluster, and of all that goes with it.
    #[arg(long, value_name = "NAME", env = "STARLIFT_NAME")]
    pub name: Option<Name>,
    /// Take a snapshot of the cluster or namespace before it goes; it stays, and costs.
    #[arg(long, value_name = "NAME")]
    pub final_snapshot: Option<String>,
    /// How long to wait.
    #[command(flatten)]
    pub wait: WaitArgs,
    /// Do not ask for the name.
    #[arg(long, short)]
    pub yes: bool,
    /// With --yes: remove what another user of the account made, too.
    #[arg(long)]
    pub adopt: bool,
}

/// Options of `doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Song objects [default: those of the configuration file].
    #[arg(long, value_name = "URL", num_args = 1.., env = "STARLIFT_SONGS", value_hint = ValueHint::AnyPath)]
    pub songs: Vec<String>,
    /// Log objects [default: those of the configuration file].
    #[arg(long, value_name = "URL", num_args = 1.., env = "STARLIFT_LOGS", value_hint = ValueHint::AnyPath)]
    pub logs: Vec<String>,
    /// Place of the star [default: that of the configuration file].
    #[arg(long, value_name = "URL", env = "STARLIFT_STAR", value_hint = ValueHint::DirPath)]
    pub star: Option<String>,
    /// Folder or prefix of a store in which to try what stars need of it, in place of the other checks;
    /// what is written there is removed.
    #[arg(long, value_name = "URL", env = "STARLIFT_STORE", value_hint = ValueHint::DirPath)]
    pub store: Option<String>,
    /// Warehouse: a URL, or a name from the configuration file [default: the one named redshift, or the
    /// only one].
    #[arg(long, value_name = "TARGET", env = "STARLIFT_TO")]
    pub to: Option<String>,
    /// Role in which Redshift reads the star [default: that of the configuration file, else the
    /// cluster's own].
    #[arg(long, value_name = "ARN", env = "STARLIFT_IAM_ROLE")]
    pub iam_role: Option<String>,
    /// How the warehouse is reached.
    #[command(flatten)]
    pub warehouse: WarehouseArgs,
}
