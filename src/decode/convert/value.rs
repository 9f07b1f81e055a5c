//! Converted values of a record, and the texts and numbers that they refer to.

use crate::decode::dictionary::Dictionary;

/// A value ready for its column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::decode) enum Value {
    Null,
    /// An integer, a boolean as 0 or 1, a date in days since 1970-01-01, or a time in the unit of
    /// its form, microseconds for RFC 3339.
    Integer(i64),
    Double(f64),
    /// Index into [`Values::decimals`].
    Decimal(u32),
    /// Text within the record.
    Text(u32, u32),
    /// Text within [`Values::unescaped`].
    Unescaped(u32, u32),
    /// The key of a text in its column's dictionary.
    Key(i32),
}

/// Texts and numbers that the values of a record refer to.
#[derive(Debug, Clone, Copy)]
pub(in crate::decode) struct Values<'a> {
    pub record: &'a str,
    /// Texts whose escapes have been resolved.
    pub unescaped: &'a str,
    /// Decimals, multiplied by ten to the power of their scale.
    pub decimals: &'a [i128],
}

/// Returns the text of a value, or `None` if it is not text.
#[inline(always)]
pub(in crate::decode) fn text_of<'a>(
    value: Value,
    values: &Values<'a>,
    dictionary: Option<&'a Dictionary>,
) -> Option<&'a str> {
    match value {
        Value::Text(start, end) => Some(&values.record[start as usize..end as usize]),
        Value::Unescaped(start, end) => Some(&values.unescaped[start as usize..end as usize]),
        Value::Key(key) => dictionary.map(|dictionary| dictionary.text(key)),
        Value::Null | Value::Integer(_) | Value::Double(_) | Value::Decimal(_) => None,
    }
}
