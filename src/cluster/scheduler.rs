//! The scheduler: Ballista's, with the nodes and the certificates of starlift.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ballista_core::config::TaskSchedulingPolicy;
use ballista_core::serde::protobuf::scheduler_grpc_server::SchedulerGrpcServer;
use ballista_core::serde::{BallistaCodec, BallistaLogicalExtensionCodec};
use ballista_core::utils::{GrpcServerConfig, create_grpc_server};
use ballista_scheduler::cluster::{BallistaCluster, ClusterStateEvent};
use ballista_scheduler::config::SchedulerConfig;
use ballista_scheduler::metrics::default_metrics_collector;
use ballista_scheduler::scheduler_server::SchedulerServer;
use datafusion_proto::protobuf::{LogicalPlanNode, PhysicalPlanNode};
use futures::StreamExt;
use tokio::net::TcpListener;
use tonic::service::Routes;
use tonic::transport::server::TcpIncoming;

use super::health::{Report, serve_health};
use super::nodes::physical_codec;
use super::security::{Security, SecurityOptions};
use super::status::{self, JobState, Scheduler};
use super::{MAX_MESSAGE_BYTES, executor::session_config};
use crate::error::{Error, Result};

/// Time after which an executor that is not heard of is lost, unless another is configured.
pub(super) const EXECUTOR_TIMEOUT: Duration = Duration::from_secs(20);

/// Seconds for which jobs wait for an executor if there is none.
const NO_EXECUTOR_SECONDS: u64 = 40;

/// Seconds between looking for lost executors.
const LOSS_CHECK_SECONDS: u64 = 2;

/// Seconds after which the rows of a job are removed from executors, and its state from the scheduler.
const KEEP_ROWS_SECONDS: u64 = 60;
const KEEP_STATE_SECONDS: u64 = 300;

/// Options of a scheduler.
#[derive(Debug, Clone)]
pub struct SchedulerOptions {
    /// Address to listen on.
    pub bind: SocketAddr,
    /// Certificates.
    pub security: SecurityOptions,
    /// Address for health checks and metrics, if any.
    pub health: Option<SocketAddr>,
    /// Time after which an executor that is not heard of is lost. Executors report at least every five seconds.
    pub executor_timeout: Duration,
}

/// Runs a scheduler until `stop` resolves.
///
/// # Errors
///
/// Returns an error if an address cannot be used, or other machines could use it without a certificate.
pub async fn run_scheduler(
    options: SchedulerOptions,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<()> {
    let security = options.security.read()?;
    security.ensure_protected(options.bind.ip())?;
    let listener = listen(options.bind).await?;
    let scheduler = new_scheduler(&listener, &security, options.executor_timeout).await?;
    if let Some(address) = options.health {
        let scheduler = scheduler.clone();
        let report = move || {
            let scheduler = scheduler.clone();
            async move {
                let status = status::of_scheduler(&scheduler).await;
                let (metrics, is_ready) = (metrics_of(&status), !status.executors.is_empty());
                Report { metrics, is_ready }
            }
        };
        serve_health(address, report).await?;
    }
    let address = address_of(&listener)?;
    tracing::info!(%address, scheme = security.scheme(), "the scheduler is ready");
    serve(listener, scheduler, &security, stop).await
}

/// Opens a listening socket.
pub(super) async fn listen(address: SocketAddr) -> Result<TcpListener> {
    let listener = TcpListener::bind(address).await;
    listener.map_err(|e| Error::io(format!("listen on {address}"), e))
}

/// Returns the bound address of a socket.
pub(super) fn address_of(listener: &TcpListener) -> Result<SocketAddr> {
    listener.local_addr().map_err(|e| Error::io("read the address of a socket", e))
}

/// Creates a scheduler that will listen on `listener`.
pub(super) async fn new_scheduler(
    listener: &TcpListener,
    security: &Security,
    executor_timeout: Duration,
) -> Result<Scheduler> {
    let address = address_of(listener)?;
    let tasks = security.clone();
    let config = SchedulerConfig {
        external_host: address.ip().to_string(),
        bind_host: address.ip().to_string(),
        bind_port: address.port(),
        // Executors request tasks, so that the scheduler need not connect to them.
        scheduling_policy: TaskSchedulingPolicy::PullStaged,
        grpc_server_max_decoding_message_size: MAX_MESSAGE_BYTES,
        grpc_server_max_encoding_message_size: MAX_MESSAGE_BYTES,
        grpc_client_max_message_size: MAX_MESSAGE_BYTES,
        executor_timeout_seconds: executor_timeout.as_secs(),
        expire_dead_executor_interval_seconds: LOSS_CHECK_SECONDS,
        no_executors_grace_period_seconds: NO_EXECUTOR_SECONDS,
        finished_job_data_clean_up_interval_seconds: KEEP_ROWS_SECONDS,
        finished_job_state_clean_up_interval_seconds: KEEP_STATE_SECONDS,
        override_config_producer: Some(Arc::new(move || session_config(&tasks))),
        override_physical_codec: Some(physical_codec(None)),
        override_create_grpc_client_endpoint: Some(security.endpoint_override()),
        use_tls: security.scheme() == "https",
        ..SchedulerConfig::default()
    };
    let failed = |e: ballista_core::error::BallistaError| {
        Error::Usage(format!("the scheduler cannot be set up: {e}"))
    };
    let cluster = BallistaCluster::new_from_config(&config).await.map_err(failed)?;
    let codec = BallistaCodec::new(
        Arc::new(BallistaLogicalExtensionCodec::default()),
        physical_codec(None),
    );
    let metrics = default_metrics_collector().map_err(failed)?;
    let endpoint = config.scheduler_endpoint();
    let mut server = SchedulerServer::new(endpoint, cluster, codec, Arc::new(config), metrics);
    server.init().await.map_err(failed)?;
    let executors_lost = count_lost(&server).await.map_err(failed)?;
    Ok(Scheduler { server, executors_lost })
}

/// Counts the executors that are lost or leave, from now on.
async fn count_lost(
    server: &SchedulerServer<LogicalPlanNode, PhysicalPlanNode>,
) -> ballista_core::error::Result<Arc<AtomicU64>> {
    let mut events = server.cluster_state_events().await?;
    let executors_lost = Arc::<AtomicU64>::default();
    let lost = executors_lost.clone();
    tokio::spawn(async move {
        while let Some(event) = events.next().await {
            if matches!(event, ClusterStateEvent::RemovedExecutor { .. }) {
                lost.fetch_add(1, Ordering::SeqCst);
            }
        }
    });
    Ok(executors_lost)
}

/// Serves a scheduler until `stop` resolves.
pub(super) async fn serve(
    listener: TcpListener,
    scheduler: Scheduler,
    security: &Security,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<()> {
    let failed =
        |e: tonic::transport::Error| Error::io("serve the scheduler", std::io::Error::other(e));
    let service = SchedulerGrpcServer::new(scheduler.server.clone())
        .max_decoding_message_size(MAX_MESSAGE_BYTES as usize)
        .max_encoding_message_size(MAX_MESSAGE_BYTES as usize);
    let state = move || {
        let scheduler = scheduler.clone();
        async move { json_of(&status::of_scheduler(&scheduler).await) }
    };
    let router = Routes::new(service).into_axum_router();
    let router = router.route(status::PATH, axum::routing::get(state));
    let mut server = create_grpc_server(&GrpcServerConfig::default());
    if let Some(tls) = security.server() {
        server = server.tls_config(tls).map_err(failed)?;
    }
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let routes = server.add_routes(Routes::from(router));
    routes.serve_with_incoming_shutdown(incoming, stop).await.map_err(failed)
}

fn json_of(status: &status::ClusterStatus) -> String {
    serde_json::to_string(status).unwrap_or_default()
}

/// Returns the state as metrics in the text form of Prometheus.
fn metrics_of(status: &status::ClusterStatus) -> String {
    let tasks: u64 = status.jobs.iter().map(JobState::tasks).sum();
    let done: u64 = status.jobs.iter().map(JobState::tasks_done).sum();
    let gauges = [
        ("executors", "Executors that are alive.", status.executors.len() as u64),
        ("cores", "Tasks that all executors run at a time.", status.cores() as u64),
        ("jobs", "Jobs that have not ended.", status.jobs.len() as u64),
        ("tasks_pending", "Tasks of running stages that are not done.", tasks - done),
    ];
    let lines = gauges.iter().map(|(name, help, value)| {
        let name = format!("starlift_cluster_{name}");
        format!("# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}\n")
    });
    lines.collect()
}
