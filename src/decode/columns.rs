//! Column builders, which turn the values of accepted records into Arrow batches of a staging
//! table.

use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, DictionaryArray, Float64Builder, Int32Builder, Int64Builder,
    PrimitiveArray, PrimitiveBuilder, RecordBatch, RecordBatchOptions, StringBuilder,
};
use arrow::datatypes::{ArrowPrimitiveType, SchemaRef};
use arrow::error::ArrowError;

use super::convert::{Value, text_of};
use super::dataset::{ColumnKind, PLAY_FINGERPRINT, StagedColumns, StagingColumn, event};
use super::dictionary::Dictionary;
use super::fingerprint::play_fingerprint;

/// Number of rows of a full staging batch. Equals DataFusion's default batch size.
pub const BATCH_ROWS: usize = 8192;

/// A batch is closed early once its records held this many bytes, which bounds the memory of a
/// batch for any input.
const BATCH_BYTES: usize = 8 * 1024 * 1024;

/// Limits of a dictionary. A larger one is replaced with the next batch: a column with few
/// repetitions must not keep all of its texts in memory.
const MAX_TEXTS: usize = 2 * BATCH_ROWS;
const MAX_TEXT_BYTES: usize = 2 * 1024 * 1024;

enum ColumnBuilder {
    /// A column that was not selected: its values are checked and dropped.
    Dropped,
    Text(StringBuilder),
    /// Keys into the column's dictionary.
    RepetitiveText(Int32Builder),
    Int32(Int32Builder),
    Int64(Int64Builder),
    Float64(Float64Builder),
}

impl ColumnBuilder {
    fn new(kind: ColumnKind) -> ColumnBuilder {
        match kind {
            ColumnKind::Text => ColumnBuilder::Text(StringBuilder::new()),
            ColumnKind::RepetitiveText => ColumnBuilder::RepetitiveText(numbers()),
            ColumnKind::Int32 => ColumnBuilder::Int32(numbers()),
            ColumnKind::Int64 | ColumnKind::EpochMillis => ColumnBuilder::Int64(numbers()),
            ColumnKind::Float64 => ColumnBuilder::Float64(numbers()),
        }
    }

    #[inline]
    fn append(&mut self, value: Value, record: &str, unescaped: &str) {
        match self {
            ColumnBuilder::Dropped => {}
            ColumnBuilder::Text(builder) => {
                builder.append_option(text_of(value, record, unescaped, None));
            }
            ColumnBuilder::RepetitiveText(keys) => keys.append_option(match value {
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

    /// Returns the column of the rows so far, in memory of about its size.
    fn finish(
        &mut self,
        dictionary: Option<&mut Dictionary>,
    ) -> Result<Option<ArrayRef>, ArrowError> {
        Ok(Some(match self {
            ColumnBuilder::Dropped => return Ok(None),
            ColumnBuilder::Text(builder) => {
                let column = builder.finish();
                // Reserve about the size of this batch, as the next one is likely to be similar.
                let bytes = column.values().len();
                *builder = StringBuilder::with_capacity(BATCH_ROWS, bytes + bytes / 16);
                Arc::new(column)
            }
            ColumnBuilder::RepetitiveText(keys) => match dictionary {
                None => return Ok(None),
                Some(texts) => Arc::new(DictionaryArray::try_new(take(keys), texts.array())?),
            },
            ColumnBuilder::Int32(builder) => Arc::new(take(builder)),
            ColumnBuilder::Int64(builder) => Arc::new(take(builder)),
            ColumnBuilder::Float64(builder) => Arc::new(take(builder)),
        }))
    }
}

/// Creates a builder with capacity for a batch, because growing to it would copy the values many
/// times.
fn numbers<T: ArrowPrimitiveType>() -> PrimitiveBuilder<T> {
    PrimitiveBuilder::with_capacity(BATCH_ROWS)
}

/// Returns the values so far and resets the builder.
fn take<T: ArrowPrimitiveType>(builder: &mut PrimitiveBuilder<T>) -> PrimitiveArray<T> {
    let mut column = std::mem::replace(builder, numbers()).finish();
    if column.len() < BATCH_ROWS {
        column.shrink_to_fit();
    }
    column
}

#[inline]
fn integer(value: Value) -> Option<i64> {
    if let Value::Integer(integer) = value { Some(integer) } else { None }
}

/// An unfinished batch.
struct BatchBuilder {
    /// One builder per column of the dataset.
    columns: Vec<ColumnBuilder>,
    fingerprints: Option<Int64Builder>,
    rows: usize,
    bytes: usize,
}

/// Builds batches of one dataset's staging table.
///
/// Plays and other events are kept in separate batches, so that a query for the plays reads whole
/// batches instead of copying rows.
pub(super) struct StagingBuilder {
    schema: SchemaRef,
    /// One entry per column of the dataset; `Some` for repetitive text columns that are kept.
    dictionaries: Vec<Option<Dictionary>>,
    plays: BatchBuilder,
    others: BatchBuilder,
}

impl StagingBuilder {
    pub fn new(staged: &StagedColumns) -> StagingBuilder {
        let columns = staged.dataset().columns().iter();
        let dictionaries = columns.map(|column| {
            let repeats = column.kind == ColumnKind::RepetitiveText && staged.has(column.name);
            repeats.then(Dictionary::default)
        });
        StagingBuilder {
            schema: staged.schema().clone(),
            dictionaries: dictionaries.collect(),
            plays: BatchBuilder::new(staged),
            others: BatchBuilder::new(staged),
        }
    }

    /// Returns the dictionary of a column, if it has one.
    #[inline]
    pub fn dictionary(&mut self, column: usize) -> Option<&mut Dictionary> {
        self.dictionaries[column].as_mut()
    }

    /// Appends a record, all of whose values have been accepted.
    pub fn append(&mut self, values: &[Value], record: &str, unescaped: &str, is_play: bool) {
        let batch = if is_play { &mut self.plays } else { &mut self.others };
        batch.append(values, record, unescaped, is_play);
    }

    /// Removes and returns the full batches.
    pub fn take_full(&mut self) -> Result<Vec<RecordBatch>, ArrowError> {
        if !self.plays.is_full() && !self.others.is_full() {
            return Ok(Vec::new());
        }
        let mut batches = self.take_overgrown()?;
        for batch in [&mut self.plays, &mut self.others] {
            if batch.is_full() {
                batches.extend(batch.flush(&self.schema, &mut self.dictionaries)?);
            }
        }
        Ok(batches)
    }

    /// Returns the rows so far and resets all dictionaries if one has grown too large. Must also be
    /// called after a reject, because rejects add to the dictionaries.
    pub fn take_overgrown(&mut self) -> Result<Vec<RecordBatch>, ArrowError> {
        let mut dictionaries = self.dictionaries.iter().flatten();
        if !dictionaries.any(|dictionary| dictionary.exceeds(MAX_TEXTS, MAX_TEXT_BYTES)) {
            return Ok(Vec::new());
        }
        let batches = self.flush()?;
        self.dictionaries.iter_mut().flatten().for_each(|d| *d = Dictionary::default());
        Ok(batches)
    }

    /// Returns the rows appended since the last call.
    pub fn flush(&mut self) -> Result<Vec<RecordBatch>, ArrowError> {
        let plays = self.plays.flush(&self.schema, &mut self.dictionaries)?;
        let others = self.others.flush(&self.schema, &mut self.dictionaries)?;
        Ok(plays.into_iter().chain(others).collect())
    }
}

impl BatchBuilder {
    fn new(staged: &StagedColumns) -> BatchBuilder {
        let builder = |column: &StagingColumn| match staged.has(column.name) {
            true => ColumnBuilder::new(column.kind),
            false => ColumnBuilder::Dropped,
        };
        BatchBuilder {
            columns: staged.dataset().columns().iter().map(builder).collect(),
            fingerprints: staged.has(PLAY_FINGERPRINT).then(numbers),
            rows: 0,
            bytes: 0,
        }
    }

    fn append(&mut self, values: &[Value], record: &str, unescaped: &str, is_play: bool) {
        for (builder, &value) in self.columns.iter_mut().zip(values) {
            builder.append(value, record, unescaped);
        }
        if let Some(builder) = &mut self.fingerprints {
            builder.append_option(is_play.then(|| fingerprint_of(values)).flatten());
        }
        self.rows += 1;
        self.bytes += record.len();
    }

    fn is_full(&self) -> bool {
        self.rows >= BATCH_ROWS || self.bytes >= BATCH_BYTES
    }

    fn flush(
        &mut self,
        schema: &SchemaRef,
        dictionaries: &mut [Option<Dictionary>],
    ) -> Result<Option<RecordBatch>, ArrowError> {
        if self.rows == 0 {
            return Ok(None);
        }
        let rows = std::mem::take(&mut self.rows);
        self.bytes = 0;
        let columns = self.columns.iter_mut().zip(dictionaries);
        let columns = columns
            .filter_map(|(column, dictionary)| column.finish(dictionary.as_mut()).transpose());
        let mut arrays: Vec<ArrayRef> = columns.collect::<Result<_, _>>()?;
        if let Some(builder) = &mut self.fingerprints {
            arrays.push(Arc::new(take(builder)));
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(schema.clone(), arrays, &options).map(Some)
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
