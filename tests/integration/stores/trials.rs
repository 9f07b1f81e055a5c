//! `doctor --store`: tests the features of a store in a prefix that it removes afterwards.

use super::*;
use crate::support::objects::Conditions;
use crate::support::s3::S3Server;

fn doctor(mut command: Command, workspace: &Workspace, store: &str) -> Outcome {
    workspace.outcome(command.args(["doctor", "--store", store]))
}

#[test]
fn store_with_all_features_passes_and_nothing_is_left() {
    let (workspace, server) = (with_data(), S3Server::start());
    server.put("trial/mine.txt", "mine");
    server.put("other.txt", "other");
    let mut command = workspace.command();
    server.apply(&mut command);
    let outcome = doctor(command, &workspace, "s3://sparkify/trial");
    outcome.exits(0);
    for ability in [
        "write and read",
        "list",
        "ranges",
        "versions",
        "create once",
        "replace",
        "parts",
        "abort",
        "checksum",
        "delete",
    ] {
        outcome.says(&format!("ok      {ability} "));
    }
    assert_eq!(server.keys(""), ["other.txt", "trial/mine.txt"]);
    assert_eq!(server.pending_uploads(), 0);
    let own = |key: &str| key.starts_with("trial/_starlift-doctor-");
    let changes = server.requests().into_iter().filter(|r| ["PUT", "POST"].contains(&&*r.method));
    assert!(changes.filter(|r| !r.query.contains("delete")).all(|r| own(&r.target)));
}

#[test]
fn local_folder_passes_and_is_unchanged() {
    let workspace = with_data();
    workspace.write("there/mine.txt", "mine");
    for folder in ["there", "not/there"] {
        let outcome = doctor(workspace.command(), &workspace, folder);
        outcome.exits(0).says("a file can be locked").says("starlift sends checksums to S3 only");
    }
    assert_eq!(crate::support::files(&workspace.join("there")), ["mine.txt"]);
    assert!(!workspace.join("not").exists());
}

#[test]
fn missing_features_are_reported_with_their_consequences() {
    for (conditions, said) in [
        (Conditions::Ignored, "If-None-Match is ignored"),
        (Conditions::Rejected(501), "conditional puts are rejected"),
        (Conditions::Rejected(400), "conditional puts are rejected"),
    ] {
        let (workspace, store) = (with_data(), MemoryStore::start(conditions));
        let outcome = doctor(on_s3(&workspace, &store.stub.url), &workspace, "s3://bucket/trial");
        outcome.fails_with("doctor-failed").naming(&["create once"]).says(said).says("--lock off");
        assert!(store.keys().is_empty(), "{:?}", store.keys());
    }
}

#[test]
fn google_cloud_storage_is_tested_with_generations() {
    let (workspace, store) = (with_data(), MemoryStore::start(Conditions::Generations));
    let outcome = doctor(on_gcs(&workspace, &store.stub.url), &workspace, "gs://bucket");
    for ability in ["create once", "replace"] {
        outcome.says(&format!("ok      {ability} "));
    }
}

#[test]
fn read_only_store_fails_at_once() {
    let rejection =
        |asked: &stub::StubRequest| (asked.method == "PUT").then(|| stub::answer(403, ""));
    let (workspace, store) = (with_data(), MemoryStore::rejecting(Conditions::Tags, rejection));
    let outcome = doctor(on_s3(&workspace, &store.stub.url), &workspace, "s3://bucket/trial");
    outcome.fails_with("doctor-failed").says("FAILED  write and read").says("another one");
    workspace.write("file", "x");
    doctor(workspace.command(), &workspace, "file/below").fails_with("doctor-failed");
    doctor(workspace.command(), &workspace, "songs/*.json")
        .fails_with("doctor-failed")
        .says("glob");
}
