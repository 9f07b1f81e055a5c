//! Converts the results of queries to the schema of the model and rejects those that do not fit: wrong
//! columns, types or nulls.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, DictionaryArray, Int32Array, RecordBatch};
use arrow::compute::{CastOptions, cast, cast_with_options};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

use crate::error::{Error, Result};
use crate::model::Model;
use crate::star::model::{Table, table_schema};

/// Casts a batch to the model's types. Fails if a column has a null that the model does not allow.
pub(crate) fn cast_to_schema(
    query: &str,
    batch: &RecordBatch,
    schema: &SchemaRef,
) -> Result<RecordBatch> {
    let reject = |reason: String| Error::WrongColumns { name: query.to_owned(), reason };
    let options = CastOptions { safe: false, ..CastOptions::default() };
    let columns: Vec<ArrayRef> = batch
        .columns()
        .iter()
        .zip(schema.fields())
        .map(|(column, field)| {
            let column = cast_with_options(column, field.data_type(), &options)
                .map_err(|e| reject(format!("{}: {e}", field.name())))?;
            if !field.is_nullable() && column.null_count() > 0 {
                return Err(reject(format!("{} contains a null", field.name())));
            }
            Ok(column)
        })
        .collect::<Result<_>>()?;
    Ok(RecordBatch::try_new(schema.clone(), columns)?)
}

/// Returns the model's schema, except that a text column stays dictionary-encoded if the query returns it
/// that way. The Parquet file is the same either way.
pub(super) fn output_schema(table: &Table, found: &Schema) -> SchemaRef {
    let expected = table_schema(table);
    let fields = expected.fields().iter().zip(found.fields()).map(|(expected, found)| {
        if *found.data_type() == text_dictionary() {
            return Field::new(expected.name(), text_dictionary(), expected.is_nullable());
        }
        expected.as_ref().clone()
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// Returns the schema of an intermediate table. Text columns with the name of a column of a fact table are
/// dictionary-encoded, so that millions of facts store keys into the texts of a few dimension rows.
pub(super) fn intermediate_schema(model: &Model, found: &Schema) -> SchemaRef {
    let is_fact = |name: &str| model.facts().any(|table| table.column(name).is_some());
    let fields = found.fields().iter().map(|field| {
        let data_type = match field.data_type() {
            DataType::Utf8 if is_fact(field.name()) => text_dictionary(),
            other => other.clone(),
        };
        Field::new(field.name(), data_type, field.is_nullable())
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// Dictionary-encodes the text columns that are dictionaries in `schema`.
pub(super) fn dictionary_encode(
    _query: &str,
    batch: &RecordBatch,
    schema: &SchemaRef,
) -> Result<RecordBatch> {
    let columns = batch.columns().iter().zip(schema.fields());
    let columns = columns.map(|(column, field)| match (column.data_type(), field.data_type()) {
        (DataType::Utf8, DataType::Dictionary(..)) => {
            // One key per row: the staging table merges equal texts.
            let keys = Int32Array::from_iter_values(0..column.len() as i32);
            let keys = Int32Array::new(keys.values().clone(), column.nulls().cloned());
            Ok(Arc::new(DictionaryArray::try_new(keys, column.clone())?) as ArrayRef)
        }
        _ => cast(column, field.data_type()),
    });
    Ok(RecordBatch::try_new(schema.clone(), columns.collect::<Result<_, _>>()?)?)
}

fn text_dictionary() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
}

/// Fails unless the columns of a query have the same names and order as those of its table, and types that
/// can be cast to the table's without loss.
pub(crate) fn ensure_columns(query: &str, table: &Table, found: &Schema) -> Result<()> {
    let expected: SchemaRef = table_schema(table);
    let reject = |reason| Err(Error::WrongColumns { name: query.to_owned(), reason });
    let names = |schema: &Schema| {
        schema.fields().iter().map(|f| f.name().clone()).collect::<Vec<_>>().join(", ")
    };
    if names(found) != names(&expected) {
        return reject(format!("it returns ({}), expected ({})", names(found), names(&expected)));
    }
    for (found, expected) in found.fields().iter().zip(expected.fields()) {
        if !is_lossless(found.data_type(), expected.data_type()) {
            return reject(format!(
                "{} is {}, expected {}",
                found.name(),
                found.data_type(),
                expected.data_type()
            ));
        }
    }
    Ok(())
}

/// Returns `true` if a cast from `from` to `to` never changes a value: it either keeps the value or fails.
fn is_lossless(from: &DataType, to: &DataType) -> bool {
    use DataType::{
        Decimal128, Dictionary, Float32, Float64, LargeUtf8, Null, Timestamp, Utf8, Utf8View,
    };
    match (from, to) {
        (from, to) if from == to => true,
        (Null, _) => true,
        (Dictionary(_, values), to) => is_lossless(values, to),
        (Utf8View | LargeUtf8, Utf8) => true,
        (Float32, Float64) => true,
        (Timestamp(TimeUnit::Second | TimeUnit::Millisecond, None), Timestamp(_, None)) => true,
        // A value with too many digits before the point fails.
        (Decimal128(_, from), Decimal128(_, to)) => from <= to,
        (from, Decimal128(..)) => from.is_integer(),
        (from, to) => from.is_integer() && to.is_integer(),
    }
}
