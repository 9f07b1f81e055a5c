//! Failed HTTP requests, and trying them again.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};

/// The pauses between tries and their bound are those of object_store.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
const PATIENCE: Duration = Duration::from_secs(180);

/// Characters of a server's answer that an error shows.
const SHOWN_CHARS: usize = 1000;

/// A request that failed. Its text never holds the URL: that may hold secrets.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub(super) struct Failure {
    status: Option<u16>,
    reason: String,
}

impl Failure {
    /// An answer with a status that says that the request failed.
    pub fn answer(status: u16, body: &[u8]) -> Failure {
        let body: String = String::from_utf8_lossy(body).chars().take(SHOWN_CHARS).collect();
        let reason = format!("the server answered with status {status}: {body}");
        Failure { status: Some(status), reason: reason.trim_end_matches([' ', ':']).to_owned() }
    }

    /// A request without a whole answer.
    pub fn transport(error: &dyn std::error::Error) -> Failure {
        let causes = std::iter::successors(Some(error), |error| error.source());
        let reasons: Vec<String> = causes.map(ToString::to_string).collect();
        Failure { status: None, reason: reasons.join(": ") }
    }

    /// An answer of which nothing more came for as long as `patience`.
    pub fn stalled(patience: Duration) -> Failure {
        let reason = format!("the server stopped in the middle of its answer for {patience:?}");
        Failure { status: None, reason }
    }

    /// A request that could not be signed.
    pub fn unauthenticated(error: &dyn std::error::Error) -> Failure {
        Failure { status: Some(401), ..Failure::transport(error) }
    }

    /// As [`Failure::transport`], without the URL that reqwest adds.
    pub fn reqwest(error: reqwest::Error) -> Failure {
        Failure::transport(&error.without_url())
    }

    pub fn status(&self) -> Option<u16> {
        self.status
    }

    /// Whether the same request may succeed later.
    pub fn is_passing(&self) -> bool {
        self.status
            .is_none_or(|status| status >= 500 && status != 501 || matches!(status, 408 | 429))
    }

    /// The failure as a store reports it.
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

/// Makes a request again while it fails for a passing reason, up to `retries` times.
pub(super) async fn retried<T, F: Future<Output = Result<T, Failure>>>(
    retries: usize,
    request: impl FnMut() -> F,
) -> Result<T, Failure> {
    let pauses = ExponentialBuilder::default()
        .with_min_delay(FIRST_PAUSE)
        .with_max_delay(LONGEST_PAUSE)
        .with_total_delay(Some(PATIENCE))
        .with_max_times(retries)
        .with_jitter();
    request
        .retry(pauses)
        .when(Failure::is_passing)
        .notify(|failure, pause| tracing::debug!(%failure, ?pause, "trying again"))
        .await
}
