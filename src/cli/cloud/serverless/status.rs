//! Workgroups in `starlift status`.

use serde::Serialize;

use crate::cloud::price::RPU_HOUR;
use crate::cloud::serverless::inventory::ServerlessResources;
use crate::cloud::serverless::limit::{FoundLimit, Period, RpuLimit};

/// One name of Redshift Serverless in the output of `status`.
#[derive(Debug, Serialize)]
pub struct WorkgroupRow {
    namespace: Option<String>,
    base_capacity: Option<u32>,
    max_capacity: Option<u32>,
    /// The limits of its compute.
    limits: Vec<String>,
    /// Cost in dollars per hour while queries run at the base capacity.
    cost_an_hour: Option<f64>,
    /// Maximum cost in dollars, or `null` if no limit disables queries.
    cost_a_month_at_most: Option<f64>,
    #[serde(skip)]
    guard: Option<RpuLimit>,
}

/// Returns the row of a name, or `None` if it has neither a workgroup nor a namespace.
pub fn row(resources: &ServerlessResources) -> Option<WorkgroupRow> {
    if resources.is_empty() {
        return None;
    }
    let workgroup = resources.workgroup.as_ref();
    let base_capacity = workgroup.and_then(|found| found.base_capacity);
    // Several limits can apply; the strictest one counts.
    let guards = resources.limits.iter().filter_map(FoundLimit::guard);
    let guard = guards.min_by(|a, b| a.in_a_month().total_cmp(&b.in_a_month()));
    Some(WorkgroupRow {
        namespace: resources.namespace.as_ref().map(|found| found.namespace_name.clone()),
        base_capacity,
        max_capacity: workgroup.and_then(|found| found.max_capacity()),
        limits: resources.limits.iter().map(ToString::to_string).collect(),
        cost_an_hour: base_capacity.map(|rpus| f64::from(rpus) * RPU_HOUR),
        cost_a_month_at_most: guard.map(|guard| guard.in_a_month() * RPU_HOUR),
        guard,
    })
}

/// Returns the line about a workgroup below the table.
pub fn line(name: &str, row: &WorkgroupRow) -> String {
    match row.base_capacity {
        Some(rpus) => {
            let [running, most] = spending(rpus, row.guard);
            format!("workgroup {name}: {rpus} RPUs, {running}; {most}\n")
        }
        None => format!("namespace {name} has no workgroup; its storage incurs costs\n"),
    }
}

/// Returns the cost of a workgroup while queries run, and its maximum cost.
pub fn spending(base: u32, limit: Option<RpuLimit>) -> [String; 2] {
    let hour = f64::from(base) * RPU_HOUR;
    let running = format!("about ${hour:.2} per hour while queries run, billed by the second");
    let Some(limit) = limit else {
        return [running, "NO usage limit disables queries".to_owned()];
    };
    let (period, month) = (f64::from(limit.amount) * RPU_HOUR, limit.in_a_month() * RPU_HOUR);
    let most = match limit.period {
        Period::Month => format!("${month:.2} per month"),
        other => format!("${period:.2} per {other}, ${month:.0} per month"),
    };
    [running, format!("limited to {limit}: at most about {most}")]
}
