//! Checks texts against the VARCHAR they load into: length in bytes, and U+0000.

use std::sync::Arc;

use parquet::basic::Type as Physical;
use parquet::file::metadata::ParquetMetaData;
use parquet::schema::types::SchemaDescriptor;

use super::chunks::has_nul_in_bounds;
use super::finding::Finding;
use super::footer::Object;
use super::rule::Rule;
use super::tables::{ExpectedColumn, ExpectedTable, Reading};
use super::values::{TextScan, scan_text};
use crate::star::TableRecord;
use crate::storage::Place;
use crate::warehouse::error::Result;
use crate::warehouse::sql::limits::MAX_VARCHAR;

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
pub(super) async fn check_file(
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
            let problem = "its smallest or greatest value holds U+0000";
            findings.push(Finding::new(Rule::TextNul, place, problem));
        }
    }
    Ok(findings)
}

/// Checks the longest texts in the record against the table, and looks for an example of a text
/// that is too long. Reads a column if the record has no length for it.
pub(super) async fn check_record(
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
                "the record's longest value has {longest} bytes, VARCHAR({limit}) holds {limit}"
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
