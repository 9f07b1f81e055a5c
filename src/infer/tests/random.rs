//! Random records: each draft is a valid model that accepts every value.

use proptest::prelude::*;
use serde_json::{Map, Value};

use super::*;
use crate::model::{Column, Origin, Path, Step, TimestampForm};

fn key() -> impl Strategy<Value = String> {
    let keys = [
        "id",
        "userId",
        "userid",
        "user_id",
        "order",
        "copy",
        "record_id",
        "a b",
        "it's",
        "\"",
        "ü",
        "",
        "ts",
        "x\ny",
        "\u{0}",
        "#",
        "]",
        "\\",
        "2nd",
        "ctid",
        "staging_rows",
        "items",
    ];
    prop_oneof![9 => prop::sample::select(keys.to_vec()).prop_map(str::to_owned), 1 => ".*"]
}

fn scalar() -> impl Strategy<Value = Value> {
    let texts = [
        "",
        "8",
        "-1",
        "007",
        "12.50",
        "1e3",
        "a",
        "true",
        "2018-11-01",
        "2018-11-01T21:01:46Z",
        "99999999999999999999",
        "1541106106796",
        " 7",
        "0001-01-01",
        "2018-02-30",
        "\n",
    ];
    let numbers = [0.0, 1.5, 1e3, 9_007_199_254_740_993.0, 1e300, -0.0, 1_541_106_106_796.0];
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-40_000_i64..40_000).prop_map(Value::from),
        Just(Value::from(1_541_106_106_796_i64)),
        prop::sample::select(numbers.to_vec()).prop_map(Value::from),
        prop::sample::select(texts.to_vec()).prop_map(Value::from),
        "[^\u{0}]*".prop_map(Value::from),
    ]
}

fn object(values: impl Strategy<Value = Value>, keys: usize) -> impl Strategy<Value = Value> {
    let entries = prop::collection::vec((key(), values), 0..keys);
    entries.prop_map(|entries| Value::Object(Map::from_iter(entries)))
}

fn record() -> impl Strategy<Value = Value> {
    let value = scalar().prop_recursive(3, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            object(inner, 4),
        ]
    });
    object(value, 8)
}

/// Returns the value at a path.
fn at<'v>(value: &'v Value, steps: &[Step]) -> Option<&'v Value> {
    steps.iter().try_fold(value, |value, step| match step {
        Step::Key(key) => value.get(key),
        Step::Index(index) => value.get(index),
    })
}

/// Returns an integer that is written in any way that the decoder accepts.
fn integer(value: &Value) -> Option<i64> {
    if let Some(text) = value.as_str() {
        return integer(&serde_json::from_str(text).ok().filter(Value::is_number)?);
    }
    let double = || value.as_f64().filter(|d| d.fract() == 0.0 && d.abs() < 9e15);
    value.as_i64().or_else(|| double().map(|d| d as i64))
}

/// Returns `true` if a column accepts a value, by rules that the decoder does not share.
fn accepts(column: &Column, value: &Value) -> bool {
    if value.is_null() || value == "" {
        return column.required == Required::Never;
    }
    let within = |min: i64, max: i64| integer(value).is_some_and(|i| min <= i && i <= max);
    let text = value.as_str().unwrap_or_default();
    match (column.column_type, column.form) {
        (ColumnType::Text, _) => value.is_string() || value.is_number(),
        (ColumnType::Boolean, _) => value.is_boolean(),
        (ColumnType::SmallInt, _) => within(-32_768, 32_767),
        (ColumnType::Integer, _) => within(-2_147_483_648, 2_147_483_647),
        (ColumnType::BigInt, _) => within(i64::MIN, i64::MAX),
        (ColumnType::Double, _) => {
            value.is_number() || text.parse::<f64>().is_ok_and(|double| double.is_finite())
        }
        (ColumnType::Decimal { precision, scale }, _) => {
            let number = text.trim_start_matches('-');
            let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
            text.parse::<f64>().is_ok()
                && fraction.len() <= usize::from(scale)
                && whole.len() <= usize::from(precision - scale)
        }
        (ColumnType::Date, _) => text.len() == 10 && text.parse::<chrono::NaiveDate>().is_ok(),
        (ColumnType::Timestamp, Some(TimestampForm::Rfc3339)) => {
            chrono::DateTime::parse_from_rfc3339(text).is_ok()
        }
        (ColumnType::Timestamp, Some(_)) => integer(value).is_some(),
        (ColumnType::Timestamp, None) => false,
    }
}

/// Returns the first value that its column does not accept.
fn refused(model: &Model, records: &[Value]) -> Option<String> {
    for dataset in &model.datasets {
        for record in records {
            let elements: Vec<&Value> = match &dataset.rows {
                None => vec![record],
                Some(rows) => at(record, &rows.steps)
                    .and_then(Value::as_array)
                    .map(|elements| elements.iter().collect())
                    .unwrap_or_default(),
            };
            for element in elements {
                for column in &dataset.columns {
                    let Path { origin, steps } = &column.path;
                    let root = if *origin == Origin::Record { record } else { element };
                    let value = at(root, steps).unwrap_or(&Value::Null);
                    if !accepts(column, value) {
                        return Some(format!("{column:?} does not accept {value}"));
                    }
                }
            }
        }
    }
    None
}

proptest! {
    #[test]
    fn a_draft_is_valid_and_accepts_every_value(records in prop::collection::vec(record(), 1..12)) {
        let lines: Vec<String> = records.iter().map(Value::to_string).collect();
        match drafted("rows", &lines.join("\n")) {
            Ok(draft) => prop_assert_eq!(refused(&model(&draft), &records), None),
            Err(error) => {
                prop_assert!(error.to_string().starts_with("no record of rows has"), "{}", error);
            }
        }
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in ".*", is_cut: bool) {
        let mut parts = 0;
        read_records(text.as_bytes(), is_cut, |_| (), |_| parts += 1);
        prop_assert!(parts <= text.len());
    }

    #[test]
    fn two_inputs_have_distinct_names(a in "[a-z_]{1,9}", b in "[a-z_]{1,9}", record in record()) {
        prop_assume!(a != b && is_dataset_name(&a) && is_dataset_name(&b));
        let text = record.to_string();
        let inputs = [a, b].map(|name| {
            let (tree, sample) = sampled(&text);
            (name, tree, sample)
        });
        if let Ok(draft) = draft("m", inputs.into()) {
            model(&draft);
        }
    }
}
