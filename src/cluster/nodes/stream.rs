//! Properties and streams that the nodes have in common.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::error::Result;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_expr::EquivalenceProperties;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{ExecutionPlan, Partitioning, PlanProperties};
use futures::TryStreamExt;
use futures::stream;

/// Returns the properties of a node with rows of `schema` in the partitions of `input`.
pub(super) fn properties(
    schema: SchemaRef,
    input: &Arc<dyn ExecutionPlan>,
    emission: EmissionType,
) -> Arc<PlanProperties> {
    let partitions = input.properties().output_partitioning().partition_count();
    Arc::new(PlanProperties::new(
        EquivalenceProperties::new(schema),
        Partitioning::UnknownPartitioning(partitions),
        emission,
        Boundedness::Bounded,
    ))
}

/// Returns a stream of the one batch that `batch` resolves to.
pub(super) fn once(
    schema: SchemaRef,
    batch: impl Future<Output = Result<RecordBatch>> + Send + 'static,
) -> SendableRecordBatchStream {
    Box::pin(RecordBatchStreamAdapter::new(schema, stream::once(batch)))
}

/// Returns the rows of `input` after `convert`.
pub(super) fn map(
    schema: SchemaRef,
    input: SendableRecordBatchStream,
    convert: impl FnMut(RecordBatch) -> Result<RecordBatch> + Send + 'static,
) -> SendableRecordBatchStream {
    let mut convert = convert;
    let rows = input.and_then(move |batch| futures::future::ready(convert(batch)));
    Box::pin(RecordBatchStreamAdapter::new(schema, rows))
}
