//! Rendering of plans and results for workgroups.

use std::fmt::Write;

use super::super::show::{admitted, heading, opening, role, rule};
use super::status::spending;
use crate::cli::output::{STRONG, styled};
use crate::cloud::clients::Caller;
use crate::cloud::price;
use crate::cloud::serverless::limit::{FoundLimit, RpuLimit};
use crate::cloud::serverless::plan::Plan;
use crate::cloud::serverless::provision::{Found, Made};
use crate::cloud::serverless::workgroup::BASE_CAPACITY;

/// Returns the full plan.
pub fn plan(plan: &Plan, region: &str, caller: &Caller, found: Option<&Found>) -> String {
    let there = |is_there: fn(&Found) -> bool| match found {
        Some(found) if is_there(found) => " (is there)",
        Some(_) => " (to make)",
        None => "",
    };
    let mut text = opening(region, caller);
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
        "{} {limit}{}\n  AWS turns queries off when it is reached, until the next {}\n",
        heading("limit"),
        there(|found| found.limits.iter().any(|found| found.guard().is_some())),
        limit.period
    );
    text += "no schedule: nothing pauses a workgroup, which costs nothing while no query runs\n\n";
    let _ = writeln!(text, "{}", styled(STRONG, "tags of all of it"));
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
        "workgroup {}\n{}{}  lets {} in\n  limited to {limit}\n{}",
        plan.workgroup.name,
        compute(plan),
        data(plan),
        admitted(&plan.group.cidrs),
        cost(capacity(plan, None), Some(limit))
    )
}

/// Returns the created resources and the next steps.
pub fn made(plan: &Plan, made: &Made, done: &[String]) -> String {
    let mut text: String = done.iter().map(|line| format!("{line}\n")).collect();
    let name = &plan.workgroup.name;
    let Made { namespace, workgroup, limits } = made;
    let endpoint = workgroup.endpoint().map(|(host, port)| format!("{host}:{port}"));
    let endpoint = endpoint.unwrap_or_default();
    let user = namespace.admin_username.as_deref().unwrap_or(&plan.namespace.user);
    let _ = writeln!(text, "\nendpoint  {}", styled(STRONG, &endpoint));
    let _ = writeln!(text, "database  {} as {user}", plan.namespace.database);
    let secret = namespace.admin_password_secret_arn.as_deref();
    let _ = writeln!(text, "secret    {}", secret.unwrap_or("of no secret is known"));
    let _ = writeln!(text, "role      {}", plan.namespace.role_arn);
    let _ = writeln!(text, "lets in   {}", admitted(&plan.group.cidrs));
    if !workgroup.publicly_accessible.unwrap_or_default() {
        text += "          from within its network only: --public gives it an address on the internet\n";
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
         --workgroup {name}; in the end starlift teardown --name {name}"
    );
    text
}

/// Returns the warehouse's section of a configuration file.
fn section(name: &str, user: &str, secret: Option<&str>) -> String {
    let mut text = format!("[warehouse.redshift]\nworkgroup = {name:?}\n");
    if let Some(secret) = secret {
        let _ = write!(
            text,
            "# Logs in as the caller's own IAM identity; as the first user with:\n# user = {user:?}\n\
             # password_secret = {secret:?}\n"
        );
    }
    text
}

/// Returns the limit that applies after the plan.
fn guard(plan: &Plan, found: Option<&Found>) -> RpuLimit {
    let standing = || found?.limits.iter().find_map(FoundLimit::guard);
    plan.limit.or_else(standing).unwrap_or(RpuLimit::DEFAULT)
}

/// Returns the base capacity that applies after the plan.
fn capacity(plan: &Plan, found: Option<&Found>) -> u32 {
    let standing = || found?.workgroup.as_ref()?.base_capacity;
    plan.workgroup.base_capacity.or_else(standing).unwrap_or(BASE_CAPACITY)
}

fn data(plan: &Plan) -> String {
    let namespace = &plan.namespace;
    format!(
        "  database {}, encrypted; user {}, whose password AWS makes up and keeps in Secrets \
         Manager\n  reads in the role {}, which is its default\n",
        namespace.database, namespace.user, plan.role.name
    )
}

fn compute(plan: &Plan) -> String {
    let workgroup = &plan.workgroup;
    let base = match workgroup.base_capacity {
        Some(base) => format!("{base} RPUs"),
        None => format!("{BASE_CAPACITY} RPUs unless it has others already"),
    };
    let max = workgroup.max_capacity.map(|max| format!(", {max} at most")).unwrap_or_default();
    let reach = match workgroup.public {
        Some(true) => "an address on the internet",
        Some(false) => "not on the internet",
        None => "not on the internet unless it is already",
    };
    let subnets = match workgroup.subnets.as_slice() {
        [] => "subnets of the default network".to_owned(),
        subnets => format!("subnets {}", subnets.join(", ")),
    };
    format!("  {base}{max}, {reach}, {subnets}, port {}\n", workgroup.port)
}

fn cost(base: u32, limit: Option<RpuLimit>) -> String {
    let [running, most] = spending(base, limit);
    format!(
        "cost      {running};\n          {most};\n          storage ${} a GB and month, and data that leaves AWS, on top. An \
         estimate:\n          {}\n",
        price::STORAGE_GB_MONTH,
        price::SOURCE
    )
}
