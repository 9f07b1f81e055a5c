//! Compares decoders that use the layouts of earlier records with decoders that scan every record.

use super::declared::declared;
use super::models::{Choices, choices, dataset as random, json::Json, line, records};
use super::*;

/// Everything that a decoder finds.
#[derive(Debug, PartialEq)]
struct Found {
    /// Sorted if the dataset has a partition.
    rows: Vec<String>,
    rejects: Vec<String>,
    counts: ObjectCounts,
    notes: Notes,
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn layouts_affect_neither_rows_nor_rejects(mut choices in choices()) {
        let text = random::text(&mut choices);
        let dataset = declared(&text);
        let input = input(&mut choices, &dataset);
        let kept: Vec<&str> = dataset.column_names().filter(|_| !choices.one_in(6)).collect();
        let columns = StagedColumns::of(&dataset, |name| kept.contains(&name));
        let columns = columns.with_repaired_encoding(choices.one_in(2));
        let mut longest = || choices.of(&[input.len().max(1), 1, 3, 20, 400]);
        let (one, other) = (longest(), longest());
        let (scanned, _) = decode(&columns, false, input.chunks(one));
        let (known, _) = decode(&columns, true, input.chunks(other));
        prop_assert_eq!(known, scanned, "{}\n{}", text, String::from_utf8_lossy(&input));
    }
}

/// Returns records of few layouts, some of them damaged.
fn input(choices: &mut Choices, dataset: &Arc<Dataset>) -> Vec<u8> {
    let mut records = records::records(choices, dataset);
    records.truncate(4);
    let texts: Vec<String> = records.iter().map(|record: &Json| record.print(choices)).collect();
    let is_array = choices.one_in(4);
    let mut input = if is_array { b"[".to_vec() } else { Vec::new() };
    for _ in 0..choices.of(&[10, 40, 100]) {
        let mut record = choices.of(&texts).into_bytes();
        for _ in 0..choices.of(&[0, 0, 1, 2]) {
            damage(choices, &mut record);
        }
        input.extend_from_slice(&record);
        let separators: &[&[u8]] = if is_array { &[b",", b",\n"] } else { &[b"\n", b"\r\n", b""] };
        input.extend_from_slice(choices.of(separators));
    }
    input
}

/// Changes a byte of a record, mostly within a value.
pub(super) fn damage(choices: &mut Choices, record: &mut Vec<u8>) {
    let at = choices.below(record.len());
    let byte = choices.of(b"0123456789.-eEx \"\\{}[],:tnu\x00\x1f\n\xff\xc3\xa9\xf0");
    match choices.below(3) {
        0 => record[at] = byte,
        1 => record.insert(at, byte),
        _ => drop(record.remove(at)),
    }
    if record.is_empty() {
        record.push(byte);
    }
}

/// Length up to which texts that a dictionary contains are not measured.
const MEASURED: usize = 1024;

/// Decodes an object. Returns what was found and the number of records with known layouts.
fn decode<'a>(
    columns: &StagedColumns,
    uses_layouts: bool,
    chunks: impl Iterator<Item = &'a [u8]>,
) -> (Found, u64) {
    let mut decoder = Decoder::new(columns.clone(), FieldPaths::of(columns.dataset()));
    if !uses_layouts {
        decoder.layouts = None;
    }
    let mut object = ObjectState::new("object".into());
    for chunk in chunks {
        decoder.feed(&mut object, chunk).unwrap();
    }
    let counts = decoder.finish(object).unwrap();
    decoder.flush().unwrap();
    let (mut rows, rejects) = (lines(decoder.take_rows()), lines(decoder.take_rejects()));
    if columns.dataset().partition.is_some() {
        rows.sort();
    }
    let known = decoder.layouts.as_ref().map_or(0, |layouts| layouts.records());
    let notes = decoder.notes();
    let notes = Notes { longest_text: notes.longest_text.max(MEASURED), ..notes };
    (Found { rows, rejects, counts, notes }, known)
}

/// Returns the rows of batches as text.
pub(super) fn lines(batches: Vec<RecordBatch>) -> Vec<String> {
    let lines =
        |batch: &RecordBatch| (0..batch.num_rows()).map(|row| line(batch, row)).collect::<Vec<_>>();
    batches.iter().flat_map(lines).collect()
}

/// Returns the number of `records` that are read with a known layout.
fn known(records: &[String]) -> u64 {
    let columns = StagedColumns::all(&dataset("logs"));
    let text = records.join("\n");
    let (found, known) = decode(&columns, true, [text.as_bytes()].into_iter());
    let (scanned, _) = decode(&columns, false, [text.as_bytes()].into_iter());
    assert_eq!(found, scanned);
    known
}

fn event(at: usize, song: &str) -> String {
    format!(
        r#"{{"artist":{song},"auth":"Logged In","firstName":"Zoë","itemInSession":{at},"length":277.89016,
"level":"free","page":"NextSong","registration":1540344794796.0,"sessionId":139,"song":{song},"ts":154110{at:07},
"userAgent":"\"Mozilla\/5.0 (Windows NT 6.1)\"","userId":"{at}","extra":{{"a":[1,true],"b":null}},"x":-1.5e3}}"#
    )
}

#[test]
fn the_longest_text_does_not_depend_on_the_records_before() {
    let long = "x".repeat(5000);
    let rejected = |at| {
        event(at, "\"song\"").replace("Mozilla", &long).replace(":154110", ":\"no time\",\"t\":")
    };
    // The time precedes the long text among the columns, but follows it in the second record.
    let before = rejected(2);
    let after = format!("{{\"userAgent\":\"{long}\",{}", &rejected(3)[1..]);
    for record in [before, after] {
        known(&[event(1, "\"song\""), record.clone(), record]);
    }
    // A repeated key: the value of the first one is not read.
    let repeated = format!("{{\"song\":\"{long}\",{}", &event(4, "\"song\"")[1..]);
    known(&[repeated.clone(), event(5, "\"song\""), repeated]);
}

#[test]
fn records_like_an_earlier_one_have_a_known_layout() {
    let events = |count: usize, song: &dyn Fn(usize) -> String| -> Vec<String> {
        (0..count).map(|at| event(at, &song(at))).collect()
    };
    assert_eq!(known(&events(1000, &|at| format!("\"song {at}\""))), 999);
    // Null, escapes and texts that were encoded twice are no other layout.
    let songs = ["null", r#""a\"b\u00e9""#, r#""BeyoncÃ©""#, r#""""#];
    assert_eq!(known(&events(1000, &|at| songs[at % 4].to_owned())), 999);
    // An object or an unpaired surrogate is a reject, and others are not affected.
    let songs = [r#""x""#, r#"{"y":1}"#, r#""\ud800""#, r#""x"#];
    assert!(known(&events(1000, &|at| songs[at % 4].to_owned())) >= 200);
}

#[test]
fn several_layouts_are_known_at_a_time() {
    let records: Vec<String> = (0..1000)
        .map(|at| match at % 3 {
            0 => event(at, "null"),
            1 => format!(r#"{{"ts":{at},"page":"Home"}}"#),
            _ => format!(r#"{{ "page":"Home", "ts":{at} }}"#),
        })
        .collect();
    assert_eq!(known(&records), 997);
    // Without a regular structure, only some records are tried.
    let irregular: Vec<String> =
        (0..5000).map(|at| format!(r#"{{"ts":{at},"page":"Home","k{at}":1}}"#)).collect();
    assert_eq!(known(&irregular), 0);
}

#[test]
fn repeated_keys_have_no_layout() {
    let records: Vec<String> =
        (0..100).map(|at| format!(r#"{{"ts":1,"page":"Home","ts":{at}}}"#)).collect();
    assert_eq!(known(&records), 0);
}

#[test]
fn a_record_with_a_known_layout_can_be_too_long() {
    let record =
        |length: usize| format!(r#"{{"ts":1,"page":"Home","extra":"{}"}}"#, "x".repeat(length));
    let text = [record(1), record(MAX_RECORD_BYTES), record(2)].join("\n");
    let columns = StagedColumns::all(&dataset("logs"));
    for chunk_bytes in [text.len(), 512 * 1024] {
        let (found, known) = decode(&columns, true, text.as_bytes().chunks(chunk_bytes));
        assert_eq!((found.rows.len(), found.rejects.len(), known), (2, 1, 1));
    }
}
