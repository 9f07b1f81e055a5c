//! Results of `transform` and `run`.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Int64Type;

use super::check::{Verdict, verdicts};
use super::schema::{document_enums, document_structs};
use super::{LoadResult, PhaseResult, ReportResult, Verification, phases};
use crate::cli::error::Result;
use crate::cli::summary::{SHOWN_CHARS, peak_memory, repaired_texts};
use crate::incremental::Changes;
use crate::ingest::DatasetCounts;
use crate::model::Model;
use crate::pipeline::TransformReport;
use crate::star::RunRecord;
use crate::transform::Accounting;

document_structs! {
    /// Result of `starlift run`: the steps that have begun.
    @Default
    pub struct RunResult {
        /// The transform.
        pub transform: Option<TransformResult>,
        /// The load.
        pub load: Option<LoadResult>,
        /// The verification of the tables in the warehouse.
        pub verification: Option<Verification>,
    }

    /// Result of `starlift transform`.
    pub struct TransformResult {
        /// Location of the star.
        pub star: String,
        /// Name of the model.
        pub model: String,
        /// The outcome for the star.
        pub status: TransformStatus,
        /// ID of the run that built the star that is now in place; null if nothing was published.
        pub run_id: Option<String>,
        /// Counts of the objects and records that were read, by dataset in the order of the model; empty if none were.
        pub datasets: Vec<DatasetResult>,
        /// `true` if reading stopped before the end because of too many rejects; the counts then cover only what was
        /// read.
        pub reading_stopped_early: bool,
        /// Differences from the previous run; null if the run was not incremental.
        pub changes: Option<ChangesResult>,
        /// Counts of records by their outcome, by accounting query.
        pub accounting: Vec<AccountingResult>,
        /// The rejected records.
        pub rejects: RejectsSummary,
        /// Number of texts that were repaired because they were encoded to UTF-8 twice.
        pub repaired_texts: u64,
        /// The tables of the star, in the order of the model; empty if nothing was published.
        pub tables: Vec<TableResult>,
        /// The lists beside the tables, in the order of their names; empty if nothing was published.
        pub lists: Vec<ListResult>,
        /// The checks of the new star.
        pub checks: Vec<Verdict>,
        /// Durations of the phases. Those of tables overlap.
        pub phases: Vec<PhaseResult>,
        /// Wall-clock time of all phases.
        pub seconds: f64,
        /// Peak memory of the process; null if the system does not report it.
        pub peak_memory_bytes: Option<u64>,
        /// The plan of a dry run; null otherwise.
        pub plan: Option<TransformPlan>,
        /// The report that `--report` has written; null without it, or if it could not be written.
        pub report: Option<ReportResult>,
    }
}

document_enums! {
    /// The outcome of a transform for the star.
    pub enum TransformStatus {
        /// A new star is in place.
        Published = "published",
        /// The star in place is up to date with its inputs.
        UpToDate = "up_to_date",
        /// The star in place equals the one that was built again (`--verify`).
        Verified = "verified",
        /// Nothing was published, because of an error.
        Failed = "failed",
        /// Nothing was read, because of `--dry-run`.
        Planned = "planned",
    }
}

document_structs! {
    /// Counts of the objects and records that were read of a dataset.
    pub struct DatasetResult {
        /// Name of the dataset.
        pub name: String,
        /// Number of objects listed.
        pub objects_listed: u64,
        /// Number of objects read.
        pub objects_read: u64,
        /// Bytes read, as stored.
        pub stored_bytes: u64,
        /// Bytes read, after decompression.
        pub bytes: u64,
        /// Number of records read: the sum of `records_decoded` and `records_rejected`.
        pub records: u64,
        /// Number of records that became rows.
        pub records_decoded: u64,
        /// Number of records that were rejected.
        pub records_rejected: u64,
        /// Number of objects that were not read, by suffix or kind.
        pub objects_skipped: BTreeMap<String, u64>,
        /// Number of records per key that fills no column.
        pub unknown_keys: BTreeMap<String, u64>,
        /// Number of times before 2000 or after 2099.
        pub implausible_times: u64,
        /// Wall-clock time of listing, reading and decoding.
        pub seconds: f64,
    }

    /// A list of the star.
    pub struct ListResult {
        /// Name.
        pub name: String,
        /// Number of rows.
        pub rows: u64,
        /// Size of its file.
        pub bytes: u64,
        /// Path of its file, relative to the star.
        pub file: String,
    }

    /// The objects that an incremental run has found, by their difference from the previous run.
    pub struct ChangesResult {
        /// Objects that the previous run did not read.
        pub objects_new: u64,
        /// Objects with another content.
        pub objects_changed: u64,
        /// Objects that are no longer listed.
        pub objects_gone: u64,
        /// Objects that were not read, because they have not changed.
        pub objects_unchanged: u64,
        /// Unchanged objects that were read again.
        pub objects_read_again: u64,
        /// Number of partitions that were built again; null if all of them were.
        pub partitions_built: Option<u64>,
        /// Bytes of the objects that were read, as stored.
        pub bytes_read: u64,
        /// Bytes of all listed objects, as stored.
        pub bytes_listed: u64,
        /// Reasons why unchanged objects were read again.
        pub reasons: Vec<String>,
    }

    /// The result of an accounting query.
    pub struct AccountingResult {
        /// Name of the query.
        pub name: String,
        /// Counts by name.
        pub counts: BTreeMap<String, u64>,
        /// Other numbers by name, such as `match_rate` in percent.
        pub rates: BTreeMap<String, f64>,
    }

    /// The rejected records of a run.
    @Default
    pub struct RejectsSummary {
        /// Number of rejected records.
        pub records: u64,
        /// Location of the file that contains all of them; null if there is none.
        pub file: Option<String>,
        /// The first rejects, at most five.
        pub first: Vec<RejectResult>,
    }

    /// A rejected record.
    pub struct RejectResult {
        /// Location of the object.
        pub object: String,
        /// Line of the record, from 1.
        pub line: i64,
        /// Offset of the record in the decompressed object.
        pub offset_bytes: i64,
        /// The column whose value is the reason; null if the whole record is.
        pub column: Option<String>,
        /// Reason of the rejection.
        pub reason: String,
        /// The first 80 characters of the record.
        pub text_start: String,
    }

    /// A table of the star.
    pub struct TableResult {
        /// Name of the table.
        pub name: String,
        /// Number of rows.
        pub rows: u64,
        /// Number of files.
        pub files: u64,
        /// Bytes of all files.
        pub bytes: u64,
    }

    /// The plan of a transform.
    @Default
    pub struct TransformPlan {
        /// The objects that would be read, by dataset.
        pub datasets: Vec<PlannedDataset>,
        /// ID of the run whose star would be replaced; null if there is no star.
        pub replaces_run_id: Option<String>,
    }

    /// The objects that a transform would read of a dataset.
    pub struct PlannedDataset {
        /// Name of the dataset.
        pub name: String,
        /// Number of objects.
        pub objects: u64,
        /// Bytes of the objects, as stored.
        pub stored_bytes: u64,
        /// Locations of the first objects, at most 20.
        pub first_objects: Vec<String>,
        /// Number of objects that would not be read, by suffix or kind.
        pub objects_skipped: BTreeMap<String, u64>,
    }
}

impl TransformResult {
    fn empty(star: &str, model: &Model, status: TransformStatus) -> TransformResult {
        TransformResult {
            star: star.to_owned(),
            model: model.name.clone(),
            status,
            run_id: None,
            datasets: Vec::new(),
            reading_stopped_early: false,
            changes: None,
            accounting: Vec::new(),
            rejects: RejectsSummary::default(),
            repaired_texts: 0,
            tables: Vec::new(),
            checks: Vec::new(),
            phases: Vec::new(),
            seconds: 0.0,
            peak_memory_bytes: peak_memory(),
            plan: None,
            lists: Vec::new(),
            report: None,
        }
    }

    /// Returns the result of a run with `report`; the star is at `star`.
    ///
    /// # Errors
    ///
    /// Returns an error if an offending row of a check has no JSON form.
    pub fn of_report(
        report: &TransformReport,
        star: &str,
        verifies: bool,
    ) -> Result<TransformResult> {
        let status = match &report.record {
            None => TransformStatus::Failed,
            Some(_) if verifies => TransformStatus::Verified,
            Some(_) if report.is_up_to_date => TransformStatus::UpToDate,
            Some(_) => TransformStatus::Published,
        };
        let record = report.record.as_ref();
        Ok(TransformResult {
            run_id: record.map(|record| record.run_id.clone()),
            datasets: report.datasets.iter().map(dataset).collect(),
            reading_stopped_early: report.is_partial(),
            changes: report.changes.as_ref().map(changes),
            accounting: report.accounting.iter().map(accounting).collect(),
            rejects: rejects(report),
            repaired_texts: repaired_texts(report),
            tables: record.map(|record| tables(record, &report.model)).unwrap_or_default(),
            lists: record.map(lists).unwrap_or_default(),
            checks: verdicts(&report.checks)?,
            phases: phases(&report.phases),
            seconds: report.elapsed.as_secs_f64(),
            ..TransformResult::empty(star, &report.model, status)
        })
    }

    /// Returns the result of a run that failed before reading started.
    pub fn failed(star: &str, model: &Model) -> TransformResult {
        TransformResult::empty(star, model, TransformStatus::Failed)
    }

    /// Returns the result of a run that found the star of `record` up to date before reading anything.
    pub fn up_to_date(record: &RunRecord, star: &str, model: &Model) -> TransformResult {
        TransformResult {
            run_id: Some(record.run_id.clone()),
            tables: tables(record, model),
            lists: lists(record),
            ..TransformResult::empty(star, model, TransformStatus::UpToDate)
        }
    }

    /// Returns the result of a dry run.
    pub fn planned(plan: TransformPlan, star: &str, model: &Model) -> TransformResult {
        let plan = Some(plan);
        TransformResult { plan, ..TransformResult::empty(star, model, TransformStatus::Planned) }
    }
}

fn dataset((name, counts): &(String, DatasetCounts)) -> DatasetResult {
    DatasetResult {
        name: name.clone(),
        objects_listed: counts.objects_listed,
        objects_read: counts.objects_read,
        stored_bytes: counts.stored_bytes,
        bytes: counts.bytes,
        records: counts.records(),
        records_decoded: counts.decoded,
        records_rejected: counts.rejected,
        objects_skipped: counts.skipped.clone(),
        unknown_keys: counts.notes.unknown_keys.clone(),
        implausible_times: counts.notes.times.implausible,
        seconds: counts.elapsed.as_secs_f64(),
    }
}

fn changes(changes: &Changes) -> ChangesResult {
    ChangesResult {
        objects_new: changes.new,
        objects_changed: changes.changed,
        objects_gone: changes.gone,
        objects_unchanged: changes.unchanged,
        objects_read_again: changes.again,
        partitions_built: changes.partitions,
        bytes_read: changes.bytes_read,
        bytes_listed: changes.bytes_listed,
        reasons: changes.reasons.clone(),
    }
}

fn accounting(found: &Accounting) -> AccountingResult {
    AccountingResult {
        name: found.name.clone(),
        counts: found.counts.iter().cloned().collect(),
        // JSON has no form of NaN and infinity.
        rates: found.rates.iter().filter(|(_, rate)| rate.is_finite()).cloned().collect(),
    }
}

fn lists(record: &RunRecord) -> Vec<ListResult> {
    let lists = record.lists.iter().map(|(name, list)| ListResult {
        name: name.clone(),
        rows: list.file.rows,
        bytes: list.file.bytes,
        file: list.file.path.clone(),
    });
    lists.collect()
}

fn tables(record: &RunRecord, model: &Model) -> Vec<TableResult> {
    let of_model = model.tables.iter().filter_map(|table| {
        let found = record.tables.get(&table.name)?;
        Some(TableResult {
            name: table.name.clone(),
            rows: found.rows,
            files: found.files.len() as u64,
            bytes: found.bytes,
        })
    });
    of_model.collect()
}

fn rejects(report: &TransformReport) -> RejectsSummary {
    let records = report.total(|counts| counts.rejected);
    RejectsSummary {
        records,
        file: report.rejects_file.clone().filter(|_| records > 0),
        first: report.first_rejects.iter().flat_map(rejects_of).collect(),
    }
}

fn rejects_of(batch: &RecordBatch) -> Vec<RejectResult> {
    let text = |column: &str, row: usize| {
        let values = batch.column_by_name(column)?.as_string_opt::<i32>()?;
        values.is_valid(row).then(|| values.value(row).to_owned())
    };
    let number = |column: &str, row: usize| {
        let values = batch.column_by_name(column).and_then(|c| c.as_primitive_opt::<Int64Type>());
        values.map_or(0, |values| values.value(row))
    };
    let reject = |row| RejectResult {
        object: text("object", row).unwrap_or_default(),
        line: number("line", row),
        offset_bytes: number("offset", row),
        column: text("column", row),
        reason: text("reason", row).unwrap_or_default(),
        text_start: text("raw", row).unwrap_or_default().chars().take(SHOWN_CHARS).collect(),
    };
    (0..batch.num_rows()).map(reject).collect()
}
