//! Rendering of plans and results for workgroups.

use std::fmt::Write;

use super::super::render_plan::{admitted, header, heading, role, rule};
use super::status::spending;
use crate::cli::output::{STRONG, styled};
use crate::cloud::clients::Caller;
use crate::cloud::price;
use crate::cloud::serverless::limit::{FoundLimit, RpuLimit};
use crate::cloud::serverless::plan::Plan;
use crate::cloud::serverless::provision::{Found, Provisioned};
use crate::cloud::serverless::workgroup::BASE_CAPACITY;

/// Returns the full plan.
pub fn plan(plan: &Plan, region: &str, caller: &Caller, found: Option<&Found>) -> String {
    let there = |is_there: fn(&Found) -> bool| match found {
        Some(found) if is_there(found) => " (exists)",
        Some(_) => " (to create)",
        None => "",
    };
    let mut text = header(region, caller);
    text += &role(&plan.role, there(|found| found.role.is_some()));
    text += &rule(&plan.group, there(|found| found.group.is_some()));
    let parts = [
        ("namespace", there(|found| found.namespace.is_some()), data(plan)),
        ("workgroup", there(|found| found.workgroup.is_some()), compute(plan)),
    ];
    for (kind, there, features) in parts {
        let _ = writeln!(text, "{} {}{there}\n{features}", heading(kind), plan.name);
    }
    let limit = guard(plan, found);
    let _ = writeln!(
        text,
        "{} {limit}{}\n  AWS disables queries when it is reached, until the next {}\n",
        heading("limit"),
        there(|found| found.limits.iter().any(|found| found.guard().is_some())),
        limit.period
    );
    text += "no schedule: workgroups are never paused, and have no compute cost while no query runs\n\n";
    let _ = writeln!(text, "{}", styled(STRONG, "tags of all resources"));
    for (key, value) in plan.workgroup.tags.pairs() {
        let _ = writeln!(text, "  {key} = {value}");
    }
    let _ = write!(text, "\n{}", cost(capacity(plan, found), Some(limit)));
    text
}

/// Returns the summary that the user confirms.
pub fn summary(plan: &Plan) -> String {
    let limit = plan.limit.unwrap_or(RpuLimit::DEFAULT);
    format!(
        "workgroup {}\n{}{}  admits {}\n  limited to {limit}\n{}",
        plan.workgroup.name,
        compute(plan),
        data(plan),
        admitted(&plan.group.cidrs),
        cost(capacity(plan, None), Some(limit))
    )
}

/// Returns the created resources and the next steps.
pub fn result(plan: &Plan, provisioned: &Provisioned, notes: &[String]) -> String {
    let mut text: String = notes.iter().map(|line| format!("{line}\n")).collect();
    let name = &plan.workgroup.name;
    let Provisioned { namespace, workgroup, limits } = provisioned;
    let endpoint = workgroup.endpoint().map(|(host, port)| format!("{host}:{port}"));
    let endpoint = endpoint.unwrap_or_default();
    let user = namespace.admin_username.as_deref().unwrap_or(&plan.namespace.user);
    let _ = writeln!(text, "\nendpoint  {}", styled(STRONG, &endpoint));
    let _ = writeln!(text, "database  {} as {user}", plan.namespace.database);
    let secret = namespace.admin_password_secret_arn.as_deref();
    let _ = writeln!(text, "secret    {}", secret.unwrap_or("unknown"));
    let _ = writeln!(text, "role      {}", plan.namespace.role_arn);
    let _ = writeln!(text, "admits    {}", admitted(&plan.group.cidrs));
    if !workgroup.publicly_accessible.unwrap_or_default() {
        text +=
            "          reachable only from within its VPC; --public makes it publicly accessible\n";
    }
    let guard = limits.iter().find_map(FoundLimit::guard);
    if let Some(guard) = guard {
        let _ = writeln!(text, "limit     {guard}; --rpu-limit changes it");
    }
    text += &cost(workgroup.base_capacity.unwrap_or(BASE_CAPACITY), guard);
    let _ = write!(text, "\nfor starlift.toml:\n\n{}", section(name, user, secret));
    let _ = writeln!(
        text,
        "\nnext: starlift doctor --to redshift --workgroup {name}; starlift load --to redshift \
         --workgroup {name}; finally starlift teardown --name {name}"
    );
    text
}

/// Returns the warehouse's section of a configuration file.
fn section(name: &str, user: &str, secret: Option<&str>) -> String {
    let mut text = format!("[warehouse.redshift]\nworkgroup = {name:?}\n");
    if let Some(secret) = secret {
        let _ = write!(
            text,
            "# Logs in as the caller's own IAM identity. To log in as the admin user, add:\n# user = {user:?}\n\
             # password_secret = {secret:?}\n"
        );
    }
    text
}

/// Returns the limit that applies after the plan.
fn guard(plan: &Plan, found: Option<&Found>) -> RpuLimit {
    let current = || found?.limits.iter().find_map(FoundLimit::guard);
    plan.limit.or_else(current).unwrap_or(RpuLimit::DEFAULT)
}

/// Returns the base capacity that applies after the plan.
fn capacity(plan: &Plan, found: Option<&Found>) -> u32 {
    let current = || found?.workgroup.as_ref()?.base_capacity;
    plan.workgroup.base_capacity.or_else(current).unwrap_or(BASE_CAPACITY)
}

fn data(plan: &Plan) -> String {
    let namespace = &plan.namespace;
    format!(
        "  database {}, encrypted; user {}, whose password AWS generates and stores in Secrets \
         Manager\n  reads with the role {}, which is its default\n",
        namespace.database, namespace.user, plan.role.name
    )
}

fn compute(plan: &Plan) -> String {
    let workgroup = &plan.workgroup;
    let base = match workgroup.base_capacity {
        Some(base) => format!("{base} RPUs"),
        None => format!("{BASE_CAPACITY} RPUs unless it has another base capacity already"),
    };
    let max = workgroup.max_capacity.map(|max| format!(", {max} at most")).unwrap_or_default();
    let access = match workgroup.public {
        Some(true) => "publicly accessible",
        Some(false) => "not publicly accessible",
        None => "not publicly accessible unless it already is",
    };
    let subnets = match workgroup.subnets.as_slice() {
        [] => "subnets of the default VPC".to_owned(),
        subnets => format!("subnets {}", subnets.join(", ")),
    };
    format!("  {base}{max}, {access}, {subnets}, port {}\n", workgroup.port)
}

fn cost(base: u32, limit: Option<RpuLimit>) -> String {
    let [running, most] = spending(base, limit);
    format!(
        "cost      {running};\n          {most};\n          storage at ${} per GB and month and data \
         transfer out of AWS are extra; estimate from\n          {}\n",
        price::STORAGE_GB_MONTH,
        price::SOURCE
    )
}
