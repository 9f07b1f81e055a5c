//! The command line as a user sees it: output, errors and exit code of every command.

mod charts;
mod check;
mod demo;
mod describe;
mod formats;
mod generate;
mod golden;
mod init;
mod model;
mod output;
mod pager;
mod queries;
mod query;
mod ranges;
mod rejects;
mod settings;
mod shell;
mod suggestions;
mod temporary;
mod terminals;
mod transform;
mod verdicts;

use std::path::{Path, PathBuf};

use crate::support::golden::hold_file;
use crate::support::{Outcome, Workspace};

/// Returns a folder of `fixtures/`.
fn fixture(relative: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(relative)
}

/// Returns the arguments that transform `fixtures/sample` to `star`, with its 14 bad records
/// allowed.
fn sample_args() -> Vec<String> {
    transform_args("sample/song_data", "sample/log_data", &["--max-rejects", "14"])
}

/// Returns the arguments that transform two folders of `fixtures/` to `star`.
fn transform_args(songs: &str, logs: &str, more: &[&str]) -> Vec<String> {
    let (songs, logs) = (fixture(songs), fixture(logs));
    let args = ["transform", "--songs", text(&songs), "--logs", text(&logs), "--out", "star"];
    args.iter().chain(more).map(|&arg| arg.to_owned()).collect()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Creates a folder in which `star` is the star of `fixtures/sample`.
fn with_star() -> Workspace {
    let here = Workspace::new();
    here.run(sample_args()).exits(0);
    here
}

/// Creates a folder with a song and three events, one of which is a play of the song.
fn with_tiny_data() -> Workspace {
    let here = Workspace::new();
    here.write(
        "songs/s.json",
        r#"{"song_id":"S1","title":"T","artist_id":"A1","artist_name":"N","duration":9.5,"year":0}"#,
    );
    here.write(
        "logs/l.json",
        concat!(
            r#"{"ts":1541106106796,"page":"NextSong","userId":"7","sessionId":1,"itemInSession":0,"#,
            r#""artist":"N","song":"T","length":9.5,"level":"free","firstName":"Ada","gender":"F"}"#,
            "\n",
            r#"{"ts":1541106107796,"page":"NextSong","userId":"8","sessionId":2,"itemInSession":0,"#,
            r#""artist":"N","song":"Unknown","level":"paid","firstName":"Bob","location":"a, \"b\""}"#,
            "\n",
            r#"{"ts":1541106108796,"page":"Home","userId":""}"#,
        ),
    );
    here
}

const TINY: [&str; 7] = ["transform", "--songs", "songs", "--logs", "logs", "--out", "star"];

/// Creates a folder in which `star` is the star of [`with_tiny_data`].
fn with_tiny_star() -> Workspace {
    let here = with_tiny_data();
    here.run(TINY).exits(0);
    here
}

/// Returns the result of an SQL query, as CSV.
#[track_caller]
fn ask(here: &Workspace, sql: &str) -> String {
    let outcome = here.run(["query", "--star", "star", "--format", "csv", "--sql", sql]);
    outcome.exits(0);
    outcome.stdout
}

/// Returns the record of the star in `star`.
fn record(here: &Workspace) -> serde_json::Value {
    serde_json::from_str(&here.read("star/_starlift.json")).unwrap()
}

impl Outcome {
    /// Fails the test if standard error contains `text`.
    #[track_caller]
    fn never_complains(&self, text: &str) -> &Outcome {
        assert!(!self.stderr.contains(text), "unwanted on standard error: {text:?}\n{self}");
        self
    }

    /// Fails the test if standard output contains `text`.
    #[track_caller]
    fn never_says(&self, text: &str) -> &Outcome {
        assert!(!self.stdout.contains(text), "unwanted on standard output: {text:?}\n{self}");
        self
    }

    /// Fails the test unless standard output is `text`.
    #[track_caller]
    fn prints(&self, text: &str) -> &Outcome {
        assert!(self.stdout == text, "wanted on standard output:\n{text}\n{self}");
        self
    }
}
