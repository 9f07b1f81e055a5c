//! `starlift teardown`.

use std::sync::Arc;

use super::{confirm_name, perform};
use crate::cli::args::TeardownArgs;
use crate::cli::error::{Error, Result};
use crate::cli::json::{Report, TeardownResult};
use crate::cli::output::print;
use crate::cli::settings::GlobalOptions;
use crate::cloud::clients::Clients;
use crate::cloud::error::CloudError;
use crate::cloud::inventory::{ManagedResources, find_resources};
use crate::cloud::names::Name;
use crate::cloud::progress::OperationProgress;
use crate::cloud::tags::creator;
use crate::cloud::teardown::teardown as remove;

/// Deletes all resources of a name, and verifies that none remains.
///
/// # Errors
///
/// Returns an error if the user declines, if AWS rejects a request, if a wait times out, or if resources
/// remain.
pub async fn teardown(args: &TeardownArgs, name: &Name, global: &GlobalOptions) -> Result<()> {
    let clients = Clients::connect(&global.stores).await?;
    let resources = find_resources(&clients, name).await?;
    let snapshot = args.final_snapshot.as_deref();
    if resources.is_empty() {
        return report_nothing(name, &resources, &clients.region, global);
    }
    resources.ensure_no_strays(name)?;
    if args.yes {
        ensure_own(args, &clients, &resources, name).await?;
    } else {
        eprint!("{}", plan(&resources, &clients.region, snapshot));
        confirm_name("Type the name to remove these resources", name.as_str())?;
    }
    let progress = Arc::new(OperationProgress::default());
    let work = remove(&clients, name, &resources, snapshot, args.wait.timeout, &progress);
    perform(&progress, global, super::CONTINUE_ADVICE, work).await?;
    global.results.set(Report::Teardown(Some(TeardownResult {
        name: name.to_string(),
        region: clients.region.clone(),
        changes: progress.notes(),
        final_snapshot: snapshot.map(str::to_owned),
        serverless_error: resources.serverless_error.clone(),
    })));
    if global.quiet {
        return Ok(());
    }
    let mut text: String = progress.notes().iter().map(|line| format!("{line}\n")).collect();
    if let Some(snapshot) = snapshot {
        text += &format!("snapshot {snapshot} stays and incurs costs until you delete it\n");
    }
    print(&format!("{text}no resources of {name} remain in {}\n", clients.region))
}

fn report_nothing(
    name: &Name,
    resources: &ManagedResources,
    region: &str,
    global: &GlobalOptions,
) -> Result<()> {
    if !resources.other_regions.is_empty() {
        return Err(Error::from(CloudError::OtherRegion {
            region: region.to_owned(),
            name: name.to_string(),
            regions: resources.other_regions.iter().cloned().collect(),
        }));
    }
    global.results.set(Report::Teardown(Some(TeardownResult {
        name: name.to_string(),
        region: region.to_owned(),
        serverless_error: resources.serverless_error.clone(),
        ..TeardownResult::default()
    })));
    if global.quiet {
        return Ok(());
    }
    let serverless_error = resources.serverless_error.as_ref();
    let serverless_error =
        serverless_error.map(|e| format!("Redshift Serverless was not checked: {e}\n"));
    print(&format!(
        "nothing in {region} belongs to {name}\n{}",
        serverless_error.unwrap_or_default()
    ))
}

/// Ensures that the caller created the resources, or set `--adopt`. Without a confirmation prompt, this
/// prevents the deletion of another user's resources.
async fn ensure_own(
    args: &TeardownArgs,
    clients: &Clients,
    resources: &ManagedResources,
    name: &Name,
) -> Result<()> {
    let Some(tags) = resources.tags().filter(|_| !args.adopt) else { return Ok(()) };
    if tags.creator == creator(&clients.caller().await?.arn) {
        return Ok(());
    }
    let what = name.to_string();
    Err(Error::from(CloudError::NotOwned { what, creator: tags.creator }))
}

fn plan(resources: &ManagedResources, region: &str, snapshot: Option<&str>) -> String {
    let mut text = format!("would remove from {region}:\n");
    resources.descriptions().iter().for_each(|line| text += &format!("  {line}\n"));
    if let Some(tags) = resources.tags() {
        text += &format!("created by {}\n", tags.creator);
    }
    let has_data = resources.cluster.is_some() || !resources.serverless.is_empty();
    match snapshot {
        Some(name) => {
            text += &format!("after the final snapshot {name}, which stays and incurs costs\n")
        }
        None if has_data => text += "without a final snapshot: its data is lost permanently\n",
        None => {}
    }
    for snapshot in resources.snapshots() {
        text += &format!("snapshot {snapshot} stays and incurs costs\n");
    }
    text
}
