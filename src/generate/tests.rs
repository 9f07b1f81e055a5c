//! Tests the generator with a separate, slow implementation of the rules for valid records and with
//! separate counts.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use super::*;

mod events;

const TEXTS: &[&str] =
    &["artist", "auth", "firstName", "gender", "lastName", "level", "location", "method", "page"];
const MORE_TEXTS: &[&str] = &["song", "userAgent"];
const SONG_TEXTS: &[&str] = &["artist_id", "artist_location", "artist_name", "song_id", "title"];
const SONG_FLOATS: &[&str] = &["artist_latitude", "artist_longitude", "duration"];

fn options() -> GenerateOptions {
    let (bad_rate, duplicate_rate) = (0.02, 0.05);
    GenerateOptions {
        songs: 1_500,
        events: 12_000,
        users: 150,
        days: 12,
        seed: 5,
        bad_rate,
        duplicate_rate,
    }
}

fn read(mut file: LogFile) -> (String, Vec<u8>, Generated) {
    let mut bytes = Vec::new();
    while file.next_chunk(&mut bytes) {}
    (file.path(), bytes, file.counts())
}

fn logs(options: &GenerateOptions) -> Vec<(String, Vec<u8>, Generated)> {
    log_files(options).map(read).collect()
}

fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.strip_suffix(b"\n").unwrap_or(bytes).split(|byte| *byte == b'\n')
}

fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => number.as_i64().or_else(|| {
            let float = number.as_f64()?;
            (float.fract() == 0.0 && float.abs() < 9e18).then_some(float as i64)
        }),
        _ => None,
    }
}

fn float(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.parse().ok())
}

fn is_present(value: Option<&Value>) -> bool {
    value.is_some_and(|value| !value.is_null() && value != "")
}

fn fits(object: &Map<String, Value>, key: &str, good: impl Fn(&Value) -> bool) -> bool {
    !is_present(object.get(key)) || good(&object[key])
}

fn is_text(value: &Value) -> bool {
    value.is_number() || value.as_str().is_some_and(|text| !text.contains('\0'))
}

fn valid_event(line: &[u8]) -> Option<Map<String, Value>> {
    let Ok(Value::Object(object)) = serde_json::from_slice(line) else {
        return None;
    };
    let integers = ["itemInSession", "sessionId", "status", "ts", "userId"];
    let mut valid = TEXTS.iter().chain(MORE_TEXTS).all(|key| fits(&object, key, is_text));
    valid &= integers.iter().all(|key| fits(&object, key, |value| integer(value).is_some()));
    valid &= ["length", "registration"]
        .iter()
        .all(|key| fits(&object, key, |value| float(value).is_some()));
    valid &= ["ts", "page"].iter().all(|key| is_present(object.get(*key)));
    let play = object.get("page").is_some_and(|page| page == "NextSong");
    valid &= !play || ["userId", "sessionId"].iter().all(|key| is_present(object.get(*key)));
    valid.then_some(object)
}

fn valid_song(value: &Value) -> bool {
    let Value::Object(object) = value else {
        return false;
    };
    SONG_TEXTS.iter().all(|key| fits(object, key, is_text))
        && SONG_FLOATS.iter().all(|key| fits(object, key, |value| float(value).is_some()))
        && ["num_songs", "year"]
            .iter()
            .all(|key| fits(object, key, |value| integer(value).is_some()))
        && ["song_id", "title", "artist_id", "artist_name"]
            .iter()
            .all(|key| is_present(object.get(*key)))
}

fn events(bytes: &[u8]) -> Vec<Map<String, Value>> {
    lines(bytes).filter_map(valid_event).collect()
}

fn field(event: &Map<String, Value>, key: &str) -> i64 {
    integer(&event[key]).unwrap_or(-1)
}

fn user(event: &Map<String, Value>) -> Option<i64> {
    integer(&event["userId"])
}

fn all_events(options: &GenerateOptions) -> Vec<Map<String, Value>> {
    let mut all: Vec<_> = logs(options).iter().flat_map(|(_, bytes, _)| events(bytes)).collect();
    let key = |event: &Map<String, Value>| {
        (field(event, "ts"), field(event, "sessionId"), field(event, "itemInSession"))
    };
    all.sort_by_key(key);
    all.dedup_by_key(|event| key(event));
    all
}

fn songs(options: &GenerateOptions) -> (Vec<Map<String, Value>>, u64) {
    let (mut good, mut bad) = (Vec::new(), 0);
    for object in song_objects(options) {
        let bytes = object.bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&object.bytes);
        for value in serde_json::Deserializer::from_slice(bytes).into_iter::<Value>() {
            match value {
                Ok(Value::Object(song)) if valid_song(&Value::Object(song.clone())) => {
                    good.push(song)
                }
                _ => {
                    bad += 1;
                    break;
                }
            }
        }
    }
    (good, bad)
}

fn fingerprint(options: &GenerateOptions) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut feed = |bytes: &[u8]| {
        for byte in bytes {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    };
    for (path, bytes, _) in logs(options) {
        feed(path.as_bytes());
        feed(&bytes);
    }
    for object in song_objects(options) {
        feed(object.path.as_bytes());
        feed(&object.bytes);
    }
    hash
}

/// Published figures depend on these bytes: if this value changes, every generated data set
/// changes.
#[test]
fn bytes_are_the_same_everywhere() {
    assert_eq!(fingerprint(&options()), PINNED);
}

const PINNED: u64 = 0x6e3b_9fab_71cd_5e4f;

#[test]
fn another_seed_produces_other_bytes() {
    let other = GenerateOptions { seed: 6, ..options() };
    assert_ne!(logs(&options())[0].1, logs(&other)[0].1);
    assert_ne!(song_objects(&options()).next(), song_objects(&other).next());
}

#[test]
fn days_do_not_depend_on_the_order_in_which_they_are_written() {
    let forwards = logs(&options());
    let mut files: Vec<LogFile> = log_files(&options()).collect();
    while let Some(file) = files.pop() {
        assert_eq!(read(file), forwards[files.len()]);
    }
}

#[test]
fn counts_are_exact() {
    for (songs, events, users, days) in
        [(0, 0, 0, 0), (1, 1, 1, 1), (3, 7, 2, 30), (101, 5_003, 9, 3)]
    {
        let options = GenerateOptions { songs, events, users, days, ..options() };
        let mut total = Generated::default();
        for (path, bytes, counts) in logs(&options) {
            assert!(counts.events > 0, "{path} is empty");
            assert_eq!(lines(&bytes).count() as u64, counts.event_records(), "{path}");
            total += counts;
        }
        for object in song_objects(&options) {
            total += object.counts;
        }
        assert_eq!((total.songs, total.events), (songs, events));
        assert_eq!(total.bad_songs, part_of(options.bad_rate, songs));
        assert_eq!(total.song_duplicates, part_of(options.duplicate_rate, songs));
        assert_eq!(total.bad_events, part_of(options.bad_rate, events));
    }
}

#[test]
fn lines_are_valid_or_rejected_as_counted() {
    for (path, bytes, counts) in logs(&GenerateOptions { bad_rate: 0.3, ..options() }) {
        let good = events(&bytes).len() as u64;
        assert_eq!(good, counts.events + counts.play_duplicates, "{path}");
        assert!(lines(&bytes).all(|line| !line.trim_ascii().is_empty()), "{path} has a blank line");
    }
}

#[test]
fn songs_are_valid_or_rejected_as_counted() {
    let options = GenerateOptions { bad_rate: 0.5, ..options() };
    let (good, bad) = songs(&options);
    assert_eq!(good.len() as u64, options.songs + part_of(options.duplicate_rate, options.songs));
    assert_eq!(bad, part_of(options.bad_rate, options.songs));
    let ids: HashSet<&Value> = good.iter().map(|song| &song["song_id"]).collect();
    assert_eq!(ids.len() as u64, options.songs);
}

#[test]
fn without_rates_every_record_is_valid_and_written_once() {
    let options = GenerateOptions { bad_rate: 0.0, duplicate_rate: 0.0, ..options() };
    let total: usize = logs(&options).iter().map(|(_, bytes, _)| events(bytes).len()).sum();
    assert_eq!((total as u64, all_events(&options).len() as u64), (options.events, options.events));
}

#[test]
fn the_catalogue_is_untidy() {
    let (good, _) = songs(&options());
    let mut names: HashMap<&Value, HashSet<&Value>> = HashMap::new();
    let mut takes: HashMap<(&Value, &Value), HashSet<&Value>> = HashMap::new();
    for song in &good {
        names.entry(&song["artist_id"]).or_default().insert(&song["artist_name"]);
        takes.entry((&song["artist_name"], &song["title"])).or_default().insert(&song["song_id"]);
    }
    assert!(names.values().filter(|spellings| spellings.len() > 1).count() > 20);
    assert!(takes.values().filter(|ids| ids.len() > 1).count() > 20);
    let unknown = good.iter().filter(|song| song["year"] == 0).count();
    assert!((40..60).contains(&(unknown * 100 / good.len())));

    let files: Vec<GeneratedObject> = song_objects(&options()).collect();
    let having = |what: &[u8]| {
        files.iter().filter(|file| file.bytes.windows(what.len()).any(|part| part == what)).count()
    };
    assert!(
        having(b"\r\n") > 0
            && having(b"\xef\xbb\xbf") > 0
            && having(b"\\ud83") > 0
            && having(b"{\n    ") > 0
    );
    assert!(files.iter().any(|file| file.counts.songs == 2));
}

#[test]
fn paths_follow_the_layout_of_the_original_data() {
    let logs = logs(&options());
    assert_eq!(logs[0].0, "log_data/2018/11/2018-11-01-events.json");
    assert_eq!(logs[11].0, "log_data/2018/11/2018-11-12-events.json");
    let mut paths = HashSet::new();
    for object in song_objects(&options()) {
        let name =
            object.path.strip_prefix("song_data/").and_then(|path| path.strip_suffix(".json"));
        let (folders, track) = name.and_then(|name| name.rsplit_once('/')).unwrap_or_default();
        assert_eq!(folders.replace('/', ""), track[2..5], "{}", object.path);
        assert!(track.len() == 18 && track.starts_with("TR"), "{}", object.path);
        assert!(paths.insert(object.path));
    }
}

#[test]
fn a_big_day_comes_in_pieces() {
    let options = GenerateOptions { events: 6_000, days: 1, ..options() };
    let Some(mut file) = log_files(&options).next() else {
        unreachable!("a day with events has a file");
    };
    let mut pieces = Vec::new();
    let mut piece = Vec::new();
    while file.next_chunk(&mut piece) {
        pieces.push(std::mem::take(&mut piece));
    }
    assert!(pieces.len() > 1 && pieces.iter().all(|piece| piece.len() < (1 << 20) + 4096));
    assert_eq!(pieces.concat(), logs(&options)[0].1);
}
