//! `starlift pause` and `starlift resume`.

use std::sync::Arc;
use std::time::Duration;

use super::perform;
use crate::cli::error::Result;
use crate::cli::output::print;
use crate::cli::settings::GlobalOptions;
use crate::cloud::clients::Clients;
use crate::cloud::journal::Journal;
use crate::cloud::names::Name;
use crate::cloud::plan::Expires;
use crate::cloud::power;
use crate::cloud::tags::moment;

/// Pauses a cluster.
///
/// # Errors
///
/// Returns an error if the cluster does not exist, if AWS rejects a request, or if the wait times out.
pub async fn pause(name: &Name, timeout: Duration, global: &GlobalOptions) -> Result<()> {
    let clients = Clients::connect(&global.stores).await?;
    let journal = Arc::new(Journal::default());
    let work = power::pause(&clients, name, timeout, &journal);
    perform(&journal, global, super::GO_ON, work).await?;
    report(&journal, global, "a paused cluster costs only its storage\n")
}

/// Resumes a cluster.
///
/// # Errors
///
/// Returns an error if the cluster does not exist, if AWS rejects a request, or if the wait times out.
pub async fn resume(
    name: &Name,
    expires: Expires,
    timeout: Duration,
    global: &GlobalOptions,
) -> Result<()> {
    let clients = Clients::connect(&global.stores).await?;
    let journal = Arc::new(Journal::default());
    let work = power::resume(&clients, name, expires, timeout, &journal);
    let expiry = perform(&journal, global, super::GO_ON, work).await?;
    let until = match expiry {
        Some(expiry) => format!("AWS pauses it at {}\n", moment(expiry.at)),
        None => "it incurs costs until `starlift pause` or `starlift teardown`\n".to_owned(),
    };
    report(&journal, global, &until)
}

fn report(journal: &Journal, global: &GlobalOptions, last: &str) -> Result<()> {
    if global.quiet {
        return Ok(());
    }
    let lines: String = journal.done().iter().map(|line| format!("{line}\n")).collect();
    print(&(lines + last))
}
