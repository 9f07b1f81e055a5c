//! `starlift pause` and `starlift resume`.

use std::sync::Arc;
use std::time::Duration;

use super::perform;
use crate::cli::error::Result;
use crate::cli::json::{ChangeResult, Report};
use crate::cli::output::print;
use crate::cli::settings::GlobalOptions;
use crate::cloud::clients::Clients;
use crate::cloud::names::Name;
use crate::cloud::pause;
use crate::cloud::plan::Expires;
use crate::cloud::progress::OperationProgress;
use crate::cloud::tags::{Expiry, moment};

/// Pauses a cluster.
///
/// # Errors
///
/// Returns an error if the cluster does not exist, if AWS rejects a request, or if the wait times out.
pub async fn pause(name: &Name, timeout: Duration, global: &GlobalOptions) -> Result<()> {
    let clients = Clients::connect(&global.stores).await?;
    let progress = Arc::new(OperationProgress::default());
    let work = pause::pause(&clients, name, timeout, &progress);
    perform(&progress, global, super::CONTINUE_ADVICE, work).await?;
    global.results.set(Report::Pause(Some(result(name, &progress, None))));
    report(&progress, global, "a paused cluster costs only its storage\n")
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
    let progress = Arc::new(OperationProgress::default());
    let work = pause::resume(&clients, name, expires, timeout, &progress);
    let expiry = perform(&progress, global, super::CONTINUE_ADVICE, work).await?;
    global.results.set(Report::Resume(Some(result(name, &progress, expiry))));
    let until = match expiry {
        Some(expiry) => format!("AWS pauses it at {}\n", moment(expiry.at)),
        None => "it incurs costs until `starlift pause` or `starlift teardown`\n".to_owned(),
    };
    report(&progress, global, &until)
}

fn result(name: &Name, progress: &OperationProgress, expiry: Option<Expiry>) -> ChangeResult {
    let expires = expiry.map(|expiry| expiry.at);
    ChangeResult { name: name.to_string(), changes: progress.notes(), expires }
}

fn report(progress: &OperationProgress, global: &GlobalOptions, last: &str) -> Result<()> {
    if global.quiet {
        return Ok(());
    }
    let lines: String = progress.notes().iter().map(|line| format!("{line}\n")).collect();
    print(&(lines + last))
}
