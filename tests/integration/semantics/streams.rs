//! Records that are not one per line, and the effect of a broken record among them.

use starlift::error::Error;
use starlift::limits::MaxRejects;

use super::*;

fn plays_of(texts: &[String]) -> Vec<String> {
    (0..5).map(|i| play(json!({"ts": 1000 + i})).to_string()).chain(texts.to_vec()).collect()
}

/// Returns the number of decoded and rejected records of a log file.
#[track_caller]
fn counts(logs: &str) -> (u64, u64) {
    let star = Job::of(&lines(&[song(json!({}))]), logs).run();
    (star.report.dataset("logs").unwrap().decoded, star.report.dataset("logs").unwrap().rejected)
}

#[test]
fn broken_record_is_one_reject_with_any_separator() {
    let plays = plays_of(&[]);
    let broken = r#"{"page":"NextSong","ts":oops}"#.to_owned();
    let unquoted = r#"{"page":"NextSong,"ts":1}"#.to_owned();
    for bad in [broken, unquoted] {
        let mut records = plays.clone();
        records.insert(2, bad.clone());
        for between in
            ["\n", "\r\n", "\r", "", " ", "\n\n", "\n\u{1e}", "\n\0\0\0", "\n\u{feff}", ",\n"]
        {
            assert_eq!(counts(&records.join(between)), (5, 1), "{bad} between {between:?}");
        }
        for (open, between, close) in
            [("[", ",", "]"), ("[\n", ",\n", "\n]"), ("[\n  ", ",\n  ", "\n]\n")]
        {
            let array = format!("{open}{}{close}", records.join(between));
            assert_eq!(counts(&array), (5, 1), "{bad} in {open:?}");
        }
    }
}

#[test]
fn thousand_plays_in_one_line_lose_only_the_broken_one() {
    let mut records: Vec<_> = (0..1000).map(|i| play(json!({"ts": i})).to_string()).collect();
    records[500] = r#"{"page":"NextSong","ts":1,}"#.to_owned();
    let job = Job::of(&lines(&[song(json!({}))]), &records.concat())
        .set(|options| options.max_rejects = MaxRejects::Percent(0.1));
    let star = job.run();
    assert_eq!(
        (
            star.report.dataset("logs").unwrap().decoded,
            star.report.dataset("logs").unwrap().rejected
        ),
        (999, 1)
    );
    let reject = star.rows("SELECT line, length, raw FROM rejects");
    assert_eq!(reject, [json!([1, 27, r#"{"page":"NextSong","ts":1,}"#])]);
}

#[test]
fn rejected_array_elements_have_their_own_positions() {
    let logs = format!("[\n{},\nnull,\n{}\n]", play(json!({})), r#"{"page":7}"#);
    let star = Job::of(&lines(&[song(json!({}))]), &logs).run();
    let at = logs.find("null").unwrap();
    assert_eq!(
        star.rows("SELECT \"offset\", line, length, reason FROM rejects ORDER BY 1"),
        [
            json!([at, 3, 4, "not a JSON object"]),
            json!([(at + 6), 4, 10, "a required value is missing"]),
        ]
    );
}

#[test]
fn unterminated_array_is_reported() {
    let logs = format!("[{},{}", play(json!({})), play(json!({"ts": 2})));
    assert_eq!(counts(&logs), (2, 1));
    let reasons =
        Job::of(&lines(&[song(json!({}))]), &logs).run().rows("SELECT reason FROM rejects");
    assert!(reasons[0][0].as_str().unwrap().starts_with("truncated: "), "{reasons:?}");
}

/// Returns broken records without line breaks that no valid record follows.
fn inseparable() -> String {
    let play = play(json!({})).to_string();
    format!("{play}{{\"page\":\"NextSong{{\"x\":\"}}{{\"y\":oops}}{{\"z\":oops}}")
}

#[test]
fn estimated_number_of_rejects_is_only_limited_by_size() {
    let job = || Job::of(&lines(&[song(json!({}))]), &inseparable());
    let limits = [
        (MaxRejects::Count(1_000_000), false),
        (MaxRejects::Percent(99.0), false),
        (MaxRejects::Bytes(10), false),
        (MaxRejects::Bytes(1000), true),
        (MaxRejects::Percent(100.0), true),
    ];
    for (limit, passes) in limits {
        let outcome = job().set(|options| options.max_rejects = limit).outcome();
        assert_eq!(outcome.is_ok(), passes, "{limit}");
        if let Err(failure) = outcome {
            let is_limit = matches!(failure.error, Error::TooManyRejects { .. });
            assert!(is_limit, "{limit}: {}", failure.error);
            assert_eq!(
                failure.report.unwrap().dataset("logs").unwrap().uncertain_records,
                3,
                "{limit}"
            );
        }
    }
    let reason = job().run().value("SELECT reason FROM rejects");
    assert!(reason.as_str().unwrap().contains("about 3 records"), "{reason}");
}

#[test]
fn quoted_numbers_can_have_surrounding_blanks() {
    let event =
        play(json!({"userId": " 8 ", "sessionId": "\t7", "ts": " 1000 ", "length": " 2.5 "}));
    let star = Star::of(&[song(json!({}))], &[event]);
    let row = star.rows("SELECT user_id, session_id FROM songplays");
    assert_eq!(row, [json!([8, 7])]);
}

#[test]
fn lone_surrogate_is_rejected_only_in_a_column() {
    let event =
        r#"{"page":"NextSong","ts":1,"userId":"8","sessionId":1,"x\ud800":1,"mood":["\udc00"]}"#;
    let bad = r#"{"page":"NextSong","ts":2,"userId":"8","sessionId":1,"level":"\ud800free"}"#;
    let star = Job::of(&lines(&[song(json!({}))]), &format!("{event}\n{bad}")).run();
    assert_eq!(
        (
            star.report.dataset("logs").unwrap().decoded,
            star.report.dataset("logs").unwrap().rejected
        ),
        (1, 1)
    );
    assert_eq!(star.value("SELECT \"column\" FROM rejects"), "level");
}

#[test]
fn times_in_another_unit_are_detected() {
    let times = |all: &[i64]| {
        let events: Vec<_> = all.iter().map(|ts| visit(json!({"ts": ts}))).collect();
        Star::of(&[song(json!({}))], &events).report.dataset("logs").unwrap().notes.times
    };
    let seconds = times(&[1_541_106_106, 1_541_106_107, 1_541_106_106_796]);
    assert!(seconds.are_suspicious());
    let example = seconds.example.map(|time| time.value);
    assert_eq!((seconds.all, seconds.implausible, example), (3, 2, Some(1_541_106_106)));
    let micros = times(&[1_541_106_106_796_000]);
    assert!(micros.are_suspicious(), "out of range, and still counted");
    assert!(!times(&[1_541_106_106_796, 5]).are_suspicious(), "half of them");
    assert!(!times(&[946_684_800_000, 4_102_444_799_999]).are_suspicious(), "2000 to 2099");
}

#[test]
fn text_length_is_limited_and_unknown_keys_are_truncated() {
    let limit = 128 * 1024;
    let titles = [limit, limit + 1].map(|length| song(json!({"title": "x".repeat(length)})));
    let long_key = "k".repeat(100_000);
    let star = Star::of(&titles, &[visit(json!({ long_key.clone(): 1 }))]);
    assert_eq!(
        (
            star.report.dataset("songs").unwrap().decoded,
            star.report.dataset("songs").unwrap().rejected
        ),
        (1, 1)
    );
    let reason = star.value("SELECT reason FROM rejects");
    assert_eq!(reason, format!("text of {} bytes; the limit is {limit} bytes", limit + 1));
    let key = star.report.dataset("logs").unwrap().notes.unknown_keys.keys().next().unwrap();
    assert_eq!(*key, format!("{}…", &long_key[..128]));
}

#[test]
fn thousands_of_long_titles_fit_into_little_memory() {
    let songs: Vec<_> = (0..2000)
        .map(|i| song(json!({"song_id": format!("S{i:04}"), "title": "x".repeat(128 * 1024)})))
        .collect();
    let star = Job::of(&lines(&songs), &lines(&[visit(json!({}))]))
        .set(|options| options.engine.memory_limit = Some(256 * 1024 * 1024))
        .run();
    assert_eq!(star.value("SELECT COUNT(*) FROM songs"), 2000);
}

#[test]
fn negative_zero_is_zero() {
    let songs = [
        song(json!({"duration": 0.0, "artist_latitude": 0.0})),
        song(json!({"duration": -0.0, "artist_latitude": -0.0})),
    ];
    let star = Star::of(&songs, &[visit(json!({}))]);
    let signs =
        star.rows("SELECT 1 / duration FROM songs UNION ALL SELECT 1 / latitude FROM artists");
    assert_eq!(signs.len(), 2);
    let zero = star.rows("SELECT COUNT(DISTINCT CAST(duration AS VARCHAR)) FROM songs");
    assert_eq!(zero, [json!([1])]);
    assert_eq!(star.value("SELECT CAST(duration AS VARCHAR) FROM songs"), "0.0");
}
