//! `starlift report`: the page, its numbers and its errors.

mod browser;
mod edges;
mod files;
mod lists;
mod outline;
mod warehouses;

use std::path::{Path, PathBuf};

use crate::support::{Outcome, Workspace};

/// Returns a file or folder of the checkout.
fn root(relative: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(relative)
}

/// Builds `star` from `fixtures/sample`, with its 14 bad records allowed.
fn with_star() -> Workspace {
    let here = Workspace::new();
    let (songs, logs) = (root("fixtures/sample/song_data"), root("fixtures/sample/log_data"));
    let inputs = ["--songs", songs.to_str().unwrap(), "--logs", logs.to_str().unwrap()];
    let args = ["--out", "star", "--max-rejects", "14"];
    here.run(["transform"].iter().chain(&inputs).chain(&args)).exits(0);
    here
}

fn report(here: &Workspace, more: &[&str]) -> Outcome {
    here.run(["report", "--star", "star", "--out", "report.html"].iter().chain(more))
}

/// Writes a report and returns it.
#[track_caller]
fn page(here: &Workspace, more: &[&str]) -> String {
    report(here, more).exits(0);
    here.read("report.html")
}

/// Returns the part of a page from the figure `name` to the end of it.
#[track_caller]
fn figure(page: &str, name: &str) -> String {
    let begin = page
        .find(&format!("<figure id=\"figure-{name}\""))
        .unwrap_or_else(|| panic!("no figure {name}"));
    let end = page[begin..].find("</figure>").unwrap();
    page[begin..begin + end].to_owned()
}

/// Returns the cells of the body of the first table in a part of a page, row by row.
fn cells(part: &str) -> Vec<Vec<String>> {
    let body = part
        .split("<tbody>")
        .nth(1)
        .and_then(|rest| rest.split("</tbody>").next())
        .unwrap_or_default();
    let rows = body.split("<tr>").skip(1);
    rows.map(|row| row.split("</t").filter_map(cell).collect()).collect()
}

/// Returns the text of a cell that begins in `part`.
fn cell(part: &str) -> Option<String> {
    let begin = part.rfind("<td").or_else(|| part.rfind("<th"))?;
    let content = part[begin..].split_once('>')?.1;
    Some(content.replace("<bdi>", "").replace("</bdi>", ""))
}

/// Writes one log file of events, each the fields of a play.
fn with_plays(songs: &str, plays: &[serde_json::Value]) -> Workspace {
    let here = Workspace::new();
    here.write("songs/s.json", songs);
    let lines: Vec<String> = plays.iter().map(ToString::to_string).collect();
    here.write("logs/l.json", lines.join("\n"));
    here.run(["transform", "--songs", "songs", "--logs", "logs", "--out", "star", "--allow-empty"])
        .exits(0);
    here
}

const SONG: &str =
    r#"{"song_id":"S1","title":"T","artist_id":"A1","artist_name":"N","duration":9.5,"year":0}"#;

/// A play of the user `user` at a time.
fn play(user: u64, ts: i64, item: u64) -> serde_json::Value {
    serde_json::json!({"ts": ts, "page": "NextSong", "userId": user.to_string(), "sessionId": user,
        "itemInSession": item, "artist": "N", "song": "T", "length": 9.5, "level": "free", "gender": "F",
        "firstName": "Adalbertina", "lastName": "Zwistelhoff", "location": "Lyon"})
}

/// 2018-11-01 12:00 in milliseconds.
const NOON: i64 = 1_541_073_600_000;
const DAY: i64 = 86_400_000;
