//! Checks a file's values against its table: text lengths, U+0000 and nulls. Reads a column only if
//! the footer and the record do not contain enough information.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use futures::TryStreamExt;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::arrow::{ParquetRecordBatchStreamBuilder, ProjectionMask};
use parquet::basic::Type as Physical;
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;
use parquet::schema::types::SchemaDescriptor;

use super::chunks::has_nul_in_bounds;
use super::finding::Finding;
use super::footer::Object;
use super::rule::Rule;
use super::tables::{ExpectedColumn, ExpectedTable, Reading};
use crate::star::TableRecord;
use crate::storage::Place;
use crate::warehouse::error::{Error, Result};
use crate::warehouse::sql::limits::MAX_VARCHAR;

/// Number of characters of a value to show.
const SHOWN_CHARS: usize = 60;

/// Number of rows to read at once; values may be long.
const BATCH_ROWS: usize = 1024;

/// Returns the leaf index of the column at `position` if it is flat.
pub(super) fn leaf(schema: &SchemaDescriptor, position: usize) -> Option<usize> {
    let field = schema.root_schema().get_fields().get(position)?;
    let is_flat = field.is_primitive();
    let mut leaves = 0..schema.num_columns();
    leaves.find(|leaf| is_flat && schema.get_column_root_idx(*leaf) == position)
}

/// Returns the leaf index of a column if it holds bytes. Other types are a finding of another rule.
fn text_leaf(footer: &ParquetMetaData, position: usize) -> Option<usize> {
    let schema = footer.file_metadata().schema_descr();
    let leaf = leaf(schema, position)?;
    (schema.column(leaf).physical_type() == Physical::BYTE_ARRAY).then_some(leaf)
}

/// Checks the texts of a file against its table, to the extent that `reading` specifies.
pub(super) async fn check_texts(
    file: &Object,
    footer: &Arc<ParquetMetaData>,
    table: &ExpectedTable,
    reading: Reading,
) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for (position, column) in table.columns.iter().enumerate() {
        let Some(limit) = column.text_limit() else { continue };
        let Some(leaf) = text_leaf(footer, position) else { continue };
        let place = format!("{}, column {}", file.place, column.name);
        if reading == Reading::Texts {
            match scan_text(file, footer, leaf, limit).await? {
                Ok(scan) => findings.extend(scan_findings(&place, &scan, table, column, limit)),
                Err(problem) => findings.push(unread(&place, problem)),
            }
        } else if has_nul_in_bounds(footer, leaf) {
            let problem = "its minimum or maximum value contains U+0000";
            findings.push(Finding::new(Rule::TextNul, place, problem));
        }
    }
    Ok(findings)
}

/// Checks the longest texts in the record against the table, and looks for an example of a text
/// that is too long. Reads a column if the record has no length for it.
pub(super) async fn check_recorded_texts(
    star: &Place,
    table: &ExpectedTable,
    record: &TableRecord,
) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for (position, column) in table.columns.iter().enumerate() {
        let Some(limit) = column.text_limit() else { continue };
        let longest = record.max_text_bytes.get(&column.name).copied();
        if longest.is_some_and(|longest| longest <= u64::from(limit)) {
            continue;
        }
        let mut found = search(star, table, record, position).await?;
        if let Some(longest) = longest {
            let place = format!("{}.{}", table.name, column.name);
            let too_long = format!(
                "the record's longest value has {longest} bytes, more than VARCHAR({limit}) holds"
            );
            match found.iter_mut().find(|finding| finding.rule == Rule::TextLength) {
                Some(example) => example.problem += &format!("; {too_long}"),
                None => found.push(Finding::new(
                    Rule::TextLength,
                    place,
                    format!("{too_long}; no such value was found in the files"),
                )),
            }
        }
        findings.extend(found);
    }
    Ok(findings)
}

/// Reads a text column file by file, up to the first file with a value that does not fit.
async fn search(
    star: &Place,
    table: &ExpectedTable,
    record: &TableRecord,
    position: usize,
) -> Result<Vec<Finding>> {
    let column = &table.columns[position];
    let limit = column.text_limit().unwrap_or_default();
    for file in &record.files {
        let place = star.child(&file.path);
        let Some(meta) = place.head().await? else { continue };
        let file = Object { place, size: meta.size };
        let Ok(footer) = file.footer().await? else { continue };
        let Some(leaf) = text_leaf(&footer, position) else { continue };
        let place = format!("{}, column {}", file.place, column.name);
        match scan_text(&file, &footer, leaf, limit).await? {
            Ok(scan) => {
                let found = scan_findings(&place, &scan, table, column, limit);
                if !found.is_empty() {
                    return Ok(found);
                }
            }
            // Stop here: the other files were most likely written in the same way.
            Err(problem) => return Ok(vec![unread(&place, problem)]),
        }
    }
    Ok(Vec::new())
}

fn scan_findings(
    place: &str,
    scan: &TextScan,
    table: &ExpectedTable,
    column: &ExpectedColumn,
    limit: u32,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(first) = &scan.too_long.first {
        let target = format!("{}.{} is VARCHAR({limit})", table.name, column.name);
        let mut problem = format!("{}; {target}", scan.too_long);
        if first.bytes > u64::from(MAX_VARCHAR) {
            problem += ", more than any VARCHAR can hold";
        }
        findings.push(Finding::new(Rule::TextLength, place, problem));
    }
    if scan.nul.first.is_some() {
        findings.push(Finding::new(Rule::TextNul, place, scan.nul.to_string()));
    }
    findings
}

fn unread(place: &str, problem: String) -> Finding {
    Finding::new(Rule::ColumnReadable, place, problem)
}

/// A value to show, with its location.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Example {
    /// Row number in the file, from 1.
    row: u64,
    /// Length of the whole value in bytes.
    bytes: u64,
    /// First characters of the value.
    shown: String,
}

/// Values with the same defect.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Offenders {
    count: u64,
    first: Option<Example>,
}

/// Findings from reading a text column.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct TextScan {
    /// Values with too many bytes.
    too_long: Offenders,
    /// Values that contain U+0000.
    nul: Offenders,
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
async fn scan_text(
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
