//! The page of `fixtures/sample`, compared with `tests/golden/report/sample.html`.
//!
//! `STARLIFT_UPDATE_GOLDEN=1` rewrites the file: review the diff, and open the file in a browser, before you commit it.

use std::path::PathBuf;

use super::*;
use crate::support::files;

/// Replaces the text between each `begin` and the next `end`.
fn without(page: &str, begin: &str, end: &str, placeholder: &str) -> String {
    let mut parts = page.split(begin);
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (_, rest) = part.split_once(end).unwrap();
        shown += &format!("{begin}{placeholder}{end}{rest}");
    }
    shown
}

/// Replaces each hash, 32 hexadecimal digits.
fn without_hashes(page: &str) -> String {
    let is_digit = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    let mut shown = String::new();
    let mut rest = page;
    while let Some(at) = rest.find(is_digit) {
        let end = rest[at..].find(|c| !is_digit(c)).map_or(rest.len(), |length| at + length);
        shown += &rest[..at];
        shown += if end - at == 32 { "HASH" } else { &rest[at..end] };
        rest = &rest[end..];
    }
    shown + rest
}

/// Length of the path of the copy of the sample. Pages shorten long lists of paths, so it must be the same everywhere.
const FOLDER_BYTES: usize = 72;

/// Returns a folder of that length.
fn folder(here: &Workspace) -> PathBuf {
    let parent = here.path().to_str().unwrap().len() + 1;
    here.join(&"f".repeat(FOLDER_BYTES.checked_sub(parent).expect("TMPDIR has a long path")))
}

/// Transforms a copy of the sample.
fn with_copied_sample() -> Workspace {
    let here = Workspace::new();
    let copy = folder(&here);
    for file in files(&root("fixtures/sample")) {
        let path = copy.join(&file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::copy(root("fixtures/sample").join(&file), path).unwrap();
    }
    let [songs, logs] = ["song_data", "log_data"].map(|name| copy.join(name));
    let inputs = ["--songs", songs.to_str().unwrap(), "--logs", logs.to_str().unwrap()];
    let args = ["--out", "star", "--max-rejects", "14"];
    here.run(["transform"].iter().chain(&inputs).chain(&args)).exits(0);
    here
}

/// Returns a page with placeholders for what differs between runs, versions and checkouts, with one element per line.
fn comparable(here: &Workspace, page: &str) -> String {
    let record: serde_json::Value =
        serde_json::from_str(&here.read("star/_starlift.json")).unwrap();
    let text = |name: &str| record[name].as_str().unwrap().to_owned();
    let version = env!("CARGO_PKG_VERSION");
    let finished = text("finished_at").replace('T', " ").replace('Z', " UTC");
    let star = here.join("star");
    let mut page = page.to_owned();
    for (found, placeholder) in [
        (text("run_id"), "RUN"),
        (finished, "TIME"),
        (star.to_str().unwrap().to_owned(), "STAR"),
        (folder(here).to_str().unwrap().to_owned(), "SAMPLE"),
        (format!("starlift {version}"), "starlift VERSION"),
        (format!("run by version {version}"), "run by version VERSION"),
    ] {
        assert!(page.contains(&found), "the page lacks {found}");
        page = page.replace(&found, placeholder);
    }
    // Paths are escaped in them.
    let page = without(&page, "data:text/csv;base64,", "\"", "CSV");
    let page = without(&page, "data:text/csv;charset=utf-8,", "\"", "CSV");
    without_hashes(&page).replace("><", ">\n<") + "\n"
}

#[test]
fn the_page_of_the_sample_is_the_golden_one() {
    let here = with_copied_sample();
    let found = comparable(&here, &page(&here, &[]));
    let path = root("tests/golden/report/sample.html");
    if std::env::var_os("STARLIFT_UPDATE_GOLDEN").is_some_and(|value| value == "1") {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &found).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap();
    let lines = golden.lines().zip(found.lines()).enumerate();
    if let Some((at, (golden, found))) = { lines }.find(|(_, (golden, found))| golden != found) {
        panic!("line {} differs:\n  {golden}\n  {found}", at + 1);
    }
    assert_eq!(golden.lines().count(), found.lines().count(), "{path:?} has other lines");
}

#[test]
fn pages_of_two_runs_are_equal_but_for_placeholders() {
    let (one, other) = (with_copied_sample(), with_copied_sample());
    let (first, second) = (page(&one, &[]), page(&other, &[]));
    assert!(first != second, "runs have different IDs");
    assert!(comparable(&one, &first) == comparable(&other, &second), "the pages differ");
}
