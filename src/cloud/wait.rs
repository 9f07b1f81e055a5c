//! Waiting: for a cluster to change its state, and for AWS to agree with itself.

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
use super::journal::Journal;

/// The SDK's own waiters for clusters ask once a minute, show nothing and take only `deleting` for a
/// failure; this one is built of the same parts.
pub(super) const FIRST_PAUSE: Duration = Duration::from_secs(1);
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// The time until AWS is asked again when it could not be.
pub(super) const AWAY: Duration = Duration::from_secs(4);

/// AWS may take this long to know everywhere what it was told in one place. Source: IAM User Guide,
/// Troubleshooting IAM, "Changes that I make are not always immediately visible".
const SETTLING: Duration = Duration::from_secs(120);

/// What becomes of waiting for a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is as it should be.
    Reached,
    /// It is on its way.
    Waiting,
    /// It will not get there.
    Lost,
}

/// What AWS answers to a change of a cluster that is on its way to another state; it may do so even
/// while it calls the cluster available.
const BUSY: &str = "InvalidClusterState";

/// A young cluster cannot be paused before there is a backup of it; nobody has said with which code.
const NO_BACKUP: &str = "backup was found";

/// A change of a cluster, which AWS refuses while another is under way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Change<'a> {
    /// The cluster.
    pub id: &'a str,
    /// How long to try.
    pub limit: Duration,
    /// States that say that the change is made already, or being made.
    pub done: &'a [&'a str],
}

impl Change<'_> {
    /// Asks for the change until it is taken on.
    pub async fn make<F>(
        self,
        clients: &Clients,
        action: &str,
        mut ask: impl FnMut() -> F,
    ) -> Result<(), CloudError>
    where
        F: Future<Output = Result<(), ApiError>>,
    {
        let begun = Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            let error = match ask().await {
                Ok(()) => return Ok(()),
                Err(error) if error.is(BUSY) || error.said.contains(NO_BACKUP) => error,
                Err(error) => return Err(error.during(action)),
            };
            let now = cluster::find(clients, self.id).await?;
            let state = now.as_ref().map_or("gone", cluster::status);
            if self.done.contains(&state) {
                return Ok(());
            }
            let may_pass = state == "available" || cluster::is_passing(state);
            if now.is_none() || !may_pass || begun.elapsed() + pause > self.limit {
                return Err(error.during(action));
            }
            tracing::info!("cluster {} is {state} and refuses the change; asking again", self.id);
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

/// Looks again for what was made a moment ago, until it shows; `None` if it does not for long.
pub(super) async fn until_seen<T, F>(mut look: impl FnMut() -> F) -> Result<Option<T>, CloudError>
where
    F: Future<Output = Result<Option<T>, CloudError>>,
{
    let seen = while_settling(Option::is_none, || {
        let looking = look();
        async { looking.await.map_err(Some)?.ok_or(None) }
    });
    match seen.await {
        Ok(found) => Ok(Some(found)),
        Err(error) => error.map_or(Ok(None), Err),
    }
}

/// Waits until `judge` says that the cluster is as it should be; its last description, if it is there.
pub(super) async fn for_cluster(
    clients: &Clients,
    id: &str,
    wanted: &'static str,
    limit: Duration,
    journal: &Journal,
    judge: impl Fn(Option<&Cluster>) -> Verdict,
) -> Result<Option<Cluster>, CloudError> {
    let last = std::sync::Mutex::new(String::from("unknown"));
    let state = || last.lock().map(|state| state.clone()).unwrap_or_default();
    let acceptor = |answer: Result<&DescribeClustersOutput, &DescribeClustersError>| {
        let cluster = match answer {
            Ok(answer) => first(answer),
            Err(DescribeClustersError::ClusterNotFoundFault(_)) => None,
            Err(_) => return AcceptorState::NoAcceptorsMatched,
        };
        let now = cluster.map_or_else(|| "not there".to_owned(), describe);
        journal.enter(format!("waiting for cluster {id}: {now}"));
        if let Ok(mut last) = last.lock() {
            *last = now;
        }
        match judge(cluster) {
            Verdict::Reached => AcceptorState::Success,
            Verdict::Waiting => AcceptorState::Retry,
            Verdict::Lost => AcceptorState::Failure,
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
            // AWS is away or slow for longer than the SDK tries: the cluster goes on without us.
            Err(WaiterError::OperationFailed(error))
                if passes(error.error().code()) && begun.elapsed() + AWAY < limit =>
            {
                let error = ApiError::new("redshift:DescribeClusters", &error.into_error());
                tracing::warn!(
                    "the state of cluster {id} cannot be asked for; asking again: {error}"
                );
                tokio::time::sleep(AWAY).await;
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
            Err(error.during(format!("look at cluster {id}")))
        }
        Err(error) => Err(ApiError {
            operation: "redshift:DescribeClusters",
            code: None,
            said: error.to_string(),
        }
        .during(format!("look at cluster {id}"))),
    }
}

/// Whether a failure may pass by itself: no answer, or one that says so.
pub(super) fn passes(code: Option<&str>) -> bool {
    let passing =
        ["ServiceUnavailable", "InternalFailure", "InternalError", "InternalServerException"];
    code.is_none_or(|code| THROTTLING_ERRORS.contains(&code) || passing.contains(&code))
}

fn first(answer: &DescribeClustersOutput) -> Option<&Cluster> {
    answer.clusters.as_deref().unwrap_or_default().first()
}

/// The state of a cluster in full and, where they are not done yet, that of its roles.
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

/// Asks again, more and more slowly, while AWS refuses for a reason that passes by itself.
pub(super) async fn while_settling<T, E, F>(
    passes: impl Fn(&E) -> bool,
    ask: impl FnMut() -> F,
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
        .with_total_delay(Some(SETTLING));
    ask.retry(pauses)
        .when(passes)
        .notify(|error, pause| tracing::debug!(?error, ?pause, "asking again"))
        .await
}
