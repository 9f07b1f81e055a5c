//! One row per play: its values, the duplicate that is kept, and its ID.

use arrow::array::Int64Array;
use arrow::compute::concat_batches;
use datafusion::datasource::MemTable;
use starlift::decode::{Decoder, FieldPaths, ObjectState, StagedColumns, staging_schema};
use starlift::engine::{Engine, EngineOptions};
use starlift::model::Model;
use starlift::star::Queries;
use starlift::transform::{Rules, build_intermediates, count, run_table_query};

use super::*;

#[test]
fn only_next_song_events_become_rows() {
    let pages = ["NextSong", "Home", "nextsong", "NextSong ", "Logout"];
    let events: Vec<_> =
        pages.iter().enumerate().map(|(i, page)| play(json!({"page": page, "ts": i}))).collect();
    let star = Star::of(&[song(json!({}))], &events);
    assert_eq!(star.rows("SELECT start_time FROM songplays"), [json!(["1970-01-01T00:00:00"])]);
    assert_eq!(star.plays().read, 1);
}

#[test]
fn row_has_the_values_of_its_event() {
    let event = play(json!({"ts": 1_541_106_106_796_i64, "itemInSession": 1, "level": "paid",
        "location": "Here, XY", "userAgent": "\"Mozilla\"", "firstName": "Ann"}));
    let star = Star::of(&[song(json!({}))], &[event]);
    let id = play_fingerprint(1_541_106_106_796, 8, 139, Some(1));
    assert_eq!(
        star.stored("songplays"),
        [json!([
            id,
            "2018-11-01T21:01:46.796",
            8,
            "paid",
            null,
            null,
            139,
            "Here, XY",
            "\"Mozilla\""
        ])]
    );
}

/// The columns that break ties, each with a smaller and a greater value.
const TIE: [(&str, &str, &str); 6] = [
    ("song", "a", "b"),
    ("artist", "a", "b"),
    ("length", "1.5", "12.5"),
    ("level", "a", "b"),
    ("location", "a", "b"),
    ("userAgent", "a", "b"),
];

/// Returns a duplicate with the smaller values before the tie column `at`, and with `values` from
/// there on.
fn copy(ts: usize, at: usize, values: impl Fn(usize) -> Value) -> Value {
    let column = |(i, (name, small, _)): (usize, &(&str, &str, &str))| {
        ((*name).to_owned(), if i < at { json!(small) } else { values(i) })
    };
    with(play(json!({ "ts": ts })), Value::Object(TIE.iter().enumerate().map(column).collect()))
}

/// Returns the tie columns of the duplicates that are kept, given one pair per tie column. The
/// matching song identifies the title, artist and length.
fn survivors(smaller_first: bool, pair: impl Fn(usize) -> [Value; 2]) -> Vec<Value> {
    let mut songs = Vec::new();
    for (title, artist, length) in [("a", "a"), ("a", "b"), ("b", "a"), ("b", "b")]
        .into_iter()
        .flat_map(|(title, artist)| ["1.5", "12.5"].map(|length| (title, artist, length)))
    {
        songs.push(song(json!({"song_id": format!("{title} {artist} {length}"), "title": title,
            "artist_name": artist, "duration": length})));
    }
    let pairs: Vec<_> = (0..TIE.len()).map(pair).collect();
    let of = |second: bool| -> String {
        lines(&pairs.iter().map(|pair| pair[usize::from(second)].clone()).collect::<Vec<_>>())
    };
    let star = Job::of(&lines(&songs), &of(!smaller_first))
        .file("logs/more.json", of(smaller_first))
        .run();
    assert_eq!(star.plays().duplicates, TIE.len() as u64);
    star.rows("SELECT song_id, level, location, user_agent FROM songplays ORDER BY start_time")
}

#[test]
fn smallest_duplicate_is_kept_compared_column_by_column() {
    let pair = |at: usize| {
        let smaller = copy(at, at, |i| json!(if i == at { TIE[i].1 } else { TIE[i].2 }));
        let greater = copy(at, at, |i| json!(if i == at { TIE[i].2 } else { TIE[i].1 }));
        [smaller, greater]
    };
    let wanted = [
        json!(["a b 12.5", "b", "b", "b"]),
        json!(["a a 12.5", "b", "b", "b"]),
        json!(["a a 1.5", "b", "b", "b"]),
        json!(["a a 1.5", "a", "b", "b"]),
        json!(["a a 1.5", "a", "a", "b"]),
        json!(["a a 1.5", "a", "a", "a"]),
    ];
    assert_eq!(survivors(true, pair), wanted);
    assert_eq!(survivors(false, pair), wanted);
}

#[test]
fn duplicate_with_a_null_loses_to_one_with_a_value() {
    let pair = |at: usize| {
        let known = copy(at, at, |i| json!(TIE[i].2));
        let unknown = copy(at, at, |i| if i == at { json!(null) } else { json!(TIE[i].1) });
        [known, unknown]
    };
    let wanted = [
        json!(["b b 12.5", "b", "b", "b"]),
        json!(["a b 12.5", "b", "b", "b"]),
        json!(["a a 12.5", "b", "b", "b"]),
        json!(["a a 1.5", "b", "b", "b"]),
        json!(["a a 1.5", "a", "b", "b"]),
        json!(["a a 1.5", "a", "a", "b"]),
    ];
    assert_eq!(survivors(true, pair), wanted);
    assert_eq!(survivors(false, pair), wanted);
}

#[test]
fn a_play_in_two_files_is_one_row() {
    let one = lines(&[play(json!({"level": "free"}))]);
    let star = Job::of(&lines(&[song(json!({}))]), &one).file("logs/again.json", &one).run();
    assert_eq!(star.value("SELECT COUNT(*) FROM songplays"), 1);
    let plays = star.plays();
    assert_eq!((plays.read, plays.duplicates, plays.unmatched), (2, 1, 1));
}

#[test]
fn plays_with_different_keys_are_different_rows() {
    let star = Star::of(
        &[song(json!({}))],
        &[
            play(json!({"itemInSession": 1})),
            play(json!({"itemInSession": 2})),
            play(json!({"itemInSession": null})),
            play(json!({"itemInSession": 1, "ts": 1001})),
            play(json!({"itemInSession": 1, "userId": 9})),
            play(json!({"itemInSession": 1, "sessionId": 140})),
        ],
    );
    assert_eq!(star.value("SELECT COUNT(DISTINCT songplay_id) FROM songplays"), 6);
}

#[test]
fn missing_item_in_session_values_are_equal() {
    let star = Star::of(&[song(json!({}))], &[play(json!({})), play(json!({"itemInSession": ""}))]);
    assert_eq!(star.value("SELECT COUNT(*) FROM songplays"), 1);
}

#[test]
fn id_does_not_depend_on_other_plays_in_the_run() {
    let one = play(json!({"itemInSession": 7}));
    let alone = Star::of(&[song(json!({}))], std::slice::from_ref(&one));
    let id = alone.value("SELECT songplay_id FROM songplays");
    let many: Vec<_> = (0..500).map(|i| play(json!({"itemInSession": i}))).collect();
    let among = Star::of(&[song(json!({"title": "x"}))], &[&many[..], &[one]].concat());
    let ids = among.rows("SELECT songplay_id FROM songplays WHERE songplay_id >= 0");
    assert_eq!(ids.len(), 500);
    assert!(ids.contains(&json!([id])));
    assert_eq!(id, play_fingerprint(1000, 8, 139, Some(7)));
}

/// Returns the staging batch of these events, with their fingerprints replaced.
fn staged(events: &[Value], fingerprints: Vec<Option<i64>>) -> RecordBatch {
    let model = Model::built_in();
    let logs = model.dataset("logs").unwrap();
    let mut decoder = Decoder::new(StagedColumns::all(logs), FieldPaths::of(logs));
    let mut object = ObjectState::new("events.json".into());
    decoder.feed(&mut object, lines(events).as_bytes()).unwrap();
    decoder.finish(object).unwrap();
    decoder.flush().unwrap();
    let batches = decoder.take_rows();
    let batch = concat_batches(&batches[0].schema(), &batches).unwrap();
    let mut columns = batch.columns().to_vec();
    *columns.last_mut().unwrap() = Arc::new(Int64Array::from(fingerprints));
    RecordBatch::try_new(batch.schema(), columns).unwrap()
}

/// Returns the fingerprint of a play: XXH3-64 of the documented bytes, shifted right by one bit.
pub fn play_fingerprint(ts: i64, user: i64, session: i64, item: Option<i64>) -> i64 {
    let mut key = [ts, user, session].map(i64::to_le_bytes).concat();
    key.push(u8::from(item.is_some()));
    key.extend(item.unwrap_or(0).to_le_bytes());
    (xxhash_rust::xxh3::xxh3_64(&key) >> 1) as i64
}

#[test]
fn plays_with_the_same_fingerprint_get_consecutive_ids_in_key_order() {
    let first = play(json!({"ts": 1, "itemInSession": 3, "level": "1"}));
    let second = play(json!({"ts": 1, "level": "2"}));
    let third = play(json!({"ts": 1, "userId": 9, "level": "3"}));
    let fourth = play(json!({"ts": 2, "userId": 1, "level": "4"}));
    let other = play(json!({"ts": 0, "level": "other"}));
    let copy = with(first.clone(), json!({"level": "0"}));
    let events = [fourth, second, copy, other, third, first, visit(json!({}))];
    let shared = Some(100);
    let batch = staged(&events, vec![shared, shared, shared, Some(50), shared, shared, None]);
    let (found, counts) = tokio::runtime::Runtime::new().unwrap().block_on(async {
        let session = SessionContext::new();
        let table = |schema, batches| Arc::new(MemTable::try_new(schema, batches).unwrap());
        let halves = vec![vec![batch.slice(0, 3)], vec![batch.slice(3, 4)]];
        session.register_table("staging_events", table(batch.schema(), halves)).unwrap();
        let model = Model::built_in();
        let songs = table(staging_schema(model.dataset("songs").unwrap()), vec![vec![]]);
        session.register_table("staging_songs", songs).unwrap();
        let model = Model::built_in();
        let songplays = model.table("songplays").unwrap();
        let (queries, rules) = (Queries::built_in(), Rules::default());
        let space = Engine::new(EngineOptions::default()).unwrap().staging_space();
        build_intermediates(&session, &queries, rules, &space).await.unwrap();
        let found = run_table_query(&session, &queries, songplays, rules, &space).await.unwrap();
        let mut stream = found.sort(&session).await.unwrap();
        let mut batches = Vec::new();
        while let Some(batch) = stream.next().await.unwrap() {
            batches.push(batch.project(&[0, 3]).unwrap());
        }
        (rows(&batches), count(&session, &queries, "copies", rules).await.unwrap().counts)
    });
    let mut found: Vec<_> = found.into_iter().map(|row| row.to_string()).collect();
    found.sort();
    let wanted =
        [r#"[100,"0"]"#, r#"[101,"2"]"#, r#"[102,"3"]"#, r#"[103,"4"]"#, r#"[50,"other"]"#];
    assert_eq!(found, wanted);
    let expected = [("plays_read", 6), ("duplicates", 1), ("shared_fingerprints", 3)];
    assert_eq!(counts, expected.map(|(name, count)| (name.to_owned(), count)));
}
