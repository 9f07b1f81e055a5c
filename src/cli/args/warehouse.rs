//! Options of the commands that work with a warehouse.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};
use serde::Deserialize;

use super::inputs::NamedUrl;
use super::range::MAX_SECONDS;
use super::{ModelArgs, StarArgs, TransformArgs};
use crate::cli::completions;

/// Options of the connection to a warehouse.
#[derive(Debug, Args)]
#[command(next_help_heading = "Warehouse")]
pub struct WarehouseArgs {
    /// Schema of the tables; `selftest` uses a scratch schema instead [default: star].
    #[arg(long, value_name = "NAME", env = "STARLIFT_SCHEMA")]
    pub schema: Option<String>,
    /// File that contains the user's password; without it, STARLIFT_PASSWORD, PGPASSWORD and ~/.pgpass
    /// are tried in this order.
    #[arg(long, value_name = "FILE", env = "STARLIFT_PASSWORD_FILE", value_hint = ValueHint::FilePath)]
    pub password_file: Option<PathBuf>,
    /// Login method [default: iam if the warehouse has no URL or uses the Data API, and no password secret
    /// is set; otherwise password].
    #[arg(long, value_name = "METHOD", env = "STARLIFT_AUTH")]
    pub auth: Option<AuthArg>,
    /// ARN of the AWS Secrets Manager secret that contains the user's password.
    #[arg(
        long,
        value_name = "ARN",
        env = "STARLIFT_PASSWORD_SECRET",
        conflicts_with = "password_file"
    )]
    pub password_secret: Option<String>,
    /// Name of the Redshift cluster, if the host does not contain it.
    #[arg(long, value_name = "NAME", env = "STARLIFT_CLUSTER")]
    pub cluster: Option<String>,
    /// Name of the Redshift Serverless workgroup, if the host does not contain it.
    #[arg(long, value_name = "NAME", env = "STARLIFT_WORKGROUP", conflicts_with = "cluster")]
    pub workgroup: Option<String>,
    /// Database groups that the user joins for the session, with --auth iam.
    #[arg(long = "db-group", value_name = "NAME", num_args = 1.., env = "STARLIFT_DB_GROUPS", value_delimiter = ',')]
    pub db_groups: Vec<String>,
    /// Seconds after which the warehouse cancels a statement [default: the warehouse's own].
    #[arg(long, value_name = "SECONDS", env = "STARLIFT_STATEMENT_TIMEOUT", value_parser = clap::value_parser!(u64).range(1..=MAX_SECONDS))]
    pub statement_timeout: Option<u64>,
}

/// Login method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AuthArg {
    /// A password, or none if the server trusts its users.
    #[default]
    Password,
    /// A temporary password from AWS, for the user of a Redshift cluster or for the caller's IAM identity
    /// in a Redshift Serverless workgroup.
    Iam,
    /// A temporary password from AWS, for the database user that the caller's IAM identity maps to.
    IamIdentity,
}

/// Authorization for Redshift to read the star.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CopyAuthArg {
    /// A role that is attached to the cluster or namespace.
    #[default]
    Role,
    /// Temporary keys of the caller in each COPY, if no role can be attached. The keys are never shown.
    /// Redshift may reject them for Parquet.
    Session,
}

/// Options of `load`.
#[derive(Debug, Args)]
pub struct LoadArgs {
    /// The star and the options for reading it.
    #[command(flatten)]
    pub star: StarArgs,
    /// Warehouse: redshift://USER@HOST:5439/DATABASE, postgres://USER@HOST:5432/DATABASE, or a name
    /// from the configuration file.
    #[arg(long, value_name = "TARGET", env = "STARLIFT_TO", add = completions::warehouses())]
    pub to: String,
    /// Options of the connection to the warehouse.
    #[command(flatten)]
    pub warehouse: WarehouseArgs,
    /// Options of the load itself.
    #[command(flatten)]
    pub flags: LoadFlags,
    /// File for metrics of the run in the text format of Prometheus, for the textfile collector of node_exporter;
    /// it is also written if the run fails.
    #[arg(long, value_name = "FILE", env = "STARLIFT_METRICS_FILE", value_hint = ValueHint::FilePath)]
    pub metrics_file: Option<PathBuf>,
    /// Print every statement, and whether Redshift would accept the files; do not connect to the
    /// warehouse.
    #[arg(long)]
    pub dry_run: bool,
}

/// Options of `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Options of the transform.
    #[command(flatten)]
    pub transform: TransformArgs,
    /// Warehouse: redshift://USER@HOST:5439/DATABASE, postgres://USER@HOST:5432/DATABASE, or a name
    /// from the configuration file.
    #[arg(long, value_name = "TARGET", env = "STARLIFT_TO", add = completions::warehouses())]
    pub to: String,
    /// Options of the connection to the warehouse.
    #[command(flatten)]
    pub warehouse: WarehouseArgs,
    /// Options of the load itself.
    #[command(flatten)]
    pub flags: LoadFlags,
}

/// Options of `selftest`.
#[derive(Debug, Args)]
pub struct SelftestArgs {
    /// Warehouse: redshift://USER@HOST:5439/DATABASE, postgres://USER@HOST:5432/DATABASE, or a name
    /// from the configuration file.
    #[arg(long, value_name = "TARGET", env = "STARLIFT_TO", add = completions::warehouses())]
    pub to: String,
    /// The model.
    #[command(flatten)]
    pub model: ModelArgs,
    /// Name of a dataset of another model, and a location of its objects; records are generated for the
    /// built-in model.
    #[arg(long, value_name = "NAME=URL", num_args = 1..)]
    pub input: Vec<NamedUrl>,
    /// Prefix in S3 for the test's star, from which Redshift loads it: s3://BUCKET/PREFIX.
    #[arg(long, value_name = "URL", env = "STARLIFT_SCRATCH")]
    pub scratch: Option<String>,
    /// Role that Redshift assumes to read the star: an ARN, or `default` [default: default].
    #[arg(long, value_name = "ARN", env = "STARLIFT_IAM_ROLE")]
    pub iam_role: Option<String>,
    /// Authorization for Redshift to read the star [default: role].
    #[arg(long, value_name = "METHOD", env = "STARLIFT_COPY_AUTH")]
    pub copy_auth: Option<CopyAuthArg>,
    /// Keep the schema and the star after the test.
    #[arg(long)]
    pub keep: bool,
    /// Options of the connection to the warehouse.
    #[command(flatten)]
    pub warehouse: WarehouseArgs,
}

/// Options of a load.
#[derive(Debug, Args)]
#[command(next_help_heading = "Load")]
pub struct LoadFlags {
    /// Role that Redshift assumes to read the star: an ARN, or `default` for the default role of the
    /// cluster [default: default].
    #[arg(long, value_name = "ARN", env = "STARLIFT_IAM_ROLE")]
    pub iam_role: Option<String>,
    /// Authorization for Redshift to read the star [default: role].
    #[arg(long, value_name = "METHOD", env = "STARLIFT_COPY_AUTH")]
    pub copy_auth: Option<CopyAuthArg>,
    /// Load even if the same run is already loaded.
    #[arg(long)]
    pub force: bool,
    /// Drop objects that depend on the old tables and cannot be carried over to the new ones; without
    /// this option, the load names them and fails before it copies anything.
    #[arg(long)]
    pub cascade: bool,
    /// Seconds to wait for other loads, and for other sessions to release the tables [default: 600].
    #[arg(long, value_name = "SECONDS", env = "STARLIFT_LOCK_TIMEOUT", value_parser = clap::value_parser!(u64).range(1..=MAX_SECONDS))]
    pub lock_timeout: Option<u64>,
}
