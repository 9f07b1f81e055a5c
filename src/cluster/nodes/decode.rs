//! Decodes the listed objects of its input.

use std::fmt::Formatter;
use std::sync::{Arc, LazyLock};

use arrow::array::{AsArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::execution_plan::EmissionType;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use futures::TryStreamExt;
use serde::{Deserialize, Serialize};

use super::error::of_task;
use super::lists::objects_of;
use super::services::{Services, ensure_executor};
use super::spec::DecodeSpec;
use super::stream;
use crate::decode::{Notes, ObjectCounts};
use crate::error::Error;
use crate::ingest::{ReadObject, Staging, read_listed};
use crate::limits::MaxRejects;
use crate::publish::{ParquetSink, RunFiles};
use crate::staging::{BatchCursor, StagingSpace};
use crate::star::FileRecord;
use crate::storage::{InputObject, ListedError, ListedObject};

/// Share of a task's memory for decoded rows. The rest is for the objects that are read and the files that are
/// written.
const STAGING_SHARE: usize = 2;

/// A result of a task, one per row of [`DecodeExec`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Outcome {
    /// An object was read.
    Object {
        /// Number of the object in its list.
        number: u32,
        /// Stored size in bytes.
        size: u64,
        /// Counts of its records.
        counts: ObjectCounts,
        /// Observations on its records.
        notes: Notes,
    },
    /// A task has decoded this number of rows.
    Decoded(u64),
    /// A file of decoded rows was written.
    Rows(FileRecord),
    /// A file of rejects was written.
    Rejects(FileRecord),
}

impl Outcome {
    /// Returns the outcomes in a batch of rows.
    pub fn of_batch(batch: &RecordBatch) -> Result<Vec<Outcome>> {
        let wrong = || DataFusionError::Internal("an outcome cannot be read".to_owned());
        let texts = batch.column(0).as_string_opt::<i32>().ok_or_else(wrong)?;
        let outcomes = texts.iter().flatten().map(serde_json::from_str);
        outcomes.collect::<Result<_, _>>().map_err(|e| DataFusionError::External(e.into()))
    }
}

/// Decodes the objects that its input lists, writes the rows and the rejects to files, and returns one row per
/// [`Outcome`].
#[derive(Debug)]
pub(crate) struct DecodeExec {
    input: Arc<dyn ExecutionPlan>,
    spec: Arc<DecodeSpec>,
    services: Option<Arc<Services>>,
    properties: Arc<PlanProperties>,
}

impl DecodeExec {
    /// Creates a node; `services` are those of an executor.
    pub fn new(
        input: Arc<dyn ExecutionPlan>,
        spec: Arc<DecodeSpec>,
        services: Option<Arc<Services>>,
    ) -> DecodeExec {
        let properties = stream::properties(schema(), &input, EmissionType::Final);
        DecodeExec { input, spec, services, properties }
    }

    /// Returns the parameters.
    pub fn spec(&self) -> &DecodeSpec {
        &self.spec
    }
}

fn schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> =
        LazyLock::new(|| Arc::new(Schema::new(vec![Field::new("outcome", DataType::Utf8, false)])));
    SCHEMA.clone()
}

impl DisplayAs for DecodeExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "DecodeExec: dataset={}", self.spec.dataset)
    }
}

impl ExecutionPlan for DecodeExec {
    fn name(&self) -> &str {
        "DecodeExec"
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
        Ok(Arc::new(DecodeExec::new(input, self.spec.clone(), self.services.clone())))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let services = ensure_executor(&self.services)?;
        let listed = self.input.execute(partition, context.clone())?;
        let task = Task { spec: self.spec.clone(), services, context };
        Ok(stream::once(schema(), task.run(listed)))
    }
}

/// The work on one partition.
struct Task {
    spec: Arc<DecodeSpec>,
    services: Arc<Services>,
    context: Arc<TaskContext>,
}

impl Task {
    async fn run(self, listed: SendableRecordBatchStream) -> Result<RecordBatch> {
        let batches: Vec<RecordBatch> = listed.try_collect().await?;
        let mut objects = Vec::new();
        for batch in &batches {
            for object in objects_of(batch)? {
                objects.push(self.open(object).await?);
            }
        }
        let outcomes = match objects.is_empty() {
            true => Vec::new(),
            false => self.decode(objects).await?,
        };
        let texts = outcomes.iter().map(serde_json::to_string);
        let texts: Vec<String> =
            texts.collect::<Result<_, _>>().map_err(|e| DataFusionError::External(e.into()))?;
        Ok(RecordBatch::try_new(schema(), vec![Arc::new(StringArray::from(texts))])?)
    }

    async fn open(&self, object: ListedObject) -> Result<InputObject> {
        self.services.access.ensure(&object.url)?;
        let opened = self.services.stores.open_listed(object).await;
        opened.map_err(|error| match error {
            ListedError::Location(error) => of_task(error.into()),
            ListedError::Storage(error) => of_task(error.into()),
        })
    }

    async fn decode(&self, objects: Vec<InputObject>) -> Result<Vec<Outcome>> {
        let (columns, paths) = self.spec.columns()?;
        let memory = self.services.memory / self.services.cores.max(1) / STAGING_SHARE;
        let space = StagingSpace::new(
            &self.context.runtime_env().memory_pool,
            memory,
            self.services.folder.clone(),
        );
        let staging =
            Staging::new(space, [&columns], MaxRejects::Percent(100.0)).map_err(of_task)?;
        self.services.access.ensure(&self.spec.files.out)?;
        let files = self.spec.files.open(&self.services.stores, 1).await.map_err(of_task)?;
        let read = read_listed(columns, paths, objects, &staging, 1).await.map_err(of_task)?;
        let written = self.write(&files, &staging).await.map_err(of_task)?;
        let objects = read.into_iter().map(|read| {
            let ReadObject { object, counts, notes } = read;
            Outcome::Object { number: object.number, size: object.size, counts, notes }
        });
        Ok(objects.chain(written).collect())
    }

    /// Writes the rows and the rejects, if there are any.
    async fn write(&self, files: &RunFiles, staging: &Staging) -> Result<Vec<Outcome>, Error> {
        let mut outcomes = Vec::new();
        for rows in staging.datasets.iter().filter(|rows| rows.rows() > 0) {
            outcomes.push(Outcome::Decoded(rows.rows() as u64));
            let mut sink = files.work_sink(&self.spec.dataset, rows.schema().clone());
            let mut batches = Arc::new(rows.batches(None)?).read(BatchCursor::default());
            while let Some(batch) = batches.next().transpose()? {
                sink.write(batch).await?;
            }
            outcomes.extend(finish(sink).await?.into_iter().map(Outcome::Rows));
        }
        let rejects = &staging.rejects;
        if rejects.rows().rows() > 0 {
            let name = format!("{}-rejects", self.spec.dataset);
            let mut sink = files.work_sink(&name, rejects.schema().clone());
            let mut batches = Arc::new(rejects.rows().batches(None)?).read(BatchCursor::default());
            while let Some(batch) = batches.next().transpose()? {
                sink.write(rejects.with_texts(&batch)?).await?;
            }
            outcomes.extend(finish(sink).await?.into_iter().map(Outcome::Rejects));
        }
        Ok(outcomes)
    }
}

async fn finish(mut sink: ParquetSink) -> Result<Vec<FileRecord>, Error> {
    Ok(sink.finish().await?.files)
}
