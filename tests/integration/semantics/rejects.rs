//! Rejected records, and the contents of a reject.

use super::*;

/// Returns the column and reason of the reject for each of these records, in order. Adds one valid
/// record of each dataset.
#[track_caller]
pub fn rejects_of(dataset: &str, records: &[String]) -> Vec<Value> {
    let [song, event] = [song(json!({})), visit(json!({}))].map(|record| record.to_string());
    let records = records.join("\n");
    let star = match dataset {
        "songs" => Job::of(&format!("{song}\n{records}"), &event).run(),
        _ => Job::of(&song, &format!("{event}\n{records}")).run(),
    };
    assert_eq!(
        (
            star.report.dataset("songs").unwrap().decoded,
            star.report.dataset("logs").unwrap().decoded
        ),
        (1, 1)
    );
    star.rows("SELECT \"column\", reason FROM rejects ORDER BY line")
}

#[track_caller]
fn reasons(dataset: &str, records: &[&str]) -> Vec<Value> {
    let records: Vec<_> = records.iter().map(|&record| record.to_owned()).collect();
    rejects_of(dataset, &records)
}

#[test]
fn invalid_json_is_rejected() {
    let records = ["song", r#"{"ts":1,"page":Home}"#, r#"{"ts":1,}"#];
    for dataset in ["songs", "logs"] {
        assert_eq!(
            reasons(dataset, &records),
            [
                json!([null, "not a JSON object"]),
                json!([null, "expected a value (byte 16 of the record)"]),
                json!([null, "expected a key (byte 9 of the record)"]),
            ]
        );
    }
}

#[test]
fn json_other_than_an_object_is_rejected() {
    let scalars = ["null", "1", "\"text\"", "true"];
    assert_eq!(reasons("songs", &scalars), vec![json!([null, "not a JSON object"]); 4]);
    let arrays = ["[1, 2, 3]", "[\"a\", [null]]"];
    let array = json!([null, "an array, not a JSON object"]);
    assert_eq!(reasons("songs", &arrays), [array.clone(), array]);
}

#[test]
fn truncated_record_is_rejected() {
    let whole = visit(json!({})).to_string();
    assert_eq!(
        reasons("logs", &[&whole[..whole.len() - 1]]),
        [json!([null, "truncated: the object ends within the record"])]
    );
}

#[test]
fn invalid_utf8_is_rejected() {
    let bad = b"{\"title\":\"\xff\"}\n";
    let star = Job::of("", &lines(&[visit(json!({}))]))
        .file("songs/songs.json", [bad, song(json!({})).to_string().as_bytes()].concat())
        .run();
    assert_eq!(
        star.rows("SELECT reason, raw FROM rejects"),
        [json!(["invalid UTF-8 (byte 11 of the record)", "{\"title\":\"\u{fffd}\"}"])]
    );
    assert_eq!(star.report.dataset("songs").unwrap().decoded, 1);
}

#[test]
fn value_of_the_wrong_type_is_rejected() {
    let cases = [
        ("ts", json!("yesterday")),
        ("ts", json!(1.5)),
        ("ts", json!(true)),
        ("userId", json!("8a")),
        ("userId", json!("8 9")),
        ("userId", json!(" ")),
        ("sessionId", json!("0x10")),
        ("sessionId", json!(1e30)),
        ("length", json!("NaN")),
        ("length", json!({})),
        ("level", json!(["free"])),
        ("location", json!(false)),
    ];
    let events = cases.clone().map(|(column, value)| visit(json!({ column: value })).to_string());
    let found = rejects_of("logs", &events);
    let columns: Vec<_> = found.iter().map(|reject| reject[0].as_str().unwrap()).collect();
    assert_eq!(columns, cases.map(|(column, _)| column));
    assert_eq!(found[0][1], "\"yesterday\" is not epoch milliseconds within the years 1 to 9999");
    assert_eq!(found[1][1], "1.5 is not a whole number");
    let songs = [json!({"year": 2_147_483_648_i64}), json!({"duration": "long"})];
    let found = rejects_of("songs", &songs.map(|more| song(more).to_string()));
    assert_eq!(
        found,
        [
            json!(["year", "2147483648 is out of range for a 32-bit integer"]),
            json!(["duration", "\"long\" is not a number"]),
        ]
    );
}

/// Returns copies of the record in which one of these columns is missing, null or empty, for each
/// column.
fn lacking(record: &Value, columns: &[&str]) -> Vec<String> {
    let lack = |column: &&str| {
        let mut without = record.clone();
        without.as_object_mut().unwrap().remove(*column);
        let [null, empty] = [json!(null), json!("")]
            .map(|nothing| with(record.clone(), json!({ *column: nothing })));
        [without, null, empty].map(|record| record.to_string())
    };
    columns.iter().flat_map(lack).collect()
}

#[test]
fn song_without_a_required_value_is_rejected() {
    let columns = ["song_id", "title", "artist_id", "artist_name"];
    let found = rejects_of("songs", &lacking(&song(json!({})), &columns));
    let wanted = columns.map(|column| vec![json!([column, "a required value is missing"]); 3]);
    assert_eq!(found, wanted.concat());
}

#[test]
fn event_without_a_required_value_is_rejected() {
    let columns = ["ts", "page"];
    let found = rejects_of("logs", &lacking(&visit(json!({})), &columns));
    let wanted = columns.map(|column| vec![json!([column, "a required value is missing"]); 3]);
    assert_eq!(found, wanted.concat());
}

#[test]
fn only_plays_require_a_user_and_a_session() {
    let columns = ["userId", "sessionId"];
    let found = rejects_of("logs", &lacking(&play(json!({})), &columns));
    let why = "missing; required if page is \"NextSong\"";
    assert_eq!(found, columns.map(|column| vec![json!([column, why]); 3]).concat());
    let visits = lacking(&visit(json!({})), &columns).join("\n");
    let star = Job::of(&lines(&[song(json!({}))]), &visits).run();
    assert_eq!(
        (
            star.report.dataset("logs").unwrap().decoded,
            star.report.dataset("logs").unwrap().rejected
        ),
        (6, 0)
    );
}

#[test]
fn text_with_u0000_is_rejected() {
    let why = "text contains U+0000, which no warehouse can store";
    let songs = ["a\u{0}b", "\u{0}"].map(|text| song(json!({ "title": text })).to_string());
    assert_eq!(rejects_of("songs", &songs), vec![json!(["title", why]); 2]);
    let event = visit(json!({"level": "free\u{0}"})).to_string();
    assert_eq!(rejects_of("logs", &[event]), [json!(["level", why])]);
    let star = Star::of(&[song(json!({"mood": "\u{0}"}))], &[visit(json!({}))]);
    assert_eq!(
        (
            star.report.dataset("songs").unwrap().decoded,
            star.report.dataset("songs").unwrap().rejected
        ),
        (1, 0)
    );
}

#[test]
fn reject_records_its_position_reason_and_text() {
    let bad = r#"{"ts":"yesterday","page":"é"}"#;
    let logs = format!("\u{feff}{}\r\n{bad}\r\n{{\"ts\":1,\n", visit(json!({})));
    let offset = logs.find(bad).unwrap();
    let job = Job::of(&lines(&[song(json!({}))]), &logs);
    let object = job.path("logs/logs.json");
    let why = "\"yesterday\" is not epoch milliseconds within the years 1 to 9999";
    let truncated = "truncated: the object ends within the record";
    assert_eq!(
        job.run().rows("SELECT * FROM rejects ORDER BY \"offset\""),
        [
            json!([object, offset, 2, bad.len(), "ts", why, bad, "logs"]),
            json!([object, offset + bad.len() + 2, 3, 8, null, truncated, "{\"ts\":1,", "logs"]),
        ]
    );
}

#[test]
fn reject_keeps_the_first_64_kib_of_its_text() {
    let long = format!("x{}", "é".repeat(50_000));
    let songs = format!("{long}\n{}", song(json!({})));
    let raw = Job::of(&songs, &lines(&[visit(json!({}))])).run().value("SELECT raw FROM rejects");
    assert_eq!(raw.as_str().unwrap().len(), 65_535, "as many whole characters as fit");
    assert!(long.starts_with(raw.as_str().unwrap()));
}

#[test]
fn bad_line_rejects_one_record() {
    let good = |ts: i64| visit(json!({ "ts": ts })).to_string();
    let logs = [&good(1), "oops", &good(2), "{\"ts\":3,", &good(4), "{\"ts\":", &good(5)];
    let star = Job::of(&lines(&[song(json!({}))]), &logs.join("\n")).run();
    assert_eq!(
        (
            star.report.dataset("logs").unwrap().decoded,
            star.report.dataset("logs").unwrap().rejected
        ),
        (4, 3)
    );
    let line = "SELECT line FROM rejects ORDER BY 1";
    assert_eq!(star.rows(line), [json!([2]), json!([4]), json!([6])]);
}
