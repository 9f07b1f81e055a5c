//! Retries of requests: pauses, transient errors and the propagation of changes within AWS.

use std::time::Duration;

use aws_runtime::retries::classifiers::THROTTLING_ERRORS;
use backon::{ExponentialBuilder, Retryable};

use super::error::CloudError;

/// The first pause between two requests.
pub(super) const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The longest pause between two requests.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// The pause before the next request after AWS could not be reached.
pub(super) const OUTAGE_PAUSE: Duration = Duration::from_secs(4);

/// The time that a change may take to propagate within AWS. Source: IAM User Guide, Troubleshooting IAM,
/// "Changes that I make are not always immediately visible".
const PROPAGATION_TIME: Duration = Duration::from_secs(120);

/// The progress of a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WaitState {
    /// The wanted state is reached.
    Reached,
    /// The wanted state can still be reached.
    Pending,
    /// The wanted state cannot be reached.
    Unreachable,
}

/// Repeats a lookup of a new resource until it is visible. Returns `None` if it does not appear in time.
pub(super) async fn retry_until_found<T, F>(
    mut find: impl FnMut() -> F,
) -> Result<Option<T>, CloudError>
where
    F: Future<Output = Result<Option<T>, CloudError>>,
{
    let found = retry_while(Option::is_none, || {
        let lookup = find();
        async { lookup.await.map_err(Some)?.ok_or(None) }
    });
    match found.await {
        Ok(found) => Ok(Some(found)),
        Err(error) => error.map_or(Ok(None), Err),
    }
}

/// Returns `true` for a transient error: a missing response, or a transient error code.
pub(super) fn is_transient(code: Option<&str>) -> bool {
    let transient =
        ["ServiceUnavailable", "InternalFailure", "InternalError", "InternalServerException"];
    code.is_none_or(|code| THROTTLING_ERRORS.contains(&code) || transient.contains(&code))
}

/// Repeats a request with exponential backoff while it fails with a transient error.
pub(super) async fn retry_while<T, E, F>(
    is_transient: impl Fn(&E) -> bool,
    send: impl FnMut() -> F,
) -> Result<T, E>
where
    E: std::fmt::Debug,
    F: Future<Output = Result<T, E>>,
{
    let pauses = ExponentialBuilder::default()
        .with_jitter()
        .with_min_delay(FIRST_PAUSE)
        .with_max_delay(LONGEST_PAUSE)
        .with_factor(1.5)
        .without_max_times()
        .with_total_delay(Some(PROPAGATION_TIME));
    send.retry(pauses)
        .when(is_transient)
        .notify(|error, pause| tracing::debug!(?error, ?pause, "retrying"))
        .await
}
