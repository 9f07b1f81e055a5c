//! Rows of query results in documents.

use arrow::array::RecordBatch;
use arrow::json::WriterBuilder;
use arrow::json::writer::JsonArray;
use serde_json::{Map, Value};

use crate::cli::error::{Error, Result};

/// A row: values by column.
pub type Row = Map<String, Value>;

/// Returns the rows of batches.
///
/// # Errors
///
/// Returns an error if a value has no JSON form.
pub fn rows(batches: &[RecordBatch]) -> Result<Vec<Row>> {
    let mut writer =
        WriterBuilder::new().with_explicit_nulls(true).build::<_, JsonArray>(Vec::new());
    for batch in batches {
        writer.write(batch)?;
    }
    writer.finish()?;
    let text = writer.into_inner();
    if text.is_empty() {
        return Ok(Vec::new());
    }
    serde_json::from_slice(&text)
        .map_err(|e| Error::io("cannot write rows as JSON", std::io::Error::other(e)))
}
