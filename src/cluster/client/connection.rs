//! The connection to a scheduler: submits jobs, waits for them and fetches their rows.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use ballista_core::extension::{SessionConfigExt, SessionConfigHelperExt};
use ballista_core::serde::protobuf::execute_query_params::Query;
use ballista_core::serde::protobuf::scheduler_grpc_client::SchedulerGrpcClient;
use ballista_core::serde::protobuf::{
    CancelJobParams, CleanJobDataParams, ExecuteQueryParams, GetJobStatusParams, JobStatus,
    PartitionLocation, RemoveSessionParams, execute_query_result, job_status,
};
use ballista_core::version::insert_version_header;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::SessionConfig;
use datafusion_proto::physical_plan::AsExecutionPlan;
use datafusion_proto::protobuf::PhysicalPlanNode;
use futures::TryStreamExt;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};

use super::connect::{connect, scheduler_client};
use super::fetch::fetch;
use super::watch::{RunError, Watch};
use crate::cluster::MAX_MESSAGE_BYTES;
use crate::cluster::nodes::{failure_of, is_out_of_memory, physical_codec};
use crate::cluster::security::Security;
use crate::cluster::status::{self, ClusterStatus};
use crate::cluster::version;
use crate::engine::keep_join_sides;
use crate::error::{EngineError, Error, Result};
use crate::ingest::TransformProgress;

/// Interval at which the state of a job is requested. It begins short, because many jobs are.
const FIRST_POLL: Duration = Duration::from_millis(20);
const LONGEST_POLL: Duration = Duration::from_millis(100);

/// Time for which a scheduler that does not answer is asked again.
const LOST_AFTER: Duration = Duration::from_secs(30);

/// Number of times that a job is run if executors are lost during it.
const MOST_RUNS: usize = 10;

/// Number of times that a job is run again if the scheduler does not end it.
const MOST_STUCK: usize = 1;

/// A connection to a scheduler, and the session of a run.
#[derive(Debug)]
pub(crate) struct Connection {
    url: String,
    channel: Channel,
    client: SchedulerGrpcClient<Channel>,
    security: Security,
    timeout: Duration,
    progress: Arc<TransformProgress>,
    session: String,
    /// State of the cluster when the connection was opened.
    pub status: ClusterStatus,
    /// IDs of the jobs that have not ended.
    active: Mutex<HashSet<String>>,
}

impl Connection {
    /// Connects to the scheduler at `address`, for the run `run_id`, whose tasks are shown in `progress`.
    ///
    /// # Errors
    ///
    /// Returns an error if the scheduler cannot be reached or has another version.
    pub async fn open(
        address: &str,
        security: Security,
        timeout: Duration,
        run_id: &str,
        progress: Arc<TransformProgress>,
    ) -> Result<Connection> {
        let url = format!("{}://{address}", security.scheme());
        let channel = connect(&url, &security).await?;
        let status = status::request(&url, channel.clone()).await?;
        ensure_same_version(&url, &status)?;
        let client = scheduler_client(channel.clone());
        let (session, active) = (format!("starlift-{run_id}"), Mutex::default());
        Ok(Connection {
            url,
            channel,
            client,
            security,
            timeout,
            progress,
            session,
            status,
            active,
        })
    }

    /// Returns the configuration of sessions whose plans are submitted.
    pub fn session_config(&self) -> SessionConfig {
        let partitions = (2 * self.status.cores()).clamp(2, 256);
        let config = keep_join_sides(SessionConfig::new_with_ballista())
            .with_target_partitions(partitions)
            .with_information_schema(true)
            .with_ballista_adaptive_query_planner(false)
            .with_ballista_grpc_client_max_message_size(MAX_MESSAGE_BYTES as usize);
        self.security.configure(config)
    }

    /// Runs a plan as the job `name`, and returns its rows, which must be few.
    ///
    /// When an executor is lost, Ballista repeats its tasks. It has been seen to count rows twice then, without an
    /// error, and to wait forever. A job during which an executor was lost is therefore cancelled and run again.
    ///
    /// # Errors
    ///
    /// Returns an error if the job fails or makes no progress, or if the scheduler is lost.
    pub async fn run(
        self: &Arc<Self>,
        name: &str,
        plan: &Arc<dyn ExecutionPlan>,
        config: &SessionConfig,
    ) -> Result<Vec<RecordBatch>> {
        let mut stuck = 0;
        for _ in 0..MOST_RUNS {
            let before = self.current_status().await?.executors_lost;
            let outcome = self.run_once(name, plan, config, before).await;
            let is_lost = self.current_status().await?.executors_lost != before;
            match outcome {
                Ok(rows) if !is_lost => return Ok(rows),
                Err(RunError::Failed(error)) if !is_lost => return Err(error),
                Err(RunError::NotFetched(error)) => tracing::warn!(%error, "{name} is run again"),
                Err(RunError::Stuck(state)) if stuck >= MOST_STUCK => {
                    return Err(step_failed(
                        name,
                        &format!("the scheduler does not end it: {state}"),
                    ));
                }
                Err(RunError::Stuck(state)) => {
                    stuck += 1;
                    tracing::warn!(state, "the scheduler does not end {name}, which is run again");
                }
                _ => tracing::warn!("an executor was lost during {name}, which is run again"),
            }
        }
        let reason = format!("executors were lost in each of {MOST_RUNS} attempts");
        Err(step_failed(name, &reason))
    }

    /// Submits a plan, waits until its job ends, and fetches the rows.
    async fn run_once(
        self: &Arc<Self>,
        name: &str,
        plan: &Arc<dyn ExecutionPlan>,
        config: &SessionConfig,
        executors_lost: u64,
    ) -> Result<Vec<RecordBatch>, RunError> {
        let job = self.submit(name, plan, config).await?;
        let mut ends = EndsJob { connection: self.clone(), job: job.clone(), is_running: true };
        let ended = self.wait(name, &job, executors_lost).await;
        ends.is_running = false;
        lock(&self.active).remove(&job);
        let rows = fetch(name, plan.schema(), ended?, &self.security).try_collect().await;
        self.clean(&job).await;
        rows.map_err(RunError::NotFetched)
    }

    async fn submit(
        &self,
        name: &str,
        plan: &Arc<dyn ExecutionPlan>,
        config: &SessionConfig,
    ) -> Result<String> {
        let failed = |reason: String| step_failed(name, &reason);
        let codec = physical_codec(None);
        let node = PhysicalPlanNode::try_from_physical_plan(plan.clone(), &*codec);
        let mut bytes = Vec::new();
        let encoded = node.and_then(|node| node.try_encode(&mut bytes));
        encoded.map_err(|e| failed(format!("its plan cannot be encoded: {e}")))?;
        let config = config.clone().with_ballista_job_name(name);
        let mut request = Request::new(ExecuteQueryParams {
            query: Some(Query::PhysicalPlan(bytes)),
            settings: config.to_key_value_pairs(),
            session_id: self.session.clone(),
            operation_id: format!("{:016x}", rand::random::<u64>()),
        });
        insert_version_header(request.metadata_mut());
        let answer = self.client.clone().execute_query(request).await;
        let answer = answer.map_err(|status| self.rejected(name, &status))?.into_inner();
        match answer.result {
            Some(execute_query_result::Result::Success(success)) => {
                lock(&self.active).insert(success.job_id.clone());
                tracing::debug!(job = success.job_id, "submitted {name}");
                Ok(success.job_id)
            }
            other => Err(failed(format!("the scheduler rejects the plan: {other:?}"))),
        }
    }

    /// Waits for a job. Returns the places of its rows.
    async fn wait(
        &self,
        name: &str,
        job: &str,
        executors_lost: u64,
    ) -> Result<Vec<PartitionLocation>, RunError> {
        let mut pause = FIRST_POLL;
        let mut answered = Instant::now();
        let mut watch = Watch::new(self.timeout);
        loop {
            match self.poll(job).await {
                Ok(state) => {
                    answered = Instant::now();
                    match state.and_then(|state| state.status) {
                        Some(job_status::Status::Successful(ended)) => {
                            return Ok(ended.partition_location);
                        }
                        Some(job_status::Status::Failed(failure)) => {
                            return Err(step_failed(name, &failure.error).into());
                        }
                        _ => {}
                    }
                }
                Err(status) if is_lost(&status) && answered.elapsed() < LOST_AFTER => {}
                Err(status) => return Err(self.rejected(name, &status).into()),
            }
            if watch.is_due()
                && let Ok(status) = self.current_status().await
            {
                self.show_tasks(&status);
                let verdict = match status.executors_lost == executors_lost {
                    true => watch.observe(name, status.job(job)),
                    false => Err(RunError::ExecutorLost),
                };
                if verdict.is_err() {
                    self.cancel_job(job).await;
                }
                verdict?;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 3 / 2).min(LONGEST_POLL);
        }
    }

    /// Shows the number of tasks of the jobs of this run.
    fn show_tasks(&self, status: &ClusterStatus) {
        let active = lock(&self.active);
        let jobs = status.jobs.iter().filter(|job| active.contains(&job.id));
        let sums =
            jobs.fold((0, 0), |(done, all), job| (done + job.tasks_done(), all + job.tasks()));
        self.progress.set_tasks(sums.0, sums.1);
    }

    async fn poll(&self, job: &str) -> Result<Option<JobStatus>, Status> {
        let request = GetJobStatusParams { job_id: job.to_owned() };
        Ok(self.client.clone().get_job_status(request).await?.into_inner().status)
    }

    /// Returns the state of the cluster.
    pub async fn current_status(&self) -> Result<ClusterStatus> {
        status::request(&self.url, self.channel.clone()).await
    }

    /// Cancels the jobs that have not ended, and removes the session.
    pub async fn close(&self) {
        let active: Vec<String> = lock(&self.active).drain().collect();
        for job in active {
            self.cancel_job(&job).await;
        }
        let request = RemoveSessionParams { session_id: self.session.clone() };
        if let Err(error) = self.client.clone().remove_session(request).await {
            tracing::debug!(%error, "the session cannot be removed");
        }
    }

    async fn cancel_job(&self, job: &str) {
        let request = CancelJobParams { job_id: job.to_owned() };
        if let Err(error) = self.client.clone().cancel_job(request).await {
            tracing::warn!(job, %error, "the job cannot be cancelled");
        }
    }

    /// Removes the files that executors keep of a job.
    pub async fn clean(&self, job: &str) {
        let request = CleanJobDataParams { job_id: job.to_owned(), remove_stage_ids: Vec::new() };
        if let Err(error) = self.client.clone().clean_job_data(request).await {
            tracing::debug!(job, %error, "the files of the job cannot be removed");
        }
    }

    /// Returns the error for a request that the scheduler did not carry out.
    fn rejected(&self, name: &str, status: &Status) -> Error {
        if is_lost(status) {
            let (url, reason) = (self.url.clone(), status.message().to_owned());
            return EngineError::Unreachable { url, reason }.into();
        }
        step_failed(name, status.message())
    }
}

/// Cancels a job when its result is no longer awaited.
struct EndsJob {
    connection: Arc<Connection>,
    job: String,
    is_running: bool,
}

impl Drop for EndsJob {
    fn drop(&mut self) {
        if !self.is_running {
            return;
        }
        let (connection, job) = (self.connection.clone(), std::mem::take(&mut self.job));
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                connection.cancel_job(&job).await;
                lock(&connection.active).remove(&job);
            });
        }
    }
}

fn is_lost(status: &Status) -> bool {
    matches!(status.code(), Code::Unavailable | Code::DeadlineExceeded | Code::Unknown)
}

/// Fails unless the scheduler and all executors have the version of this program.
fn ensure_same_version(url: &str, status: &ClusterStatus) -> Result<()> {
    let own = version::own();
    if status.version == own {
        return Ok(());
    }
    let who = format!("the scheduler at {url}");
    Err(EngineError::OtherVersion { who, found: status.version.clone(), own }.into())
}

/// Returns the error of a step from a message of the scheduler.
pub(super) fn step_failed(step: &str, message: &str) -> Error {
    let (step, reason) = (step.to_owned(), failure_of(message));
    match is_out_of_memory(message) {
        true => EngineError::OutOfMemory { step, reason }.into(),
        false => EngineError::StepFailed { step, reason }.into(),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
