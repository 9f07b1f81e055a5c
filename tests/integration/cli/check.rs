//! `starlift check`: one line per check, and the offending rows of a modified star.

use super::{fixture, record, text, with_star, with_tiny_star};
use crate::support::{Outcome, Workspace, files};

const CHECKS: [&str; 16] = [
    "songs_primary_key",
    "songs_not_null",
    "artists_primary_key",
    "artists_not_null",
    "users_primary_key",
    "songplays_primary_key",
    "songplays_not_null",
    "time_primary_key",
    "time_not_null",
    "songs_artist_id_in_artists",
    "songplays_start_time_in_time",
    "songplays_user_id_in_users",
    "songplays_song_id_in_songs",
    "songplays_artist_id_in_artists",
    "records_accounted",
    "songplays_rows",
];

fn check(here: &Workspace) -> Outcome {
    here.run(["check", "--star", "star"])
}

/// Returns the names of the failed checks.
fn failed(outcome: &Outcome) -> Vec<&str> {
    let lines = outcome.stdout.lines().filter_map(|line| line.strip_prefix("FAIL"));
    lines.map(|line| line.split_whitespace().next().unwrap()).collect()
}

#[test]
fn valid_star_passes_with_one_line_per_check() {
    let here = with_star();
    let outcome = check(&here);
    outcome
        .exits(0)
        .says("ok    users_primary_key                users.user_id is unique and never null.\n")
        .says("ok    songs_not_null                   title, artist_id of songs are never null.\n")
        .says("ok    artists_not_null                 artists.name is never null.\n");
    let names: Vec<&str> = outcome
        .stdout
        .lines()
        .map(|line| line.strip_prefix("ok ").unwrap().split_whitespace().next().unwrap())
        .collect();
    assert_eq!(names, CHECKS);
    assert_eq!(record(&here)["checks"], serde_json::json!(CHECKS));
    here.run(["check", "--quiet", "--star", "star"]).exits(0).prints("");
}

#[test]
fn inconsistent_counts_fail_with_4() {
    for (from, to, check_name) in [
        ("\"plays_read\": 2", "\"plays_read\": 3", "songplays_rows"),
        ("\"plays_matched\": 1", "\"plays_matched\": 2", "songplays_rows"),
        ("\"records\": 3", "\"records\": 4", "records_accounted"),
        ("\"decoded\": 3", "\"decoded\": 2", "records_accounted"),
        ("\"unmatched\": \"keep\"", "\"unmatched\": \"drop\"", "songplays_rows"),
    ] {
        let here = with_tiny_star();
        let record = here.read("star/_starlift.json");
        assert!(record.contains(from), "{from}: {record}");
        here.write("star/_starlift.json", record.replacen(from, to, 1));
        let outcome = check(&here);
        outcome.fails_with("checks-failed").naming(&[check_name]);
        assert_eq!(failed(&outcome), [check_name], "{from}: {outcome}");
    }
}

#[test]
fn offending_rows_are_printed() {
    let here = with_tiny_star();
    let record = here.read("star/_starlift.json");
    here.write("star/_starlift.json", record.replacen("\"plays_read\": 2", "\"plays_read\": 3", 1));
    let outcome = check(&here);
    outcome
        .fails_with("checks-failed")
        .says("FAIL  songplays_rows                   1 offending row\n");
    outcome.says("      expected: songplays has one row per distinct play read");
    outcome.says(" songplays   matched   unmatched_option   plays_read   duplicates ");
    outcome.says(" 2           1         keep               3            0 ");
    let quiet = here.run(["check", "--quiet", "--star", "star"]);
    quiet.fails_with("checks-failed").says("FAIL  songplays_rows");
}

/// Replaces a table's file with that of another star, and updates the record.
fn swap(here: &Workspace, other: &Workspace, table: &str) {
    let (mut mine, theirs) = (record(here), record(other));
    let file = &theirs["tables"][table]["files"][0];
    let path = file["path"].as_str().unwrap();
    std::fs::copy(other.join("star").join(path), here.join("star").join(path)).unwrap();
    mine["tables"][table]["files"][0] = file.clone();
    here.write("star/_starlift.json", mine.to_string());
}

#[test]
fn a_missing_dimension_row_fails_with_4() {
    let other = Workspace::new();
    let (songs, logs) = (fixture("oddities/songs"), fixture("oddities/logs/crlf.ndjson"));
    let args = ["transform", "--songs", text(&songs), "--logs", text(&logs), "--out", "star"];
    other.run(args.into_iter().chain(["--max-rejects", "33"])).exits(0);
    for (table, checks) in [
        ("users", &["songplays_user_id_in_users"][..]),
        ("songs", &["songs_artist_id_in_artists", "songplays_song_id_in_songs"]),
        ("artists", &["songs_artist_id_in_artists", "songplays_artist_id_in_artists"]),
        ("time", &["songplays_start_time_in_time"]),
    ] {
        let here = with_star();
        swap(&here, &other, table);
        let outcome = check(&here);
        outcome.fails_with("checks-failed");
        assert_eq!(failed(&outcome), checks, "{table}: {outcome}");
        let (first, count) = (checks[0], checks.len());
        let noun = if count == 1 { "1 check failed: " } else { "2 checks failed: " };
        outcome.complains(&format!("{noun}{first}"));
        outcome.says(" orphans ");
    }
}

#[test]
fn duplicated_file_violates_its_primary_key() {
    for (table, check_name) in [
        ("songs", "songs_primary_key"),
        ("artists", "artists_primary_key"),
        ("users", "users_primary_key"),
        ("time", "time_primary_key"),
        ("songplays", "songplays_primary_key"),
    ] {
        let here = with_tiny_star();
        let mut tampered = record(&here);
        let file = tampered["tables"][table]["files"][0].clone();
        let copy = format!("{table}/copy.parquet");
        let path = here.join("star").join(file["path"].as_str().unwrap());
        std::fs::copy(path, here.join("star").join(&copy)).unwrap();
        let mut second = file;
        second["path"] = copy.into();
        tampered["tables"][table]["files"].as_array_mut().unwrap().push(second);
        here.write("star/_starlift.json", tampered.to_string());
        let outcome = check(&here);
        outcome.fails_with("checks-failed").says(" rows_with_this_key ");
        assert_eq!(failed(&outcome)[0], check_name, "{outcome}");
    }
}

#[test]
fn only_the_first_offending_rows_are_printed() {
    let here = with_star();
    swap(&here, &with_tiny_star(), "users");
    let outcome = check(&here);
    outcome
        .fails_with("checks-failed")
        .says("FAIL  songplays_user_id_in_users       17 offending rows\n");
    let shown = outcome.stdout.lines().filter(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        words.len() == 2 && words.iter().all(|word| word.parse::<u64>().is_ok())
    });
    assert_eq!(shown.count(), 5, "{outcome}");
}

#[test]
fn custom_checks_run_beside_the_built_in_ones() {
    let here = with_tiny_star();
    here.write(
        "own/checks/no_bobs.sql",
        "-- No user is called Bob.\nSELECT user_id, first_name FROM users WHERE first_name = 'Bob'\n",
    );
    let outcome = here.run(["check", "--star", "star", "--queries", "own"]);
    outcome.fails_with("checks-failed").naming(&["no_bobs"]).says("No user is called Bob.");
    assert_eq!(failed(&outcome), ["no_bobs"]);
    let words: Vec<&str> = outcome.stdout.split_whitespace().collect();
    assert!(words.windows(2).any(|pair| pair == ["8", "Bob"]), "{outcome}");
}

#[test]
fn a_check_needs_a_star() {
    let here = Workspace::new();
    here.run(["check"]).fails_with("invalid-option").naming(&["--star", "STARLIFT_STAR"]);
    here.run(["check", "--star", "nowhere"]).fails_with("nothing-found");
    assert_eq!(files(here.path()), [""; 0]);
}
