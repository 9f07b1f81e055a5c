//! Control characters in data and names have no effect on a terminal.

use super::{TINY, with_tiny_data, with_tiny_star};
use crate::support::terminal::{operated, typed};
use crate::support::{Outcome, Workspace};

/// Sets the window title, clears the screen, colors text, reverses its direction, and so on.
const HOSTILE: &str = "h\u{1b}]0;owned\u{7}\u{1b}[2J\u{1b}[32mok\u{9b}31m\u{7f}\u{202e}x\u{2066}e";

/// Fails the test if a character affects a terminal other than as a color or line feed, or if a
/// color comes from the data.
#[track_caller]
fn assert_safe(outcome: &Outcome) {
    let text = format!("{}{}", outcome.stdout, outcome.stderr).replace("\r\n", "\n");
    let is_unsafe = |c: char| {
        c != '\n' && c != '\u{1b}' && c.is_control()
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    assert!(!text.contains(is_unsafe), "{:?}\n{outcome}", text.chars().find(|c| is_unsafe(*c)));
    for (at, _) in text.match_indices('\u{1b}') {
        let codes = text[at + 1..].split_once('m').map_or("", |(codes, _)| codes);
        let ours = ["[0", "[1", "[2", "[3", "[31", "[32", "[33", "[34", "[4"];
        assert!(ours.contains(&codes), "{codes:?}\n{outcome}");
    }
    assert!(!text.contains("\u{1b}[32mok\\u{9b}"), "{outcome}");
}

fn json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Creates a folder in which a song title, an unknown key and a file suffix are [`HOSTILE`].
fn with_hostile_data() -> Workspace {
    let here = with_tiny_data();
    let song = format!(
        r#"{{"song_id":"S2","title":{},"artist_id":"A2","artist_name":"x\n\ty",{}:1}}"#,
        json(HOSTILE),
        json(HOSTILE)
    );
    here.write("songs/t.json", song);
    here.write(&format!("songs/a.{HOSTILE}\nerror: x"), "");
    here
}

const SQL: &str = "SELECT title, artist_id FROM songs ORDER BY song_id";

#[test]
fn tables_and_summaries_escape_the_data() {
    let here = with_hostile_data();
    let coloured = ["--color", "always"];
    let outcome = here.run(TINY.iter().chain(&coloured));
    outcome.exits(0).says("\\u{9b}31m\\u{7f}\\u{202e}x\\u{2066}e (1)").says("(other) (1)");
    assert_safe(&outcome);
    assert_safe(here.run(TINY.iter().chain(&["--dry-run"])).exits(0));
    let query = ["query", "--star", "star", "--sql"];
    let counted = "SELECT title, 1 AS n FROM songs ORDER BY song_id";
    for more in [&["--chart"][..], &["--format", "markdown"]] {
        let outcome = here.run(query.iter().chain(&[counted]).chain(more).chain(&coloured));
        outcome.exits(0).says("u{1b}");
        assert_safe(&outcome);
    }
    let outcome = here.run(query.iter().chain(&[SQL]).chain(&coloured));
    outcome.exits(0).says("| h\\u{1b}]0;owned\\u{7}\\u{1b}[2J");
    assert_safe(&outcome);
    let named = format!("SELECT name AS \"{HOSTILE}\" FROM artists ORDER BY artist_id");
    let outcome = here.run(query.iter().copied().chain([&*named]));
    outcome.exits(0).says("| x\\n\\ty ");
    assert_safe(&outcome);
    assert_eq!(outcome.stdout.lines().count(), 6, "one line for each row\n{outcome}");
}

#[test]
fn errors_and_rejects_escape_names() {
    let here = with_hostile_data();
    let coloured = ["--color", "always"];
    let place = format!("no{HOSTILE}\nerror: other");
    for args in [
        vec!["query", "--star", &place, "--sql", "SELECT 1"],
        vec!["query", "--star", "star", &place],
        vec!["check", "--star", &place],
        vec!["transform", "--songs", &place, "--logs", "logs", "--out", "star"],
        vec!["--config", &place, "schema"],
        vec!["load", "--star", "star", "--to", &place],
        vec![&place],
        vec!["transform", &place],
    ] {
        let outcome = here.run(args.iter().chain(&coloured));
        assert!(matches!(outcome.code, Some(1 | 2)), "{outcome}");
        assert_safe(&outcome);
        assert!(!outcome.stderr.contains("\nerror: other"), "{outcome}");
    }
    here.write(&format!("logs/b{HOSTILE}.json"), format!("{{\"ts\": {HOSTILE}}}"));
    let outcome = here.run(TINY.iter().chain(&coloured));
    outcome.exits(3).says("reject");
    assert_safe(&outcome);
}

#[test]
fn machine_readable_results_are_exact_in_a_pipe_and_escaped_on_a_terminal() {
    let here = with_tiny_data();
    let title = HOSTILE.replace(['\u{1b}', '\u{7}'], "");
    let song = format!(
        r#"{{"song_id":"S2","title":{},"artist_id":"A2","artist_name":"x"}}"#,
        json(&title)
    );
    here.write("songs/t.json", song);
    here.run(TINY).exits(0);
    for format in ["csv", "json", "ndjson", "markdown"] {
        let args = ["query", "--star", "star", "--format", format, "--sql", SQL];
        let outcome = here.run(args);
        if format != "markdown" {
            outcome.exits(0).says(&title);
        }
        let mut command = here.command();
        let Some(outcome) = typed(&here, command.args(args), &[]) else { return };
        outcome.exits(0).says(match format {
            "csv" => "\\u{9b}31m",
            "markdown" => "\\\\u{9b}31m",
            _ => "\\u009b31m",
        });
        assert_safe(&outcome);
        // A pager receives the same text.
        let mut paged = here.command();
        paged.args(args).env("STARLIFT_PAGER", "cat >paged.txt");
        let Some(shown) = operated(&here, &paged, [2, 80], &[]) else { return };
        assert_eq!(shown.exits(0).stdout, "", "{shown}");
        let text = here.read("paged.txt");
        assert!(!text.contains(['\u{9b}', '\u{202e}', '\u{2066}', '\u{7f}']), "{text:?}");
    }
}

#[test]
fn log_lines_escape_names() {
    let here = with_tiny_star();
    let place = "star\u{9b}31m\u{202e}x";
    let args = ["transform", "--songs", "songs", "--logs", "logs", "--out", place];
    for more in [&["-v"][..], &["-v", "--color", "always"], &["--log-format", "json", "-v"]] {
        assert_safe(here.run(args.iter().chain(more)).exits(0));
    }
}

#[test]
fn the_shell_escapes_data_names_and_errors() {
    let here = with_hostile_data();
    here.run(TINY).exits(0);
    let place = format!("no{HOSTILE}");
    let scripts = [
        format!("{SQL};"),
        "\\chart\nSELECT title, 1 AS n FROM songs;".to_owned(),
        format!("SELECT * FROM \"{place}\";"),
        format!("\\d {place}"),
        format!("\\{place}"),
        format!("\\query {place}"),
        format!("SELECT '{place}"),
    ];
    for script in scripts {
        let path = here.write("script.sql", &script);
        let mut command = here.command();
        command.args(["shell", "--star", "star", "--color", "always"]);
        command.stdin(std::fs::File::open(path).unwrap());
        let outcome = here.outcome(&mut command);
        assert!(matches!(outcome.code, Some(0..=2)), "{outcome}");
        assert_safe(&outcome);
    }
}

#[test]
fn names_of_output_files_are_escaped() {
    let here = with_tiny_star();
    for file in
        [format!("{HOSTILE}.csv"), format!("none{HOSTILE}/a.csv"), format!("s3://{HOSTILE}")]
    {
        let args = ["query", "--star", "star", "--sql", "SELECT 1", "--output", &file];
        let outcome = here.run(args.iter().chain(&["--color", "always"]));
        assert!(matches!(outcome.code, Some(0..=2)), "{outcome}");
        assert_safe(&outcome);
    }
}
