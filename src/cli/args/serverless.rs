//! Options of `provision` for workgroups of Redshift Serverless.

use clap::Args;

use crate::cloud::serverless::limit::RpuLimit;

/// Options of a workgroup, in place of those of a cluster's nodes.
#[derive(Debug, Args)]
pub struct ServerlessArgs {
    /// Create a workgroup of Redshift Serverless in place of a cluster: it costs while queries run, and
    /// nothing pauses it.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_missing_value = "true", env = "STARLIFT_SERVERLESS")]
    pub serverless: Option<bool>,
    /// With --serverless: RPUs with which a query begins [default: as it was; a new workgroup 8].
    #[arg(long, value_name = "RPUS", env = "STARLIFT_BASE_CAPACITY")]
    pub base_capacity: Option<u32>,
    /// With --serverless: the most RPUs at a time [default: as it was; AWS sets it for a new workgroup].
    #[arg(long, value_name = "RPUS", env = "STARLIFT_MAX_CAPACITY")]
    pub max_capacity: Option<u32>,
    /// With --serverless: RPU-hours after which AWS turns queries off, such as 24/day, 100/week or
    /// 300/month; in place of the limits that do so already [default: as it was; a new workgroup 24/day].
    #[arg(long, value_name = "LIMIT", env = "STARLIFT_RPU_LIMIT")]
    pub rpu_limit: Option<RpuLimit>,
    /// With --serverless: subnets in three Availability Zones [default: the default network's subnets].
    #[arg(long, value_name = "ID", num_args = 1.., env = "STARLIFT_SUBNET", value_delimiter = ',')]
    pub subnet: Vec<String>,
}
