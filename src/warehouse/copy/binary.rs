//! Encodes Arrow batches in PostgreSQL's binary COPY format.
//!
//! Source: PostgreSQL, COPY, Binary Format: a header; for each row the number of its fields, and
//! for each field its length (-1 for null) and its bytes, all in network order; a trailer.

use arrow::array::{
    Array, AsArray, Float64Array, Int16Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{
    DataType, Float64Type, Int16Type, Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType,
};
use arrow::error::ArrowError;

/// The signature, without flags or extension.
pub const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// The trailer: a field count of -1 ends the data.
pub const TRAILER: &[u8] = &(-1_i16).to_be_bytes();

/// Microseconds from 1970-01-01 to 2000-01-01, PostgreSQL's epoch: 10,957 days.
const EPOCH_OFFSET: i64 = 10_957 * 86_400 * 1_000_000;

/// Field length that means null.
const NULL: [u8; 4] = (-1_i32).to_be_bytes();

enum Values<'a> {
    SmallInt(&'a Int16Array),
    Integer(&'a Int32Array),
    BigInt(&'a Int64Array),
    Double(&'a Float64Array),
    Timestamp(&'a TimestampMicrosecondArray),
    Text(&'a StringArray),
}

impl Values<'_> {
    fn of(array: &dyn Array) -> Result<Values<'_>, ArrowError> {
        Ok(match array.data_type() {
            DataType::Int16 => Values::SmallInt(array.as_primitive::<Int16Type>()),
            DataType::Int32 => Values::Integer(array.as_primitive::<Int32Type>()),
            DataType::Int64 => Values::BigInt(array.as_primitive::<Int64Type>()),
            DataType::Float64 => Values::Double(array.as_primitive::<Float64Type>()),
            DataType::Timestamp(TimeUnit::Microsecond, None) => {
                Values::Timestamp(array.as_primitive::<TimestampMicrosecondType>())
            }
            DataType::Utf8 => Values::Text(array.as_string::<i32>()),
            other => {
                return Err(ArrowError::NotYetImplemented(format!("{other} in a binary COPY")));
            }
        })
    }

    fn is_null(&self, row: usize) -> bool {
        match self {
            Values::SmallInt(values) => values.is_null(row),
            Values::Integer(values) => values.is_null(row),
            Values::BigInt(values) => values.is_null(row),
            Values::Double(values) => values.is_null(row),
            Values::Timestamp(values) => values.is_null(row),
            Values::Text(values) => values.is_null(row),
        }
    }

    fn write(&self, row: usize, out: &mut Vec<u8>) -> Result<(), ArrowError> {
        if self.is_null(row) {
            out.extend_from_slice(&NULL);
            return Ok(());
        }
        match self {
            Values::SmallInt(values) => field(out, &values.value(row).to_be_bytes()),
            Values::Integer(values) => field(out, &values.value(row).to_be_bytes()),
            Values::BigInt(values) => field(out, &values.value(row).to_be_bytes()),
            Values::Double(values) => field(out, &values.value(row).to_be_bytes()),
            Values::Timestamp(values) => {
                let micros = values.value(row).checked_sub(EPOCH_OFFSET).ok_or_else(|| {
                    ArrowError::ArithmeticOverflow("a time before PostgreSQL's minimum".to_owned())
                })?;
                field(out, &micros.to_be_bytes());
            }
            // The length fits: an array of texts holds less than 2 GiB.
            Values::Text(values) => field(out, values.value(row).as_bytes()),
        }
        Ok(())
    }
}

fn field(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&(bytes.len() as i32).to_be_bytes());
    out.extend_from_slice(bytes);
}

/// Appends the rows of a batch.
///
/// # Errors
///
/// Returns an error if a column has a type that no star column has, or a time that PostgreSQL
/// cannot represent.
pub fn write_rows(batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), ArrowError> {
    let columns: Vec<Values<'_>> =
        batch.columns().iter().map(|array| Values::of(array)).collect::<Result<_, _>>()?;
    let fields = (columns.len() as i16).to_be_bytes();
    for row in 0..batch.num_rows() {
        out.extend_from_slice(&fields);
        for column in &columns {
            column.write(row, out)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn fields_are_lengths_and_bytes_in_network_order() {
        let batch = RecordBatch::try_from_iter([
            ("a", Arc::new(Int16Array::from(vec![Some(258), None])) as Arc<dyn Array>),
            ("b", Arc::new(StringArray::from(vec![Some("é"), Some("")]))),
            ("c", Arc::new(TimestampMicrosecondArray::from(vec![Some(EPOCH_OFFSET + 1), Some(0)]))),
        ])
        .unwrap();
        let mut out = Vec::new();
        write_rows(&batch, &mut out).unwrap();
        let mut wanted = vec![0, 3, 0, 0, 0, 2, 1, 2, 0, 0, 0, 2, 0xc3, 0xa9];
        wanted.extend([0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 1]);
        wanted.extend([0, 3, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 8]);
        wanted.extend((-EPOCH_OFFSET).to_be_bytes());
        assert_eq!(out, wanted);
        assert_eq!(EPOCH_OFFSET, 946_684_800_000_000);
    }
}
