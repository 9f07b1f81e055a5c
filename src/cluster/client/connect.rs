//! Connections to servers of a cluster.

use ballista_core::serde::protobuf::scheduler_grpc_client::SchedulerGrpcClient;
use ballista_core::utils::{GrpcClientConfig, create_grpc_client_endpoint};
use tonic::body::Body;
use tonic::client::GrpcService;
use tonic::codegen::{self, Bytes, StdError};
use tonic::transport::Channel;

use crate::cluster::MAX_MESSAGE_BYTES;
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

/// Returns a client for requests to a scheduler on a channel.
pub(crate) fn scheduler_client<T>(channel: T) -> SchedulerGrpcClient<T>
where
    T: GrpcService<Body>,
    T::Error: Into<StdError>,
    T::ResponseBody: codegen::Body<Data = Bytes> + Send + 'static,
    <T::ResponseBody as codegen::Body>::Error: Into<StdError> + Send,
{
    let limit = MAX_MESSAGE_BYTES as usize;
    SchedulerGrpcClient::new(channel)
        .max_encoding_message_size(limit)
        .max_decoding_message_size(limit)
}
