//! Compares the decoder with serde_json on random records, valid and damaged.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Number, Value, json};

use super::{Decoded, dataset, events};
use crate::model::ColumnType;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn records_mean_what_serde_json_reads(text in record("[ \t\r\n]{0,2}")) {
        let decoded = events(&text);
        match serde_json::from_slice::<Map<String, Value>>(&paired(text.as_bytes())) {
            Err(_) => prop_assert!(decoded.rejects[0].get("column").is_none(), "{:?}", decoded),
            Ok(members) => match expected(&members) {
                Err(column) => prop_assert_eq!(&decoded.rejects[0]["column"], &Value::from(column)),
                Ok(row) => {
                    prop_assert!(is_row(&decoded.rows, &row), "{:?}, expected {:?}", decoded, row);
                }
            },
        }
    }

    #[test]
    fn a_damaged_record_is_accepted_if_serde_json_accepts_it_and_affects_no_other(
        text in record("[ \t]{0,2}"),
        at in any::<prop::sample::Index>(),
        byte in prop_oneof![select(b"{}[]\",:\\0-.eE tu\r\x00\x1f\x7f\xff\xc3"), any::<u8>()],
        edit in 0_usize..3,
    ) {
        prop_assume!(!matches!(byte, b'\n' | b'\r'));
        let mut line = text.into_bytes();
        let at = at.index(line.len());
        let (removed, added): (usize, bool) = [(0, true), (1, true), (1, false)][edit];
        line.splice(at..at + removed, added.then_some(byte));
        // Arrays and separators have different rules.
        prop_assume!(!matches!(line.first(), Some(b'[' | b',' | 0)));
        let is_accepted = match serde_json::from_slice::<Map<String, Value>>(&paired(&line)) {
            Ok(_) => true,
            Err(error) if error.to_string().starts_with("number out of range") => return Ok(()),
            Err(_) => false,
        };
        let Decoded { rows, rejects, .. } =
            events([&line[..], br#"{"ts":77,"page":"Home"}"#, b"oops"].join(&b'\n'));
        let rejected = |reject: &&Value| reject["line"] == 1 && reject.get("column").is_none();
        let rejected = rejects.iter().filter(rejected).count();
        prop_assert_eq!(rejected, usize::from(!is_accepted), "{:?}", rejects);
        prop_assert_eq!(&rows[rows.len() - 1]["ts"], 77);
        let last = &rejects[rejects.len() - 1];
        prop_assert_eq!((&last["offset"], &last["line"]), (&json!(line.len() + 25), &json!(3)));
    }
}

/// Replaces each unpaired surrogate, which serde_json rejects, with U+FFFD.
fn paired(text: &[u8]) -> Vec<u8> {
    let escape = |at: usize| match text.get(at..at + 6)? {
        [b'\\', b'u', digits @ ..] => u16::from_str_radix(str::from_utf8(digits).ok()?, 16).ok(),
        _ => None,
    };
    let mut out = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let length = match (escape(at), escape(at + 6)) {
            (Some(0xD800..0xDC00), Some(0xDC00..0xE000)) => 12,
            (Some(0xD800..0xE000), _) => {
                out.extend_from_slice(br"\ufffd");
                at += 6;
                continue;
            }
            (Some(_), _) => 6,
            _ if text[at] == b'\\' => 2,
            _ => 1,
        };
        let end = text.len().min(at + length);
        out.extend_from_slice(&text[at..end]);
        at = end;
    }
    out
}

fn select<T: Clone + std::fmt::Debug>(from: &'static [T]) -> impl Strategy<Value = T> {
    prop::sample::select(from)
}

fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        9 => "[ -!#-\\[\\]-~é日🎵]{1,10}",
        3 => r#"\\(["\\/bfnrt]|u[0-9a-cA-C][0-9a-fA-F]{3}|ud83c\\uDFb5)"#,
        1 => r"\\u(0000|[dD][0-9a-f]{3})",
    ];
    vec(piece, 0..4).prop_map(|pieces| format!("\"{}\"", pieces.concat()))
}

fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        "-?(0|[1-9][0-9]{0,19})",
        "-?(0|[1-9][0-9]{0,8})\\.[0-9]{1,4}([eE][+-]?[0-5])?",
        "[1-9][eE][+]?[0-9]",
        "\"[+-]?[0-9]{1,5}(\\.[05])?\"",
    ]
}

fn value(blank: &'static str) -> impl Strategy<Value = String> {
    let leaf =
        prop_oneof![select(&["null", "true", "false"]).prop_map(str::to_owned), number(), text()];
    leaf.prop_recursive(3, 16, 4, move |inner| {
        let element = (blank, inner, blank).prop_map(|(a, value, b)| a + &value + &b);
        // After damage, an object with the first key of the record looks like the next record. No key of a record
        // begins like these.
        let member = (text(), element.clone())
            .prop_map(|(key, value)| format!("\"within {}:{value}", &key[1..]));
        prop_oneof![
            vec(element, 0..4).prop_map(|elements| format!("[{}]", elements.join(","))),
            vec(member, 0..4).prop_map(|members| format!("{{{}}}", members.join(","))),
        ]
    })
}

/// Generates the text of an event that seldom lacks a required value.
fn record(blank: &'static str) -> impl Strategy<Value = String> {
    let names: Vec<_> = dataset("logs").columns.iter().map(|c| format!("{:?}", c.name)).collect();
    let key = prop_oneof![
        6 => prop::sample::select(names),
        1 => text(),
        1 => Just(r#""\u0074s""#.to_owned()),
    ];
    let value = prop_oneof![number(), text(), value(blank)];
    let ts = (Just("\"ts\"".to_owned()), "[1-9][0-9]{0,12}");
    let page = select(&["\"Home\"", "\"NextSong\"", "\"Next\\u0053ong\""]).prop_map(str::to_owned);
    let page = (Just("\"page\"".to_owned()), page);
    let members = (ts, page, vec((key, value), 0..5)).prop_map(|(ts, page, mut members)| {
        members.extend([ts, page]);
        members
    });
    (members.prop_shuffle(), vec(blank, 4)).prop_map(|(members, blanks)| {
        let [a, b, c, d] = &blanks[..] else { unreachable!() };
        let members = members.iter().map(|(key, value)| format!("{a}{key}{b}:{c}{value}{d}"));
        format!("{{{}}}", members.collect::<Vec<_>>().join(","))
    })
}

/// Returns the expected row of an event, or the column that causes its rejection.
fn expected(members: &Map<String, Value>) -> Result<Map<String, Value>, String> {
    let mut row = Map::new();
    for column in &dataset("logs").columns {
        let value = members.get(&column.name).unwrap_or(&Value::Null);
        let value = convert(column.column_type, value).ok_or_else(|| column.name.clone())?;
        if !value.is_null() {
            row.insert(column.name.clone(), value);
        }
    }
    let is_play = row.get("page").is_some_and(|page| page == "NextSong");
    let required: &[_] =
        if is_play { &["page", "sessionId", "ts", "userId"] } else { &["page", "ts"] };
    match required.iter().find(|name| !row.contains_key(**name)) {
        Some(missing) => Err((*missing).to_owned()),
        None => Ok(row),
    }
}

fn convert(kind: ColumnType, value: &Value) -> Option<Value> {
    let is_text = kind == ColumnType::Text;
    match value {
        Value::Null => Some(Value::Null),
        Value::String(text) if text.is_empty() => Some(Value::Null),
        Value::String(text) if is_text => {
            (!text.contains(['\0', '\u{fffd}'])).then(|| value.clone())
        }
        Value::String(text) => convert(kind, &Value::Number(quoted(text)?)),
        Value::Number(_) if is_text => Some(value.clone()),
        Value::Number(number) if kind == ColumnType::Double => Some(number.as_f64()?.into()),
        Value::Number(number) => {
            let whole = |float: &f64| float.fract() == 0.0 && float.abs() < 9e15;
            let float = number.as_f64().filter(whole).map(|float| float as i64);
            let integer = number.as_i64().or(float)?;
            let years = -62_135_596_800_000..=253_402_300_799_999;
            (kind != ColumnType::Timestamp || years.contains(&integer)).then(|| integer.into())
        }
        _ => None,
    }
}

fn quoted(text: &str) -> Option<Number> {
    let text = text.trim_matches(|c: char| c.is_ascii_whitespace());
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let zeros = digits.bytes().take_while(|&b| b == b'0').count();
    let more = digits.as_bytes().get(zeros).is_some_and(u8::is_ascii_digit);
    let kept = if more { zeros } else { zeros.saturating_sub(1) };
    let plain = format!("{sign}{}", &digits[kept..]);
    if plain.contains([' ', '\t', '\r', '\n']) { None } else { serde_json::from_str(&plain).ok() }
}

fn is_row(rows: &[Value], expected: &Map<String, Value>) -> bool {
    let [Value::Object(row)] = rows else { return false };
    let is_play = expected["page"] == "NextSong";
    row.contains_key("play_fingerprint") == is_play
        && row.len() == expected.len() + usize::from(is_play)
        && expected
            .iter()
            .all(|(name, value)| row.get(name).is_some_and(|found| same(found, value)))
}

/// Compares values; numbers are equal within the precision with which serde_json reads them.
fn same(found: &Value, expected: &Value) -> bool {
    let close = |a: f64, b: f64| (a - b).abs() <= b.abs() * 1e-15;
    match (found, expected) {
        (Value::String(text), Value::Number(number)) => {
            close(text.parse().unwrap(), number.as_f64().unwrap())
        }
        (Value::Number(found), Value::Number(expected)) if found.is_f64() => {
            close(found.as_f64().unwrap(), expected.as_f64().unwrap())
        }
        _ => found == expected,
    }
}
