//! Results of `rejects`.

use std::path::Path;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};

use super::schema::document_structs;
use crate::cli::error::Result;

document_structs! {
    /// Result of `starlift rejects`.
    @Default
    pub struct RejectsResult {
        /// Number of rejected records.
        pub records: u64,
        /// The reasons, the most frequent one first, at most 100.
        pub reasons: Vec<RejectReason>,
        /// `true` if there are more than 100 reasons.
        pub has_more_reasons: bool,
        /// The file that `--export` has written; null without `--export`.
        pub export: Option<ExportResult>,
    }

    /// A reason for which records were rejected.
    pub struct RejectReason {
        /// Name of the dataset.
        pub dataset: Option<String>,
        /// The column whose value is the reason; null if the whole record is.
        pub column: Option<String>,
        /// Reason of the rejection.
        pub reason: Option<String>,
        /// Number of records.
        pub records: u64,
        /// Location of the first object with such a record.
        pub first_object: Option<String>,
        /// Line of the first such record, from 1.
        pub first_line: Option<i64>,
    }

    /// The file of an export.
    pub struct ExportResult {
        /// Path of the file.
        pub file: String,
        /// Number of records in the file.
        pub records: u64,
        /// Number of those that are incomplete, because rejects keep at most 64 KiB.
        pub incomplete_records: u64,
    }
}

impl ExportResult {
    /// Returns the export of `records` records to `file`.
    pub fn new(file: &Path, records: u64, incomplete_records: u64) -> ExportResult {
        ExportResult { file: file.to_string_lossy().into_owned(), records, incomplete_records }
    }
}

impl RejectReason {
    /// Returns the reasons in rows with the columns of this type, in their order.
    ///
    /// # Errors
    ///
    /// Returns an error if a column has another type.
    pub fn of_batch(batch: &RecordBatch) -> Result<Vec<RejectReason>> {
        let texts: Vec<_> = [0, 1, 2, 4]
            .into_iter()
            .map(|column| cast(batch.column(column), &DataType::Utf8))
            .collect::<Result<_, _>>()?;
        let numbers: Vec<_> = [3, 5]
            .into_iter()
            .map(|column| cast(batch.column(column), &DataType::Int64))
            .collect::<Result<_, _>>()?;
        let text = |column: usize, row: usize| {
            let values = texts[column].as_string::<i32>();
            values.is_valid(row).then(|| values.value(row).to_owned())
        };
        let number = |column: usize, row: usize| {
            let values = numbers[column].as_primitive::<Int64Type>();
            values.is_valid(row).then(|| values.value(row))
        };
        let reason = |row| RejectReason {
            dataset: text(0, row),
            column: text(1, row),
            reason: text(2, row),
            records: number(0, row).and_then(|n| u64::try_from(n).ok()).unwrap_or(0),
            first_object: text(3, row),
            first_line: number(1, row),
        };
        Ok((0..batch.num_rows()).map(reason).collect())
    }
}
