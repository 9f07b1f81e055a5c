//! Converts JSON values to the types of their columns, or returns the reason for rejecting them.
//!
//! The conversions are as lenient as Redshift's `COPY … JSON 'auto'`: a quoted number is a number,
//! a number is accepted as text, a float without a fraction is an integer, and empty text is null.
//! No column accepts booleans, objects or arrays.

use super::dataset::{ColumnKind, StagingColumn};
use super::dictionary::Dictionary;
use super::encoding::repair_encoding;
use super::notes::Times;
use super::number::{NumberError, parse_double, parse_integer, scan_number};
use super::reject::Rejection;
use super::scan::{FieldKind, FieldSpan};
use super::text::unescape;

/// 0001-01-01T00:00:00.000Z. Every reader of the star supports the calendar years 1 to 9999. They
/// also fit `time.year`, a SMALLINT.
const MIN_EPOCH_MILLIS: i64 = -62_135_596_800_000;
/// 9999-12-31T23:59:59.999Z.
const MAX_EPOCH_MILLIS: i64 = 253_402_300_799_999;

/// Maximum length of a text, in bytes; longer ones are rejected. Twice what a Redshift column can
/// hold. A batch of texts must stay below 2 GiB, the limit of 32-bit offsets.
const MAX_TEXT_BYTES: usize = 128 * 1024;

/// Number of characters of a rejected value that its reason quotes.
const QUOTED_CHARS: usize = 60;

/// A value ready for its column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value {
    Null,
    Integer(i64),
    Double(f64),
    /// Text within the record.
    Text(u32, u32),
    /// Text within [`Converter::unescaped`].
    Unescaped(u32, u32),
    /// The key of a text in its column's dictionary.
    Key(i32),
}

/// Converts the values of one record.
#[derive(Default)]
pub(super) struct Converter {
    /// Text whose escapes have been resolved, one value after the other.
    pub unescaped: String,
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

    pub fn clear(&mut self) {
        self.unescaped.clear();
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
            (FieldKind::Boolean, kind) => return Err(wrong_type(column, kind, written())),
            (FieldKind::Object, kind) => return Err(wrong_type(column, kind, "an object")),
            (FieldKind::Array, kind) => return Err(wrong_type(column, kind, "an array")),
            (_, ColumnKind::Text | ColumnKind::RepetitiveText) => {
                return match dictionary {
                    None => self.text(column, record, span, value),
                    Some(dictionary) => self.key(column, dictionary, record, span, value),
                };
            }
            (FieldKind::EscapedText, _) => {
                let start = self.unescaped.len();
                self.unescape(written());
                let outcome = quoted_number(column, &self.unescaped[start..], value);
                self.unescaped.truncate(start);
                outcome?;
            }
            (FieldKind::Text, _) => {
                let outcome = quoted_number(column, written(), value);
                outcome.inspect_err(|_| self.count_fraction(column, written()))?;
            }
            (FieldKind::Number, _) => {
                let outcome = number(column, written(), value);
                outcome.inspect_err(|_| self.count_fraction(column, written()))?;
            }
        }
        if column.kind == ColumnKind::EpochMillis {
            return self.epoch_millis(column, value);
        }
        Ok(())
    }

    /// Counts a time that is not a whole number, such as seconds with a fraction for the
    /// milliseconds.
    #[cold]
    fn count_fraction(&mut self, column: &StagingColumn, text: &str) {
        if column.kind == ColumnKind::EpochMillis
            && let Ok(time) = text.trim().parse::<f64>()
            && time.is_finite()
        {
            self.times.add(time as i64);
        }
    }

    /// Checks the range of a time.
    #[inline]
    fn epoch_millis(&mut self, column: &StagingColumn, value: &Value) -> Result<(), Rejection> {
        let &Value::Integer(millis) = value else { return Ok(()) };
        self.times.add(millis);
        if (MIN_EPOCH_MILLIS..=MAX_EPOCH_MILLIS).contains(&millis) {
            return Ok(());
        }
        Err(number_rejection(column, &millis.to_string(), NumberError::OutOfRange))
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
            Value::Null
        } else if span.kind != FieldKind::EscapedText {
            Value::Text(span.start, span.end)
        } else {
            let start = self.unescaped.len();
            if !self.unescape(&record[span.start as usize..span.end as usize]) {
                return Err(Rejection::of(column, "an unpaired surrogate in a \\u escape"));
            }
            if self.unescaped[start..].contains('\0') {
                return Err(Rejection::of(
                    column,
                    "text contains U+0000, which no warehouse can store",
                ));
            }
            Value::Unescaped(start as u32, self.unescaped.len() as u32)
        };
        if let Some(text) = text_of(*value, record, &self.unescaped, None)
            && !text.is_ascii()
            && let Some(repaired) = repair_encoding(text)
        {
            self.repair(repaired, value);
        }
        Ok(())
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

    #[inline]
    fn key(
        &mut self,
        column: &StagingColumn,
        dictionary: &mut Dictionary,
        record: &str,
        span: &FieldSpan,
        value: &mut Value,
    ) -> Result<(), Rejection> {
        let raw = &record.as_bytes()[span.start as usize..span.end as usize];
        if let Some(key) = dictionary.find(raw) {
            *value = Value::Key(key);
            return Ok(());
        }
        // Do not count texts in columns with a dictionary: repetitions of a known text do not get
        // here, so the count would be incomplete.
        let encoded_twice = self.encoded_twice;
        self.text(column, record, span, value)?;
        self.encoded_twice = encoded_twice;
        if let Some(text) = text_of(*value, record, &self.unescaped, None) {
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

/// Returns the text of a value, or `None` if it is not text.
#[inline]
pub(super) fn text_of<'a>(
    value: Value,
    record: &'a str,
    unescaped: &'a str,
    dictionary: Option<&'a Dictionary>,
) -> Option<&'a str> {
    match value {
        Value::Text(start, end) => Some(&record[start as usize..end as usize]),
        Value::Unescaped(start, end) => Some(&unescaped[start as usize..end as usize]),
        Value::Key(key) => dictionary.map(|dictionary| dictionary.text(key)),
        Value::Null | Value::Integer(_) | Value::Double(_) => None,
    }
}

fn quoted_number(column: &StagingColumn, text: &str, value: &mut Value) -> Result<(), Rejection> {
    if text.is_empty() {
        *value = Value::Null;
        return Ok(());
    }
    let text = text.trim_matches(|c: char| c.is_ascii_whitespace());
    if scan_number(text.as_bytes(), 0, true) != Some(text.len()) {
        return Err(wrong_type(column, column.kind, &format!("{:?}", clip(text))));
    }
    number(column, text, value)
}

#[inline]
fn number(column: &StagingColumn, text: &str, value: &mut Value) -> Result<(), Rejection> {
    let outcome = match column.kind {
        ColumnKind::Float64 => parse_double(text).map(|double| *value = Value::Double(double)),
        kind => integer_within(text, kind).map(|integer| *value = Value::Integer(integer)),
    };
    outcome.map_err(|error| number_rejection(column, text, error))
}

#[cold]
fn number_rejection(column: &StagingColumn, text: &str, error: NumberError) -> Rejection {
    match error {
        NumberError::NotANumber => wrong_type(column, column.kind, clip(text)),
        NumberError::NotWhole => {
            Rejection::of(column, format!("{} is not a whole number", clip(text)))
        }
        NumberError::OutOfRange => Rejection::of(
            column,
            format!("{} is out of range for {}", clip(text), describe(column.kind)),
        ),
    }
}

fn integer_within(text: &str, kind: ColumnKind) -> Result<i64, NumberError> {
    let value = parse_integer(text.as_bytes())?;
    let range = match kind {
        ColumnKind::Int32 => i64::from(i32::MIN)..=i64::from(i32::MAX),
        _ => i64::MIN..=i64::MAX,
    };
    if range.contains(&value) { Ok(value) } else { Err(NumberError::OutOfRange) }
}

#[cold]
fn text_too_long(column: &StagingColumn, length: usize) -> Rejection {
    let limit = MAX_TEXT_BYTES;
    Rejection::of(column, format!("text of {length} bytes; the limit is {limit} bytes"))
}

fn wrong_type(column: &StagingColumn, kind: ColumnKind, found: &str) -> Rejection {
    Rejection::of(column, format!("{found} is not {}", describe(kind)))
}

fn describe(kind: ColumnKind) -> &'static str {
    match kind {
        ColumnKind::Text | ColumnKind::RepetitiveText => "text or a number",
        ColumnKind::Int32 => "a 32-bit integer",
        ColumnKind::Int64 => "a 64-bit integer",
        ColumnKind::Float64 => "a number",
        ColumnKind::EpochMillis => "epoch milliseconds within the years 1 to 9999",
    }
}

fn clip(text: &str) -> &str {
    text.char_indices().nth(QUOTED_CHARS).map_or(text, |(end, _)| &text[..end])
}
