//! Writes the rows of a result in the formats of `query`.

mod markdown;
mod parquet;

use std::io::{self, Write};

use arrow::array::RecordBatch;
use arrow::csv;
use arrow::error::ArrowError;
use arrow::json;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchReceiverStream;
use futures::{StreamExt, TryStreamExt};

use super::args::QueryFormat;
use super::destination::Destination;
use super::output::TextFormat;
use super::table;
use crate::cli::error::{Error, Result};
use crate::escape;

/// Border preset of tables, see [`comfy_table::Table::load_preset`].
const GRID: &str = "||--+-++|    ++++++";

/// Number of batches that are produced before they are written.
const BATCHES_AHEAD: usize = 2;

/// Writes the rows of the query `name`, and returns their number.
///
/// # Errors
///
/// Returns an error if the query or a write fails.
pub async fn write(
    name: &str,
    rows: SendableRecordBatchStream,
    format: QueryFormat,
    to: &mut Destination,
) -> Result<u64> {
    let mut rows = Rows { name, rows: detached(rows), count: 0 };
    match format {
        QueryFormat::Table => write_table(&mut rows, to).await,
        QueryFormat::Csv => write_csv(&mut rows, to).await,
        QueryFormat::Json => write_json::<Document>(&mut rows, to).await,
        QueryFormat::Ndjson => write_json::<json::writer::LineDelimited>(&mut rows, to).await,
        QueryFormat::Markdown => write_markdown(&mut rows, to).await,
        QueryFormat::Parquet => write_parquet(&mut rows, to).await,
    }?;
    Ok(rows.count)
}

/// Returns the same rows, produced by a task of their own: a query that computes for seconds without a pause
/// then does not delay the reaction to Ctrl-C.
pub fn detached(mut rows: SendableRecordBatchStream) -> SendableRecordBatchStream {
    let mut produced = RecordBatchReceiverStream::builder(rows.schema(), BATCHES_AHEAD);
    let sender = produced.tx();
    produced.spawn(async move {
        while let Some(batch) = rows.next().await {
            // Without a receiver, the result is no longer needed.
            if sender.send(batch).await.is_err() {
                break;
            }
        }
        Ok(())
    });
    produced.build()
}

/// Rows that are being read.
struct Rows<'a> {
    name: &'a str,
    rows: SendableRecordBatchStream,
    /// Number of rows read.
    count: u64,
}

impl Rows<'_> {
    /// Returns the next rows, or `None` at the end or if the destination is closed.
    async fn next(&mut self, to: &Destination) -> Result<Option<RecordBatch>> {
        if to.is_closed() {
            return Ok(None);
        }
        let batch = self.rows.try_next().await.map_err(|e| Error::query(self.name, e))?;
        self.count += batch.as_ref().map_or(0, |batch| batch.num_rows() as u64);
        Ok(batch)
    }
}

/// Writes the rows as a table. Collects all rows first, because they determine the column widths.
async fn write_table(rows: &mut Rows<'_>, to: &mut Destination) -> Result<()> {
    let mut batches = Vec::new();
    while let Some(batch) = rows.next(to).await? {
        batches.push(batch);
    }
    to.text(&grid(&rows.rows.schema(), &batches)?, TextFormat::Text).await
}

/// Returns the rows as a table with lines.
///
/// # Errors
///
/// Returns an error if a value cannot be formatted.
pub fn grid(schema: &arrow::datatypes::SchemaRef, batches: &[RecordBatch]) -> Result<String> {
    let show = |value: &str| escape::line(value).into_owned();
    Ok(format!("{}\n", table::table(schema, batches, GRID, show)?))
}

async fn write_markdown(rows: &mut Rows<'_>, to: &mut Destination) -> Result<()> {
    to.text(&markdown::header(&rows.rows.schema()), TextFormat::Text).await?;
    while let Some(batch) = rows.next(to).await? {
        to.text(&markdown::rows(&batch)?, TextFormat::Text).await?;
    }
    Ok(())
}

async fn write_parquet(rows: &mut Rows<'_>, to: &mut Destination) -> Result<()> {
    let mut file = parquet::ParquetRows::begin(rows.rows.schema(), to)?;
    while !file.is_closed()
        && let Some(batch) = rows.rows.try_next().await.map_err(|e| Error::query(rows.name, e))?
    {
        rows.count += batch.num_rows() as u64;
        file.write(&batch)?;
    }
    file.finish()
}

async fn write_csv(rows: &mut Rows<'_>, to: &mut Destination) -> Result<()> {
    let empty = RecordBatch::new_empty(rows.rows.schema());
    to.text(&csv_lines(&empty, true)?, TextFormat::Text).await?;
    while let Some(batch) = rows.next(to).await? {
        to.text(&csv_lines(&batch, false)?, TextFormat::Text).await?;
    }
    Ok(())
}

fn csv_lines(batch: &RecordBatch, header: bool) -> Result<String> {
    let mut lines = Vec::new();
    csv::WriterBuilder::new().with_header(header).build(&mut lines).write(batch)?;
    utf8(lines)
}

/// Converts the output of a text writer to a string.
fn utf8(written: Vec<u8>) -> Result<String> {
    let not_text = |e| Error::io("cannot write the result", io::Error::other(e));
    String::from_utf8(written).map_err(not_text)
}

/// A JSON array that ends with a line feed, so that a shell prompt starts on its own line.
#[derive(Debug, Default)]
struct Document;

impl json::writer::JsonFormat for Document {
    fn start_stream<W: Write>(&self, out: &mut W) -> Result<(), ArrowError> {
        Ok(out.write_all(b"[")?)
    }

    fn start_row<W: Write>(&self, out: &mut W, is_first: bool) -> Result<(), ArrowError> {
        if is_first { Ok(()) } else { Ok(out.write_all(b",")?) }
    }

    fn end_stream<W: Write>(&self, out: &mut W) -> Result<(), ArrowError> {
        Ok(out.write_all(b"]\n")?)
    }
}

async fn write_json<F: json::writer::JsonFormat>(
    rows: &mut Rows<'_>,
    to: &mut Destination,
) -> Result<()> {
    let mut writer = json::WriterBuilder::new().with_explicit_nulls(true).build::<_, F>(Vec::new());
    while let Some(batch) = rows.next(to).await? {
        writer.write(&batch)?;
        to.text(&utf8(std::mem::take(writer.get_mut()))?, TextFormat::Json).await?;
    }
    writer.finish()?;
    to.text(&utf8(writer.into_inner())?, TextFormat::Json).await
}
