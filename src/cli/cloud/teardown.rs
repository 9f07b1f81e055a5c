//! `starlift teardown`.

use std::sync::Arc;

use super::{confirm_name, perform};
use crate::cli::args::TeardownArgs;
use crate::cli::error::{Error, Result};
use crate::cli::output::print;
use crate::cli::settings::GlobalOptions;
use crate::cloud::clients::Clients;
use crate::cloud::error::CloudError;
use crate::cloud::journal::Journal;
use crate::cloud::names::Name;
use crate::cloud::survey::{Estate, survey_of};
use crate::cloud::tags::creator;
use crate::cloud::teardown::teardown as remove;

/// Deletes all resources of a name, and verifies that none remains.
///
/// # Errors
///
/// Returns an error if the user declines, if AWS rejects a request, if a wait times out, or if resources remain.
pub async fn teardown(args: &TeardownArgs, name: &Name, global: &GlobalOptions) -> Result<()> {
    let clients = Clients::connect(&global.stores).await?;
    let estate = survey_of(&clients, name).await?;
    let snapshot = args.final_snapshot.as_deref();
    if estate.is_empty() {
        return nothing(name, &estate, &clients.region, global);
    }
    estate.demand_no_strays(name)?;
    if args.yes {
        demand_own(args, &clients, &estate, name).await?;
    } else {
        eprint!("{}", plan(&estate, &clients.region, snapshot));
        confirm_name("Type the name to remove these resources", name.as_str())?;
    }
    let journal = Arc::new(Journal::default());
    let work = remove(&clients, name, &estate, snapshot, args.wait.timeout, &journal);
    perform(&journal, global, super::GO_ON, work).await?;
    if global.quiet {
        return Ok(());
    }
    let mut text: String = journal.done().iter().map(|line| format!("{line}\n")).collect();
    if let Some(snapshot) = snapshot {
        text += &format!("snapshot {snapshot} stays and incurs costs until you delete it\n");
    }
    print(&format!("{text}no resources of {name} remain in {}\n", clients.region))
}

fn nothing(name: &Name, estate: &Estate, region: &str, global: &GlobalOptions) -> Result<()> {
    if !estate.elsewhere.is_empty() {
        return Err(Error::from(CloudError::Elsewhere {
            region: region.to_owned(),
            name: name.to_string(),
            regions: estate.elsewhere.iter().cloned().collect(),
        }));
    }
    if global.quiet {
        return Ok(());
    }
    let unseen = estate.unseen.as_ref();
    let unseen = unseen.map(|e| format!("Redshift Serverless was not checked: {e}\n"));
    print(&format!("nothing in {region} belongs to {name}\n{}", unseen.unwrap_or_default()))
}

/// Ensures that the caller created the resources, or set `--adopt`. Without a confirmation prompt, this
/// prevents the deletion of another user's resources.
async fn demand_own(
    args: &TeardownArgs,
    clients: &Clients,
    estate: &Estate,
    name: &Name,
) -> Result<()> {
    let Some(tags) = estate.tags().filter(|_| !args.adopt) else { return Ok(()) };
    if tags.creator == creator(&clients.caller().await?.arn) {
        return Ok(());
    }
    let what = name.to_string();
    Err(Error::from(CloudError::Others { what, creator: tags.creator }))
}

fn plan(estate: &Estate, region: &str, snapshot: Option<&str>) -> String {
    let mut text = format!("would remove from {region}:\n");
    estate.inventory().iter().for_each(|line| text += &format!("  {line}\n"));
    if let Some(tags) = estate.tags() {
        text += &format!("created by {}\n", tags.creator);
    }
    let has_data = estate.cluster.is_some() || !estate.serverless.is_empty();
    match snapshot {
        Some(name) => {
            text += &format!("after the final snapshot {name}, which stays and incurs costs\n")
        }
        None if has_data => text += "without a final snapshot: its data is lost permanently\n",
        None => {}
    }
    for snapshot in estate.snapshots() {
        text += &format!("snapshot {snapshot} stays and incurs costs\n");
    }
    text
}
