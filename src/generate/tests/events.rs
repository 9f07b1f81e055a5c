//! Tests of the events: their keys, order, sessions, levels and songs.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde_json::{Map, Value};

use super::*;

#[test]
fn plays_have_keys_of_their_own() {
    let mut total = Generated::default();
    for (_, _, counts) in logs(&options()) {
        total += counts;
    }
    let plays =
        all_events(&options()).iter().filter(|event| event["page"] == "NextSong").count() as u64;
    assert_eq!(plays, total.plays);
    assert!((8_000..11_000).contains(&plays), "{plays} plays");
    let expected = part_of(options().duplicate_rate, plays);
    assert!(
        total.play_duplicates.abs_diff(expected) < expected / 4,
        "{} duplicates",
        total.play_duplicates
    );
}

#[test]
fn events_of_a_file_are_sorted_and_of_its_day_or_late() {
    let mut late = 0;
    for (day, (path, bytes, _)) in logs(&options()).iter().enumerate() {
        let start = plan::START_MS as i64 + day as i64 * plan::DAY_MS as i64;
        let times: Vec<i64> = events(bytes).iter().map(|event| field(event, "ts")).collect();
        assert!(times.is_sorted(), "{path}");
        assert!(times.iter().all(|ts| *ts < start + plan::DAY_MS as i64), "{path}");
        late += times.iter().filter(|ts| **ts < start).count();
    }
    assert!((40..160).contains(&late), "{late} late plays");
}

#[test]
fn sessions_belong_to_one_user_and_count_up_from_zero() {
    let mut sessions: BTreeMap<i64, Vec<(i64, Option<i64>)>> = BTreeMap::new();
    for event in all_events(&options()) {
        sessions
            .entry(field(&event, "sessionId"))
            .or_default()
            .push((field(&event, "itemInSession"), user(&event)));
    }
    for (session, events) in sessions {
        assert!(
            events.iter().map(|(item, _)| *item).eq(0..events.len() as i64),
            "session {session}: {events:?}"
        );
        let users: BTreeSet<i64> = events.iter().filter_map(|(_, user)| *user).collect();
        assert!(users.len() <= 1, "session {session}: {users:?}");
    }
}

#[test]
fn levels_change_only_by_submitting() {
    let mut levels: HashMap<i64, String> = HashMap::new();
    let mut submissions = 0;
    for event in all_events(&options()) {
        let Some(user) = user(&event) else {
            continue;
        };
        let level = event["level"].as_str().unwrap_or_default().to_owned();
        assert_eq!(levels.get(&user).unwrap_or(&level), &level, "{event:?}");
        let next = match event["page"].as_str() {
            Some("Submit Upgrade") => ("free", "paid"),
            Some("Submit Downgrade") => ("paid", "free"),
            _ => {
                levels.insert(user, level);
                continue;
            }
        };
        submissions += 1;
        assert_eq!(level, next.0, "{event:?}");
        levels.insert(user, next.1.to_owned());
    }
    assert!(submissions > 4, "{submissions} changes of level");
}

/// Key of a user's latest event, and the levels in its lines.
type Latest = ((i64, i64, i64), HashSet<String>);

#[test]
fn a_copy_never_leaves_the_level_of_a_user_open() {
    let mut latest: HashMap<i64, Latest> = HashMap::new();
    for event in logs(&options()).iter().flat_map(|(_, bytes, _)| events(bytes)) {
        let Some(user) = user(&event) else {
            continue;
        };
        let key = (field(&event, "ts"), field(&event, "sessionId"), field(&event, "itemInSession"));
        let entry = latest.entry(user).or_default();
        if key > entry.0 {
            *entry = (key, HashSet::new());
        }
        if key == entry.0 {
            entry.1.insert(event["level"].to_string());
        }
    }
    assert!(latest.values().all(|(_, levels)| levels.len() == 1));
}

#[test]
fn logged_out_events_have_no_user() {
    let events = all_events(&options());
    let outside: Vec<_> = events.iter().filter(|event| event["auth"] == "Logged Out").collect();
    assert!((150..900).contains(&outside.len()), "{} logged out", outside.len());
    for event in outside {
        assert_eq!(
            (&event["userId"], &event["firstName"], &event["location"]),
            (&"".into(), &Value::Null, &Value::Null)
        );
        assert_ne!(event["page"], "NextSong");
    }
}

#[test]
fn most_plays_are_of_the_catalogue() {
    let name = |song: &Map<String, Value>, artist: &str, title: &str| {
        (song[artist].clone(), song[title].clone())
    };
    let (catalogue, _) = songs(&GenerateOptions { duplicate_rate: 0.0, ..options() });
    let catalogue: HashSet<(Value, Value)> =
        catalogue.iter().map(|song| name(song, "artist_name", "title")).collect();
    let events = all_events(&GenerateOptions { duplicate_rate: 0.0, ..options() });
    let plays: Vec<_> = events.iter().filter(|event| event["page"] == "NextSong").collect();
    let matched =
        plays.iter().filter(|play| catalogue.contains(&name(play, "artist", "song"))).count();
    let percent = matched * 100 / plays.len();
    assert!((57..63).contains(&percent), "{percent}% matched");
}
