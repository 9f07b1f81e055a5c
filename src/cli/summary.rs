//! The summaries of transforms and loads, and the listings of rejects and checks.

mod load;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use bytesize::ByteSize;
use comfy_table::presets::{NOTHING, UTF8_HORIZONTAL_ONLY};
use comfy_table::{CellAlignment, Table as TextTable};
use indicatif::HumanCount;

pub use load::load;

use super::output::{BAD, GOOD, STRONG, styled};
use super::table::table as rows_table;
use crate::cli::error::Result;
use crate::decode::Times;
use crate::escape;
use crate::ingest::{DatasetCounts, skipped_kinds};
use crate::model::{Model, TimestampForm};
use crate::pipeline::TransformReport;
use crate::star::{CheckOutcome, RunRecord};
use crate::timing::PhaseTiming;
use crate::transform::{Accounting, RepairEncoding};

/// Maximum number of characters shown of a value in tables of rejects and offending rows.
pub const SHOWN_CHARS: usize = 80;

/// Maximum number of unknown keys that are listed by name.
const SHOWN_NAMES: usize = 10;

/// Returns the whole summary of a transform.
pub fn summary(report: &TransformReport, out: &str) -> String {
    let mut text = changes(report) + &reading(report);
    if let Some(record) = &report.record {
        text += &accounting(&report.accounting);
        text += &repaired(report);
        text += &tables(record, &report.model);
        text += &lists(record);
        let passed = report.checks.len();
        let _ = writeln!(text, "checks    {}", styled(GOOD, format!("all {passed} passed")));
    }
    text += &phases(&report.phases, report.elapsed);
    if let Some(record) = &report.record {
        let _ = writeln!(text, "star      {} (run {})", styled(STRONG, out), record.run_id);
    }
    text
}

/// Returns the line about a star that was not built again because it is up to date.
pub fn not_built(record: &RunRecord, out: &str) -> String {
    let run = escape::line(&record.run_id);
    format!("star      {out} is up to date with its inputs (run {run}); not built again\n")
}

/// Returns the summary of an incremental run that found the star up to date.
pub fn up_to_date(report: &TransformReport, out: &str) -> String {
    let record = report.record.as_ref().map(|record| not_built(record, out));
    changes(report) + &record.unwrap_or_default()
}

/// Returns the summary of a successful verification.
pub fn verified(report: &TransformReport, out: &str) -> String {
    let run = report.record.as_ref().map_or("", |record| &record.run_id);
    let equal = styled(GOOD, format!("all {} tables are equal", report.model.tables.len()));
    reading(report)
        + &phases(&report.phases, report.elapsed)
        + &format!("verified  {}: {equal} (run {})\n", styled(STRONG, out), escape::line(run))
}

/// Returns the objects that an incremental run has read, and the reasons for reading unchanged ones.
fn changes(report: &TransformReport) -> String {
    let Some(changes) = &report.changes else { return String::new() };
    let counts = [
        (changes.new, "new"),
        (changes.changed, "changed"),
        (changes.gone, "gone"),
        (changes.again, "read again"),
        (changes.unchanged, "unchanged"),
    ];
    // Objects are seldom read again.
    let counts = counts.iter().filter(|(count, name)| *count > 0 || *name != "read again");
    let counts: Vec<String> =
        counts.map(|(count, name)| format!("{} {name}", HumanCount(*count))).collect();
    let (read, listed) = (bytes(changes.bytes_read), bytes(changes.bytes_listed));
    let mut text = format!("objects   {}; read {read} of {listed}\n", counts.join(", "));
    if let Some(partitions) = changes.partitions {
        let _ = writeln!(text, "          built again: {}", counted(partitions, "partition"));
    }
    for reason in &changes.reasons {
        let _ = writeln!(text, "          reason for reading: {}", escape::line(reason));
    }
    text
}

/// Returns the counts of what was read, by dataset.
pub fn reading(report: &TransformReport) -> String {
    let mut text = String::new();
    for (name, counts) in &report.datasets {
        text += &dataset(name, counts);
    }
    if report.is_partial() {
        text += "          reading stopped early because the rejects exceed the limit; the counts cover only what was read\n";
    }
    text
}

fn dataset(name: &str, counts: &DatasetCounts) -> String {
    let mut text = format!(
        "{name:<9} {} listed = {} read, {}; {} read = {} decoded + {} rejected\n",
        counted(counts.objects_listed, "object"),
        HumanCount(counts.objects_read),
        bytes(counts.stored_bytes),
        counted(counts.records(), "record"),
        HumanCount(counts.decoded),
        HumanCount(counts.rejected),
    );
    let with_count = |kind: &str, objects| format!("{kind} ({})", HumanCount(objects));
    let skipped = skipped_kinds(&counts.skipped, with_count);
    if !skipped.is_empty() {
        let _ = writeln!(text, "          skipped: {}", skipped.join(", "));
    }
    text += &skipped_warning("          ", counts.objects_listed, &counts.skipped);
    let names = &counts.notes.unknown_keys;
    if !names.is_empty() {
        let shown: Vec<String> = names
            .iter()
            .take(SHOWN_NAMES)
            .map(|(name, count)| format!("{} ({})", clip(name), HumanCount(*count)))
            .collect();
        let more = names.len().saturating_sub(SHOWN_NAMES);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let _ = writeln!(text, "          unknown keys: {}{more}", shown.join(", "));
    }
    text + &times(&counts.notes.times)
}

/// Returns a warning if the times are probably in another unit, else an empty string.
fn times(times: &Times) -> String {
    let (Some(example), true) = (times.example, times.are_suspicious()) else {
        return String::new();
    };
    let (unit, micros) = match example.form {
        TimestampForm::EpochSeconds => ("seconds", 1_000_000),
        TimestampForm::EpochMilliseconds => ("milliseconds", 1000),
        TimestampForm::EpochMicroseconds | TimestampForm::Rfc3339 => ("microseconds", 1),
    };
    let micros = example.value.checked_mul(micros);
    let date = match micros.and_then(chrono::DateTime::from_timestamp_micros) {
        Some(date) => date.format("%Y-%m-%d %H:%M:%S UTC").to_string(),
        None => "not a valid date".to_owned(),
    };
    format!(
        "          {}: {} of {} times are before 2000 or after 2100, such as {} ({date}); times are \
         read as {unit} since 1970\n",
        styled(BAD, "warning"),
        HumanCount(times.implausible),
        HumanCount(times.all),
        example.value,
    )
}

/// Returns a warning line if more objects were skipped than read, else an empty string.
pub fn skipped_warning(indent: &str, read: u64, skipped: &BTreeMap<String, u64>) -> String {
    let skipped: u64 = skipped.values().sum();
    if skipped <= read {
        return String::new();
    }
    let (skipped, all) = (HumanCount(skipped), counted(skipped + read, "object"));
    let warning = styled(BAD, "warning:");
    format!(
        "{indent}{warning} skipped {skipped} of {all}; --suffix any reads every suffix, \
         --include-hidden reads hidden names\n"
    )
}

/// Returns the lines that the headers of accounting queries define. A line whose counts are all 0 is left
/// out, unless the query states a balance.
fn accounting(results: &[Accounting]) -> String {
    let counts = results.iter().flat_map(|result| &result.counts);
    let mut numbers: BTreeMap<&str, String> =
        counts.clone().map(|(name, n)| (name.as_str(), HumanCount(*n).to_string())).collect();
    let rates = results.iter().flat_map(|result| &result.rates);
    numbers.extend(rates.map(|(name, rate)| (name.as_str(), format!("{rate:.2}"))));
    let counts: BTreeMap<&str, u64> = counts.map(|(name, n)| (name.as_str(), *n)).collect();
    let mut text = String::new();
    for result in results {
        let Some(summary) = &result.summary else { continue };
        let named = |name: &&str| summary.contains(&format!("{{{name}}}"));
        let is_zero = counts.keys().filter(|name| named(name)).all(|name| counts[name] == 0);
        if is_zero && result.balance.is_none() {
            continue;
        }
        let line = numbers
            .iter()
            .fold(summary.clone(), |line, (name, n)| line.replace(&format!("{{{name}}}"), n));
        let _ = writeln!(text, "{:<9} {}", escape::line(&result.name), escape::line(&line));
    }
    text
}

/// Returns the line about texts that were repaired, because they were encoded to UTF-8 twice.
fn repaired(report: &TransformReport) -> String {
    let repaired = repaired_texts(report);
    if repaired == 0 {
        return String::new();
    }
    format!("encoding  repaired {}, encoded to UTF-8 twice\n", counted(repaired, "text"))
}

/// Returns the number of texts that were repaired before they were stored.
pub fn repaired_texts(report: &TransformReport) -> u64 {
    match report.repair_encoding {
        RepairEncoding::Store => report.total(|counts| counts.notes.encoded_twice),
        _ => 0,
    }
}

fn tables(record: &RunRecord, model: &Model) -> String {
    let mut table = text_table(&["table", "rows", "files", "size"]);
    for name in model.tables.iter().map(|table| &table.name) {
        if let Some(found) = record.tables.get(name) {
            table.add_row([
                name.clone(),
                HumanCount(found.rows).to_string(),
                found.files.len().to_string(),
                bytes(found.bytes),
            ]);
        }
    }
    right_align(&mut table, 1..4);
    format!("{table}\n")
}

/// Returns a line per list.
fn lists(record: &RunRecord) -> String {
    let lists = record.lists.iter().map(|(name, list)| {
        format!("list      {}: {}\n", escape::line(name), counted(list.file.rows, "row"))
    });
    lists.collect()
}

fn phases(phases: &[PhaseTiming], total: Duration) -> String {
    let mut table = text_table(&["phase", "time", "rate"]);
    for phase in phases {
        let seconds = phase.elapsed.as_secs_f64();
        let rate = phase.bytes.map(|bytes| format!("{:.1} MB/s", bytes as f64 / 1e6 / seconds));
        table.add_row([phase.name.clone(), time(phase.elapsed), rate.unwrap_or_default()]);
    }
    let memory = peak_memory().map(|peak| format!("peak memory {}", bytes(peak)));
    table.add_row(["total".to_owned(), time(total), memory.unwrap_or_default()]);
    right_align(&mut table, 1..3);
    format!("{table}\n")
}

/// Returns the first rejects, each with its position, its reason and the beginning of its text.
pub fn rejects(report: &TransformReport) -> String {
    let total = report.total(|counts| counts.rejected);
    if total == 0 {
        return String::new();
    }
    let file = report.rejects_file.as_deref().unwrap_or("nowhere");
    let shown: usize = report.first_rejects.iter().map(RecordBatch::num_rows).sum();
    let mut text = report.first_rejects.iter().map(reject_lines).collect::<String>();
    if (shown as u64) < total {
        let more = HumanCount(total - shown as u64);
        let _ = writeln!(text, "… and {more} more");
    }
    text + &format!("rejects   {}, kept in {file}\n", counted(total, "record"))
}

fn reject_lines(batch: &RecordBatch) -> String {
    let text = |column: &str, row: usize| {
        let values = batch.column_by_name(column).and_then(|c| c.as_string_opt::<i32>());
        values.filter(|values| values.is_valid(row)).map(|values| values.value(row).to_owned())
    };
    let number = |column: &str, row: usize| {
        let values = batch.column_by_name(column).and_then(|c| c.as_primitive_opt::<Int64Type>());
        values.map_or(0, |values| values.value(row))
    };
    let mut lines = String::new();
    for row in 0..batch.num_rows() {
        let column = text("column", row).map(|column| format!("{column}: ")).unwrap_or_default();
        let _ = writeln!(
            lines,
            "{} {}:{} (byte {}): {column}{}\n    {}",
            styled(BAD, "reject"),
            escape::line(&text("object", row).unwrap_or_default()),
            number("line", row),
            number("offset", row),
            text("reason", row).unwrap_or_default(),
            clip(&text("raw", row).unwrap_or_default()),
        );
    }
    lines
}

/// Returns one line per check, and the first offending rows of each failed check.
///
/// # Errors
///
/// Returns an error if offending rows cannot be formatted.
pub fn checks(outcomes: &[CheckOutcome]) -> Result<String> {
    let mut text = String::new();
    for outcome in outcomes {
        let (name, invariant) = (escape::line(&outcome.name), escape::line(&outcome.invariant));
        if outcome.offending_rows == 0 {
            let _ = writeln!(text, "{}    {name:<32} {invariant}", styled(GOOD, "ok"));
            continue;
        }
        let count = counted(outcome.offending_rows, "offending row");
        let _ = writeln!(text, "{}  {name:<32} {count}", styled(BAD, "FAIL"));
        let _ = writeln!(text, "      expected: {invariant}");
        text += &clipped_table(&outcome.first)?;
    }
    Ok(text)
}

/// Returns one line per check that did not run in the warehouse, with the reason.
pub fn skipped(names: &[String], has_star: bool) -> String {
    let why = reason_of_skipping(has_star);
    names.iter().map(|name| format!("--    {name:<32} skipped: {why}\n")).collect()
}

/// Returns the reason why checks do not run in the warehouse.
pub fn reason_of_skipping(has_star: bool) -> &'static str {
    match has_star {
        true => "reads data that only the files of the star contain",
        false => "reads the record of the run; specify its star with --star",
    }
}

/// Formats rows as a table, with long values truncated.
fn clipped_table(batches: &[RecordBatch]) -> Result<String> {
    let Some(first) = batches.first() else { return Ok(String::new()) };
    let table = rows_table(&first.schema(), batches, UTF8_HORIZONTAL_ONLY, clip)?;
    Ok(format!("{table}\n"))
}

/// Returns the first [`SHOWN_CHARS`] characters of a value, in one line.
fn clip(value: &str) -> String {
    let end = value.char_indices().nth(SHOWN_CHARS).map(|(end, _)| end);
    let kept = escape::line(&value[..end.unwrap_or(value.len())]);
    format!("{kept}{}", if end.is_some() { "…" } else { "" })
}

/// Returns an empty human-readable table without borders.
pub(super) fn text_table(header: &[&str]) -> TextTable {
    let mut table = TextTable::new();
    table.load_preset(NOTHING).set_header(header.to_vec());
    table
}

pub(super) fn right_align(table: &mut TextTable, columns: std::ops::Range<usize>) {
    for column in table.column_iter_mut().skip(columns.start).take(columns.len()) {
        column.set_cell_alignment(CellAlignment::Right);
    }
}

/// Formats a count with its noun, such as `1 object` or `2,000 objects`.
pub fn counted(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", HumanCount(number), if number == 1 { "" } else { "s" })
}

/// Formats a number of bytes with a decimal unit, such as `1.5 MB`.
pub fn bytes(bytes: u64) -> String {
    ByteSize(bytes).display().si().to_string()
}

fn time(elapsed: Duration) -> String {
    format!("{:.3} s", elapsed.as_secs_f64())
}

/// Returns the peak memory of this process in bytes, if the system reports it (Linux: `VmHWM`).
pub fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}
