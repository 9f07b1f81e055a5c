//! `starlift provision`.

use std::sync::Arc;

use chrono::Utc;

use super::{confirm, perform, render_plan};
use crate::cli::args::ProvisionArgs;
use crate::cli::error::Result;
use crate::cli::json::{ProvisionResult, Report};
use crate::cli::output::{plain, print};
use crate::cli::settings::GlobalOptions;
use crate::cloud::cidr::{self, Cidr};
use crate::cloud::clients::{Caller, Clients};
use crate::cloud::error::CloudError;
use crate::cloud::names::Name;
use crate::cloud::network::{Vpc, find_default_vpc, find_vpc, subnet_group_vpc, vpc};
use crate::cloud::plan::{Plan, ProvisionOptions, expiry};
use crate::cloud::progress::OperationProgress;
use crate::cloud::provision::{Found, provision as create_resources};
use crate::cloud::tags::Expiry;
use crate::cloud::{cluster, role};

/// Creates a cluster and the resources that belong to it, or shows the plan.
///
/// # Errors
///
/// Returns an error if AWS rejects a request, if the user declines, or if the cluster does not become
/// available.
pub async fn provision(
    args: &ProvisionArgs,
    options: &ProvisionOptions,
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
    let vpc = network_of(options, &clients).await?;
    let cidrs = admitted(args, options.public, &vpc, cidrs).await?;
    let before = expiry_before(&clients, &options.name).await?;
    let expiry = expiry(options.expires, before, Utc::now());
    let plan = Plan::new(options, &caller, &clients.region, &vpc, cidrs, expiry);
    let found = Found::query(&clients, &plan, args.adopt).await?;
    if args.dry_run {
        let text = render_plan::plan(&plan, &clients.region, &caller, Some(&found));
        global.results.set(planned(result(&plan, &clients.region), &text));
        return print(&text);
    }
    if !args.yes && render_plan::starts_costs(&found) {
        eprint!("{}", render_plan::summary(&plan));
        confirm("Create it?")?;
    }
    let progress = Arc::new(OperationProgress::default());
    let advice = super::continue_or_remove(&options.name);
    let work = create_resources(&clients, &plan, found, options.timeout, &progress);
    let cluster = perform(&progress, global, &advice, work).await?;
    global.results.set(Report::Provision(Some(ProvisionResult {
        endpoint: render_plan::endpoint(&cluster),
        changes: progress.notes(),
        ..result(&plan, &clients.region)
    })));
    if global.quiet {
        return Ok(());
    }
    print(&render_plan::result(&plan, &cluster, &progress.notes()))
}

/// Returns the result of a plan without what only AWS knows.
fn result(plan: &Plan, region: &str) -> ProvisionResult {
    ProvisionResult {
        name: plan.name.to_string(),
        region: region.to_owned(),
        database: plan.cluster.database.clone(),
        user: plan.cluster.user.clone(),
        role: plan.cluster.role_arn.clone(),
        admits: plan.group.cidrs.iter().map(ToString::to_string).collect(),
        expires: plan.expiry.as_ref().map(|(_, schedule)| schedule.at),
        cost_an_hour: plan.cost.map(|cost| cost.hour),
        ..ProvisionResult::default()
    }
}

/// Returns the report of a dry run, with its whole text.
pub(super) fn planned(result: ProvisionResult, text: &str) -> Report {
    let (is_dry_run, plan_text) = (true, Some(plain(text)));
    Report::Provision(Some(ProvisionResult { is_dry_run, plan_text, ..result }))
}

/// Prints the plan of a dry run that could not query AWS, with placeholders for the responses of AWS.
fn offline_plan(
    options: &ProvisionOptions,
    clients: &Clients,
    cidrs: Vec<Cidr>,
    error: &CloudError,
    global: &GlobalOptions,
) -> Result<()> {
    let (caller, vpc) = placeholders();
    let expiry = expiry(options.expires, None, Utc::now());
    let plan = Plan::new(options, &caller, &clients.region, &vpc, cidrs, expiry);
    let text = offline_text(error, &render_plan::plan(&plan, &clients.region, &caller, None));
    global.results.set(planned(result(&plan, &clients.region), &text));
    print(&text)
}

/// Returns placeholders for the caller and the network.
pub(super) fn placeholders() -> (Caller, Vpc) {
    let caller = Caller { account: "ACCOUNT".to_owned(), arn: "CALLER".to_owned() };
    (caller, Vpc { id: "NETWORK".to_owned(), cidr: None })
}

/// Returns the text for a plan that was computed without AWS because of `error`.
pub(super) fn offline_text(error: &CloudError, plan: &str) -> String {
    let why = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    format!(
        "AWS was not queried ({why}):\nACCOUNT, CALLER and NETWORK are placeholders for its responses\n\n{plan}"
    )
}

/// Returns the current expiry of the cluster, or that of its role if the cluster does not exist.
async fn expiry_before(clients: &Clients, name: &Name) -> Result<Option<Expiry>> {
    let cluster = cluster::find(clients, name.as_str()).await?;
    let tags = match cluster.as_ref().and_then(cluster::tags) {
        Some(tags) => Some(tags),
        None => role::find(clients, &name.role(&clients.region)).await?.and_then(|role| role.tags),
    };
    Ok(tags.and_then(|tags| tags.expiry))
}

async fn network_of(options: &ProvisionOptions, clients: &Clients) -> Result<Vpc> {
    let found = match &options.subnet_group {
        Some(group) => {
            let id = subnet_group_vpc(clients, group).await?;
            vpc(clients, &find_vpc(&id)).await?
        }
        None => vpc(clients, &find_default_vpc()).await?,
    };
    Ok(found.ok_or_else(|| CloudError::NoVpc { region: clients.region.clone() })?)
}

/// Returns the addresses to admit: `cidrs`, or this machine's own address if there are none.
pub(super) async fn admitted(
    args: &ProvisionArgs,
    public: Option<bool>,
    vpc: &Vpc,
    cidrs: Vec<Cidr>,
) -> Result<Vec<Cidr>> {
    Ok(match cidrs.is_empty() {
        true => vec![own_address(args, public, vpc).await?],
        false => cidrs,
    })
}

/// Returns the source address of this machine from the cluster's point of view: the local address if the
/// machine is in the cluster's VPC and the cluster is not public, else the public address.
async fn own_address(args: &ProvisionArgs, public: Option<bool>, vpc: &Vpc) -> Result<Cidr> {
    let local = cidr::local_address().filter(|_| public != Some(true));
    if let Some(inside) = local.filter(|own| vpc.cidr.is_some_and(|cidr| cidr.contains(*own))) {
        return Ok(Cidr::of(inside));
    }
    Ok(Cidr::of(cidr::public_address(&args.address_service).await?))
}
