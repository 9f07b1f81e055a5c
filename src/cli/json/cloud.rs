//! Results of the commands for cloud resources.

use chrono::{DateTime, Utc};

use super::schema::document_structs;

document_structs! {
    /// Result of `starlift status`.
    pub struct StatusResult {
        /// The region that was queried.
        pub region: String,
        /// The resources, by name; `--format json` prints the same objects.
        pub resources: Vec<ManagedName>,
        /// The reason why Redshift Serverless was not queried; null if it was.
        pub serverless_error: Option<String>,
    }

    /// The resources of one name.
    pub struct ManagedName {
        /// Name of the managed resources.
        pub name: String,
        /// State of the cluster or workgroup.
        pub state: String,
        /// Host and port; null if there is no endpoint.
        pub endpoint: Option<String>,
        /// ARN of the role that reads the star.
        pub role: Option<String>,
        /// The status of the role's attachment.
        pub role_status: Option<String>,
        /// Address ranges that may connect.
        pub lets_in: Vec<String>,
        /// Age of the cluster or workgroup.
        pub age_seconds: Option<u64>,
        /// Dollars, as if the cluster had never been paused.
        pub cost_so_far_at_most: Option<f64>,
        /// Time at which AWS pauses the cluster.
        pub expires: Option<DateTime<Utc>>,
        /// Name of the schedule that pauses the cluster.
        pub schedule: Option<String>,
        /// The time of the first pause, or null if the schedule is disabled.
        pub schedule_begins: Option<DateTime<Utc>>,
        /// Resources that carry the tags under another name.
        pub strays: Vec<String>,
        /// Manual snapshots, which incur costs.
        pub snapshots: Vec<String>,
        /// The properties of a workgroup.
        pub workgroup: Option<ManagedWorkgroup>,
        /// ARN of the identity that created the resources.
        pub creator: String,
    }

    /// The workgroup of one name.
    pub struct ManagedWorkgroup {
        /// Name of the namespace.
        pub namespace: Option<String>,
        /// Base capacity in RPUs.
        pub base_capacity: Option<u32>,
        /// Maximum capacity in RPUs.
        pub max_capacity: Option<u32>,
        /// The limits of its compute.
        pub limits: Vec<String>,
        /// Cost in dollars per hour while queries run at the base capacity.
        pub cost_an_hour: Option<f64>,
        /// Maximum cost in dollars, or null if no limit disables queries.
        pub cost_a_month_at_most: Option<f64>,
    }

    /// Result of `starlift provision`.
    @Default
    pub struct ProvisionResult {
        /// Name of the cluster or workgroup.
        pub name: String,
        /// `true` for a workgroup of Redshift Serverless, `false` for a cluster.
        pub is_serverless: bool,
        /// Region of the resources.
        pub region: String,
        /// `true` if nothing was created, because of `--dry-run`.
        pub is_dry_run: bool,
        /// Host and port; null for a dry run.
        pub endpoint: Option<String>,
        /// Name of the database.
        pub database: String,
        /// Admin user.
        pub user: String,
        /// ARN of the role that reads the star.
        pub role: String,
        /// Address ranges that may connect.
        pub admits: Vec<String>,
        /// Time at which AWS pauses the cluster; null if it never does.
        pub expires: Option<DateTime<Utc>>,
        /// Estimated list price in dollars per hour: of a cluster, or of a workgroup while queries run; null if it is
        /// not known.
        pub cost_an_hour: Option<f64>,
        /// The changes, in order.
        pub changes: Vec<String>,
        /// The whole plan of a dry run, as text; null otherwise.
        pub plan_text: Option<String>,
    }

    /// Result of `starlift pause` and `starlift resume`.
    @Default
    pub struct ChangeResult {
        /// Name of the cluster.
        pub name: String,
        /// The changes, in order.
        pub changes: Vec<String>,
        /// Time at which AWS pauses the cluster; null if it never does, or the cluster is paused.
        pub expires: Option<DateTime<Utc>>,
    }

    /// Result of `starlift teardown`.
    @Default
    pub struct TeardownResult {
        /// Name of the resources.
        pub name: String,
        /// Region of the resources.
        pub region: String,
        /// The changes, in order; empty if nothing belonged to the name.
        pub changes: Vec<String>,
        /// The final snapshot, which is kept and incurs costs.
        pub final_snapshot: Option<String>,
        /// The reason why Redshift Serverless was not queried; null if it was.
        pub serverless_error: Option<String>,
    }
}
