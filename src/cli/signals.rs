//! Orderly shutdown after signals, so that temporary files are removed.

use std::time::Duration;

#[cfg(unix)]
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::task::AbortOnDropHandle;

use super::output::note;
use crate::cli::error::{Error, Result};
use crate::temporary;

/// Time for work to stop after a signal. Work that is blocked for longer, for example by a full pipe, is
/// abandoned.
const GRACE: Duration = Duration::from_secs(5);

/// Resolves on SIGINT, SIGTERM or SIGHUP. A signal that is ignored when the process starts, as under
/// `nohup`, stays ignored.
#[cfg(unix)]
pub async fn interrupted() {
    tokio::select! {
        () = received(SignalKind::interrupt()) => {}
        () = terminated() => {}
    }
}

/// Resolves on SIGTERM or SIGHUP, unless they are ignored.
#[cfg(unix)]
pub async fn terminated() {
    tokio::select! {
        () = received(SignalKind::terminate()) => {}
        () = received(SignalKind::hangup()) => {}
    }
}

/// Resolves on SIGINT, which Ctrl-C sends. From the first call on, it no longer ends the process.
#[cfg(unix)]
pub async fn ctrl_c() {
    received(SignalKind::interrupt()).await;
}

/// Starts a thread that delivers signals. The threads of the runtime can be busy with a query for seconds.
#[cfg(unix)]
fn drive() {
    static STARTED: std::sync::Once = std::sync::Once::new();
    STARTED.call_once(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
        let Ok(runtime) = runtime else { return };
        let wait = move || runtime.block_on(std::future::pending::<()>());
        // Without the thread, the runtime delivers signals between the parts of its work.
        let _ = std::thread::Builder::new().name("signals".to_owned()).spawn(wait);
    });
}

/// Resolves when a signal arrives, unless it is ignored.
#[cfg(unix)]
async fn received(kind: SignalKind) {
    let is_ignored = ignored_signals() & (1 << (kind.as_raw_value() - 1)) != 0;
    drive();
    // Without a handler, the signal terminates the process.
    match if is_ignored { None } else { signal(kind).ok() } {
        Some(mut handler) => {
            handler.recv().await;
        }
        None => std::future::pending().await,
    }
}

/// Resolves on Ctrl-C.
#[cfg(not(unix))]
pub async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        // Without a handler, the signal terminates the process.
        std::future::pending::<()>().await;
    }
}

/// Resolves on Ctrl-C.
#[cfg(not(unix))]
pub async fn ctrl_c() {
    interrupted().await;
}

/// Never resolves: there are no such signals.
#[cfg(not(unix))]
pub async fn terminated() {
    std::future::pending().await
}

/// Returns the signals that this process ignores, one bit per signal. They are read once, before any
/// handler is installed.
#[cfg(unix)]
fn ignored_signals() -> u64 {
    static IGNORED: std::sync::LazyLock<u64> = std::sync::LazyLock::new(|| {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let set = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        set.and_then(|set| u64::from_str_radix(set.trim(), 16).ok()).unwrap_or(0)
    });
    *IGNORED
}

/// Runs `work`, and fails with `interruption` if a signal arrives before it is done.
///
/// # Errors
///
/// Returns an error if the work fails or is interrupted.
pub async fn unless_interrupted<T, E: Into<Error>>(
    work: impl Future<Output = Result<T, E>>,
    interruption: impl Into<Error>,
) -> Result<T> {
    let _watch = AbortOnDropHandle::new(tokio::spawn(async {
        interrupted().await;
        tokio::time::sleep(GRACE).await;
        temporary::remove_all();
        note("interrupted\n");
        std::process::exit(1);
    }));
    tokio::select! {
        outcome = work => outcome.map_err(Into::into),
        () = interrupted() => Err(interruption.into()),
    }
}
