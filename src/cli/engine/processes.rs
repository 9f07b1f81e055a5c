//! The processes of a cluster, and its state.

use std::fmt::Write;
use std::sync::Arc;

use crate::cli::args::{
    ClusterArgs, ClusterCommand, ClusterStatusArgs, EngineArg, ExecutorArgs, SchedulerArgs, TlsArgs,
};
use crate::cli::block_on;
use crate::cli::error::Result;
use crate::cli::output::print;
use crate::cli::settings::{EngineSettings, GlobalOptions};
use crate::cli::signals::interrupted;
use crate::cluster::{
    BallistaEngine, ClusterStatus, EngineOptions, ExecutorOptions, Scheduler, SchedulerOptions,
    SecurityOptions, cluster_status, run_executor, run_scheduler,
};
use crate::escape;
use crate::pipeline::RemoteEngine;

/// Returns the engine that settings select.
pub fn engine(settings: EngineSettings, global: &GlobalOptions) -> Arc<dyn RemoteEngine> {
    let options = EngineOptions {
        scheduler: match settings.engine {
            EngineArg::Ballista(address) => Scheduler::Remote(address),
            EngineArg::Local(executors) => Scheduler::Local(executors),
        },
        security: security(&settings.tls, false),
        timeout: settings.timeout,
    };
    Arc::new(BallistaEngine::new(options, Arc::new(global.open_stores())))
}

fn security(tls: &TlsArgs, is_insecure: bool) -> SecurityOptions {
    SecurityOptions {
        ca: tls.tls_ca.clone(),
        certificate: tls.tls_cert.clone(),
        key: tls.tls_key.clone(),
        is_insecure,
    }
}

/// Runs a subcommand of `cluster`.
pub fn run(args: &ClusterArgs, global: &GlobalOptions) -> Result<()> {
    match &args.command {
        ClusterCommand::Scheduler(args) => block_on(None, scheduler(args)),
        ClusterCommand::Executor(args) => block_on(None, executor(args, global)),
        ClusterCommand::Status(args) => block_on(None, status(args)),
    }
}

async fn scheduler(args: &SchedulerArgs) -> Result<()> {
    let options = SchedulerOptions {
        bind: args.bind,
        security: security(&args.tls, args.insecure),
        health: args.health,
        executor_timeout: args.executor_timeout,
    };
    Ok(run_scheduler(options, interrupted()).await?)
}

async fn executor(args: &ExecutorArgs, global: &GlobalOptions) -> Result<()> {
    let all_cores = || std::thread::available_parallelism().map_or(1, usize::from);
    let options = ExecutorOptions {
        scheduler: args.scheduler.clone(),
        bind: args.bind,
        advertise: args.advertise.clone(),
        cores: args.cores.map_or_else(all_cores, usize::from),
        memory: args.memory_limit.map(|size| size.as_u64() as usize),
        work_dir: args.work_dir.clone(),
        allow: args.allow.clone(),
        security: security(&args.tls, args.insecure),
        stores: global.stores.clone(),
        health: args.health,
        connect_timeout: args.connect_timeout,
        drain_timeout: args.drain_timeout,
    };
    Ok(run_executor(options, interrupted()).await?)
}

async fn status(args: &ClusterStatusArgs) -> Result<()> {
    let status = cluster_status(&args.scheduler, &security(&args.tls, false)).await?;
    print(&described(&args.scheduler, &status))
}

/// Returns the state of a cluster as text.
fn described(scheduler: &str, status: &ClusterStatus) -> String {
    let mut text = format!(
        "scheduler {scheduler}, starlift {}: {} executors, {} cores, {} running jobs\n",
        escape::line(&status.version),
        status.executors.len(),
        status.cores(),
        status.jobs.len()
    );
    for executor in &status.executors {
        let _ = writeln!(
            text,
            "executor {} ({} cores), last seen {} s ago",
            escape::line(&executor.address),
            executor.cores,
            executor.last_seen_seconds
        );
    }
    for job in &status.jobs {
        let _ = writeln!(
            text,
            "job {} ({}): {} of {} stages, {} of {} tasks, {} s{}",
            escape::line(&job.name),
            escape::line(&job.id),
            job.stages_done(),
            job.stages.len(),
            job.tasks_done(),
            job.tasks(),
            job.seconds,
            left(job.seconds_left())
        );
        for stage in job.stages.iter().filter(|stage| stage.tasks > 0 && !stage.is_done) {
            let _ = writeln!(
                text,
                "  stage {}: {} of {} tasks, {} running{}",
                stage.number,
                stage.done,
                stage.tasks,
                stage.running,
                left(stage.seconds_left)
            );
        }
    }
    text
}

/// Returns the estimate of the time that stages which have begun will take.
fn left(seconds: Option<u64>) -> String {
    seconds.map_or_else(String::new, |seconds| format!(", about {seconds} s left"))
}
