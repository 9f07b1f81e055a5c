//! A plan that runs as a job of the cluster.

use std::fmt::Formatter;
use std::sync::Arc;

use datafusion::common::TableReference;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::datasource::physical_plan::{FileScanConfig, FileScanConfigBuilder};
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties,
};
use datafusion::prelude::{SessionConfig, SessionContext};
use futures::{TryStreamExt, stream};

use super::connection::Connection;
use crate::cluster::nodes::{FilesSpec, WriteExec, WriteSpec};
use crate::publish::RunFiles;
use crate::star::{FileRecord, TableRecord, register_files};

/// Submits a plan as a job, and returns its rows in one partition.
///
/// The job writes its rows to files of the run, which this process reads: rows that are still on executors would be
/// lost with one of them.
#[derive(Debug)]
pub(super) struct JobExec {
    name: Arc<str>,
    plan: Arc<dyn ExecutionPlan>,
    connection: Arc<Connection>,
    files: Arc<RunFiles>,
    properties: Arc<PlanProperties>,
}

impl JobExec {
    /// Creates a job called `name` of the run that writes `files`.
    pub fn new(
        name: &str,
        plan: Arc<dyn ExecutionPlan>,
        connection: Arc<Connection>,
        files: Arc<RunFiles>,
    ) -> JobExec {
        let properties = Arc::new(PlanProperties::new(
            EquivalenceProperties::new(plan.schema()),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Final,
            Boundedness::Bounded,
        ));
        JobExec { name: name.into(), plan, connection, files, properties }
    }

    /// Returns the plan that is submitted.
    pub fn plan(&self) -> &Arc<dyn ExecutionPlan> {
        &self.plan
    }
}

impl DisplayAs for JobExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "JobExec: {}", self.name)
    }
}

impl ExecutionPlan for JobExec {
    fn name(&self) -> &str {
        "JobExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        _: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(&self, _: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let (name, plan, files) = (self.name.clone(), self.plan.clone(), self.files.clone());
        let (connection, config) = (self.connection.clone(), context.session_config().clone());
        let schema = self.schema();
        let rows = async move {
            let written = write(&connection, &name, plan, &files, &config).await;
            let written = written.map_err(|e| DataFusionError::External(Box::new(e)))?;
            let session = SessionContext::new();
            let read = register_files(&session, &files.out, &name, schema, &written, vec![]).await;
            read.map_err(|e| DataFusionError::External(Box::new(e)))?;
            session.table(TableReference::bare(&*name)).await?.execute_stream().await
        };
        let (schema, rows) = (self.schema(), stream::once(rows).try_flatten());
        let columns = schema.clone();
        let rows = rows.and_then(move |batch| {
            futures::future::ready(batch.with_schema(columns.clone()).map_err(Into::into))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows)))
    }
}

/// Runs a plan as the job `name`, which writes its rows to files of the run. Returns the files.
pub(super) async fn write(
    connection: &Arc<Connection>,
    name: &str,
    plan: Arc<dyn ExecutionPlan>,
    files: &RunFiles,
    config: &SessionConfig,
) -> crate::error::Result<Vec<FileRecord>> {
    let spec = WriteSpec::Work { name: name.to_owned(), files: FilesSpec::of(files) };
    let plan: Arc<dyn ExecutionPlan> = Arc::new(WriteExec::new(plan, Arc::new(spec), None));
    let records = run_writer(connection, name, plan, config).await?;
    Ok(records.into_iter().flat_map(|record| record.files).collect())
}

/// Runs a plan that ends with a [`WriteExec`]. Returns the record of each partition.
pub(super) async fn run_writer(
    connection: &Arc<Connection>,
    name: &str,
    plan: Arc<dyn ExecutionPlan>,
    config: &SessionConfig,
) -> crate::error::Result<Vec<TableRecord>> {
    let rows = connection.run(name, &plan, config).await?;
    let records = rows.iter().map(WriteExec::records_of);
    let records: Vec<Vec<TableRecord>> =
        records.collect::<Result<_>>().map_err(|e| crate::error::Error::query(name, e))?;
    Ok(records.into_iter().flatten().collect())
}

/// Returns `plan` with the scans of files at `base`, which executors can open. In sessions, each table has a URL of
/// its own.
pub(super) fn with_shared_files(
    plan: Arc<dyn ExecutionPlan>,
    base: &ObjectStoreUrl,
) -> Result<Arc<dyn ExecutionPlan>> {
    plan.transform(|node| {
        let Some(config) = scan_of(&node) else { return Ok(Transformed::no(node)) };
        let mut config = config.clone();
        config.object_store_url = base.clone();
        let scan = FileScanConfigBuilder::from(config).build();
        Ok(Transformed::yes(DataSourceExec::from_data_source(scan) as Arc<dyn ExecutionPlan>))
    })
    .data()
}

/// Returns `true` if a plan reads files.
pub(super) fn reads_files(plan: &Arc<dyn ExecutionPlan>) -> bool {
    plan.exists(|node| Ok(scan_of(node).is_some())).unwrap_or(true)
}

fn scan_of(node: &Arc<dyn ExecutionPlan>) -> Option<&FileScanConfig> {
    let source: &dyn std::any::Any = node.downcast_ref::<DataSourceExec>()?.data_source().as_ref();
    source.downcast_ref::<FileScanConfig>()
}
