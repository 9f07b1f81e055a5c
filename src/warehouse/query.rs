//! Runs queries in a warehouse and converts the text values it returns to Arrow batches.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringBuilder};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::util::display::FormatOptions;
use datafusion::datasource::empty::EmptyTable;
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::prelude::SessionContext;
use futures::{StreamExt, TryStreamExt};

use crate::model::Model;
use crate::star::model::table_schema;
use crate::warehouse::connection::session::{Message, Session, TextRow};
use crate::warehouse::error::Cause;
use crate::warehouse::error::{Error, Result};
use crate::warehouse::read_only::ensure_read_only;

/// Number of rows in a batch.
const BATCH_ROWS: usize = 8192;

/// Returns the columns that `sql` would have over the Parquet files of a star of `model`, or `None` if
/// DataFusion cannot plan it. Their types are the types to parse the warehouse's text values as.
pub async fn expected_schema(model: &Model, sql: &str) -> Option<SchemaRef> {
    let session = SessionContext::new();
    for table in &model.tables {
        let empty = Arc::new(EmptyTable::new(table_schema(table)));
        session.register_table(&*table.name, empty).ok()?;
    }
    let rows = session.sql(sql).await.ok()?;
    Some(Arc::new(rows.schema().as_arrow().clone()))
}

/// Runs a query and streams its result. Values are parsed as the types of `expected`. A column
/// stays text if there is no expected type or if the first rows cannot be parsed as it.
///
/// # Errors
///
/// Returns an error if the SQL is not a single read-only query, or if the warehouse rejects it.
pub async fn run_query(
    session: &Session,
    name: &str,
    sql: &str,
    expected: Option<SchemaRef>,
) -> Result<SendableRecordBatchStream> {
    ensure_read_only(sql, session.dialect(), session.escapes_backslashes())?;
    let action = format!("run {name}");
    let mut messages = session.messages(&action, sql).await?;
    let mut names = Vec::new();
    while let Some(message) = messages.try_next().await? {
        if let Message::Columns(columns) = message {
            names = columns;
            break;
        }
    }
    let mut rows = Box::pin(
        messages
            .try_filter_map(|message| async move {
                Ok(if let Message::Row(row) = message { Some(row) } else { None })
            })
            .try_chunks(BATCH_ROWS)
            .map_err(|e| e.1),
    );
    let first = rows.try_next().await?.unwrap_or_default();
    let texts = text_batch(&names, &first)?;
    let schema = fitting_schema(&texts, expected);
    let unparsable =
        |e: ArrowError| Error::from(session.fail(&action, Cause::Response(e.to_string())));
    let first = typed(&texts, &schema).map_err(unparsable)?;
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

/// Returns the expected types, with text instead for each column whose first rows cannot be parsed.
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

/// Maps the variants of text and dictionary-encoded types to their plain type.
pub(super) fn plain(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Utf8View | DataType::LargeUtf8 | DataType::Null => DataType::Utf8,
        DataType::Dictionary(_, values) => plain(values),
        other => other.clone(),
    }
}

/// Cast options that make an unparsable value an error instead of a null.
pub(super) const STRICT: CastOptions<'static> =
    CastOptions { safe: false, format_options: FormatOptions::new() };

fn typed(texts: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let columns = texts.columns().iter().zip(schema.fields());
    let columns =
        columns.map(|(column, field)| cast_with_options(column, field.data_type(), &STRICT));
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(texts.num_rows()));
    RecordBatch::try_new_with_options(schema.clone(), columns.collect::<Result<_, _>>()?, &options)
}
