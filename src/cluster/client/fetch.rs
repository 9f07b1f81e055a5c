//! Fetches the rows of a job from executors.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use ballista_core::client::BallistaClient;
use ballista_core::error::BallistaError;
use ballista_core::extension::BallistaConfigGrpcEndpoint;
use ballista_core::serde::protobuf::PartitionLocation;
use datafusion::execution::SendableRecordBatchStream;
use futures::{Stream, StreamExt, TryStreamExt, stream};

use super::connection::step_failed;
use crate::cluster::MAX_MESSAGE_BYTES;
use crate::cluster::security::Security;
use crate::error::{Error, Result};

/// Attempts to fetch the rows of a partition, and the wait between them in milliseconds.
const FETCHES: u8 = 3;
const FETCH_WAIT_MS: u64 = 500;

/// Number of partitions of a result that are fetched at the same time.
const PARTITIONS_AHEAD: usize = 4;

/// Returns the rows of a job at some places.
pub(super) fn fetch(
    name: &str,
    schema: SchemaRef,
    locations: Vec<PartitionLocation>,
    security: &Security,
) -> impl Stream<Item = Result<RecordBatch>> + Send + use<> {
    let (name, security) = (name.to_owned(), security.clone());
    let partitions = locations.into_iter().map(move |location| {
        let (name, security, schema) = (name.clone(), security.clone(), schema.clone());
        async move {
            let failed =
                |e: BallistaError| step_failed(&name, &format!("its rows cannot be fetched: {e}"));
            let rows = fetch_partition(location, &security).await.map_err(&failed)?;
            let name = name.clone();
            let rows = rows.map(move |batch| {
                let failed = |e: &dyn std::fmt::Display| {
                    step_failed(&name, &format!("its rows cannot be fetched: {e}"))
                };
                let batch = batch.map_err(|e| failed(&e))?;
                batch.with_schema(schema.clone()).map_err(|e| failed(&e))
            });
            Ok::<_, Error>(rows)
        }
    });
    stream::iter(partitions).buffered(PARTITIONS_AHEAD).try_flatten()
}

async fn fetch_partition(
    location: PartitionLocation,
    security: &Security,
) -> Result<SendableRecordBatchStream, BallistaError> {
    let lacking = |what: &str| BallistaError::Internal(format!("a result has no {what}"));
    let layout = location.layout();
    let executor = location.executor_meta.ok_or_else(|| lacking("executor"))?;
    let partition = location.partition_id.ok_or_else(|| lacking("partition"))?;
    let (host, port) = (executor.host.as_str(), executor.port as u16);
    let endpoint = Arc::new(BallistaConfigGrpcEndpoint::new(security.endpoint_override()));
    let mut client = BallistaClient::try_new(
        host,
        port,
        MAX_MESSAGE_BYTES as usize,
        security.scheme() == "https",
        Some(endpoint),
        FETCHES,
        FETCH_WAIT_MS,
        0,
        0,
    )
    .await?;
    let (id, file) = (&executor.id, location.file_id);
    client.fetch_partition_proxied(id, &partition.into(), file, layout, host, port, true).await
}
