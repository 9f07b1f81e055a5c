//! Tests streams that are not one record per line, and the effect of broken records in them.

use super::paths::song_at;
use super::*;

/// A stream, and the numbers of its rows and rejects.
type Stream = (String, usize, usize);

/// Records with a wrong value, without the end of a text, and with a wrong value after nested objects.
const NO_NUMBER: &str = r#"{"ts":oops,"page":"Home"}"#;
const NO_QUOTE: &str = r#"{"ts":1,"page":"Home}"#;
const NESTED: &str = r#"{"ts":1,"x":{"ts":2,"y":[{"ts":3},{"ts":4}]},"page":Home}"#;

/// Returns streams that are not one record per line.
pub(super) fn streams() -> Vec<Stream> {
    [separated_streams(), array_streams()].concat()
}

/// Returns streams of records without, or with unusual, separators.
fn separated_streams() -> Vec<Stream> {
    let pretty = "{\n    \"ts\": 1,\n    \"page\": \"Home\"\n  }";
    let pretty_here = "{\n  \"ts\": 1,\n  \"page\": \"Home\"\n}";
    vec![
        // No separator.
        (format!("{GOOD}{NO_NUMBER}{GOOD}{GOOD}"), 3, 1),
        (format!("{GOOD}{NO_QUOTE}{GOOD}{GOOD}"), 3, 1),
        (format!("{NO_QUOTE}{GOOD}{NO_QUOTE}{NO_NUMBER}{GOOD}"), 2, 3),
        (format!("{GOOD}{NESTED}{GOOD}{NESTED}"), 2, 2),
        (format!("{GOOD}{{\"ts\":1,\"pa{GOOD}{GOOD}"), 3, 1),
        (format!("{GOOD}oops{GOOD}{GOOD}"), 3, 1),
        (format!("oops{GOOD}{GOOD}"), 2, 1),
        (format!("{GOOD}}}{GOOD}{GOOD}"), 3, 1),
        (format!("{GOOD}]{GOOD}{GOOD}"), 3, 1),
        (format!("{GOOD}{GOOD}{{\"ts\":1,\"x\":{{\"y\":1}}"), 2, 1),
        (format!("{GOOD},{NO_NUMBER},{GOOD},\n{GOOD},"), 3, 1),
        (format!("{GOOD},null,{GOOD},{GOOD}"), 3, 1),
        (format!("{GOOD},{{\"ts\":1,\"page\":\"Home\",{GOOD},{GOOD}"), 3, 1),
        (format!("{GOOD}{{\"ts\":1,\"page\":\"Home\"{GOOD}{GOOD}"), 3, 1),
        // Pretty-printed.
        (format!("{pretty_here}{}{pretty_here}", pretty_here.replace("1,", "oops,")), 2, 1),
        (format!("{pretty_here}{}{pretty_here}{pretty_here}", &pretty_here[..14]), 3, 1),
        (format!("  {pretty}\n  {}\n  {pretty}\n", pretty.replace("1,", "oops,")), 2, 1),
        // A line that quotes a record is one reject.
        (format!("\"x\" {GOOD}\n{GOOD}"), 1, 1),
        // Carriage returns without line feeds.
        (format!("{GOOD}\r{NO_NUMBER}\r{NO_QUOTE}\r\r{GOOD}\r"), 2, 2),
        // Separators.
        (format!("\u{1e}{GOOD}\n\u{1e}{NO_QUOTE}\n\u{1e}{GOOD}\n"), 2, 1),
        (format!("{GOOD}\n\0\0\0\0{GOOD}\n\0\0"), 2, 0),
        (format!("{{\"ts\":1,\"pa\0\0\0{GOOD}\n{GOOD}"), 2, 1),
        (format!("{{\"ts\":1,\"pa\u{1e}{GOOD}"), 1, 1),
        (format!("{GOOD}\n{BOM}{GOOD}{BOM}\n{BOM}{BOM}{GOOD}"), 3, 0),
        (format!("{GOOD}\n{{\"ts\":1,\"pa{BOM}{GOOD}\n{GOOD}"), 3, 1),
        (format!("{{\"ts\":1,\"page\":\"Home{BOM} {GOOD}"), 1, 1),
    ]
}

/// Returns streams of arrays of records.
fn array_streams() -> Vec<Stream> {
    let pretty = "{\n    \"ts\": 1,\n    \"page\": \"Home\"\n  }";
    let pretty_bad = "{\n    \"ts\": 1,\n    \"page\": \"Home\n  }";
    vec![
        (format!("[{GOOD},{GOOD}]"), 2, 0),
        (format!("[{GOOD},{NO_NUMBER},{GOOD}]\n[{GOOD}]"), 3, 1),
        (format!("[{NO_QUOTE},{GOOD},{NO_QUOTE}]{GOOD}"), 2, 2),
        (format!("[{NO_QUOTE},{GOOD},{GOOD}][ ] [{GOOD}"), 3, 2),
        (format!("[oops,{GOOD},null,[{GOOD}],3,\"x, ]\",{GOOD},]"), 2, 5),
        (format!("[{GOOD},{NESTED},{GOOD}]"), 2, 1),
        (format!("[\n  {pretty},\n  {pretty_bad},\n  {pretty}\n]\n"), 2, 1),
        (format!("[\n{GOOD},\n{{\"ts\":1,\"x\":\n{GOOD},\n{GOOD}\n]"), 3, 1),
        (format!("[{GOOD}}},{GOOD}]"), 2, 1),
        (format!("[{GOOD},{{\"ts\":1,\"page\":\"Home\",{GOOD},{GOOD}]"), 3, 1),
        (format!("[{GOOD},{{\"ts\":1,\"page\":\"Ho,{GOOD},{GOOD}]"), 3, 1),
        (format!("[{GOOD},{GOOD}"), 2, 1),
        (format!("[{GOOD},{{\"ts\":1"), 1, 1),
        (format!("[{GOOD}\n[{GOOD},{GOOD}]"), 3, 1),
        ("[]\n[ \n ]".to_owned(), 0, 0),
        ("[".to_owned(), 0, 1),
    ]
}

/// With quadratic recovery these streams would take far too long.
#[test]
fn streams_of_broken_records_take_linear_time() {
    for piece in [
        r#"{"a":"b}"#,
        r#"{"a":"#,
        r#"[{"a":"b},"#,
        r#"{"a":1}x"#,
        r#"{"a":[{"#,
        "}",
        "]",
        "[{",
        r#"{"a":b"c}"#,
        r#"{"a":1}{"b"#,
        "{\0",
        "\u{1e}{\"ts\":",
        r#"[{"ts":1},{"ts":}"#,
    ] {
        let input = piece.repeat(MIB / 2 / piece.len());
        for chunk in [input.len(), 64 * 1024] {
            let decoded = events_in(input.as_bytes().chunks(chunk));
            assert!(!decoded.rejects.is_empty(), "{piece}");
        }
    }
}

#[test]
fn an_array_with_many_broken_elements_keeps_the_others() {
    let unclosed = r#"{"ts":1,"page":"Home""#;
    let elements: Vec<&str> =
        (0..20_000).map(|i| if i % 30 == 0 { unclosed } else { GOOD }).collect();
    let input = format!("[{}]", elements.join(","));
    for chunk in [input.len(), 64 * 1024] {
        let decoded = events_in(input.as_bytes().chunks(chunk));
        assert_eq!((decoded.rows.len(), decoded.rejects.len()), (19_333, 667));
    }
}

#[test]
fn rejects_of_several_records_contain_an_estimate() {
    let no_end = r#"{"ts":1,"page":"Home"#;
    let input = format!("{GOOD}\n{no_end}{{\"x\":1}}{{y}}{{\"z\":oops}}{{\"z\":oops}} \n{GOOD}");
    let decoded = events(&input);
    assert_eq!((decoded.rows.len(), decoded.rejects.len()), (2, 1), "{decoded:?}");
    let length = input.len() - 2 * GOOD.len() - 3;
    assert_eq!(decoded.rejects[0]["length"], length);
    let reason = decoded.rejects[0]["reason"].as_str().unwrap();
    let skipped = format!("; skipped {length} bytes, about 3 records");
    assert!(reason.ends_with(&skipped), "{reason}");
}

/// Returns the estimate in the reason of the only reject.
fn estimate(decoded: &Decoded) -> Option<u64> {
    assert_eq!(decoded.rejects.len(), 1, "{decoded:?}");
    let (_, skipped) = decoded.rejects[0]["reason"].as_str()?.split_once(", about ")?;
    skipped.strip_suffix(" records")?.parse().ok()
}

#[test]
fn records_on_a_broken_line_are_estimated() {
    let holds = |input: String| estimate(&events(input));
    assert_eq!(holds(format!("{{oops,{GOOD},{GOOD}\n")), Some(3));
    assert_eq!(holds(format!("{{\"ts\":1,\"page\":\"Home}},{GOOD},{GOOD}\n")), Some(3));
    let items = r#""x":[{"y":1},{"y":2},{"y":3}]"#;
    assert_eq!(holds(format!("{{\"ts\":oops,{items}}}\n")), None);
    assert_eq!(holds(format!("{{\"ts\":1,{items},\"page\":\"Ho\n")), None);
    assert_eq!(holds(format!("{{\"ts\":1,\"page\":{{}},{items}}}\n")), None);
}

#[test]
fn records_wrapped_in_an_object_are_estimated() {
    assert_eq!(estimate(&events(format!("{{\"Records\":[{GOOD},{GOOD}, {GOOD}]}}"))), Some(3));
    assert_eq!(estimate(&events(format!("{{\"Records\":[{GOOD}]}}"))), None);
    assert_eq!(estimate(&events("{}")), None);
}

#[test]
fn joined_arrays_are_records_where_paths_start_with_an_index() {
    let places =
        [("song_id", "$[0]"), ("title", "$[1]"), ("artist_id", "$[2]"), ("artist_name", "$[2]")];
    let decode = |input: &str| song_at(&places, input);
    let good = r#"["S","x","A"]"#;
    for between in ["", " ", ",", ", "] {
        let input = [good, r#"["S",oops,"A"]"#, good, good].join(between);
        let decoded = decode(&input);
        assert_eq!((decoded.rows.len(), decoded.rejects.len()), (3, 1), "{input}: {decoded:?}");
        assert_eq!(estimate(&decoded), None);
        let unclosed = decode(&[r#"["S","x,"A"]"#, good, good].join(between));
        assert_eq!(estimate(&unclosed), Some(3), "{unclosed:?}");
    }
    assert_eq!(estimate(&decode(&format!("[{good},{good}]"))), Some(2));
    assert_eq!(estimate(&decode(r#"["S"]"#)), None);
}
