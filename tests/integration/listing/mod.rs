//! Selection of input objects: the objects that a location names, files that are not data, and
//! empty datasets.

mod keys;
mod names;
mod outputs;

use std::process::Command;

use serde_json::{Value, json};

use crate::support::s3::{Faults, S3Server, Synthetic};
use crate::support::{Outcome, Workspace};

const EVENT: &str = r#"{"ts":1541044398796,"page":"Home","userId":"7","sessionId":1}"#;

/// Returns a song whose ID names the object that contains it.
fn song(id: &str) -> String {
    json!({"song_id": id, "title": "T", "artist_id": "A", "artist_name": "N"}).to_string() + "\n"
}

/// Creates a folder with one log file and these song files, each with a song named after it.
fn with_songs(names: &[&str]) -> Workspace {
    let workspace = Workspace::new();
    workspace.write("logs/day.json", EVENT);
    for name in names {
        workspace.write(&format!("songs/{name}"), song(name));
    }
    workspace
}

fn transform(workspace: &Workspace, songs: &str, more: &[&str]) -> Outcome {
    let mut command = workspace.command();
    command.args(["transform", "--songs", songs, "--logs", "logs", "--out", "star"]).args(more);
    workspace.outcome(&mut command)
}

fn record(workspace: &Workspace) -> Value {
    serde_json::from_str(&workspace.read("star/_starlift.json")).unwrap()
}

/// Returns the results of a query on the star, one value per line.
#[track_caller]
fn answer(workspace: &Workspace, command: &mut Command, sql: &str) -> Vec<String> {
    command.args(["query", "--star", "star", "--format", "ndjson", "--sql", sql]);
    let outcome = workspace.outcome(command);
    let value = |line: &str| {
        let row: Value = serde_json::from_str(line).unwrap();
        row.as_object().unwrap().values().next().unwrap().as_str().unwrap().to_owned()
    };
    outcome.exits(0).stdout.lines().map(value).collect()
}

/// Returns the sorted names of the objects whose songs are in the star.
#[track_caller]
fn songs_read(workspace: &Workspace) -> Vec<String> {
    let sql = "SELECT song_id FROM songs ORDER BY 1";
    answer(workspace, &mut workspace.command(), sql)
}

#[track_caller]
fn assert_reads(workspace: &Workspace, songs: &str, more: &[&str], wanted: &[&str]) {
    transform(workspace, songs, more).exits(0);
    let mut wanted = wanted.to_vec();
    wanted.sort_unstable();
    assert_eq!(songs_read(workspace), wanted, "{songs} {more:?}");
}

/// A bucket for songs, and a folder for the log and the star.
struct Bucket {
    workspace: Workspace,
    server: S3Server,
}

impl Bucket {
    fn new(faults: Faults) -> Bucket {
        Bucket { workspace: with_songs(&[]), server: S3Server::start_with(faults) }
    }

    /// Creates a bucket with objects under arbitrary keys, each with a song named after its key.
    fn with_keys(keys: &[&str]) -> Bucket {
        let mut keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
        keys.sort();
        let count = keys.len();
        let contents = keys.clone();
        let content = move |i: usize| match contents[i].ends_with('/') {
            true => Vec::new(),
            false => song(&contents[i]).into_bytes(),
        };
        let synthetic = Synthetic::new("", count, content).named(move |i| keys[i].clone());
        Bucket::new(Faults { synthetic: vec![synthetic], ..Faults::default() })
    }

    fn transform(&self, songs: &str, more: &[&str]) -> Outcome {
        let mut command = self.workspace.command();
        let songs = format!("s3://sparkify/{songs}");
        self.server.apply(&mut command).args(["transform", "--logs", "logs", "--out", "star"]);
        self.workspace.outcome(command.args(["--songs", &songs]).args(more))
    }

    #[track_caller]
    fn assert_reads(&self, songs: &str, more: &[&str], wanted: &[&str]) {
        let outcome = self.transform(songs, more);
        outcome.exits(0);
        let mut wanted = wanted.to_vec();
        wanted.sort_unstable();
        assert_eq!(songs_read(&self.workspace), wanted, "{songs}\n{outcome}");
    }
}
