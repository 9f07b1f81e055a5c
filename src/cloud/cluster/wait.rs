//! Waits for state changes of clusters.
//!
//! The SDK's own waiters poll once per minute, report no progress and treat only `deleting` as a failure. This
//! module builds another one from the same parts.

use std::time::{Duration, Instant};

use aws_sdk_redshift::operation::describe_clusters::{
    DescribeClustersError, DescribeClustersOutput,
};
use aws_sdk_redshift::types::Cluster;
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_runtime::client::waiters::{AcceptorState, WaiterOrchestrator};
use aws_smithy_runtime_api::client::waiters::error::WaiterError;

use super::state::{ensure_exists, find, is_terminal, is_transitional, role_status, status};
use crate::cloud::clients::Clients;
use crate::cloud::error::{ApiError, CloudError};
use crate::cloud::progress::OperationProgress;
use crate::cloud::retry::{FIRST_PAUSE, LONGEST_PAUSE, OUTAGE_PAUSE, WaitState, is_transient};

/// The error code for a change of a cluster in a transitional state. AWS may return it even while it
/// reports the cluster as available.
const BUSY: &str = "InvalidClusterState";

/// Part of the message for a new cluster, which cannot be paused before its first backup. The error code is
/// undocumented.
const NO_BACKUP: &str = "backup was found";

/// A change of a cluster, which AWS rejects while another change is in progress.
#[derive(Debug, Clone, Copy)]
pub(in crate::cloud) struct Change<'a> {
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
            let now = find(clients, self.id).await?;
            let state = now.as_ref().map_or("gone", status);
            if self.done.contains(&state) {
                return Ok(());
            }
            let can_change = state == "available" || is_transitional(state);
            if now.is_none() || !can_change || begun.elapsed() + pause > self.limit {
                return Err(error.during(action));
            }
            tracing::info!("cluster {} is {state} and rejects the change; retrying", self.id);
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

/// Waits until `check` returns [`WaitState::Reached`], and returns the last description of the cluster, if it
/// exists.
pub(in crate::cloud) async fn wait_for_cluster(
    clients: &Clients,
    id: &str,
    wanted: &'static str,
    limit: Duration,
    progress: &OperationProgress,
    check: impl Fn(Option<&Cluster>) -> WaitState,
) -> Result<Option<Cluster>, CloudError> {
    let last = std::sync::Mutex::new(String::from("unknown"));
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
        check(cluster).into()
    };
    let begun = Instant::now();
    let outcome = loop {
        match poll(clients, id, limit.saturating_sub(begun.elapsed()), &acceptor).await {
            // AWS is unreachable or slow for longer than the SDK retries, but the change continues.
            Err(PollError::Request(error))
                if is_transient(error.code.as_deref())
                    && begun.elapsed() + OUTAGE_PAUSE < limit =>
            {
                tracing::warn!("cannot query the state of cluster {id}; retrying: {error}");
                tokio::time::sleep(OUTAGE_PAUSE).await;
            }
            outcome => break outcome,
        }
    };
    outcome.map_err(|error| {
        let state = last.lock().map(|state| state.clone()).unwrap_or_default();
        let what = format!("cluster {id}");
        match error {
            PollError::TimedOut => CloudError::TimedOut { what, state, waited: limit },
            PollError::Unreachable => CloudError::State { what, state, wanted },
            PollError::Request(error) | PollError::Setup(error) => {
                error.during(format!("query the state of {what}"))
            }
        }
    })
}

/// The reason why a wait ended without the required state.
enum PollError {
    /// The maximum time has passed.
    TimedOut,
    /// The cluster cannot reach the required state.
    Unreachable,
    /// A request failed.
    Request(ApiError),
    /// The waiter could not be constructed.
    Setup(ApiError),
}

impl PollError {
    fn new<O>(error: WaiterError<O, DescribeClustersError>) -> PollError {
        let operation = "redshift:DescribeClusters";
        match error {
            WaiterError::ExceededMaxWait(_) => PollError::TimedOut,
            WaiterError::FailureState(_) => PollError::Unreachable,
            WaiterError::OperationFailed(error) => {
                PollError::Request(ApiError::new(operation, &error.into_error()))
            }
            error => {
                PollError::Setup(ApiError { operation, code: None, message: error.to_string() })
            }
        }
    }
}

/// Polls the state of a cluster until the acceptor ends the wait, and returns the last description of the
/// cluster, if it exists.
async fn poll(
    clients: &Clients,
    id: &str,
    max_wait: Duration,
    acceptor: &impl Fn(Result<&DescribeClustersOutput, &DescribeClustersError>) -> AcceptorState,
) -> Result<Option<Cluster>, PollError> {
    let sdk = clients.sdk();
    let waiter = WaiterOrchestrator::builder()
        .min_delay(FIRST_PAUSE)
        .max_delay(LONGEST_PAUSE)
        .max_wait(max_wait)
        .time_source(sdk.time_source().unwrap_or_default())
        .sleep_impl(sdk.sleep_impl().unwrap_or_else(|| SharedAsyncSleep::new(TokioSleep::new())))
        .acceptor(acceptor)
        .operation(|| clients.redshift.describe_clusters().cluster_identifier(id).send())
        .build();
    let poll = waiter.orchestrate().await.map_err(PollError::new)?;
    let answer = poll.into_result().ok();
    Ok(answer.and_then(|answer| answer.clusters.unwrap_or_default().into_iter().next()))
}

impl From<WaitState> for AcceptorState {
    fn from(state: WaitState) -> AcceptorState {
        match state {
            WaitState::Reached => AcceptorState::Success,
            WaitState::Pending => AcceptorState::Retry,
            WaitState::Unreachable => AcceptorState::Failure,
        }
    }
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

/// Waits until the cluster can be used: available, with an endpoint, and with the role in sync if one is
/// named.
///
/// # Errors
///
/// Returns an error if the cluster reaches a state that it does not leave by itself, or if it takes longer
/// than `limit`.
pub async fn wait_available(
    clients: &Clients,
    id: &str,
    role_arn: Option<&str>,
    limit: Duration,
    progress: &OperationProgress,
) -> Result<Cluster, CloudError> {
    let check = |cluster: Option<&Cluster>| availability(cluster, role_arn);
    let cluster = wait_for_cluster(clients, id, "available", limit, progress, check).await?;
    ensure_exists(cluster, id, "available")
}

fn availability(cluster: Option<&Cluster>, role_arn: Option<&str>) -> WaitState {
    // A new cluster may be missing from responses for a moment.
    let Some(cluster) = cluster else { return WaitState::Pending };
    let can_be_used = !matches!(
        cluster.cluster_availability_status.as_deref(),
        Some(other) if !other.eq_ignore_ascii_case("available")
    );
    let can_read = role_arn.is_none_or(|role| role_status(cluster, role) == Some("in-sync"));
    match status(cluster) {
        "available" if can_be_used && can_read && cluster.endpoint.is_some() => WaitState::Reached,
        state if is_terminal(state) => WaitState::Unreachable,
        _ => WaitState::Pending,
    }
}

/// Waits until the cluster is in no transitional state.
pub(in crate::cloud) async fn wait_settled(
    clients: &Clients,
    id: &str,
    limit: Duration,
    progress: &OperationProgress,
) -> Result<Option<Cluster>, CloudError> {
    let check = |cluster: Option<&Cluster>| match cluster {
        Some(cluster) if is_transitional(status(cluster)) => WaitState::Pending,
        _ => WaitState::Reached,
    };
    wait_for_cluster(clients, id, "settled", limit, progress, check).await
}

/// Waits until the cluster no longer exists.
pub(in crate::cloud) async fn wait_deleted(
    clients: &Clients,
    id: &str,
    limit: Duration,
    progress: &OperationProgress,
) -> Result<(), CloudError> {
    // The deletion may not be visible at once, and can start from any state.
    let check = |cluster: Option<&Cluster>| match cluster {
        None => WaitState::Reached,
        Some(_) => WaitState::Pending,
    };
    wait_for_cluster(clients, id, "gone", limit, progress, check).await?;
    Ok(())
}
