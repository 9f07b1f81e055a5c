//! Options of `provision` for workgroups of Redshift Serverless.

use clap::Args;

use crate::cloud::serverless::limit::RpuLimit;

/// Options of a workgroup, instead of those of a cluster's nodes.
#[derive(Debug, Args)]
pub struct ServerlessArgs {
    /// Create a workgroup of Redshift Serverless instead of a cluster: its compute is billed only
    /// while queries run, and it cannot be paused.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_missing_value = "true", env = "STARLIFT_SERVERLESS")]
    pub serverless: Option<bool>,
    /// With --serverless: base capacity in RPUs [default: unchanged; 8 for a new workgroup].
    #[arg(long, value_name = "RPUS", env = "STARLIFT_BASE_CAPACITY")]
    pub base_capacity: Option<u32>,
    /// With --serverless: maximum capacity in RPUs [default: unchanged; set by AWS for a new workgroup].
    #[arg(long, value_name = "RPUS", env = "STARLIFT_MAX_CAPACITY")]
    pub max_capacity: Option<u32>,
    /// With --serverless: RPU-hours after which AWS disables queries, such as 24/day, 100/week or
    /// 300/month; replaces existing limits of this kind [default: unchanged; 24/day for a new workgroup].
    #[arg(long, value_name = "LIMIT", env = "STARLIFT_RPU_LIMIT")]
    pub rpu_limit: Option<RpuLimit>,
    /// With --serverless: subnets in three Availability Zones [default: the subnets of the default VPC].
    #[arg(long, value_name = "ID", num_args = 1.., env = "STARLIFT_SUBNET", value_delimiter = ',')]
    pub subnet: Vec<String>,
}
