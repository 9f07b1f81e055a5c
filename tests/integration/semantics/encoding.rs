//! Text that was encoded to UTF-8 twice.

use starlift::transform::RepairEncoding;

use super::*;

const TWICE: &str = "BjÃ¶rk";
const ONCE: &str = "Björk";

/// Builds a star from songs and plays, some of which are encoded twice.
fn star(repair: RepairEncoding) -> Star {
    let songs = [
        song(json!({"song_id": "S1", "artist_name": ONCE, "title": "Joga", "duration": 10.0})),
        song(json!({"song_id": "S2", "artist_id": "B", "artist_name": "N", "title": TWICE})),
        song(json!({"song_id": "S3", "artist_name": ONCE, "title": "Joga", "duration": 20.0})),
    ];
    let plays = [
        play(json!({"ts": 1, "artist": TWICE, "song": "Joga", "length": 19.0, "level": TWICE})),
        play(json!({"ts": 2, "artist": ONCE, "song": "Joga", "length": 11.0})),
        play(json!({"ts": 3, "artist": "N", "song": ONCE})),
        play(json!({"ts": 4, "artist": TWICE, "song": "Other"})),
        play(json!({"ts": 4, "artist": TWICE, "song": "Other"})),
    ];
    let job = Job::of(&lines(&songs), &lines(&plays));
    job.set(|options| options.rules.repair_encoding = repair).run()
}

fn matches(star: &Star) -> Vec<Value> {
    star.rows("SELECT song_id FROM songplays ORDER BY start_time")
}

#[test]
fn repair_off_counts_affected_records_and_lost_matches() {
    let star = star(RepairEncoding::Off);
    assert_eq!(matches(&star), [json!([null]), json!(["S1"]), json!([null]), json!([null])]);
    let counted = star.report.accounting.iter().find(|found| found.name == "encoding").unwrap();
    let counts = [("plays", 3), ("songs", 1), ("more_matches", 2)];
    assert_eq!(counted.counts, counts.map(|(name, count)| (name.to_owned(), count)));
    assert_eq!(star.value("SELECT title FROM songs WHERE song_id = 'S2'"), TWICE);
}

#[test]
fn repair_match_compares_repaired_text_and_stores_the_original() {
    let star = star(RepairEncoding::Match);
    assert_eq!(matches(&star), [json!(["S3"]), json!(["S1"]), json!(["S2"]), json!([null])]);
    assert_eq!(star.value("SELECT title FROM songs WHERE song_id = 'S2'"), TWICE);
    assert_eq!(star.value("SELECT level FROM songplays WHERE song_id = 'S3'"), TWICE);
    assert_eq!(star.record().options.repair_encoding, "match");
}

#[test]
fn repair_store_compares_and_stores_repaired_text() {
    let star = star(RepairEncoding::Store);
    assert_eq!(matches(&star), [json!(["S3"]), json!(["S1"]), json!(["S2"]), json!([null])]);
    assert_eq!(star.value("SELECT title FROM songs WHERE song_id = 'S2'"), ONCE);
    assert_eq!(star.value("SELECT level FROM songplays WHERE song_id = 'S3'"), ONCE);
}

#[test]
fn correct_text_is_not_reported() {
    let star = Star::of(&[song(json!({"title": ONCE}))], &[play(json!({"song": ONCE}))]);
    assert!(star.report.accounting.iter().all(|counted| counted.name != "encoding"));
}
