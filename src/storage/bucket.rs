//! Buckets as flat sets of keys, listed in parallel.

use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::{self, BoxStream, Stream, StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

/// Maximum number of concurrent list requests.
const LIST_CONCURRENCY: usize = 16;

/// Prefixes are expanded level by level until there are this many to list in parallel.
const LIST_FAN_OUT: usize = 32;

/// Maximum number of levels to expand. Deeper folders rarely divide the keys further.
const LIST_LEVELS: usize = 3;

/// Maximum number of listed objects that wait to be read.
const LISTED_AHEAD: usize = 4096;

/// An object in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub key: String,
    pub size: u64,
    pub etag: Option<String>,
}

/// An item of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    Object(Entry),
    /// A prefix of keys that ends with a slash; only in delimited listings.
    Folder(String),
}

/// A bucket of objects.
#[async_trait]
pub(super) trait Bucket: std::fmt::Debug + Send + Sync {
    /// Returns the object `key`, or `None` if it does not exist.
    async fn head(&self, key: &str) -> object_store::Result<Option<Entry>>;

    /// Lists the keys that begin with `prefix`; if `delimited`, only up to the next slash.
    fn list(
        self: Arc<Self>,
        prefix: String,
        delimited: bool,
    ) -> BoxStream<'static, object_store::Result<Found>>;
}

/// Lists all objects whose keys begin with `prefix`.
///
/// A listing is a chain of pages of a thousand keys each, and only different prefixes can be listed in
/// parallel, so this expands the folders first. Objects are returned as they are found.
pub(super) fn walk(
    bucket: Arc<dyn Bucket>,
    prefix: String,
) -> impl Stream<Item = object_store::Result<Entry>> {
    let (sender, receiver) = mpsc::channel(LISTED_AHEAD);
    let walk = tokio::spawn(async move {
        if let Err(error) = list_by_level(bucket, prefix, &sender).await {
            // The receiver is dropped when the run ends.
            let _ = sender.send(Err(error)).await;
        }
    });
    let begin = (receiver, AbortOnDropHandle::new(walk));
    stream::unfold(begin, |(mut receiver, walk)| async move {
        Some((receiver.recv().await?, (receiver, walk)))
    })
}

async fn list_by_level(
    bucket: Arc<dyn Bucket>,
    prefix: String,
    sender: &mpsc::Sender<object_store::Result<Entry>>,
) -> object_store::Result<()> {
    let mut frontier = vec![prefix];
    for level in 0..=LIST_LEVELS {
        let delimited = level < LIST_LEVELS && frontier.len() < LIST_FAN_OUT;
        let prefixes = std::mem::take(&mut frontier);
        let mut found = stream::iter(prefixes)
            .map(|prefix| bucket.clone().list(prefix, delimited))
            .flatten_unordered(LIST_CONCURRENCY);
        while let Some(found) = found.try_next().await? {
            match found {
                Found::Folder(folder) => frontier.push(folder),
                Found::Object(entry) => {
                    if sender.send(Ok(entry)).await.is_err() {
                        return Ok(());
                    }
                }
            }
        }
        if frontier.is_empty() {
            break;
        }
    }
    Ok(())
}

/// A bucket accessed through object_store.
#[derive(Debug)]
pub(super) struct StoreBucket(pub Arc<dyn ObjectStore>);

#[async_trait]
impl Bucket for StoreBucket {
    async fn head(&self, key: &str) -> object_store::Result<Option<Entry>> {
        match self.0.head(&Path::parse(key)?).await {
            Ok(meta) => Ok(Some(entry(meta))),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn list(
        self: Arc<Self>,
        prefix: String,
        delimited: bool,
    ) -> BoxStream<'static, object_store::Result<Found>> {
        let path = match Path::parse(&prefix) {
            Ok(path) => path,
            Err(error) => return stream::iter([Err(error.into())]).boxed(),
        };
        if !delimited {
            return self.0.list(Some(&path)).map_ok(|meta| Found::Object(entry(meta))).boxed();
        }
        let listed = async move {
            let level = self.0.list_with_delimiter(Some(&path)).await?;
            let folders = level.common_prefixes.into_iter();
            let folders = folders.map(|folder| Found::Folder(format!("{folder}/")));
            let objects = level.objects.into_iter().map(|meta| Found::Object(entry(meta)));
            let found = stream::iter(folders.chain(objects).map(Ok));
            Ok::<_, object_store::Error>(found)
        };
        stream::once(listed).try_flatten().boxed()
    }
}

fn entry(meta: ObjectMeta) -> Entry {
    Entry { key: meta.location.into(), size: meta.size, etag: meta.e_tag }
}
