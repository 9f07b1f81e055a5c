//! The rows that a record should have, or the column that causes its rejection.

use xxhash_rust::xxh3::xxh3_64;

use super::json::Json;
use crate::model::{
    Column, ColumnType, Condition, Dataset, Derived, DerivedRule, Literal, Origin, Required, Step,
    TimestampForm,
};

/// A value of a staging table.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    Null,
    Text(String),
    Boolean(bool),
    /// An integer, a date in days, or a time in microseconds.
    Integer(i64),
    Double(f64),
    /// A decimal, multiplied by ten to the power of its scale.
    Decimal(i128),
}

/// The column that causes a rejection, if one does.
type Rejected = Option<String>;

/// A number beyond the range of each type.
const BEYOND: i128 = i128::MAX;

/// Returns the rows of a record.
pub fn rows(dataset: &Dataset, record: &Json) -> Result<Vec<Vec<Cell>>, Rejected> {
    if matches!(record, Json::Array(_)) && !accepts_arrays(dataset) {
        return Err(None);
    }
    let columns = || dataset.columns.iter();
    let Some(path) = &dataset.rows else {
        let row: Result<Vec<Cell>, _> =
            columns().map(|column| cell(column, record.at(&column.path.steps))).collect();
        return Ok(vec![complete(dataset, row?)?]);
    };
    let elements = match record.at(&path.steps) {
        None | Some(Json::Null) => &[][..],
        Some(Json::Array(elements)) => elements,
        Some(_) => return Err(None),
    };
    let of_record = |column: &&Column| column.path.origin == Origin::Record;
    let shared: Result<Vec<Cell>, _> =
        columns().filter(of_record).map(|c| cell(c, record.at(&c.path.steps))).collect();
    let shared = shared?;
    for (column, value) in columns().filter(of_record).zip(&shared) {
        if column.required == Required::Always && *value == Cell::Null {
            return Err(Some(column.name.clone()));
        }
    }
    let has_members = columns().any(|column| !of_record(&column) && !column.path.steps.is_empty());
    let has_items = columns().any(|column| {
        !of_record(&column) && matches!(column.path.steps.first(), Some(Step::Index(_)))
    });
    let row = |element: &Json| {
        let is_container = match element {
            Json::Object(_) => true,
            Json::Array(_) => has_items,
            _ => false,
        };
        if has_members && !is_container {
            return Err(None);
        }
        let mut shared = shared.iter().cloned();
        let row: Result<Vec<Cell>, _> = columns()
            .map(|column| match of_record(&column) {
                true => Ok(shared.next().unwrap()),
                false => cell(column, element.at(&column.path.steps)),
            })
            .collect();
        complete(dataset, row?)
    };
    elements.iter().map(row).collect()
}

/// Returns `true` if a path reads from records that are arrays.
fn accepts_arrays(dataset: &Dataset) -> bool {
    let columns = dataset.columns.iter().filter(|column| column.path.origin == Origin::Record);
    let steps = columns.map(|column| &column.path.steps);
    let mut steps = steps.chain(dataset.rows.iter().map(|rows| &rows.steps));
    steps.any(|steps| !matches!(steps.first(), Some(Step::Key(_))))
}

/// Checks the required values of a row, and adds its fingerprints.
fn complete(dataset: &Dataset, mut row: Vec<Cell>) -> Result<Vec<Cell>, Rejected> {
    for (column, value) in dataset.columns.iter().zip(&row) {
        let is_required = match &column.required {
            Required::Never => false,
            Required::Always => true,
            Required::When(condition) => satisfies(dataset, &row, condition),
        };
        if is_required && *value == Cell::Null {
            return Err(Some(column.name.clone()));
        }
    }
    for derived in &dataset.derived {
        let when = derived.when.as_ref();
        row.push(match when.is_none_or(|when| satisfies(dataset, &row, when)) {
            true => Cell::Integer((xxh3_64(&hashed(dataset, derived, &row)) >> 1) as i64),
            false => Cell::Null,
        });
    }
    Ok(row)
}

fn satisfies(dataset: &Dataset, row: &[Cell], condition: &Condition) -> bool {
    row[dataset.column(&condition.column).unwrap().0]
        == match &condition.equals {
            Literal::Text(text) => Cell::Text(text.clone()),
            Literal::Integer(integer) => Cell::Integer(*integer),
            Literal::Boolean(boolean) => Cell::Boolean(*boolean),
        }
}

/// Returns the bytes of a fingerprint.
fn hashed(dataset: &Dataset, derived: &Derived, row: &[Cell]) -> Vec<u8> {
    let DerivedRule::Fingerprint(names) = &derived.rule;
    let mut bytes = Vec::new();
    for name in names {
        let (at, column) = dataset.column(name).unwrap();
        let is_never_null = match &column.required {
            Required::Never => false,
            Required::Always => true,
            Required::When(condition) => Some(condition) == derived.when.as_ref(),
        };
        if !is_never_null {
            bytes.push(u8::from(row[at] != Cell::Null));
        }
        let micros = match column.form {
            Some(TimestampForm::EpochSeconds) => 1_000_000,
            Some(TimestampForm::EpochMilliseconds) => 1000,
            _ => 1,
        };
        match &row[at] {
            Cell::Text(text) => {
                bytes.extend((text.len() as u64).to_le_bytes());
                bytes.extend(text.bytes());
            }
            Cell::Boolean(boolean) => bytes.push(u8::from(*boolean)),
            Cell::Integer(integer) => bytes.extend((integer / micros).to_le_bytes()),
            Cell::Decimal(decimal) => bytes.extend(decimal.to_le_bytes()),
            Cell::Double(_) => unreachable!("a double has no fingerprint"),
            Cell::Null => bytes.extend(match column.column_type {
                ColumnType::Boolean => &[0; 1][..],
                ColumnType::Decimal { .. } => &[0; 16],
                _ => &[0; 8],
            }),
        }
    }
    bytes
}

/// Returns the value of a column, or its name if the value is rejected.
fn cell(column: &Column, value: Option<&Json>) -> Result<Cell, Rejected> {
    let is_null = |text: &String| column.null_if.contains(text);
    let kind = column.column_type;
    let cell = match value {
        None | Some(Json::Null) => Some(Cell::Null),
        Some(Json::Boolean(boolean)) => {
            (kind == ColumnType::Boolean).then_some(Cell::Boolean(*boolean))
        }
        Some(Json::Array(_) | Json::Object(_)) => None,
        Some(Json::Text(text)) if kind == ColumnType::Text && text.contains('\0') => None,
        Some(Json::Text(text) | Json::Number(text)) if kind == ColumnType::Text => {
            Some(if is_null(text) { Cell::Null } else { Cell::Text(text.clone()) })
        }
        Some(Json::Text(text)) if is_null(text) => Some(Cell::Null),
        Some(Json::Text(text)) => quoted(column, text),
        Some(Json::Number(text)) => number(column, text),
    };
    cell.ok_or_else(|| Some(column.name.clone()))
}

/// Returns the value of a text in a column that is not text.
fn quoted(column: &Column, text: &str) -> Option<Cell> {
    let text = text.trim_matches(['\t', '\n', '\u{c}', '\r', ' ']);
    match (column.column_type, column.form) {
        (ColumnType::Date, _) => {
            let day = days(text)?;
            (days("0001-01-01")? <= day).then_some(Cell::Integer(day))
        }
        (_, Some(TimestampForm::Rfc3339)) => {
            let (micros, day) = (micros(text)?, 86_400_000_000);
            let years = days("0001-01-01")? * day..(days("9999-12-31")? + 1) * day;
            years.contains(&micros).then_some(Cell::Integer(micros))
        }
        (kind, _) => match &text.to_ascii_lowercase()[..] {
            "true" | "t" | "yes" | "y" if kind == ColumnType::Boolean => Some(Cell::Boolean(true)),
            "false" | "f" | "no" | "n" if kind == ColumnType::Boolean => Some(Cell::Boolean(false)),
            _ => number(column, text),
        },
    }
}

/// Returns the value of a number in a column that is not text. The number can have a plus sign and
/// leading zeros.
fn number(column: &Column, text: &str) -> Option<Cell> {
    let (min_second, max_second) = (-62_135_596_800_i128, 253_402_300_799_i128);
    let integer = |min: i128, max: i128| {
        let value = scaled(text, 0)?;
        (min..=max).contains(&value).then_some(value as i64)
    };
    let time = |units: i64| {
        let (min, max) = (min_second * i128::from(units), (max_second + 1) * i128::from(units) - 1);
        Some(Cell::Integer(integer(min, max)? * (1_000_000 / units)))
    };
    let whole = |min: i64, max: i64| integer(min.into(), max.into()).map(Cell::Integer);
    match (column.column_type, column.form) {
        (ColumnType::Text | ColumnType::Date, _) | (_, Some(TimestampForm::Rfc3339)) => None,
        (_, Some(TimestampForm::EpochSeconds)) => time(1),
        (_, Some(TimestampForm::EpochMilliseconds)) => time(1000),
        (_, Some(TimestampForm::EpochMicroseconds)) => time(1_000_000),
        (ColumnType::Boolean, _) => Some(Cell::Boolean(integer(0, 1)? == 1)),
        (ColumnType::SmallInt, _) => whole(i16::MIN.into(), i16::MAX.into()),
        (ColumnType::Integer, _) => whole(i32::MIN.into(), i32::MAX.into()),
        (ColumnType::BigInt | ColumnType::Timestamp, _) => whole(i64::MIN, i64::MAX),
        (ColumnType::Decimal { precision, scale }, _) => {
            let value = scaled(text, scale.into())?;
            (value.abs() < 10_i128.pow(precision.into())).then_some(Cell::Decimal(value))
        }
        (ColumnType::Double, _) => {
            parts(text)?;
            let value: f64 = text.parse().ok()?;
            value.is_finite().then_some(Cell::Double(if value == 0.0 { 0.0 } else { value }))
        }
    }
}

/// Returns the digits before and after the point of a number, and its exponent.
fn parts(text: &str) -> Option<(&str, &str, i64)> {
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let magnitude = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
    let is_number = [whole, fraction, magnitude].into_iter().all(is_digits);
    if is_number { Some((whole, fraction, exponent.parse().ok()?)) } else { None }
}

/// Returns a number multiplied by ten to the power of `scale`, or [`BEYOND`] if that is too large.
/// Returns `None` if the product is not whole, or if the text is not a number.
fn scaled(text: &str, scale: i64) -> Option<i128> {
    let (whole, fraction, exponent) = parts(text)?;
    // Write as many zeros as the point can pass, then move it.
    let exponent = exponent + scale;
    let zeros = "0".repeat(exponent.unsigned_abs() as usize);
    let digits = format!("{zeros}{whole}{fraction}{zeros}");
    let point = (zeros.len() + whole.len()) as i64 + exponent;
    let (whole, fraction) = digits.split_at(point as usize);
    let is_whole = fraction.bytes().all(|digit| digit == b'0');
    let value = format!("0{whole}").parse().unwrap_or(BEYOND);
    is_whole.then_some(if text.starts_with('-') { -value } else { value })
}

/// Returns the days from 1970-01-01 to a date such as `2018-11-01`.
fn days(date: &str) -> Option<i64> {
    let (year, month, day) = (digits(date, 0, 4)?, digits(date, 5, 2)?, digits(date, 8, 2)?);
    let is_leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let february = if is_leap(year) { 29 } else { 28 };
    let lengths = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let months = lengths.get(..usize::try_from(month - 1).ok()?)?;
    let is_date = date.len() == 10 && &date[4..5] == "-" && &date[7..8] == "-";
    if !is_date || !(1..=*lengths.get(months.len())?).contains(&day) {
        return None;
    }
    let years: i64 = (0..year).map(|year| if is_leap(year) { 366 } else { 365 }).sum();
    Some(years + months.iter().sum::<i64>() + day - 1 - 719_528)
}

/// Returns the microseconds from 1970-01-01 to a time of RFC 3339.
fn micros(time: &str) -> Option<i64> {
    let (date, time) = time.split_once('T')?;
    let zone = time.find(['Z', '+', '-'])?;
    let (time, zone) = time.split_at(zone);
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let clock = |text: &str, hour: i64| {
        let (hours, minutes) = (digits(text, 0, 2)?, digits(text, 3, 2)?);
        let is_clock = text.get(2..3) == Some(":") && hours <= hour && minutes < 60;
        is_clock.then_some((hours * 60 + minutes) * 60)
    };
    let seconds = digits(time, 6, 2)?;
    let offset = match zone.split_at(1) {
        ("Z", "") => 0,
        (sign, offset) if offset.len() == 5 => {
            clock(offset, 23)? * if sign == "+" { 1 } else { -1 }
        }
        _ => return None,
    };
    if time.len() != 8 || &time[5..6] != ":" || seconds > 60 || fraction.is_empty() {
        return None;
    }
    let fraction = digits(&format!("{fraction:0<6}"), 0, 6)?;
    let seconds = days(date)? * 86_400 + clock(time, 23)? + seconds - offset;
    Some(seconds * 1_000_000 + fraction)
}

/// Returns the number of `count` digits at `at`.
fn digits(text: &str, at: usize, count: usize) -> Option<i64> {
    let digits = text.get(at..at + count)?;
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { digits.parse().ok() } else { None }
}
