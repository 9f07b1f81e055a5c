//! Runs on several machines, with Apache DataFusion's engine Ballista.
//!
//! The client is a run of [`crate::pipeline`]. It lists the objects, plans the queries and submits each plan to the
//! scheduler as a job; executors run its tasks. Ballista distributes and repeats tasks and moves rows between
//! executors. The nodes of this module read JSON objects and write Parquet within tasks.
//!
//! A task can run twice, or fail after it has written files. The rows that a job returns are therefore the commit: a
//! file that no row names does not exist, and is removed when the run ends. The client compares the counts in these
//! rows with each other and with its listing, and publishes nothing if they differ.

mod client;
mod executor;
mod health;
mod local;
mod nodes;
mod polling;
mod scheduler;
mod security;
mod status;
mod stores;
mod tasks;
mod version;

pub use client::{BallistaEngine, EngineOptions, Scheduler};
pub use executor::{ExecutorOptions, run_executor};
pub use local::LocalCluster;
pub use scheduler::{SchedulerOptions, run_scheduler};
pub use security::{Security, SecurityOptions};
pub use status::{ClusterStatus, ExecutorState, JobState, StageState, cluster_status};

/// Maximum size of a message between processes in bytes: plans and results of tasks.
const MAX_MESSAGE_BYTES: u32 = 128 * 1024 * 1024;

/// Default port of the scheduler.
pub const SCHEDULER_PORT: u16 = 50050;

/// Default port of the files of an executor.
pub const EXECUTOR_PORT: u16 = 50051;
