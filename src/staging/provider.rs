//! Implements DataFusion's `TableProvider` for staging tables.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use arrow::compute::SortOptions;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result as DataFusionResult, Statistics, project_schema};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{
    EquivalenceProperties, Partitioning, PhysicalExpr, PhysicalSortExpr,
};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::statistics::StatisticsArgs;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use futures::stream;

use super::StagingError;
use super::scan::BatchCursor;
use super::sorted::SortedRows;
use super::table::StagingTable;

/// The batches of one partition of a scan.
type Read = Box<dyn Iterator<Item = Result<RecordBatch, StagingError>> + Send>;

#[async_trait]
impl TableProvider for StagingTable {
    fn schema(&self) -> SchemaRef {
        StagingTable::schema(self).clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        let batches = self.batches(projection).map_err(|e| DataFusionError::External(e.into()))?;
        let (batches, passes) = (Arc::new(batches), Passes::default());
        let schema = project_schema(StagingTable::schema(self), projection)?;
        let properties = EquivalenceProperties::new(schema);
        Ok(StagedScan::over(state, self.rows(), properties, move |partition, _| {
            Box::new(batches.clone().read(passes.next(partition)))
        }))
    }
}

/// The passes over the batches that the partitions of a scan share. A partition that is read again
/// starts another pass.
#[derive(Default)]
struct Passes(Mutex<(Vec<BatchCursor>, HashMap<usize, usize>)>);

impl Passes {
    fn next(&self, partition: usize) -> BatchCursor {
        let mut passes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (cursors, read) = &mut *passes;
        let time = read.entry(partition).or_default();
        *time += 1;
        if cursors.len() < *time {
            cursors.push(BatchCursor::default());
        }
        cursors[*time - 1].clone()
    }
}

/// A table of sorted rows. Each partition is a contiguous range of the order.
#[derive(Debug)]
pub struct SortedTable(pub Arc<SortedRows>);

#[async_trait]
impl TableProvider for SortedTable {
    fn schema(&self) -> SchemaRef {
        self.0.schema().clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        let sorted = self.0.clone();
        let all = || (0..sorted.schema().fields().len()).collect();
        let columns: Vec<usize> = projection.cloned().unwrap_or_else(all);
        let schema = project_schema(sorted.schema(), projection)?;
        let order = sorted.by().iter().map_while(|by| {
            let at = columns.iter().position(|column| column == by)?;
            let column = Arc::new(Column::new(schema.field(at).name(), at));
            Some(PhysicalSortExpr::new(column, SortOptions::new(false, false)))
        });
        let order: Vec<_> = order.collect();
        let properties = EquivalenceProperties::new_with_orderings(schema, [order]);
        let rows = sorted.rows();
        let batch_rows = state.config().batch_size();
        Ok(StagedScan::over(state, rows, properties, move |partition, partitions| {
            let (sorted, columns) = (sorted.clone(), columns.clone());
            let end = rows * (partition + 1) / partitions;
            let starts = (rows * partition / partitions..end).step_by(batch_rows);
            Box::new(starts.map(move |start| {
                Ok(sorted.batch(start..end.min(start + batch_rows), Some(&columns))?)
            }))
        }))
    }
}

/// A scan of staged rows. It reports their exact number, so that the planner can build hash tables
/// on the smaller side of a join.
struct StagedScan {
    /// Reads a partition, given its index and the number of partitions.
    read: Box<dyn Fn(usize, usize) -> Read + Send + Sync>,
    partitions: usize,
    rows: usize,
    properties: Arc<PlanProperties>,
}

impl StagedScan {
    fn over(
        state: &dyn Session,
        rows: usize,
        properties: EquivalenceProperties,
        read: impl Fn(usize, usize) -> Read + Send + Sync + 'static,
    ) -> Arc<dyn ExecutionPlan> {
        let partitions = state.config_options().execution.target_partitions.max(1);
        let properties = PlanProperties::new(
            properties,
            Partitioning::UnknownPartitioning(partitions),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Arc::new(StagedScan {
            read: Box::new(read),
            partitions,
            rows,
            properties: Arc::new(properties),
        })
    }
}

impl fmt::Debug for StagedScan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StagedScan").field("rows", &self.rows).finish_non_exhaustive()
    }
}

impl DisplayAs for StagedScan {
    fn fmt_as(&self, _t: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StagedScan: rows={}, partitions={}", self.rows, self.partitions)
    }
}

impl ExecutionPlan for StagedScan {
    fn name(&self) -> &'static str {
        "StagedScan"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> DataFusionResult<TreeNodeRecursion>,
    ) -> DataFusionResult<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        _children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(
        &self,
        partition: usize,
        _context: Arc<TaskContext>,
    ) -> DataFusionResult<SendableRecordBatchStream> {
        let batches = (self.read)(partition, self.partitions);
        let batches = batches.map(|b| b.map_err(|e| DataFusionError::External(e.into())));
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), stream::iter(batches))))
    }

    fn statistics_from_inputs(
        &self,
        _inputs: &[Arc<Statistics>],
        args: &StatisticsArgs,
    ) -> DataFusionResult<Arc<Statistics>> {
        let statistics = Statistics::new_unknown(&self.schema());
        Ok(Arc::new(match args.partition() {
            Some(_) => statistics,
            None => statistics.with_num_rows(Precision::Exact(self.rows)),
        }))
    }
}
