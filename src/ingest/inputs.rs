//! The table of the objects read: one row per object.

use std::sync::{Arc, LazyLock};

use arrow::array::{Int64Builder, RecordBatch, StringBuilder};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;

use crate::decode::ObjectCounts;

/// Number of rows per batch.
const FLUSH_ROWS: usize = 4096;

/// Returns the schema of the inputs: `dataset, url, size, etag, records, decoded, rejects`.
pub fn inputs_schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        Arc::new(Schema::new(vec![
            Field::new("dataset", DataType::Utf8, false),
            Field::new("url", DataType::Utf8, false),
            Field::new("size", DataType::Int64, false),
            Field::new("etag", DataType::Utf8, true),
            Field::new("records", DataType::Int64, false),
            Field::new("decoded", DataType::Int64, false),
            Field::new("rejects", DataType::Int64, false),
        ]))
    });
    SCHEMA.clone()
}

/// Collects rows of [`inputs_schema`].
#[derive(Default)]
pub(crate) struct InputsBuilder {
    dataset: StringBuilder,
    url: StringBuilder,
    size: Int64Builder,
    etag: StringBuilder,
    records: Int64Builder,
    decoded: Int64Builder,
    rejects: Int64Builder,
    rows: usize,
}

impl InputsBuilder {
    /// Adds a row for an object. Returns a batch when enough rows have been collected.
    pub fn append(
        &mut self,
        dataset: &str,
        url: &str,
        size: u64,
        etag: Option<&str>,
        counts: &ObjectCounts,
    ) -> Result<Option<RecordBatch>, ArrowError> {
        self.dataset.append_value(dataset);
        self.url.append_value(url);
        self.size.append_value(size as i64);
        self.etag.append_option(etag);
        self.records.append_value((counts.decoded + counts.rejected) as i64);
        self.decoded.append_value(counts.decoded as i64);
        self.rejects.append_value(counts.rejected as i64);
        self.rows += 1;
        if self.rows < FLUSH_ROWS { Ok(None) } else { self.flush() }
    }

    /// Returns the rows collected since the last batch, or `None` if there are none.
    pub fn flush(&mut self) -> Result<Option<RecordBatch>, ArrowError> {
        if self.rows == 0 {
            return Ok(None);
        }
        self.rows = 0;
        let batch = RecordBatch::try_new(
            inputs_schema(),
            vec![
                Arc::new(self.dataset.finish()),
                Arc::new(self.url.finish()),
                Arc::new(self.size.finish()),
                Arc::new(self.etag.finish()),
                Arc::new(self.records.finish()),
                Arc::new(self.decoded.finish()),
                Arc::new(self.rejects.finish()),
            ],
        )?;
        Ok(Some(batch))
    }
}
