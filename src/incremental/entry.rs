//! The objects of a run and what was read of them, as a Parquet file.

use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use arrow::error::ArrowError;
use serde::{Deserialize, Serialize};

use crate::decode::{Notes, ObjectCounts};

/// An object whose rows are in the state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub url: Arc<str>,
    pub size: u64,
    /// Tag of the version that was read; `None` if it does not identify the version.
    pub etag: Option<String>,
    pub number: u32,
    /// `true` if the object is no longer listed.
    pub is_kept: bool,
    pub outcome: Outcome,
}

/// The counts of the bytes and records of an object, and the observations on its records.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Outcome {
    #[serde(flatten)]
    pub counts: ObjectCounts,
    pub notes: Notes,
}

/// Returns the schema of the file.
pub(super) fn schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        let text = |name: &str| Field::new(name, DataType::Utf8, false);
        let number = |name: &str| Field::new(name, DataType::Int64, false);
        Arc::new(Schema::new(vec![
            text("dataset"),
            text("url"),
            number("size"),
            Field::new("etag", DataType::Utf8, true),
            number("number"),
            number("is_kept"),
            // JSON, because most of it is only needed to make the totals.
            text("outcome"),
        ]))
    });
    SCHEMA.clone()
}

/// Returns the rows of objects of a dataset.
pub(super) fn to_batch(dataset: &str, entries: &[&Entry]) -> Result<RecordBatch, ArrowError> {
    let datasets = std::iter::repeat_n(dataset, entries.len());
    let urls = entries.iter().map(|entry| &*entry.url);
    let numbers = |number: &dyn Fn(&Entry) -> i64| {
        Arc::new(Int64Array::from_iter_values(entries.iter().map(|entry| number(entry))))
            as ArrayRef
    };
    let outcomes = entries.iter().map(|entry| serde_json::to_string(&entry.outcome));
    let outcomes: Vec<String> = outcomes
        .collect::<Result<_, _>>()
        .map_err(|e| ArrowError::from_external_error(Box::new(e)))?;
    let etags: StringArray = entries.iter().map(|entry| entry.etag.as_deref()).collect();
    RecordBatch::try_new(
        schema(),
        vec![
            Arc::new(StringArray::from_iter_values(datasets)),
            Arc::new(StringArray::from_iter_values(urls)),
            numbers(&|entry| entry.size as i64),
            Arc::new(etags),
            numbers(&|entry| entry.number.into()),
            numbers(&|entry| entry.is_kept.into()),
            Arc::new(StringArray::from(outcomes)),
        ],
    )
}

/// Returns the objects in a batch of the file, each with its dataset. `None` if a value is invalid.
pub(super) fn from_batch(batch: &RecordBatch) -> Option<Vec<(String, Entry)>> {
    let text = |at: usize| batch.column(at).as_string::<i32>();
    let number = |at: usize| batch.column(at).as_primitive::<Int64Type>();
    let rows = 0..batch.num_rows();
    rows.map(|row| {
        let entry = Entry {
            url: text(1).value(row).into(),
            size: number(2).value(row) as u64,
            etag: text(3).is_valid(row).then(|| text(3).value(row).to_owned()),
            number: number(4).value(row).try_into().ok()?,
            is_kept: number(5).value(row) != 0,
            outcome: serde_json::from_str(text(6).value(row)).ok()?,
        };
        Some((text(0).value(row).to_owned(), entry))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_read_back_as_they_were_written() {
        let outcome = Outcome {
            counts: ObjectCounts { bytes: 7, decoded: 2, rejected: 1, ..ObjectCounts::default() },
            notes: Notes { longest_text: 9, ..Notes::default() },
        };
        let entry = |number: u32| Entry {
            url: format!("s3://b/é {number}").into(),
            size: u64::from(number) << 33,
            etag: (number != 1).then(|| format!("\"{number}\"")),
            number,
            is_kept: number == 2,
            outcome: outcome.clone(),
        };
        let entries: Vec<Entry> = (0..4).map(entry).collect();
        let batch = to_batch("logs", &entries.iter().collect::<Vec<_>>()).unwrap();
        let read = from_batch(&batch).unwrap();
        assert!(read.iter().all(|(dataset, _)| dataset == "logs"));
        assert_eq!(read.into_iter().map(|(_, entry)| entry).collect::<Vec<_>>(), entries);
    }
}
