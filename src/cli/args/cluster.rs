//! Options of the commands that create, show, pause and remove the cloud resources that a load needs.

use std::time::Duration;

use clap::{Args, ValueEnum, ValueHint};

use super::range::wait;
use super::{InputArgs, ModelArgs, ServerlessArgs, WarehouseArgs};
use crate::cli::completions;
use crate::cloud::cidr::{Cidr, IP_ECHO_URL};
use crate::cloud::names::Name;
use crate::cloud::plan::Expires;

/// Options of `provision`.
#[derive(Debug, Args)]
pub struct ProvisionArgs {
    /// Name of the cluster or workgroup and of the resources that belong to it.
    #[arg(long, value_name = "NAME", env = "STARLIFT_NAME")]
    pub name: Option<Name>,
    /// Options of a workgroup.
    #[command(flatten)]
    pub serverless: ServerlessArgs,
    /// Location of the star that the role can read: s3://BUCKET/PREFIX.
    #[arg(long, value_name = "URL", env = "STARLIFT_STAR", value_hint = ValueHint::Url)]
    pub star: Option<String>,
    /// Node type [default: ra3.large].
    #[arg(long, value_name = "TYPE", env = "STARLIFT_NODE_TYPE")]
    pub node_type: Option<String>,
    /// Number of nodes [default: 1].
    #[arg(long, value_name = "N", env = "STARLIFT_NODES")]
    pub nodes: Option<u32>,
    /// Name of the database [default: dev].
    #[arg(long, value_name = "NAME", env = "STARLIFT_DATABASE")]
    pub database: Option<String>,
    /// Admin user; AWS generates its password and stores it in Secrets Manager [default: awsuser].
    #[arg(long, value_name = "NAME", env = "STARLIFT_USER")]
    pub user: Option<String>,
    /// Port [default: 5439].
    #[arg(long, value_name = "PORT", env = "STARLIFT_PORT")]
    pub port: Option<u16>,
    /// Make the cluster or workgroup publicly accessible, with a public IP address.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_missing_value = "true", env = "STARLIFT_PUBLIC")]
    pub public: Option<bool>,
    /// Address ranges that may connect, such as 203.0.113.7/32 [default: this machine's own address].
    #[arg(long, value_name = "CIDR", num_args = 1.., env = "STARLIFT_CIDR", value_delimiter = ',')]
    pub cidr: Vec<Cidr>,
    /// Accept a --cidr as wide as 0.0.0.0/0, which allows anyone on the internet to try passwords.
    #[arg(long)]
    pub open_to_the_internet: bool,
    /// Service that reports this machine's public IP address.
    #[arg(long, value_name = "URL", env = "STARLIFT_ADDRESS_SERVICE", default_value = IP_ECHO_URL,
          hide_env_values = true, value_hint = ValueHint::Url)]
    pub address_service: String,
    /// Cluster subnet group [default: the subnets of the default VPC].
    #[arg(long, value_name = "NAME", env = "STARLIFT_SUBNET_GROUP")]
    pub subnet_group: Option<String>,
    /// ARN of the customer managed KMS key that encrypts the star's objects, if there is one.
    #[arg(long, value_name = "ARN", env = "STARLIFT_KMS_KEY")]
    pub kms_key: Option<String>,
    /// Time after which AWS pauses the cluster, such as 8h, or `never` [default: unchanged; never for a
    /// new cluster]. A paused cluster costs only its storage.
    #[arg(long, value_name = "TIME", env = "STARLIFT_EXPIRES")]
    pub expires: Option<Expires>,
    /// Take over resources that another user of the account created under this name.
    #[arg(long)]
    pub adopt: bool,
    /// Time to wait.
    #[command(flatten)]
    pub wait: WaitArgs,
    /// Print what would be created, every policy and the cost; create nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask before creating resources that cost money.
    #[arg(long, short)]
    pub yes: bool,
}

/// The time that a command waits for changes in the cloud.
#[derive(Debug, Args)]
pub struct WaitArgs {
    /// Time to wait for each change to the cluster or workgroup, such as 45min.
    #[arg(long, value_name = "TIME", env = "STARLIFT_TIMEOUT", default_value = "30min", value_parser = wait)]
    pub timeout: Duration,
}

/// Options of `status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Format of the rows [default: table]. It replaces --output-format.
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<StatusFormat>,
}

/// Output format of `status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StatusFormat {
    /// A human-readable table.
    Table,
    /// A JSON array of objects.
    Json,
}

/// Options of `pause`.
#[derive(Debug, Args)]
pub struct PauseArgs {
    /// Name of the cluster.
    #[arg(long, value_name = "NAME", env = "STARLIFT_NAME")]
    pub name: Option<Name>,
    /// Time to wait.
    #[command(flatten)]
    pub wait: WaitArgs,
}

/// Options of `resume`.
#[derive(Debug, Args)]
pub struct ResumeArgs {
    /// Name of the cluster.
    #[arg(long, value_name = "NAME", env = "STARLIFT_NAME")]
    pub name: Option<Name>,
    /// Time after which AWS pauses the cluster again, such as 8h, or `never` [default: the same time as
    /// before].
    #[arg(long, value_name = "TIME", env = "STARLIFT_EXPIRES")]
    pub expires: Option<Expires>,
    /// Time to wait.
    #[command(flatten)]
    pub wait: WaitArgs,
}

/// Options of `teardown`.
#[derive(Debug, Args)]
pub struct TeardownArgs {
    /// Name of the cluster and of the resources that belong to it.
    #[arg(long, value_name = "NAME", env = "STARLIFT_NAME")]
    pub name: Option<Name>,
    /// Take a snapshot with this name before the cluster or namespace is deleted; AWS keeps it and charges
    /// for it.
    #[arg(long, value_name = "NAME")]
    pub final_snapshot: Option<String>,
    /// Time to wait.
    #[command(flatten)]
    pub wait: WaitArgs,
    /// Do not ask for confirmation.
    #[arg(long, short)]
    pub yes: bool,
    /// With --yes, also remove resources that another user of the account created.
    #[arg(long)]
    pub adopt: bool,
}

/// Options of `doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Objects of the datasets.
    #[command(flatten)]
    pub inputs: InputArgs,
    /// Location of the star [default: that of the configuration file].
    #[arg(long, value_name = "URL", env = "STARLIFT_STAR", value_hint = ValueHint::DirPath)]
    pub star: Option<String>,
    /// The model.
    #[command(flatten)]
    pub model: ModelArgs,
    /// Folder or prefix in which to test the operations that starlift needs, instead of the other checks;
    /// the test removes everything that it writes.
    #[arg(long, value_name = "URL", env = "STARLIFT_STORE", value_hint = ValueHint::DirPath)]
    pub store: Option<String>,
    /// Warehouse: a URL, or a name from the configuration file [default: the one named redshift, or the
    /// only one].
    #[arg(long, value_name = "TARGET", env = "STARLIFT_TO", add = completions::warehouses())]
    pub to: Option<String>,
    /// Role that Redshift assumes to read the star [default: that of the configuration file, otherwise the
    /// default role of the cluster].
    #[arg(long, value_name = "ARN", env = "STARLIFT_IAM_ROLE")]
    pub iam_role: Option<String>,
    /// Options of the connection to the warehouse.
    #[command(flatten)]
    pub warehouse: WarehouseArgs,
}
