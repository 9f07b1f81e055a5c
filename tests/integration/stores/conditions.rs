//! Locks and records in stores that compare generations, compare ETags, or ignore conditions.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::time::{Duration, SystemTime};

use super::*;
use crate::support::objects::Conditions;
use crate::support::s3::S3Server;

const WARNING: &str = "this store has no conditional puts";

/// Returns a lease of another run that expires in `seconds` seconds.
fn lease(seconds: i64) -> Vec<u8> {
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis() as i64;
    let end = now + seconds * 1000;
    format!(
        r#"{{"run_id":"20181112T030405Z-0a1b2c3d","host":"elsewhere","process":1,"expires_at_ms":{end},"lease_ms":120000}}"#
    )
    .into()
}

#[test]
fn google_cloud_storage_compares_generations() {
    let (workspace, store) = (with_data(), MemoryStore::start(Conditions::Generations));
    for _ in 0..2 {
        let command = on_gcs(&workspace, &store.stub.url);
        let outcome = transform(command, &workspace, "gs://bucket/star", &[]);
        assert!(!outcome.exits(0).stderr.contains(WARNING), "{outcome}");
    }
    assert!(!store.keys().contains(&"star/_lock".to_owned()));
    let puts = store.stub.asked();
    let record = puts.iter().filter(|put| put.method == "PUT");
    let record: Vec<_> = record.filter(|put| put.path == "/bucket/star/_starlift.json").collect();
    let generation = |i: usize| record[i].header("x-goog-if-generation-match").unwrap();
    assert_eq!((record.len(), generation(0)), (2, "0"));
    assert!(generation(1).parse::<u64>().unwrap() > 1000);
}

#[test]
fn google_cloud_storage_run_takes_over_an_expired_lock_but_not_a_live_one() {
    let (workspace, store) = (with_data(), MemoryStore::start(Conditions::Generations));
    let run =
        || transform(on_gcs(&workspace, &store.stub.url), &workspace, "gs://bucket/star", &[]);
    store.put("star/_lock", lease(100));
    run().fails_with("output-locked").naming(&["gs://bucket/star"]);
    store.put("star/_lock", lease(-1));
    store.age("star/_lock", Duration::from_secs(300));
    run().exits(0).complains("took over the lock of a run that had died");
}

#[test]
fn store_without_conditional_puts_is_reported_once_and_still_locked() {
    let without = [501, 400, 405].map(Conditions::Rejected);
    for conditions in without.into_iter().chain([Conditions::Ignored]) {
        let (workspace, store) = (with_data(), MemoryStore::start(conditions));
        let run = |more: &[&str]| {
            transform(on_s3(&workspace, &store.stub.url), &workspace, "s3://bucket/star", more)
        };
        for _ in 0..2 {
            let outcome = run(&[]);
            outcome.exits(0).complains(WARNING).complains("--lock off");
            assert_eq!(outcome.stderr.matches(WARNING).count(), 1, "{conditions:?}\n{outcome}");
        }
        let held = lease(100);
        store.put("star/_lock", &held);
        run(&[]).fails_with("output-locked");
        assert_eq!(store.get("star/_lock"), Some(held), "{conditions:?}");
    }
}

#[test]
fn unrelated_bad_request_is_reported_unchanged() {
    let rejection = |asked: &stub::StubRequest| {
        (asked.method == "PUT")
            .then(|| stub::answer(400, "<Error><Code>ExpiredToken</Code></Error>"))
    };
    let (workspace, store) = (with_data(), MemoryStore::rejecting(Conditions::Tags, rejection));
    let command = on_s3(&workspace, &store.stub.url);
    let outcome = transform(command, &workspace, "s3://bucket/star", &[]);
    assert!(!outcome.exits(1).complains("ExpiredToken").stderr.contains(WARNING), "{outcome}");
}

#[test]
fn lock_off_neither_reads_nor_writes_a_lock() {
    let toml = "[transform]\nlock = \"off\"\n";
    for (more, file) in [(&["--lock", "off"][..], ""), (&[], toml)] {
        let (workspace, store) = (with_data(), MemoryStore::start(Conditions::Ignored));
        workspace.write("starlift.toml", file);
        for _ in 0..2 {
            let command = on_s3(&workspace, &store.stub.url);
            let outcome = transform(command, &workspace, "s3://bucket/star", more);
            assert!(!outcome.exits(0).stderr.contains(WARNING), "{outcome}");
        }
        assert!(store.stub.asked().iter().all(|asked| !asked.path.ends_with("_lock")));
    }
    let workspace = with_data();
    transform(workspace.command(), &workspace, "star", &["--lock", "off"]).exits(0);
    assert!(!workspace.join("star/_lock").exists());
}

#[test]
fn lock_off_removes_only_files_of_the_previous_star() {
    let (workspace, store) = (with_data(), MemoryStore::start(Conditions::Tags));
    // Another run could be about to publish these.
    let other = "star/songs/20181112T030405Z-0a1b2c3d-00000.parquet";
    store.put(other, "PAR1");
    let run = |more: &[&str]| {
        let command = on_s3(&workspace, &store.stub.url);
        transform(command, &workspace, "s3://bucket/star", more).exits(0);
        store.keys().into_iter().filter(|key| key.starts_with("star/songs/")).collect::<Vec<_>>()
    };
    assert_eq!(run(&["--lock", "off"]).len(), 2);
    let twice = run(&["--lock", "off"]);
    assert_eq!(twice.len(), 2, "the first star's file is gone: {twice:?}");
    assert!(twice.contains(&other.to_owned()));
    assert_eq!(run(&[]).len(), 1, "a run with a lock is alone");
}

#[test]
fn lock_off_does_not_replace_a_record_that_changed_during_the_run() {
    let (second, reads) = (Arc::new(AtomicBool::new(false)), AtomicUsize::new(0));
    let is_second = second.clone();
    // Another writer replaces the record after the second run has read it twice.
    let rejection = move |asked: &stub::StubRequest| {
        let is_read = asked.path.ends_with("_starlift.json") && asked.method == "GET";
        let late = is_read && is_second.load(Relaxed) && reads.fetch_add(1, Relaxed) >= 2;
        late.then(|| {
            let mut other = stub::answer(200, r#"{"run_id":"other"}"#);
            other.headers_mut().insert("etag", "\"other\"".parse().unwrap());
            other
        })
    };
    let (workspace, store) = (with_data(), MemoryStore::rejecting(Conditions::Ignored, rejection));
    let run = || {
        let command = on_s3(&workspace, &store.stub.url);
        transform(command, &workspace, "s3://bucket/star", &["--lock", "off"])
    };
    run().exits(0);
    second.store(true, Relaxed);
    let before = store.get("star/_starlift.json");
    let outcome = run();
    outcome.fails_with("overtaken");
    assert_eq!(store.get("star/_starlift.json"), before);
}

#[test]
fn object_that_is_not_a_lock_is_left_alone() {
    for content in ["", "{}", "the lock of another program"] {
        let (workspace, server) = (with_data(), S3Server::start());
        server.put("star/_lock", content);
        let mut command = workspace.command();
        server.apply(&mut command);
        let outcome = transform(command, &workspace, "s3://sparkify/star", &[]);
        outcome.fails_with("file-failed").naming(&["s3://sparkify/star/_lock"]);
        outcome.complains("remove it");
        assert_eq!(server.get("star/_lock").unwrap(), content.as_bytes());
    }
}
