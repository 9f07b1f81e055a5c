//! The type of a column, chosen from the types that hold for all values seen.

use super::names::{is_key_name, is_time_name};
use super::profile::Profile;
use super::text::{counted, number, share};
use crate::model::{ColumnType, TimestampForm};

/// Room of an integer type beyond the values seen: they can be ten times as large.
const ROOM: i64 = 10;

/// Number of distinct texts of a repetitive column, at most.
const MAX_REPETITIVE: usize = 1000;

/// Share of the distinct texts of a repetitive column among the rows, at most: one in this number.
const MIN_REPETITIONS: u64 = 20;

/// The type of a column and what was seen.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Typed {
    pub column_type: ColumnType,
    pub form: Option<TimestampForm>,
    /// Remarks on the choice.
    pub notes: Vec<String>,
}

impl Typed {
    fn new(column_type: ColumnType) -> Typed {
        Typed { column_type, form: None, notes: Vec::new() }
    }

    fn note(mut self, note: impl Into<String>) -> Typed {
        self.notes.push(note.into());
        self
    }
}

/// Chooses the type of the values of the key `name`. Returns `None` if no type holds for all values.
pub(super) fn choose(name: &str, seen: &Profile) -> Option<Typed> {
    if seen.values() == 0 {
        return Some(
            Typed::new(ColumnType::Text).note("no value was seen, so the type is a guess"),
        );
    }
    if seen.holds(ColumnType::Boolean, None) {
        return Some(Typed::new(ColumnType::Boolean));
    }
    if let Some((min, max)) = seen.range.filter(|_| seen.holds(ColumnType::BigInt, None)) {
        return Some(quoted(integer(name, seen, min, max), seen));
    }
    if let Some(decimal) = decimal(seen) {
        return Some(quoted(Typed::new(decimal), seen).note("double holds as well, but rounds"));
    }
    if seen.holds(ColumnType::Double, None) {
        return Some(quoted(Typed::new(ColumnType::Double), seen));
    }
    if seen.holds(ColumnType::Date, None) {
        return Some(Typed::new(ColumnType::Date));
    }
    let form = Some(TimestampForm::Rfc3339);
    if seen.holds(ColumnType::Timestamp, form) {
        return Some(Typed { form, ..Typed::new(ColumnType::Timestamp) });
    }
    seen.holds(ColumnType::Text, None).then(|| text(seen))
}

/// Returns `true` if the texts of a column are few among the rows.
pub(super) fn is_repetitive(seen: &Profile, rows: u64) -> bool {
    let few = seen.distinct.count().filter(|count| *count > 0 && *count <= MAX_REPETITIVE);
    few.is_some_and(|count| number(count) * MIN_REPETITIONS <= rows)
}

fn integer(name: &str, seen: &Profile, min: i64, max: i64) -> Typed {
    let epochs = [
        TimestampForm::EpochSeconds,
        TimestampForm::EpochMilliseconds,
        TimestampForm::EpochMicroseconds,
    ];
    let form = epochs.into_iter().find(|f| seen.holds(ColumnType::Timestamp, Some(*f)));
    if let Some(form) = form.filter(|_| is_time_name(name)) {
        return Typed { form: Some(form), ..Typed::new(ColumnType::Timestamp) }
            .note("as times, all values are within the years 2000 to 2099");
    }
    let widest = min.unsigned_abs().max(max.unsigned_abs());
    let digits = widest.checked_ilog10().unwrap_or(0) + 1;
    let typed = if is_key_name(name) {
        Typed::new(ColumnType::BigInt).note(format!(
            "integers of up to {}; bigint because keys grow",
            counted(digits.into(), "digit")
        ))
    } else {
        Typed::new(narrowest(min, max))
            .note(format!("integers of up to {}", counted(digits.into(), "digit")))
    };
    match form {
        Some(form) => typed
            .note(format!("they could be times: type = \"timestamp\", form = \"{}\"", form.name())),
        None => typed,
    }
}

/// Returns the narrowest integer type with room beyond the values.
fn narrowest(min: i64, max: i64) -> ColumnType {
    let (min, max) = (min.saturating_mul(ROOM), max.saturating_mul(ROOM));
    if i16::try_from(min).is_ok() && i16::try_from(max).is_ok() {
        ColumnType::SmallInt
    } else if i32::try_from(min).is_ok() && i32::try_from(max).is_ok() {
        ColumnType::Integer
    } else {
        ColumnType::BigInt
    }
}

/// Returns a decimal type with room for larger values if all values are quoted decimal numbers.
fn decimal(seen: &Profile) -> Option<ColumnType> {
    let scale = u8::try_from(seen.scale).ok().filter(|scale| *scale > 0)?;
    let fitting = [18, 38].map(|precision| ColumnType::Decimal { precision, scale });
    let has_room = |decimal: &ColumnType| {
        let ColumnType::Decimal { precision, scale } = *decimal else { return false };
        seen.whole_digits + 3 + usize::from(scale) <= usize::from(precision)
    };
    fitting.into_iter().find(|decimal| has_room(decimal) && seen.holds(*decimal, None))
}

fn text(seen: &Profile) -> Typed {
    let mut typed = Typed::new(ColumnType::Text);
    typed = typed.note(format!("texts of up to {}", counted(number(seen.longest), "byte")));
    if seen.numbers > 0 {
        let of = share(seen.numbers, seen.values());
        typed = typed.note(format!("{of} of the values are numbers that are not quoted"));
    }
    if seen.padded > 0 && seen.padded + seen.quoted == seen.texts {
        typed = typed.note("all texts are digits, but a number would lose leading zeros or signs");
    }
    if seen.unstorable > 0 {
        typed = typed.note(format!(
            "{} longer than 128 KiB or with U+0000 will be rejected",
            counted(seen.unstorable, "text")
        ));
    }
    typed
}

/// Adds a remark if numbers are quoted.
fn quoted(typed: Typed, seen: &Profile) -> Typed {
    match seen.quoted {
        0 => typed,
        all if all == seen.values() => typed.note("all numbers are quoted"),
        some => typed.note(format!("{} of the numbers are quoted", share(some, seen.values()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::infer::json::Json;

    fn chosen(name: &str, values: &str) -> Option<(String, Option<TimestampForm>)> {
        let mut profile = Profile::default();
        let Json::Array(values) = serde_json::from_str(values).unwrap() else { unreachable!() };
        values.iter().for_each(|value| profile.add(value));
        choose(name, &profile).map(|typed| (typed.column_type.to_string(), typed.form))
    }

    #[test]
    fn the_type_is_the_narrowest_with_room() {
        for (name, values, column_type) in [
            ("a", "[true, null]", "boolean"),
            ("status", "[200, 404]", "smallint"),
            ("year", "[\"2018\", 0]", "smallint"),
            ("count", "[4000]", "integer"),
            ("count", "[-300000000]", "bigint"),
            ("count", "[9223372036854775807]", "bigint"),
            ("userId", "[\"8\", \"\"]", "bigint"),
            ("price", "[\"12.50\", \"3\"]", "decimal(18, 2)"),
            ("price", "[\"1234567890123456.50\"]", "decimal(38, 2)"),
            ("price", "[\"12.50\", 3.5]", "double"),
            ("length", "[1.5, 2]", "double"),
            ("born", "[\"2018-11-01\"]", "date"),
            ("zip", "[\"01234\", \"90210\"]", "text"),
            ("mixed", "[1, \"a\"]", "text"),
            ("empty", "[null, \"\"]", "text"),
        ] {
            assert_eq!(chosen(name, values), Some((column_type.to_owned(), None)), "{values}");
        }
        assert_eq!(chosen("a", "[true, 1]"), None);
        assert_eq!(chosen("a", "[\"a\", false]"), None);
    }

    #[test]
    fn times_need_a_form_and_epochs_a_name() {
        let timestamp = |form| Some(("timestamp".to_owned(), Some(form)));
        assert_eq!(chosen("ts", "[1541106106796]"), timestamp(TimestampForm::EpochMilliseconds));
        assert_eq!(chosen("created_at", "[1541106106]"), timestamp(TimestampForm::EpochSeconds));
        assert_eq!(chosen("a", "[\"2018-11-01T21:01:46Z\"]"), timestamp(TimestampForm::Rfc3339));
        assert_eq!(chosen("phone", "[1541106106]"), Some(("bigint".to_owned(), None)));
        assert_eq!(chosen("ts", "[1541106106796, 0]"), Some(("bigint".to_owned(), None)));
    }
}
