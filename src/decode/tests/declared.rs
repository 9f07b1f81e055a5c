//! Tests datasets that a model of one's own declares: types, paths, null rules, conditions, rows of
//! elements and arrangements of records.

use arrow::array::{AsArray, RecordBatch};
use arrow::util::display::array_value_to_string;

use super::*;

/// Returns the dataset that this part of a `model.toml` declares.
pub(super) fn declared(dataset: &str) -> Arc<Dataset> {
    let text = format!(
        "name = \"test\"\n[datasets.d]\n{dataset}\n[tables.t]\ngrain = \"one row\"\n\
         primary_key = [\"a\"]\n[tables.t.columns]\na = \"text\"\n"
    );
    Model::parse("model.toml", &text).unwrap().dataset("d").unwrap().clone()
}

/// Decodes `input`, cut into chunks of `chunk` bytes. Returns each row as its values separated by
/// `|`, and the column and the reason of each reject.
fn decode_as(dataset: &Arc<Dataset>, input: &str, chunk: usize) -> (Vec<String>, Vec<String>) {
    let mut decoder = Decoder::new(StagedColumns::all(dataset), FieldPaths::of(dataset));
    let mut object = ObjectState::new("object".into());
    for chunk in input.as_bytes().chunks(chunk) {
        decoder.feed(&mut object, chunk).unwrap();
    }
    decoder.finish(object).unwrap();
    decoder.flush().unwrap();
    let line = |batch: &RecordBatch, row: usize| {
        let values = batch.columns().iter().map(|column| {
            if column.is_null(row) {
                return "null".to_owned();
            }
            array_value_to_string(column, row).unwrap()
        });
        values.collect::<Vec<_>>().join("|")
    };
    let rows = decoder.take_rows();
    let rows = rows.iter().flat_map(|batch| (0..batch.num_rows()).map(move |row| line(batch, row)));
    let rejects = decoder.take_rejects();
    let reasons = rejects.iter().flat_map(|batch| {
        let text = |name: &str| batch.column_by_name(name).unwrap().as_string::<i32>();
        let (column, reason) = (text("column"), text("reason"));
        (0..batch.num_rows()).map(move |row| match column.is_null(row) {
            true => reason.value(row).to_owned(),
            false => format!("{}: {}", column.value(row), reason.value(row)),
        })
    });
    (rows.collect(), reasons.collect())
}

/// Checks rows and rejects, which must not depend on where the bytes are cut.
#[track_caller]
fn check(dataset: &Arc<Dataset>, input: &str, rows: &[&str], rejects: &[&str]) {
    for chunk in [input.len().max(1), 1, 7] {
        let (found_rows, found_rejects) = decode_as(dataset, input, chunk);
        assert_eq!(found_rows, rows, "rows of {input} in chunks of {chunk}");
        assert_eq!(found_rejects, rejects, "rejects of {input} in chunks of {chunk}");
    }
}

/// Returns the value of a column of the given type for a JSON value, or the reason for rejecting it.
fn one(column: &str, json: &str) -> String {
    let dataset = declared(&format!("[datasets.d.columns]\na = {column}"));
    let (rows, rejects) = decode_as(&dataset, &format!("{{\"a\":{json}}}"), 99);
    rows.into_iter().chain(rejects).next().unwrap()
}

/// Fails the test unless each JSON value becomes the expected value of its column.
#[track_caller]
fn assert_values(cases: &[(&str, &str, &str)]) {
    for (column, json, expected) in cases {
        assert_eq!(one(column, json), *expected, "{column} {json}");
    }
}

#[test]
fn booleans_numbers_and_texts_have_their_values() {
    assert_values(&[
        ("\"boolean\"", "true", "true"),
        ("\"boolean\"", "\"False\"", "false"),
        ("\"boolean\"", "1", "true"),
        ("\"boolean\"", "2", "a: 2 is not true or false"),
        ("\"boolean\"", "\"maybe\"", "a: \"maybe\" is not true or false"),
        ("\"boolean\"", "\"\"", "null"),
        ("\"smallint\"", "-32768", "-32768"),
        ("\"smallint\"", "32768", "a: 32768 is out of range for a 16-bit integer"),
        ("\"integer\"", "\" 12 \"", "12"),
        ("\"bigint\"", "1.0e3", "1000"),
        ("\"bigint\"", "true", "a: true is not a 64-bit integer"),
        ("\"double\"", "1e-3", "0.001"),
        ("\"decimal(5, 2)\"", "12.5", "12.50"),
        ("\"decimal(5, 2)\"", "\"-0.01\"", "-0.01"),
        ("\"decimal(5, 2)\"", "1.005", "a: 1.005 has more than 2 digits after the decimal point"),
        (
            "\"decimal(5, 2)\"",
            "1000",
            "a: 1000 is out of range for a decimal of 5 digits, 2 of them after the point",
        ),
        ("\"decimal(38, 0)\"", "99999999999999999999999999999999999999", &"9".repeat(38)),
        ("\"text\"", "1.50", "1.50"),
        ("\"text\"", "true", "a: true is not text or a number"),
        ("\"text\"", "\"\"", "null"),
    ]);
}

#[test]
fn dates_and_times_have_their_values() {
    assert_values(&[
        ("\"date\"", "\"2018-11-01\"", "2018-11-01"),
        (
            "\"date\"",
            "20181101",
            "a: 20181101 is not a date within the years 1 to 9999, such as 2018-11-01",
        ),
        ("{ type = \"timestamp\", form = \"epoch_seconds\" }", "1541106106", "2018-11-01T21:01:46"),
        (
            "{ type = \"timestamp\", form = \"epoch_milliseconds\" }",
            "\"1541106106796\"",
            "2018-11-01T21:01:46.796",
        ),
        (
            "{ type = \"timestamp\", form = \"epoch_microseconds\" }",
            "-1",
            "1969-12-31T23:59:59.999999",
        ),
        (
            "{ type = \"timestamp\", form = \"epoch_seconds\" }",
            "1541106106796",
            "a: 1541106106796 is out of range for epoch seconds within the years 1 to 9999",
        ),
        (
            "{ type = \"timestamp\", form = \"rfc3339\" }",
            "\"2018-11-01T22:01:46.5+01:00\"",
            "2018-11-01T21:01:46.500",
        ),
        (
            "{ type = \"timestamp\", form = \"rfc3339\" }",
            "1541106106",
            "a: 1541106106 is not an RFC 3339 time within the years 1 to 9999, such as \
             2018-11-01T21:01:46Z",
        ),
    ]);
}

#[test]
fn null_rules_apply_to_texts_and_quoted_values() {
    for (column, json, expected) in [
        ("{ type = \"text\", null_if = [\"N/A\", \"\"] }", "\"N/A\"", "null"),
        ("{ type = \"text\", null_if = [\"N/A\", \"\"] }", r#""N\u002fA""#, "null"),
        ("{ type = \"text\", null_if = [\"\\u0000\"] }", r#""\u0000""#, "null"),
        ("{ type = \"text\", null_if = [\"N/A\"] }", "\"\"", ""),
        ("{ type = \"text\", repetitive = true, null_if = [\"N/A\"] }", "\"N/A\"", "null"),
        ("{ type = \"bigint\", null_if = [\"-\"] }", "\"-\"", "null"),
        ("{ type = \"bigint\", null_if = [] }", "\"\"", "a: \"\" is not a 64-bit integer"),
        ("{ type = \"date\", null_if = [\"0000-00-00\"] }", "\"0000-00-00\"", "null"),
    ] {
        assert_eq!(one(column, json), expected, "{column} {json}");
    }
}

#[test]
fn paths_conditions_and_fingerprints() {
    let dataset = declared(
        "partition = { column = \"kind\", equals = \"push\" }\n[datasets.d.columns]\n\
         kind = { type = \"text\", path = \"$.meta.kind\", required = true }\n\
         size = { type = \"integer\", path = \"$.list[1]\", \
                  required = { column = \"kind\", equals = \"push\" } }\n\
         live = \"boolean\"\n\
         [datasets.d.derived.id]\nfingerprint = [\"kind\", \"size\", \"live\"]\n\
         when = { column = \"live\", equals = true }\n",
    );
    let (rows, rejects) = decode_as(
        &dataset,
        concat!(
            r#"{"meta":{"kind":"push"},"list":[1,2],"live":true}"#,
            r#"{"meta":{"kind":"pull"},"live":false}"#,
            r#"{"meta":{"kind":"push"},"list":[1],"live":true}"#,
            r#"{"meta":"push","list":[1,2]}"#,
            r#"{"meta":{"kind":"pull"},"live":true}"#,
        ),
        99,
    );
    assert_eq!(rows.len(), 3);
    assert!(rows[0].starts_with("push|2|true|"), "{rows:?}");
    assert!(rows[1..].contains(&"pull|null|false|null".to_owned()), "{rows:?}");
    assert!(
        rows[1..].iter().any(|row| row.starts_with("pull|null|true|") && !row.ends_with("null"))
    );
    assert_eq!(
        rejects,
        ["size: missing; required if kind is \"push\"", "kind: a required value is missing"]
    );
}

#[test]
fn the_bytes_of_a_fingerprint_are_those_that_the_model_documents() {
    let dataset = declared(
        "[datasets.d.columns]\na = { type = \"text\", required = true }\nb = \"boolean\"\n\
         c = \"decimal(5, 2)\"\nd = \"date\"\n\
         [datasets.d.derived.id]\nfingerprint = [\"a\", \"b\", \"c\", \"d\"]\n",
    );
    let hash = |bytes: &[u8]| (xxhash_rust::xxh3::xxh3_64(bytes) >> 1).to_string();
    let (rows, _) =
        decode_as(&dataset, r#"{"a":"é","b":true,"c":"1.5","d":"1970-01-02"}{"a":"x"}"#, 99);
    let id = |row: &str| row.rsplit('|').next().unwrap().to_owned();
    let mut full = vec![2, 0, 0, 0, 0, 0, 0, 0];
    full.extend("é".bytes());
    full.extend([1, 1, 1]);
    full.extend(150_i128.to_le_bytes());
    full.push(1);
    full.extend(1_i64.to_le_bytes());
    assert_eq!(id(&rows[0]), hash(&full));
    let mut empty = vec![1, 0, 0, 0, 0, 0, 0, 0, b'x', 0, 0, 0];
    empty.extend([0; 16]);
    empty.push(0);
    empty.extend([0; 8]);
    assert_eq!(id(&rows[1]), hash(&empty));
}

fn orders() -> Arc<Dataset> {
    declared(
        "rows = \"$.order.items[*]\"\n[datasets.d.columns]\n\
         id = { type = \"bigint\", path = \"$.id\", required = true }\n\
         sku = { type = \"text\", required = true }\n\
         name = { type = \"text\", path = \"@.product['the name']\" }\n\
         price = \"decimal(8, 2)\"\n",
    )
}

#[test]
fn each_element_is_a_row_with_values_of_its_record() {
    let dataset = orders();
    check(
        &dataset,
        concat!(
            r#"{"order":{"items":[{"sku":"a\n","price":1},{"product":{"the name":"é"},"sku":"b"}]},"#,
            r#""id":7}"#,
            r#"{"id":8,"order":{"items":[]}}{"id":9}{"id":10,"order":{"items":null}}"#,
            r#"{"id":11,"order":{"items":[{"sku":"x"}]},"order":{"items":[{"sku":"y"}]}}"#,
            r#"{"id":12,"order":{"items":[{"sku":"x"}]},"order":3}"#,
        ),
        &["7|a\n|null|1.00", "7|b|é|null", "11|y|null|null"],
        &[],
    );
}

#[test]
fn a_record_with_a_bad_element_is_rejected_as_a_whole() {
    let dataset = orders();
    check(
        &dataset,
        concat!(
            r#"{"id":1,"order":{"items":[{"sku":"a"},{"sku":"b","price":"x"}]}}"#,
            r#"{"id":2,"order":{"items":[{"sku":"a"},{}]}}"#,
            r#"{"id":3,"order":{"items":[{"sku":"a"},5]}}"#,
            r#"{"id":4,"order":{"items":{"sku":"a"}}}"#,
            r#"{"id":6,"order":{"items":[["a"]]}}"#,
            r#"{"order":{"items":[{"sku":"a"}]}}"#,
            r#"{"order":{}}"#,
            r#"{"id":5,"order":{"items":[{"sku":"a"}]}}"#,
        ),
        &["5|a|null|null"],
        &[
            "price: \"x\" is not a decimal of 8 digits, 2 of them after the point \
             (in $.order.items[1])",
            "sku: a required value is missing (in $.order.items[1])",
            "$.order.items[1]: not a JSON object",
            "$.order.items[*]: an object is not an array",
            "$.order.items[0]: an array, not a JSON object",
            "id: a required value is missing",
            "id: a required value is missing",
        ],
    );
}

#[test]
fn elements_can_be_values_and_the_record_can_be_the_array() {
    let tags = declared(
        "rows = \"$.tags[*]\"\n[datasets.d.columns]\nid = { type = \"bigint\", path = \"$.id\" }\n\
         tag = { type = \"text\", path = \"@\" }\n",
    );
    check(&tags, r#"{"id":1,"tags":["a",2,null]}"#, &["1|a", "1|2", "1|null"], &[]);
    let pairs = declared(
        "records = \"lines\"\nrows = \"$[*]\"\n[datasets.d.columns]\na = { type = \"bigint\", path = \"@[0]\" }\n\
         b = { type = \"bigint\", path = \"@[1]\" }\n",
    );
    check(&pairs, "[[1,2],[3]]\n[]\n[[4,5]]", &["1|2", "3|null", "4|5"], &[]);
}

#[test]
fn many_elements_of_a_record_fill_several_batches() {
    let dataset = declared(
        "rows = \"$.n[*]\"\n[datasets.d.columns]\nn = { type = \"bigint\", path = \"@\" }\n\
         t = { type = \"text\", path = \"$.t\", repetitive = true }\n",
    );
    let numbers: Vec<String> = (0..20_000).map(|n| n.to_string()).collect();
    let input = format!("{{\"t\":\"x\",\"n\":[{}]}}", numbers.join(","));
    let (rows, rejects) = decode_as(&dataset, &input, input.len());
    assert_eq!((rows.len(), rejects.len()), (20_000, 0));
    assert_eq!(rows[19_999], "19999|x");
}

#[test]
fn rows_of_a_record_have_a_limit() {
    let dataset = declared(
        "rows = \"$.n[*]\"\n[datasets.d.columns]\nn = { type = \"bigint\", path = \"@\" }\n\
         t = { type = \"text\", path = \"$.t\" }\n",
    );
    let record = |elements: usize, length: usize| {
        format!("{{\"t\":\"{}\",\"n\":[{}]}}", "x".repeat(length), vec!["0"; elements].join(","))
    };
    let (rows, rejects) = decode_as(&dataset, &record(10_000, 100_000), usize::MAX);
    assert!(rows.is_empty());
    assert_eq!(rejects, ["its 10000 rows would take more than 512 MiB"]);
    let (rows, rejects) = decode_as(&dataset, &record(10_000, 10), usize::MAX);
    assert_eq!((rows.len(), rejects.len()), (10_000, 0));
}

#[test]
fn arrangements_of_records() {
    let records = |records: &str| {
        declared(&format!("records = \"{records}\"\n[datasets.d.columns]\na = \"bigint\"\n"))
    };
    let (both, array) =
        ("{\"a\":1}\n[{\"a\":2},{\"a\":\"x\"},{\"a\":3}]\n", "[{\"a\":1},{\"a\":2}]");
    let wrong = "a: \"x\" is not a 64-bit integer";
    check(&records("auto"), both, &["1", "2", "3"], &[wrong]);
    check(&records("array"), array, &["1", "2"], &[]);
    check(
        &records("array"),
        both,
        &["2", "3"],
        &["not within an array, although the model sets records = \"array\"", wrong],
    );
    let (rows, rejects) = decode_as(&records("lines"), both, 99);
    assert_eq!(rows, ["1"]);
    assert!(rejects[0].starts_with("an array, not a JSON object"), "{rejects:?}");
}
