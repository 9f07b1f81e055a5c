//! Converts JSON values to the types of their columns, or returns the reason for rejecting them.
//!
//! The conversions are as lenient as Redshift's `COPY … JSON 'auto'`: a quoted number is a number,
//! a number is accepted as text, and a float without a fraction is an integer. Only boolean columns
//! accept booleans, and no column accepts objects or arrays.

mod quoted;
mod reason;
mod time;
mod value;

use std::ops::RangeInclusive;

use super::dataset::{ColumnKind, StagingColumn};
use super::dictionary::Dictionary;
use super::encoding::repair_encoding;
use super::notes::Times;
use super::number::{NumberError, parse_decimal, parse_double, parse_integer};
use super::reject::Rejection;
use super::scan::{FieldKind, FieldSpan};
use super::text::unescape;
use crate::model::TimestampForm;
use quoted::Parsed;
use reason::{clip, number_rejection, text_too_long, wrong_type};
use time::is_in_range;

pub(super) use time::{micros_per_unit, units_per_second};
pub(super) use value::{Value, Values, text_of};

/// Maximum length of a text, in bytes; longer ones are rejected. Twice what a Redshift column can
/// hold. A batch of texts must stay below 2 GiB, the limit of 32-bit offsets.
const MAX_TEXT_BYTES: usize = 128 * 1024;

/// Length in bytes above which a text is measured even if its dictionary already contains it.
const MEASURED_BYTES: usize = 1024;

/// Converts the values of one record.
#[derive(Default)]
pub(super) struct Converter {
    /// Text whose escapes have been resolved, one value after the other.
    unescaped: String,
    decimals: Vec<i128>,
    /// Counts of plausible and implausible times.
    pub times: Times,
    /// Number of texts encoded to UTF-8 twice, in columns without a dictionary.
    pub encoded_twice: u64,
    /// Length of the longest text, in bytes.
    pub longest_text: usize,
    repairs_encoding: bool,
    scratch: Vec<u8>,
}

impl Converter {
    /// Creates a converter that repairs texts that were encoded twice if `repairs_encoding` is set,
    /// and only counts them otherwise.
    pub fn new(repairs_encoding: bool) -> Converter {
        Converter { repairs_encoding, ..Converter::default() }
    }

    /// Prepares for the next record.
    pub fn clear(&mut self) {
        self.unescaped.clear();
        self.decimals.clear();
    }

    /// Returns the counts so far, which [`Self::restore`] restores.
    #[inline]
    pub fn counts(&self) -> (Times, u64, usize) {
        (self.times, self.encoded_twice, self.longest_text)
    }

    /// Restores earlier counts, because values will be converted again.
    pub fn restore(&mut self, counts: (Times, u64, usize)) {
        (self.times, self.encoded_twice, self.longest_text) = counts;
    }

    /// Returns what the values converted since [`Self::clear`] refer to.
    pub fn values<'a>(&'a self, record: &'a str) -> Values<'a> {
        Values { record, unescaped: &self.unescaped, decimals: &self.decimals }
    }

    /// Converts the value at `span` in `record` to the type of `column`. Text becomes a key if the
    /// column has a dictionary.
    ///
    /// The result is written through `value` rather than returned: returning it copies it as a
    /// whole right after its parts were stored, and that store-forwarding stall takes longer than
    /// the conversion.
    #[inline]
    pub fn convert(
        &mut self,
        column: &StagingColumn,
        dictionary: Option<&mut Dictionary>,
        record: &str,
        span: &FieldSpan,
        value: &mut Value,
    ) -> Result<(), Rejection> {
        let written = || &record[span.start as usize..span.end as usize];
        match (span.kind, column.kind) {
            (FieldKind::Missing | FieldKind::Null, _) => *value = Value::Null,
            (FieldKind::Boolean, ColumnKind::Boolean) => {
                *value = Value::Integer(i64::from(written() == "true"));
            }
            (FieldKind::Boolean, _) => return Err(wrong_type(column, written())),
            (FieldKind::Object, _) => return Err(wrong_type(column, "an object")),
            (FieldKind::Array, _) => return Err(wrong_type(column, "an array")),
            (_, ColumnKind::Text | ColumnKind::RepetitiveText) => {
                return self.text_or_key(column, dictionary, record, span, value);
            }
            (FieldKind::EscapedText, _) => {
                let start = self.unescaped.len();
                self.unescape(written());
                let text = self.unescaped.split_off(start);
                return self.quoted(column, &text, value);
            }
            (FieldKind::Text, _) => return self.quoted(column, written(), value),
            (FieldKind::Number, _) => {
                let outcome = self.number(column, written(), value);
                outcome.inspect_err(|_| self.count_fraction(column, written()))?;
            }
        }
        Ok(())
    }

    /// Converts the value at `span` of a text column. It becomes a key if the column has a dictionary.
    #[inline(always)]
    pub fn text_or_key(
        &mut self,
        column: &StagingColumn,
        dictionary: Option<&mut Dictionary>,
        record: &str,
        span: &FieldSpan,
        value: &mut Value,
    ) -> Result<(), Rejection> {
        match dictionary {
            None => self.text(column, record, span, value),
            Some(dictionary) => self.key(column, dictionary, record, span, value),
        }
    }

    /// Returns `true` if a column of this kind accepts an integer, and counts a time.
    #[inline(always)]
    pub fn accepts(&mut self, integer: i64, kind: ColumnKind) -> bool {
        match kind {
            ColumnKind::Timestamp(form) if form != TimestampForm::Rfc3339 => {
                self.times.add(integer, form);
                is_in_range(integer, form)
            }
            kind => range_of(kind).is_some_and(|range| range.contains(&integer)),
        }
    }

    /// Converts a quoted value of a column that is not text.
    #[inline]
    fn quoted(
        &mut self,
        column: &StagingColumn,
        text: &str,
        value: &mut Value,
    ) -> Result<(), Rejection> {
        if column.is_null(text) {
            *value = Value::Null;
            return Ok(());
        }
        if let Some(number) = quoted::number(text) {
            let outcome = self.number(column, number, value);
            return outcome.inspect_err(|_| self.count_fraction(column, text));
        }
        match quoted::parse(column.kind, text) {
            Parsed::Value(integer) => *value = Value::Integer(integer),
            Parsed::OutOfRange => {
                return Err(number_rejection(column, text, NumberError::OutOfRange));
            }
            Parsed::Other => {
                self.count_fraction(column, text);
                return Err(wrong_type(column, &format!("{:?}", clip(text.trim_ascii()))));
            }
        }
        Ok(())
    }

    #[inline(always)]
    fn number(
        &mut self,
        column: &StagingColumn,
        text: &str,
        value: &mut Value,
    ) -> Result<(), Rejection> {
        let outcome = match column.kind {
            ColumnKind::Float64 => parse_double(text).map(|double| *value = Value::Double(double)),
            ColumnKind::Timestamp(form) => self.epoch_time(text, form, value),
            ColumnKind::Decimal { precision, scale } => self.decimal(text, precision, scale, value),
            kind => integer_within(text, kind).map(|integer| *value = Value::Integer(integer)),
        };
        outcome.map_err(|error| number_rejection(column, text, error))
    }

    #[inline]
    fn epoch_time(
        &mut self,
        text: &str,
        form: TimestampForm,
        value: &mut Value,
    ) -> Result<(), NumberError> {
        if form == TimestampForm::Rfc3339 {
            return Err(NumberError::NotANumber);
        }
        let time = parse_integer(text.as_bytes())?;
        *value = Value::Integer(time);
        let is_accepted = self.accepts(time, ColumnKind::Timestamp(form));
        if is_accepted { Ok(()) } else { Err(NumberError::OutOfRange) }
    }

    #[inline(never)]
    fn decimal(
        &mut self,
        text: &str,
        precision: u8,
        scale: u8,
        value: &mut Value,
    ) -> Result<(), NumberError> {
        let decimal = parse_decimal(text.as_bytes(), precision, scale)?;
        *value = Value::Decimal(self.decimals.len() as u32);
        self.decimals.push(decimal);
        Ok(())
    }

    /// Counts a time that is not a 64-bit integer, such as seconds with a fraction for the
    /// milliseconds.
    #[cold]
    fn count_fraction(&mut self, column: &StagingColumn, text: &str) {
        if let ColumnKind::Timestamp(form) = column.kind
            && form != TimestampForm::Rfc3339
            && let Ok(time) = text.trim().parse::<f64>()
            && time.is_finite()
            && (time.fract() != 0.0 || time.abs() >= i64::MAX as f64)
        {
            self.times.add(time as i64, form);
        }
    }

    #[inline]
    fn text(
        &mut self,
        column: &StagingColumn,
        record: &str,
        span: &FieldSpan,
        value: &mut Value,
    ) -> Result<(), Rejection> {
        let length = (span.end - span.start) as usize;
        if length > MAX_TEXT_BYTES {
            return Err(text_too_long(column, length));
        }
        self.longest_text = self.longest_text.max(length);
        *value = if length == 0 {
            if column.empty_is_null { Value::Null } else { Value::Text(span.start, span.end) }
        } else if span.kind != FieldKind::EscapedText {
            Value::Text(span.start, span.end)
        } else {
            self.escaped_text(column, &record[span.start as usize..span.end as usize])?
        };
        let Some(text) = text_of(*value, &self.values(record), None) else { return Ok(()) };
        if !column.nulls.is_empty() && column.is_null(text) {
            *value = Value::Null;
        } else if span.kind == FieldKind::EscapedText && text.contains('\0') {
            return Err(Rejection::of(
                column,
                "text contains U+0000, which no warehouse can store",
            ));
        } else if !text.is_ascii()
            && let Some(repaired) = repair_encoding(text)
        {
            self.repair(repaired, value);
        }
        Ok(())
    }

    fn escaped_text(&mut self, column: &StagingColumn, body: &str) -> Result<Value, Rejection> {
        let start = self.unescaped.len();
        if !self.unescape(body) {
            return Err(Rejection::of(column, "an unpaired surrogate in a \\u escape"));
        }
        Ok(Value::Unescaped(start as u32, self.unescaped.len() as u32))
    }

    /// Counts a text that was encoded twice, and replaces it if repairs are enabled.
    #[cold]
    fn repair(&mut self, repaired: String, value: &mut Value) {
        self.encoded_twice += 1;
        if self.repairs_encoding {
            let start = self.unescaped.len();
            self.unescaped.push_str(&repaired);
            *value = Value::Unescaped(start as u32, self.unescaped.len() as u32);
        }
    }

    #[inline(always)]
    fn key(
        &mut self,
        column: &StagingColumn,
        dictionary: &mut Dictionary,
        record: &str,
        span: &FieldSpan,
        value: &mut Value,
    ) -> Result<(), Rejection> {
        let raw = &record.as_bytes()[span.start as usize..span.end as usize];
        match dictionary.find_recent(raw) {
            Some(key) => {
                if raw.len() > MEASURED_BYTES {
                    self.longest_text = self.longest_text.max(raw.len());
                }
                *value = Value::Key(key);
                Ok(())
            }
            None => self.new_key(column, dictionary, record, span, value),
        }
    }

    #[inline(never)]
    fn new_key(
        &mut self,
        column: &StagingColumn,
        dictionary: &mut Dictionary,
        record: &str,
        span: &FieldSpan,
        value: &mut Value,
    ) -> Result<(), Rejection> {
        let raw = &record.as_bytes()[span.start as usize..span.end as usize];
        // Do not count texts in columns with a dictionary: repetitions of a known text do not get
        // here, so the count would be incomplete.
        let encoded_twice = self.encoded_twice;
        self.text(column, record, span, value)?;
        self.encoded_twice = encoded_twice;
        if let Some(text) = text_of(*value, &self.values(record), None) {
            *value = Value::Key(dictionary.insert(raw, text));
        }
        Ok(())
    }

    /// Appends the text of a string body to [`Self::unescaped`]. Returns `false` if the body
    /// contains an unpaired surrogate.
    fn unescape(&mut self, body: &str) -> bool {
        self.scratch.clear();
        let is_text = unescape(body.as_bytes(), &mut self.scratch);
        self.unescaped.push_str(&String::from_utf8_lossy(&self.scratch));
        is_text
    }
}

/// Parses an integer of a column, or a boolean written as 0 or 1.
#[inline]
fn integer_within(text: &str, kind: ColumnKind) -> Result<i64, NumberError> {
    let range = range_of(kind).ok_or(NumberError::NotANumber)?;
    let value = parse_integer(text.as_bytes())?;
    if range.contains(&value) { Ok(value) } else { Err(NumberError::OutOfRange) }
}

/// Returns the integers that a column of this kind holds, or `None` if it holds none.
#[inline(always)]
fn range_of(kind: ColumnKind) -> Option<RangeInclusive<i64>> {
    match kind {
        ColumnKind::Int64 => Some(i64::MIN..=i64::MAX),
        ColumnKind::Int32 => Some(i64::from(i32::MIN)..=i64::from(i32::MAX)),
        ColumnKind::Int16 => Some(i64::from(i16::MIN)..=i64::from(i16::MAX)),
        ColumnKind::Boolean => Some(0..=1),
        _ => None,
    }
}
