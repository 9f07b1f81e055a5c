//! The types of columns, in datasets and in tables.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::problem::{Fault, nearest};

/// Maximum precision of a decimal, in Redshift and in Parquet's 128-bit decimals.
///
/// Source: Redshift Developer Guide, Numeric types.
pub const MAX_PRECISION: u8 = 38;

/// Maximum scale of a decimal in Redshift.
///
/// Source: Redshift Developer Guide, Numeric types.
pub const MAX_SCALE: u8 = 37;

/// Type of the values of a staging or star column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ColumnType {
    /// UTF-8 text.
    Text,
    /// `true` or `false`.
    Boolean,
    /// Signed 16-bit integer.
    SmallInt,
    /// Signed 32-bit integer.
    Integer,
    /// Signed 64-bit integer.
    BigInt,
    /// 64-bit floating-point number.
    Double,
    /// Decimal number with a fixed number of digits.
    Decimal {
        /// Number of digits, 1 to 38.
        precision: u8,
        /// Number of digits after the decimal point, at most `precision`.
        scale: u8,
    },
    /// Calendar date.
    Date,
    /// Microseconds since 1970-01-01 without a time zone. All times are UTC.
    Timestamp,
}

/// The form in which a record contains a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimestampForm {
    /// Seconds since 1970-01-01 UTC, as an integer.
    EpochSeconds,
    /// Milliseconds since 1970-01-01 UTC, as an integer.
    EpochMilliseconds,
    /// Microseconds since 1970-01-01 UTC, as an integer.
    EpochMicroseconds,
    /// Text such as `2018-11-01T21:01:46Z` or `2018-11-01T22:01:46.796+01:00`.
    Rfc3339,
}

/// The types without parameters, by their name in `model.toml`.
const SIMPLE: [(&str, ColumnType); 8] = [
    ("text", ColumnType::Text),
    ("boolean", ColumnType::Boolean),
    ("smallint", ColumnType::SmallInt),
    ("integer", ColumnType::Integer),
    ("bigint", ColumnType::BigInt),
    ("double", ColumnType::Double),
    ("date", ColumnType::Date),
    ("timestamp", ColumnType::Timestamp),
];

/// Names of types in SQL and in other languages, with the name in `model.toml`.
const SYNONYMS: [(&str, &str); 16] = [
    ("varchar", "text"),
    ("string", "text"),
    ("char", "text"),
    ("bool", "boolean"),
    ("int2", "smallint"),
    ("int", "integer"),
    ("int4", "integer"),
    ("int8", "bigint"),
    ("long", "bigint"),
    ("float", "double"),
    ("float8", "double"),
    ("double precision", "double"),
    ("real", "double"),
    ("numeric", "decimal(18, 4)"),
    ("timestamptz", "timestamp"),
    ("datetime", "timestamp"),
];

impl ColumnType {
    /// Parses the name of a type as `model.toml` spells it.
    pub(super) fn parse(text: &str) -> Result<ColumnType, Fault> {
        if let Some(parameters) = text.strip_prefix("decimal") {
            return decimal(text, parameters);
        }
        if let Some((_, found)) = SIMPLE.iter().find(|(name, _)| *name == text) {
            return Ok(*found);
        }
        let names: Vec<&str> = SIMPLE.iter().map(|(name, _)| *name).collect();
        let lower = text.to_lowercase();
        let synonym = SYNONYMS.iter().find(|(name, _)| *name == lower).map(|(_, own)| *own);
        let remedy = match synonym.or_else(|| nearest(&lower, &names)) {
            Some(meant) => format!("write \"{meant}\""),
            None => format!("write one of {} or decimal(PRECISION, SCALE)", names.join(", ")),
        };
        Err(Fault { reason: format!("there is no type {text:?}"), remedy })
    }

    /// Returns the type that `Display` writes as `text`, or `None` if there is none.
    pub fn named(text: &str) -> Option<ColumnType> {
        ColumnType::parse(text).ok()
    }

    /// Returns the SQL type in the spelling that PostgreSQL and Redshift share.
    pub fn sql(self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            ColumnType::Text => "VARCHAR",
            ColumnType::Boolean => "BOOLEAN",
            ColumnType::SmallInt => "SMALLINT",
            ColumnType::Integer => "INTEGER",
            ColumnType::BigInt => "BIGINT",
            ColumnType::Double => "DOUBLE PRECISION",
            ColumnType::Date => "DATE",
            ColumnType::Timestamp => "TIMESTAMP",
            ColumnType::Decimal { precision, scale } => {
                return Cow::Owned(format!("DECIMAL({precision}, {scale})"));
            }
        })
    }

    /// Returns `true` if two equal values of the type always have the same bytes, so that a
    /// fingerprint can be computed from them. A double does not qualify: two programs can write
    /// the same measurement with different digits.
    pub fn is_hashable(self) -> bool {
        self != ColumnType::Double
    }

    /// Returns the range of an integer type.
    pub(super) fn integers(self) -> Option<std::ops::RangeInclusive<i64>> {
        match self {
            ColumnType::SmallInt => Some(i64::from(i16::MIN)..=i64::from(i16::MAX)),
            ColumnType::Integer => Some(i64::from(i32::MIN)..=i64::from(i32::MAX)),
            ColumnType::BigInt => Some(i64::MIN..=i64::MAX),
            _ => None,
        }
    }
}

impl fmt::Display for ColumnType {
    /// Writes the type as `model.toml` spells it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let ColumnType::Decimal { precision, scale } = self {
            return write!(f, "decimal({precision}, {scale})");
        }
        let name = SIMPLE.iter().find(|(_, simple)| simple == self).map(|(name, _)| *name);
        f.write_str(name.unwrap_or_default())
    }
}

fn decimal(text: &str, parameters: &str) -> Result<ColumnType, Fault> {
    let fault = |reason: String| {
        let remedy = format!(
            "write decimal(PRECISION, SCALE) with a precision of 1 to {MAX_PRECISION} and a scale \
             of 0 to {MAX_SCALE} that is not above the precision"
        );
        Fault { reason, remedy }
    };
    let numbers = parameters.trim().strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
    let numbers = numbers.and_then(|numbers| numbers.split_once(','));
    let parse = |number: &str| number.trim().parse::<u32>().ok();
    let Some((precision, scale)) =
        numbers.and_then(|(precision, scale)| parse(precision).zip(parse(scale)))
    else {
        return Err(fault(format!("{text:?} lacks a precision and a scale")));
    };
    if !(1..=u32::from(MAX_PRECISION)).contains(&precision) {
        return Err(fault(format!("the precision {precision} is not within 1 to {MAX_PRECISION}")));
    }
    if scale > precision {
        return Err(fault(format!("the scale {scale} is above the precision {precision}")));
    }
    if scale > u32::from(MAX_SCALE) {
        return Err(fault(format!("the scale {scale} is above {MAX_SCALE}")));
    }
    Ok(ColumnType::Decimal { precision: precision as u8, scale: scale as u8 })
}

impl TimestampForm {
    /// All forms.
    pub const ALL: [TimestampForm; 4] = [
        TimestampForm::EpochSeconds,
        TimestampForm::EpochMilliseconds,
        TimestampForm::EpochMicroseconds,
        TimestampForm::Rfc3339,
    ];

    /// Returns the name of the form in `model.toml`.
    pub fn name(self) -> &'static str {
        match self {
            TimestampForm::EpochSeconds => "epoch_seconds",
            TimestampForm::EpochMilliseconds => "epoch_milliseconds",
            TimestampForm::EpochMicroseconds => "epoch_microseconds",
            TimestampForm::Rfc3339 => "rfc3339",
        }
    }

    pub(super) fn named(name: &str) -> Option<TimestampForm> {
        TimestampForm::ALL.into_iter().find(|form| form.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_is_parsed_as_it_is_written() {
        let decimal = ColumnType::Decimal { precision: 38, scale: 37 };
        for column_type in SIMPLE.iter().map(|(_, simple)| *simple).chain([decimal]) {
            assert_eq!(ColumnType::parse(&column_type.to_string()).unwrap(), column_type);
        }
        let spaced = ColumnType::parse("decimal ( 12 ,2 )").unwrap();
        assert_eq!(spaced, ColumnType::Decimal { precision: 12, scale: 2 });
    }

    #[test]
    fn other_types_are_refused_with_the_nearest_one() {
        for (text, reason, remedy) in [
            ("varchar", "there is no type \"varchar\"", "write \"text\""),
            ("Text", "there is no type \"Text\"", "write \"text\""),
            ("bigit", "there is no type \"bigit\"", "write \"bigint\""),
            ("money", "there is no type \"money\"", "write one of text, boolean"),
            ("decimal", "\"decimal\" lacks a precision", "write decimal(PRECISION, SCALE)"),
            ("decimal(5)", "\"decimal(5)\" lacks a precision", "write decimal(PRECISION, SCALE)"),
            ("decimal(39, 2)", "the precision 39 is not within 1 to 38", "write decimal("),
            ("decimal(0, 0)", "the precision 0 is not within 1 to 38", "write decimal("),
            ("decimal(5, 6)", "the scale 6 is above the precision 5", "write decimal("),
            ("decimal(38, 38)", "the scale 38 is above 37", "write decimal("),
        ] {
            let fault = ColumnType::parse(text).unwrap_err();
            assert!(
                fault.reason.starts_with(reason) && fault.remedy.starts_with(remedy),
                "{fault:?}"
            );
        }
    }
}
