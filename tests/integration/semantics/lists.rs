//! Lists: the rows with the largest counts of values that the tables do not have.

use std::path::Path;

use starlift::Error;
use starlift::transform::{MatchRule, RepairEncoding, Unmatched};

use super::*;

const TITLES: &str = "SELECT * FROM unmatched_titles";

/// Returns a play of a title.
fn of(ts: i64, artist: Option<&str>, title: &str, length: f64) -> Value {
    play(json!({"ts": ts, "artist": artist, "song": title, "length": length}))
}

fn plays() -> Vec<Value> {
    vec![
        of(1, Some("N"), "T", 10.0),
        of(2, Some("N"), "T", 11.0),
        of(3, Some("Z"), "Other", 1.0),
        of(4, Some("Z"), "Other", 2.0),
        of(4, Some("Z"), "Other", 2.0),
        of(5, Some("B"), "Last", 1.0),
        of(6, Some("B"), "First", 1.0),
        of(7, Some("A"), "Last", 1.0),
        of(8, None, "Last", 1.0),
        visit(json!({"artist": "B", "song": "Last"})),
    ]
}

fn star(change: impl FnOnce(&mut TransformOptions)) -> Star {
    let songs = [song(json!({"duration": 10.0}))];
    Job::of(&lines(&songs), &lines(&plays())).set(change).run()
}

/// The rows of other titles than T: most plays first, then by artist and title, nulls last. A copy is not counted.
fn others() -> Vec<Value> {
    vec![
        json!(["Z", "Other", 2]),
        json!(["A", "Last", 1]),
        json!(["B", "First", 1]),
        json!(["B", "Last", 1]),
        json!([null, "Last", 1]),
    ]
}

#[test]
fn titles_without_a_song_are_ordered_by_their_plays() {
    for unmatched in [Unmatched::Keep, Unmatched::Drop] {
        let star = star(|options| options.rules.unmatched = unmatched);
        assert_eq!(star.rows(TITLES), others(), "{unmatched:?}");
        assert_eq!(star.plays().unmatched, 6);
        let list = &star.record().lists["unmatched_titles"];
        assert_eq!(
            list.file.path,
            format!("_lists/{}-unmatched_titles.parquet", star.record().run_id)
        );
        let types: Vec<&str> =
            list.columns.iter().map(|column| column.column_type.as_str()).collect();
        assert_eq!(types, ["text", "text", "bigint"]);
    }
}

#[test]
fn a_play_of_another_length_is_without_a_match_if_durations_are_compared() {
    let star = star(|options| options.rules.match_rule = MatchRule::TitleArtistDuration);
    let mut expected = others();
    expected.insert(4, json!(["N", "T", 1]));
    assert_eq!(star.rows(TITLES), expected);
}

#[test]
fn a_title_with_several_songs_lacks_the_lengths_that_none_has() {
    let songs = [
        song(json!({"song_id": "S1", "duration": 10.0})),
        song(json!({"song_id": "S2", "duration": 11.0})),
        song(json!({"song_id": "S3", "duration": null})),
    ];
    let plays = [
        of(1, Some("N"), "T", 10.0),
        of(2, Some("N"), "T", 12.0),
        play(json!({"ts": 3, "artist": "N", "song": "T"})),
    ];
    let job = || Job::of(&lines(&songs), &lines(&plays));
    assert_eq!(job().run().rows(TITLES), Vec::<Value>::new());
    let star = job().set(|o| o.rules.match_rule = MatchRule::TitleArtistDuration).run();
    assert_eq!(star.rows(TITLES), [json!(["N", "T", 2])]);
    assert_eq!(star.plays().unmatched, 2);
}

#[test]
fn titles_are_repaired_as_they_are_compared() {
    let songs = [song(json!({"artist_name": "Björk"}))];
    let plays = [
        of(1, Some("BjÃ¶rk"), "T", 1.0),
        of(2, Some("BjÃ¶rk"), "U", 1.0),
        of(3, Some("Björk"), "U", 1.0),
    ];
    let rows = |repair| {
        let job = Job::of(&lines(&songs), &lines(&plays));
        job.set(|options| options.rules.repair_encoding = repair).run().rows(TITLES)
    };
    let off = [json!(["BjÃ¶rk", "T", 1]), json!(["BjÃ¶rk", "U", 1]), json!(["Björk", "U", 1])];
    assert_eq!(rows(RepairEncoding::Off), off);
    for repair in [RepairEncoding::Match, RepairEncoding::Store] {
        assert_eq!(rows(repair), [json!(["Björk", "U", 2])]);
    }
}

#[test]
fn a_star_without_such_plays_has_an_empty_list() {
    let star = Star::of(&[song(json!({}))], &[play(json!({"artist": "N", "song": "T"}))]);
    assert_eq!(star.rows(TITLES), Vec::<Value>::new());
    assert_eq!(star.record().lists["unmatched_titles"].file.rows, 0);
}

/// Runs with a query of a list of the user.
fn with_list(sql: &str) -> Result<Star, Error> {
    let job = Job::of(&lines(&[song(json!({}))]), &lines(&plays()));
    let folder = Path::new(&job.path("own")).to_owned();
    let job = job.file("own/lists/own.sql", sql).set(|options| options.queries = Some(folder));
    let stores = Stores::new(StoreOptions::default());
    let progress = Arc::new(TransformProgress::default());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let never = std::future::pending();
    runtime.block_on(transform(&job.options, &stores, &progress, never))?;
    Ok(job.run())
}

#[test]
fn counts_of_equal_rows_are_added_up_and_rows_without_counts_left_out() {
    let sql = "-- Counts: visits, plays\n-- Top: 3\n\
        SELECT \"userId\" AS user_id, ts, CASE WHEN page = 'Home' THEN 1 ELSE 0 END AS visits, \
        CASE WHEN song = 'Other' THEN 1 ELSE 0 END AS plays FROM staging_events";
    let star = with_list(sql).unwrap();
    let rows = star.rows("SELECT user_id, visits, plays FROM own");
    assert_eq!(rows, [json!([8, 1, 0]), json!([8, 0, 2]), json!([8, 0, 1])]);
}

#[test]
fn mistakes_in_a_list_name_the_file_and_the_remedy() {
    let header = "-- Counts: n\n-- Top: 5\n";
    for (sql, reason) in [
        (
            "-- Top: 5\nSELECT song, 1 AS n FROM staging_events".to_owned(),
            "no entry \"Counts: COLUMN\"",
        ),
        (
            "-- Counts: n\nSELECT song, 1 AS n FROM staging_events".to_owned(),
            "not a number of rows from 1 to 10000",
        ),
        (
            format!("{header}SELECT song, 1.5 AS n FROM staging_events"),
            "n is Float64, not an integer",
        ),
        (
            format!("{header}SELECT song, 1 AS m FROM staging_events"),
            "names the count n, which it does not return",
        ),
        (format!("{header}SELECT 1 AS n FROM staging_events"), "it returns only counts"),
        (
            format!("{header}SELECT song_id, 1 AS n FROM songplays"),
            "it reads songplays; a list reads staging and intermediate tables",
        ),
        (
            format!("{header}SELECT artist, plays AS n FROM unmatched_titles"),
            "query lists/own.sql failed",
        ),
        (format!("{header}SELECT song, -1 AS n FROM staging_events"), "a count is not negative"),
        (
            format!("{header}SELECT song, CAST(NULL AS BIGINT) AS n FROM staging_events"),
            "n contains a null",
        ),
    ] {
        let error = with_list(&sql).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains("lists/own.sql") && error.contains(reason), "{sql}: {error}");
    }
}
