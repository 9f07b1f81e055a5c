//! Compares the results of every analytics query on `fixtures/sample`, the tables and rejects of
//! `fixtures/oddities`, and a configuration file with the files in `tests/golden`.
//! `STARLIFT_UPDATE_GOLDEN=1` rewrites the files: review the diff before you commit it.

use std::path::Path;

use super::{ask, transform_args, with_star};
use crate::support::golden::hold_file;
use crate::support::{Workspace, files};

/// Fails the test unless `answer` equals the golden CSV file `name`, without its extension.
#[track_caller]
fn hold(name: &str, answer: &str) {
    hold_file(&format!("{name}.csv"), answer);
}

#[test]
fn analytics_on_the_sample_match() {
    let here = with_star();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("queries/analytics");
    let queries = files(&folder);
    assert!(!queries.is_empty());
    for file in queries {
        let name = file.strip_suffix(".sql").unwrap();
        let outcome = here.run(["query", "--star", "star", "--format", "csv", name]);
        outcome.exits(0);
        assert!(outcome.stdout.lines().count() > 1, "{name} has no answer: {outcome}");
        hold(name, &outcome.stdout);
    }
}

/// Builds the star of the oddities, with their 33 bad records allowed.
fn oddities(more: &[&str]) -> Workspace {
    let here = Workspace::new();
    let more = [&["--max-rejects", "33"], more].concat();
    here.run(transform_args("oddities/songs", "oddities/logs", &more)).exits(0);
    here
}

#[test]
fn tables_of_the_oddities_match() {
    let here = oddities(&[]);
    for (table, order) in [
        ("songs", "song_id"),
        ("artists", "artist_id"),
        ("users", "user_id"),
        ("songplays", "start_time, songplay_id"),
        ("time", "start_time"),
    ] {
        let answer = ask(&here, &format!("SELECT * FROM \"{table}\" ORDER BY {order}"));
        hold(&format!("oddities/{table}"), &answer);
    }
}

#[test]
fn rejects_of_the_oddities_match() {
    let here = oddities(&[]);
    let answer = ask(
        &here,
        "SELECT regexp_replace(object, '^.*/oddities/', '') AS object, line, \"offset\", \"column\", reason \
         FROM rejects ORDER BY object, \"offset\"",
    );
    hold("oddities/rejects", &answer);
    assert_eq!(answer.lines().count(), 1 + 31);
}

#[test]
fn plays_of_the_oddities_matched_by_duration() {
    let here = oddities(&["--match", "title-artist-duration", "--unmatched", "drop"]);
    let answer = ask(
        &here,
        "SELECT start_time, user_id, song_id, artist_id FROM songplays ORDER BY start_time, songplay_id",
    );
    hold("oddities/matched_by_duration", &answer);
}

#[test]
fn skipped_files_and_unknown_keys_are_reported() {
    let here = Workspace::new();
    let outcome =
        here.run(transform_args("oddities/songs", "oddities/logs", &["--max-rejects", "33"]));
    outcome.exits(0).says("skipped: .csv (1)\n");
    outcome
        .says("unknown keys: Title (1), danceability (1), tags (1)\n")
        .says("unknown keys: PAGE (1)");
}

#[test]
fn no_golden_file_belongs_to_a_removed_query() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let queries = files(&folder.join("queries/analytics"));
    for file in files(&folder.join("tests/golden")) {
        let name = file.replace(".csv", ".sql");
        let has_own_test = ["oddities/", "charts/", "report/", "init.toml"]
            .iter()
            .any(|own| file.starts_with(own));
        assert!(has_own_test || queries.contains(&name), "{file} is an orphan");
    }
}
