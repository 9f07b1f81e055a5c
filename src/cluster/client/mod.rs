//! The client: a run that submits its work as jobs.

mod connect;
mod connection;
mod fetch;
mod job;
mod planner;
mod read;
mod run;
mod settle;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::local::LocalCluster;
use super::security::SecurityOptions;
use crate::error::Result;
use crate::pipeline::{RemoteEngine, RemoteRun, RemoteRunOptions};
use crate::storage::Stores;
pub(super) use connect::{connect, scheduler_client};
use connection::Connection;
use run::ClusterRun;

/// The scheduler of a run, and the options for submitting jobs to it.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// The scheduler.
    pub scheduler: Scheduler,
    /// Certificates of the client.
    pub security: SecurityOptions,
    /// Time without progress after which a job is cancelled.
    pub timeout: Duration,
}

/// The scheduler of a run.
#[derive(Debug, Clone)]
pub enum Scheduler {
    /// A scheduler in another process, as `HOST:PORT`.
    Remote(String),
    /// A scheduler and this number of executors in this process.
    Local(usize),
}

/// An engine that submits the work of runs to a scheduler.
#[derive(Debug)]
pub struct BallistaEngine {
    options: EngineOptions,
    stores: Arc<Stores>,
}

impl BallistaEngine {
    /// Creates an engine. Executors in this process use `stores`.
    pub fn new(options: EngineOptions, stores: Arc<Stores>) -> BallistaEngine {
        BallistaEngine { options, stores }
    }
}

#[async_trait]
impl RemoteEngine for BallistaEngine {
    async fn begin(&self, run: RemoteRunOptions) -> Result<Arc<dyn RemoteRun>> {
        let security = self.options.security.read()?;
        let (address, local) = match &self.options.scheduler {
            Scheduler::Remote(address) => (address.clone(), None),
            Scheduler::Local(executors) => {
                let cluster = LocalCluster::start(*executors, self.stores.clone()).await?;
                (cluster.address(), Some(cluster))
            }
        };
        let (timeout, progress) = (self.options.timeout, run.progress.clone());
        let run_id = &run.files.run_id;
        let connection = Connection::open(&address, security, timeout, run_id, progress).await?;
        Ok(Arc::new(ClusterRun::new(run, Arc::new(connection), local)))
    }
}
