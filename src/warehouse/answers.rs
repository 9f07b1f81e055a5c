//! Questions to a warehouse: its answers, which come as text, as Arrow batches.

use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, StringBuilder};
use arrow::compute::{CastOptions, cast_with_options, concat_batches};
use arrow::datatypes::{DataType, Field, Float64Type, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::datasource::empty::EmptyTable;
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::prelude::SessionContext;
use datafusion::sql::sqlparser::ast::{Query, SetExpr, Statement, Visit, Visitor};
use datafusion::sql::sqlparser::dialect::{PostgreSqlDialect, RedshiftSqlDialect};
use datafusion::sql::sqlparser::parser::Parser;
use futures::{StreamExt, TryStreamExt};
use tokio_postgres::SimpleQueryMessage;

use super::Dialect;
use super::error::Cause;
use super::session::{Session, TextRow};
use crate::error::{Error, Result};
use crate::star::model::TABLES;

/// Rows of a batch.
const BATCH_ROWS: usize = 8192;

/// Doubles that differ by less than this part are the same answer: sums depend on the order of the
/// rows, and Redshift prints 15 digits.
const TOLERANCE: f64 = 1e-9;

/// The columns that `sql` would give over the files, where DataFusion understands it: the types that
/// a warehouse's text is read as.
pub async fn expected_schema(sql: &str) -> Option<SchemaRef> {
    let session = SessionContext::new();
    for table in &TABLES {
        let empty = Arc::new(EmptyTable::new(table.schema()));
        session.register_table(table.name, empty).ok()?;
    }
    let rows = session.sql(sql).await.ok()?;
    Some(Arc::new(rows.schema().as_arrow().clone()))
}

/// Fails unless `sql` is one question: a query, alone, that makes and changes nothing.
///
/// # Errors
///
/// [`Error::Usage`] that says what else it is.
pub fn demand_question(sql: &str, dialect: Dialect) -> Result<()> {
    let parsed = match dialect {
        Dialect::Redshift => Parser::parse_sql(&RedshiftSqlDialect {}, sql),
        Dialect::Postgres => Parser::parse_sql(&PostgreSqlDialect {}, sql),
    };
    let statements =
        parsed.map_err(|e| Error::Usage(format!("the query is not understood: {e}")))?;
    let [Statement::Query(query)] = &statements[..] else {
        return Err(Error::Usage("a question is one SELECT; nothing else is sent".to_owned()));
    };
    let mut changes = ChangeFinder { found: false };
    let _ = query.visit(&mut changes);
    if changes.found || makes_table(query) {
        return Err(Error::Usage("a question makes and changes nothing".to_owned()));
    }
    Ok(())
}

/// Looks for statements within a query.
struct ChangeFinder {
    found: bool,
}

impl Visitor for ChangeFinder {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        self.found |= makes_table(query)
            || matches!(
                *query.body,
                SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_)
            );
        ControlFlow::Continue(())
    }
}

fn makes_table(query: &Query) -> bool {
    matches!(&*query.body, SetExpr::Select(select) if select.into.is_some())
}

/// Asks a question; the answer as it comes. Values are read as the types of `expected`, and as text
/// where there are none or the first rows do not fit them.
///
/// # Errors
///
/// If the warehouse refuses the question.
pub async fn ask(
    session: &Session,
    name: &str,
    sql: &str,
    expected: Option<SchemaRef>,
) -> Result<SendableRecordBatchStream> {
    demand_question(sql, session.dialect())?;
    let action = format!("answer {name}");
    let mut messages = Box::pin(session.messages(&action, sql).await?);
    let mut names = Vec::new();
    while let Some(message) = messages.try_next().await? {
        if let SimpleQueryMessage::RowDescription(columns) = message {
            names = columns.iter().map(|column| column.name().to_owned()).collect();
            break;
        }
    }
    let mut rows = Box::pin(
        messages
            .try_filter_map(|message| async move {
                Ok(if let SimpleQueryMessage::Row(row) = message { Some(row) } else { None })
            })
            .map_ok(|row| -> TextRow {
                (0..row.len()).map(|i| row.get(i).map(str::to_owned)).collect()
            })
            .try_chunks(BATCH_ROWS)
            .map_err(|e| e.1),
    );
    let first = rows.try_next().await?.unwrap_or_default();
    let texts = text_batch(&names, &first)?;
    let schema = fitting_schema(&texts, expected);
    let not_understood =
        |e: ArrowError| Error::from(session.fail(&action, Cause::Answer(e.to_string())));
    let first = typed(&texts, &schema).map_err(not_understood)?;
    let batch_schema = schema.clone();
    let rest = rows.map(move |rows| {
        let rows = rows.map_err(|e| DataFusionError::External(Box::new(e)))?;
        Ok(typed(&text_batch(&names, &rows)?, &batch_schema)?)
    });
    let all = futures::stream::iter([Ok(first)]).chain(rest);
    Ok(Box::pin(RecordBatchStreamAdapter::new(schema, all)))
}

fn text_batch(names: &[String], rows: &[TextRow]) -> Result<RecordBatch, ArrowError> {
    let fields = names.iter().map(|name| Field::new(name, DataType::Utf8, true));
    let columns = (0..names.len()).map(|i| {
        let mut values = StringBuilder::new();
        rows.iter().for_each(|row| values.append_option(row.get(i).and_then(Option::as_deref)));
        Arc::new(values.finish()) as ArrayRef
    });
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(rows.len()));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    RecordBatch::try_new_with_options(schema, columns.collect(), &options)
}

/// The expected types, text in place of those that the first rows cannot be read as.
fn fitting_schema(texts: &RecordBatch, expected: Option<SchemaRef>) -> SchemaRef {
    let found = texts.schema();
    let Some(expected) = expected.filter(|e| e.fields().len() == found.fields().len()) else {
        return found;
    };
    let fields = texts.columns().iter().zip(found.fields()).zip(expected.fields());
    let fields = fields.map(|((column, found), expected)| {
        let wanted = plain(expected.data_type());
        let fits = cast_with_options(column, &wanted, &STRICT).is_ok();
        Field::new(found.name(), if fits { wanted } else { DataType::Utf8 }, true)
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// Texts in their plainest form.
fn plain(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Utf8View | DataType::LargeUtf8 | DataType::Null => DataType::Utf8,
        DataType::Dictionary(_, values) => plain(values),
        other => other.clone(),
    }
}

/// A value that cannot be read is an error, not a null.
const STRICT: CastOptions<'static> =
    CastOptions { safe: false, format_options: FormatOptions::new() };

fn typed(texts: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let columns = texts.columns().iter().zip(schema.fields());
    let columns =
        columns.map(|(column, field)| cast_with_options(column, field.data_type(), &STRICT));
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(texts.num_rows()));
    RecordBatch::try_new_with_options(schema.clone(), columns.collect::<Result<_, _>>()?, &options)
}

/// The first difference between two answers to one question, row by row; `None` when they are the
/// same. Doubles may differ in their last digits.
///
/// # Errors
///
/// If an answer cannot be read to its end.
pub async fn difference(
    files: SendableRecordBatchStream,
    warehouse: SendableRecordBatchStream,
) -> Result<Option<String>> {
    let (left, right) = (collected(files).await?, collected(warehouse).await?);
    if left.num_columns() != right.num_columns() {
        let (left, right) = (left.num_columns(), right.num_columns());
        return Ok(Some(format!("{left} columns from the files, {right} from the warehouse")));
    }
    if left.num_rows() != right.num_rows() {
        let (left, right) = (left.num_rows(), right.num_rows());
        return Ok(Some(format!("{left} rows from the files, {right} from the warehouse")));
    }
    for (i, field) in left.schema().fields().iter().enumerate() {
        if let Some((row, left, right)) = column_difference(left.column(i), right.column(i))? {
            return Ok(Some(format!(
                "row {}, {}: {left} from the files, {right} from the warehouse",
                row + 1,
                field.name()
            )));
        }
    }
    Ok(None)
}

async fn collected(rows: SendableRecordBatchStream) -> Result<RecordBatch> {
    let schema = rows.schema();
    let batches: Vec<RecordBatch> =
        rows.try_collect().await.map_err(|e| Error::query("the answer", e))?;
    Ok(concat_batches(&schema, &batches)?)
}

fn column_difference(
    left: &ArrayRef,
    right: &ArrayRef,
) -> Result<Option<(usize, String, String)>, ArrowError> {
    if left.data_type() == &DataType::Float64 && right.data_type() == &DataType::Float64 {
        let (l, r) = (left.as_primitive::<Float64Type>(), right.as_primitive::<Float64Type>());
        let near = |(l, r): (Option<f64>, Option<f64>)| match (l, r) {
            (Some(l), Some(r)) => l == r || (l - r).abs() <= TOLERANCE * l.abs().max(r.abs()),
            (l, r) => l == r,
        };
        let differs = l.iter().zip(r).position(|pair| !near(pair));
        return differs.map(|row| shown(left, right, row)).transpose();
    }
    // Other types are compared as those of the files; what cannot be read as one of them differs.
    let wanted = plain(left.data_type());
    let left = cast_with_options(left, &wanted, &STRICT)?;
    let Ok(right) = cast_with_options(right, &wanted, &STRICT) else {
        let fits = |row: &usize| cast_with_options(&right.slice(*row, 1), &wanted, &STRICT).is_ok();
        let row = (0..right.len()).find(|row| !fits(row)).unwrap_or_default();
        return shown(&left, right, row).map(Some);
    };
    let differs =
        (0..left.len()).find(|&row| left.slice(row, 1).as_ref() != right.slice(row, 1).as_ref());
    differs.map(|row| shown(&left, &right, row)).transpose()
}

fn shown(
    left: &ArrayRef,
    right: &ArrayRef,
    row: usize,
) -> Result<(usize, String, String), ArrowError> {
    let options = FormatOptions::default().with_null("null");
    let text = |array: &ArrayRef| -> Result<String, ArrowError> {
        Ok(ArrayFormatter::try_new(array.as_ref(), &options)?.value(row).to_string())
    };
    Ok((row, text(left)?, text(right)?))
}
