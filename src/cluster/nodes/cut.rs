//! Converts the rows of a table to its types, and adds the partition of each row.

use std::fmt::Formatter;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::execution_plan::EmissionType;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};

use super::error::of_task;
use super::spec::CutSpec;
use super::stream;
use crate::model::Table;
use crate::star::model::table_schema;
use crate::star::{Group, Partitioning, Times, day_of};
use crate::transform::cast_to_schema;

/// Name of the column with the first day of the partition, counted from 1970-01-01.
pub(crate) const PARTITION: &str = "__partition";

/// Converts rows to the schema of a table, followed by the column [`PARTITION`].
#[derive(Debug)]
pub(crate) struct CutExec {
    input: Arc<dyn ExecutionPlan>,
    spec: Arc<CutSpec>,
    table: Arc<Table>,
    properties: Arc<PlanProperties>,
}

impl CutExec {
    /// Creates a node.
    ///
    /// # Errors
    ///
    /// Returns an error if the parameters are invalid.
    pub fn new(input: Arc<dyn ExecutionPlan>, spec: Arc<CutSpec>) -> Result<CutExec> {
        let table = spec.table()?;
        let properties = stream::properties(schema(&table), &input, EmissionType::Incremental);
        Ok(CutExec { input, spec, table, properties })
    }

    /// Returns the parameters.
    pub fn spec(&self) -> &CutSpec {
        &self.spec
    }
}

fn schema(table: &Table) -> SchemaRef {
    let plain = table_schema(table);
    let partition = Arc::new(Field::new(PARTITION, DataType::Int32, false));
    Arc::new(Schema::new(plain.fields().iter().cloned().chain([partition]).collect::<Vec<_>>()))
}

impl DisplayAs for CutExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "CutExec: table={}, by={}", self.spec.table, self.spec.partitioning)
    }
}

impl ExecutionPlan for CutExec {
    fn name(&self) -> &str {
        "CutExec"
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
        Ok(Arc::new(CutExec::new(input, self.spec.clone())?))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let partitioning = self.spec.partitioning();
        let Some(column) = partitioning.column(&self.table) else {
            return Err(DataFusionError::Internal(format!(
                "{} has no partitions",
                self.table.name
            )));
        };
        let (plain, schema) = (table_schema(&self.table), self.schema());
        let name = format!("{}/{}.sql", Group::Star.folder(), self.table.name);
        let out = schema.clone();
        let convert = move |batch: RecordBatch| {
            let rows = cast_to_schema(&name, &batch, &plain).map_err(of_task)?;
            let starts = starts(rows.column(column), partitioning)?;
            let columns = rows.columns().iter().cloned().chain([starts]).collect();
            Ok(RecordBatch::try_new(schema.clone(), columns)?)
        };
        Ok(stream::map(out, self.input.execute(partition, context)?, convert))
    }
}

/// Returns the first day of the partition of each time.
fn starts(times: &ArrayRef, partitioning: Partitioning) -> Result<ArrayRef> {
    let wrong = || DataFusionError::Internal("a partition has no day".to_owned());
    let days = Times::of(times).ok_or_else(wrong)?;
    let starts = (0..times.len()).map(|row| {
        let day = days.day(row).ok_or_else(wrong)?;
        Ok(day_of(partitioning.start(day)) as i32)
    });
    Ok(Arc::new(Int32Array::from(starts.collect::<Result<Vec<i32>>>()?)))
}
