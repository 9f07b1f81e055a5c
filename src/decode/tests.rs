//! Tests the decoder through its public interface: the rows and rejects must not depend on where
//! the bytes are cut into chunks.

mod ahead;
mod declared;
mod layouts;
mod models;
mod paths;
mod peer;
mod streams;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::model::{Dataset, Model};
use paths::{REST, song_at};
use streams::streams;

const GOOD: &str = r#"{"ts":1,"page":"Home"}"#;
const BOM: &str = "\u{feff}";
const MIB: usize = 1024 * 1024;

/// Rows and rejects as JSON objects, without nulls.
#[derive(Debug, PartialEq)]
struct Decoded {
    rows: Vec<Value>,
    rejects: Vec<Value>,
    unknown: BTreeMap<String, u64>,
}

/// Returns a dataset of the built-in model.
fn dataset(name: &str) -> Arc<Dataset> {
    Model::built_in().dataset(name).unwrap().clone()
}

fn decode<'a>(
    dataset: &Arc<Dataset>,
    paths: FieldPaths,
    chunks: impl IntoIterator<Item = &'a [u8]>,
) -> Decoded {
    let mut decoder = Decoder::new(StagedColumns::all(dataset), paths);
    let mut object = ObjectState::new("object".into());
    let mut bytes = 0;
    for chunk in chunks {
        bytes += chunk.len() as u64;
        decoder.feed(&mut object, chunk).unwrap();
    }
    let counts = decoder.finish(object).unwrap();
    decoder.flush().unwrap();
    let rows: Vec<Value> = decoder.take_rows().iter().flat_map(records).collect();
    let rejects: Vec<Value> = decoder.take_rejects().iter().flat_map(records).collect();
    let (decoded, rejected) = (rows.len() as u64, rejects.len() as u64);
    assert_eq!((counts.bytes, counts.decoded, counts.rejected), (bytes, decoded, rejected));
    assert!(rejects.iter().all(|reject| reject["object"] == "object"));
    let lengths = rejects.iter().map(|reject| reject["length"].as_u64().unwrap());
    assert_eq!(counts.rejected_bytes, lengths.sum::<u64>());
    Decoded { rows, rejects, unknown: decoder.notes().unknown_keys }
}

fn records(batch: &RecordBatch) -> Vec<Value> {
    let record = |row| {
        let fields = batch.schema_ref().fields().iter().zip(batch.columns());
        let filled = fields.filter(|(_, column)| column.is_valid(row));
        filled.map(|(field, column)| (field.name().clone(), cell(column, row))).collect()
    };
    (0..batch.num_rows()).map(record).collect()
}

fn cell(column: &ArrayRef, row: usize) -> Value {
    match column.data_type() {
        // Milliseconds, as the records contain them.
        DataType::Timestamp(..) => {
            (column.as_primitive::<TimestampMicrosecondType>().value(row) / 1000).into()
        }
        DataType::Int32 => column.as_primitive::<Int32Type>().value(row).into(),
        DataType::Int64 => column.as_primitive::<Int64Type>().value(row).into(),
        DataType::Float64 => column.as_primitive::<Float64Type>().value(row).into(),
        _ => cast(column, &DataType::Utf8).unwrap().as_string::<i32>().value(row).into(),
    }
}

fn events_in<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Decoded {
    let events = dataset("logs");
    decode(&events, FieldPaths::of(&events), chunks)
}

fn events(input: impl AsRef<[u8]>) -> Decoded {
    events_in([input.as_ref()])
}

/// Returns the only reject of an input without rows.
#[track_caller]
fn reject(input: impl AsRef<[u8]>) -> Value {
    let decoded = events(input);
    assert_eq!((decoded.rows.len(), decoded.rejects.len()), (0, 1), "{decoded:?}");
    decoded.rejects[0].clone()
}

#[test]
fn a_column_that_should_repeat_but_does_not_keeps_its_values() {
    let locations: Vec<String> = (0..40_000).map(|i| format!("place {i}")).collect();
    let record = |place| format!("{{\"ts\":1,\"page\":\"Home\",\"location\":\"{place}\"}}\n");
    let input: String = locations.iter().map(record).collect();
    let decoded = events(input);
    let found: Vec<_> = decoded.rows.iter().map(|row| row["location"].as_str()).collect();
    assert_eq!(found, locations.iter().map(|l| Some(l.as_str())).collect::<Vec<_>>());
}

#[test]
fn keys_in_any_order_and_with_spaces_are_found() {
    let events_dataset = dataset("logs");
    let columns = &events_dataset.columns;
    let member = |i: usize, space: &str| {
        let value =
            if matches!(columns[i].name.as_str(), "page" | "auth") { r#""Home""# } else { "1" };
        format!("\"{}\"{space}:{space}{value}", columns[i].name)
    };
    for first in 0..columns.len() {
        for space in ["", " ", "\n"] {
            let order = (0..columns.len()).map(|i| (first + i * 5) % columns.len());
            let members: Vec<String> = order.map(|i| member(i, space)).collect();
            let decoded = events(format!("{{{}}}\n", members.join(",")).repeat(3));
            assert_eq!((decoded.rows.len(), decoded.rejects.len()), (3, 0), "{decoded:?}");
            assert!(decoded.rows.iter().all(|r| r["page"] == "Home" && r["itemInSession"] == 1));
        }
    }
}

/// Returns lines that are one reject each, with the start of the reason.
fn bad_lines() -> Vec<(Vec<u8>, &'static str)> {
    let texts = [
        ("oops", "not a JSON object"),
        ("null", "not a JSON object"),
        ("17", "not a JSON object"),
        (r#""text""#, "not a JSON object"),
        ("}", "not a JSON object"),
        ("[1,[2]]", "an array, not a JSON object"),
        ("[1,2", "expected ',' or ']'"),
        (r#"{"ts":1"#, "expected ',' or '}'"),
        (r#"{"ts":1,"pa"#, "a line break within a string"),
        (r#"{"ts":1,"page":"Home",}"#, "expected a key (byte 23"),
        (r#"{,"ts":1}"#, "expected a key or '}'"),
        (r#"{"ts" 1}"#, "expected ':' after a key"),
        (r#"{"ts":}"#, "expected a value"),
        (r#"{"ts":1 "page":2}"#, "expected ',' or '}'"),
        (r#"{"x":[1 2]}"#, "expected ',' or ']'"),
        (r#"{"x":[1,]}"#, "expected a value"),
        (r#"{"ts":01}"#, "a number that is not"),
        (r#"{"ts":+1}"#, "expected a value"),
        (r#"{"ts":1.}"#, "a number that is not"),
        (r#"{"ts":.5}"#, "expected a value"),
        (r#"{"ts":1e}"#, "a number that is not"),
        (r#"{"ts":-}"#, "a number that is not"),
        (r#"{"ts":1-2}"#, "a number that is not"),
        (r#"{"x":trux}"#, "expected a value"),
        (r#"{"x":nul"#, "expected a value"),
        (r#"{"x":NaN}"#, "expected a value"),
        (r#"{"page":"\x"}"#, "an unknown escape in a string"),
        (r#"{"page":"\u12g4"}"#, "a \\u escape without four hex digits"),
        (r#"{"page":"\ud800"}"#, "an unpaired surrogate"),
        (r#"{"page":"\ud800\n"}"#, "an unpaired surrogate"),
        (r#"{"page":"\udbff\udbff"}"#, "an unpaired surrogate"),
        (r#"{"page":"\udc00"}"#, "an unpaired surrogate"),
        (r#"{"pag\uDFFF":1}"#, "a required value is missing"),
        ("{\"page\":\"a\tb\"}", "a control character within a string"),
        ("{\"page\":\"a\0b\"}", "a control character within a string"),
        ("{}", "a required value is missing"),
        (r#"{"ts":"yesterday","page":"Home"}"#, "\"yesterday\" is not epoch milliseconds"),
        (r#"{"ts":1,"page":true}"#, "true is not text or a number"),
        (r#"{"ts":1,"page":{"a":[]}}"#, "an object is not text or a number"),
        (r#"{"ts":1,"page":"a\u0000"}"#, "text contains U+0000"),
        (r#"{"ts":1,"page":"NextSong","userId":"","sessionId":2}"#, "missing; required"),
    ];
    let mut lines: Vec<_> = texts.map(|(text, why)| (text.as_bytes().to_vec(), why)).into();
    for bytes in [b"{\"page\":\"\xff\",\"ts\":1}".to_vec(), b"{\"x\xc3\":[\"\xa9\"]}".to_vec()] {
        lines.push((bytes, "invalid UTF-8"));
    }
    lines
}

/// Returns inputs with the numbers of their rows and rejects.
fn inputs() -> Vec<(Vec<u8>, usize, usize)> {
    let pretty = "{\n  \"ts\": 1,\n  \"page\": \"Home\"\n}";
    let over_lines = r#"{"x":[ "\ud83c\uDFB5é", true, -1.5e+3], "ts": 12,"page":7}"#;
    let layouts = [
        (format!("{GOOD}\n\n{GOOD}\n{GOOD}"), 3, 0),
        (format!("{pretty}\n{pretty}\r\n {pretty}\n"), 3, 0),
        (format!("{GOOD}{GOOD} {GOOD}\t{pretty}{GOOD}"), 5, 0),
        (format!("{BOM}{GOOD}\r\n{GOOD}\r\noops\r\n"), 2, 1),
        (r#"{"ts":1,"page":"\"\\\/\b\f\n\r\t\u00e9\ud83c\udfb5é日🎵"}"#.to_owned(), 1, 0),
        (r#"{"\u0074s":1,"page":1.50}{"page":"x","length":-1.5e+2,"ts":-0}"#.to_owned(), 2, 0),
        (r#"{"x":[true,false,null,{"y":[[],{}]}],"page":"Home","ts":10}"#.to_owned(), 1, 0),
        (over_lines.replace(' ', "\n"), 1, 0),
        (format!("{{\n  \"ts\": oops,\n  \"x\": {{\n  }}\n}}\n{GOOD}"), 1, 1),
        (format!("{{\r\n  \"ts\": 1,\r\n{GOOD}\r\n"), 1, 1),
        (format!("{{\n  \"ts\": oops\n}}{GOOD}\n{{\n"), 1, 2),
        (format!("[\n  {GOOD},\n  oops\n]\n{GOOD}"), 2, 1),
        (format!("{{\"x\":[\n{GOOD}"), 1, 1),
        (format!("{GOOD}\n{{\"ts\":1,\"page\":\"Ho"), 1, 1),
        (format!("{GOOD}\n{{\"ts\":1"), 1, 1),
        (format!("{GOOD}{{\"ts\":oops}}{GOOD}\n{GOOD}"), 3, 1),
        (BOM.to_owned(), 0, 0),
        (String::new(), 0, 0),
        (" \r\n\t\n".to_owned(), 0, 0),
    ];
    let mut inputs: Vec<_> = layouts.map(|(text, rows, bad)| (text.into_bytes(), rows, bad)).into();
    inputs.extend(streams().into_iter().map(|(text, rows, bad)| (text.into_bytes(), rows, bad)));
    inputs.push((b"\xef\xbb".to_vec(), 0, 1));
    inputs.push((b"\xef\xbb{}\n".to_vec(), 0, 1));
    for (bad, _) in bad_lines() {
        let around = GOOD.as_bytes();
        inputs.push(([around, &bad, around].join(&b'\n'), 2, 1));
    }
    inputs
}

#[test]
fn wherever_bytes_are_cut_the_records_are_the_same() {
    for (input, rows, rejects) in inputs() {
        let whole = events(&input);
        let shown = String::from_utf8_lossy(&input);
        assert_eq!((whole.rows.len(), whole.rejects.len()), (rows, rejects), "{shown}: {whole:?}");
        assert_eq!(events_in(input.chunks(1)), whole, "{shown} byte by byte");
        for at in 0..=input.len() {
            let (head, tail) = input.split_at(at);
            assert_eq!(events_in([head, tail]), whole, "{shown} cut at {at}");
        }
    }
}

#[test]
fn a_bad_line_costs_one_record_and_is_reported_with_its_position() {
    for (bad, why) in bad_lines() {
        let input = [GOOD.as_bytes(), &bad, br#"{"ts":2,"page":"Home"}"#, b"oops"].join(&b'\n');
        let Decoded { rows, rejects, .. } = events(&input);
        let shown = String::from_utf8_lossy(&bad);
        assert_eq!(rows, [json!({"ts": 1, "page": "Home"}), json!({"ts": 2, "page": "Home"})]);
        assert_eq!(rejects[0]["offset"], GOOD.len() + 1, "{shown}");
        assert_eq!(rejects[0]["line"], 2, "{shown}");
        assert_eq!(rejects[0]["raw"], *shown);
        assert!(rejects[0]["reason"].as_str().unwrap().starts_with(why), "{}", rejects[0]);
        assert_eq!(rejects[1]["offset"], input.len() - 4, "after {shown}");
        assert_eq!(rejects[1]["line"], 4, "after {shown}");
    }
}

#[test]
fn a_position_counts_the_bytes_and_lines_before_it() {
    let input = format!("{BOM}\r\n{{\r\"ts\":1,\n\"page\":\"é\"}} {GOOD}\n\n  oops \n");
    let oops = events(&input).rejects[0].clone();
    assert_eq!((&oops["offset"], &oops["line"]), (&json!(input.find("oops").unwrap()), &json!(6)));
    assert_eq!(oops["raw"], "oops");
    assert_eq!(oops.get("column"), None);
}

#[test]
fn a_reject_names_the_column_that_caused_it() {
    let column = |record: &str| reject(record)["column"].clone();
    assert_eq!(column(r#"{"page":"Home"}"#), "ts");
    assert_eq!(column(r#"{"ts":1,"page":""}"#), "page");
    assert_eq!(column(r#"{"ts":1,"page":"NextSong","userId":7}"#), "sessionId");
    assert_eq!(column(r#"{"ts":1,"page":"NextSong","sessionId":7}"#), "userId");
    assert_eq!(column(r#"{"ts":1,"page":"Home","length":[1]}"#), "length");
}

#[test]
fn values_are_converted_to_the_types_of_their_columns() {
    let input = r#"{"page":"Home","ts":"1541044398796.0","userId":"+007","sessionId":1e2,
        "artist":311,"song":1.50,"length":"2.5","auth":"","level":null,"gender":"\u0046",
        "itemInSession":9223372036854775807,"status":200,"status":404}"#;
    let row = json!({"page": "Home", "ts": 1_541_044_398_796_i64, "userId": 7, "sessionId": 100,
        "artist": "311", "song": "1.50", "length": 2.5, "gender": "F",
        "itemInSession": i64::MAX, "status": 404});
    assert_eq!(events(input).rows, [row]);
}

#[test]
fn numbers_of_any_size_are_accepted_or_rejected_by_their_column() {
    let with = |member: &str| events(format!(r#"{{"ts":1,"page":"Home",{member}}}"#));
    let digits = "9".repeat(400);
    for member in ["\"length\":1e400", "\"sessionId\":1e400", "\"length\":\"-1e400\""] {
        let rejects = with(member).rejects;
        assert!(rejects[0]["reason"].as_str().unwrap().contains("is out of range"), "{member}");
    }
    assert_eq!(with(&format!("\"sessionId\":{digits}")).rejects[0]["column"], "sessionId");
    assert_eq!(with(&format!("\"length\":{digits}")).rejects[0]["column"], "length");
    assert_eq!(with(&format!("\"artist\":{digits}")).rows[0]["artist"], *digits);
    assert_eq!(with(&format!("\"x\":[1e400,{digits}]")).rows.len(), 1);
    assert_eq!(with("\"length\":1e-400").rows[0]["length"], 0.0);
}

#[test]
fn values_may_nest_deep_but_not_without_end() {
    let nested = |depth: usize, open: &str, close: &str| {
        let value = format!("{}{}", open.repeat(depth), close.repeat(depth));
        format!("{{\"ts\":1,\"page\":\"Home\",\"x\":{value}}}\n{GOOD}")
    };
    assert_eq!(events(nested(1000, "[", "]")).rows.len(), 2);
    assert_eq!(events(nested(1023, "[", "]")).rows.len(), 2);
    for depth in [1024, 2000, 1_000_000] {
        let decoded = events(nested(depth, "[", "]"));
        assert_eq!((decoded.rows.len(), decoded.rejects.len()), (1, 1), "{depth} deep");
        assert!(decoded.rejects[0]["reason"].as_str().unwrap().contains("nested more than 1024"));
    }
    assert_eq!(events(nested(1_000_000, "{\"a\":[", "]}")).rejects.len(), 1);
}

#[test]
fn raw_text_is_the_first_64_kib_cut_between_characters() {
    let raw = |text: &str| reject(text)["raw"].as_str().unwrap().to_owned();
    let long = "x".repeat(2 * MAX_RAW_BYTES);
    assert_eq!(raw(&long), long[..MAX_RAW_BYTES]);
    assert_eq!(raw(&long[..MAX_RAW_BYTES]).len(), MAX_RAW_BYTES);
    for text in ["é".repeat(MAX_RAW_BYTES), format!("x{}", "🎵".repeat(MAX_RAW_BYTES))] {
        let kept = raw(&text);
        assert!(text.starts_with(&kept), "ends with {:?}", kept.chars().last());
        assert!((MAX_RAW_BYTES - 3..=MAX_RAW_BYTES).contains(&kept.len()));
    }
}

#[test]
fn a_record_that_is_too_long_is_one_reject() {
    let longest = |length: usize| {
        let around = r#"{"ts":1,"page":"Home","x":""}"#.len();
        format!(r#"{{"ts":1,"page":"Home","x":"{}"}}"#, "x".repeat(length - around))
    };
    let fits = format!("{}\n{GOOD}\n", longest(MAX_RECORD_BYTES));
    assert_eq!(events(&fits).rows.len(), 2);
    assert_eq!(events_in(fits.as_bytes().chunks(MIB)), events(&fits));
    let unclosed = format!(r#"{{"x":"{}"#, "x".repeat(2 * MAX_RECORD_BYTES));
    for long in [longest(MAX_RECORD_BYTES + 1), longest(20 * MIB), unclosed] {
        let input = format!("{GOOD}\n{long}\n{GOOD}\noops");
        let whole = events(&input);
        assert_eq!((whole.rows.len(), whole.rejects.len()), (2, 2), "{} bytes", long.len());
        assert_eq!(whole.rejects[0]["reason"], "longer than 16 MiB");
        assert_eq!(whole.rejects[0]["offset"], GOOD.len() + 1);
        assert_eq!(whole.rejects[0]["raw"], long[..MAX_RAW_BYTES]);
        assert_eq!(whole.rejects[1]["line"], 4);
        assert!(events_in(input.as_bytes().chunks(MIB)) == whole, "{} bytes in MiBs", long.len());
    }
}

/// Scanning the record again for each chunk would take far too long.
#[test]
fn a_record_of_many_chunks_is_read() {
    let long = format!(r#"{{"ts":1,"page":"Home","x":[{}1]}}"#, "1,".repeat(2 * MIB));
    assert_eq!(events_in(long.as_bytes().chunks(64)).rows.len(), 1);
}

#[test]
fn unknown_keys_are_counted_once_per_record() {
    let input = r#"{"ts":1,"page":"a","x":{"inner":1},"Ts":2,"x":3}{"ts":1,"page":"a","x":0}"#;
    let unknown = BTreeMap::from([("x".to_owned(), 2), ("Ts".to_owned(), 1)]);
    assert_eq!(events(input).unknown, unknown);
    assert_eq!(events(GOOD).unknown, BTreeMap::new());
    let nested = song_at(&[("title", "$.t.u")], &format!(r#"{{"t":{{"u":"x","v":1}},{REST}}}"#));
    assert_eq!((nested.rows.len(), nested.unknown), (1, BTreeMap::new()));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_cuts_of_any_inputs_give_the_same_records(
        chosen in vec(0..inputs().len(), 1..5),
        between in prop::sample::select(&["\n", "", ",", "\r", "\0", "[", "]"][..]),
        cuts in vec(any::<prop::sample::Index>(), 3),
    ) {
        let inputs = inputs();
        let input = chosen.iter().map(|&i| &inputs[i].0[..]).collect::<Vec<_>>();
        let input = input.join(between.as_bytes());
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(input.len() + 1)).collect();
        cuts.extend([0, input.len()]);
        cuts.sort_unstable();
        let chunks = cuts.windows(2).map(|cut| &input[cut[0]..cut[1]]);
        prop_assert_eq!(events_in(chunks), events(&input));
    }
}
