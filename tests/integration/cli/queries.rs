//! `--queries DIR`: a user's SQL replaces the built-in files, and invalid files are rejected.

use super::{TINY, ask, with_tiny_data, with_tiny_star};
use crate::support::{Outcome, Workspace};

fn transform(here: &Workspace) -> Outcome {
    here.run(TINY.iter().chain(&["--queries", "own"]))
}

#[test]
fn file_replaces_the_built_in_query_of_its_name() {
    for path in ["own/songs.sql", "own/star/songs.sql"] {
        let here = with_tiny_data();
        here.write(
            path,
            "SELECT song_id, upper(title) || '!' AS title, artist_id, \
             CAST(1999 AS BIGINT) AS year, duration FROM staging_songs",
        );
        transform(&here).exits(0);
        assert_eq!(
            ask(&here, "SELECT title, year, arrow_typeof(year) AS kind FROM songs"),
            "title,year,kind\nT!,1999,Int32\n"
        );
        assert_eq!(ask(&here, "SELECT COUNT(*) AS n FROM songplays"), "n\n2\n");
    }
}

#[test]
fn unknown_query_name_is_rejected_before_any_change() {
    for (path, says) in [
        (
            "own/song_plays.sql",
            "own/song_plays.sql replaces no query of the model; its queries are songs, artists, users, songplays, time",
        ),
        (
            "own/star/usres.sql",
            "star/usres.sql replaces no query of the model; its queries are songs, artists, users, songplays, time",
        ),
        (
            "own/accounting/x.sql",
            "accounting/x.sql replaces no query of the model; its queries are copies, plays",
        ),
        ("own/star/months_present.sql", "star/months_present.sql replaces no query of the model"),
    ] {
        let here = with_tiny_data();
        here.write(path, "SELECT 1");
        transform(&here).fails_with("invalid-option").naming(&[says]).prints("");
        assert!(!here.join("star").exists());
    }
}

#[test]
fn missing_folder_is_named() {
    let here = with_tiny_data();
    transform(&here).fails_with("file-failed").naming(&["own"]);
    assert!(!here.join("star").exists());
}

#[test]
fn wrong_columns_are_rejected() {
    for (sql, says) in [
        (
            "SELECT song_id, title FROM staging_songs",
            "it returns (song_id, title), expected (song_id, title, artist_id, year, duration)",
        ),
        (
            "SELECT title, song_id, artist_id, year, duration FROM staging_songs",
            "it returns (title, song_id, artist_id, year, duration), expected (song_id, title,",
        ),
        (
            "SELECT song_id, title, artist_id, year + 0.5 AS year, duration FROM staging_songs",
            "year is Float64, expected Int32",
        ),
        (
            "SELECT song_id, title, artist_id, year, CAST(duration AS VARCHAR) AS duration FROM staging_songs",
            "expected Float64",
        ),
        (
            "SELECT song_id, NULL AS title, artist_id, year, duration FROM staging_songs",
            "title contains a null",
        ),
        (
            "SELECT song_id, title, artist_id, 3000000000 AS year, duration FROM staging_songs",
            "year: ",
        ),
    ] {
        let here = with_tiny_data();
        here.write("own/songs.sql", sql);
        let outcome = transform(&here);
        outcome.fails_with("wrong-columns").naming(&["star/songs.sql", says]);
        assert!(!here.join("star/_starlift.json").exists(), "{outcome}");
    }
}

#[test]
fn failing_sql_names_its_file() {
    let here = with_tiny_data();
    here.write("own/users.sql", "SELECT * FRM staging_events");
    transform(&here).fails_with("query-failed").naming(&["star/users.sql", "found: FRM"]);
    here.write("own/users.sql", "SELECT missing_column FROM staging_events");
    transform(&here).fails_with("query-failed").naming(&["star/users.sql", "missing_column"]);
}

#[test]
fn rows_that_break_an_invariant_exit_with_4_and_publish_nothing() {
    let here = with_tiny_star();
    let before = here.read("star/_starlift.json");
    here.write(
        "own/songs.sql",
        "SELECT song_id, title, artist_id, year, duration FROM staging_songs \
         UNION ALL SELECT song_id, title, 'AX', year, duration FROM staging_songs",
    );
    let outcome = transform(&here);
    outcome.fails_with("checks-failed").naming(&["songs_primary_key, songs_artist_id_in_artists"]);
    outcome
        .says("FAIL  songs_primary_key                1 offending row\n")
        .says(" S1 ")
        .says(" AX ");
    assert_eq!(here.read("star/_starlift.json"), before);
    here.run(["check", "--star", "star"]).exits(0);
}

#[test]
fn custom_analytics_are_listed_and_run() {
    let here = with_tiny_star();
    here.write(
        "own/analytics/names.sql",
        "-- Question: Who is there?\nSELECT first_name FROM users ORDER BY 1",
    );
    here.write("own/months_present.sql", "-- Question: None of them?\nSELECT 'never' AS month");
    let own = ["query", "--star", "star", "--queries", "own", "--format", "csv"];
    here.run(own.iter().chain(&["--list"]))
        .exits(0)
        .says("names ")
        .says("Who is there?")
        .says("None of them?");
    here.run(own.iter().chain(&["names"])).exits(0).prints("first_name\nAda\nBob\n");
    here.run(own.iter().chain(&["months_present"])).exits(0).prints("month\nnever\n");
    here.run(["query", "--star", "star", "names"])
        .fails_with("invalid-option")
        .naming(&["\"names\""]);
    here.write("own/nmes.sql", "SELECT 1");
    here.run(own.iter().chain(&["names"])).fails_with("invalid-option").naming(&["nmes.sql"]);
}

#[test]
fn custom_queries_change_nothing() {
    let here = with_tiny_star();
    here.write("own/analytics/mine.sql", "CREATE TABLE t AS SELECT 1");
    let outcome = here.run(["query", "--star", "star", "--queries", "own", "mine"]);
    outcome.fails_with("query-failed").naming(&["analytics/mine.sql", "DDL not supported"]);
}
