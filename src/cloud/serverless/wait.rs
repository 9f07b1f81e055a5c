//! Waiting for namespaces and workgroups.

use std::time::{Duration, Instant};

use super::api::CONFLICT;
use crate::cloud::error::{ApiError, CloudError};
use crate::cloud::journal::Journal;
use crate::cloud::wait::{AWAY, FIRST_PAUSE, LONGEST_PAUSE, Verdict, passes};

/// A state to wait for, and the time to wait.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wait<'a> {
    /// The resource, such as `workgroup sparkify`.
    pub what: &'a str,
    /// The wanted state.
    pub wanted: &'static str,
    pub limit: Duration,
    pub journal: &'a Journal,
}

impl Wait<'_> {
    /// Polls until `judge` returns [`Verdict::Reached`], and returns the last response.
    ///
    /// `judge` also returns the state to show.
    pub async fn until<T, F>(
        self,
        mut look: impl FnMut() -> F,
        judge: impl Fn(Option<&T>) -> (Verdict, String),
    ) -> Result<Option<T>, CloudError>
    where
        F: Future<Output = Result<Option<T>, CloudError>>,
    {
        let begun = Instant::now();
        let mut pause = FIRST_PAUSE;
        let mut last = String::from("unknown");
        loop {
            let now = match look().await {
                Ok(found) => {
                    let (verdict, state) = judge(found.as_ref());
                    self.journal.enter(format!("waiting for {}: {state}", self.what));
                    last = state;
                    match verdict {
                        Verdict::Reached => return Ok(found),
                        Verdict::Lost => return Err(self.lost(last)),
                        Verdict::Waiting => pause,
                    }
                }
                // The SDK has given up retrying, but the resource continues to change.
                Err(CloudError::Api { source, .. }) if passes(source.code.as_deref()) => {
                    tracing::warn!("cannot query the state of {}; retrying: {source}", self.what);
                    AWAY
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

    /// Returns the error for a resource that cannot reach the wanted state.
    pub fn lost(self, state: String) -> CloudError {
        CloudError::State { what: self.what.to_owned(), state, wanted: self.wanted }
    }
}

/// Repeats a request while AWS rejects it because another change is in progress.
///
/// Source: Redshift Serverless API Reference, ConflictException, "The submitted action has conflicts".
pub(super) async fn while_busy<T, F>(
    what: &str,
    limit: Duration,
    mut ask: impl FnMut() -> F,
) -> Result<T, ApiError>
where
    F: Future<Output = Result<T, ApiError>>,
{
    let begun = Instant::now();
    let mut pause = FIRST_PAUSE;
    loop {
        match ask().await {
            Err(error) if error.is(CONFLICT) && begun.elapsed() + pause <= limit => {
                tracing::info!("{what} is busy and rejects the change; retrying");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            outcome => return outcome,
        }
    }
}
