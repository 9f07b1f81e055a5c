//! `query --chart`: golden files on a terminal and in ASCII, and results without a chart.

use super::{with_star, with_tiny_star};
use crate::support::golden::hold_file;
use crate::support::terminal::operated;
use crate::support::{Outcome, Workspace};

const DAYS: &str = "SELECT CAST(start_time AS DATE) AS day, COUNT(*) AS plays, \
                    COUNT(DISTINCT user_id) AS listeners FROM songplays GROUP BY 1";

/// Numbers of every kind.
const KINDS: &str = "SELECT * FROM (VALUES ('up', 3.0, 1), ('down', -2.5, 20), ('none', NULL, NULL), \
                     ('odd', CAST('NaN' AS DOUBLE), 3), ('huge', CAST('Infinity' AS DOUBLE), 0), \
                     ('音楽', 0.001, 7)) AS t (name, change, plays)";

fn chart(here: &Workspace, args: &[&str]) -> Outcome {
    here.run(["query", "--star", "star", "--chart"].iter().chain(args))
}

/// Returns the chart on a terminal of a width, or `None` without Python.
fn on_terminal(here: &Workspace, columns: u16, args: &[&str]) -> Option<String> {
    let mut command = here.command();
    command.args(["query", "--star", "star", "--chart", "--no-pager"]).args(args);
    let outcome = operated(here, &command, [24, columns], &[])?;
    outcome.exits(0);
    Some(outcome.stdout.replace("\r\n", "\n"))
}

#[test]
fn charts_of_the_sample_match() {
    let here = with_star();
    for (file, args) in [
        ("activity_by_hour", vec!["activity_by_hour"]),
        ("most_played_songs", vec!["most_played_songs"]),
        ("gender_level", vec!["plays_by_gender_level"]),
        ("days", vec!["--sql", DAYS]),
        ("kinds", vec!["--sql", KINDS]),
    ] {
        let outcome = chart(&here, &args);
        hold_file(&format!("charts/{file}.ascii.txt"), &outcome.exits(0).stdout);
        chart(&here, &[&args[..], &["--color", "never"]].concat()).exits(0).prints(&outcome.stdout);
        for columns in [40, 100] {
            let Some(shown) = on_terminal(&here, columns, &args) else { return };
            hold_file(&format!("charts/{file}.{columns}.txt"), &shown);
            let widest = shown.lines().map(|line| line.chars().count()).max().unwrap();
            assert!(widest <= usize::from(columns), "{widest} columns:\n{shown}");
        }
    }
}

#[test]
fn pipes_get_ascii_and_terminals_unicode() {
    let here = with_star();
    let outcome = chart(&here, &["activity_by_weekday"]);
    assert!(outcome.exits(0).stdout.is_ascii(), "{outcome}");
    let Some(shown) = on_terminal(&here, 80, &["activity_by_weekday"]) else { return };
    assert!(shown.contains('█'), "{shown}");
    let Some(plain) = on_terminal(&here, 80, &["activity_by_weekday", "--color", "never"]) else {
        return;
    };
    assert!(plain.is_ascii(), "{plain}");
    let outcome = chart(&here, &["activity_by_weekday", "--color", "always"]);
    outcome.exits(0).says("█");
}

#[test]
fn results_without_a_chart_are_tables() {
    let here = with_tiny_star();
    for (sql, reason) in [
        (
            "SELECT title FROM songs",
            "There is no chart, because the result has no numeric column.\n+",
        ),
        ("SELECT level, 1 AS n FROM users WHERE false", "because the result has no rows.\n+"),
        ("SELECT 'a' AS l, CAST(NULL AS DOUBLE) AS n", "because no row has a finite number.\n+"),
    ] {
        chart(&here, &["--sql", sql]).exits(0).says(reason);
    }
}

#[test]
fn one_row_and_thousands_of_rows_are_drawn() {
    let here = with_tiny_star();
    chart(&here, &["--sql", "SELECT COUNT(*) AS users FROM users"])
        .exits(0)
        .says("users\n1  2  ####");
    let many = "SELECT 'row ' || value AS label, value FROM generate_series(1, 5000)";
    let outcome = chart(&here, &["--sql", many]);
    outcome.exits(0).says("The chart shows the first 100 of 5,000 rows.\n");
    assert_eq!(outcome.stdout.lines().count(), 102, "{outcome}");
    let days = "SELECT to_timestamp(value * 86400) AS day, value % 7 AS n \
                FROM generate_series(1, 5000)";
    let outcome = chart(&here, &["--sql", days]);
    outcome.exits(0).says("5,000 rows").says("Each character is the mean of");
    assert!(outcome.stdout.lines().all(|line| line.len() <= 80), "{outcome}");
}

#[test]
fn long_labels_and_extreme_numbers_fit() {
    let here = with_tiny_star();
    let sql = "SELECT repeat('音', 20000) AS label, 1.7976931348623157e308 AS n \
               UNION ALL SELECT 'b', -1.7976931348623157e308";
    let outcome = chart(&here, &["--sql", sql]);
    outcome.exits(0).says("1.798e308");
    assert!(outcome.stdout.lines().all(|line| line.len() <= 160), "{outcome}");
    let Some(shown) = on_terminal(&here, 40, &["--sql", sql]) else { return };
    assert!(shown.contains('…'), "{shown}");
}

#[test]
fn charts_can_be_written_to_files_and_have_no_other_format() {
    let here = with_tiny_star();
    chart(&here, &["--output", "a.txt", "months_present"]).exits(0).prints("");
    assert!(here.read("a.txt").contains('#'));
    chart(&here, &["--format", "csv", "months_present"]).exits(2).complains("--format");
}
