//! Column builders, which turn the values of accepted records into Arrow batches of a staging
//! table.

use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, BooleanBuilder, DictionaryArray, PrimitiveArray, PrimitiveBuilder,
    RecordBatch, RecordBatchOptions, StringBuilder,
};
use arrow::datatypes::{
    ArrowPrimitiveType, Date32Type, Decimal128Type, Float64Type, Int16Type, Int32Type, Int64Type,
    SchemaRef, TimestampMicrosecondType,
};
use arrow::error::ArrowError;

use super::convert::{Value, Values, micros_per_unit, text_of};
use super::dataset::{ColumnKind, StagedColumns, StagingColumn};
use super::dictionary::Dictionary;

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
    RepetitiveText(PrimitiveBuilder<Int32Type>),
    Boolean(BooleanBuilder),
    Int16(PrimitiveBuilder<Int16Type>),
    Int32(PrimitiveBuilder<Int32Type>),
    Int64(PrimitiveBuilder<Int64Type>),
    Float64(PrimitiveBuilder<Float64Type>),
    /// With the precision and the scale.
    Decimal(PrimitiveBuilder<Decimal128Type>, u8, i8),
    Date(PrimitiveBuilder<Date32Type>),
    /// With the number of microseconds per unit of the values.
    Timestamp(PrimitiveBuilder<TimestampMicrosecondType>, i64),
}

impl ColumnBuilder {
    fn new(kind: ColumnKind) -> ColumnBuilder {
        match kind {
            ColumnKind::Text => ColumnBuilder::Text(StringBuilder::new()),
            ColumnKind::RepetitiveText => ColumnBuilder::RepetitiveText(numbers()),
            ColumnKind::Boolean => ColumnBuilder::Boolean(BooleanBuilder::new()),
            ColumnKind::Int16 => ColumnBuilder::Int16(numbers()),
            ColumnKind::Int32 => ColumnBuilder::Int32(numbers()),
            ColumnKind::Int64 => ColumnBuilder::Int64(numbers()),
            ColumnKind::Float64 => ColumnBuilder::Float64(numbers()),
            ColumnKind::Decimal { precision, scale } => {
                ColumnBuilder::Decimal(numbers(), precision, scale as i8)
            }
            ColumnKind::Date => ColumnBuilder::Date(numbers()),
            ColumnKind::Timestamp(form) => {
                ColumnBuilder::Timestamp(numbers(), micros_per_unit(form))
            }
        }
    }

    /// Appends a value, which is within the range of the column's type.
    #[inline]
    fn append(&mut self, value: Value, values: &Values<'_>) {
        match self {
            ColumnBuilder::Dropped => {}
            ColumnBuilder::Text(builder) => builder.append_option(text_of(value, values, None)),
            ColumnBuilder::RepetitiveText(keys) => keys.append_option(match value {
                Value::Key(key) => Some(key),
                _ => None,
            }),
            ColumnBuilder::Boolean(builder) => {
                builder.append_option(integer(value).map(|i| i != 0));
            }
            ColumnBuilder::Int16(builder) => {
                builder.append_option(integer(value).map(|i| i as i16));
            }
            ColumnBuilder::Int32(builder) => {
                builder.append_option(integer(value).map(|i| i as i32));
            }
            ColumnBuilder::Int64(builder) => builder.append_option(integer(value)),
            ColumnBuilder::Float64(builder) => builder.append_option(match value {
                Value::Double(double) => Some(double),
                _ => None,
            }),
            ColumnBuilder::Decimal(builder, ..) => builder.append_option(match value {
                Value::Decimal(index) => values.decimals.get(index as usize).copied(),
                _ => None,
            }),
            ColumnBuilder::Date(builder) => {
                builder.append_option(integer(value).map(|i| i as i32));
            }
            ColumnBuilder::Timestamp(builder, micros) => {
                builder.append_option(integer(value).map(|i| i * *micros));
            }
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
            ColumnBuilder::Boolean(builder) => Arc::new(builder.finish()),
            ColumnBuilder::Int16(builder) => Arc::new(take(builder)),
            ColumnBuilder::Int32(builder) => Arc::new(take(builder)),
            ColumnBuilder::Int64(builder) => Arc::new(take(builder)),
            ColumnBuilder::Float64(builder) => Arc::new(take(builder)),
            ColumnBuilder::Decimal(builder, precision, scale) => {
                Arc::new(take(builder).with_precision_and_scale(*precision, *scale)?)
            }
            ColumnBuilder::Date(builder) => Arc::new(take(builder)),
            ColumnBuilder::Timestamp(builder, _) => Arc::new(take(builder)),
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
    /// One builder per derived column that is kept.
    derived: Vec<PrimitiveBuilder<Int64Type>>,
    rows: usize,
    bytes: usize,
}

/// Builds batches of one dataset's staging table.
///
/// Rows that satisfy the dataset's partition condition and other rows are kept in separate batches,
/// so that a query for the former reads whole batches instead of copying rows.
pub(super) struct StagingBuilder {
    schema: SchemaRef,
    /// One entry per column of the dataset; `Some` for repetitive text columns that are kept.
    dictionaries: Vec<Option<Dictionary>>,
    selected: BatchBuilder,
    others: BatchBuilder,
    full: Vec<RecordBatch>,
}

impl StagingBuilder {
    pub fn new(staged: &StagedColumns) -> StagingBuilder {
        let dictionaries = staged.columns().iter().map(|column| {
            let repeats = column.kind == ColumnKind::RepetitiveText && staged.has(&column.name);
            repeats.then(Dictionary::default)
        });
        StagingBuilder {
            schema: staged.schema().clone(),
            dictionaries: dictionaries.collect(),
            selected: BatchBuilder::new(staged),
            others: BatchBuilder::new(staged),
            full: Vec::new(),
        }
    }

    /// Returns the dictionary of a column, if it has one.
    #[inline]
    pub fn dictionary(&mut self, column: usize) -> Option<&mut Dictionary> {
        self.dictionaries[column].as_mut()
    }

    /// Returns the dictionaries of all columns.
    #[inline]
    pub fn dictionaries(&self) -> &[Option<Dictionary>] {
        &self.dictionaries
    }

    /// Appends a row, all of whose values have been accepted. `bytes` is the length of its record.
    pub fn append(
        &mut self,
        row: &[Value],
        derived: &[Option<i64>],
        values: &Values<'_>,
        bytes: usize,
        is_selected: bool,
    ) {
        let batch = if is_selected { &mut self.selected } else { &mut self.others };
        for (builder, &value) in batch.columns.iter_mut().zip(row) {
            builder.append(value, values);
        }
        for (builder, &value) in batch.derived.iter_mut().zip(derived) {
            builder.append_option(value);
        }
        batch.rows += 1;
        batch.bytes += bytes;
    }

    /// Closes the batches that are full, without a change to the dictionaries.
    pub fn close_full(&mut self) -> Result<(), ArrowError> {
        for batch in [&mut self.selected, &mut self.others] {
            if batch.is_full() {
                self.full.extend(batch.flush(&self.schema, &mut self.dictionaries)?);
            }
        }
        Ok(())
    }

    /// Removes and returns the full batches.
    pub fn take_full(&mut self) -> Result<Vec<RecordBatch>, ArrowError> {
        if !self.selected.is_full() && !self.others.is_full() && self.full.is_empty() {
            return Ok(Vec::new());
        }
        self.close_full()?;
        let mut batches = std::mem::take(&mut self.full);
        batches.extend(self.take_overgrown()?);
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
        let selected = self.selected.flush(&self.schema, &mut self.dictionaries)?;
        let others = self.others.flush(&self.schema, &mut self.dictionaries)?;
        Ok(selected.into_iter().chain(others).collect())
    }
}

impl BatchBuilder {
    fn new(staged: &StagedColumns) -> BatchBuilder {
        let builder = |column: &StagingColumn| match staged.has(&column.name) {
            true => ColumnBuilder::new(column.kind),
            false => ColumnBuilder::Dropped,
        };
        let derived = staged.dataset().derived.iter().filter(|derived| staged.has(&derived.name));
        BatchBuilder {
            columns: staged.columns().iter().map(builder).collect(),
            derived: derived.map(|_| numbers()).collect(),
            rows: 0,
            bytes: 0,
        }
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
        for builder in &mut self.derived {
            arrays.push(Arc::new(take(builder)));
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(schema.clone(), arrays, &options).map(Some)
    }
}
