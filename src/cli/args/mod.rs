//! Definitions of the command-line arguments.

mod cluster;
mod engine;
mod history;
mod init;
mod inputs;
mod model;
mod model_command;
mod query;
pub mod range;
mod rejects;
mod report;
mod s3;
mod serverless;
mod shell;
mod transform;
mod warehouse;

use std::path::PathBuf;

use bytesize::ByteSize;
use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use serde::Deserialize;

use crate::cli::completions::{self, Shell};
use crate::generate::GenerateOptions;

pub use cluster::{
    DoctorArgs, PauseArgs, ProvisionArgs, ResumeArgs, StatusArgs, StatusFormat, TeardownArgs,
};
pub use engine::{ClusterArgs, EngineArg, EngineArgs, TlsArgs};
#[cfg(feature = "cluster")]
pub use engine::{ClusterCommand, ClusterStatusArgs, ExecutorArgs, SchedulerArgs};
pub use history::{DiffArgs, HistoryArgs, RollbackArgs};
pub use init::{DEFAULT_FILE, InitArgs};
pub use inputs::{InputArgs, NamedUrl, of_short, one_per_dataset};
pub use model::ModelArgs;
pub use model_command::{ModelCommand, ModelCommandArgs, ModelInferArgs};
pub use query::{PagerArgs, QueryArgs, QueryFormat};
pub use rejects::RejectsArgs;
pub use report::ReportArgs;
pub use s3::S3Args;
pub use serverless::ServerlessArgs;
pub use shell::ShellArgs;
pub use transform::{
    LockArg, MatchArg, PartitionArg, RemovedArg, RepairArg, SuffixArg, TransformArgs, UnmatchedArg,
};
pub use warehouse::{
    AuthArg, CopyAuthArg, LoadArgs, LoadFlags, RunArgs, SelftestArgs, WarehouseArgs,
};

/// Turn JSON objects in a bucket into a star schema in Parquet that Redshift can COPY.
///
/// The value of an option comes from these sources, in increasing order of precedence: its default,
/// the configuration file, the environment, the command line.
#[derive(Debug, Parser)]
#[command(version, after_help = EXIT_CODES)]
pub struct Cli {
    /// The subcommand to run.
    #[command(subcommand)]
    pub command: Command,
    /// Options that every command accepts.
    #[command(flatten)]
    pub global: GlobalArgs,
}

const EXIT_CODES: &str = "\
Exit codes: 0 success; 1 failure; 2 wrong usage; 3 too many rejects; 4 failed check.
Locations: a local path, file://, s3://, gs://, az:// or http(s):// (single objects).";

/// Options that every command accepts.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub struct GlobalArgs {
    /// Configuration file [default: starlift.toml in the current folder, if it exists].
    #[arg(long, global = true, value_name = "FILE", env = "STARLIFT_CONFIG", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
    /// File with environment variables to set, one KEY=VALUE per line; variables that are already set win.
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub env_file: Option<PathBuf>,
    /// AWS region; without it, the region of each bucket is looked up.
    #[arg(long, global = true, value_name = "REGION", env = "STARLIFT_REGION")]
    pub region: Option<String>,
    /// Profile of the AWS configuration files [default: AWS_PROFILE, or the default profile].
    #[arg(long, global = true, value_name = "NAME", env = "STARLIFT_PROFILE")]
    pub profile: Option<String>,
    /// S3 endpoint to use instead of Amazon's.
    #[arg(long, global = true, value_name = "URL", env = "STARLIFT_ENDPOINT_URL")]
    pub endpoint_url: Option<String>,
    /// Do not sign S3 requests, for public buckets.
    #[arg(long, global = true, value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_missing_value = "true", env = "STARLIFT_NO_SIGN_REQUEST")]
    pub no_sign_request: Option<bool>,
    /// Maximum number of retries of a request after transient errors [default: 10].
    #[arg(long, global = true, value_name = "N", env = "STARLIFT_RETRIES", value_parser = range::retries)]
    pub retries: Option<usize>,
    /// Format of the result: text, or one JSON document for programs [default: text].
    #[arg(long, global = true, value_name = "FORMAT", env = "STARLIFT_OUTPUT_FORMAT")]
    pub output_format: Option<OutputFormat>,
    /// Print only results and errors.
    #[arg(long, short, global = true, value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_missing_value = "true", env = "STARLIFT_QUIET")]
    pub quiet: Option<bool>,
    /// Log more; repeat for even more detail.
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Format of the log lines [default: text].
    #[arg(long, global = true, value_name = "FORMAT", env = "STARLIFT_LOG_FORMAT")]
    pub log_format: Option<LogFormat>,
    /// When to colour the output [default: auto].
    #[arg(long, global = true, value_name = "WHEN", env = "STARLIFT_COLOR")]
    pub color: Option<ColorWhen>,
    /// Options of requests to S3.
    #[command(flatten)]
    pub s3: S3Args,
}

/// Format of the log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// Human-readable text.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// Format of the result of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutputFormat {
    /// Text for people.
    #[default]
    Text,
    /// One JSON document, as docs/output.schema.json describes it.
    Json,
}

/// When to colour the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ColorWhen {
    /// Only on a terminal.
    #[default]
    Auto,
    /// Always, also in files and pipes.
    Always,
    /// Never.
    Never,
}

/// The subcommand to run.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a configuration file from prompts, flags, or the dwh.cfg of another project.
    #[command(after_help = EXIT_CODES)]
    Init(InitArgs),
    /// Build a star from JSON objects.
    #[command(after_help = EXIT_CODES)]
    Transform(TransformArgs),
    /// Run an analytics query, or your own SQL, on a star.
    #[command(after_help = EXIT_CODES)]
    Query(QueryArgs),
    /// Run statements from a prompt or a pipe on a star or a warehouse.
    #[command(after_help = EXIT_CODES)]
    Shell(ShellArgs),
    /// Check the invariants of a star.
    #[command(after_help = EXIT_CODES)]
    Check(CheckArgs),
    /// Write a report on a star: one HTML file with charts, tables, data quality and lineage.
    #[command(after_help = EXIT_CODES)]
    Report(ReportArgs),
    /// Show the rejected records of a star by reason, or export them to be corrected.
    #[command(after_help = EXIT_CODES)]
    Rejects(RejectsArgs),
    /// List the runs that have published a star, and the loads of a warehouse.
    #[command(after_help = EXIT_CODES)]
    History(HistoryArgs),
    /// Show which partitions of two stars differ, and in how many rows.
    #[command(after_help = EXIT_CODES)]
    Diff(DiffArgs),
    /// Restore an earlier star that `transform --keep` has kept: all tables, or none.
    #[command(after_help = EXIT_CODES)]
    Rollback(RollbackArgs),
    /// Load a star into Redshift or PostgreSQL: all tables, or none.
    #[command(after_help = EXIT_CODES)]
    Load(LoadArgs),
    /// Transform, check, load and verify; a repeated run skips steps that are already done.
    #[command(after_help = EXIT_CODES)]
    Run(Box<RunArgs>),
    /// Load a small star into a scratch schema of your own warehouse, and print a report.
    #[command(after_help = EXIT_CODES)]
    Selftest(SelftestArgs),
    /// Create a Redshift cluster or workgroup, a role that reads the star, and a network rule that allows
    /// your connections.
    #[command(after_help = EXIT_CODES)]
    Provision(ProvisionArgs),
    /// Check everything that a run needs, and print a remedy for each failed check.
    #[command(after_help = EXIT_CODES)]
    Doctor(DoctorArgs),
    /// Show what starlift created in the cloud, and what it costs.
    #[command(after_help = EXIT_CODES)]
    Status(StatusArgs),
    /// Pause the cluster, so that it costs only its storage.
    #[command(after_help = EXIT_CODES)]
    Pause(PauseArgs),
    /// Resume the cluster.
    #[command(after_help = EXIT_CODES)]
    Resume(ResumeArgs),
    /// Remove what `provision` created, and verify that nothing is left.
    #[command(after_help = EXIT_CODES)]
    Teardown(TeardownArgs),
    /// Run the scheduler or an executor of a cluster that carries out transforms, or show its state.
    #[command(after_help = EXIT_CODES)]
    Cluster(ClusterArgs),
    /// Generate synthetic data in the format of Sparkify, of any size.
    #[command(after_help = EXIT_CODES)]
    Generate(GenerateArgs),
    /// Generate, transform, check and query sample data; needs no configuration.
    #[command(after_help = EXIT_CODES)]
    Demo(DemoArgs),
    /// Describe the star schema.
    #[command(after_help = EXIT_CODES)]
    Schema(SchemaArgs),
    /// Create, draft or check the folder of a model: datasets, tables and queries.
    #[command(after_help = EXIT_CODES)]
    Model(ModelCommandArgs),
    /// Print a completion script for a shell; it completes commands, options, and the names in your
    /// configuration file, model and star.
    #[command(after_help = EXIT_CODES)]
    Completions {
        /// Shell that the script is for.
        shell: Shell,
    },
    /// Write manual pages, one per command.
    #[command(after_help = EXIT_CODES)]
    Man {
        /// Folder for the pages, such as /usr/local/share/man/man1.
        #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
        folder: PathBuf,
    },
}

/// The star that a command reads.
#[derive(Debug, Args)]
pub struct StarArgs {
    /// Folder or prefix of the star.
    #[arg(long, value_name = "URL", env = "STARLIFT_STAR", value_hint = ValueHint::DirPath)]
    pub star: Option<String>,
    /// The model.
    #[command(flatten)]
    pub model: ModelArgs,
    /// Folder of SQL files; each replaces the query of its name in the model, or adds one.
    #[arg(long, value_name = "DIR", env = "STARLIFT_QUERIES", value_hint = ValueHint::DirPath)]
    pub queries: Option<PathBuf>,
    /// Memory for queries, such as 2GiB [default: 70% of the machine's].
    #[arg(long, value_name = "SIZE", env = "STARLIFT_MEMORY_LIMIT", value_parser = range::size)]
    pub memory_limit: Option<ByteSize>,
    /// Number of threads [default: the machine's cores].
    #[arg(long, value_name = "N", env = "STARLIFT_THREADS", value_parser = range::threads)]
    pub threads: Option<std::num::NonZeroUsize>,
}

/// Options of `check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Names of the checks to run [default: all].
    #[arg(value_name = "NAME", conflicts_with = "copy_contract", add = completions::checks())]
    pub names: Vec<String>,
    /// The star and the options for reading it.
    #[command(flatten)]
    pub star: StarArgs,
    /// Check whether Redshift's COPY would accept the files, instead of the invariants; reads every text
    /// value to check its length.
    #[arg(long, conflicts_with = "on")]
    pub copy_contract: bool,
    /// File for the results as JUnit XML, with one test case per check; it is also written if checks fail.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub junit: Option<PathBuf>,
    /// Warehouse whose tables are checked instead of the files: a URL, or a name from the configuration
    /// file.
    #[arg(long, value_name = "TARGET", env = "STARLIFT_ON", add = completions::warehouses())]
    pub on: Option<String>,
    /// Options of the connection to the warehouse.
    #[command(flatten)]
    pub warehouse: WarehouseArgs,
}

/// Options of `generate`.
#[derive(Debug, Args)]
pub struct GenerateArgs {
    /// Number of songs in the catalogue.
    #[arg(long, value_name = "N", default_value_t = GenerateOptions::SONGS, value_parser = clap::value_parser!(u64).range(..=1_000_000_000))]
    pub songs: u64,
    /// Number of valid events.
    #[arg(long, value_name = "N", default_value_t = GenerateOptions::EVENTS, value_parser = clap::value_parser!(u64).range(..=100_000_000_000))]
    pub events: u64,
    /// Number of users.
    #[arg(long, value_name = "N", default_value_t = GenerateOptions::USERS, value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    pub users: u64,
    /// Number of days, starting at 2018-11-01, with one log file per day.
    #[arg(long, value_name = "N", default_value_t = GenerateOptions::DAYS, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub days: u32,
    /// Seed of the random numbers; the same seed and options produce the same bytes.
    #[arg(long, value_name = "SEED", default_value_t = GenerateOptions::SEED)]
    pub seed: u64,
    /// Bad records per valid record, from 0 to 1.
    #[arg(long, value_name = "RATE", default_value_t = GenerateOptions::BAD_RATE, value_parser = rate)]
    pub bad_rate: f64,
    /// Repeated records per song and per play, from 0 to 1.
    #[arg(long, value_name = "RATE", default_value_t = GenerateOptions::DUPLICATE_RATE, value_parser = rate)]
    pub duplicate_rate: f64,
    /// Folder or prefix in which to write song_data and log_data.
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
    /// Folder for the sample data and its star; the demo fails if it would replace data or a star that no
    /// demo created [default: starlift-demo here, or a new temporary folder if the current folder is not
    /// writable].
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub out: Option<PathBuf>,
}

/// Options of `schema`.
#[derive(Debug, Args)]
pub struct SchemaArgs {
    /// Output format [default: mermaid; json with --output-format json].
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<SchemaFormat>,
    /// The model.
    #[command(flatten)]
    pub model: ModelArgs,
    /// Database schema to name in the DDL.
    #[arg(long, value_name = "NAME", default_value = crate::warehouse::load::LoadOptions::SCHEMA)]
    pub schema: String,
    /// Star whose values determine the column lengths; without it, text columns have Redshift's default
    /// length.
    #[arg(long, value_name = "URL", value_hint = ValueHint::DirPath)]
    pub star: Option<String>,
}

/// Output format of `schema`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemaFormat {
    /// An entity-relationship diagram.
    Mermaid,
    /// A JSON document of the tables, columns, types, keys and descriptions.
    Json,
    /// DDL for Redshift.
    Redshift,
    /// DDL for PostgreSQL.
    Postgres,
}
