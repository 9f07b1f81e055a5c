//! A scheduler and executors in this process, for trying runs on a cluster.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::task::AbortOnDropHandle;

use super::client::connect;
use super::executor::{ExecutorParts, RunningExecutor, start};
use super::nodes::Access;
use super::scheduler::{EXECUTOR_TIMEOUT, address_of, listen, new_scheduler, serve};
use super::security::Security;
use super::status::{self, Scheduler};
use crate::engine::default_memory_limit;
use crate::error::{EngineError, Result};
use crate::storage::Stores;
use crate::temporary::TemporaryFolder;

/// Time within which executors must register.
const REGISTERED_WITHIN: Duration = Duration::from_secs(30);

/// A scheduler and executors in this process. They end when it is dropped.
#[derive(Debug)]
pub struct LocalCluster {
    address: SocketAddr,
    _executors: Vec<RunningExecutor>,
    _serving: AbortOnDropHandle<()>,
}

/// Waits until executors have registered, which they do when they first ask for work.
async fn await_executors(scheduler: &Scheduler, url: &str, executors: usize) -> Result<()> {
    let begun = Instant::now();
    while status::of_scheduler(scheduler).await.executors.len() < executors {
        if begun.elapsed() > REGISTERED_WITHIN {
            let reason = "its executors do not register".to_owned();
            return Err(EngineError::Unreachable { url: url.to_owned(), reason }.into());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

impl LocalCluster {
    /// Starts a scheduler and `executors` executors on the loopback interface. They share the cores and the memory
    /// of this machine, and use `stores`.
    ///
    /// # Errors
    ///
    /// Returns an error if a socket or a folder cannot be opened.
    pub async fn start(executors: usize, stores: Arc<Stores>) -> Result<LocalCluster> {
        let security = Security::default();
        let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let listener = listen(any_port).await?;
        let address = address_of(&listener)?;
        let scheduler: Scheduler = new_scheduler(&listener, &security, EXECUTOR_TIMEOUT).await?;
        let (served, own) = (scheduler.clone(), security.clone());
        let serving = tokio::spawn(async move {
            let stop = std::future::pending();
            if let Err(error) = serve(listener, served, &own, stop).await {
                tracing::error!(%error, "the scheduler has ended");
            }
        });
        let url = format!("http://{address}");
        let all_cores = std::thread::available_parallelism().map_or(1, usize::from);
        let cores = (all_cores / executors.max(1)).max(1);
        let memory = default_memory_limit() / 2 / executors.max(1);
        let mut running = Vec::new();
        for _ in 0..executors {
            let parts = ExecutorParts {
                host: address.ip().to_string(),
                cores,
                memory,
                stores: stores.clone(),
                access: Access::All,
                security: security.clone(),
                folder: TemporaryFolder::create()?,
            };
            running.push(start(listen(any_port).await?, connect(&url, &security).await?, parts)?);
        }
        await_executors(&scheduler, &url, executors).await?;
        Ok(LocalCluster { address, _executors: running, _serving: AbortOnDropHandle::new(serving) })
    }

    /// Returns the address of the scheduler, as `HOST:PORT`.
    pub fn address(&self) -> String {
        self.address.to_string()
    }
}
