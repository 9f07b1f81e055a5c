//! Rejects: records that could not be taken, kept with their place and reason.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use arrow::array::{Int64Builder, RecordBatch, StringBuilder};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;

use super::dataset::StagingColumn;

/// The longest part of a rejected record that is kept, in bytes.
pub const MAX_RAW_BYTES: usize = 64 * 1024;

/// Rejects are handed on in batches of this many, or when their raw text passes
/// [`FLUSH_RAW_BYTES`].
const FLUSH_ROWS: usize = 1024;
const FLUSH_RAW_BYTES: usize = 4 * 1024 * 1024;

/// Why a record was not taken, without its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rejection {
    pub column: Option<&'static str>,
    pub reason: Cow<'static, str>,
}

impl Rejection {
    pub fn of(column: &StagingColumn, reason: impl Into<Cow<'static, str>>) -> Rejection {
        Rejection { column: Some(column.name), reason: reason.into() }
    }

    pub fn of_record(reason: impl Into<Cow<'static, str>>) -> Rejection {
        Rejection { column: None, reason: reason.into() }
    }

    /// The same, of `length` bytes that seem to hold so many records.
    pub fn skipping(self, length: u64, records: u64) -> Rejection {
        let Rejection { column, reason } = self;
        let skipped = format!("skipped {length} bytes, about {records} records");
        Rejection { column, reason: format!("{reason}; {skipped}").into() }
    }
}

/// The place of a record in its object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// Bytes before it, after decompression.
    pub offset: u64,
    /// Its first line, from 1.
    pub line: u64,
}

/// The schema of the rejects: `object, offset, line, length, column, reason, raw`. `offset` and
/// `length` are bytes, after decompression.
pub fn rejects_schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        Arc::new(Schema::new(vec![
            Field::new("object", DataType::Utf8, false),
            Field::new("offset", DataType::Int64, false),
            Field::new("line", DataType::Int64, false),
            // Stars that older versions made lack it.
            Field::new("length", DataType::Int64, true),
            Field::new("column", DataType::Utf8, true),
            Field::new("reason", DataType::Utf8, false),
            Field::new("raw", DataType::Utf8, false),
        ]))
    });
    SCHEMA.clone()
}

/// At most `limit` of the bytes, none of them a part of a character that does not fit.
fn first_bytes(text: &[u8], limit: usize) -> &[u8] {
    if text.len() <= limit {
        return text;
    }
    let starts_character = |at: &usize| text[*at] & 0b1100_0000 != 0b1000_0000;
    let end = (limit.saturating_sub(3)..=limit).rev().find(starts_character);
    &text[..end.unwrap_or(limit)]
}

/// Gathers rejects into batches of [`rejects_schema`].
#[derive(Default)]
pub(super) struct RejectBuilder {
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
    /// Adds a reject of `length` bytes, which start with `raw`.
    pub fn append(
        &mut self,
        object: &str,
        place: Place,
        rejection: &Rejection,
        raw: &[u8],
        length: u64,
    ) {
        let kept = first_bytes(raw, MAX_RAW_BYTES);
        self.object.append_value(object);
        self.offset.append_value(place.offset as i64);
        self.line.append_value(place.line as i64);
        self.length.append_value(length as i64);
        self.column.append_option(rejection.column);
        self.reason.append_value(&rejection.reason);
        self.raw.append_value(String::from_utf8_lossy(kept));
        self.rows += 1;
        self.raw_bytes += kept.len();
    }

    pub fn is_full(&self) -> bool {
        self.rows >= FLUSH_ROWS || self.raw_bytes >= FLUSH_RAW_BYTES
    }

    /// The rejects gathered since the last call, if there are any.
    pub fn flush(&mut self) -> Result<Option<RecordBatch>, ArrowError> {
        if self.rows == 0 {
            return Ok(None);
        }
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
            ],
        )?;
        Ok(Some(batch))
    }
}
