//! Health checks and metrics of the processes of a cluster, over HTTP.

use std::net::SocketAddr;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;

use super::scheduler::listen;
use crate::error::Result;

/// The metrics of a process, and whether it can do its work.
pub(super) struct Report {
    /// Metrics in the text form of Prometheus.
    pub metrics: String,
    /// `true` if the process can do its work.
    pub is_ready: bool,
}

/// Answers requests for `/healthz`, `/readyz` and `/metrics` at `address`, until the process ends.
///
/// # Errors
///
/// Returns an error if the address cannot be used.
pub(super) async fn serve_health<F: Future<Output = Report> + Send + 'static>(
    address: SocketAddr,
    report: impl Fn() -> F + Clone + Send + Sync + 'static,
) -> Result<()> {
    let listener = listen(address).await?;
    let of_readiness = report.clone();
    let router = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(move || ready(of_readiness())))
        .route("/metrics", get(move || metrics(report())));
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            tracing::error!(%error, "health checks are no longer answered");
        }
    });
    Ok(())
}

async fn ready(report: impl Future<Output = Report>) -> (StatusCode, &'static str) {
    match report.await.is_ready {
        true => (StatusCode::OK, "ready\n"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "not ready\n"),
    }
}

async fn metrics(report: impl Future<Output = Report>) -> String {
    report.await.metrics
}
