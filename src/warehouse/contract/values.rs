//! Reads a column of a file if its footer does not contain enough information.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use futures::TryStreamExt;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::arrow::{ParquetRecordBatchStreamBuilder, ProjectionMask};
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;

use super::footer::Object;
use crate::warehouse::error::{Error, Result};

/// Number of characters of a value to show.
const SHOWN_CHARS: usize = 60;

/// Number of rows to read at once; values may be long.
const BATCH_ROWS: usize = 1024;

/// A value to show, with its location.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Example {
    /// Row number in the file, from 1.
    pub row: u64,
    /// Length of the whole value in bytes.
    pub bytes: u64,
    /// First characters of the value.
    pub shown: String,
}

/// Values with the same defect.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Offenders {
    pub count: u64,
    pub first: Option<Example>,
}

/// Findings from reading a text column.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct TextScan {
    /// Values with too many bytes.
    pub too_long: Offenders,
    /// Values that contain U+0000.
    pub nul: Offenders,
}

impl Offenders {
    fn add(&mut self, row: u64, value: &str) {
        self.count += 1;
        self.first.get_or_insert_with(|| {
            let mut shown: String = value.chars().take(SHOWN_CHARS).collect();
            if value.chars().nth(SHOWN_CHARS).is_some() {
                shown.push('…');
            }
            Example { row, bytes: value.len() as u64, shown }
        });
    }
}

impl std::fmt::Display for Offenders {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let noun = if self.count == 1 { "value" } else { "values" };
        write!(f, "{} {noun}", self.count)?;
        match &self.first {
            Some(Example { row, bytes, shown }) => {
                write!(f, ", the first in row {row} with {bytes} bytes: \"{shown}\"")
            }
            None => Ok(()),
        }
    }
}

/// Reads a text column and looks for values of more than `limit` bytes and for U+0000. The inner
/// `Err` is the reason why the file cannot be read.
pub(super) async fn scan_text(
    file: &Object,
    footer: &Arc<ParquetMetaData>,
    column: usize,
    limit: u32,
) -> Result<std::result::Result<TextScan, String>> {
    let mut found = TextScan::default();
    let read = read_column(file, footer, column, |first_row, values| {
        let Some(texts) = values.as_string_opt::<i32>() else {
            return Err(format!("it is read as {}", values.data_type()));
        };
        for (row, text) in (first_row..).zip(texts) {
            let Some(text) = text else { continue };
            if text.len() as u64 > u64::from(limit) {
                found.too_long.add(row, text);
            }
            if text.as_bytes().contains(&0) {
                found.nul.add(row, text);
            }
        }
        Ok(())
    });
    let read = read.await?;
    Ok(read.map(|()| found))
}

/// Reads a column and counts its nulls. Returns the count and the row of the first null.
pub(super) async fn count_nulls(
    file: &Object,
    footer: &Arc<ParquetMetaData>,
    column: usize,
) -> Result<std::result::Result<(u64, Option<u64>), String>> {
    let (mut count, mut first) = (0, None);
    let read = read_column(file, footer, column, |first_row, values| {
        count += values.null_count() as u64;
        if first.is_none() && values.null_count() > 0 {
            first =
                (0..values.len()).find(|row| values.is_null(*row)).map(|r| first_row + r as u64);
        }
        Ok(())
    });
    let read = read.await?;
    Ok(read.map(|()| (count, first)))
}

/// Passes a column's values to `visit` batch by batch, with the number of the batch's first row.
async fn read_column(
    file: &Object,
    footer: &Arc<ParquetMetaData>,
    column: usize,
    mut visit: impl FnMut(u64, &ArrayRef) -> std::result::Result<(), String>,
) -> Result<std::result::Result<(), String>> {
    // The reader does not check for negative offsets.
    let is_negative = footer.row_groups().iter().map(|group| group.column(column)).any(|chunk| {
        let begin = chunk.dictionary_page_offset().unwrap_or(chunk.data_page_offset());
        begin < 0 || chunk.compressed_size() < 0
    });
    if is_negative {
        return Ok(Err("its footer has a negative offset".to_owned()));
    }
    // Ignore the embedded Arrow schema: it must not change how the Parquet types are read.
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let mask = ProjectionMask::leaves(footer.file_metadata().schema_descr(), [column]);
    let opened = ArrowReaderMetadata::try_new(footer.clone(), options).and_then(|metadata| {
        ParquetRecordBatchStreamBuilder::new_with_metadata(file.clone(), metadata)
            .with_projection(mask)
            .with_batch_size(BATCH_ROWS)
            .build()
    });
    let mut batches = match opened {
        Ok(batches) => batches,
        Err(error) => return unreadable(error),
    };
    let mut row = 1;
    loop {
        match batches.try_next().await {
            Ok(Some(batch)) => {
                if let Err(problem) = visit(row, batch.column(0)) {
                    return Ok(Err(problem));
                }
                row += batch.num_rows() as u64;
            }
            Ok(None) => return Ok(Ok(())),
            Err(error) => return unreadable(error),
        }
    }
}

/// Returns an error if the store failed; any other failure is a problem of the file.
fn unreadable(error: ParquetError) -> Result<std::result::Result<(), String>> {
    match error {
        ParquetError::External(external) => match external.downcast::<Error>() {
            Ok(own) => Err(*own),
            Err(other) => Ok(Err(other.to_string())),
        },
        other => Ok(Err(other.to_string())),
    }
}
