//! Column builders: the values of accepted records become Arrow batches of a staging table.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, DictionaryArray, Float64Builder, Int32Builder, Int64Builder, RecordBatch,
    StringBuilder,
};
use arrow::error::ArrowError;

use super::convert::{Value, text_of};
use super::dataset::{ColumnKind, Dataset, event};
use super::dictionary::Dictionary;
use super::fingerprint::play_fingerprint;

/// Rows of a full staging batch; DataFusion's own batch size.
pub const BATCH_ROWS: usize = 8192;

/// A batch is closed early once its records held this much text: with records of at most 16 MiB,
/// a column stays far below the 2 GiB that 32-bit offsets reach.
const BATCH_BYTES: usize = 64 * 1024 * 1024;

enum ColumnBuilder {
    /// A column that nobody asked for: its values are checked and dropped.
    Dropped,
    Text(StringBuilder),
    RepetitiveText(Int32Builder, Dictionary),
    Int32(Int32Builder),
    Int64(Int64Builder),
    Float64(Float64Builder),
}

impl ColumnBuilder {
    fn new(kind: ColumnKind) -> ColumnBuilder {
        match kind {
            ColumnKind::Text => ColumnBuilder::Text(StringBuilder::new()),
            ColumnKind::RepetitiveText => {
                ColumnBuilder::RepetitiveText(Int32Builder::new(), Dictionary::default())
            }
            ColumnKind::Int32 => ColumnBuilder::Int32(Int32Builder::new()),
            ColumnKind::Int64 | ColumnKind::EpochMillis => {
                ColumnBuilder::Int64(Int64Builder::new())
            }
            ColumnKind::Float64 => ColumnBuilder::Float64(Float64Builder::new()),
        }
    }

    #[inline]
    fn append(&mut self, value: Value, record: &str, unescaped: &str) {
        match self {
            ColumnBuilder::Dropped => {}
            ColumnBuilder::Text(builder) => {
                builder.append_option(text_of(value, record, unescaped, None));
            }
            ColumnBuilder::RepetitiveText(keys, _) => keys.append_option(match value {
                Value::Key(key) => Some(key),
                _ => None,
            }),
            ColumnBuilder::Int32(builder) => {
                builder.append_option(integer(value).map(|i| i as i32));
            }
            ColumnBuilder::Int64(builder) => builder.append_option(integer(value)),
            ColumnBuilder::Float64(builder) => builder.append_option(match value {
                Value::Double(double) => Some(double),
                _ => None,
            }),
        }
    }

    /// The column of the rows so far, in memory of just its size.
    fn finish(&mut self) -> Result<Option<ArrayRef>, ArrowError> {
        Ok(Some(match self {
            ColumnBuilder::Dropped => return Ok(None),
            ColumnBuilder::Text(builder) => {
                let column = builder.finish();
                // The next batch will be much like this one.
                let bytes = column.values().len();
                *builder = StringBuilder::with_capacity(BATCH_ROWS, bytes + bytes / 16);
                Arc::new(column)
            }
            ColumnBuilder::RepetitiveText(keys, dictionary) => {
                let column = DictionaryArray::try_new(keys.finish(), dictionary.array())?;
                dictionary.limit();
                Arc::new(column)
            }
            ColumnBuilder::Int32(builder) => Arc::new(builder.finish()),
            ColumnBuilder::Int64(builder) => Arc::new(builder.finish()),
            ColumnBuilder::Float64(builder) => Arc::new(builder.finish()),
        }))
    }
}

#[inline]
fn integer(value: Value) -> Option<i64> {
    if let Value::Integer(integer) = value { Some(integer) } else { None }
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

    /// The dictionary of a column that has one.
    #[inline]
    pub fn dictionary(&mut self, column: usize) -> Option<&mut Dictionary> {
        match &mut self.columns[column] {
            ColumnBuilder::RepetitiveText(_, dictionary) => Some(dictionary),
            _ => None,
        }
    }

    /// Appends a record whose values have all been accepted.
    pub fn append(&mut self, values: &[Value], record: &str, unescaped: &str, is_play: bool) {
        for (builder, &value) in self.columns.iter_mut().zip(values) {
            builder.append(value, record, unescaped);
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
        let columns = self.columns.iter_mut().filter_map(|column| column.finish().transpose());
        let mut arrays: Vec<ArrayRef> = columns.collect::<Result<_, _>>()?;
        if self.dataset == Dataset::Events {
            arrays.push(Arc::new(self.fingerprints.finish()));
        }
        RecordBatch::try_new(self.dataset.schema(), arrays).map(Some)
    }
}

fn fingerprint_of(values: &[Value]) -> Option<i64> {
    Some(play_fingerprint(
        integer(values[event::TS])?,
        integer(values[event::USER_ID])?,
        integer(values[event::SESSION_ID])?,
        integer(values[event::ITEM_IN_SESSION]),
    ))
}
