//! A run that a cluster carries out.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use chrono::DateTime;
use datafusion::dataframe::DataFrame;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::physical_expr::expressions::col;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::{ExecutionPlan, Partitioning};
use datafusion::prelude::SessionContext;
use futures::TryStreamExt;
use futures::future::try_join_all;
use object_store::ObjectMeta;

use super::connection::Connection;
use super::job::{JobExec, run_writer, write};
use super::planner::JobPlanner;
use super::read::{Listing, list, write_lists};
use super::settle::Settlement;
use crate::cluster::local::LocalCluster;
use crate::cluster::nodes::{
    CutExec, CutSpec, DecodeExec, DecodeSpec, FilesSpec, Outcome, PARTITION, WriteExec, WriteSpec,
    list_schema,
};
use crate::decode::rejects_schema;
use crate::error::{EngineError, Error, Result};
use crate::ingest::{Input, Staging, TransformProgress};
use crate::model::Table;
use crate::pipeline::{RemoteDataset, RemoteRun, RemoteRunOptions};
use crate::star::{FileRecord, PartitionRecord, TableRecord, register_files};
use crate::storage::StoreKey;

/// Lists of objects per core of the cluster that one job decodes.
const LISTS_PER_CORE: usize = 8;

/// A run whose jobs a scheduler distributes.
#[derive(Debug)]
pub(super) struct ClusterRun {
    options: RemoteRunOptions,
    /// Text of the model, as plans contain it.
    model: String,
    connection: Arc<Connection>,
    /// Executors in this process, which stop when the run ends.
    _local: Option<LocalCluster>,
}

impl ClusterRun {
    pub fn new(
        options: RemoteRunOptions,
        connection: Arc<Connection>,
        local: Option<LocalCluster>,
    ) -> ClusterRun {
        let model = options.model.to_toml();
        ClusterRun { options, model, connection, _local: local }
    }

    /// Returns the URL of the store of the output.
    fn base(&self) -> Result<ObjectStoreUrl> {
        let url = match &self.options.files.out.location.store {
            StoreKey::Local => "file:///".to_owned(),
            StoreKey::S3(bucket) => format!("s3://{bucket}"),
            StoreKey::Cloud(base) | StoreKey::Http(base) => base.clone(),
        };
        ObjectStoreUrl::parse(url).map_err(|e| Error::query("set-up", e))
    }

    /// Has the objects of a dataset decoded.
    async fn decode(
        &self,
        input: &Input,
        listing: Listing,
        staging: &Staging,
        progress: &TransformProgress,
    ) -> Result<RemoteDataset> {
        let begun = std::time::Instant::now();
        let dataset = &input.columns.dataset().name;
        let mut settlement = Settlement::new(input.columns.dataset(), &listing.objects);
        let cores = self.connection.status.cores();
        let lists = write_lists(&self.options.files, dataset, &listing.objects, cores).await?;
        let name = format!("decode {dataset}");
        let config = self.connection.session_config();
        // If an executor is lost, only one of the jobs is run again.
        for lists in lists.chunks((LISTS_PER_CORE * cores).max(1)) {
            let plan = self.decode_plan(input, lists)?;
            for batch in self.connection.run(&name, &plan, &config).await? {
                let outcomes = Outcome::of_batch(&batch).map_err(|e| Error::query(&*name, e))?;
                for outcome in outcomes {
                    if let Outcome::Object { size, .. } = &outcome {
                        progress.read(*size);
                        progress.object_done();
                    }
                    settlement.add(outcome, staging)?;
                }
            }
            if staging.count_remote_rejects(settlement.take_rejected()) {
                settlement.counts.is_partial = true;
                break;
            }
        }
        settlement.finish(staging)?;
        self.collect_rejects(dataset, &settlement.rejects, staging).await?;
        let Settlement { mut counts, rows: files, .. } = settlement;
        counts.skipped = listing.skipped.by_kind();
        counts.elapsed = begun.elapsed();
        Ok(RemoteDataset { counts, schema: plain(input.columns.schema()), files })
    }

    fn decode_plan(&self, input: &Input, lists: &[FileRecord]) -> Result<Arc<dyn ExecutionPlan>> {
        let groups = lists.iter().map(|file| {
            FileGroup::new(vec![PartitionedFile::from(ObjectMeta {
                location: self.options.files.out.child(&file.path).path().clone(),
                last_modified: DateTime::UNIX_EPOCH,
                size: file.bytes,
                e_tag: None,
                version: None,
            })])
        });
        let source = Arc::new(ParquetSource::new(list_schema()));
        let scan = FileScanConfigBuilder::new(self.base()?, source)
            .with_file_groups(groups.collect())
            .build();
        let columns = input.columns.schema().fields().iter();
        let spec = DecodeSpec {
            model: self.model.clone(),
            dataset: input.columns.dataset().name.clone(),
            columns: columns.map(|field| field.name().clone()).collect(),
            repairs_encoding: input.columns.repairs_encoding(),
            jsonpaths: input.jsonpaths.as_ref().map(|file| file.to_vec()),
            files: FilesSpec::of(&self.options.files),
        };
        let scan = DataSourceExec::from_data_source(scan);
        Ok(Arc::new(DecodeExec::new(scan, Arc::new(spec), None)))
    }

    /// Adds the rejects in some files to those of the run.
    async fn collect_rejects(
        &self,
        dataset: &str,
        files: &[FileRecord],
        staging: &Staging,
    ) -> Result<()> {
        if files.is_empty() {
            return Ok(());
        }
        let failed = |e| Error::query(format!("rejects of {dataset}"), e);
        let (session, schema) = (SessionContext::new(), rejects_schema());
        let out = &self.options.files.out;
        register_files(&session, out, "rejects", schema.clone(), files, vec![]).await?;
        let rows = session.table("rejects").await.map_err(failed)?;
        let mut rows = rows.execute_stream().await.map_err(failed)?;
        while let Some(batch) = rows.try_next().await.map_err(failed)? {
            staging.rejects.push(batch.with_schema(schema.clone())?)?;
        }
        Ok(())
    }

    /// Returns the plan that executors run for a query, or `None` if it reads no files.
    async fn remote_plan(
        &self,
        name: &str,
        rows: DataFrame,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let plan = rows.create_physical_plan().await.map_err(|e| Error::query(name, e))?;
        Ok(plan.downcast_ref::<JobExec>().map(|job| job.plan().clone()))
    }

    /// Writes the rows of a query that reads no files.
    async fn write_own(&self, name: &str, rows: DataFrame) -> Result<Vec<FileRecord>> {
        let failed = |e| Error::query(name, e);
        let schema = Arc::new(rows.schema().as_arrow().clone());
        let mut sink = self.options.files.new_attempt().work_sink(name, schema);
        let mut rows = rows.execute_stream().await.map_err(failed)?;
        while let Some(batch) = rows.try_next().await.map_err(failed)? {
            sink.write(batch).await?;
        }
        Ok(sink.finish().await?.files)
    }
}

#[async_trait]
impl RemoteRun for ClusterRun {
    async fn read(
        &self,
        inputs: Vec<Input>,
        staging: &Staging,
        progress: &Arc<TransformProgress>,
    ) -> Result<Vec<RemoteDataset>> {
        progress.expect_listings(inputs.len());
        let reads = inputs.iter().map(|input| async move {
            let listing = list(input, progress).await?;
            self.decode(input, listing, staging, progress).await
        });
        try_join_all(reads).await
    }

    fn session(&self) -> Result<SessionContext> {
        let files = Arc::new(self.options.files.clone());
        let planner = JobPlanner { connection: self.connection.clone(), base: self.base()?, files };
        let state = SessionStateBuilder::new()
            .with_config(self.connection.session_config())
            .with_default_features()
            .with_query_planner(Arc::new(planner))
            .build();
        Ok(SessionContext::new_with_state(state))
    }

    async fn store(&self, name: &str, rows: DataFrame) -> Result<Vec<FileRecord>> {
        let Some(plan) = self.remote_plan(name, rows.clone()).await? else {
            return self.write_own(name, rows).await;
        };
        let config = self.connection.session_config();
        write(&self.connection, name, plan, &self.options.files, &config).await
    }

    async fn write_partitions(
        &self,
        table: &Arc<Table>,
        rows: DataFrame,
        longest_text: usize,
    ) -> Result<Option<TableRecord>> {
        let failed = |e| Error::query(&table.name, e);
        let Some(plan) = self.remote_plan(&table.name, rows).await? else { return Ok(None) };
        let cut = CutSpec {
            model: self.model.clone(),
            table: table.name.clone(),
            partitioning: self.options.partitioning.as_str().to_owned(),
        };
        let partitions = self.connection.session_config().target_partitions();
        let rows: Arc<dyn ExecutionPlan> =
            Arc::new(CutExec::new(plan, Arc::new(cut.clone())).map_err(failed)?);
        let by = col(PARTITION, &rows.schema()).map_err(failed)?;
        let rows = RepartitionExec::try_new(rows, Partitioning::Hash(vec![by], partitions));
        let files = FilesSpec::of(&self.options.files);
        let spec = Arc::new(WriteSpec::Table { cut, longest_text, files });
        let rows = Arc::new(rows.map_err(failed)?);
        let plan: Arc<dyn ExecutionPlan> = Arc::new(WriteExec::new(rows, spec, None));
        let config = self.connection.session_config();
        let records = run_writer(&self.connection, &table.name, plan, &config).await?;
        merge(&table.name, records).map(Some)
    }

    async fn cancel(&self) {
        self.connection.close().await;
    }
}

/// Returns the record of a table of which executors have written the partitions.
fn merge(table: &str, records: Vec<TableRecord>) -> Result<TableRecord> {
    let mut partitions: BTreeMap<String, (PartitionRecord, Vec<FileRecord>)> = BTreeMap::new();
    for (partition, files) in records.into_iter().flat_map(TableRecord::split) {
        let from = partition.from.clone();
        if partitions.insert(from.clone(), (partition, files)).is_some() {
            let reason = format!("the partition {from} of {table} was written twice");
            return Err(EngineError::Miscounted(reason).into());
        }
    }
    if partitions.is_empty() {
        return Ok(TableRecord::default());
    }
    Ok(TableRecord::of_partitions(partitions.into_values()))
}

/// Returns a schema without dictionaries: executors would send them with each batch.
fn plain(schema: &Schema) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| match field.data_type() {
        DataType::Dictionary(_, values) => {
            Arc::new(Field::clone(field).with_data_type((**values).clone()))
        }
        _ => field.clone(),
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}
