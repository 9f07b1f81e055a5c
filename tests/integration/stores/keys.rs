//! Keys that cannot be represented as paths, in Google Cloud Storage and Azure.

use super::*;
use crate::support::objects::Conditions;

const ODD: [&str; 7] = [
    "songs//b.json",
    "songs/x//c.json",
    "songs/./d.json",
    "songs/../e.json",
    "songs/x\u{1}.json",
    "songs/full/",
    "songs/x/",
];

/// Starts a store with such keys, folder markers and two songs.
fn store() -> MemoryStore {
    let store = MemoryStore::start(Conditions::Generations);
    for key in ODD.into_iter().chain(["songs/a.json", "songs/x/y/z.json"]) {
        store.put(key, SONG.replace("SO1", &key.escape_default().to_string()));
    }
    store.put("songs/", "");
    store.put("songs/empty/", "");
    store
}

fn assert_others_are_read(workspace: &Workspace, mut command: Command, songs: &str) {
    let arguments = ["transform", "--logs", "logs", "--out", "star", "--songs", songs];
    let outcome = workspace.outcome(command.args(arguments));
    outcome.exits(0).says("songs     2 objects listed = 2 read");
    // Warnings name the folder of all keys below an invalid path segment.
    let folders = ["songs//", "songs/x//", "songs/./", "songs/../"];
    for named in folders.iter().chain(&["songs/full/", "songs/x/", "songs/x"]) {
        outcome.complains(&format!("bucket/{named}"));
    }
    let markers = ["bucket/songs/ ", "songs/empty/"];
    assert!(markers.iter().all(|marker| !outcome.stderr.contains(marker)), "{outcome}");
    outcome.complains("an object whose key cannot be read was skipped");
    outcome.complains("a folder whose keys cannot be read was skipped");
}

#[test]
fn google_cloud_storage_keys_that_are_not_paths_are_reported_and_skipped() {
    let (workspace, store) = (with_data(), store());
    assert_others_are_read(&workspace, on_gcs(&workspace, &store.stub.url), "gs://bucket/songs");
}

#[test]
fn azure_keys_that_are_not_paths_are_reported_and_skipped() {
    let (workspace, store) = (with_data(), store());
    assert_others_are_read(&workspace, on_azure(&workspace, &store.stub.url), "az://bucket/songs");
}

#[test]
fn many_unreadable_keys_are_summarized() {
    let (workspace, store) = (with_data(), store());
    for i in 0..100 {
        store.put(&format!("songs/{i:03}/"), SONG);
    }
    let mut command = on_gcs(&workspace, &store.stub.url);
    command.args(["transform", "--logs", "logs", "--out", "star", "--songs", "gs://bucket/songs"]);
    let outcome = workspace.outcome(&mut command);
    outcome.exits(0).complains("more keys that cannot be read were skipped");
    assert!(outcome.stderr.lines().count() < 40, "{outcome}");
}
