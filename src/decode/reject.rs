//! Rejects: records that could not be loaded, with their position and the reason.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use arrow::array::{Int64Builder, RecordBatch, StringArray, StringBuilder};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;

use super::dataset::StagingColumn;

/// Maximum length of the raw text kept per reject, in bytes.
pub const MAX_RAW_BYTES: usize = 64 * 1024;

/// A batch of rejects is full at this many rows, or when its raw text reaches [`FLUSH_RAW_BYTES`].
const FLUSH_ROWS: usize = 1024;
const FLUSH_RAW_BYTES: usize = 4 * 1024 * 1024;

/// The reason for rejecting a record, and the column responsible, if any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rejection {
    pub column: Option<Arc<str>>,
    pub reason: Cow<'static, str>,
}

impl Rejection {
    pub fn of(column: &StagingColumn, reason: impl Into<Cow<'static, str>>) -> Rejection {
        Rejection { column: Some(column.name.clone()), reason: reason.into() }
    }

    pub fn of_record(reason: impl Into<Cow<'static, str>>) -> Rejection {
        Rejection { column: None, reason: reason.into() }
    }

    /// Adds to the reason the length in bytes and the estimated number of records skipped.
    pub fn skipping(self, length: u64, records: u64) -> Rejection {
        let Rejection { column, reason } = self;
        let noun = if records == 1 { "record" } else { "records" };
        let skipped = format!("skipped {length} bytes, about {records} {noun}");
        Rejection { column, reason: format!("{reason}; {skipped}").into() }
    }
}

/// The position of a record in its object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Position {
    /// Number of bytes before the record, after decompression.
    pub offset: u64,
    /// Number of the record's first line, from 1.
    pub line: u64,
}

/// Returns the schema of the rejects: `object, offset, line, length, column, reason, raw, dataset`. `offset`
/// and `length` are bytes, after decompression.
pub fn rejects_schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        Arc::new(Schema::new(vec![
            Field::new("object", DataType::Utf8, false),
            Field::new("offset", DataType::Int64, false),
            Field::new("line", DataType::Int64, false),
            // Nullable: stars written by older versions lack it.
            Field::new("length", DataType::Int64, true),
            Field::new("column", DataType::Utf8, true),
            Field::new("reason", DataType::Utf8, false),
            Field::new("raw", DataType::Utf8, false),
            // Nullable for the same reason.
            Field::new("dataset", DataType::Utf8, true),
        ]))
    });
    SCHEMA.clone()
}

/// Returns at most the first `limit` bytes, cut between characters.
fn first_bytes(text: &[u8], limit: usize) -> &[u8] {
    if text.len() <= limit {
        return text;
    }
    let starts_character = |at: &usize| text[*at] & 0b1100_0000 != 0b1000_0000;
    let end = (limit.saturating_sub(3)..=limit).rev().find(starts_character);
    &text[..end.unwrap_or(limit)]
}

/// Collects rejects of a dataset into batches of [`rejects_schema`].
#[derive(Default)]
pub(super) struct RejectBuilder {
    dataset: String,
    object: StringBuilder,
    offset: Int64Builder,
    line: Int64Builder,
    length: Int64Builder,
    column: StringBuilder,
    reason: StringBuilder,
    raw: StringBuilder,
    rows: usize,
    raw_bytes: usize,
}

impl RejectBuilder {
    pub fn new(dataset: &str) -> RejectBuilder {
        RejectBuilder { dataset: dataset.to_owned(), ..RejectBuilder::default() }
    }

    /// Appends a reject of `length` bytes that begins with `raw`.
    pub fn append(
        &mut self,
        object: &str,
        position: Position,
        rejection: &Rejection,
        raw: &[u8],
        length: u64,
    ) {
        let kept = first_bytes(raw, MAX_RAW_BYTES);
        self.object.append_value(object);
        self.offset.append_value(position.offset as i64);
        self.line.append_value(position.line as i64);
        self.length.append_value(length as i64);
        self.column.append_option(rejection.column.as_deref());
        self.reason.append_value(&rejection.reason);
        self.raw.append_value(String::from_utf8_lossy(kept));
        self.rows += 1;
        self.raw_bytes += kept.len();
    }

    pub fn is_full(&self) -> bool {
        self.rows >= FLUSH_ROWS || self.raw_bytes >= FLUSH_RAW_BYTES
    }

    /// Returns the rejects appended since the last call, or `None` if there are none.
    pub fn flush(&mut self) -> Result<Option<RecordBatch>, ArrowError> {
        if self.rows == 0 {
            return Ok(None);
        }
        let datasets = std::iter::repeat_n(&self.dataset, self.rows);
        let datasets = StringArray::from_iter_values(datasets);
        self.rows = 0;
        self.raw_bytes = 0;
        let batch = RecordBatch::try_new(
            rejects_schema(),
            vec![
                Arc::new(self.object.finish()),
                Arc::new(self.offset.finish()),
                Arc::new(self.line.finish()),
                Arc::new(self.length.finish()),
                Arc::new(self.column.finish()),
                Arc::new(self.reason.finish()),
                Arc::new(self.raw.finish()),
                Arc::new(datasets),
            ],
        )?;
        Ok(Some(batch))
    }
}
