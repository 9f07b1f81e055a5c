//! Encodes Arrow batches in PostgreSQL's binary COPY format.
//!
//! Source: PostgreSQL, COPY, Binary Format: a header; for each row the number of its fields, and
//! for each field its length (-1 for null) and its bytes, all in network order; a trailer.

use arrow::array::{
    Array, AsArray, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int16Array,
    Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float64Type, Int16Type, Int32Type, Int64Type, TimeUnit,
    TimestampMicrosecondType,
};
use arrow::error::ArrowError;

/// The signature, without flags or extension.
pub const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// The trailer: a field count of -1 ends the data.
pub const TRAILER: &[u8] = &(-1_i16).to_be_bytes();

/// Days from 1970-01-01 to 2000-01-01, PostgreSQL's epoch.
const EPOCH_DAYS: i32 = 10_957;

/// Microseconds from 1970-01-01 to 2000-01-01.
const EPOCH_OFFSET: i64 = 10_957 * 86_400 * 1_000_000;

/// Number of decimal digits in a digit of a numeric, which has base 10,000.
const GROUP: usize = 4;

/// Field length that means null.
const NULL: [u8; 4] = (-1_i32).to_be_bytes();

enum Values<'a> {
    Boolean(&'a BooleanArray),
    SmallInt(&'a Int16Array),
    Integer(&'a Int32Array),
    BigInt(&'a Int64Array),
    Double(&'a Float64Array),
    Decimal(&'a Decimal128Array, u8),
    Date(&'a Date32Array),
    Timestamp(&'a TimestampMicrosecondArray),
    Text(&'a StringArray),
}

impl Values<'_> {
    fn of(array: &dyn Array) -> Result<Values<'_>, ArrowError> {
        Ok(match array.data_type() {
            DataType::Boolean => Values::Boolean(array.as_boolean()),
            DataType::Decimal128(_, scale) if *scale >= 0 => {
                Values::Decimal(array.as_primitive::<Decimal128Type>(), scale.unsigned_abs())
            }
            DataType::Date32 => Values::Date(array.as_primitive::<Date32Type>()),
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
            Values::Boolean(values) => values.is_null(row),
            Values::Decimal(values, _) => values.is_null(row),
            Values::Date(values) => values.is_null(row),
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
            Values::Boolean(values) => field(out, &[u8::from(values.value(row))]),
            Values::Decimal(values, scale) => field(out, &numeric(values.value(row), *scale)),
            Values::Date(values) => {
                let days = values.value(row).checked_sub(EPOCH_DAYS).ok_or_else(|| {
                    ArrowError::ArithmeticOverflow("a date before PostgreSQL's minimum".to_owned())
                })?;
                field(out, &days.to_be_bytes());
            }
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

/// Returns the bytes of a numeric: the number of its digits of base 10,000, the power of 10,000 of the first
/// one, the sign, the number of decimal digits after the point, and the digits without zeros at either end.
///
/// Source: PostgreSQL, `numeric_send` in `src/backend/utils/adt/numeric.c`.
fn numeric(value: i128, scale: u8) -> Vec<u8> {
    let scale = usize::from(scale);
    let decimal = format!("{:0>width$}", value.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = decimal.split_at(decimal.len() - scale);
    let whole = format!("{whole:0>width$}", width = whole.len().next_multiple_of(GROUP));
    let fraction = format!("{fraction:0<width$}", width = scale.next_multiple_of(GROUP));
    // At most 80 decimal digits, so every number below fits in 16 bits.
    let digit = |group: &[u8]| group.iter().fold(0_i16, |n, c| n * 10 + i16::from(c - b'0'));
    let all: Vec<i16> =
        [whole.as_bytes(), fraction.as_bytes()].concat().chunks(GROUP).map(digit).collect();
    let first = all.iter().position(|digit| *digit != 0).unwrap_or(all.len());
    let end = all.iter().rposition(|digit| *digit != 0).map_or(first, |last| last + 1);
    let digits = &all[first..end];
    let weight = match digits {
        [] => 0,
        _ => (whole.len() / GROUP) as i16 - 1 - first as i16,
    };
    let sign: i16 = if value < 0 { 0x4000 } else { 0 };
    let header = [digits.len() as i16, weight, sign, scale as i16];
    header.iter().chain(digits).flat_map(|number| number.to_be_bytes()).collect()
}

/// Appends the rows of a batch.
///
/// # Errors
///
/// Returns an error if a column has a type that no star column has, or a date or time that PostgreSQL
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

    #[test]
    fn booleans_and_dates_are_one_and_four_bytes() {
        let batch = RecordBatch::try_from_iter([
            (
                "a",
                Arc::new(BooleanArray::from(vec![Some(true), Some(false), None])) as Arc<dyn Array>,
            ),
            ("b", Arc::new(Date32Array::from(vec![Some(EPOCH_DAYS + 258), None, Some(10_956)]))),
        ])
        .unwrap();
        let mut out = Vec::new();
        write_rows(&batch, &mut out).unwrap();
        let mut wanted = vec![0, 2, 0, 0, 0, 1, 1, 0, 0, 0, 4, 0, 0, 1, 2];
        wanted.extend([0, 2, 0, 0, 0, 1, 0, 0xff, 0xff, 0xff, 0xff]);
        wanted.extend([0, 2, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 4, 0xff, 0xff, 0xff, 0xff]);
        assert_eq!(out, wanted);
        let early = Date32Array::from(vec![i32::MIN]);
        let early = RecordBatch::try_from_iter([("a", Arc::new(early) as Arc<dyn Array>)]).unwrap();
        assert!(write_rows(&early, &mut Vec::new()).is_err());
    }

    /// Each expectation is the number of digits, the weight, the sign, the scale and the digits, as
    /// `numeric_send` of PostgreSQL returns them.
    #[test]
    fn decimals_are_digits_of_base_10000() {
        for (value, scale, expected) in [
            (0, 0, &[0, 0, 0, 0][..]),
            (0, 2, &[0, 0, 0, 2]),
            (1, 0, &[1, 0, 0, 0, 1]),
            (10_000, 0, &[1, 1, 0, 0, 1]),
            (123_456_789, 0, &[3, 2, 0, 0, 1, 2345, 6789]),
            (1_230, 2, &[2, 0, 0, 2, 12, 3000]),
            (-1_230, 2, &[2, 0, 0x4000, 2, 12, 3000]),
            (1_200, 2, &[1, 0, 0, 2, 12]),
            (5, 2, &[1, -1, 0, 2, 500]),
            (5, 5, &[1, -2, 0, 5, 5000]),
            (-1, 37, &[1, -10, 0x4000, 37, 1000]),
            (99_999_000_000, 4, &[2, 1, 0, 4, 999, 9900]),
        ] {
            let bytes = numeric(value, scale);
            let numbers: Vec<i16> =
                bytes.chunks(2).map(|pair| i16::from_be_bytes([pair[0], pair[1]])).collect();
            assert_eq!(numbers, expected, "{value} {scale}");
        }
        let longest = numeric(10_i128.pow(38) - 1, 1);
        let numbers: Vec<i16> =
            longest.chunks(2).map(|pair| i16::from_be_bytes([pair[0], pair[1]])).collect();
        assert_eq!(numbers[..5], [11, 9, 0, 1, 9]);
        assert_eq!(numbers[5..], [9999, 9999, 9999, 9999, 9999, 9999, 9999, 9999, 9999, 9000]);
    }
}
