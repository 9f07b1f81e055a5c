//! `starlift provision --serverless`.

mod render_plan;
mod status;

use std::sync::Arc;

pub use status::{guard, line, row};

use super::provision::{admitted, offline_text, placeholders, planned};
use super::{confirm, perform};
use crate::cli::args::ProvisionArgs;
use crate::cli::error::Result;
use crate::cli::json::{ProvisionResult, Report};
use crate::cli::output::print;
use crate::cli::settings::GlobalOptions;
use crate::cloud::cidr::Cidr;
use crate::cloud::clients::Clients;
use crate::cloud::error::CloudError;
use crate::cloud::network::subnets::network_of;
use crate::cloud::network::{Vpc, find_default_vpc, find_vpc, vpc};
use crate::cloud::price::RPU_HOUR;
use crate::cloud::progress::OperationProgress;
use crate::cloud::serverless::plan::{Plan, ServerlessOptions};
use crate::cloud::serverless::provision::{Found, Provisioned, provision as create_resources};

/// Creates a workgroup and the resources that belong to it, or shows the plan.
///
/// # Errors
///
/// Returns an error if AWS rejects a request, if the user declines, or if the workgroup does not become
/// available.
pub async fn provision_workgroup(
    args: &ProvisionArgs,
    options: &ServerlessOptions,
    cidrs: Vec<Cidr>,
    global: &GlobalOptions,
) -> Result<()> {
    let clients = Clients::connect(&global.stores).await?;
    let caller = match clients.caller().await {
        Err(error) if args.dry_run => {
            return offline_plan(options, &clients, cidrs, &error, global);
        }
        caller => caller?,
    };
    let vpc = network(options, &clients).await?;
    let cidrs = admitted(args, options.public, &vpc, cidrs).await?;
    let plan = Plan::new(options, &caller, &clients.region, &vpc, cidrs);
    let found = Found::query(&clients, &plan, args.adopt).await?;
    if args.dry_run {
        let text = render_plan::plan(&plan, &clients.region, &caller, Some(&found));
        global.results.set(planned(result(&plan, &clients.region), &text));
        return print(&text);
    }
    if !args.yes && found.workgroup.is_none() {
        eprint!("{}", render_plan::summary(&plan));
        confirm("Create it?")?;
    }
    let progress = Arc::new(OperationProgress::default());
    let advice = super::continue_or_remove(&options.name);
    let work = create_resources(&clients, &plan, found, options.timeout, &progress);
    let provisioned = perform(&progress, global, &advice, work).await?;
    let Provisioned { namespace, workgroup, .. } = &provisioned;
    let planned = result(&plan, &clients.region);
    global.results.set(Report::Provision(Some(ProvisionResult {
        endpoint: workgroup.endpoint().map(|(host, port)| format!("{host}:{port}")),
        user: namespace.admin_username.clone().unwrap_or(planned.user),
        cost_an_hour: workgroup.base_capacity.map(|rpus| f64::from(rpus) * RPU_HOUR),
        changes: progress.notes(),
        ..planned
    })));
    if global.quiet {
        return Ok(());
    }
    print(&render_plan::result(&plan, &provisioned, &progress.notes()))
}

/// Returns the result of a plan without what only AWS knows.
fn result(plan: &Plan, region: &str) -> ProvisionResult {
    ProvisionResult {
        name: plan.name.to_string(),
        is_serverless: true,
        region: region.to_owned(),
        database: plan.namespace.database.clone(),
        user: plan.namespace.user.clone(),
        role: plan.namespace.role_arn.clone(),
        admits: plan.group.cidrs.iter().map(ToString::to_string).collect(),
        ..ProvisionResult::default()
    }
}

/// Prints the plan of a dry run that could not query AWS, with placeholders for the responses of AWS.
fn offline_plan(
    options: &ServerlessOptions,
    clients: &Clients,
    cidrs: Vec<Cidr>,
    error: &CloudError,
    global: &GlobalOptions,
) -> Result<()> {
    let (caller, vpc) = placeholders();
    let plan = Plan::new(options, &caller, &clients.region, &vpc, cidrs);
    let text = offline_text(error, &render_plan::plan(&plan, &clients.region, &caller, None));
    global.results.set(planned(result(&plan, &clients.region), &text));
    print(&text)
}

/// Returns the VPC of the given subnets, or the default VPC.
async fn network(options: &ServerlessOptions, clients: &Clients) -> Result<Vpc> {
    let found = match options.subnets.as_slice() {
        [] => vpc(clients, &find_default_vpc()).await?,
        subnets => {
            let id = network_of(clients, subnets).await?;
            vpc(clients, &find_vpc(&id)).await?
        }
    };
    Ok(found.ok_or_else(|| CloudError::NoVpc { region: clients.region.clone() })?)
}
