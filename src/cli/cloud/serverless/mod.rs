//! `starlift provision --serverless`.

mod render_plan;
mod status;

use std::sync::Arc;

pub use status::{WorkgroupRow, line, row};

use super::provision::{admitted, offline_text, placeholders};
use super::{confirm, perform};
use crate::cli::args::ProvisionArgs;
use crate::cli::error::Result;
use crate::cli::output::print;
use crate::cli::settings::GlobalOptions;
use crate::cloud::cidr::Cidr;
use crate::cloud::clients::Clients;
use crate::cloud::error::CloudError;
use crate::cloud::network::subnets::network_of;
use crate::cloud::network::{Vpc, find_default_vpc, find_vpc, vpc};
use crate::cloud::progress::OperationProgress;
use crate::cloud::serverless::plan::{Plan, ServerlessOptions};
use crate::cloud::serverless::provision::{Found, provision as create_resources};

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
            return print(&offline_plan(options, &clients, cidrs, &error));
        }
        caller => caller?,
    };
    let vpc = network(options, &clients).await?;
    let cidrs = admitted(args, options.public, &vpc, cidrs).await?;
    let plan = Plan::new(options, &caller, &clients.region, &vpc, cidrs);
    let found = Found::query(&clients, &plan, args.adopt).await?;
    if args.dry_run {
        return print(&render_plan::plan(&plan, &clients.region, &caller, Some(&found)));
    }
    if !args.yes && found.workgroup.is_none() {
        eprint!("{}", render_plan::summary(&plan));
        confirm("Create it?")?;
    }
    let progress = Arc::new(OperationProgress::default());
    let advice = super::continue_or_remove(&options.name);
    let work = create_resources(&clients, &plan, found, options.timeout, &progress);
    let provisioned = perform(&progress, global, &advice, work).await?;
    if global.quiet {
        return Ok(());
    }
    print(&render_plan::result(&plan, &provisioned, &progress.notes()))
}

/// Returns the plan of a dry run that could not query AWS, with placeholders for the responses of AWS.
fn offline_plan(
    options: &ServerlessOptions,
    clients: &Clients,
    cidrs: Vec<Cidr>,
    error: &CloudError,
) -> String {
    let (caller, vpc) = placeholders();
    let plan = Plan::new(options, &caller, &clients.region, &vpc, cidrs);
    offline_text(error, &render_plan::plan(&plan, &clients.region, &caller, None))
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
