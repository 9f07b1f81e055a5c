//! Waits for state changes of clusters and for the propagation of changes within AWS.

use std::time::{Duration, Instant};

use aws_runtime::retries::classifiers::THROTTLING_ERRORS;
use aws_sdk_redshift::error::ProvideErrorMetadata;
use aws_sdk_redshift::operation::describe_clusters::{
    DescribeClustersError, DescribeClustersOutput,
};
use aws_sdk_redshift::types::Cluster;
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_runtime::client::waiters::{AcceptorState, WaiterOrchestrator};
use aws_smithy_runtime_api::client::waiters::error::WaiterError;
use backon::{ExponentialBuilder, Retryable};

use super::clients::Clients;
use super::cluster;
use super::error::{ApiError, CloudError};
use super::progress::OperationProgress;

/// The first pause between two requests.
///
/// The SDK's own waiters for clusters poll once per minute, report no progress and treat only `deleting` as
/// a failure. This module builds another one from the same parts.
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

/// The error code for a change of a cluster in a transitional state. AWS may return it even while it
/// reports the cluster as available.
const BUSY: &str = "InvalidClusterState";

/// Part of the message for a new cluster, which cannot be paused before its first backup. The error code is
/// undocumented.
const NO_BACKUP: &str = "backup was found";

/// A change of a cluster, which AWS rejects while another change is in progress.
#[derive(Debug, Clone, Copy)]
pub(super) struct Change<'a> {
    /// The identifier of the cluster.
    pub id: &'a str,
    /// The maximum time to retry for.
    pub limit: Duration,
    /// States in which the change is complete or in progress.
    pub done: &'a [&'a str],
}

impl Change<'_> {
    /// Sends the request until AWS accepts it.
    pub async fn apply<F>(
        self,
        clients: &Clients,
        action: &str,
        mut send: impl FnMut() -> F,
    ) -> Result<(), CloudError>
    where
        F: Future<Output = Result<(), ApiError>>,
    {
        let begun = Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            let error = match send().await {
                Ok(()) => return Ok(()),
                Err(error) if error.is(BUSY) || error.message.contains(NO_BACKUP) => error,
                Err(error) => return Err(error.during(action)),
            };
            let now = cluster::find(clients, self.id).await?;
            let state = now.as_ref().map_or("gone", cluster::status);
            if self.done.contains(&state) {
                return Ok(());
            }
            let may_pass = state == "available" || cluster::is_transitional(state);
            if now.is_none() || !may_pass || begun.elapsed() + pause > self.limit {
                return Err(error.during(action));
            }
            tracing::info!("cluster {} is {state} and rejects the change; retrying", self.id);
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
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

/// Waits until `check` returns [`WaitState::Reached`], and returns the last description of the cluster, if it
/// exists.
pub(super) async fn wait_for_cluster(
    clients: &Clients,
    id: &str,
    wanted: &'static str,
    limit: Duration,
    progress: &OperationProgress,
    check: impl Fn(Option<&Cluster>) -> WaitState,
) -> Result<Option<Cluster>, CloudError> {
    let last = std::sync::Mutex::new(String::from("unknown"));
    let state = || last.lock().map(|state| state.clone()).unwrap_or_default();
    let acceptor = |answer: Result<&DescribeClustersOutput, &DescribeClustersError>| {
        let cluster = match answer {
            Ok(answer) => first(answer),
            Err(DescribeClustersError::ClusterNotFoundFault(_)) => None,
            Err(_) => return AcceptorState::NoAcceptorsMatched,
        };
        let now = cluster.map_or_else(|| "missing".to_owned(), describe);
        progress.set_step(format!("waiting for cluster {id}: {now}"));
        if let Ok(mut last) = last.lock() {
            *last = now;
        }
        match check(cluster) {
            WaitState::Reached => AcceptorState::Success,
            WaitState::Pending => AcceptorState::Retry,
            WaitState::Unreachable => AcceptorState::Failure,
        }
    };
    let sdk = clients.sdk();
    let begun = Instant::now();
    let outcome = loop {
        let waiter = WaiterOrchestrator::builder()
            .min_delay(FIRST_PAUSE)
            .max_delay(LONGEST_PAUSE)
            .max_wait(limit.saturating_sub(begun.elapsed()))
            .time_source(sdk.time_source().unwrap_or_default())
            .sleep_impl(
                sdk.sleep_impl().unwrap_or_else(|| SharedAsyncSleep::new(TokioSleep::new())),
            )
            .acceptor(&acceptor)
            .operation(|| clients.redshift.describe_clusters().cluster_identifier(id).send())
            .build();
        match waiter.orchestrate().await {
            // AWS is unreachable or slow for longer than the SDK retries, but the change continues.
            Err(WaiterError::OperationFailed(error))
                if is_transient(error.error().code()) && begun.elapsed() + OUTAGE_PAUSE < limit =>
            {
                let error = ApiError::new("redshift:DescribeClusters", &error.into_error());
                tracing::warn!("cannot query the state of cluster {id}; retrying: {error}");
                tokio::time::sleep(OUTAGE_PAUSE).await;
            }
            outcome => break outcome,
        }
    };
    match outcome {
        Ok(poll) => Ok(poll
            .into_result()
            .ok()
            .and_then(|answer| answer.clusters.unwrap_or_default().into_iter().next())),
        Err(WaiterError::ExceededMaxWait(_)) => Err(CloudError::TimedOut {
            what: format!("cluster {id}"),
            state: state(),
            waited: limit,
        }),
        Err(WaiterError::FailureState(_)) => {
            Err(CloudError::State { what: format!("cluster {id}"), state: state(), wanted })
        }
        Err(WaiterError::OperationFailed(error)) => {
            let error = ApiError::new("redshift:DescribeClusters", &error.into_error());
            Err(error.during(format!("query the state of cluster {id}")))
        }
        Err(error) => Err(ApiError {
            operation: "redshift:DescribeClusters",
            code: None,
            message: error.to_string(),
        }
        .during(format!("query the state of cluster {id}"))),
    }
}

/// Returns `true` for a transient error: a missing response, or a transient error code.
pub(super) fn is_transient(code: Option<&str>) -> bool {
    let passing =
        ["ServiceUnavailable", "InternalFailure", "InternalError", "InternalServerException"];
    code.is_none_or(|code| THROTTLING_ERRORS.contains(&code) || passing.contains(&code))
}

fn first(answer: &DescribeClustersOutput) -> Option<&Cluster> {
    answer.clusters.as_deref().unwrap_or_default().first()
}

/// Describes the full status of a cluster, and of its roles that are not in sync.
fn describe(cluster: &Cluster) -> String {
    let mut text = cluster.cluster_status.clone().unwrap_or_default();
    for role in cluster.iam_roles.as_deref().unwrap_or_default() {
        match role.apply_status.as_deref() {
            Some("in-sync") | None => {}
            Some(status) => text += &format!(", its role {status}"),
        }
    }
    text
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
        .notify(|error, pause| tracing::debug!(?error, ?pause, "asking again"))
        .await
}
