//! The state of a cluster: its version, executors and jobs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ballista_scheduler::scheduler_server::SchedulerServer;
use ballista_scheduler::state::execution_stage::ExecutionStage;
use datafusion_proto::protobuf::{LogicalPlanNode, PhysicalPlanNode};
use http_body_util::BodyExt;
use serde::{Deserialize, Serialize};
use tonic::body::Body;
use tonic::transport::Channel;

use super::client::connect;
use super::security::SecurityOptions;
use super::version;
use crate::error::{EngineError, Error, Result};

/// Path of the state on the port of the scheduler.
pub(super) const PATH: &str = "/starlift/status";

/// Time for which a scheduler can take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// A scheduler of starlift.
#[derive(Clone)]
pub(super) struct Scheduler {
    /// Ballista's scheduler.
    pub server: SchedulerServer<LogicalPlanNode, PhysicalPlanNode>,
    /// Number of executors that have been lost or have left.
    pub executors_lost: Arc<AtomicU64>,
}

/// The state of a cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterStatus {
    /// Version of the scheduler.
    pub version: String,
    /// Executors that are alive.
    pub executors: Vec<ExecutorState>,
    /// Number of executors that have been lost or have left since the scheduler began.
    #[serde(default)]
    pub executors_lost: u64,
    /// Jobs that have not ended.
    pub jobs: Vec<JobState>,
}

/// The state of an executor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecutorState {
    /// ID of the executor.
    pub id: String,
    /// Address from which others fetch its rows.
    pub address: String,
    /// Number of tasks that it runs at a time.
    pub cores: usize,
    /// Seconds since it was last heard of.
    pub last_seen_seconds: u64,
}

/// The state of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobState {
    /// ID of the job.
    pub id: String,
    /// Name of the step.
    pub name: String,
    /// Stages in the order in which they can run.
    pub stages: Vec<StageState>,
    /// Seconds since the job began.
    pub seconds: u64,
}

/// The state of a stage of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageState {
    /// Number of the stage.
    pub number: usize,
    /// Number of tasks, as far as they are known. An executor can take several partitions of the input as one task.
    pub tasks: u64,
    /// Number of tasks that executors run.
    pub running: u64,
    /// Number of tasks that are done.
    pub done: u64,
    /// `true` if all tasks are done and their results can be read.
    pub is_done: bool,
    /// Seconds until the last task is done, if the others take as long as those so far. `None` if none is done.
    pub seconds_left: Option<u64>,
}

impl JobState {
    /// Returns the number of stages that are done.
    pub fn stages_done(&self) -> usize {
        self.stages.iter().filter(|stage| stage.is_done).count()
    }

    /// Returns the number of tasks of the stages that have begun.
    pub fn tasks(&self) -> u64 {
        self.stages.iter().map(|stage| stage.tasks).sum()
    }

    /// Returns the number of tasks that are done.
    pub fn tasks_done(&self) -> u64 {
        self.stages.iter().map(|stage| stage.done).sum()
    }

    /// Returns the number of tasks that executors run.
    pub fn running(&self) -> u64 {
        self.stages.iter().map(|stage| stage.running).sum()
    }

    /// Returns the seconds until the stages that have begun are done, if that can be estimated.
    pub fn seconds_left(&self) -> Option<u64> {
        self.stages.iter().filter_map(|stage| stage.seconds_left).max()
    }
}

impl ClusterStatus {
    /// Returns the state of a running job.
    pub(super) fn job(&self, id: &str) -> Option<&JobState> {
        self.jobs.iter().find(|job| job.id == id)
    }

    /// Returns the number of tasks that all executors together run at a time.
    pub fn cores(&self) -> usize {
        self.executors.iter().map(|executor| executor.cores).sum()
    }
}

/// Returns the state of the cluster of the scheduler at `address`, as `HOST:PORT`.
///
/// # Errors
///
/// Returns an error if the scheduler cannot be reached or is not a scheduler of starlift.
pub async fn cluster_status(address: &str, security: &SecurityOptions) -> Result<ClusterStatus> {
    let security = security.read()?;
    let url = format!("{}://{address}", security.scheme());
    request(&url, connect(&url, &security).await?).await
}

/// Requests the state from the scheduler at `url`.
pub(super) async fn request(url: &str, mut channel: Channel) -> Result<ClusterStatus> {
    let unreachable =
        |reason: String| Error::from(EngineError::Unreachable { url: url.to_owned(), reason });
    let asked = async {
        let request = http::Request::get(format!("{url}{PATH}")).body(Body::empty());
        let request = request.map_err(|e| unreachable(e.to_string()))?;
        std::future::poll_fn(|cx| tower_service::Service::poll_ready(&mut channel, cx))
            .await
            .map_err(|e| unreachable(e.to_string()))?;
        let answer = tower_service::Service::call(&mut channel, request).await;
        let answer = answer.map_err(|e| unreachable(e.to_string()))?;
        if !answer.status().is_success() {
            return Err(unreachable(format!(
                "it is not a scheduler of starlift: the response is {}",
                answer.status()
            )));
        }
        let bytes = answer.into_body().collect().await;
        let bytes = bytes.map_err(|e| unreachable(e.to_string()))?.to_bytes();
        serde_json::from_slice(&bytes).map_err(|e| unreachable(e.to_string()))
    };
    let asked = tokio::time::timeout(ANSWER_WITHIN, asked).await;
    asked.unwrap_or_else(|_| Err(unreachable("it does not answer".to_owned())))
}

/// Returns the state of the cluster of a scheduler in this process.
pub(super) async fn of_scheduler(scheduler: &Scheduler) -> ClusterStatus {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let found =
        scheduler.server.state.executor_manager.get_executors_state().await.unwrap_or_default();
    let mut executors: Vec<ExecutorState> = found
        .into_iter()
        .map(|(executor, seen, _)| ExecutorState {
            address: format!("{}:{}", executor.host, executor.port),
            cores: executor.specification.vcores as usize,
            last_seen_seconds: seen.map_or(0, |seen| now.saturating_sub(seen).as_secs()),
            id: executor.id,
        })
        .collect();
    executors.sort_by(|a, b| a.address.cmp(&b.address));
    let mut jobs = Vec::new();
    for (id, job) in scheduler.server.state.task_manager.get_running_job_cache().iter() {
        let graph = job.execution_graph.read().await;
        let mut stages: Vec<StageState> =
            graph.stages().iter().map(|(number, stage)| state_of(*number, stage, now)).collect();
        stages.sort_by_key(|stage| stage.number);
        let began = Duration::from_millis(graph.start_time());
        jobs.push(JobState {
            id: id.to_string(),
            name: graph.job_name().to_owned(),
            stages,
            seconds: now.saturating_sub(began).as_secs(),
        });
    }
    jobs.sort_by(|a, b| a.id.cmp(&b.id));
    let executors_lost = scheduler.executors_lost.load(Ordering::SeqCst);
    ClusterStatus { version: version::own(), executors, executors_lost, jobs }
}

/// Returns the state of a stage at a time, given as the duration since 1970.
fn state_of(number: usize, stage: &ExecutionStage, now: Duration) -> StageState {
    let waiting =
        StageState { number, tasks: 0, running: 0, done: 0, is_done: false, seconds_left: None };
    match stage {
        ExecutionStage::Running(stage) => {
            let (done, running) =
                (stage.successful_tasks() as u64, stage.running_tasks().len() as u64);
            let tasks = done + running + stage.available_tasks() as u64;
            let begun = Duration::from_millis(stage.stage_running_time as u64);
            let seconds_left = seconds_left(now.saturating_sub(begun), done, tasks);
            StageState { tasks, running, done, seconds_left, ..waiting }
        }
        ExecutionStage::Successful(stage) => {
            let done = stage.task_infos.len() as u64;
            StageState { tasks: done, done, is_done: true, ..waiting }
        }
        _ => waiting,
    }
}

/// Returns the seconds that the rest of `tasks` take if `done` of them took `elapsed`.
fn seconds_left(elapsed: Duration, done: u64, tasks: u64) -> Option<u64> {
    (elapsed.as_millis() as u64)
        .checked_mul(tasks.saturating_sub(done))?
        .checked_div(done)
        .map(|ms| ms.div_ceil(1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_is_that_of_the_tasks_so_far() {
        let of = |elapsed, done, tasks| seconds_left(Duration::from_secs(elapsed), done, tasks);
        assert_eq!(of(10, 2, 6), Some(20));
        assert_eq!(of(10, 3, 4), Some(4));
        assert_eq!(of(10, 4, 4), Some(0));
        assert_eq!(of(10, 0, 4), None);
    }
}
