//! The commands for cloud resources: `provision`, `status`, `pause`, `resume`, `teardown`.

mod pause;
mod provision;
mod render_plan;
mod serverless;
mod status;
mod teardown;

use std::io::IsTerminal;
use std::sync::Arc;

use dialoguer::{Confirm, Input};

pub use pause::{pause, resume};
pub use provision::provision;
pub use serverless::provision_workgroup;
pub use status::status;
pub use teardown::teardown;

use super::logging::draws_progress;
use super::output::note;
use super::progress::Progress;
use super::settings::GlobalOptions;
use super::signals::interrupted;
use crate::cli::error::{Error, Result};
use crate::cloud::error::CloudError;
use crate::cloud::progress::OperationProgress;
use crate::escape;

/// Advice after a failure.
const CONTINUE_ADVICE: &str = "run the same command again to continue";

/// Returns the advice after a failure to create the resources of `name`.
fn continue_or_remove(name: &impl std::fmt::Display) -> String {
    format!("{CONTINUE_ADVICE}; `starlift teardown --name {name}` removes it")
}

/// Runs an operation that changes cloud resources. Shows its progress and, after a failure, the completed
/// changes.
async fn perform<T>(
    progress: &Arc<OperationProgress>,
    global: &GlobalOptions,
    advice: &str,
    work: impl Future<Output = Result<T, CloudError>>,
) -> Result<T> {
    let display = (!global.quiet).then(|| Progress::of_cloud(progress, draws_progress(global)));
    let outcome = tokio::select! {
        outcome = work => outcome,
        () = interrupted() => Err(CloudError::Interrupted),
    };
    drop(display);
    outcome.map_err(|error| {
        global.results.set_completed_changes(progress.notes());
        note(&failure_report(progress, &error, advice));
        error.into()
    })
}

/// Returns the changes that were completed before a failure, and the advice.
fn failure_report(progress: &OperationProgress, error: &CloudError, advice: &str) -> String {
    let mut text = String::new();
    let notes = progress.notes();
    if notes.is_empty() {
        text += "nothing was changed before the failure\n";
    } else {
        text += "done before the failure:\n";
        notes.iter().for_each(|line| text += &format!("  {line}\n"));
    }
    if matches!(error, CloudError::Interrupted) {
        text += &format!("in progress and possibly done: {}\n", progress.current_step());
    }
    text + advice + "\n"
}

/// Asks the user to confirm.
///
/// # Errors
///
/// Returns an error if the user declines, or if there is no terminal.
fn confirm(question: &str) -> Result<()> {
    ensure_terminal()?;
    let question = escape::lines(question);
    let answer = Confirm::new().with_prompt(question).default(false).interact();
    match answer.map_err(prompt_error)? {
        true => Ok(()),
        false => Err(Error::Declined),
    }
}

/// Asks the user to confirm by typing a name, which prevents a confirmation for the wrong one.
fn confirm_name(question: &str, name: &str) -> Result<()> {
    ensure_terminal()?;
    let question = escape::lines(question);
    let answer = Input::<String>::new().with_prompt(question).allow_empty(true).interact_text();
    match answer.map_err(prompt_error)? {
        typed if typed == name => Ok(()),
        _ => Err(Error::Declined),
    }
}

fn ensure_terminal() -> Result<()> {
    if std::io::stdin().is_terminal() && std::io::stderr().is_terminal() {
        return Ok(());
    }
    Err(Error::Usage(
        "cannot ask for confirmation without a terminal; pass --yes to skip it".to_owned(),
    ))
}

fn prompt_error(error: dialoguer::Error) -> Error {
    let dialoguer::Error::IO(error) = error;
    match error.kind() {
        std::io::ErrorKind::Interrupted => Error::Declined,
        _ => Error::io("cannot read the confirmation", error),
    }
}
