//! Quoted values of columns that are not text.

use chrono::{DateTime, Datelike, NaiveDate};

use super::time::{MAX_YEAR, MIN_YEAR, is_in_range};
use crate::decode::dataset::ColumnKind;
use crate::decode::number::scan_number;
use crate::model::TimestampForm;

/// A quoted value that is not a number.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Parsed {
    /// A boolean, a date or a time, as [`Value::Integer`](super::Value::Integer) holds it.
    Value(i64),
    /// A date or time beyond the years 1 to 9999.
    OutOfRange,
    /// None of these.
    Other,
}

/// Texts for `true` and `false`, in any case.
///
/// Source: Redshift Developer Guide, Boolean type. `0` and `1` are numbers here.
const TRUE: [&str; 4] = ["true", "t", "yes", "y"];
const FALSE: [&str; 4] = ["false", "f", "no", "n"];

/// Returns a quoted number without the blanks around it. Returns `None` for any other text.
#[inline]
pub(super) fn number(text: &str) -> Option<&str> {
    let text = text.trim_matches(|c: char| c.is_ascii_whitespace());
    (scan_number(text.as_bytes(), 0, true) == Some(text.len())).then_some(text)
}

/// Parses a quoted value of a column of the given kind, which is not a number. Blanks around it are
/// ignored.
pub(super) fn parse(kind: ColumnKind, text: &str) -> Parsed {
    let text = text.trim_matches(|c: char| c.is_ascii_whitespace());
    match kind {
        ColumnKind::Boolean => {
            let is_one_of = |words: [&str; 4]| words.iter().any(|w| text.eq_ignore_ascii_case(w));
            match (is_one_of(TRUE), is_one_of(FALSE)) {
                (true, _) => Parsed::Value(1),
                (_, true) => Parsed::Value(0),
                _ => Parsed::Other,
            }
        }
        ColumnKind::Date => date(text),
        ColumnKind::Timestamp(TimestampForm::Rfc3339) => time(text),
        _ => Parsed::Other,
    }
}

/// Parses a date such as `2018-11-01`.
fn date(text: &str) -> Parsed {
    let bytes = text.as_bytes();
    let is_written_so = bytes.len() == 10
        && bytes.iter().enumerate().all(|(at, byte)| match at {
            4 | 7 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    if !is_written_so {
        return Parsed::Other;
    }
    match NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        Ok(date) if (MIN_YEAR..=MAX_YEAR).contains(&date.year()) => {
            Parsed::Value(i64::from(date.to_epoch_days()))
        }
        Ok(_) => Parsed::OutOfRange,
        Err(_) => Parsed::Other,
    }
}

/// Parses a time of RFC 3339 as microseconds. Further digits of a fraction are dropped.
fn time(text: &str) -> Parsed {
    match DateTime::parse_from_rfc3339(text) {
        Ok(time) if is_in_range(time.timestamp_micros(), TimestampForm::Rfc3339) => {
            Parsed::Value(time.timestamp_micros())
        }
        Ok(_) => Parsed::OutOfRange,
        Err(_) => Parsed::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn booleans_are_words_or_numbers() {
        for (text, expected) in [
            ("true", Parsed::Value(1)),
            (" TRUE ", Parsed::Value(1)),
            ("No", Parsed::Value(0)),
            ("on", Parsed::Other),
            ("", Parsed::Other),
        ] {
            assert_eq!(parse(ColumnKind::Boolean, text), expected, "{text:?}");
        }
        assert_eq!(number(" 1\t"), Some("1"));
        assert_eq!(number("true"), None);
    }

    #[test]
    fn dates_are_whole_and_exist() {
        for (text, expected) in [
            ("1970-01-01", Parsed::Value(0)),
            ("2018-11-01", Parsed::Value(17_836)),
            ("0001-01-01", Parsed::Value(-719_162)),
            ("9999-12-31", Parsed::Value(2_932_896)),
            ("2016-02-29", Parsed::Value(16_860)),
            ("2015-02-29", Parsed::Other),
            ("0000-01-01", Parsed::OutOfRange),
            ("2018-1-1", Parsed::Other),
            ("2018-11-01T00:00:00Z", Parsed::Other),
            ("+018-11-01", Parsed::Other),
            ("20181101", Parsed::Other),
        ] {
            assert_eq!(parse(ColumnKind::Date, text), expected, "{text:?}");
        }
    }

    #[test]
    fn times_are_converted_to_utc() {
        let second = 1_541_106_106_000_000;
        for (text, expected) in [
            ("2018-11-01T21:01:46Z", Parsed::Value(second)),
            ("2018-11-01T22:01:46.796+01:00", Parsed::Value(second + 796_000)),
            ("2018-11-01T21:01:46.123456789Z", Parsed::Value(second + 123_456)),
            ("1969-12-31T23:59:59.9999999Z", Parsed::Value(-1)),
            ("2016-12-31T23:59:60Z", Parsed::Value(1_483_228_800_000_000)),
            ("0001-01-01T00:00:00Z", Parsed::Value(-62_135_596_800_000_000)),
            ("0001-01-01T00:00:00+00:01", Parsed::OutOfRange),
            ("9999-12-31T23:59:59-01:00", Parsed::OutOfRange),
            ("2018-11-01T21:01:46", Parsed::Other),
            ("2018-11-01", Parsed::Other),
            ("2018-02-30T00:00:00Z", Parsed::Other),
            ("1541106106", Parsed::Other),
        ] {
            let kind = ColumnKind::Timestamp(TimestampForm::Rfc3339);
            assert_eq!(parse(kind, text), expected, "{text:?}");
        }
    }
}
