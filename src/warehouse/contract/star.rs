//! Checks a whole star against the contract.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use futures::stream::{self, StreamExt, TryStreamExt};
use parquet::basic::Repetition;
use parquet::file::metadata::ParquetMetaData;

use super::finding::{Checked, Contract, Finding};
use super::footer::Object;
use super::rule::Rule;
use super::tables::{Expected, ExpectedTable, Reading};
use super::{chunks, columns, manifest, tables, values};
use crate::publish::fixed_manifest;
use crate::star::{FileRecord, RunRecord, TableRecord};
use crate::storage::Place;
use crate::warehouse::error::Result;
use crate::warehouse::sql::limits::MAX_FILE;
use crate::warehouse::sql::validate::object_url_problem;

/// Number of files to check concurrently. The checks mostly wait for a HEAD request and a footer.
const FILES_IN_FLIGHT: usize = 16;

/// Checks the star at `star` against the contract.
///
/// # Errors
///
/// Returns an error if the store cannot be read. Problems of the star itself are findings.
pub async fn check_star(star: &Place, record: &RunRecord, expected: &Expected) -> Result<Contract> {
    let mut contract =
        Contract { findings: tables::check(&expected.tables), checked: Checked::default() };
    let regions = expected.warehouse_region.as_deref().zip(expected.bucket_region.as_deref());
    if let Some((warehouse, bucket)) = regions
        && warehouse != bucket
    {
        let problem = format!("the bucket is in {bucket}, the warehouse in {warehouse}");
        contract.findings.push(Finding::new(Rule::BucketRegion, star, problem));
    }
    let not_applied = usize::from(regions.is_none());
    let rules = Rule::ALL.iter().filter(|rule| !rule.is_of_statement()).count();
    contract.checked.rules = (rules - not_applied) as u64;

    let mut entries = Vec::new();
    for table in &expected.tables {
        let Some(found) = record.tables.get(&table.name) else {
            let problem = "the record does not contain it";
            contract.findings.push(Finding::new(Rule::RecordTables, &table.name, problem));
            continue;
        };
        let listed = check_manifest(star, found, &mut contract).await?;
        check_copy(star, &table.name, found, &mut contract).await?;
        check_files(star, table, found, listed.as_deref(), expected, &mut contract).await?;
        entries.extend(listed.into_iter().flatten());
    }
    let urls = entries.iter().map(|entry| entry.url.as_str());
    contract.findings.extend(manifest::check_location(star, urls));
    Ok(contract)
}

/// Reads and checks a table's manifest. Returns `None` if it is missing or not a manifest.
async fn check_manifest(
    star: &Place,
    table: &TableRecord,
    contract: &mut Contract,
) -> Result<Option<Vec<manifest::Entry>>> {
    let place = star.child(&table.manifest);
    let url = place.to_string();
    let Some(bytes) = place.read().await? else {
        let problem = "the object does not exist";
        contract.findings.push(Finding::new(Rule::ManifestPresent, url, problem));
        return Ok(None);
    };
    contract.checked.manifests += 1;
    // COPY contains this URL in its text, so the rules for keys apply to it too.
    if let Some(problem) = object_url_problem(&manifest::url(star, &table.manifest)) {
        contract.findings.push(Finding::new(Rule::ManifestKey, &url, problem));
    }
    let Some(entries) = manifest::parse(&url, &bytes, &mut contract.findings) else {
        return Ok(None);
    };
    manifest::check_keys(&entries, &mut contract.findings);
    manifest::check_files(&url, &entries, star, table, &mut contract.findings);
    Ok(Some(entries))
}

/// Checks the copy of a table's manifest under its fixed name. Loads do not use it, but a COPY
/// written by hand does. A copy that lists the files of another star is skipped because it is about
/// to be replaced.
async fn check_copy(
    star: &Place,
    name: &str,
    table: &TableRecord,
    contract: &mut Contract,
) -> Result<()> {
    let path = fixed_manifest(name);
    if path == table.manifest {
        return Ok(());
    }
    let place = star.child(&path);
    let Some(bytes) = place.read().await? else { return Ok(()) };
    let url = place.to_string();
    let mut findings = Vec::new();
    if let Some(entries) = manifest::parse(&url, &bytes, &mut findings) {
        let listed: HashSet<&str> = entries.iter().map(|entry| entry.url.as_str()).collect();
        let files = table.files.iter().map(|file| (manifest::url(star, &file.path), file.bytes));
        let files: HashMap<String, u64> = files.collect();
        if listed != files.keys().map(String::as_str).collect() {
            return Ok(());
        }
        manifest::check_files(&url, &entries, star, table, &mut findings);
        for entry in &entries {
            let wanted = files.get(&entry.url).copied();
            if entry.content_length.is_some() && entry.content_length != wanted {
                let problem = "content_length differs from the size in the record";
                let place = format!("{url}, {}", entry.url);
                findings.push(Finding::new(Rule::ManifestContentLength, place, problem));
            }
        }
    }
    contract.findings.extend(findings);
    Ok(())
}

async fn check_files(
    star: &Place,
    table: &ExpectedTable,
    record: &TableRecord,
    listed: Option<&[manifest::Entry]>,
    expected: &Expected,
    contract: &mut Contract,
) -> Result<()> {
    let lengths = manifest::lengths(listed.unwrap_or_default());
    let lengths = &lengths;
    // Collected because the future of a closure that borrows its argument is not `Send`.
    let checks: Vec<_> = record
        .files
        .iter()
        .map(|file| async move {
            let place = star.child(&file.path);
            let mut check = FileCheck::default();
            check.check_file(place, star, table, file, lengths, expected.reading).await?;
            Ok::<_, crate::warehouse::error::Error>(check)
        })
        .collect();
    let checks: Vec<FileCheck> =
        stream::iter(checks).buffered(FILES_IN_FLIGHT).try_collect().await?;
    for check in checks {
        contract.checked.files += u64::from(check.columns > 0);
        contract.checked.columns += check.columns as u64;
        contract.findings.extend(check.findings);
    }
    contract.findings.extend(totals(&table.name, record));
    if expected.reading == Reading::Footers {
        contract.findings.extend(values::check_recorded_texts(star, table, record).await?);
    }
    Ok(())
}

/// Compares a table's totals in the record with the sums over its files in the record.
fn totals(table: &str, record: &TableRecord) -> Vec<Finding> {
    let sum = |of: fn(&FileRecord) -> u64| record.files.iter().map(of).sum::<u64>();
    let totals = [
        ("rows", record.rows, sum(|file| file.rows)),
        ("bytes", record.bytes, sum(|file| file.bytes)),
    ];
    let differing = totals.into_iter().filter(|(_, table, files)| table != files);
    differing
        .map(|(what, total, files)| {
            let problem =
                format!("the record has {total} {what} for the table, and {files} for its files");
            Finding::new(Rule::RecordRows, table, problem)
        })
        .collect()
}

/// Findings about a file, and the number of its columns.
#[derive(Default)]
struct FileCheck {
    findings: Vec<Finding>,
    columns: usize,
}

impl FileCheck {
    fn add(&mut self, rule: Rule, place: impl std::fmt::Display, problem: impl Into<String>) {
        self.findings.push(Finding::new(rule, place, problem));
    }

    async fn check_file(
        &mut self,
        place: Place,
        star: &Place,
        table: &ExpectedTable,
        record: &FileRecord,
        lengths: &HashMap<&str, u64>,
        reading: Reading,
    ) -> Result<()> {
        let url = place.to_string();
        let Some(meta) = place.head().await? else {
            self.add(Rule::FilePresent, url, "the object does not exist");
            return Ok(());
        };
        let listed = lengths.get(manifest::url(star, &record.path).as_str()).copied();
        self.sizes(&url, meta.size, record.bytes, listed);
        let file = Object { place, size: meta.size };
        let footer = match file.footer().await? {
            Ok(footer) => footer,
            Err((rule, problem)) => {
                self.add(rule, url, problem);
                return Ok(());
            }
        };
        self.rows(&url, &footer, record.rows);
        let schema = footer.file_metadata().schema();
        self.columns = schema.get_fields().len();
        self.findings.extend(columns::check(&url, schema, table));
        self.findings.extend(chunks::check(&url, &footer));
        self.findings.extend(chunks::check_pages(&url, &file, &footer).await?);
        if self.columns == table.columns.len() {
            self.nulls(&url, &file, &footer, table).await?;
            self.findings.extend(values::check_texts(&file, &footer, table, reading).await?);
        }
        Ok(())
    }

    fn sizes(&mut self, url: &str, size: u64, record: u64, listed: Option<u64>) {
        let others = [("the record", Some(record)), ("content_length", listed)];
        for (whose, bytes) in others {
            if let Some(bytes) = bytes.filter(|bytes| *bytes != size) {
                let problem = format!("the object has {size} bytes; {whose} says {bytes}");
                self.add(Rule::ManifestContentLength, url, problem);
            }
        }
        if size > MAX_FILE {
            self.add(Rule::FileSize, url, format!("it has {size} bytes; the limit is {MAX_FILE}"));
        }
    }

    fn rows(&mut self, url: &str, footer: &ParquetMetaData, record: u64) {
        let rows = footer.file_metadata().num_rows();
        let groups: i64 = footer.row_groups().iter().map(|group| group.num_rows()).sum();
        if u64::try_from(rows) != Ok(record) {
            let problem = format!("its footer has {rows} rows; the record has {record}");
            self.add(Rule::RecordRows, url, problem);
        }
        if rows != groups {
            let problem = format!("its footer has {rows} rows; its row groups have {groups}");
            self.add(Rule::RecordRows, url, problem);
        }
    }

    /// Reports nulls in NOT NULL columns. Uses the statistics, or reads the column if there are
    /// none.
    async fn nulls(
        &mut self,
        url: &str,
        file: &Object,
        footer: &Arc<ParquetMetaData>,
        table: &ExpectedTable,
    ) -> Result<()> {
        let schema = footer.file_metadata().schema_descr();
        for (position, column) in table.columns.iter().enumerate() {
            let Some(leaf) = values::leaf(schema, position) else { continue };
            let repetition = schema.column(leaf).self_type().get_basic_info().repetition();
            if column.nullable || repetition != Repetition::OPTIONAL {
                continue;
            }
            let place = format!("{url}, column {}", column.name);
            let target = format!("{}.{} is NOT NULL", table.name, column.name);
            match chunks::nulls(footer, leaf) {
                chunks::Nulls::Counted(0, _) => {}
                chunks::Nulls::Counted(count, group) => {
                    let place = format!("{place}, row group {group}");
                    self.add(Rule::ColumnNull, place, format!("nulls: {count}; {target}"));
                }
                chunks::Nulls::Unknown => match values::count_nulls(file, footer, leaf).await? {
                    Ok((_, None)) => {}
                    Ok((count, Some(row))) => {
                        let problem = format!("nulls: {count}, the first in row {row}; {target}");
                        self.add(Rule::ColumnNull, place, problem);
                    }
                    Err(problem) => self.add(Rule::ColumnReadable, place, problem),
                },
            }
        }
        Ok(())
    }
}
