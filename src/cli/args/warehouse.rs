//! Options of the commands that work with a warehouse.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};
use serde::Deserialize;

use super::range::MAX_SECONDS;
use super::{StarArgs, TransformArgs};

/// How a command reaches a warehouse.
#[derive(Debug, Args)]
#[command(next_help_heading = "Warehouse")]
pub struct WarehouseArgs {
    /// Schema of the tables [default: star].
    #[arg(long, value_name = "NAME", env = "STARLIFT_SCHEMA")]
    pub schema: Option<String>,
    /// File that holds the user's password; without it STARLIFT_PASSWORD, PGPASSWORD and ~/.pgpass
    /// are looked at.
    #[arg(long, value_name = "FILE", env = "STARLIFT_PASSWORD_FILE", value_hint = ValueHint::FilePath)]
    pub password_file: Option<PathBuf>,
    /// How to log in [default: password].
    #[arg(long, value_name = "HOW", env = "STARLIFT_AUTH")]
    pub auth: Option<AuthArg>,
    /// ARN of the secret in AWS Secrets Manager that holds the user's password.
    #[arg(
        long,
        value_name = "ARN",
        env = "STARLIFT_PASSWORD_SECRET",
        conflicts_with = "password_file"
    )]
    pub password_secret: Option<String>,
    /// Redshift cluster to get a password for, where the host does not contain it.
    #[arg(long, value_name = "NAME", env = "STARLIFT_CLUSTER")]
    pub cluster: Option<String>,
    /// Workgroup of Redshift Serverless to get a password for, where the host does not contain it.
    #[arg(long, value_name = "NAME", env = "STARLIFT_WORKGROUP", conflicts_with = "cluster")]
    pub workgroup: Option<String>,
    /// Database groups that the user belongs to for the session, with --auth iam.
    #[arg(long = "db-group", value_name = "NAME", num_args = 1.., env = "STARLIFT_DB_GROUPS", value_delimiter = ',')]
    pub db_groups: Vec<String>,
    /// Seconds after which the warehouse stops a statement [default: the warehouse's own].
    #[arg(long, value_name = "SECONDS", env = "STARLIFT_STATEMENT_TIMEOUT", value_parser = clap::value_parser!(u64).range(1..=MAX_SECONDS))]
    pub statement_timeout: Option<u64>,
}

/// How to log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AuthArg {
    /// With a password, or none where the server trusts its users.
    #[default]
    Password,
    /// With a short-lived password from AWS for the user of a Redshift cluster, or for the caller's
    /// IAM identity in a workgroup of Redshift Serverless.
    Iam,
    /// With a short-lived password from AWS for the user that the caller's IAM identity is mapped to.
    IamIdentity,
}

/// How Redshift is authorized to read the star.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CopyAuthArg {
    /// By a role that is attached to the cluster or namespace.
    #[default]
    Role,
    /// By temporary keys of the caller in each COPY, where no role can be attached. They are never
    /// shown, and Redshift may refuse them for Parquet.
    Session,
}

/// Options of `load`.
#[derive(Debug, Args)]
pub struct LoadArgs {
    /// The star, and how to read it.
    #[command(flatten)]
    pub star: StarArgs,
    /// Warehouse: redshift://USER@HOST:5439/DATABASE, postgres://USER@HOST:5432/DATABASE, or a name
    /// from the configuration file.
    #[arg(long, value_name = "TARGET", env = "STARLIFT_TO")]
    pub to: String,
    /// How the warehouse is reached.
    #[command(flatten)]
    pub warehouse: WarehouseArgs,
    /// How the load is done.
    #[command(flatten)]
    pub how: LoadHow,
    /// Print every statement, and whether Redshift would take the files; connect to nothing.
    #[arg(long)]
    pub dry_run: bool,
}

/// Options of `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// How the star is made.
    #[command(flatten)]
    pub transform: TransformArgs,
    /// Warehouse: redshift://USER@HOST:5439/DATABASE, postgres://USER@HOST:5432/DATABASE, or a name
    /// from the configuration file.
    #[arg(long, value_name = "TARGET", env = "STARLIFT_TO")]
    pub to: String,
    /// How the warehouse is reached.
    #[command(flatten)]
    pub warehouse: WarehouseArgs,
    /// How the load is done.
    #[command(flatten)]
    pub how: LoadHow,
}

/// Options of `selftest`.
#[derive(Debug, Args)]
pub struct SelftestArgs {
    /// Warehouse: redshift://USER@HOST:5439/DATABASE, postgres://USER@HOST:5432/DATABASE, or a name
    /// from the configuration file.
    #[arg(long, value_name = "TARGET", env = "STARLIFT_TO")]
    pub to: String,
    /// Place for the star in S3, which Redshift reads from: s3://BUCKET/PREFIX.
    #[arg(long, value_name = "URL", env = "STARLIFT_SCRATCH")]
    pub scratch: Option<String>,
    /// Role in which Redshift reads the star: an ARN, or `default` [default: default].
    #[arg(long, value_name = "ARN", env = "STARLIFT_IAM_ROLE")]
    pub iam_role: Option<String>,
    /// How Redshift is authorized to read the star [default: role].
    #[arg(long, value_name = "HOW", env = "STARLIFT_COPY_AUTH")]
    pub copy_auth: Option<CopyAuthArg>,
    /// Leave the schema and the star in place.
    #[arg(long)]
    pub keep: bool,
    /// How the warehouse is reached.
    #[command(flatten)]
    pub warehouse: WarehouseArgs,
}

/// How a load is done.
#[derive(Debug, Args)]
#[command(next_help_heading = "Load")]
pub struct LoadHow {
    /// Role in which Redshift reads the star: an ARN, or `default` for the cluster's own [default:
    /// default].
    #[arg(long, value_name = "ARN", env = "STARLIFT_IAM_ROLE")]
    pub iam_role: Option<String>,
    /// How Redshift is authorized to read the star [default: role].
    #[arg(long, value_name = "HOW", env = "STARLIFT_COPY_AUTH")]
    pub copy_auth: Option<CopyAuthArg>,
    /// Load even when the same run stands there already.
    #[arg(long)]
    pub force: bool,
    /// Drop what depends on the old tables and cannot be carried over to the new ones; a load without this
    /// option names it and ends before anything is copied.
    #[arg(long)]
    pub cascade: bool,
    /// Seconds to wait for other loads, and for readers to let go of the tables [default: 600].
    #[arg(long, value_name = "SECONDS", env = "STARLIFT_LOCK_TIMEOUT", value_parser = clap::value_parser!(u64).range(1..=MAX_SECONDS))]
    pub lock_timeout: Option<u64>,
}
