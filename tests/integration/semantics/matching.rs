//! Matching of plays with songs.

use starlift::transform::{MatchRule, Unmatched};

use super::*;

const HEARD: &str = "SELECT song_id, artist_id FROM songplays";

fn heard(length: Value) -> Value {
    play(json!({"artist": "N", "song": "T", "length": length}))
}

fn lasting(song_id: &str, duration: Value) -> Value {
    song(json!({"song_id": song_id, "artist_id": format!("A-{song_id}"), "duration": duration}))
}

#[test]
fn artist_and_title_must_match_byte_for_byte() {
    let near = [
        ("N", "t"),
        ("n", "T"),
        ("N ", "T"),
        ("N", " T"),
        ("Ń", "T"),
        ("N", "T\u{301}"),
        ("T", "N"),
    ];
    let mut events = vec![play(json!({"artist": "N", "song": "T", "level": "hit"}))];
    events.extend(near.iter().enumerate().map(|(i, (artist, title))| {
        play(json!({"ts": 2000 + i, "artist": artist, "song": title}))
    }));
    let star = Star::of(&[song(json!({}))], &events);
    assert_eq!(star.value("SELECT level FROM songplays WHERE song_id IS NOT NULL"), "hit");
    let plays = star.plays();
    assert_eq!((plays.matched, plays.unmatched), (1, near.len() as u64));
}

#[test]
fn match_sets_song_and_artist_for_any_length() {
    let star = Star::of(&[lasting("S1", json!(200.5))], &[heard(json!(1.0))]);
    assert_eq!(star.rows(HEARD), [json!(["S1", "A-S1"])]);
}

#[test]
fn the_nearest_duration_wins() {
    let songs = [
        lasting("S1", json!(100.0)),
        lasting("S2", json!(205.0)),
        lasting("S3", json!(196.0)),
        lasting("S4", json!(null)),
    ];
    let star = Star::of(&songs, &[heard(json!(200.0))]);
    assert_eq!(star.rows(HEARD), [json!(["S3", "A-S3"])]);
}

#[test]
fn smallest_song_id_wins_among_equally_near_durations() {
    let songs =
        [lasting("S3", json!(201.0)), lasting("S2", json!(199.0)), lasting("S1", json!(300.0))];
    let star = Star::of(&songs, &[heard(json!(200.0))]);
    assert_eq!(star.rows(HEARD), [json!(["S2", "A-S2"])]);
}

#[test]
fn an_unknown_duration_loses_to_a_known_one() {
    let songs = [lasting("S1", json!(null)), lasting("S2", json!(9999.0))];
    let star = Star::of(&songs, &[heard(json!(1.0))]);
    assert_eq!(star.rows(HEARD), [json!(["S2", "A-S2"])]);
}

#[test]
fn without_a_length_the_smallest_song_id_wins() {
    let songs = [lasting("S2", json!(1.0)), lasting("S1", json!(2.0)), lasting("S0", json!(null))];
    let star = Star::of(&songs, &[heard(json!(null))]);
    assert_eq!(star.rows(HEARD), [json!(["S0", "A-S0"])]);
}

#[test]
fn each_length_of_a_title_matches_its_nearest_song() {
    let songs = [lasting("S1", json!(0.0)), lasting("S2", json!(5.0)), lasting("S3", json!(null))];
    // Zeros of either sign are equal, an unknown length is a separate case, and each length occurs
    // twice.
    let lengths = [json!(0.0), json!(-0.0), json!(0), json!(4.9), json!(5.0), json!(null)];
    let twice = lengths.iter().cycle().take(2 * lengths.len());
    let events: Vec<_> =
        twice.enumerate().map(|(i, l)| with(heard(l.clone()), json!({ "ts": i }))).collect();
    let once = ["S1", "S1", "S1", "S2", "S2", "S1"].map(|id| json!([id]));
    let star = Star::of(&songs, &events);
    let found = star.rows("SELECT song_id FROM songplays ORDER BY start_time");
    assert_eq!(found, [once.clone(), once].concat());
}

#[test]
fn a_play_never_becomes_two_rows() {
    let mut songs = Vec::new();
    for i in 0..20 {
        songs.push(lasting(&format!("S{}", i % 5), json!(i % 3)));
    }
    let events: Vec<_> = (0..50).map(|i| with(heard(json!(1)), json!({ "ts": i }))).collect();
    let star = Star::of(&songs, &events);
    assert_eq!(star.value("SELECT COUNT(*) FROM songplays"), 50);
    assert_eq!(star.rows("SELECT DISTINCT song_id FROM songplays"), [json!(["S0"])]);
}

#[test]
fn duplicate_song_records_match_once() {
    let songs = [lasting("S1", json!(5.0)), lasting("S1", json!(5.0)), lasting("S1", json!(7.0))];
    let star = Star::of(&songs, &[heard(json!(6.0))]);
    assert_eq!(star.rows(HEARD), [json!(["S1", "A-S1"])]);
}

#[test]
fn play_without_a_match_is_kept_with_nulls() {
    let events = [
        play(json!({"ts": 1, "artist": "N"})),
        play(json!({"ts": 2, "song": "T"})),
        play(json!({"ts": 3})),
        play(json!({"ts": 4, "artist": "N", "song": "other"})),
    ];
    let star = Star::of(&[song(json!({})), song(json!({"song_id": "S2"}))], &events);
    assert_eq!(star.rows(HEARD), vec![json!([null, null]); 4]);
    assert_eq!(star.value("SELECT COUNT(*) FROM time"), 4);
}

#[test]
fn unmatched_drop_removes_plays_without_a_match() {
    let events = [
        play(json!({"ts": 1, "artist": "N", "song": "T"})),
        play(json!({"ts": 2, "artist": "N", "song": "other", "userId": 9})),
    ];
    let star = Job::of(&lines(&[song(json!({}))]), &lines(&events))
        .set(|options| options.rules.unmatched = Unmatched::Drop)
        .run();
    assert_eq!(star.rows("SELECT song_id, user_id FROM songplays"), [json!(["S", 8])]);
    assert_eq!(star.value("SELECT COUNT(*) FROM time"), 1);
    assert_eq!(star.value("SELECT COUNT(*) FROM users"), 2);
    assert_eq!(star.plays().unmatched, 1);
}

#[test]
fn matching_by_duration_requires_equal_durations() {
    let songs = [
        lasting("S1", json!(200.5)),
        lasting("S2", json!(200.0)),
        lasting("S3", json!(null)),
        song(json!({"song_id": "S4", "title": "alone", "duration": 7.5})),
    ];
    let alone = |ts: i64, length: Value| {
        play(json!({"ts": ts, "artist": "N", "song": "alone", "length": length}))
    };
    let events = [
        with(heard(json!(200.0)), json!({"ts": 1})),
        with(heard(json!(200.001)), json!({"ts": 2})),
        with(heard(json!(null)), json!({"ts": 3})),
        alone(4, json!(7.5)),
        alone(5, json!(7)),
        alone(6, json!(null)),
    ];
    let star = Job::of(&lines(&songs), &lines(&events))
        .set(|options| options.rules.match_rule = MatchRule::TitleArtistDuration)
        .run();
    let ids = ["S2", "", "", "S4", "", ""].map(|id| json!([(!id.is_empty()).then_some(id)]));
    assert_eq!(star.rows("SELECT song_id FROM songplays ORDER BY start_time"), ids);
}
