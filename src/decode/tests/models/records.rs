//! Random records of a dataset, whose values often fit their columns and often do not.

use super::Choices;
use super::json::Json;
use crate::model::{Column, ColumnType, Dataset, Origin, Records, Step, TimestampForm};

/// The text of an object.
pub struct Input {
    pub text: String,
    /// The records, with `true` for one whose place the dataset does not allow.
    pub records: Vec<(Json, bool)>,
}

/// A place of a record that is filled: that of a column, or of the array of rows.
type Place<'a> = (&'a [Step], Option<&'a Column>);

/// Returns an object with random records.
pub fn input(choices: &mut Choices, dataset: &Dataset) -> Input {
    let mut input = Input { text: String::new(), records: Vec::new() };
    let mut records = records(choices, dataset).into_iter().peekable();
    while records.peek().is_some() {
        let in_array = match dataset.records {
            Records::Lines => false,
            Records::Array => !choices.one_in(8),
            Records::Auto => choices.one_in(3),
        };
        let count = if in_array { choices.of(&[1, 2, 3, 0]) } else { 1 };
        let group: Vec<Json> = records.by_ref().take(count).collect();
        let blanks = ["\n", "", " ", "\r\n", "\n\n"];
        let texts: Vec<String> = group.iter().map(|record| record.print(choices)).collect();
        let text = texts.join(choices.of(&[",", " ,\n", ",\n"]));
        input.text += &if in_array { format!("[{text}]") } else { text };
        input.text += choices.of(&blanks);
        let is_misplaced = dataset.records == Records::Array && !in_array;
        input.records.extend(group.into_iter().map(|record| (record, is_misplaced)));
    }
    input
}

/// Returns random records of a dataset.
pub fn records(choices: &mut Choices, dataset: &Dataset) -> Vec<Json> {
    let places = |origin: Origin| -> Vec<Place> {
        let columns = dataset.columns.iter().filter(|column| column.path.origin == origin);
        columns.map(|column| (&column.path.steps[..], Some(column))).collect()
    };
    let mut of_record = places(Origin::Record);
    let elements = places(Origin::Element);
    of_record.extend(dataset.rows.iter().map(|rows| (&rows.steps[..], None)));
    let is_array = of_record.iter().all(|(steps, _)| !matches!(steps.first(), Some(Step::Key(_))));
    let count = 1 + choices.below(8);
    let record = |_| match choices.one_in(12) {
        true if dataset.records == Records::Lines => choices.of(&[
            Json::Array(vec![]),
            Json::Array(vec![Json::Text("{".to_owned())]),
            Json::Object(vec![]),
        ]),
        _ if is_array && of_record.is_empty() => Json::Array(vec![]),
        _ => fill(choices, &of_record, &elements),
    };
    (0..count).map(record).collect()
}

/// Returns a value with values at the given places. Elements of the array of rows have values at
/// `elements`.
fn fill(choices: &mut Choices, places: &[Place], elements: &[Place]) -> Json {
    let child = |choices: &mut Choices, step: &Step| {
        if choices.one_in(16) {
            return anything(choices, 2);
        }
        let within = places.iter().filter(|(steps, _)| steps[0] == *step);
        let within: Vec<Place> = within.map(|(steps, column)| (&steps[1..], *column)).collect();
        fill(choices, &within, elements)
    };
    match places.first() {
        None => anything(choices, 1),
        Some(([], Some(column))) => value(choices, column),
        Some(([], None)) => {
            Json::Array((0..choices.below(4)).map(|_| element(choices, elements)).collect())
        }
        Some(([Step::Index(_), ..], _)) => {
            let length = choices.of(&[6, 5, 4, 3, 2, 1, 0]);
            let is_filled =
                |at: &usize| places.iter().any(|(steps, _)| steps[0] == Step::Index(*at));
            let value = |at: usize| match is_filled(&at) {
                true => child(choices, &Step::Index(at)),
                false => anything(choices, 1),
            };
            Json::Array((0..length).map(value).collect())
        }
        Some(([Step::Key(_), ..], _)) => {
            let mut members = Vec::new();
            for (steps, _) in places {
                // Several columns can have the same path, or paths through one object.
                let Step::Key(key) = &steps[0] else { continue };
                let is_repeated = members.iter().any(|(other, _)| other == key);
                if choices.one_in(if is_repeated { 3 } else { 16 }) == is_repeated {
                    members.push((key.clone(), child(choices, &steps[0])));
                }
                if choices.one_in(8) {
                    let key = choices.of(&["other", "c", "a\0", "list", "outer", "rows", ""]);
                    members.push((key.to_owned(), anything(choices, 2)));
                }
            }
            let first = choices.below(members.len().max(1));
            members.rotate_left(first);
            Json::Object(members)
        }
    }
}

fn element(choices: &mut Choices, places: &[Place]) -> Json {
    if choices.one_in(16) { anything(choices, 1) } else { fill(choices, places, &[]) }
}

/// Returns any value, at most `depth` levels deep.
fn anything(choices: &mut Choices, depth: usize) -> Json {
    let within = |choices: &mut Choices| anything(choices, depth - 1);
    match choices.below(if depth > 0 { 6 } else { 4 }) {
        0 => Json::Null,
        1 => Json::Boolean(choices.one_in(2)),
        2 => Json::Number(number(choices)),
        3 => Json::Text(text(choices)),
        4 => Json::Array((0..choices.below(4)).map(|_| within(choices)).collect()),
        _ => {
            let keys = ["a", "the rows", "list", "b c", "rows", "c0"];
            let members =
                (0..choices.below(4)).map(|_| (choices.of(&keys).to_owned(), within(choices)));
            Json::Object(members.collect())
        }
    }
}

/// Returns a value for a column.
fn value(choices: &mut Choices, column: &Column) -> Json {
    match choices.below(24) {
        20 | 21 => return Json::Null,
        22 => return anything(choices, 1),
        23 if !column.null_if.is_empty() => return Json::Text(choices.of(&column.null_if)),
        _ => {}
    }
    let quoted = choices.one_in(4);
    let number = match (column.column_type, column.form) {
        (ColumnType::Text, _) if !quoted => return Json::Text(text(choices)),
        (ColumnType::Boolean, _) if !quoted => return Json::Boolean(choices.one_in(2)),
        (ColumnType::Boolean, _) => {
            choices.of(&["1", "true", "T", "yEs", "No", "f", "on", "0"]).into()
        }
        (ColumnType::Date, _) => return Json::Text(padded(choices, date)),
        (_, Some(TimestampForm::Rfc3339)) => return Json::Text(padded(choices, time)),
        (ColumnType::Timestamp, Some(_)) if !choices.one_in(6) => {
            let units = choices.of(&["", "000", "999", "000000", "999999"]);
            choices
                .of(&["1541106106", "-62135596800", "-62135596801", "253402300799", "-1"])
                .to_owned()
                + units
        }
        _ if choices.one_in(10) => number(choices),
        (ColumnType::Decimal { scale: 0, .. }, _) => choices.of(&["7", "-9", "1.0"]).into(),
        (ColumnType::Decimal { scale: 18, .. }, _) => {
            choices.of(&["0.5", "-0.999999999999999999"]).into()
        }
        (ColumnType::Decimal { .. } | ColumnType::Double, _) => {
            choices.of(&["1.25", "-0.01", "3", "1.20e0", "0.001e1", "-0", "9.99"]).into()
        }
        _ => choices.of(&["1", "0", "-1", "12", "1.0", "-3.2e1", "32767", "-32768"]).into(),
    };
    if !quoted {
        return Json::Number(number);
    }
    let signed = match number.strip_prefix('-') {
        Some(digits) => format!("-{}{digits}", choices.of(&["", "0", "00"])),
        None => format!("{}{number}", choices.of(&["", "+", "0", "+00"])),
    };
    Json::Text(padded(choices, |_| signed.clone()))
}

/// Returns a number, often at the limit of a type.
fn number(choices: &mut Choices) -> String {
    let limits = [
        "0",
        "1",
        "-1",
        "-0",
        "-0.0",
        "0e9",
        "32767",
        "32768",
        "-32768",
        "-32769",
        "2147483647",
        "2147483648",
        "-2147483648",
        "-2147483649",
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775808",
        "-9223372036854775809",
        "18446744073709551616",
        "1e400",
        "-1e400",
        "1e-400",
        "99999999999999999999999999999999999999",
        "1e37",
        "1e38",
        "-9.9e37",
        "100000000000000000000000000000000000000",
        "9007199254740993",
        "1.7976931348623157e308",
        "5e-324",
        "0.1",
        "0.1000",
        "253402300800",
        "253402300800000",
        "253402300800000000",
    ];
    let digits = choices.below(100_000);
    let exponent = choices.below(80) as i64 - 40;
    match choices.below(4) {
        0 => choices.of(&limits).to_owned(),
        1 => format!("{}.{}", digits / 100, choices.below(1000)),
        2 => format!("-{digits}e{exponent}"),
        _ => format!("{}.{digits:05}E{exponent:+}", digits % 10),
    }
}

fn text(choices: &mut Choices) -> String {
    let pieces = [
        "push",
        "é\n",
        "0",
        "a\"b",
        "",
        "N/A",
        " ",
        "\\",
        "/",
        "日🎵",
        "more than sixteen bytes",
        "\t",
        "\0",
        "\u{1f}",
        "null",
        "{",
        "]",
        "BjÃ¶rk",
    ];
    // Few of the texts are frequent, so that columns repeat them and conditions hold.
    if !choices.one_in(3) {
        return choices.of(&pieces[..4]).to_owned();
    }
    let count = choices.of(&[1, 0, 2, 3]);
    (0..count).map(|_| choices.of(&pieces)).collect()
}

/// Adds blanks to a text, seldom others than those that are ignored.
fn padded(choices: &mut Choices, text: impl Fn(&mut Choices) -> String) -> String {
    let ignored = ["", "", "", "", " ", "\t", "\r\n", "\u{c}"];
    let others = ["\u{b}", "\u{a0}", "é", "+", "-"];
    let before = if choices.one_in(16) { choices.of(&others) } else { choices.of(&ignored) };
    let after = if choices.one_in(16) { choices.of(&others) } else { choices.of(&ignored) };
    before.to_owned() + &text(choices) + after
}

fn date(choices: &mut Choices) -> String {
    let written_otherwise = ["2018-1-1", "20181101", "+018-11-01", "2018-11-01Z", "", "2018-11-1 "];
    if choices.one_in(16) {
        return choices.of(&written_otherwise).into();
    }
    let year = choices.of(&["2018", "2016", "1900", "2000", "0001", "9999", "1969", "0000"]);
    let (month, day) = match choices.one_in(4) {
        true => (
            choices.of(&["02", "04", "12", "13", "00"]),
            choices.of(&["28", "29", "30", "31", "32", "00"]),
        ),
        false => (choices.of(&["11", "01", "02", "12"]), choices.of(&["01", "17", "28"])),
    };
    format!("{year}-{month}-{day}")
}

fn time(choices: &mut Choices) -> String {
    let times = ["00:00:00", "23:59:59", "23:59:60", "24:00:00", "12:60:00", "1:1:1"];
    let fractions = [".5", ".796", ".123456", ".1234567", ".9999999999", ".", ".000001"];
    let zones = ["+01:00", "-00:01", "-23:59", "+00:00", "", "+24:00", "+0100"];
    let mut seldom = |others: &[&'static str], usual: &'static str| {
        if choices.one_in(4) { choices.of(others) } else { usual }
    };
    let (time, fraction) = (seldom(&times, "21:01:46"), seldom(&fractions, ""));
    let zone = seldom(&zones, "Z");
    format!("{}T{time}{fraction}{zone}", date(choices))
}
