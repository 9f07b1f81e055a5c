//! Rendering of plans and results for clusters.

use std::fmt::Write;

use aws_sdk_redshift::types::Cluster;
use serde_json::Value;

use crate::cli::output::{STRONG, styled};
use crate::cloud::cidr::Cidr;
use crate::cloud::clients::Caller;
use crate::cloud::cluster::{self, ClusterSpec};
use crate::cloud::network::GroupSpec;
use crate::cloud::plan::Plan;
use crate::cloud::price;
use crate::cloud::provision::Found;
use crate::cloud::role::RoleSpec;
use crate::cloud::tags::moment;

/// Returns `true` if the plan starts to incur costs.
pub fn starts_costs(found: &Found) -> bool {
    let status = found.cluster.as_ref().map(cluster::status);
    !matches!(status, Some("available" | "creating" | "modifying" | "resuming" | "rebooting"))
}

/// Returns the first line of a plan.
pub(super) fn header(region: &str, caller: &Caller) -> String {
    format!(
        "in {region} of account {}, as {}; missing resources are created in this order:\n\n",
        caller.account, caller.arn
    )
}

/// Returns the security group of a plan.
pub(super) fn rule(group: &GroupSpec, there: &str) -> String {
    format!(
        "{} security group {}{there}\n  in {}, admits {} to port {}\n\n",
        heading("rule"),
        group.name,
        group.vpc,
        admitted(&group.cidrs),
        group.port
    )
}

/// Returns the full plan.
pub fn plan(plan: &Plan, region: &str, caller: &Caller, found: Option<&Found>) -> String {
    let there = |is_there: bool| match found {
        Some(_) if is_there => " (exists)",
        Some(_) => " (to create)",
        None => "",
    };
    let mut text = header(region, caller);
    text += &role(&plan.role, there(found.is_some_and(|found| found.role.is_some())));
    text += &rule(&plan.group, there(found.is_some_and(|found| found.group.is_some())));
    let cluster = &plan.cluster;
    let _ = writeln!(
        text,
        "{} {}{}\n{}",
        heading("cluster"),
        cluster.id,
        there(found.is_some_and(|found| found.cluster.is_some())),
        features(cluster)
    );
    match &plan.expiry {
        Some((scheduler, schedule)) => {
            text +=
                &role(scheduler, there(found.is_some_and(|found| found.scheduler_role.is_some())));
            let _ = writeln!(
                text,
                "{} {}{}\n  pauses the cluster at {}, and every hour after: {}\n",
                heading("schedule"),
                schedule.name,
                there(found.is_some_and(|found| found.schedule.is_some())),
                moment(schedule.at),
                schedule.expression()
            );
        }
        None => {
            text += "no schedule: the cluster incurs costs until you pause it or tear it down; with \
                     --expires 8h, AWS pauses it\n\n";
        }
    }
    let _ = writeln!(text, "{}", styled(STRONG, "tags of all resources"));
    for (key, value) in cluster.tags.pairs() {
        let _ = writeln!(text, "  {key} = {value}");
    }
    let _ = write!(text, "\n{}", cost(plan));
    text
}

/// Returns the summary that the user confirms.
pub fn summary(plan: &Plan) -> String {
    let cluster = &plan.cluster;
    let mut text = format!("cluster {}\n{}", cluster.id, features(cluster));
    let _ = writeln!(text, "  admits {}", admitted(&plan.group.cidrs));
    match &plan.expiry {
        Some((_, schedule)) => {
            let _ = writeln!(text, "  AWS pauses it at {}", moment(schedule.at));
        }
        None => text += "  no --expires: it incurs costs until you pause it or tear it down\n",
    }
    text + &cost(plan)
}

/// Returns the created resources and the next steps.
pub fn result(plan: &Plan, cluster: &Cluster, notes: &[String]) -> String {
    let mut text = String::new();
    for line in notes {
        let _ = writeln!(text, "{line}");
    }
    let endpoint = endpoint(cluster).unwrap_or_default();
    let id = &plan.cluster.id;
    let _ = writeln!(text, "\nendpoint  {}", styled(STRONG, endpoint));
    let _ = writeln!(text, "database  {} as {}", plan.cluster.database, plan.cluster.user);
    let _ = writeln!(text, "role      {}", plan.cluster.role_arn);
    let _ = writeln!(text, "admits    {}", admitted(&plan.group.cidrs));
    if !cluster.publicly_accessible.unwrap_or_default() {
        text +=
            "          reachable only from within its VPC; --public makes it publicly accessible\n";
    }
    match &plan.expiry {
        Some((_, schedule)) => {
            let _ = writeln!(text, "paused at {}", moment(schedule.at));
        }
        None => {
            text += "never paused: it incurs costs until `starlift pause` or `starlift teardown`\n"
        }
    }
    text += &cost(plan);
    let _ = writeln!(
        text,
        "\nnext: starlift doctor; starlift load --to redshift --cluster {id}; finally starlift \
         teardown --name {id}"
    );
    text
}

/// Returns host and port of a cluster, if it has an endpoint.
pub fn endpoint(cluster: &Cluster) -> Option<String> {
    let endpoint = cluster.endpoint.as_ref()?;
    Some(format!("{}:{}", endpoint.address.as_deref()?, endpoint.port?))
}

/// Formats address ranges as a list.
pub fn admitted(cidrs: &[Cidr]) -> String {
    if cidrs.is_empty() {
        return "the address of this machine".to_owned();
    }
    cidrs.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn features(cluster: &ClusterSpec) -> String {
    let access = match cluster.public {
        Some(true) => "publicly accessible",
        Some(false) => "not publicly accessible",
        None => "not publicly accessible unless it already is",
    };
    let subnets = match &cluster.subnet_group {
        Some(group) => format!("subnets of {group}"),
        None => "subnets of the default VPC".to_owned(),
    };
    format!(
        "  {} × {}, encrypted, {access}, {subnets}\n  database {} on port {}; user {}, whose password \
         AWS generates and stores in Secrets Manager\n  reads with the role above, which is its default\n",
        cluster.nodes, cluster.node_type, cluster.database, cluster.port, cluster.user
    )
}

/// Formats the kind of a resource, padded so that the names that follow are aligned.
pub(super) fn heading(kind: &str) -> String {
    styled(STRONG, format!("{kind:<10}"))
}

/// Formats a role with its policies.
pub(super) fn role(role: &RoleSpec, there: &str) -> String {
    format!(
        "{} {}{there}\n  {}\n  trust policy:\n{}\n  permissions (policy {}):\n{}\n\n",
        heading("role"),
        role.name,
        role.description,
        indented(&role.trust),
        role.policy_name,
        indented(&role.policy)
    )
}

fn indented(document: &Value) -> String {
    let text = format!("{document:#}");
    text.lines().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}

fn cost(plan: &Plan) -> String {
    let cluster = &plan.cluster;
    let Some(cost) = plan.cost else {
        return format!(
            "cost      the price of {} is unknown: see https://aws.amazon.com/redshift/pricing/\n",
            cluster.node_type
        );
    };
    format!(
        "cost      about ${:.2} per hour; ${:.0} for a month of nights left running (30 of 14 h), ${:.0} \
         for a whole month;\n          storage at ${} per GB and month and data transfer out of AWS are extra; \
         estimate from\n          {}\n",
        cost.hour,
        cost.unattended_nights(),
        cost.month(),
        price::STORAGE_GB_MONTH,
        price::SOURCE
    )
}
