//! Output for other programs: JSON documents, metrics, JUnit reports, schemas, manual pages and
//! completions; and variables from a file.

mod cloud;
mod completions;
mod documents;
mod env_file;
mod junit;
mod man;
mod metrics;
mod report;
mod settings;
mod warehouse;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::{Outcome, Workspace, python};

const SCHEMA: &str = "docs/output.schema.json";

/// Runs `tests/reference/documents.py` with a standard input, and returns its output. Returns `None`, with a message,
/// on a machine without Python.
#[track_caller]
fn reference(args: &[&str], input: &str) -> Option<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new(python()?);
    command.arg(root.join("tests/reference/documents.py")).args(args).current_dir(root);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {said}\n{input}");
    Some(String::from_utf8(output.stdout).unwrap())
}

impl Outcome {
    /// Returns the document on standard output, which must be the only output and valid, have the exit code of the
    /// process, and contain an error if the code is not 0.
    #[track_caller]
    fn document(&self, command: &str) -> Value {
        let document: Value = match serde_json::from_str(&self.stdout) {
            Ok(document) => document,
            Err(error) => panic!("{error}\n{self}"),
        };
        assert_eq!(document["command"], command, "{self}");
        assert_eq!(document["version"], 1);
        assert_eq!(document["exit_code"].as_i64(), self.code.map(i64::from), "{self}");
        let is_success = self.code == Some(0);
        assert_eq!(document["outcome"], if is_success { "success" } else { "failure" });
        assert_eq!(document["error"].is_null(), is_success, "{self}");
        reference(&["schema", SCHEMA], &self.stdout);
        document
    }

    /// Returns the error of the document of a failed command.
    #[track_caller]
    fn error(&self, command: &str, code: &str) -> Value {
        let document = self.document(command);
        let error = &document["error"];
        assert_eq!(error["code"], code, "{self}");
        assert_eq!(error["exit_code"], document["exit_code"]);
        // The same error is printed for people.
        let first_line = error["message"].as_str().unwrap().lines().next().unwrap();
        assert!(self.stderr.contains(first_line), "{first_line}\n{self}");
        error.clone()
    }
}

/// Returns a command that prints a document.
fn json(here: &Workspace, args: &[&str]) -> Outcome {
    here.run(args.iter().chain(&["--output-format", "json"]))
}

/// Creates a folder with a song and three events, of which two are plays, and one bad event.
fn with_data() -> Workspace {
    let here = Workspace::new();
    here.write(
        "songs/s.json",
        r#"{"song_id":"S1","title":"T","artist_id":"A1","artist_name":"N","duration":9.5,"year":0}"#,
    );
    let play = |user: u32, song: &str| {
        format!(
            r#"{{"ts":154110610{user}796,"page":"NextSong","userId":"{user}","sessionId":1,"itemInSession":0,"artist":"N","song":"{song}","length":9.5,"level":"free","firstName":"Ada","gender":"F"}}"#
        )
    };
    let home = r#"{"ts":1541106108796,"page":"Home","userId":""}"#;
    let bad = r#"{"ts":"no \u001b[31m time","page":"NextSong","userId":"9"}"#;
    here.write("logs/l.json", [&play(7, "T"), &play(8, "U"), home, bad].join("\n"));
    here.age("songs");
    here.age("logs");
    here
}

const TRANSFORM: [&str; 9] =
    ["transform", "--songs", "songs", "--logs", "logs", "--out", "star", "--max-rejects", "1"];

fn with_star() -> Workspace {
    let here = with_data();
    here.run(TRANSFORM).exits(0);
    here
}

/// Makes a check of the star fail: its record then states another number of plays.
fn break_star(here: &Workspace) {
    let record = here.read("star/_starlift.json");
    let broken = record.replacen("\"plays_read\": 2", "\"plays_read\": 3", 1);
    assert_ne!(record, broken);
    here.write("star/_starlift.json", broken);
}
