//! Encodes Arrow rows in PostgreSQL's binary COPY format and checks each value against its column.

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, Decimal128Array, Float32Array,
    Float64Array, Int16Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray, TimestampNanosecondArray,
};
use arrow::datatypes::{DataType, TimeUnit};
use bytes::{BufMut, Bytes, BytesMut};

use super::{Failure, Target};
use crate::support::redshift::types::Type;

/// PostgreSQL counts from 2000-01-01.
const EPOCH_DAYS: i32 = 10_957;
const EPOCH_MICROS: i64 = 946_684_800_000_000;

const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

pub struct Encoder<'a> {
    targets: &'a [Target],
    begun: bool,
}

/// A column whose type is resolved once per batch rather than once per value.
enum Values<'a> {
    Int16(&'a Int16Array),
    Int32(&'a Int32Array),
    Int64(&'a Int64Array),
    /// INT32 in a BIGINT column.
    Wide(&'a Int32Array),
    Float32(&'a Float32Array),
    Float64(&'a Float64Array),
    Boolean(&'a BooleanArray),
    Text(&'a StringArray, u32),
    Date(&'a Date32Array),
    Micros(&'a TimestampMicrosecondArray),
    /// INT96
    Nanos(&'a TimestampNanosecondArray),
    Decimal(&'a Decimal128Array, u8),
}

impl Encoder<'_> {
    pub fn new(targets: &[Target]) -> Encoder<'_> {
        Encoder { targets, begun: false }
    }

    /// Returns the trailer that ends the stream of rows.
    pub fn end(&mut self) -> Bytes {
        let mut out = self.header();
        out.put_i16(-1);
        out.freeze()
    }

    /// Returns the file header before the first row, and nothing afterwards.
    fn header(&mut self) -> BytesMut {
        let begun = std::mem::replace(&mut self.begun, true);
        BytesMut::from(if begun { b"".as_slice() } else { HEADER })
    }

    pub fn encode(&mut self, batch: &RecordBatch) -> Result<Bytes, Failure> {
        let mut out = self.header();
        out.reserve(batch.num_rows() * 16 * self.targets.len());
        for (column, target) in batch.columns().iter().zip(self.targets) {
            if target.not_null && column.null_count() > 0 {
                return Err(Failure::null(target));
            }
        }
        let columns: Vec<_> =
            batch.columns().iter().zip(self.targets).map(|(c, t)| values(c, t)).collect();
        for row in 0..batch.num_rows() {
            out.put_i16(self.targets.len() as i16);
            for (i, column) in columns.iter().enumerate() {
                if batch.column(i).is_null(row) {
                    out.put_i32(-1);
                } else if let Err(length) = put(&mut out, column, row) {
                    return Err(too_long(&self.targets[i], length));
                }
            }
        }
        Ok(out.freeze())
    }
}

fn too_long(target: &Target, length: usize) -> Failure {
    let limit = match target.kind {
        Type::Char(bytes) | Type::Varchar(bytes) => bytes,
        _ => 0,
    };
    let context = format!(
        "The length of the data column {} is longer than the length defined in the table. Table: \
         {limit}, Data: {length}",
        target.name
    );
    Failure::scan(15007, context, "Spectrum Scan Error").column(target)
}

fn values<'a>(column: &'a ArrayRef, target: &Target) -> Values<'a> {
    match (column.data_type(), target.kind) {
        (DataType::Int32, Type::BigInt) => Values::Wide(column.as_primitive()),
        (DataType::Int16, _) => Values::Int16(column.as_primitive()),
        (DataType::Int32, _) => Values::Int32(column.as_primitive()),
        (DataType::Int64, _) => Values::Int64(column.as_primitive()),
        (DataType::Float32, _) => Values::Float32(column.as_primitive()),
        (DataType::Float64, _) => Values::Float64(column.as_primitive()),
        (DataType::Boolean, _) => Values::Boolean(column.as_boolean()),
        (DataType::Utf8, Type::Char(bytes) | Type::Varchar(bytes)) => {
            Values::Text(column.as_string(), bytes)
        }
        (DataType::Date32, _) => Values::Date(column.as_primitive()),
        (DataType::Timestamp(TimeUnit::Microsecond, None), _) => {
            Values::Micros(column.as_primitive())
        }
        (DataType::Timestamp(TimeUnit::Nanosecond, None), _) => {
            Values::Nanos(column.as_primitive())
        }
        (DataType::Decimal128(_, scale), _) => Values::Decimal(column.as_primitive(), *scale as u8),
        (arrow, kind) => panic!("{arrow} passed the check for {kind}"),
    }
}

/// Writes a value with its length prefix. Returns the length of a text that is too long as the
/// error.
fn put(out: &mut BytesMut, column: &Values, row: usize) -> Result<(), usize> {
    match column {
        Values::Int16(array) => put_fixed(out, &array.value(row).to_be_bytes()),
        Values::Int32(array) => put_fixed(out, &array.value(row).to_be_bytes()),
        Values::Int64(array) => put_fixed(out, &array.value(row).to_be_bytes()),
        Values::Wide(array) => put_fixed(out, &i64::from(array.value(row)).to_be_bytes()),
        Values::Float32(array) => put_fixed(out, &array.value(row).to_be_bytes()),
        Values::Float64(array) => put_fixed(out, &array.value(row).to_be_bytes()),
        Values::Boolean(array) => put_fixed(out, &[u8::from(array.value(row))]),
        Values::Text(array, most) => {
            let text = array.value(row);
            if text.len() > *most as usize {
                return Err(text.len());
            }
            put_fixed(out, text.as_bytes());
        }
        Values::Date(array) => put_fixed(out, &(array.value(row) - EPOCH_DAYS).to_be_bytes()),
        Values::Micros(array) => put_fixed(out, &(array.value(row) - EPOCH_MICROS).to_be_bytes()),
        Values::Nanos(array) => {
            put_fixed(out, &(array.value(row).div_euclid(1000) - EPOCH_MICROS).to_be_bytes());
        }
        Values::Decimal(array, scale) => put_fixed(out, &numeric(array.value(row), *scale)),
    }
    Ok(())
}

fn put_fixed(out: &mut BytesMut, bytes: &[u8]) {
    out.put_i32(bytes.len() as i32);
    out.put_slice(bytes);
}

/// Encodes a NUMERIC as base-10,000 digits aligned to the decimal point.
fn numeric(value: i128, scale: u8) -> Vec<u8> {
    const BASE: u128 = 10_000;
    let mut unscaled = value.unsigned_abs();
    let fraction_digits = scale.div_ceil(4);
    // The digits after the point are padded to a multiple of four.
    let padding = u32::from(fraction_digits) * 4 - u32::from(scale);
    let mut digits = Vec::new();
    let lowest = unscaled % 10u128.pow(4 - padding);
    if padding > 0 {
        digits.push((lowest * 10u128.pow(padding)) as i16);
        unscaled /= 10u128.pow(4 - padding);
    }
    while unscaled > 0 {
        digits.push((unscaled % BASE) as i16);
        unscaled /= BASE;
    }
    digits.reverse();
    let weight = digits.len() as i16 - 1 - i16::from(fraction_digits);
    let mut bytes = Vec::new();
    bytes.put_i16(digits.len() as i16);
    bytes.put_i16(weight);
    bytes.put_i16(if value < 0 { 0x4000 } else { 0 });
    bytes.put_i16(i16::from(scale));
    digits.into_iter().for_each(|digit| bytes.put_i16(digit));
    bytes
}
