//! Failures of HTTP requests, and retries.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};

/// First pause of the backoff. The backoff and its limit match those of object_store.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
const TOTAL_DELAY: Duration = Duration::from_secs(180);

/// Maximum number of characters of a server's response in an error.
const SHOWN_CHARS: usize = 1000;

/// A failed request. Its text never contains the URL, which may contain secrets.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub(super) struct Failure {
    status: Option<u16>,
    reason: String,
}

impl Failure {
    /// Returns the failure for a response with an error status.
    pub fn status_error(status: u16, body: &[u8]) -> Failure {
        let body: String = String::from_utf8_lossy(body).chars().take(SHOWN_CHARS).collect();
        let reason = format!("the server answered with status {status}: {body}");
        Failure { status: Some(status), reason: reason.trim_end_matches([' ', ':']).to_owned() }
    }

    /// Returns the failure for a request without a complete response.
    pub fn transport(error: &dyn std::error::Error) -> Failure {
        let causes = std::iter::successors(Some(error), |error| error.source());
        let reasons: Vec<String> = causes.map(ToString::to_string).collect();
        Failure { status: None, reason: reasons.join(": ") }
    }

    /// Returns the failure for a response that stalled for `timeout`.
    pub fn stalled(timeout: Duration) -> Failure {
        let reason = format!("the server stopped in the middle of its response for {timeout:?}");
        Failure { status: None, reason }
    }

    /// Returns the failure for a request that could not be signed.
    pub fn unauthenticated(error: &dyn std::error::Error) -> Failure {
        Failure { status: Some(401), ..Failure::transport(error) }
    }

    /// Like [`Failure::transport`], but removes the URL that reqwest adds.
    pub fn reqwest(error: reqwest::Error) -> Failure {
        Failure::transport(&error.without_url())
    }

    pub fn status(&self) -> Option<u16> {
        self.status
    }

    /// Returns `true` if the error is transient, so that the same request may succeed later.
    pub fn is_transient(&self) -> bool {
        self.status
            .is_none_or(|status| status >= 500 && status != 501 || matches!(status, 408 | 429))
    }

    /// Converts the failure to an error of object_store.
    pub fn of(self, path: &str) -> object_store::Error {
        use object_store::Error::*;
        let (path, status) = (path.to_owned(), self.status);
        let source = Box::new(self);
        match status {
            Some(401) => Unauthenticated { path, source },
            Some(403) => PermissionDenied { path, source },
            Some(404) => NotFound { path, source },
            Some(412) => Precondition { path, source },
            _ => Generic { store: "HTTP", source },
        }
    }
}

/// Sends a request, and retries it up to `retries` times while the error is transient.
pub(super) async fn retried<T, F: Future<Output = Result<T, Failure>>>(
    retries: usize,
    request: impl FnMut() -> F,
) -> Result<T, Failure> {
    let pauses = ExponentialBuilder::default()
        .with_min_delay(FIRST_PAUSE)
        .with_max_delay(LONGEST_PAUSE)
        .with_total_delay(Some(TOTAL_DELAY))
        .with_max_times(retries)
        .with_jitter();
    request
        .retry(pauses)
        .when(Failure::is_transient)
        .notify(|failure, pause| tracing::debug!(%failure, ?pause, "trying again"))
        .await
}
