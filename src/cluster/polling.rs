//! Requests of an executor for tasks.
//!
//! Ballista reports the results of tasks with the next request for tasks. If a request fails, the scheduler may have
//! seen it or not: its results, and the tasks in its answer, can be lost, and their job would wait for them forever.
//! The executor then leaves the cluster and joins it under another ID. The scheduler counts it as lost, so that the
//! jobs that it has worked for are run again.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use ballista_core::serde::BallistaCodec;
use ballista_core::serde::protobuf::ExecutorStoppedParams;
use ballista_executor::execution_loop::poll_loop;
use ballista_executor::executor::Executor;
use ballista_executor::health::ExecutorHealth;
use datafusion_proto::protobuf::{LogicalPlanNode, PhysicalPlanNode};
use tokio::sync::{Notify, Semaphore, watch};
use tonic::body::Body;
use tonic::transport::Channel;
use tower_service::Service;

use super::client::scheduler_client;

/// Wait between attempts to reach the scheduler.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The parts of an executor that asks for tasks.
pub(super) struct Polling {
    /// Channel to the scheduler.
    pub channel: Channel,
    /// Codec of the tasks.
    pub codec: BallistaCodec<LogicalPlanNode, PhysicalPlanNode>,
    /// One permit per task that the executor can run.
    pub free_cores: Arc<Semaphore>,
    /// State of the connection to the scheduler.
    pub health: ExecutorHealth,
    /// Current ID of the executor.
    pub id: watch::Sender<String>,
}

impl Polling {
    /// Asks for tasks and runs them, as an executor that `new_executor` creates. Creates another one if a request
    /// fails.
    pub async fn run(self, new_executor: impl Fn() -> Executor) {
        loop {
            let executor = Arc::new(new_executor());
            let id = executor.metadata.id.clone();
            self.id.send_replace(id.clone());
            tracing::debug!(id, "asking for tasks");
            let failed = Arc::new(Notify::new());
            let channel = Watched { channel: self.channel.clone(), failed: failed.clone() };
            let (codec, free) = (self.codec.clone(), self.free_cores.clone());
            let polling = poll_loop(
                scheduler_client(channel),
                executor,
                codec,
                None,
                Some(free),
                self.health.clone(),
            );
            tokio::select! {
                outcome = polling => {
                    if let Err(error) = outcome {
                        tracing::error!(%error, "the executor has stopped asking for tasks");
                    }
                    return;
                }
                () = failed.notified() => {}
            }
            self.health.mark_heartbeat_failed();
            tracing::warn!(
                id,
                "the scheduler does not answer; the executor joins the cluster again when it does"
            );
            while let Err(error) = leave(self.channel.clone(), &id, "a request has failed").await {
                tracing::debug!(%error, "waiting for the scheduler");
                tokio::time::sleep(RETRY_AFTER).await;
            }
        }
    }
}

/// Reports to the scheduler that an executor has left the cluster.
///
/// # Errors
///
/// Returns an error if the scheduler does not answer.
pub(super) async fn leave(channel: Channel, id: &str, reason: &str) -> Result<(), tonic::Status> {
    let (executor_id, reason) = (id.to_owned(), reason.to_owned());
    scheduler_client(channel)
        .executor_stopped(ExecutorStoppedParams { executor_id, reason })
        .await?;
    Ok(())
}

/// A channel that notifies of requests that fail.
#[derive(Clone)]
struct Watched {
    channel: Channel,
    failed: Arc<Notify>,
}

impl Service<http::Request<Body>> for Watched {
    type Response = http::Response<Body>;
    type Error = tonic::transport::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.channel.poll_ready(cx)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let (answer, failed) = (self.channel.call(request), self.failed.clone());
        Box::pin(async move {
            let answer = answer.await;
            if answer.as_ref().map_or(true, is_error) {
                failed.notify_one();
            }
            answer
        })
    }
}

/// Returns `true` for an answer without content. An answer with content has its status at the end.
fn is_error(answer: &http::Response<Body>) -> bool {
    let status = answer.headers().get("grpc-status");
    !answer.status().is_success() || status.is_some_and(|status| status != "0")
}
