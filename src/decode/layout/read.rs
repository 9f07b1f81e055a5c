//! Reads the values of a record with a known layout.

use super::digits::{double, whole};
use super::{FieldValue, Layout, Records, Target};
use crate::decode::convert::Value;
use crate::decode::dataset::StagingColumn;
use crate::decode::number::scan_number;
use crate::decode::scan::{FieldKind, FieldSpan};
use crate::decode::text::scan_escape;

impl Layout {
    /// Reads the values of the record at `at` and returns the position of its end. Returns `None` if the
    /// record has another layout or a value that needs the scanner.
    #[inline]
    pub(super) fn read(
        &self,
        records: Records<'_>,
        at: usize,
        target: &mut Target<'_>,
    ) -> Option<usize> {
        let bytes = records.text.as_bytes();
        let mut at = at;
        for field in &self.fields {
            at = field.gap.end(bytes, at)?;
            let usual = match field.value {
                FieldValue::Text(column) => target.text(records, at, column.into()),
                FieldValue::Whole(column) => target.whole(bytes, at, column.into()),
                FieldValue::Double(column) => target.double(bytes, at, column.into()),
                FieldValue::Other(_) | FieldValue::None => None,
            };
            at = match usual {
                Some(end) => end,
                None => target.other(records, at, field.value)?,
            };
        }
        for &column in &self.absent {
            target.values[column as usize] = Value::Null;
        }
        self.tail.end(bytes, at)
    }
}

/// Each function reads the value at a position and returns the position of its end. It returns `None` if the
/// value is not written in the usual way for its column.
impl Target<'_> {
    #[inline(always)]
    fn text(&mut self, records: Records<'_>, at: usize, column: usize) -> Option<usize> {
        if records.text.as_bytes().get(at) != Some(&b'"') {
            return None;
        }
        let (span, end) = string(records, at)?;
        let (dictionary, value) = (self.rows.dictionary(column), &mut self.values[column]);
        let staged = &self.columns[column];
        self.converter.text_or_key(staged, dictionary, records.text, &span, value).ok()?;
        Some(end)
    }

    #[inline(always)]
    fn whole(&mut self, bytes: &[u8], at: usize, column: usize) -> Option<usize> {
        let staged = &self.columns[column];
        let (integer, end) = integer(bytes, at, staged)?;
        if !self.converter.accepts(integer, staged.kind) {
            return None;
        }
        self.values[column] = Value::Integer(integer);
        Some(end)
    }

    #[inline(always)]
    fn double(&mut self, bytes: &[u8], at: usize, column: usize) -> Option<usize> {
        let (double, end) = double(bytes, at)?;
        self.values[column] = Value::Double(double);
        Some(end)
    }

    /// Reads a value however it is written.
    #[inline(never)]
    fn other(&mut self, records: Records<'_>, at: usize, field: FieldValue) -> Option<usize> {
        let (span, end) = span_of(records, at)?;
        if let Some(column) = field.column().map(usize::from) {
            let (dictionary, value) = (self.rows.dictionary(column), &mut self.values[column]);
            let staged = &self.columns[column];
            self.converter.convert(staged, dictionary, records.text, &span, value).ok()?;
        }
        Some(end)
    }
}

/// Reads a whole number, quoted or not.
#[inline(always)]
fn integer(bytes: &[u8], at: usize, column: &StagingColumn) -> Option<(i64, usize)> {
    if bytes.get(at) != Some(&b'"') {
        return whole(bytes, at);
    }
    if !column.nulls.is_empty() {
        return None;
    }
    let (integer, end) = whole(bytes, at + 1)?;
    (bytes.get(end) == Some(&b'"')).then_some((integer, end + 1))
}

/// Returns the span of the scalar value at `at`, and the position of its end.
#[inline]
fn span_of(records: Records<'_>, at: usize) -> Option<(FieldSpan, usize)> {
    let bytes = records.text.as_bytes();
    let literal = |word: &[u8], kind| {
        let end = at + word.len();
        bytes[at..].starts_with(word).then_some((FieldSpan::new(kind, at, end), end))
    };
    match bytes.get(at)? {
        b'"' => string(records, at),
        b't' => literal(b"true", FieldKind::Boolean),
        b'f' => literal(b"false", FieldKind::Boolean),
        b'n' => literal(b"null", FieldKind::Null),
        _ => {
            let end = scan_number(bytes, at, false)?;
            Some((FieldSpan::new(FieldKind::Number, at, end), end))
        }
    }
}

/// Returns the span of the string whose opening quote is at `at`, and the position after its closing quote.
#[inline(always)]
fn string(records: Records<'_>, at: usize) -> Option<(FieldSpan, usize)> {
    let bytes = records.text.as_bytes();
    let (mut kind, mut from) = (FieldKind::Text, at + 1);
    loop {
        let next = records.marks.next(from)?;
        match bytes.get(next)? {
            b'"' => return Some((FieldSpan::new(kind, at + 1, next), next + 1)),
            b'\\' => {
                kind = FieldKind::EscapedText;
                from = scan_escape(bytes, next).ok()?;
            }
            _ => return None,
        }
    }
}
