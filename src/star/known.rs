//! A read-only object store that contains the files of one table and nothing else.
//!
//! DataFusion looks up a table's files each time it plans a query, and treats a missing file as a table
//! without rows. This store keeps the metadata found when the star was opened, so a file that is missing
//! when it is read is an error.

use std::collections::HashMap;
use std::fmt::{Debug, Display, Formatter};
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use object_store::path::Path;
use object_store::{
    Attributes, CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult,
    MultipartUpload, ObjectMeta, ObjectStore, PutMultipartOptions, PutOptions, PutPayload,
    PutResult, Result,
};

/// The files of a table, with their metadata from the time the star was opened.
#[derive(Debug)]
pub(super) struct KnownFiles {
    store: Arc<dyn ObjectStore>,
    files: HashMap<Path, ObjectMeta>,
}

/// The reason that a file was not found.
#[derive(Debug, thiserror::Error)]
enum Missing {
    #[error(
        "it was part of the star when the star was opened; another run has replaced the star, or \
         the file was removed: run the command again"
    )]
    Removed,
    #[error("the star does not contain this file")]
    Unknown,
}

impl KnownFiles {
    /// Creates a store of the files in `found`, which are read from `store`.
    pub fn new(store: Arc<dyn ObjectStore>, found: Vec<ObjectMeta>) -> KnownFiles {
        let files = found.into_iter().map(|meta| (meta.location.clone(), meta)).collect();
        KnownFiles { store, files }
    }

    fn known(&self, location: &Path) -> Result<&ObjectMeta> {
        let unknown = || missing(location, Missing::Unknown);
        self.files.get(location).ok_or_else(unknown)
    }

    fn read_only<T>(&self, operation: &str) -> Result<T> {
        let (operation, implementer) = (operation.to_owned(), self.to_string());
        Err(Error::NotImplemented { operation, implementer })
    }
}

fn missing(location: &Path, source: Missing) -> Error {
    Error::NotFound { path: location.to_string(), source: Box::new(source) }
}

/// Adds the reason to the error if a known file is not found.
fn removed(location: &Path, error: Error) -> Error {
    match error {
        Error::NotFound { .. } => missing(location, Missing::Removed),
        other => other,
    }
}

impl Display for KnownFiles {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "the files of a star in {}", self.store)
    }
}

#[async_trait]
impl ObjectStore for KnownFiles {
    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let meta = self.known(location)?;
        if options.head {
            return Ok(GetResult {
                payload: GetResultPayload::Stream(stream::empty().boxed()),
                range: 0..meta.size,
                meta: meta.clone(),
                attributes: Attributes::default(),
            });
        }
        let found = self.store.get_opts(location, options).await;
        found.map_err(|error| removed(location, error))
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.known(location)?;
        let found = self.store.get_ranges(location, ranges).await;
        found.map_err(|error| removed(location, error))
    }

    fn list(&self, _: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        stream::iter([self.read_only("list")]).boxed()
    }

    async fn list_with_delimiter(&self, _: Option<&Path>) -> Result<ListResult> {
        self.read_only("list_with_delimiter")
    }

    async fn put_opts(&self, _: &Path, _: PutPayload, _: PutOptions) -> Result<PutResult> {
        self.read_only("put")
    }

    async fn put_multipart_opts(
        &self,
        _: &Path,
        _: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.read_only("put_multipart")
    }

    fn delete_stream(
        &self,
        _: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        stream::iter([self.read_only("delete")]).boxed()
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        self.read_only("copy")
    }
}
