//! Connects to servers of a cluster.

use ballista_core::utils::{GrpcClientConfig, create_grpc_client_endpoint};
use tonic::transport::Channel;

use crate::cluster::security::Security;
use crate::error::{EngineError, Error, Result};

/// Connects to a server of the cluster.
pub(crate) async fn connect(url: &str, security: &Security) -> Result<Channel> {
    let unreachable = |error: &dyn std::error::Error| {
        let mut reason = error.to_string();
        let mut cause = error.source();
        while let Some(source) = cause {
            reason += &format!(": {source}");
            cause = source.source();
        }
        Error::from(EngineError::Unreachable { url: url.to_owned(), reason })
    };
    let config = GrpcClientConfig::default();
    let endpoint = create_grpc_client_endpoint(url.to_owned(), Some(&config));
    let endpoint = endpoint.and_then(|endpoint| security.secure(endpoint));
    endpoint.map_err(|e| unreachable(&e))?.connect().await.map_err(|e| unreachable(&e))
}
