//! The command line as it is typed.

mod cluster;
mod init;
pub mod range;
mod s3;
mod serverless;
mod transform;
mod warehouse;

use std::path::PathBuf;

use bytesize::ByteSize;
use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use serde::Deserialize;

use crate::generate::GenerateOptions;

pub use cluster::{
    DoctorArgs, PauseArgs, ProvisionArgs, ResumeArgs, StatusArgs, StatusFormat, TeardownArgs,
};
pub use init::InitArgs;
pub use s3::S3Args;
pub use serverless::ServerlessArgs;
pub use transform::{LockArg, MatchArg, RepairArg, SuffixArg, TransformArgs, UnmatchedArg};
pub use warehouse::{
    AuthArg, CopyAuthArg, LoadArgs, LoadHow, RunArgs, SelftestArgs, WarehouseArgs,
};

/// JSON objects in a bucket become a star schema in Parquet that Redshift can COPY.
///
/// Every option takes its value from, in rising order of precedence: its default, the
/// configuration file, the environment, the command line.
#[derive(Debug, Parser)]
#[command(version, after_help = EXIT_CODES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Options of every command.
    #[command(flatten)]
    pub global: GlobalArgs,
}

const EXIT_CODES: &str = "\
Exit codes: 0 done; 1 failed; 2 wrong usage; 3 too many rejects; 4 a check failed.
Locations: a local path, file://, s3://, gs://, az:// or http(s):// (single objects).";

/// Options of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub struct GlobalArgs {
    /// Configuration file; `starlift.toml` in the current folder is read when it is there.
    #[arg(long, global = true, value_name = "FILE", env = "STARLIFT_CONFIG", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
    /// AWS region; without it each bucket is asked for its own.
    #[arg(long, global = true, value_name = "REGION", env = "STARLIFT_REGION")]
    pub region: Option<String>,
    /// Profile of the AWS configuration files [default: AWS_PROFILE, or the default one].
    #[arg(long, global = true, value_name = "NAME", env = "STARLIFT_PROFILE")]
    pub profile: Option<String>,
    /// S3 endpoint other than Amazon's.
    #[arg(long, global = true, value_name = "URL", env = "STARLIFT_ENDPOINT_URL")]
    pub endpoint_url: Option<String>,
    /// Do not sign S3 requests: for public buckets.
    #[arg(long, global = true, value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_missing_value = "true", env = "STARLIFT_NO_SIGN_REQUEST")]
    pub no_sign_request: Option<bool>,
    /// How often a request that failed for a passing reason is tried again [default: 10].
    #[arg(long, global = true, value_name = "N", env = "STARLIFT_RETRIES", value_parser = range::retries)]
    pub retries: Option<usize>,
    /// Print nothing but results and errors.
    #[arg(long, short, global = true, value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_missing_value = "true", env = "STARLIFT_QUIET")]
    pub quiet: Option<bool>,
    /// Say more; twice for even more.
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Form of the log lines [default: text].
    #[arg(long, global = true, value_name = "FORMAT", env = "STARLIFT_LOG_FORMAT")]
    pub log_format: Option<LogFormat>,
    /// When to colour the output [default: auto].
    #[arg(long, global = true, value_name = "WHEN", env = "STARLIFT_COLOR")]
    pub color: Option<ColorWhen>,
    /// Options of requests to S3.
    #[command(flatten)]
    pub s3: S3Args,
}

/// Form of the log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// When to colour the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ColorWhen {
    /// On a terminal.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a configuration file: asked, from flags, or from the dwh.cfg of another project.
    #[command(after_help = EXIT_CODES)]
    Init(InitArgs),
    /// Make a star of song and log objects.
    #[command(after_help = EXIT_CODES)]
    Transform(TransformArgs),
    /// Answer a question from a star.
    #[command(after_help = EXIT_CODES)]
    Query(QueryArgs),
    /// Hold a star against its invariants.
    #[command(after_help = EXIT_CODES)]
    Check(CheckArgs),
    /// Load a star into Redshift or PostgreSQL: all five tables, or none.
    #[command(after_help = EXIT_CODES)]
    Load(LoadArgs),
    /// Transform, check, load and verify; run again, it goes on where it stopped.
    #[command(after_help = EXIT_CODES)]
    Run(RunArgs),
    /// Try a load in your own warehouse, with a small star in a scratch schema, and report.
    #[command(after_help = EXIT_CODES)]
    Selftest(SelftestArgs),
    /// Make a Redshift cluster or workgroup, a role that reads the star, and a network rule that lets
    /// you in.
    #[command(after_help = EXIT_CODES)]
    Provision(ProvisionArgs),
    /// Check everything that a run needs, and say how to mend what fails.
    #[command(after_help = EXIT_CODES)]
    Doctor(DoctorArgs),
    /// Show what starlift made in the cloud, and what it costs.
    #[command(after_help = EXIT_CODES)]
    Status(StatusArgs),
    /// Pause the cluster: it costs its storage alone.
    #[command(after_help = EXIT_CODES)]
    Pause(PauseArgs),
    /// Resume the cluster.
    #[command(after_help = EXIT_CODES)]
    Resume(ResumeArgs),
    /// Remove what `provision` made, and prove that nothing is left.
    #[command(after_help = EXIT_CODES)]
    Teardown(TeardownArgs),
    /// Make up Sparkify-shaped data of any size.
    #[command(after_help = EXIT_CODES)]
    Generate(GenerateArgs),
    /// Show all of it on sample data; needs nothing.
    #[command(after_help = EXIT_CODES)]
    Demo(DemoArgs),
    /// Describe the star schema.
    #[command(after_help = EXIT_CODES)]
    Schema(SchemaArgs),
    /// Print a completion script for a shell.
    #[command(after_help = EXIT_CODES)]
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// The star that a command reads.
#[derive(Debug, Args)]
pub struct StarArgs {
    /// Folder or prefix of the star.
    #[arg(long, value_name = "URL", env = "STARLIFT_STAR", value_hint = ValueHint::DirPath)]
    pub star: Option<String>,
    /// Folder of SQL files to use in place of the built-in ones of the same name, or beside them.
    #[arg(long, value_name = "DIR", env = "STARLIFT_QUERIES", value_hint = ValueHint::DirPath)]
    pub queries: Option<PathBuf>,
    /// Memory for queries, such as 2GiB [default: 70% of the machine's].
    #[arg(long, value_name = "SIZE", env = "STARLIFT_MEMORY_LIMIT")]
    pub memory_limit: Option<ByteSize>,
    /// Threads [default: the machine's cores].
    #[arg(long, value_name = "N", env = "STARLIFT_THREADS")]
    pub threads: Option<std::num::NonZeroUsize>,
}

/// Options of `query`.
#[derive(Debug, Args)]
pub struct QueryArgs {
    /// An analytics query; `--list` shows them.
    #[arg(value_name = "NAME", conflicts_with = "sql")]
    pub name: Option<String>,
    /// The star, and how to read it.
    #[command(flatten)]
    pub star: StarArgs,
    /// SQL of your own over songplays, users, songs, artists and "time".
    #[arg(long, value_name = "TEXT")]
    pub sql: Option<String>,
    /// Show the queries there are.
    #[arg(long, conflicts_with_all = ["name", "sql"])]
    pub list: bool,
    /// Form of the answer.
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub format: QueryFormat,
    /// Warehouse to ask in place of the files: a URL, or a name from the configuration file.
    #[arg(long, value_name = "TARGET", env = "STARLIFT_ON")]
    pub on: Option<String>,
    /// Ask both the files and the warehouse, and fail where the answers differ; without a NAME, every
    /// analytics query.
    #[arg(long, requires = "on")]
    pub compare: bool,
    /// How the warehouse is reached.
    #[command(flatten)]
    pub warehouse: WarehouseArgs,
}

/// Form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum QueryFormat {
    /// A table for people.
    Table,
    /// Comma-separated values with a header.
    Csv,
    /// One JSON array of objects.
    Json,
    /// One JSON object a line.
    Ndjson,
}

/// Options of `check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The star, and how to read it.
    #[command(flatten)]
    pub star: StarArgs,
    /// Check whether Redshift's COPY would take the files, in place of the invariants; every text is
    /// read for its length.
    #[arg(long, conflicts_with = "on")]
    pub copy_contract: bool,
    /// Warehouse whose tables are checked in place of the files: a URL, or a name from the
    /// configuration file.
    #[arg(long, value_name = "TARGET", env = "STARLIFT_ON")]
    pub on: Option<String>,
    /// How the warehouse is reached.
    #[command(flatten)]
    pub warehouse: WarehouseArgs,
}

/// Options of `generate`.
#[derive(Debug, Args)]
pub struct GenerateArgs {
    /// Songs of the catalogue.
    #[arg(long, value_name = "N", default_value_t = GenerateOptions::SONGS, value_parser = clap::value_parser!(u64).range(..=1_000_000_000))]
    pub songs: u64,
    /// Valid events.
    #[arg(long, value_name = "M", default_value_t = GenerateOptions::EVENTS, value_parser = clap::value_parser!(u64).range(..=100_000_000_000))]
    pub events: u64,
    /// Users.
    #[arg(long, value_name = "U", default_value_t = GenerateOptions::USERS, value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    pub users: u64,
    /// Days, from 2018-11-01 on; a log file each.
    #[arg(long, value_name = "D", default_value_t = GenerateOptions::DAYS, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub days: u32,
    /// Seed: the same one gives the same bytes.
    #[arg(long, value_name = "S", default_value_t = GenerateOptions::SEED)]
    pub seed: u64,
    /// Bad records for each good one, from 0 to 1.
    #[arg(long, value_name = "R", default_value_t = GenerateOptions::BAD_RATE, value_parser = rate)]
    pub bad_rate: f64,
    /// Repeated records for each song and play, from 0 to 1.
    #[arg(long, value_name = "R", default_value_t = GenerateOptions::DUPLICATE_RATE, value_parser = rate)]
    pub duplicate_rate: f64,
    /// Folder or prefix for song_data and log_data.
    #[arg(long, value_name = "URL", value_hint = ValueHint::DirPath)]
    pub out: String,
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate| (0.0..=1.0).contains(rate));
    rate.ok_or_else(|| "a rate is a number from 0 to 1".to_owned())
}

/// Options of `demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Folder for the sample data and its star, empty or made by a demo [default: starlift-demo here,
    /// or a new folder in the temporary one where this one cannot be written].
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub out: Option<PathBuf>,
}

/// Options of `schema`.
#[derive(Debug, Args)]
pub struct SchemaArgs {
    /// Form of the description.
    #[arg(long, value_name = "FORMAT", default_value = "mermaid")]
    pub format: SchemaFormat,
    /// Schema that the DDL is for.
    #[arg(long, value_name = "NAME", default_value = crate::warehouse::load::LoadOptions::SCHEMA)]
    pub schema: String,
    /// Star whose values the columns are to hold; without one they have Redshift's default length.
    #[arg(long, value_name = "URL", value_hint = ValueHint::DirPath)]
    pub star: Option<String>,
}

/// Form of the star schema's description.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemaFormat {
    /// An entity-relationship diagram.
    Mermaid,
    /// Tables, columns, types, keys and meanings.
    Json,
    /// DDL for Redshift.
    Redshift,
    /// DDL for PostgreSQL.
    Postgres,
}
