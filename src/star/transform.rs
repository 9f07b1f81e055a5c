//! From staging tables to star tables: the star queries, held to the model.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Int64Type, SchemaRef, TimeUnit};
use datafusion::common::{Column, ParamValues, ScalarValue};
use datafusion::dataframe::DataFrame;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::display::DisplayableExecutionPlan;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::prelude::{Expr, SessionContext};

use super::model::Table;
use super::queries::{Group, Queries, Query};
use crate::error::{Error, Result};
use crate::ingest::Staging;

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
}

/// What became of the plays read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PlayCounts {
    /// Events whose page is `NextSong`.
    pub read: u64,
    /// Copies of another play.
    pub duplicates: u64,
    /// Distinct plays that share their fingerprint with an earlier one.
    pub shared_fingerprints: u64,
}

/// The staging tables of `staging`, for star queries to read.
///
/// # Errors
///
/// If a table of that name is there already.
pub fn register_staging(session: &SessionContext, staging: &Staging) -> Result<()> {
    let songs = crate::decode::Dataset::Songs.table();
    let events = crate::decode::Dataset::Events.table();
    for (name, table) in [(songs, &staging.songs), (events, &staging.events)] {
        session
            .register_table(name, table.clone())
            .map_err(|e| Error::query("staging tables", e))?;
    }
    Ok(())
}

/// A star table under way: batches of its model's schema, in its order.
pub struct StarStream {
    /// The table.
    pub table: &'static Table,
    query: String,
    plan: Arc<dyn ExecutionPlan>,
    batches: SendableRecordBatchStream,
}

/// Starts the query that makes `table`.
///
/// # Errors
///
/// If the query cannot be planned or does not give the table's columns.
pub async fn star_stream(
    session: &SessionContext,
    queries: &Queries,
    table: &'static Table,
    rules: Rules,
) -> Result<StarStream> {
    let query = queries.get(Group::Star, table.name)?;
    let name = format!("star/{}.sql", query.name);
    let failed = |e| Error::query(name.clone(), e);
    let rows = plan(session, query, rules).await.map_err(failed)?;
    check_shape(&name, table, rows.schema().as_arrow())?;
    let order = table
        .sorted_by
        .iter()
        .map(|column| Expr::Column(Column::new_unqualified(*column)).sort(true, false))
        .collect();
    let rows = rows.sort(order).map_err(failed)?;
    let context = Arc::new(rows.task_ctx());
    let plan = rows.create_physical_plan().await.map_err(failed)?;
    let batches = execute_stream(plan.clone(), context).map_err(failed)?;
    Ok(StarStream { table, query: name, plan, batches })
}

async fn plan(
    session: &SessionContext,
    query: &Query,
    rules: Rules,
) -> datafusion::error::Result<DataFrame> {
    let values = [("match", rules.match_rule.as_str()), ("unmatched", rules.unmatched.as_str())];
    let used = values.iter().filter(|(name, _)| query.sql.contains(&format!("${name}")));
    let parameters: Vec<_> = used.map(|&(name, value)| (name, ScalarValue::from(value))).collect();
    let rows = session.sql(&query.sql).await?;
    if parameters.is_empty() {
        return Ok(rows);
    }
    rows.with_param_values(ParamValues::from(parameters))
}

impl StarStream {
    /// The next batch.
    ///
    /// # Errors
    ///
    /// If the query fails, or gives a value that the model does not take.
    pub async fn next(&mut self) -> Result<Option<RecordBatch>> {
        use futures::TryStreamExt;
        let batch =
            self.batches.try_next().await.map_err(|e| Error::query(self.query.clone(), e))?;
        if batch.is_none() {
            let metrics = DisplayableExecutionPlan::with_metrics(&*self.plan);
            tracing::debug!("{} took\n{}", self.query, metrics.indent(false));
        }
        batch.map(|batch| self.conform(&batch)).transpose()
    }

    /// The batch in the model's types, its nulls where the model allows them.
    fn conform(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let schema = self.table.schema();
        let refuse = |reason: String| Error::Shape { name: self.query.clone(), reason };
        let options = CastOptions { safe: false, ..CastOptions::default() };
        let columns: Vec<ArrayRef> = batch
            .columns()
            .iter()
            .zip(schema.fields())
            .map(|(column, field)| {
                let column = cast_with_options(column, field.data_type(), &options)
                    .map_err(|e| refuse(format!("{}: {e}", field.name())))?;
                if !field.is_nullable() && column.null_count() > 0 {
                    return Err(refuse(format!("{} holds a null", field.name())));
                }
                Ok(column)
            })
            .collect::<Result<_>>()?;
        Ok(RecordBatch::try_new(schema, columns)?)
    }
}

/// Refuses a query whose columns are not those of its table, by name, order and kind of type.
fn check_shape(query: &str, table: &Table, found: &arrow::datatypes::Schema) -> Result<()> {
    let wanted: SchemaRef = table.schema();
    let refuse = |reason| Err(Error::Shape { name: query.to_owned(), reason });
    let names = |schema: &arrow::datatypes::Schema| {
        schema.fields().iter().map(|f| f.name().clone()).collect::<Vec<_>>().join(", ")
    };
    if names(found) != names(&wanted) {
        return refuse(format!("it gives ({}), wanted are ({})", names(found), names(&wanted)));
    }
    for (found, wanted) in found.fields().iter().zip(wanted.fields()) {
        if !is_lossless(found.data_type(), wanted.data_type()) {
            return refuse(format!(
                "{} is {}, wanted is {}",
                found.name(),
                found.data_type(),
                wanted.data_type()
            ));
        }
    }
    Ok(())
}

/// Whether every value of `from` either is one of `to` or makes the cast fail, none being changed.
fn is_lossless(from: &DataType, to: &DataType) -> bool {
    use DataType::{Dictionary, Float32, Float64, LargeUtf8, Null, Timestamp, Utf8, Utf8View};
    match (from, to) {
        (from, to) if from == to => true,
        (Null, _) => true,
        (Dictionary(_, values), to) => is_lossless(values, to),
        (Utf8View | LargeUtf8, Utf8) => true,
        (Float32, Float64) => true,
        (Timestamp(TimeUnit::Second | TimeUnit::Millisecond, None), Timestamp(_, None)) => true,
        (from, to) => from.is_integer() && to.is_integer(),
    }
}

/// Counts the plays read, their duplicates and shared fingerprints.
///
/// # Errors
///
/// If the query fails.
pub async fn count_plays(session: &SessionContext, queries: &Queries) -> Result<PlayCounts> {
    let query = queries.get(Group::Accounting, "plays")?;
    let failed = |e| Error::query("accounting/plays.sql", e);
    let rows = session.sql(&query.sql).await.map_err(failed)?;
    let batches = rows.collect().await.map_err(failed)?;
    let batch = arrow::compute::concat_batches(&first_schema(&batches), &batches)?;
    let refuse = |reason: &str| Error::Shape {
        name: "accounting/plays.sql".to_owned(),
        reason: reason.to_owned(),
    };
    if batch.num_rows() != 1 {
        return Err(refuse("it must give one row"));
    }
    let count = |column: &str| -> Result<u64> {
        let values = batch.column_by_name(column).ok_or_else(|| refuse(column))?;
        let values = cast_with_options(values, &DataType::Int64, &CastOptions::default())?;
        Ok(values.as_primitive::<Int64Type>().value(0) as u64)
    };
    Ok(PlayCounts {
        read: count("plays_read")?,
        duplicates: count("duplicates")?,
        shared_fingerprints: count("shared_fingerprints")?,
    })
}

fn first_schema(batches: &[RecordBatch]) -> SchemaRef {
    batches.first().map_or_else(|| Arc::new(arrow::datatypes::Schema::empty()), RecordBatch::schema)
}
