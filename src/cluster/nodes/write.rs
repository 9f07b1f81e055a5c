//! Writes the rows of its input to Parquet files.

use std::fmt::Formatter;
use std::sync::{Arc, LazyLock};

use arrow::array::{AsArray, RecordBatch, StringArray};
use arrow::compute::SortOptions;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::expressions::col;
use datafusion::physical_expr::{LexOrdering, PhysicalExpr, PhysicalSortExpr};
use datafusion::physical_plan::execution_plan::EmissionType;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use futures::TryStreamExt;

use super::cut::PARTITION;
use super::error::of_task;
use super::services::{Services, ensure_executor};
use super::spec::{CutSpec, FilesSpec, WriteSpec};
use super::stream;
use crate::star::TableRecord;

/// Writes the rows of each partition of its input to files of their own, and returns one row per partition: the
/// record of its files, as JSON.
///
/// The rows of a table are sorted first. The sort is part of this node, because an optimizer that does not know the
/// node could remove it from the plan.
#[derive(Debug)]
pub(crate) struct WriteExec {
    input: Arc<dyn ExecutionPlan>,
    spec: Arc<WriteSpec>,
    services: Option<Arc<Services>>,
    properties: Arc<PlanProperties>,
}

impl WriteExec {
    /// Creates a node; `services` are those of an executor.
    pub fn new(
        input: Arc<dyn ExecutionPlan>,
        spec: Arc<WriteSpec>,
        services: Option<Arc<Services>>,
    ) -> WriteExec {
        let properties = stream::properties(schema(), &input, EmissionType::Final);
        WriteExec { input, spec, services, properties }
    }

    /// Returns the parameters.
    pub fn spec(&self) -> &WriteSpec {
        &self.spec
    }

    /// Returns the records of files in a batch of rows.
    ///
    /// # Errors
    ///
    /// Returns an error if the batch has other rows.
    pub fn records_of(batch: &RecordBatch) -> Result<Vec<TableRecord>> {
        let wrong = || DataFusionError::Internal("a record of files cannot be read".to_owned());
        let texts = batch.column(0).as_string_opt::<i32>().ok_or_else(wrong)?;
        let records = texts.iter().flatten().map(serde_json::from_str);
        records.collect::<Result<_, _>>().map_err(|e| DataFusionError::External(e.into()))
    }

    /// Returns the sorted rows of a partition of a table.
    fn sorted(
        &self,
        cut: &CutSpec,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let table = cut.table()?;
        let columns = [PARTITION].into_iter().chain(table.order().map(String::as_str));
        let schema = self.input.schema();
        let order = columns.map(|column| {
            let options = SortOptions { descending: false, nulls_first: false };
            Ok(PhysicalSortExpr { expr: col(column, &schema)?, options })
        });
        let order = LexOrdering::new(order.collect::<Result<Vec<_>>>()?)
            .ok_or_else(|| DataFusionError::Internal(format!("{} has no order", table.name)))?;
        let sort = SortExec::new(order, self.input.clone()).with_preserve_partitioning(true);
        sort.execute(partition, context)
    }
}

fn schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> =
        LazyLock::new(|| Arc::new(Schema::new(vec![Field::new("record", DataType::Utf8, false)])));
    SCHEMA.clone()
}

impl DisplayAs for WriteExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut Formatter<'_>) -> std::fmt::Result {
        match &*self.spec {
            WriteSpec::Work { name, .. } => write!(f, "WriteExec: work={name}"),
            WriteSpec::Table { cut, .. } => write!(f, "WriteExec: table={}", cut.table),
        }
    }
}

impl ExecutionPlan for WriteExec {
    fn name(&self) -> &str {
        "WriteExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let input = children.pop().unwrap_or_else(|| self.input.clone());
        Ok(Arc::new(WriteExec::new(input, self.spec.clone(), self.services.clone())))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let services = ensure_executor(&self.services)?;
        let spec = self.spec.clone();
        let rows = match &*self.spec {
            WriteSpec::Work { .. } => self.input.execute(partition, context)?,
            WriteSpec::Table { cut, .. } => self.sorted(cut, partition, context)?,
        };
        Ok(stream::once(schema(), async move {
            let record = match &*spec {
                WriteSpec::Work { name, files } => write_work(&services, name, files, rows).await,
                WriteSpec::Table { cut, longest_text, files } => {
                    write_table(&services, cut, *longest_text, files, rows).await
                }
            }?;
            let text =
                serde_json::to_string(&record).map_err(|e| DataFusionError::External(e.into()))?;
            Ok(RecordBatch::try_new(schema(), vec![Arc::new(StringArray::from(vec![text]))])?)
        }))
    }
}

async fn write_work(
    services: &Services,
    name: &str,
    files: &FilesSpec,
    mut rows: SendableRecordBatchStream,
) -> Result<TableRecord> {
    services.access.ensure(&files.out)?;
    let files = files.open(&services.stores, 1).await.map_err(of_task)?;
    let mut sink = None;
    while let Some(batch) = rows.try_next().await? {
        if batch.num_rows() > 0 {
            let sink = sink.get_or_insert_with(|| files.work_sink(name, rows.schema()));
            sink.write(batch).await.map_err(of_task)?;
        }
    }
    match sink {
        Some(mut sink) => sink.finish().await.map_err(of_task),
        None => Ok(TableRecord::default()),
    }
}

async fn write_table(
    services: &Services,
    cut: &CutSpec,
    longest_text: usize,
    files: &FilesSpec,
    mut rows: SendableRecordBatchStream,
) -> Result<TableRecord> {
    let table = cut.table()?;
    services.access.ensure(&files.out)?;
    let files = files.open(&services.stores, 1).await.map_err(of_task)?;
    let mut sink = files.table_sink(&table, cut.partitioning(), longest_text);
    let kept: Vec<usize> = (0..table.columns.len()).collect();
    let mut is_empty = true;
    while let Some(batch) = rows.try_next().await? {
        is_empty &= batch.num_rows() == 0;
        sink.write(batch.project(&kept)?).await.map_err(of_task)?;
    }
    match is_empty {
        // A sink would write an empty file.
        true => Ok(TableRecord::default()),
        false => sink.finish().await.map_err(of_task),
    }
}
