//! Executors: Ballista's, with the nodes, stores and certificates of starlift.
//!
//! An executor asks the scheduler for tasks, and serves their rows to other executors.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arrow_flight::flight_service_server::FlightServiceServer;
use ballista_core::BALLISTA_PROTOCOL_VERSION;
use ballista_core::extension::SessionConfigExt;
use ballista_core::ids::new_instance_id;
use ballista_core::serde::protobuf::executor_resource::Resource;
use ballista_core::serde::protobuf::{
    ExecutorOperatingSystemSpecification, ExecutorRegistration, ExecutorResource,
    ExecutorSpecification,
};
use ballista_core::serde::{BallistaCodec, BallistaLogicalExtensionCodec};
use ballista_core::utils::{GrpcServerConfig, create_grpc_server};
use ballista_executor::executor::Executor;
use ballista_executor::flight_service::BallistaFlightService;
use ballista_executor::health::ExecutorHealth;
use ballista_executor::metrics::LoggingMetricsCollector;
use ballista_executor::runtime_cache::{DefaultSessionRuntimeCache, MemoryPoolPolicy};
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::SessionConfig;
use datafusion_proto::protobuf::{LogicalPlanNode, PhysicalPlanNode};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tokio_util::task::AbortOnDropHandle;
use tonic::transport::Channel;
use tonic::transport::server::TcpIncoming;

use super::MAX_MESSAGE_BYTES;
use super::client::connect;
use super::health::{Report, serve_health};
use super::nodes::{Access, Services, physical_codec};
use super::polling::{Polling, leave};
use super::scheduler::{address_of, listen};
use super::security::{Security, SecurityOptions};
use super::stores::Registry;
use super::tasks::Engine;
use super::{status, version};
use crate::engine::default_memory_limit;
use crate::error::{EngineError, Error, Result};
use crate::storage::{Location, StoreOptions, Stores};
use crate::temporary::TemporaryFolder;

/// Number of sessions whose stores and file footers are kept.
const KEPT_SESSIONS: usize = 4;

/// Time within which the results of the last tasks reach the scheduler.
const LAST_REPORT: Duration = Duration::from_secs(6);

/// Longest wait between attempts to reach the scheduler.
const RECONNECT_AFTER: Duration = Duration::from_secs(1);

/// Options of an executor.
#[derive(Debug, Clone)]
pub struct ExecutorOptions {
    /// Address of the scheduler, as `HOST:PORT`.
    pub scheduler: String,
    /// Address to serve rows on.
    pub bind: SocketAddr,
    /// Host name or address under which others reach this executor; by default that of `bind`.
    pub advertise: Option<String>,
    /// Number of tasks at a time.
    pub cores: usize,
    /// Memory of all tasks together in bytes; by default 70 % of the memory of the machine or the container.
    pub memory: Option<usize>,
    /// Folder for rows and spilled data; by default the temporary folder.
    pub work_dir: Option<PathBuf>,
    /// Locations that plans can use. If there are none, all buckets, but no local files.
    pub allow: Vec<String>,
    /// Certificates.
    pub security: SecurityOptions,
    /// Options for accessing stores.
    pub stores: StoreOptions,
    /// Address for health checks and metrics, if any.
    pub health: Option<SocketAddr>,
    /// Time to wait for the scheduler when the executor starts.
    pub connect_timeout: Duration,
    /// Time for which running tasks are awaited when the executor stops.
    pub drain_timeout: Duration,
}

/// A running executor.
pub(super) struct RunningExecutor {
    id: watch::Receiver<String>,
    channel: Channel,
    free_cores: Arc<Semaphore>,
    cores: u32,
    health: ExecutorHealth,
    polling: AbortOnDropHandle<()>,
    _serving: AbortOnDropHandle<()>,
    _folder: TemporaryFolder,
}

/// The resources of an executor.
pub(super) struct ExecutorParts {
    /// Name or address under which others reach it.
    pub host: String,
    /// Number of tasks at a time.
    pub cores: usize,
    /// Memory of all tasks together in bytes.
    pub memory: usize,
    /// Stores with the credentials of this machine.
    pub stores: Arc<Stores>,
    /// Locations that plans can use.
    pub access: Access,
    /// Certificates.
    pub security: Security,
    /// Folder for rows and spilled data.
    pub folder: TemporaryFolder,
}

/// Returns the configuration of tasks.
pub(super) fn session_config(security: &Security) -> SessionConfig {
    let config = SessionConfig::new_with_ballista()
        .with_ballista_adaptive_query_planner(false)
        .with_ballista_grpc_client_max_message_size(MAX_MESSAGE_BYTES as usize);
    security.configure(config)
}

/// Runs an executor until `stop` resolves, then waits for its running tasks.
///
/// # Errors
///
/// Returns an error if the scheduler cannot be reached or has another version, if an address cannot be used, or if
/// other machines could use it without a certificate.
pub async fn run_executor(
    options: ExecutorOptions,
    stop: impl Future<Output = ()> + Send,
) -> Result<()> {
    let security = options.security.read()?;
    security.ensure_protected(options.bind.ip())?;
    let listener = listen(options.bind).await?;
    let folder = match &options.work_dir {
        Some(parent) => TemporaryFolder::create_below(parent)?,
        None => TemporaryFolder::create()?,
    };
    let allowed = options.allow.iter().map(|url| Location::parse(url)).collect::<Result<_, _>>()?;
    let parts = ExecutorParts {
        host: options.advertise.clone().unwrap_or_else(|| options.bind.ip().to_string()),
        cores: options.cores,
        memory: options.memory.unwrap_or_else(default_memory_limit),
        stores: Arc::new(Stores::new(options.stores.clone())),
        access: Access::Within(allowed),
        security: security.clone(),
        folder,
    };
    let url = format!("{}://{}", security.scheme(), options.scheduler);
    let mut stop = std::pin::pin!(stop);
    let channel = tokio::select! {
        channel = reach(&url, &security, options.connect_timeout) => channel?,
        () = &mut stop => return Ok(()),
    };
    let address = address_of(&listener)?;
    let executor = start(listener, channel, parts)?;
    if let Some(address) = options.health {
        let (health, free, cores) =
            (executor.health.clone(), executor.free_cores.clone(), options.cores);
        let report = move || {
            let (is_ready, free) = (health.is_ready(), free.available_permits());
            async move { Report { metrics: metrics_of(cores, free), is_ready } }
        };
        serve_health(address, report).await?;
    }
    tracing::info!(
        %address, scheduler = url, cores = options.cores, "the executor is ready"
    );
    stop.await;
    executor.drain(options.drain_timeout).await;
    Ok(())
}

/// Connects to the scheduler, and waits for it if it does not run yet.
async fn reach(url: &str, security: &Security, within: Duration) -> Result<Channel> {
    let begun = std::time::Instant::now();
    loop {
        let outcome = async {
            let channel = connect(url, security).await?;
            Ok((status::request(url, channel.clone()).await?, channel))
        };
        match outcome.await {
            Ok((status, _)) if status.version != version::own() => {
                let (who, own) = (format!("the scheduler at {url}"), version::own());
                return Err(EngineError::OtherVersion { who, found: status.version, own }.into());
            }
            Ok((_, channel)) => return Ok(channel),
            Err(error) if begun.elapsed() > within => return Err(error),
            Err(error) => tracing::debug!(%error, "waiting for the scheduler"),
        }
        tokio::time::sleep(RECONNECT_AFTER).await;
    }
}

/// Starts an executor that serves rows on `listener` and asks the scheduler at `channel` for tasks.
pub(super) fn start(
    listener: TcpListener,
    channel: Channel,
    parts: ExecutorParts,
) -> Result<RunningExecutor> {
    let address = address_of(&listener)?;
    let ExecutorParts { host, cores, memory, stores, access, security, folder } = parts;
    let rows = folder.path().join("rows");
    std::fs::create_dir(&rows).map_err(|e| Error::io(format!("create {}", rows.display()), e))?;
    let rows = rows.to_string_lossy().into_owned();
    let spilled = folder.path().to_owned();
    let services = Arc::new(Services { stores, access, folder: spilled, memory, cores });
    let codec = BallistaCodec::<LogicalPlanNode, PhysicalPlanNode>::new(
        Arc::new(BallistaLogicalExtensionCodec::default()),
        physical_codec(Some(services.clone())),
    );
    let (free_cores, health) = (Arc::new(Semaphore::new(cores)), ExecutorHealth::new());
    let _serving = serve_rows(listener, rows.clone(), &security)?;
    let (current_id, id) = watch::channel(String::new());
    let polling = Polling {
        channel: channel.clone(),
        codec,
        free_cores: free_cores.clone(),
        health: health.clone(),
        id: current_id,
    };
    let polling = tokio::spawn(polling.run(move || {
        let registration = registration(host.clone(), address.port(), cores);
        new_executor(registration, &rows, services.clone(), &security)
    }));
    Ok(RunningExecutor {
        id,
        channel,
        free_cores,
        cores: cores as u32,
        health,
        polling: AbortOnDropHandle::new(polling),
        _serving: AbortOnDropHandle::new(_serving),
        _folder: folder,
    })
}

fn registration(host: String, port: u16, cores: usize) -> ExecutorRegistration {
    let resource = ExecutorResource { resource: Some(Resource::Vcores(cores as u32)) };
    ExecutorRegistration {
        id: new_instance_id(),
        host: Some(host),
        port: port.into(),
        // Only schedulers that push tasks to executors use this port.
        grpc_port: 0,
        specification: Some(ExecutorSpecification { resources: vec![resource] }),
        os_info: Some(ExecutorOperatingSystemSpecification::default()),
        ballista_protocol_version: BALLISTA_PROTOCOL_VERSION,
    }
}

fn new_executor(
    registration: ExecutorRegistration,
    rows: &str,
    services: Arc<Services>,
    security: &Security,
) -> Executor {
    let (memory, cores) = (services.memory, services.cores);
    let runtime: ballista_core::RuntimeProducer = Arc::new(move |_| {
        let disk = DiskManagerBuilder::default()
            .with_mode(DiskManagerMode::Directories(vec![services.folder.clone()]))
            .with_max_temp_directory_size(u64::MAX);
        RuntimeEnvBuilder::new()
            .with_object_store_registry(Arc::new(Registry(services.clone())))
            .with_disk_manager_builder(disk)
            .build_arc()
    });
    // Each task has its own memory, so that it cannot take that of another one.
    let pool: MemoryPoolPolicy = Arc::new(move |base, _, claimed| {
        let share = memory / cores.max(1) * claimed.max(1) as usize;
        RuntimeEnvBuilder::from_runtime_env(&base)
            .with_memory_pool(Arc::new(FairSpillPool::new(share)))
            .build_arc()
    });
    let sessions = DefaultSessionRuntimeCache::new(runtime.clone(), pool, KEPT_SESSIONS);
    let tasks = security.clone();
    let executor = Executor::new(
        registration,
        rows,
        runtime,
        Arc::new(move || session_config(&tasks)),
        Arc::default(),
        Arc::new(LoggingMetricsCollector::default()),
        cores,
        Arc::new(Engine::default()),
    );
    executor.with_session_runtime_cache(Some(Arc::new(sessions)))
}

/// Serves the rows of tasks to other executors and to clients.
fn serve_rows(listener: TcpListener, rows: String, security: &Security) -> Result<JoinHandle<()>> {
    let failed = |e: tonic::transport::Error| Error::io("serve rows", std::io::Error::other(e));
    let service = FlightServiceServer::new(BallistaFlightService::new(rows))
        .max_decoding_message_size(MAX_MESSAGE_BYTES as usize)
        .max_encoding_message_size(MAX_MESSAGE_BYTES as usize);
    let mut server = create_grpc_server(&GrpcServerConfig::default());
    if let Some(tls) = security.server() {
        server = server.tls_config(tls).map_err(failed)?;
    }
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let serving = server.add_service(service).serve_with_incoming(incoming);
    Ok(tokio::spawn(async move {
        if let Err(error) = serving.await {
            tracing::error!(%error, "rows are no longer served");
        }
    }))
}

impl std::fmt::Debug for RunningExecutor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RunningExecutor").field("id", &self.id()).finish_non_exhaustive()
    }
}

impl RunningExecutor {
    /// Returns the current ID of the executor.
    fn id(&self) -> String {
        self.id.borrow().clone()
    }

    /// Takes no more tasks, waits for the running ones, and leaves the cluster.
    pub async fn drain(self, timeout: Duration) {
        let id = self.id();
        tracing::info!(id, "waiting for running tasks");
        let idle = self.free_cores.clone().acquire_many_owned(self.cores);
        match tokio::time::timeout(timeout, idle).await {
            Ok(_idle) => tokio::time::sleep(LAST_REPORT).await,
            Err(_) => tracing::warn!(id, "some tasks still run; others repeat them"),
        }
        if let Err(error) = leave(self.channel.clone(), &id, "it was stopped").await {
            tracing::debug!(%error, "the scheduler is not there any more");
        }
        self.polling.abort();
    }
}

/// Returns metrics in the text form of Prometheus.
fn metrics_of(cores: usize, free: usize) -> String {
    let gauges = [
        ("cores", "Tasks that the executor runs at a time.", cores),
        ("tasks", "Tasks that run now.", cores.saturating_sub(free)),
    ];
    let lines = gauges.iter().map(|(name, help, value)| {
        let name = format!("starlift_executor_{name}");
        format!("# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}\n")
    });
    lines.collect()
}
