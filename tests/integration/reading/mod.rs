//! Input files in every format and compression, named by locations on local disk and on web
//! servers.

mod dry_run;
mod files;
mod formats;
mod selection;
mod web;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use crate::support::{Outcome, Workspace, files};

const TABLES: [&str; 5] = ["songplays", "users", "songs", "artists", "time"];

/// A valid song record.
const SONG: &str = r#"{"song_id":"SO1","title":"One","artist_id":"AR1","artist_name":"Any"}"#;

/// An event that is not a play.
const EVENT: &str = r#"{"ts":1541044398796,"page":"Home","userId":"7","sessionId":1}"#;

/// Generates data in `data`: one file of songs and one of events.
fn sample() -> Workspace {
    let workspace = Workspace::new();
    let generate = "generate --songs 30 --events 300 --users 9 --days 1 --out made";
    workspace.run(generate.split(' ')).exits(0);
    for (dataset, file) in [("song_data", "songs"), ("log_data", "logs")] {
        let made = workspace.join("made").join(dataset);
        let lines = files(&made).into_iter().map(|file| std::fs::read(made.join(file)).unwrap());
        workspace.write(&format!("data/{file}.json"), lines.collect::<Vec<_>>().join(&b'\n'));
    }
    workspace
}

/// Creates a workspace with the smallest data for a star, and song files with these names.
fn with_songs(names: &[&str]) -> Workspace {
    let workspace = Workspace::new();
    workspace.write("logs/day.json", EVENT);
    for name in names {
        workspace.write(&format!("songs/{name}"), SONG);
    }
    workspace
}

fn transform(workspace: &Workspace, songs: &[&str], logs: &str, out: &str) -> Outcome {
    let mut command = workspace.command();
    command.args(["transform", "--songs"]).args(songs).args(["--logs", logs, "--out", out]);
    workspace.outcome(&mut command)
}

/// Returns the Parquet bytes of each table, which must consist of one file.
fn tables(star: &Path) -> BTreeMap<&'static str, Vec<u8>> {
    let bytes = |table: &str| {
        let names = files(&star.join(table));
        assert_eq!(names.len(), 1, "{table} in {}: {names:?}", star.display());
        std::fs::read(star.join(table).join(&names[0])).unwrap()
    };
    TABLES.into_iter().map(|table| (table, bytes(table))).collect()
}

#[track_caller]
fn assert_same_star(workspace: &Workspace, one: &str, other: &str) {
    let (one, other) = (tables(&workspace.join(one)), tables(&workspace.join(other)));
    for table in TABLES {
        assert!(one[table] == other[table], "{table} differs");
    }
}

/// Returns the song objects that a dry run lists for these locations, as paths relative to the
/// workspace.
#[track_caller]
fn listed(workspace: &Workspace, songs: &[&str]) -> Vec<String> {
    let mut command = workspace.command();
    command.args(["transform", "--dry-run", "--out", "star", "--logs", "logs", "--songs"]);
    let outcome = workspace.outcome(command.args(songs));
    outcome.exits(0);
    let lines = outcome.stdout.lines().skip(1).take_while(|line| line.starts_with("  /"));
    let root = workspace.path().to_str().unwrap();
    let name = |line: &str| {
        let url = line.trim_start().rsplit_once(" (").unwrap().0;
        url.strip_prefix(root).unwrap().trim_start_matches('/').to_owned()
    };
    let mut names: Vec<String> = lines.map(name).collect();
    names.sort();
    names
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn zstd(plain: &[u8]) -> Vec<u8> {
    zstd::encode_all(plain, 1).unwrap()
}
