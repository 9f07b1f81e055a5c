//! Waiting for namespaces and workgroups.

use std::time::{Duration, Instant};

use super::api::CONFLICT;
use crate::cloud::error::{ApiError, CloudError};
use crate::cloud::progress::OperationProgress;
use crate::cloud::retry::{FIRST_PAUSE, LONGEST_PAUSE, OUTAGE_PAUSE, WaitState, is_transient};

/// A state to wait for, and the time to wait.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wait<'a> {
    /// The resource, such as `workgroup sparkify`.
    pub what: &'a str,
    /// The required state.
    pub wanted: &'static str,
    pub limit: Duration,
    pub progress: &'a OperationProgress,
}

impl Wait<'_> {
    /// Polls until `check` returns [`WaitState::Reached`], and returns the last response.
    ///
    /// `check` also returns the state to show.
    pub async fn until<T, F>(
        self,
        mut find: impl FnMut() -> F,
        check: impl Fn(Option<&T>) -> (WaitState, String),
    ) -> Result<Option<T>, CloudError>
    where
        F: Future<Output = Result<Option<T>, CloudError>>,
    {
        let begun = Instant::now();
        let mut pause = FIRST_PAUSE;
        let mut last = String::from("unknown");
        loop {
            let now = match find().await {
                Ok(found) => {
                    let (wait_state, state) = check(found.as_ref());
                    self.progress.set_step(format!("waiting for {}: {state}", self.what));
                    last = state;
                    match wait_state {
                        WaitState::Reached => return Ok(found),
                        WaitState::Unreachable => return Err(self.unreachable(last)),
                        WaitState::Pending => pause,
                    }
                }
                // The SDK has given up retrying, but the resource continues to change.
                Err(CloudError::Api { source, .. }) if is_transient(source.code.as_deref()) => {
                    tracing::warn!("cannot query the state of {}; retrying: {source}", self.what);
                    OUTAGE_PAUSE
                }
                Err(error) => return Err(error),
            };
            if begun.elapsed() + now > self.limit {
                let (what, waited) = (self.what.to_owned(), self.limit);
                return Err(CloudError::TimedOut { what, state: last, waited });
            }
            tokio::time::sleep(now).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Returns the error for a resource that cannot reach the required state.
    pub fn unreachable(self, state: String) -> CloudError {
        CloudError::State { what: self.what.to_owned(), state, wanted: self.wanted }
    }
}

/// Repeats a request while AWS rejects it because another change is in progress.
///
/// Source: Redshift Serverless API Reference, ConflictException, "The submitted action has conflicts".
pub(super) async fn retry_while_busy<T, F>(
    what: &str,
    limit: Duration,
    mut send: impl FnMut() -> F,
) -> Result<T, ApiError>
where
    F: Future<Output = Result<T, ApiError>>,
{
    let begun = Instant::now();
    let mut pause = FIRST_PAUSE;
    loop {
        match send().await {
            Err(error) if error.is(CONFLICT) && begun.elapsed() + pause <= limit => {
                tracing::info!("{what} is busy and rejects the change; retrying");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            outcome => return outcome,
        }
    }
}
