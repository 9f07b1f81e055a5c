//! `starlift teardown`.

use std::sync::Arc;

use super::{confirm_name, perform};
use crate::cli::args::TeardownArgs;
use crate::cli::output::print;
use crate::cli::settings::GlobalOptions;
use crate::cloud::clients::Clients;
use crate::cloud::journal::Journal;
use crate::cloud::names::Name;
use crate::cloud::survey::survey_of;
use crate::cloud::teardown::teardown as remove;
use crate::error::Result;

/// Removes all that belongs to a name, and proves that it is gone.
///
/// # Errors
///
/// If the user declines, AWS refuses, it takes too long, or something is left.
pub async fn teardown(args: &TeardownArgs, name: &Name, global: &GlobalOptions) -> Result<()> {
    let clients = Clients::connect(&global.stores).await?;
    let estate = survey_of(&clients, name).await?;
    let snapshot = args.final_snapshot.as_deref();
    if estate.is_empty() {
        let there = format!("nothing in {} belongs to {name}\n", clients.region);
        return if global.quiet { Ok(()) } else { print(&there) };
    }
    if !args.yes {
        let mut plan = format!("would remove from {}:\n", clients.region);
        estate.inventory().iter().for_each(|line| plan += &format!("  {line}\n"));
        match snapshot {
            Some(name) => plan += &format!("after a snapshot {name}, which stays and costs\n"),
            None => plan += "without a last snapshot: its data is gone for good\n",
        }
        eprint!("{plan}");
        confirm_name("Type the name to remove it", name.as_str())?;
    }
    let journal = Arc::new(Journal::default());
    let advice = format!("`starlift teardown --name {name}` goes on from here");
    let work = remove(&clients, name, &estate, snapshot, args.wait.timeout, &journal);
    perform(&journal, global, &advice, work).await?;
    if global.quiet {
        return Ok(());
    }
    let mut text: String = journal.done().iter().map(|line| format!("{line}\n")).collect();
    if let Some(snapshot) = snapshot {
        text += &format!("snapshot {snapshot} stays, and costs until you remove it\n");
    }
    print(&format!("{text}nothing of {name} is left in {}\n", clients.region))
}
