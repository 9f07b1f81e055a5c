//! `starlift status`.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, SubsecRound, Utc};
use comfy_table::CellAlignment;

use super::render_plan::endpoint;
use super::serverless;
use crate::cli::args::{StatusArgs, StatusFormat};
use crate::cli::error::{Error, Result};
use crate::cli::json::{ManagedName, Report, StatusResult};
use crate::cli::output::print;
use crate::cli::settings::GlobalOptions;
use crate::cli::summary::text_table;
use crate::cloud::clients::Clients;
use crate::cloud::inventory::{Inventory, ManagedResources, list_resources};
use crate::cloud::names::Name;
use crate::cloud::price::Cost;
use crate::cloud::serverless::limit::RpuLimit;
use crate::cloud::{cluster, schedule};

/// Shows everything in the region that has the tags of starlift.
///
/// # Errors
///
/// Returns an error if AWS rejects the request or cannot be reached.
pub async fn status(args: &StatusArgs, global: &GlobalOptions) -> Result<()> {
    let clients = Clients::connect(&global.stores).await?;
    let now = Utc::now();
    let Inventory { resources: mut found, serverless_error } = list_resources(&clients).await?;
    if let Some(error) = &serverless_error {
        tracing::warn!("Redshift Serverless is not shown: {error}");
    }
    // Names with roles for other regions only are shown in those regions.
    found.retain(|_, resources| !resources.is_empty());
    let rows: Vec<ManagedName> =
        found.iter().map(|(name, resources)| row(name, resources, &clients.region, now)).collect();
    global.results.set(Report::Status(Some(StatusResult {
        region: clients.region.clone(),
        resources: rows.clone(),
        serverless_error: serverless_error.map(|error| error.to_string()),
    })));
    match args.format.unwrap_or(StatusFormat::Table) {
        StatusFormat::Json => {
            let text = serde_json::to_string_pretty(&rows)
                .map_err(|e| Error::io("cannot write JSON", std::io::Error::other(e)))?;
            print(&(text + "\n"))
        }
        StatusFormat::Table if rows.is_empty() => {
            print(&format!("starlift manages no resources in {}\n", clients.region))
        }
        StatusFormat::Table => {
            let guards = found.iter().filter_map(|(name, resources)| {
                Some((name.as_str(), serverless::guard(&resources.serverless)?))
            });
            print(&table(&rows, &guards.collect(), now))
        }
    }
}

fn row(name: &str, resources: &ManagedResources, region: &str, now: DateTime<Utc>) -> ManagedName {
    let cluster = resources.cluster.as_ref();
    let tags = resources.tags();
    let parsed: Option<Name> = name.parse().ok();
    let role = parsed.as_ref().and_then(|name| resources.role(name, region));
    let workgroup = &resources.serverless.workgroup;
    let created = cluster.and_then(|cluster| {
        DateTime::from_timestamp(cluster.cluster_create_time.as_ref()?.secs(), 0)
    });
    let created = created.or_else(|| workgroup.as_ref()?.created());
    let age = created.and_then(|created| (now - created).to_std().ok());
    let cost = cluster.and_then(|cluster| {
        let nodes = cluster.number_of_nodes.and_then(|nodes| u32::try_from(nodes).ok());
        Cost::of(cluster.node_type.as_deref()?, nodes.unwrap_or(1))
    });
    ManagedName {
        name: name.to_owned(),
        state: state(resources),
        endpoint: cluster.and_then(endpoint).or_else(|| {
            let (host, port) = workgroup.as_ref()?.endpoint()?;
            Some(format!("{host}:{port}"))
        }),
        role: role.map(|role| role.arn.clone()),
        role_status: role.and_then(|role| role_status(resources, &role.arn)),
        lets_in: resources
            .groups
            .iter()
            .flat_map(|group| group.rules.iter().map(|rule| rule.from.clone()))
            .collect(),
        age_seconds: age.map(|age| age.as_secs()),
        cost_so_far_at_most: cost.zip(age).map(|(cost, age)| cost.over(age)),
        expires: tags.as_ref().and_then(|tags| tags.expiry).map(|expiry| expiry.at),
        schedule: resources.schedule.as_ref().and_then(|s| s.scheduled_action_name.clone()),
        schedule_begins: resources.schedule.as_ref().and_then(schedule::begins),
        strays: resources.strays().cloned().collect(),
        snapshots: resources.snapshots().map(str::to_owned).collect(),
        workgroup: serverless::row(&resources.serverless),
        creator: tags.map(|tags| tags.creator).unwrap_or_default(),
    }
}

fn state(resources: &ManagedResources) -> String {
    match (&resources.cluster, &resources.serverless.workgroup) {
        (Some(cluster), _) => cluster::status(cluster).to_owned(),
        (None, Some(workgroup)) => workgroup.status.to_ascii_lowercase(),
        (None, None) if resources.serverless.namespace.is_some() => "no workgroup".to_owned(),
        (None, None) => "no cluster".to_owned(),
    }
}

/// Returns the status of the role's attachment to the cluster or namespace, if one exists.
fn role_status(resources: &ManagedResources, arn: &str) -> Option<String> {
    let status = match (&resources.cluster, &resources.serverless.namespace) {
        (Some(cluster), _) => cluster::role_status(cluster, arn),
        (None, Some(namespace)) => namespace.role_status(arn),
        (None, None) => return None,
    };
    Some(status.unwrap_or("not attached").to_owned())
}

fn table(rows: &[ManagedName], guards: &BTreeMap<&str, RpuLimit>, now: DateTime<Utc>) -> String {
    let mut table = text_table(&[
        "name",
        "state",
        "endpoint",
        "role",
        "admits",
        "age",
        "cost so far",
        "expires",
    ]);
    let or = |text: Option<String>| text.unwrap_or_else(|| "–".to_owned());
    for row in rows {
        table.add_row([
            row.name.clone(),
            row.state.clone(),
            or(row.endpoint.clone()),
            or(row.role.as_ref().map(|arn| {
                let name = arn.rsplit('/').next().unwrap_or(arn);
                match row.role_status.as_deref() {
                    Some("in-sync") | None => name.to_owned(),
                    Some(status) => format!("{name} ({status})"),
                }
            })),
            or((!row.lets_in.is_empty()).then(|| row.lets_in.join(", "))),
            or(row.age_seconds.map(|seconds| span(Duration::from_secs(seconds)))),
            or(row.cost_so_far_at_most.map(|dollars| format!("≤ ${dollars:.2}"))),
            expires(row, now),
        ]);
    }
    for column in table.column_iter_mut().skip(5).take(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let mut text = format!("{table}\n");
    for row in rows {
        if let Some(workgroup) = &row.workgroup {
            text += &serverless::line(&row.name, workgroup, guards.get(row.name.as_str()).copied());
        }
        for stray in &row.strays {
            text += &format!("{stray} has the tags of {} under another name\n", row.name);
        }
        for snapshot in &row.snapshots {
            text += &format!("snapshot {snapshot} of {} is kept and incurs costs\n", row.name);
        }
    }
    text + "cost so far: estimated list price of the nodes, as if never paused; none for workgroups\n"
}

fn expires(row: &ManagedName, now: DateTime<Utc>) -> String {
    let time = |at: DateTime<Utc>| at.format("%F %H:%M").to_string();
    match row.expires {
        None if row.workgroup.is_some() => "–".to_owned(),
        None => "never".to_owned(),
        Some(at) if row.schedule.is_none() => format!("{} (no schedule!)", time(at)),
        Some(at) if row.schedule_begins.is_none_or(|begins| begins > at) => {
            format!("{} (the schedule is disabled or starts later!)", time(at))
        }
        Some(at) if at <= now && row.state == "paused" => format!("{} (expired)", time(at)),
        Some(at) if at <= now => format!("{} (expired, but not paused!)", time(at)),
        Some(at) => {
            let remaining = (at - now.trunc_subsecs(0)).to_std().unwrap_or_default();
            format!("in {}", span(remaining))
        }
    }
}

/// Formats a duration in its two largest units.
fn span(time: Duration) -> String {
    let text = humantime::format_duration(Duration::from_secs(time.as_secs())).to_string();
    text.split(' ').take(2).collect::<Vec<_>>().join(" ")
}
