//! Compares decoding in order with decoding parts of an object ahead of what precedes them.

use super::layouts::{damage, lines};
use super::models::{Choices, choices};
use super::*;

/// Everything that is found in an object.
#[derive(Debug, PartialEq)]
struct Found {
    /// Sorted, because plays and other events are in different batches.
    rows: Vec<String>,
    rejects: Vec<Value>,
    counts: ObjectCounts,
    notes: Notes,
}

/// Decodes `text` in order.
fn in_order(text: &[u8]) -> Found {
    let mut decoder = events_decoder();
    let mut object = ObjectState::new("object".into());
    decoder.feed(&mut object, text).unwrap();
    let counts = decoder.finish(object).unwrap();
    found(decoder, counts)
}

/// Decodes `text` in blocks. The part of a block from the first line that begins with a bracket is decoded
/// ahead, and kept if the part before it ends between two records. Returns the number of parts kept, too.
fn ahead(text: &[u8], block_bytes: usize) -> (Found, usize) {
    let mut decoder = events_decoder();
    let mut object = ObjectState::new("object".into());
    let (mut rows, mut rejects, mut notes, mut kept) =
        (Vec::new(), Vec::new(), Notes::default(), 0);
    for (at, block) in text.chunks(block_bytes).enumerate() {
        let line = |at: &usize| block[at - 1] == b'\n' && matches!(block[*at], b'{' | b'[');
        let Some(start) = (1..block.len()).find(line) else {
            decoder.feed(&mut object, block).unwrap();
            continue;
        };
        decoder.feed(&mut object, &block[..start]).unwrap();
        let mut other = events_decoder();
        let offset = (at * block_bytes + start) as u64;
        let mut state = ObjectState::at("object".into(), offset);
        other.feed(&mut state, &block[start..]).unwrap();
        if !state.can_follow(&object) {
            decoder.feed(&mut object, &block[start..]).unwrap();
            continue;
        }
        kept += 1;
        other.flush().unwrap();
        rows.extend(lines(other.take_rows()));
        let lines_before = object.lines();
        rejects.extend(other.take_rejects().iter().flat_map(records).map(|mut reject| {
            reject["line"] = (reject["line"].as_u64().unwrap() + lines_before).into();
            reject
        }));
        notes.merge(other.take_notes());
        assert_eq!(other.notes(), Notes::default());
        object = state.after(object);
    }
    let counts = decoder.finish(object).unwrap();
    let rest = found(decoder, counts);
    notes.merge(rest.notes);
    rows.extend(rest.rows);
    rows.sort();
    rejects.extend(rest.rejects);
    rejects.sort_by_key(|reject| reject["offset"].as_u64());
    notes.longest_text = 0;
    (Found { rows, rejects, counts, notes }, kept)
}

fn found(mut decoder: Decoder, counts: ObjectCounts) -> Found {
    decoder.flush().unwrap();
    let mut rows = lines(decoder.take_rows());
    rows.sort();
    let rejects = decoder.take_rejects().iter().flat_map(records).collect();
    // Texts of broken records count only if they have been read.
    let notes = Notes { longest_text: 0, ..decoder.take_notes() };
    Found { rows, rejects, counts, notes }
}

fn events_decoder() -> Decoder {
    let events = dataset("logs");
    Decoder::new(StagedColumns::all(&events), FieldPaths::of(&events))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn parts_decoded_ahead_affect_neither_rows_nor_rejects(
        mut choices in choices(), block_bytes in 30_usize..400,
    ) {
        let text = text(&mut choices);
        let expected = in_order(&text);
        let (found, _) = ahead(&text, block_bytes);
        prop_assert_eq!(found, expected, "{}", String::from_utf8_lossy(&text));
    }
}

/// Returns lines of records of different forms, some of them damaged.
fn text(choices: &mut Choices) -> Vec<u8> {
    let long = format!(r#"{{"ts":1,"page":"Home","song":"{}"}}"#, "x".repeat(600));
    let forms = [
        r#"{"ts":7,"page":"Home","artist":"A"}"#,
        r#"{"ts":8,"page":"NextSong","userId":"1","sessionId":2,"itemInSession":3,"song":"S"}"#,
        r#"{"ts":"x","page":"Home"}"#,
        "{\n\"ts\":9,\n\"page\":\n\"Home\",\n\"x\":[\n{\"ts\":1}\n]\n}",
        "[\n{\"ts\":3,\"page\":\"Home\"},\n{\"ts\":4,\"page\":\"Home\"}\n]",
        "{\"ts\":5,\n{\"ts\":6,\"page\":\"Home\"}",
        "\u{feff}{\"ts\":2,\"page\":\"Home\"}",
        "oops",
        "",
        &long,
    ];
    // Mostly records of one line, so that parts are often kept.
    let (usual, odd) = forms.split_at(3);
    let mut text = Vec::new();
    for _ in 0..choices.of(&[5, 20, 60]) {
        let form = if choices.one_in(6) { choices.of(odd) } else { choices.of(usual) };
        let mut record = form.as_bytes().to_vec();
        if choices.one_in(12) && !record.is_empty() {
            damage(choices, &mut record);
        }
        text.extend_from_slice(&record);
        text.extend_from_slice(choices.of(&["\n", "\n", "\r\n", "\n\n"]).as_bytes());
    }
    text
}

#[test]
fn parts_that_begin_between_records_are_kept() {
    let record = "{\"ts\":1,\"page\":\"Home\"}\n";
    let (found, kept) = ahead(record.repeat(1000).as_bytes(), 1000);
    assert_eq!((found.counts.decoded, kept), (1000, 23));
    let broken = format!("{}oops\n{}", record.repeat(10), record.repeat(10)).repeat(10);
    let (found, kept) = ahead(broken.as_bytes(), 1000);
    assert_eq!((found.counts.decoded, found.counts.rejected), (200, 10));
    assert!(kept > 3, "{kept}");
    // No record begins within an array.
    let array = format!("[\n{}", "{\"ts\":2,\"page\":\"Home\"},\n".repeat(500));
    let (found, kept) = ahead(array.as_bytes(), 1000);
    assert_eq!(found, in_order(array.as_bytes()));
    assert_eq!(kept, 0);
}
