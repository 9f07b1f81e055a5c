//! Layouts of input records, and lenient conversion of values.

use super::songplays::play_fingerprint;

use super::*;

#[test]
fn every_layout_of_records_in_an_object_is_read() {
    let one = |id: &str| song(json!({ "song_id": id }));
    let pretty = |id: &str| serde_json::to_string_pretty(&one(id)).unwrap();
    let star = Job::of(&one("a").to_string(), &visit(json!({})).to_string())
        .file("songs/pretty.json", format!("{}\n{}", pretty("b"), pretty("c")))
        .file("songs/deep/er/line.json", format!("{}{}", one("d"), one("e")))
        .file("songs/windows.json", format!("\u{feff}{}\r\n{}\r\n", one("f"), one("g")))
        .run();
    let ids: Vec<_> = ["a", "b", "c", "d", "e", "f", "g"].map(|id| json!([id])).into();
    assert_eq!(star.rows("SELECT song_id FROM songs ORDER BY 1"), ids);
    assert_eq!(star.report.dataset("songs").unwrap().rejected, 0);
}

#[test]
fn quoted_number_is_valid_in_a_number_column() {
    let star = Star::of(
        &[song(json!({"duration": "1.5", "year": "1999", "artist_latitude": "-2.25"}))],
        &[play(json!({"ts": "1541106106796", "userId": "8", "sessionId": "139"}))],
    );
    assert_eq!(star.rows("SELECT year, duration FROM songs"), [json!([1999, 1.5])]);
    assert_eq!(star.value("SELECT latitude FROM artists"), -2.25);
    assert_eq!(
        star.rows("SELECT start_time, user_id, session_id FROM songplays"),
        [json!(["2018-11-01T21:01:46.796", 8, 139])]
    );
}

#[test]
fn number_is_valid_in_a_text_column() {
    let song = r#"{"song_id":1,"title":1999,"artist_id":2.50,"artist_name":1e3}"#;
    let star = Job::of(song, &lines(&[play(json!({"song": "1999", "artist": "1e3"}))])).run();
    assert_eq!(star.stored("songs"), [json!(["1", "1999", "2.50", null, null])]);
    assert_eq!(star.stored("artists"), [json!(["2.50", "1e3", null, null, null])]);
    assert_eq!(star.value("SELECT song_id FROM songplays"), "1");
}

#[test]
fn whole_float_is_valid_in_an_integer_column() {
    let play = r#"{"page":"NextSong","ts":1541106106796.0,"userId":8.0,"sessionId":1.39e2}"#;
    let star = Job::of(
        r#"{"song_id":"S","title":"T","artist_id":"A","artist_name":"N","year":1999.0}"#,
        play,
    )
    .run();
    assert_eq!(star.value("SELECT year FROM songs"), 1999);
    assert_eq!(
        star.rows("SELECT start_time, user_id, session_id FROM songplays"),
        [json!(["2018-11-01T21:01:46.796", 8, 139])]
    );
}

#[test]
fn integers_keep_every_digit() {
    let play = play(json!({"userId": 9_007_199_254_740_993_i64, "sessionId": i64::MIN}));
    let star = Star::of(&[song(json!({}))], &[play]);
    assert_eq!(
        star.rows("SELECT user_id, session_id FROM songplays"),
        [json!([9_007_199_254_740_993_i64, i64::MIN])]
    );
}

#[test]
fn a_missing_key_is_null() {
    let star = Star::of(&[song(json!({}))], &[play(json!({}))]);
    assert_eq!(star.stored("songs"), [json!(["S", "T", "A", null, null])]);
    assert_eq!(star.stored("artists"), [json!(["A", "N", null, null, null])]);
    assert_eq!(star.stored("users"), [json!([8, null, null, null, null])]);
    assert_eq!(
        star.rows("SELECT level, song_id, artist_id, location, user_agent FROM songplays"),
        [json!([null, null, null, null, null])]
    );
}

#[test]
fn an_unknown_key_is_ignored_and_reported() {
    let star = Star::of(
        &[song(json!({"mood": {"song_id": "other"}})), song(json!({"mood": 1, "bpm": 90}))],
        &[visit(json!({}))],
    );
    assert_eq!(star.stored("songs"), [json!(["S", "T", "A", null, null])]);
    let record = star.record();
    assert_eq!(json!(record.datasets["songs"].unknown_keys), json!({"mood": 2, "bpm": 1}));
    assert_eq!(json!(record.datasets["logs"].unknown_keys), json!({}));
}

#[test]
fn keys_match_exactly() {
    let near = json!({"Year": 1, "year ": 2, "YEAR": 3, "duration\u{0}": 4});
    let star = Star::of(&[song(near)], &[visit(json!({}))]);
    assert_eq!(star.rows("SELECT year, duration FROM songs"), [json!([null, null])]);
    assert_eq!(star.report.dataset("songs").unwrap().notes.unknown_keys.len(), 4);
}

#[test]
fn escaped_key_matches() {
    let star = Job::of(
        r#"{"\u0073ong_id":"S","title":"T","artist_id":"A","artist_name":"N"}"#,
        &lines(&[visit(json!({}))]),
    );
    assert_eq!(star.run().value("SELECT song_id FROM songs"), "S");
}

#[test]
fn jsonpaths_replace_matching_by_key_only_for_their_dataset() {
    let paths = json!({"jsonpaths": [
        "$.n", "$['who']['id']", "$.who.at[0]", "$.who.at[1]", "$.artist_location",
        "$.who.name", "$['id']", "$.what", "$.long", "$.year",
    ]});
    let one = json!({"id": "S2", "what": "T2", "long": 2.5, "year": 2001, "title": "not this",
        "who": {"id": "A2", "name": "N2", "at": [1.5, "-2"]}});
    let job = Job::of(&lines(&[one]), &lines(&[play(json!({"level": "paid"}))]))
        .file("paths.json", paths.to_string());
    let file = job.path("paths.json");
    let star = job.set(|options| options.jsonpaths = [("songs".to_owned(), file)].into()).run();
    assert_eq!(star.stored("songs"), [json!(["S2", "T2", "A2", 2001, 2.5])]);
    assert_eq!(star.stored("artists"), [json!(["A2", "N2", null, 1.5, -2.0])]);
    assert_eq!(star.value("SELECT level FROM songplays"), "paid");
}

#[test]
fn jsonpaths_are_in_the_order_of_the_staging_columns() {
    // artist, auth, firstName, gender, itemInSession, lastName, length, level, location, method, page,
    // registration, sessionId, song, status, ts, userAgent, userId
    let event = concat!(
        r#"["N", "Logged In", "Ann", "F", 3, "Lee", 1.5, "free", "Here", "PUT", "NextSong", "#,
        r#"1.0, 139, "T", 200, 1000, "Browser", "8"]"#,
    );
    let paths: Vec<_> = (0..18).map(|i| format!("$[{i}]")).collect();
    let job = Job::of(&lines(&[song(json!({}))]), event)
        .file("paths.json", json!({ "jsonpaths": paths }).to_string());
    let file = job.path("paths.json");
    let star = job.set(|options| options.jsonpaths = [("logs".to_owned(), file)].into()).run();
    assert_eq!(star.stored("users"), [json!([8, "Ann", "Lee", "F", "free"])]);
    let id = play_fingerprint(1000, 8, 139, Some(3));
    assert_eq!(
        star.stored("songplays"),
        [json!([id, "1970-01-01T00:00:01", 8, "free", "S", "A", 139, "Here", "Browser"])]
    );
}

#[test]
fn empty_text_is_null_in_every_text_column() {
    let star = Star::of(
        &[song(json!({"artist_location": "", "duration": "", "year": ""}))],
        &[
            play(json!({"level": "", "location": "", "userAgent": "", "firstName": "",
                "lastName": "", "gender": "", "artist": "", "song": "", "length": ""})),
            visit(json!({"userId": "", "sessionId": "", "auth": "", "method": ""})),
        ],
    );
    assert_eq!(star.stored("songs"), [json!(["S", "T", "A", null, null])]);
    assert_eq!(star.stored("artists"), [json!(["A", "N", null, null, null])]);
    assert_eq!(star.stored("users"), [json!([8, null, null, null, null])]);
    assert_eq!(
        star.rows("SELECT level, location, user_agent FROM songplays"),
        [json!([null, null, null])]
    );
    assert_eq!(star.report.dataset("logs").unwrap().decoded, 2);
}

#[test]
fn text_is_kept_byte_for_byte() {
    let texts =
        [" a\t b  ", "ÀÉ", "E\u{301}", "É", "ﬁ\u{200b}", "a/b\"\\\n\u{1f}", "日本🎵", "NULL"];
    let songs: Vec<_> = texts.iter().map(|t| song(json!({"song_id": t, "title": t}))).collect();
    let star = Star::of(&songs, &[visit(json!({"firstName": " Ann ", "level": "Paid "}))]);
    let mut kept: Vec<_> = texts.iter().map(|t| json!([t, t, "A", null, null])).collect();
    kept.sort_by_key(|row| row[0].as_str().unwrap().to_owned());
    assert_eq!(star.stored("songs"), kept);
    assert_eq!(star.stored("users"), [json!([8, " Ann ", null, null, "Paid "])]);
}

#[test]
fn escapes_are_decoded() {
    let title = r#"{"song_id":"S","artist_id":"A","artist_name":"N",
        "title":"AC\/DC \u00e9\ud83c\udfb5\t\"\\"}"#;
    let star = Job::of(title, &lines(&[visit(json!({}))])).run();
    assert_eq!(star.value("SELECT title FROM songs"), "AC/DC é🎵\t\"\\");
}

#[test]
fn last_value_of_a_repeated_key_wins() {
    let title = r#"{"title":"first","song_id":"S",
        "artist_id":"A","artist_name":"N","title":"last"}"#;
    let star = Job::of(title, &lines(&[visit(json!({}))])).run();
    assert_eq!(star.value("SELECT title FROM songs"), "last");
}
