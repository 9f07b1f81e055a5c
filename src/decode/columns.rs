//! Column builders, which turn the values of accepted records into Arrow batches of a staging
//! table.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, DictionaryArray, RecordBatch, RecordBatchOptions, StringBuilder,
    new_empty_array,
};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float64Type, Int16Type, Int32Type, Int64Type, SchemaRef,
    TimestampMicrosecondType,
};
use arrow::error::ArrowError;

use super::convert::{Value, Values, micros_per_unit, text_of};
use super::dataset::{ColumnKind, OBJECT_NUMBER, StagedColumns};
use super::dictionary::Dictionary;
use super::numbers::Numbers;

/// Number of rows of a full staging batch. Equals DataFusion's default batch size.
pub const BATCH_ROWS: usize = 8192;

/// A batch is closed early once its records held this many bytes, which bounds the memory of a
/// batch for any input.
const BATCH_BYTES: usize = 8 * 1024 * 1024;

/// Limits of a dictionary. A larger one is replaced with the next batch: a column with few
/// repetitions must not keep all of its texts in memory.
const MAX_TEXTS: usize = 2 * BATCH_ROWS;
const MAX_TEXT_BYTES: usize = 2 * 1024 * 1024;

// Without `repr`, the compiler hides the tag within a field, and finding it takes longer than the rest of
// appending a value.
#[repr(u8)]
enum ColumnBuilder {
    Text(StringBuilder),
    /// Keys into the column's dictionary.
    RepetitiveText(Numbers<Int32Type>),
    Boolean(BooleanBuilder),
    Int16(Numbers<Int16Type>),
    Int32(Numbers<Int32Type>),
    Int64(Numbers<Int64Type>),
    Float64(Numbers<Float64Type>),
    /// With the precision and the scale.
    Decimal(Numbers<Decimal128Type>, u8, i8),
    Date(Numbers<Date32Type>),
    /// With the number of microseconds per unit of the values.
    Timestamp(Numbers<TimestampMicrosecondType>, i64),
}

impl ColumnBuilder {
    fn new(kind: ColumnKind) -> ColumnBuilder {
        match kind {
            ColumnKind::Text => ColumnBuilder::Text(StringBuilder::new()),
            ColumnKind::RepetitiveText => ColumnBuilder::RepetitiveText(Numbers::default()),
            ColumnKind::Boolean => ColumnBuilder::Boolean(BooleanBuilder::new()),
            ColumnKind::Int16 => ColumnBuilder::Int16(Numbers::default()),
            ColumnKind::Int32 => ColumnBuilder::Int32(Numbers::default()),
            ColumnKind::Int64 => ColumnBuilder::Int64(Numbers::default()),
            ColumnKind::Float64 => ColumnBuilder::Float64(Numbers::default()),
            ColumnKind::Decimal { precision, scale } => {
                ColumnBuilder::Decimal(Numbers::default(), precision, scale as i8)
            }
            ColumnKind::Date => ColumnBuilder::Date(Numbers::default()),
            ColumnKind::Timestamp(form) => {
                ColumnBuilder::Timestamp(Numbers::default(), micros_per_unit(form))
            }
        }
    }

    /// Appends a value, which is within the range of the column's type.
    #[inline(always)]
    fn append(&mut self, value: Value, values: &Values<'_>) {
        match self {
            ColumnBuilder::Text(builder) => builder.append_option(text_of(value, values, None)),
            ColumnBuilder::RepetitiveText(keys) => keys.append(match value {
                Value::Key(key) => Some(key),
                _ => None,
            }),
            ColumnBuilder::Boolean(builder) => {
                builder.append_option(integer(value).map(|i| i != 0));
            }
            ColumnBuilder::Int16(numbers) => numbers.append(integer(value).map(|i| i as i16)),
            ColumnBuilder::Int32(numbers) => numbers.append(integer(value).map(|i| i as i32)),
            ColumnBuilder::Int64(numbers) => numbers.append(integer(value)),
            ColumnBuilder::Float64(numbers) => numbers.append(match value {
                Value::Double(double) => Some(double),
                _ => None,
            }),
            ColumnBuilder::Decimal(numbers, ..) => numbers.append(match value {
                Value::Decimal(index) => values.decimals.get(index as usize).copied(),
                _ => None,
            }),
            ColumnBuilder::Date(numbers) => numbers.append(integer(value).map(|i| i as i32)),
            ColumnBuilder::Timestamp(numbers, micros) => {
                numbers.append(integer(value).map(|i| i * *micros));
            }
        }
    }

    /// Returns the column of the rows so far, in memory of about its size.
    fn finish(&mut self, dictionary: Option<&mut Dictionary>) -> Result<ArrayRef, ArrowError> {
        Ok(match self {
            ColumnBuilder::Text(builder) => {
                let column = builder.finish();
                // Reserve about the size of this batch, as the next one is likely to be similar.
                let bytes = column.value_data().len();
                *builder = StringBuilder::with_capacity(BATCH_ROWS, bytes + bytes / 16);
                Arc::new(column)
            }
            ColumnBuilder::RepetitiveText(keys) => {
                let texts =
                    dictionary.map_or_else(|| new_empty_array(&DataType::Utf8), Dictionary::array);
                Arc::new(DictionaryArray::try_new(keys.take(), texts)?)
            }
            ColumnBuilder::Boolean(builder) => Arc::new(builder.finish()),
            ColumnBuilder::Int16(builder) => Arc::new(builder.take()),
            ColumnBuilder::Int32(builder) => Arc::new(builder.take()),
            ColumnBuilder::Int64(builder) => Arc::new(builder.take()),
            ColumnBuilder::Float64(builder) => Arc::new(builder.take()),
            ColumnBuilder::Decimal(builder, precision, scale) => {
                Arc::new(builder.take().with_precision_and_scale(*precision, *scale)?)
            }
            ColumnBuilder::Date(builder) => Arc::new(builder.take()),
            ColumnBuilder::Timestamp(builder, _) => Arc::new(builder.take()),
        })
    }
}

#[inline]
fn integer(value: Value) -> Option<i64> {
    if let Value::Integer(integer) = value { Some(integer) } else { None }
}

/// An unfinished batch.
struct BatchBuilder {
    /// The columns that are kept, with their positions in the dataset. The values of the others are checked
    /// and dropped.
    columns: Vec<(usize, ColumnBuilder)>,
    /// One builder per derived column that is kept.
    derived: Vec<Numbers<Int64Type>>,
    /// The number of each row's object, if it is kept.
    objects: Option<Numbers<Int32Type>>,
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
    /// Number of the object that rows are appended for.
    object: u32,
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
            object: 0,
        }
    }

    /// Sets the number of the object that rows are appended for.
    pub fn set_object(&mut self, number: u32) {
        self.object = number;
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
        for (at, builder) in &mut batch.columns {
            builder.append(row[*at], values);
        }
        for (builder, &value) in batch.derived.iter_mut().zip(derived) {
            builder.append(value);
        }
        if let Some(objects) = &mut batch.objects {
            objects.append(Some(self.object as i32));
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
        let columns = staged.columns().iter().enumerate();
        let kept = columns.filter(|(_, column)| staged.has(&column.name));
        let derived = staged.dataset().derived.iter().filter(|derived| staged.has(&derived.name));
        BatchBuilder {
            columns: kept.map(|(at, column)| (at, ColumnBuilder::new(column.kind))).collect(),
            derived: derived.map(|_| Numbers::default()).collect(),
            objects: staged.has(OBJECT_NUMBER).then(Numbers::default),
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
        let columns = self.columns.iter_mut();
        let columns = columns.map(|(at, column)| column.finish(dictionaries[*at].as_mut()));
        let mut arrays: Vec<ArrayRef> = columns.collect::<Result<_, _>>()?;
        for builder in &mut self.derived {
            arrays.push(Arc::new(builder.take()));
        }
        if let Some(objects) = &mut self.objects {
            arrays.push(Arc::new(objects.take()));
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(schema.clone(), arrays, &options).map(Some)
    }
}
