//! From staging tables to star tables: the queries, held to the model, and their rows in order.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::BatchCoalescer;
use arrow::datatypes::SchemaRef;
use datafusion::common::{Column, internal_datafusion_err};
use datafusion::dataframe::DataFrame;
use datafusion::physical_plan::display::DisplayableExecutionPlan;
use datafusion::physical_plan::execute_stream_partitioned;
use datafusion::prelude::{Expr, SessionContext};
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;

use super::conform::{
    check_shape, conform, conforming_schema, intermediate_schema, number_texts, order,
};
use super::functions::{RepairEncoding, register_functions};
use super::model::{TABLES, Table};
use super::plan::plan;
use super::queries::{Group, Queries};
use crate::decode::Dataset;
use crate::error::{Error, Result};
use crate::ingest::Staging;
use crate::stage::{Sortable, Sorted, SortedTable, StagingSpace, StagingTable};

/// When a play matches a song.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MatchRule {
    /// Artist and title are equal.
    #[default]
    TitleArtist,
    /// Artist, title and duration are equal.
    TitleArtistDuration,
}

/// What becomes of plays that match no song.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unmatched {
    /// They stay, without a song.
    #[default]
    Keep,
    /// They are left out.
    Drop,
}

impl MatchRule {
    /// The value of the queries' `$match`.
    pub fn as_str(self) -> &'static str {
        match self {
            MatchRule::TitleArtist => "title-artist",
            MatchRule::TitleArtistDuration => "title-artist-duration",
        }
    }
}

impl Unmatched {
    /// The value of the queries' `$unmatched`.
    pub fn as_str(self) -> &'static str {
        match self {
            Unmatched::Keep => "keep",
            Unmatched::Drop => "drop",
        }
    }
}

/// How the star queries are to be read.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rules {
    /// `$match`.
    pub match_rule: MatchRule,
    /// `$unmatched`.
    pub unmatched: Unmatched,
    /// The treatment of text that was encoded twice.
    pub repair_encoding: RepairEncoding,
}

/// The staging tables of `staging`, for star queries to read.
///
/// # Errors
///
/// If a table of that name is there already.
pub fn register_staging(session: &SessionContext, staging: &Staging) -> Result<()> {
    let [songs, events] = [Dataset::Songs.table(), Dataset::Events.table()];
    for (name, table) in [(songs, &staging.songs), (events, &staging.events)] {
        session
            .register_table(name, table.clone())
            .map_err(|e| Error::query("staging tables", e))?;
    }
    Ok(())
}

/// Gives up the staging tables, and with them what they hold.
///
/// # Errors
///
/// If the session refuses.
pub fn deregister_staging(session: &SessionContext) -> Result<()> {
    for dataset in [Dataset::Songs, Dataset::Events] {
        session.deregister_table(dataset.table()).map_err(|e| Error::query("staging tables", e))?;
    }
    Ok(())
}

/// Lets queries read the rows of a star table that are in memory.
///
/// # Errors
///
/// If there is a table of its name already.
pub fn register_rows(
    session: &SessionContext,
    table: &Table,
    rows: Arc<SortedTable>,
) -> Result<()> {
    session.register_table(table.name, rows).map_err(|e| Error::query(table.name, e))?;
    Ok(())
}

/// Gives up the star tables that queries could read so far, and what they hold.
///
/// # Errors
///
/// If the session refuses.
pub fn deregister_tables(session: &SessionContext) -> Result<()> {
    for table in &TABLES {
        session.deregister_table(table.name).map_err(|e| Error::query(table.name, e))?;
    }
    Ok(())
}

/// A star table under way: batches of its model's columns, in its order.
pub struct StarStream {
    /// The table.
    pub table: &'static Table,
    batches: BoxStream<'static, Result<RecordBatch>>,
    in_memory: Option<Arc<SortedTable>>,
}

impl StarStream {
    /// The rows as a table for other queries to read, if they are all in memory.
    pub fn in_memory(&self) -> Option<Arc<SortedTable>> {
        self.in_memory.clone()
    }

    /// The next batch.
    ///
    /// # Errors
    ///
    /// If sorting fails.
    pub async fn next(&mut self) -> Result<Option<RecordBatch>> {
        self.batches.try_next().await
    }
}

/// The rows of a star table, not in order yet.
pub struct StarRows {
    table: &'static Table,
    query: String,
    staged: StagingTable,
}

/// Runs the query that makes `table`. What it has read is not needed any more.
///
/// # Errors
///
/// If the query cannot be planned or fails, or does not give what the model wants.
pub async fn star_rows(
    session: &SessionContext,
    queries: &Queries,
    table: &'static Table,
    rules: Rules,
    space: &StagingSpace,
) -> Result<StarRows> {
    let query = queries.get(Group::Star, table.name)?;
    let name = query.file();
    let rows = plan(session, query, rules).await?;
    check_shape(&name, table, rows.schema().as_arrow())?;
    let schema = conforming_schema(table, rows.schema().as_arrow());
    let staged = StagingTable::new(table.name, schema, space.clone());
    let staged = stage(&name, rows, staged, conform).await?;
    Ok(StarRows { table, query: name, staged })
}

impl StarRows {
    /// The rows in the order of their table.
    ///
    /// # Errors
    ///
    /// If they cannot be sorted.
    pub async fn sorted(self, session: &SessionContext) -> Result<StarStream> {
        let StarRows { table, query, staged } = self;
        let by = table.sorted_by.iter().map(|column| staged.schema().index_of(column));
        let by: Vec<usize> = by.collect::<Result<_, _>>()?;
        let threads = session.state().config().target_partitions();
        let sorting = tokio::task::spawn_blocking(move || staged.into_sortable(&by, threads));
        let mut in_memory = None;
        let batches = match AbortOnDropHandle::new(sorting).await?? {
            Sortable::Sorted(sorted) => {
                let sorted = Arc::new(sorted);
                in_memory = Some(Arc::new(SortedTable(sorted.clone())));
                sorted_batches(sorted, session)
            }
            Sortable::Keys { table: keys, texts } => {
                let rows = session.read_table(Arc::new(keys));
                let rows = sort(rows, table, query).await?;
                rows.map(move |keys| Ok(texts.give(keys?)?)).boxed()
            }
            Sortable::Texts(staged) => {
                let plain = table.schema();
                let columns = plain.fields().iter().map(|field| {
                    let column = Expr::Column(Column::new_unqualified(field.name()));
                    datafusion::prelude::cast(column, field.data_type().clone()).alias(field.name())
                });
                let columns: Vec<_> = columns.collect();
                let rows = session.read_table(Arc::new(staged)).and_then(|r| r.select(columns));
                let rows = sort(rows, table, query).await?;
                rows.map(move |batch| {
                    Ok(RecordBatch::try_new(plain.clone(), batch?.columns().to_vec())?)
                })
                .boxed()
            }
        };
        Ok(StarStream { table, batches, in_memory })
    }
}

/// Has DataFusion sort rows, which it can do beyond memory.
async fn sort(
    rows: datafusion::error::Result<DataFrame>,
    table: &Table,
    query: String,
) -> Result<BoxStream<'static, Result<RecordBatch>>> {
    let failed = move |e| Error::query(query.clone(), e);
    let rows = rows.and_then(|rows| rows.sort(order(table))).map_err(&failed)?;
    Ok(rows.execute_stream().await.map_err(&failed)?.map_err(failed).boxed())
}

/// The batches of a sorted table, gathered side by side and ahead of whoever takes them.
fn sorted_batches(
    sorted: Arc<Sorted>,
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

/// Registers the functions of star queries, then makes the tables that several queries read and
/// registers each under its name.
///
/// # Errors
///
/// If one of their queries cannot be planned or fails.
pub async fn make_intermediates(
    session: &SessionContext,
    queries: &Queries,
    rules: Rules,
    space: &StagingSpace,
) -> Result<()> {
    register_functions(session, rules.repair_encoding);
    for query in queries.of(Group::Intermediate) {
        let name = query.file();
        let rows = plan(session, query, rules).await?;
        let schema = intermediate_schema(rows.schema().as_arrow());
        let table = StagingTable::new(&query.name, schema, space.clone());
        let table = stage(&name, rows, table, number_texts).await?;
        session
            .register_table(query.name.as_ref(), Arc::new(table))
            .map_err(|e| Error::query(name, e))?;
    }
    Ok(())
}

/// Makes a batch of the query named one of the schema given.
type Convert = fn(&str, &RecordBatch, &SchemaRef) -> Result<RecordBatch>;

/// Runs a query, its partitions side by side, into `table`.
async fn stage(
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
            // Windows give a batch a group: sorting thousands of those costs more than joining them.
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
