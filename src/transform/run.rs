//! Builds the star tables from the staging tables: runs the queries, converts their rows to the model and
//! sorts them.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::BatchCoalescer;
use arrow::datatypes::SchemaRef;
use datafusion::common::{Column, TableReference, internal_datafusion_err};
use datafusion::dataframe::DataFrame;
use datafusion::physical_plan::display::DisplayableExecutionPlan;
use datafusion::physical_plan::execute_stream_partitioned;
use datafusion::prelude::{Expr, SessionContext};
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;

use super::declared::DeclaredTable;
use super::functions::register_functions;
use super::parameters::plan_query;
use super::rules::Rules;
use super::schema::{
    cast_to_schema, dictionary_encode, ensure_columns, intermediate_schema, output_schema,
};
use crate::error::{Error, Result};
use crate::ingest::Staging;
use crate::model::{Dataset, Model};
use crate::staging::{SortStrategy, SortedRows, SortedTable, StagingSpace, StagingTable};
use crate::star::model::{Table, table_schema};
use crate::star::{Group, Queries, Query, sort_order};

/// Registers the staging tables under the names that the star queries read, with all columns that the model
/// declares.
///
/// # Errors
///
/// Returns an error if the session already has a table of that name.
pub fn register_staging(session: &SessionContext, model: &Model, staging: &Staging) -> Result<()> {
    register_tables(session, model, &staging.datasets)
}

/// Registers the functions that queries can call, for a session without intermediate tables.
pub fn register_rule_functions(session: &SessionContext, rules: Rules) {
    register_functions(session, rules.repair_encoding);
}

/// Registers staging tables in the order of the datasets, as [`register_staging`] does.
///
/// # Errors
///
/// As for [`register_staging`].
pub fn register_tables(
    session: &SessionContext,
    model: &Model,
    tables: &[Arc<StagingTable>],
) -> Result<()> {
    for (dataset, table) in model.datasets.iter().zip(tables) {
        let table = Arc::new(DeclaredTable::new(dataset, table.clone()));
        session
            .register_table(TableReference::bare(&*dataset.table), table)
            .map_err(|e| Error::query("staging tables", e))?;
    }
    Ok(())
}

/// Registers the rows of the table `stored` of the session under the name of the staging table of `dataset`, with all
/// columns that it declares.
///
/// # Errors
///
/// Returns an error if the session lacks the table, or already has one of the other name.
pub(crate) async fn declare_dataset(
    session: &SessionContext,
    dataset: &Dataset,
    stored: &str,
) -> Result<()> {
    let failed = |e| Error::query("staging tables", e);
    let stored = session.table_provider(TableReference::bare(stored)).await.map_err(failed)?;
    let table = Arc::new(DeclaredTable::new(dataset, stored));
    session.register_table(TableReference::bare(&*dataset.table), table).map_err(failed)?;
    Ok(())
}

/// Removes the staging tables and the views from the session, which frees the rows of the staging tables unless
/// something else holds them. No later query may read a staging table or a view that reads one.
///
/// # Errors
///
/// Returns an error if the session cannot remove a table.
pub fn deregister_staging(session: &SessionContext, queries: &Queries) -> Result<()> {
    let staging = queries.model().datasets.iter().map(|dataset| &*dataset.table);
    let views = queries.of(Group::Intermediate).filter(|query| query.is_view());
    for name in staging.chain(views.map(|query| &*query.name)) {
        session
            .deregister_table(TableReference::bare(name))
            .map_err(|e| Error::query("staging tables", e))?;
    }
    Ok(())
}

/// Registers a star table whose rows are in memory, for other queries to read.
///
/// # Errors
///
/// Returns an error if the session already has a table of that name.
pub fn register_rows(
    session: &SessionContext,
    table: &Table,
    rows: Arc<SortedTable>,
) -> Result<()> {
    session.register_table(&*table.name, rows).map_err(|e| Error::query(&table.name, e))?;
    Ok(())
}

/// Removes the star tables from the session, which frees their rows unless something else holds them.
///
/// # Errors
///
/// Returns an error if the session cannot remove a table.
pub fn deregister_tables(session: &SessionContext, model: &Model) -> Result<()> {
    for table in &model.tables {
        session.deregister_table(&*table.name).map_err(|e| Error::query(&table.name, e))?;
    }
    Ok(())
}

/// The rows of a star table as a stream of batches, with the columns of the model and in the table's order.
pub struct SortedStream {
    /// Table that the rows belong to.
    pub table: Arc<Table>,
    batches: BoxStream<'static, Result<RecordBatch>>,
    in_memory: Option<Arc<SortedTable>>,
}

impl SortedStream {
    /// Returns the rows as a table for other queries to read, or `None` if not all of them are in memory.
    pub fn in_memory(&self) -> Option<Arc<SortedTable>> {
        self.in_memory.clone()
    }

    /// Returns the next batch, or `None` at the end.
    ///
    /// # Errors
    ///
    /// Returns an error if sorting fails.
    pub async fn next(&mut self) -> Result<Option<RecordBatch>> {
        self.batches.try_next().await
    }
}

/// The unsorted rows of a star table.
pub struct TableRows {
    table: Arc<Table>,
    query: String,
    staged: StagingTable,
}

/// Runs the query of `table` to its end. The result does not depend on the tables that the query has read,
/// so the caller can drop them.
///
/// # Errors
///
/// Returns an error if the query cannot be planned or fails, or if its rows do not fit the model.
pub async fn run_table_query(
    session: &SessionContext,
    queries: &Queries,
    table: &Arc<Table>,
    rules: Rules,
    space: &StagingSpace,
) -> Result<TableRows> {
    let query = queries.get(Group::Star, &table.name)?;
    let name = query.file();
    let rows = plan_query(session, query, rules).await?;
    ensure_columns(&name, table, rows.schema().as_arrow())?;
    let schema = output_schema(table, rows.schema().as_arrow());
    let staged = StagingTable::new(&table.name, schema, space.clone());
    let staged = collect_into(&name, rows, staged, cast_to_schema).await?;
    Ok(TableRows { table: table.clone(), query: name, staged })
}

impl TableRows {
    /// Sorts the rows by [`Table::order`].
    ///
    /// # Errors
    ///
    /// Returns an error if the rows cannot be sorted.
    pub async fn sort(self, session: &SessionContext) -> Result<SortedStream> {
        let TableRows { table, query, staged } = self;
        let by = table.order().map(|column| staged.schema().index_of(column));
        let by: Vec<usize> = by.collect::<Result<_, _>>()?;
        let threads = session.state().config().target_partitions();
        let sorting = tokio::task::spawn_blocking(move || staged.sort(&by, threads));
        let mut in_memory = None;
        let batches = match AbortOnDropHandle::new(sorting).await?? {
            SortStrategy::InMemory(sorted) => {
                let sorted = Arc::new(sorted);
                in_memory = Some(Arc::new(SortedTable(sorted.clone())));
                sorted_batches(sorted, session)
            }
            SortStrategy::SpillingKeys { table: keys, texts } => {
                let rows = session.read_table(Arc::new(keys));
                let rows = sort_spilling(rows, &table, query).await?;
                rows.map(move |keys| Ok(texts.decode(keys?)?)).boxed()
            }
            SortStrategy::SpillingTexts(staged) => {
                let plain = table_schema(&table);
                let columns = plain.fields().iter().map(|field| {
                    let column = Expr::Column(Column::new_unqualified(field.name()));
                    datafusion::prelude::cast(column, field.data_type().clone()).alias(field.name())
                });
                let columns: Vec<_> = columns.collect();
                let rows = session.read_table(Arc::new(staged)).and_then(|r| r.select(columns));
                let rows = sort_spilling(rows, &table, query).await?;
                rows.map(move |batch| {
                    Ok(RecordBatch::try_new(plain.clone(), batch?.columns().to_vec())?)
                })
                .boxed()
            }
        };
        Ok(SortedStream { table, batches, in_memory })
    }
}

/// Sorts rows with DataFusion, which spills to disk if they do not fit into memory.
async fn sort_spilling(
    rows: datafusion::error::Result<DataFrame>,
    table: &Table,
    query: String,
) -> Result<BoxStream<'static, Result<RecordBatch>>> {
    let failed = move |e| Error::query(query.clone(), e);
    let rows = rows.and_then(|rows| rows.sort(sort_order(table))).map_err(&failed)?;
    Ok(rows.execute_stream().await.map_err(&failed)?.map_err(failed).boxed())
}

/// Returns the batches of a sorted table as a stream that gathers them in parallel, ahead of the consumer.
fn sorted_batches(
    sorted: Arc<SortedRows>,
    session: &SessionContext,
) -> BoxStream<'static, Result<RecordBatch>> {
    let config = session.copied_config();
    let (threads, batch_rows) = (config.target_partitions(), config.batch_size());
    let starts = (0..sorted.rows()).step_by(batch_rows);
    stream::iter(starts)
        .map(move |start| {
            let sorted = sorted.clone();
            let end = sorted.rows().min(start + batch_rows);
            let task = tokio::task::spawn_blocking(move || sorted.batch(start..end, None));
            async { Ok(AbortOnDropHandle::new(task).await??) }
        })
        .buffered(2 * threads)
        .boxed()
}

/// Registers the query of a view under its name, for other queries to read.
///
/// # Errors
///
/// Returns an error if the session already has a table of that name.
pub fn register_view(session: &SessionContext, query: &Query, rows: DataFrame) -> Result<()> {
    session
        .register_table(TableReference::bare(query.name.as_str()), rows.into_view())
        .map_err(|e| Error::query(query.file(), e))?;
    Ok(())
}

/// Registers the functions of star queries, then builds the intermediate tables and registers each under its
/// name.
///
/// # Errors
///
/// Returns an error if a query of an intermediate table cannot be planned or fails.
pub async fn build_intermediates(
    session: &SessionContext,
    queries: &Queries,
    rules: Rules,
    space: &StagingSpace,
) -> Result<()> {
    register_functions(session, rules.repair_encoding);
    for query in queries.of(Group::Intermediate) {
        let name = query.file();
        let rows = plan_query(session, query, rules).await?;
        if query.is_view() {
            register_view(session, query, rows)?;
            continue;
        }
        let schema = intermediate_schema(queries.model(), rows.schema().as_arrow());
        let table = StagingTable::new(&query.name, schema, space.clone());
        let table = collect_into(&name, rows, table, dictionary_encode).await?;
        session
            .register_table(TableReference::bare(query.name.as_str()), Arc::new(table))
            .map_err(|e| Error::query(name, e))?;
    }
    Ok(())
}

/// Converts a batch of the named query to a schema.
pub(super) type Convert = fn(&str, &RecordBatch, &SchemaRef) -> Result<RecordBatch>;

/// Runs a query, with its partitions in parallel, and stores its rows in `table`.
pub(super) async fn collect_into(
    name: &str,
    rows: DataFrame,
    table: StagingTable,
    convert: Convert,
) -> Result<StagingTable> {
    let failed = |e| Error::query(name, e);
    let context = Arc::new(rows.task_ctx());
    let batch_rows = context.session_config().batch_size();
    let plan = rows.create_physical_plan().await.map_err(failed)?;
    let partitions = execute_stream_partitioned(plan.clone(), context).map_err(failed)?;
    let table = Arc::new(table);
    let mut tasks = JoinSet::new();
    for mut batches in partitions {
        let (name, table) = (name.to_owned(), table.clone());
        tasks.spawn(async move {
            let failed = |e| Error::query(name.clone(), e);
            // Window functions return one batch per group. Sorting thousands of small batches costs more
            // than coalescing them.
            let mut coalescer = BatchCoalescer::new(table.schema().clone(), batch_rows)
                .with_biggest_coalesce_batch_size(Some(batch_rows / 2));
            while let Some(batch) = batches.try_next().await.map_err(failed)? {
                coalescer.push_batch(convert(&name, &batch, table.schema())?)?;
                while let Some(batch) = coalescer.next_completed_batch() {
                    table.push(batch)?;
                }
            }
            coalescer.finish_buffered_batch()?;
            while let Some(batch) = coalescer.next_completed_batch() {
                table.push(batch)?;
            }
            Ok::<_, Error>(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    let metrics = DisplayableExecutionPlan::with_metrics(&*plan);
    tracing::debug!("{name} took\n{}", metrics.indent(false));
    Arc::into_inner(table).ok_or_else(|| failed(internal_datafusion_err!("it is still read")))
}
