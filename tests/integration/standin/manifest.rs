//! Objects that a COPY reads.

use super::cluster::{Cluster, Session};
use super::files::people;

async fn cluster() -> (Cluster, Session) {
    let cluster = Cluster::start().await;
    let session = cluster.session().await;
    session.run("CREATE TABLE people (id BIGINT, name VARCHAR(5))").await;
    cluster.s3.put("data/year=2018/a.parquet", people(&[(1, None)]));
    cluster.s3.put("data/b.parquet", people(&[(2, None)]));
    (cluster, session)
}

fn copy(cluster: &Cluster, key: &str) -> String {
    format!("COPY people {} MANIFEST", cluster.from(key))
}

/// Writes a manifest with one entry of these fields; `FILE` and `SIZE` stand for those of an
/// existing file.
fn entry(cluster: &Cluster, fields: &str) {
    let size = cluster.s3.get("data/b.parquet").unwrap().len();
    let fields = fields
        .replace("FILE", &cluster.s3.url("data/b.parquet"))
        .replace("SIZE", &size.to_string());
    cluster.s3.put("m.manifest", format!("{{\"entries\": [{{{fields}}}]}}"));
}

#[tokio::test]
async fn only_listed_files_are_loaded() {
    let (cluster, session) = cluster().await;
    cluster.manifest("m.manifest", &["data/year=2018/a.parquet", "data/b.parquet"]);
    session.run(&copy(&cluster, "m.manifest")).await;
    assert_eq!(session.rows("SELECT id FROM people ORDER BY id").await, [["1"], ["2"]]);
}

#[tokio::test]
async fn repeated_entry_is_loaded_twice() {
    let (cluster, session) = cluster().await;
    cluster.manifest("m.manifest", &["data/b.parquet", "data/b.parquet"]);
    session.run(&copy(&cluster, "m.manifest")).await;
    assert_eq!(session.value("SELECT count(*) FROM people").await, "2");
}

#[tokio::test]
async fn every_entry_needs_a_length() {
    let (cluster, session) = cluster().await;
    entry(&cluster, r#""url": "FILE", "mandatory": true"#);
    let rejection = session.error_of(&copy(&cluster, "m.manifest")).await;
    assert!(rejection.message.contains("File entry does not have 'meta' key."), "{rejection:?}");
    assert!(rejection.detail.contains("code:      15003"), "{rejection:?}");
    assert!(rejection.detail.contains("spectrum_manifest.cpp"), "{rejection:?}");
}

#[tokio::test]
async fn length_must_be_that_of_the_object() {
    let (cluster, session) = cluster().await;
    entry(&cluster, r#""url": "FILE", "meta": {"content_length": 1SIZE}"#);
    let text = "HTTP response error code: 416";
    session.rejects(&copy(&cluster, "m.manifest"), "XX000", text).await;
    session.rejects(&copy(&cluster, "m.manifest"), "XX000", "InvalidRange").await;
}

#[tokio::test]
async fn missing_mandatory_file_is_an_error() {
    let (cluster, session) = cluster().await;
    let missing = r#""url": "FILE.none", "mandatory": true, "meta": {"content_length": SIZE}"#;
    let present = r#""url": "FILE", "meta": {"content_length": SIZE}"#;
    entry(&cluster, &format!("{present}}}, {{{missing}"));
    let text = "Spectrum Scan Error: File not found";
    session.rejects(&copy(&cluster, "m.manifest"), "XX000", text).await;
    assert_eq!(session.value("SELECT count(*) FROM people").await, "0");
}

#[tokio::test]
async fn missing_optional_file_is_skipped() {
    let (cluster, session) = cluster().await;
    let missing = r#""url": "FILE.none", "meta": {"content_length": SIZE}"#;
    let present = r#""url": "FILE", "meta": {"content_length": SIZE}"#;
    entry(&cluster, &format!("{missing}}}, {{{present}"));
    session.run(&copy(&cluster, "m.manifest")).await;
    assert_eq!(session.value("SELECT count(*) FROM people").await, "1");
    entry(&cluster, missing);
    session.rejects(&copy(&cluster, "m.manifest"), "XX000", "File not found").await;
}

#[tokio::test]
async fn double_slash_is_a_different_key() {
    let (cluster, session) = cluster().await;
    let twice = cluster.s3.url("data/b.parquet").replace("data/b", "data//b");
    let fields = format!(
        "\"url\": \"{twice}\", \"mandatory\": true, \"meta\": {{\"content_length\": SIZE}}"
    );
    entry(&cluster, &fields);
    session.rejects(&copy(&cluster, "m.manifest"), "XX000", "File not found").await;
}

#[tokio::test]
async fn manifest_must_exist_and_be_json() {
    let (cluster, session) = cluster().await;
    session.rejects(&copy(&cluster, "none.manifest"), "XX000", "NoSuchKey").await;
    cluster.s3.put("m.manifest", "not json");
    session.rejects(&copy(&cluster, "m.manifest"), "XX000", "not in correct json format").await;
    cluster.s3.put("m.manifest", "{}");
    session.rejects(&copy(&cluster, "m.manifest"), "XX000", "entries").await;
    session.rejects(&copy(&cluster, "data/b.parquet"), "XX000", "json").await;
}

#[tokio::test]
async fn without_a_manifest_the_path_is_a_prefix() {
    let (cluster, session) = cluster().await;
    session.run(&format!("COPY people {}", cluster.from("data/"))).await;
    assert_eq!(session.value("SELECT pg_last_copy_count()").await, "2");
    session.run(&format!("COPY people {}", cluster.from("data/y"))).await;
    assert_eq!(session.value("SELECT pg_last_copy_count()").await, "1");
}

#[tokio::test]
async fn prefix_treats_markers_as_files() {
    let (cluster, session) = cluster().await;
    cluster.s3.put("data/_SUCCESS", "");
    let copy = format!("COPY people {}", cluster.from("data/"));
    session.rejects(&copy, "XX000", "invalid version number").await;
}

#[tokio::test]
async fn prefix_without_matches_loads_nothing() {
    let (cluster, session) = cluster().await;
    session.run(&format!("COPY people {}", cluster.from("nothing/"))).await;
    assert_eq!(session.value("SELECT count(*) FROM people").await, "0");
}

#[tokio::test]
async fn messages_show_keys_escaped() {
    let (cluster, session) = cluster().await;
    cluster.s3.put("x=1.parquet", "no parquet");
    let rejection = session.error_of(&format!("COPY people {}", cluster.from("x=1.parquet"))).await;
    assert!(rejection.detail.contains("x%3D1.parquet"), "{rejection:?}");
}
