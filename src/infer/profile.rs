//! Observations on the values at one path: kinds of values, and the types that hold for all of them.

use chrono::{DateTime, Datelike, NaiveDate};

use super::distinct::Distinct;
use super::json::Json;
use crate::model::{ColumnType, TimestampForm};

/// Length of the longest text that a column accepts, in bytes.
const MAX_TEXT_BYTES: usize = 128 * 1024;

/// Magnitude up to which each integer is a double.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

/// 2000-01-01 and 2100-01-01, in seconds since 1970.
const EPOCH_SECONDS: (i64, i64) = (946_684_800, 4_102_444_800);

/// The values seen at a path.
#[derive(Debug, Default)]
pub(super) struct Profile {
    /// Number of values, including nulls.
    pub present: u64,
    /// Number of nulls.
    pub nulls: u64,
    /// Number of empty texts.
    pub empty: u64,
    /// Number of booleans.
    pub booleans: u64,
    /// Number of JSON numbers.
    pub numbers: u64,
    /// Number of texts that are not empty.
    pub texts: u64,
    /// Number of objects.
    pub objects: u64,
    /// Number of arrays.
    pub arrays: u64,
    /// Number of integers, quoted or not.
    pub integers: u64,
    /// Smallest and largest integer.
    pub range: Option<(i64, i64)>,
    /// Number of numbers, quoted or not.
    pub numeric: u64,
    /// Number of quoted numbers.
    pub quoted: u64,
    /// Number of texts that only lenient parsers accept as numbers, such as `007`.
    pub padded: u64,
    /// Number of quoted decimal numbers without an exponent.
    pub decimals: u64,
    /// Most digits before the point of a quoted decimal number.
    pub whole_digits: usize,
    /// Most digits after the point of a quoted decimal number.
    pub scale: usize,
    /// Number of texts that are dates.
    pub dates: u64,
    /// Number of texts that are RFC 3339 times.
    pub times: u64,
    /// Length of the longest text, in bytes.
    pub longest: usize,
    /// Number of texts that no column accepts: too long, or with U+0000.
    pub unstorable: u64,
    /// The distinct values.
    pub distinct: Distinct,
}

impl Profile {
    /// Adds a value.
    pub fn add(&mut self, value: &Json) {
        self.present += 1;
        match value {
            Json::Null => self.nulls += 1,
            Json::Boolean(value) => {
                self.booleans += 1;
                self.distinct.add(b'b', &[u8::from(*value)]);
            }
            Json::Integer(_) | Json::Double(_) => {
                self.numbers += 1;
                self.add_number(value);
            }
            Json::Text(text) if text.is_empty() => self.empty += 1,
            Json::Text(text) => self.add_text(text),
            Json::Array(_) => self.arrays += 1,
            Json::Object(_) => self.objects += 1,
        }
    }

    /// Returns the number of values other than null and empty text.
    pub fn values(&self) -> u64 {
        self.present - self.nulls - self.empty
    }

    /// Returns `true` if a column of the type accepts all values. A timestamp also needs its form.
    pub fn holds(&self, column_type: ColumnType, form: Option<TimestampForm>) -> bool {
        let all = self.values();
        let within = |least: i64, most: i64| {
            self.integers == all && self.range.is_none_or(|(min, max)| min >= least && max <= most)
        };
        match column_type {
            ColumnType::Text => self.numbers + self.texts == all,
            ColumnType::Boolean => self.booleans == all,
            ColumnType::SmallInt => within(i16::MIN.into(), i16::MAX.into()),
            ColumnType::Integer => within(i32::MIN.into(), i32::MAX.into()),
            ColumnType::BigInt => within(i64::MIN, i64::MAX),
            ColumnType::Double => self.numeric == all,
            ColumnType::Decimal { precision, scale } => {
                self.decimals == all
                    && self.scale <= usize::from(scale)
                    && self.whole_digits + usize::from(scale) <= usize::from(precision)
            }
            ColumnType::Date => self.dates == all,
            ColumnType::Timestamp => match form {
                None => false,
                Some(TimestampForm::Rfc3339) => self.times == all,
                Some(form) => {
                    let unit = units_per_second(form);
                    within(EPOCH_SECONDS.0 * unit, EPOCH_SECONDS.1 * unit)
                }
            },
        }
    }

    fn add_number(&mut self, value: &Json) {
        self.numeric += 1;
        let integer = match value {
            Json::Integer(integer) => Some(*integer),
            Json::Double(double) => whole(*double),
            _ => None,
        };
        match (integer, value) {
            (Some(integer), _) => {
                self.integers += 1;
                let (min, max) = self.range.unwrap_or((integer, integer));
                self.range = Some((min.min(integer), max.max(integer)));
                self.distinct.add(b'i', &integer.to_le_bytes());
            }
            (None, Json::Double(double)) => self.distinct.add(b'd', &double.to_le_bytes()),
            (None, _) => {}
        }
    }

    fn add_text(&mut self, text: &str) {
        self.texts += 1;
        self.longest = self.longest.max(text.len());
        if text.len() > MAX_TEXT_BYTES || text.contains('\0') {
            self.unstorable += 1;
        }
        if let Some(number) = quoted_number(text) {
            self.quoted += 1;
            self.add_number(&number);
            self.add_decimal(text);
            return;
        }
        self.distinct.add(b't', text.as_bytes());
        self.padded += u64::from(is_padded(text));
        self.dates += u64::from(is_date(text));
        self.times += u64::from(is_time(text));
    }

    /// Counts a quoted number without an exponent.
    fn add_decimal(&mut self, number: &str) {
        if number.contains(['e', 'E']) {
            return;
        }
        let number = number.trim_start_matches('-');
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        self.decimals += 1;
        self.whole_digits = self.whole_digits.max(whole.len());
        self.scale = self.scale.max(fraction.len());
    }
}

/// Returns the number of units of an epoch form per second.
fn units_per_second(form: TimestampForm) -> i64 {
    match form {
        TimestampForm::EpochMilliseconds => 1_000,
        TimestampForm::EpochMicroseconds | TimestampForm::Rfc3339 => 1_000_000,
        TimestampForm::EpochSeconds => 1,
    }
}

/// Returns a double without a fraction as an integer, unless it can have been rounded.
fn whole(double: f64) -> Option<i64> {
    let is_whole = double.fract() == 0.0 && double.abs() < MAX_EXACT;
    // Exact within this range.
    is_whole.then_some(double as i64)
}

/// Returns the number that a text consists of, in the notation of JSON.
fn quoted_number(text: &str) -> Option<Json> {
    let is_number = text.starts_with(|c: char| c.is_ascii_digit() || c == '-')
        && text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
    if !is_number {
        return None;
    }
    serde_json::from_str(text).ok()
}

/// Returns `true` for a number with leading zeros, a plus sign or spaces.
fn is_padded(text: &str) -> bool {
    let number = text.trim_matches(|c: char| c.is_ascii_whitespace());
    let number = number.strip_prefix(['+', '-']).unwrap_or(number);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    is_digits(whole) && is_digits(fraction)
}

/// Returns `true` for a date such as `2018-11-01`.
fn is_date(text: &str) -> bool {
    text.len() == 10
        && text.starts_with(|c: char| c.is_ascii_digit())
        && NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok_and(|date| date.year() >= 1)
}

/// Returns `true` for an RFC 3339 time such as `2018-11-01T21:01:46Z`, to the microsecond, in the
/// years 2 to 9998.
fn is_time(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_form = bytes.len() >= 20 && bytes[10] == b'T' && bytes[17..19] != *b"60";
    let fraction = text
        .split_once('.')
        .map_or(0, |(_, rest)| rest.bytes().take_while(u8::is_ascii_digit).count());
    is_form
        && fraction <= 6
        && !text.ends_with('z')
        // An offset can move the first and the last day to another year.
        && DateTime::parse_from_rfc3339(text).is_ok_and(|time| (2..=9998).contains(&time.year()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(values: &str) -> Profile {
        let mut profile = Profile::default();
        let Json::Array(values) = serde_json::from_str(values).unwrap() else { unreachable!() };
        values.iter().for_each(|value| profile.add(value));
        profile
    }

    #[test]
    fn numbers_hold_as_the_decoder_accepts_them() {
        let p = profile(r#"["8", 1541106106796.0, null, "", -3, "1e2"]"#);
        assert_eq!((p.present, p.nulls, p.empty, p.values()), (6, 1, 1, 4));
        assert_eq!((p.integers, p.quoted, p.range), (4, 2, Some((-3, 1_541_106_106_796))));
        assert!(p.holds(ColumnType::BigInt, None) && !p.holds(ColumnType::Integer, None));
        assert!(p.holds(ColumnType::Double, None) && p.holds(ColumnType::Text, None));
        for not_whole in ["[1.5]", "[1e300]", "[9007199254740993.0]", "[\"0.1\"]"] {
            let p = profile(not_whole);
            assert!(!p.holds(ColumnType::BigInt, None) && p.holds(ColumnType::Double, None));
        }
        for text in ["[\"007\"]", "[\" 7\"]", "[\"+7\"]"] {
            let p = profile(text);
            assert!(!p.holds(ColumnType::BigInt, None) && p.padded == 1, "{text}");
        }
        for text in ["[\"NaN\"]", "[\"1.\"]", "[\"-\"]", "[\"1e999\"]", "[true]", "[{}]"] {
            assert!(!profile(text).holds(ColumnType::Double, None), "{text}");
        }
    }

    #[test]
    fn quoted_decimals_have_a_precision() {
        let p = profile(r#"["12.50", "-3.1", "7"]"#);
        let holds = |precision, scale| p.holds(ColumnType::Decimal { precision, scale }, None);
        assert!(holds(4, 2) && !holds(3, 2) && !holds(5, 1));
        assert!(
            !profile(r#"["1.5", 2.5]"#).holds(ColumnType::Decimal { precision: 9, scale: 2 }, None)
        );
    }

    #[test]
    fn dates_and_times() {
        let holds = |text: &str, form| {
            let p = profile(&format!("[{text:?}]"));
            match form {
                None => p.holds(ColumnType::Date, None),
                form => p.holds(ColumnType::Timestamp, form),
            }
        };
        assert!(holds("2018-11-01", None));
        for text in ["2018-02-30", "2018-1-1", "0000-01-01", "+201-01-01", "2018-11-01 "] {
            assert!(!holds(text, None), "{text}");
        }
        let rfc3339 = Some(TimestampForm::Rfc3339);
        assert!(holds("2018-11-01T21:01:46Z", rfc3339));
        assert!(holds("2018-11-01T21:01:46.796+01:00", rfc3339));
        for text in [
            "2018-11-01 21:01:46Z",
            "2018-11-01T21:01:46",
            "2018-11-01T21:01:60Z",
            "2018-11-01T21:01:46.1234567Z",
            "2018-11-01T25:01:46Z",
        ] {
            assert!(!holds(text, rfc3339), "{text}");
        }
    }

    #[test]
    fn epochs_hold_in_one_unit() {
        for (value, form) in [
            ("1541106106", TimestampForm::EpochSeconds),
            ("1541106106796", TimestampForm::EpochMilliseconds),
            ("1541106106796000", TimestampForm::EpochMicroseconds),
        ] {
            let p = profile(&format!("[{value}]"));
            let held: Vec<TimestampForm> = TimestampForm::ALL
                .into_iter()
                .filter(|form| p.holds(ColumnType::Timestamp, Some(*form)))
                .collect();
            assert_eq!(held, [form]);
        }
    }

    #[test]
    fn texts_that_no_column_accepts_are_counted() {
        let p = profile("[\"a\\u0000\", \"b\"]");
        assert_eq!((p.unstorable, p.longest, p.distinct.count()), (1, 2, Some(2)));
    }
}
