//! Publishing to stores with and without conditional puts.

use std::collections::BTreeMap;
use std::fmt::{Display, Formatter};
use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult,
};

use super::*;
use crate::star::{FORMAT, FileRecord, ListRecord, RECORD, TableRecord};
use crate::storage::Location;

/// A store without conditional puts.
#[derive(Debug)]
struct Plain(InMemory);

impl Display for Plain {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str("a plain store")
    }
}

#[async_trait]
impl ObjectStore for Plain {
    async fn put_opts(
        &self,
        path: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> object_store::Result<PutResult> {
        if options.mode != PutMode::Overwrite {
            let (operation, implementer) = ("put_opts".to_owned(), self.to_string());
            return Err(object_store::Error::NotImplemented { operation, implementer });
        }
        self.0.put_opts(path, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        path: &Path,
        options: PutMultipartOptions,
    ) -> object_store::Result<Box<dyn MultipartUpload>> {
        self.0.put_multipart_opts(path, options).await
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> object_store::Result<GetResult> {
        self.0.get_opts(path, options).await
    }

    fn delete_stream(
        &self,
        paths: BoxStream<'static, object_store::Result<Path>>,
    ) -> BoxStream<'static, object_store::Result<Path>> {
        self.0.delete_stream(paths)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, object_store::Result<ObjectMeta>> {
        self.0.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> object_store::Result<ListResult> {
        self.0.list_with_delimiter(prefix).await
    }

    async fn copy_opts(
        &self,
        from: &Path,
        to: &Path,
        options: CopyOptions,
    ) -> object_store::Result<()> {
        self.0.copy_opts(from, to, options).await
    }
}

/// Returns an output in a store with conditional puts and one in a store without.
fn outputs() -> [Place; 2] {
    let location = || Location::parse_single("s3://bucket/star").unwrap();
    [
        Place::new(location(), Arc::new(InMemory::new())),
        Place::new(location(), Arc::new(Plain(InMemory::new()))),
    ]
}

async fn begin(out: &Place) -> Publication {
    let tables = vec!["songs".to_owned()];
    Publication::begin(out.clone(), tables, LockMode::On, DEFAULT_FILE_BYTES, 1)
        .await
        .unwrap_or_else(|e| panic!("{e}"))
}

/// Writes one file of songs and returns the record of a star that consists of it.
async fn written(publication: &Publication) -> RunRecord {
    let run_id = publication.run_id.clone();
    let file = |path: String| FileRecord { path, rows: 1, bytes: 4 };
    let songs = TableRecord {
        manifest: publication.manifest_path("songs"),
        files: vec![file(format!("songs/{run_id}-00000.parquet"))],
        ..TableRecord::default()
    };
    let titles = ListRecord {
        file: file(format!("_lists/{run_id}-titles.parquet")),
        ..ListRecord::default()
    };
    let record = RunRecord {
        format: FORMAT,
        inputs: file(format!("_inputs/{run_id}.parquet")),
        rejects: file(format!("_rejects/{run_id}.parquet")),
        tables: BTreeMap::from([("songs".to_owned(), songs)]),
        lists: BTreeMap::from([("titles".to_owned(), titles)]),
        run_id,
        ..RunRecord::default()
    };
    for file in record.files() {
        publication.out.child(&file.path).write("PAR1").await.unwrap();
    }
    record
}

async fn publish(publication: Publication, record: &mut RunRecord, kept: usize) {
    publication.complete(record, kept).await.unwrap();
}

/// Returns the paths below an output, in order.
async fn paths(out: &Place) -> Vec<String> {
    use futures::TryStreamExt;
    let listed: Vec<ObjectMeta> = out.store.list(Some(out.path())).try_collect().await.unwrap();
    let below = listed.into_iter().map(|meta| meta.location.as_ref()["star/".len()..].to_owned());
    let mut paths: Vec<String> = below.collect();
    paths.sort();
    paths
}

/// Returns the expected paths below an output whose star `record` describes.
fn expected_paths(record: &RunRecord) -> Vec<String> {
    let beside = [RECORD, "songs.manifest"].map(str::to_owned);
    let mut expected: Vec<String> = record.paths().chain(beside).collect();
    expected.sort();
    expected
}

#[tokio::test]
async fn stars_are_published_and_superseded_whatever_the_store_can_do() {
    for out in outputs() {
        for _ in 0..3 {
            let publication = begin(&out).await;
            let mut record = written(&publication).await;
            publish(publication, &mut record, 0).await;
            assert_eq!(paths(&out).await, expected_paths(&record), "{}", out.store);
            assert!(copies::agree(&out, &record).await.unwrap());
        }
    }
}

#[tokio::test]
async fn earlier_stars_are_kept() {
    for out in outputs() {
        let mut records: Vec<RunRecord> = Vec::new();
        for kept in [2, 2, 2, 2, 1, 0] {
            let publication = begin(&out).await;
            let mut record = written(&publication).await;
            publish(publication, &mut record, kept).await;
            let earlier = &records[records.len() - kept.min(records.len())..];
            let mut expected = expected_paths(&record);
            expected.extend(earlier.iter().flat_map(RunRecord::star_paths));
            expected.sort();
            assert_eq!(paths(&out).await, expected, "{}", out.store);
            let found: Vec<&str> = record.kept().map(|star| star.run_id.as_str()).collect();
            let earlier: Vec<&str> = earlier.iter().rev().map(|star| &*star.run_id).collect();
            assert_eq!(found, earlier);
            assert_eq!(record.history.len(), records.len());
            records.push(record);
        }
    }
}

#[tokio::test]
async fn files_of_kept_stars_stay_if_their_record_cannot_be_read() {
    let damaged = outputs().into_iter().map(|out| (out, false));
    let missing = outputs().into_iter().map(|out| (out, true));
    for (out, is_missing) in damaged.chain(missing) {
        let publication = begin(&out).await;
        let mut first = written(&publication).await;
        publish(publication, &mut first, 0).await;
        let publication = begin(&out).await;
        let mut second = written(&publication).await;
        publish(publication, &mut second, 1).await;
        let path = second.kept().next().unwrap().path();
        match is_missing {
            true => out.child(&path).remove().await.unwrap(),
            false => out.child(&path).write("{").await.unwrap(),
        }
        let before = paths(&out).await;
        let publication = begin(&out).await;
        let mut third = written(&publication).await;
        publish(publication, &mut third, 2).await;
        let after = paths(&out).await;
        assert!(before.iter().all(|path| after.contains(path)), "{before:?} {after:?}");
    }
}

#[tokio::test]
async fn a_record_that_changed_since_is_not_replaced() {
    for out in outputs() {
        let publication = begin(&out).await;
        let mut first = written(&publication).await;
        publish(publication, &mut first, 0).await;
        let late = begin(&out).await;
        let record = written(&late).await;
        let json = RunRecord { run_id: "other".to_owned(), ..first.clone() }.to_json().unwrap();
        out.child(RECORD).write(json.clone()).await.unwrap();
        match late.current.replace(&late.run_id, record.to_json().unwrap()).await {
            Err(NotReplaced::Known(Error::Overtaken { found, .. })) => {
                assert_eq!(found, "it is now the record of run other");
            }
            _ => panic!("it was replaced in {}", out.store),
        }
        assert_eq!(out.child(RECORD).read().await.unwrap().unwrap(), json);
    }
}

#[tokio::test]
async fn a_lease_that_was_taken_over_is_known_to_be_lost_and_left_alone() {
    for out in outputs() {
        let publication = begin(&out).await;
        let mut record = written(&publication).await;
        out.child(lock::LOCK).write(r#"{"run_id": "other"}"#).await.unwrap();
        match publication.publish(&mut record, 0).await {
            Published::No(Error::Locked { .. }) => {}
            _ => panic!("it was published in {}", out.store),
        }
        assert!(matches!(publication.lost().await, Error::Locked { .. }));
        publication.rollback().await;
        // The rejects explain the failure, and the lease belongs to the other run.
        let left = [lock::LOCK.to_owned(), record.rejects.path];
        assert_eq!(paths(&out).await, left, "{}", out.store);
    }
}
