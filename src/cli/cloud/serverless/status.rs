//! Workgroups in `starlift status`.

use crate::cli::json::ManagedWorkgroup;
use crate::cloud::price::RPU_HOUR;
use crate::cloud::serverless::inventory::ServerlessResources;
use crate::cloud::serverless::limit::{FoundLimit, Period, RpuLimit};

/// Returns the row of a name, or `None` if it has neither a workgroup nor a namespace.
pub fn row(resources: &ServerlessResources) -> Option<ManagedWorkgroup> {
    if resources.is_empty() {
        return None;
    }
    let workgroup = resources.workgroup.as_ref();
    let base_capacity = workgroup.and_then(|found| found.base_capacity);
    let guard = guard(resources);
    Some(ManagedWorkgroup {
        namespace: resources.namespace.as_ref().map(|found| found.namespace_name.clone()),
        base_capacity,
        max_capacity: workgroup.and_then(|found| found.max_capacity()),
        limits: resources.limits.iter().map(ToString::to_string).collect(),
        cost_an_hour: base_capacity.map(|rpus| f64::from(rpus) * RPU_HOUR),
        cost_a_month_at_most: guard.map(|guard| guard.in_a_month() * RPU_HOUR),
    })
}

/// Returns the strictest of the limits that disable queries: several can apply.
pub fn guard(resources: &ServerlessResources) -> Option<RpuLimit> {
    let guards = resources.limits.iter().filter_map(FoundLimit::guard);
    guards.min_by(|a, b| a.in_a_month().total_cmp(&b.in_a_month()))
}

/// Returns the line about a workgroup below the table; `guard` is its strictest limit.
pub fn line(name: &str, row: &ManagedWorkgroup, guard: Option<RpuLimit>) -> String {
    match row.base_capacity {
        Some(rpus) => {
            let [running, most] = spending(rpus, guard);
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
