//! Column builders: the values of accepted records become Arrow batches of a staging table.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float64Builder, Int32Builder, Int64Builder, RecordBatch, StringBuilder,
    StringDictionaryBuilder,
};
use arrow::datatypes::Int32Type;
use arrow::error::ArrowError;

use super::convert::Value;
use super::dataset::{ColumnKind, Dataset, event};
use super::fingerprint::play_fingerprint;

/// Rows of a full staging batch; DataFusion's own batch size.
pub const BATCH_ROWS: usize = 8192;

/// A batch is closed early once its records held this much text: with records of at most 16 MiB,
/// a column stays far below the 2 GiB that 32-bit offsets reach.
const BATCH_BYTES: usize = 64 * 1024 * 1024;

enum ColumnBuilder {
    Text(StringBuilder),
    RepetitiveText(StringDictionaryBuilder<Int32Type>),
    Int32(Int32Builder),
    Int64(Int64Builder),
    Float64(Float64Builder),
}

impl ColumnBuilder {
    fn new(kind: ColumnKind) -> ColumnBuilder {
        match kind {
            ColumnKind::Text => ColumnBuilder::Text(StringBuilder::new()),
            ColumnKind::RepetitiveText => {
                ColumnBuilder::RepetitiveText(StringDictionaryBuilder::new())
            }
            ColumnKind::Int32 => ColumnBuilder::Int32(Int32Builder::new()),
            ColumnKind::Int64 | ColumnKind::EpochMillis => {
                ColumnBuilder::Int64(Int64Builder::new())
            }
            ColumnKind::Float64 => ColumnBuilder::Float64(Float64Builder::new()),
        }
    }

    fn append(&mut self, value: Value, text: Option<&str>) {
        let integer = if let Value::Integer(integer) = value { Some(integer) } else { None };
        match self {
            ColumnBuilder::Text(builder) => builder.append_option(text),
            ColumnBuilder::RepetitiveText(builder) => builder.append_option(text),
            ColumnBuilder::Int32(builder) => builder.append_option(integer.map(|i| i as i32)),
            ColumnBuilder::Int64(builder) => builder.append_option(integer),
            ColumnBuilder::Float64(builder) => builder.append_option(match value {
                Value::Double(double) => Some(double),
                _ => None,
            }),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            ColumnBuilder::Text(builder) => Arc::new(builder.finish()),
            ColumnBuilder::RepetitiveText(builder) => Arc::new(builder.finish()),
            ColumnBuilder::Int32(builder) => Arc::new(builder.finish()),
            ColumnBuilder::Int64(builder) => Arc::new(builder.finish()),
            ColumnBuilder::Float64(builder) => Arc::new(builder.finish()),
        }
    }
}

/// Builds batches of one dataset's staging table.
pub(super) struct StagingBuilder {
    dataset: Dataset,
    columns: Vec<ColumnBuilder>,
    fingerprints: Int64Builder,
    rows: usize,
    bytes: usize,
}

impl StagingBuilder {
    pub fn new(dataset: Dataset) -> StagingBuilder {
        StagingBuilder {
            dataset,
            columns: dataset.columns().iter().map(|c| ColumnBuilder::new(c.kind)).collect(),
            fingerprints: Int64Builder::new(),
            rows: 0,
            bytes: 0,
        }
    }

    /// Appends a record whose values have all been accepted.
    pub fn append(&mut self, values: &[Value], record: &str, unescaped: &str, is_play: bool) {
        for (builder, &value) in self.columns.iter_mut().zip(values) {
            builder.append(value, text_of(value, record, unescaped));
        }
        if self.dataset == Dataset::Events {
            self.fingerprints.append_option(is_play.then(|| fingerprint_of(values)).flatten());
        }
        self.rows += 1;
        self.bytes += record.len();
    }

    pub fn is_full(&self) -> bool {
        self.rows >= BATCH_ROWS || self.bytes >= BATCH_BYTES
    }

    /// The rows gathered since the last call, if there are any.
    pub fn flush(&mut self) -> Result<Option<RecordBatch>, ArrowError> {
        if self.rows == 0 {
            return Ok(None);
        }
        self.rows = 0;
        self.bytes = 0;
        let mut arrays: Vec<ArrayRef> =
            self.columns.iter_mut().map(ColumnBuilder::finish).collect();
        if self.dataset == Dataset::Events {
            arrays.push(Arc::new(self.fingerprints.finish()));
        }
        RecordBatch::try_new(self.dataset.schema(), arrays).map(Some)
    }
}

/// The text that a value stands for, when it is text.
pub(super) fn text_of<'a>(value: Value, record: &'a str, unescaped: &'a str) -> Option<&'a str> {
    match value {
        Value::Text(start, end) => Some(&record[start..end]),
        Value::Unescaped(start, end) => Some(&unescaped[start..end]),
        Value::Null | Value::Integer(_) | Value::Double(_) => None,
    }
}

fn fingerprint_of(values: &[Value]) -> Option<i64> {
    let integer = |column: usize| match values[column] {
        Value::Integer(integer) => Some(integer),
        _ => None,
    };
    Some(play_fingerprint(
        integer(event::TS)?,
        integer(event::USER_ID)?,
        integer(event::SESSION_ID)?,
        integer(event::ITEM_IN_SESSION),
    ))
}
