//! Sources of an object's bytes.

use std::ops::Range;
use std::path::Path as FsPath;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectStore};

use super::s3::S3Api;
use super::stores::Place;
use super::web::WebObject;
use super::{Compression, StorageError, local};

/// An object to read.
#[derive(Debug, Clone)]
pub struct InputObject {
    /// URL without secrets, or the path of a local file.
    pub url: Arc<str>,
    /// Source of the bytes.
    pub source: Source,
    /// Stored size in bytes; 0 if it is not known until the object has been read.
    pub size: u64,
    /// The store's tag of this version.
    pub etag: Option<String>,
    /// Compression that the name indicates.
    pub compression: Compression,
    /// Number that the reader of the objects assigns; 0 when the object is listed.
    pub number: u32,
}

/// The source of an object's bytes.
#[derive(Debug, Clone)]
pub enum Source {
    /// A local file. `None` if the path is the object's URL; set if the URL cannot represent the path.
    File(Option<Arc<FsPath>>),
    /// An object that `object_store` reads.
    Store {
        /// Store that contains the object.
        store: Arc<dyn ObjectStore>,
        /// Path of the object in the store.
        path: Path,
    },
    /// An S3 object whose key `object_store` cannot represent as a path.
    S3 {
        /// Bucket that contains the object.
        s3: Arc<S3Api>,
        /// Key of the object.
        key: Arc<str>,
    },
    /// An object on a web server.
    Web(Arc<WebObject>),
}

impl Source {
    /// Returns the source of the object `key` in the bucket of `place`.
    pub(super) fn in_bucket(place: &Place, key: &str) -> Source {
        let path = Path::parse(key).ok().filter(|path| path.as_ref() == key);
        match (path, &place.s3) {
            (Some(path), _) => Source::Store { store: place.store.clone(), path },
            (None, Some(s3)) => Source::S3 { s3: s3.clone(), key: key.into() },
            (None, None) => Source::Store { store: place.store.clone(), path: Path::from(key) },
        }
    }
}

impl InputObject {
    /// Returns the path if the object is a local file.
    pub fn file(&self) -> Option<&FsPath> {
        match &self.source {
            Source::File(None) => Some(FsPath::new(&*self.url)),
            Source::File(Some(path)) => Some(path),
            _ => None,
        }
    }

    /// Returns a key that identifies the object, even if its URL omits secrets.
    pub(crate) fn identity(&self) -> (Arc<str>, Option<String>) {
        let more = match &self.source {
            Source::File(path) => path.as_ref().map(|path| format!("{path:?}")),
            Source::Web(object) => Some(object.secrets()),
            Source::Store { .. } | Source::S3 { .. } => None,
        };
        (self.url.clone(), more)
    }

    /// Returns `true` if the tag of an object that was listed at `time` or later changes with its content.
    /// That of a local file does not if the file was modified just before.
    pub(crate) fn is_settled(&self, time: SystemTime) -> bool {
        let tag = self.etag.as_deref();
        !matches!(self.source, Source::File(_))
            || tag.is_some_and(|tag| local::is_settled(tag, time))
    }

    /// Returns `true` if ranges can be requested; web servers might not support them.
    pub fn is_ranged(&self) -> bool {
        matches!(self.source, Source::Store { .. } | Source::S3 { .. })
    }

    /// Returns the tag of the listed version, so that a read never mixes two versions. Ignores weak
    /// tags, which do not identify a version and never match `If-Match` (RFC 9110, 13.1.1).
    fn version(&self) -> Option<String> {
        self.etag.clone().filter(|etag| !etag.starts_with("W/"))
    }

    /// Reads a range of bytes.
    ///
    /// # Errors
    ///
    /// Returns an error if the range cannot be read or the object has changed since it was listed.
    pub async fn read_range(&self, range: Range<u64>) -> Result<Bytes, StorageError> {
        let failed = |error| StorageError::read(&self.url, error);
        let expected = range.end - range.start;
        let range = (range != (0..self.size)).then_some(range);
        let version = self.version();
        let bytes = match &self.source {
            Source::S3 { s3, key } => s3.get(key, range, version.as_deref()).await,
            Source::Store { store, path } => {
                let range = range.map(GetRange::Bounded);
                let options = GetOptions { if_match: version, range, ..GetOptions::default() };
                match store.get_opts(path, options).await {
                    Ok(result) => result.bytes().await,
                    Err(error) => Err(error),
                }
            }
            // Files are read by the decoder, and web servers send whole objects.
            Source::File(_) | Source::Web(_) => {
                let error = std::io::ErrorKind::Unsupported.into();
                return Err(StorageError::read_io(&self.url, error));
            }
        };
        let bytes = bytes.map_err(failed)?;
        // Some servers have no tags or ignore ranges.
        if bytes.len() as u64 != expected {
            let reason = format!(
                "received {} bytes, but {expected} were requested; the object changed, or was modified in \
                 transit",
                bytes.len()
            );
            return Err(StorageError::read_io(&self.url, std::io::Error::other(reason)));
        }
        Ok(bytes)
    }

    /// Returns the object's bytes as they arrive.
    pub fn stream(&self) -> BoxStream<'static, Result<Bytes, StorageError>> {
        let url = self.url.clone();
        let failed = move |error| StorageError::read(&url, error);
        match &self.source {
            Source::Web(object) => object.clone().stream(self.version()).map_err(failed).boxed(),
            _ => {
                let object = self.clone();
                let whole = async move { object.read_range(0..object.size).await };
                stream::once(whole).boxed()
            }
        }
    }

    /// Reads about the first `bytes` bytes.
    ///
    /// # Errors
    ///
    /// Returns an error if the object cannot be read.
    pub async fn probe(&self, bytes: u64) -> Result<(), StorageError> {
        use std::io::Read;
        if let Some(file) = self.file() {
            let mut start = Vec::new();
            let read =
                std::fs::File::open(file).and_then(|file| file.take(bytes).read_to_end(&mut start));
            return read.map(|_| ()).map_err(|error| StorageError::read_io(&self.url, error));
        }
        if !self.is_ranged() {
            return self.stream().try_next().await.map(|_| ());
        }
        match self.size.min(bytes) {
            0 => Ok(()),
            end => self.read_range(0..end).await.map(|_| ()),
        }
    }
}
