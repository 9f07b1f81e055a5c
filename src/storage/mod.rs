//! Reading and writing of objects: locations, stores, listings and compression.

mod aws;
mod bucket;
mod compression;
mod content;
mod failure;
mod frames;
mod glob;
mod kind;
#[cfg(feature = "cluster")]
mod listed;
mod listing;
mod local;
mod location;
mod partition;
mod paths;
mod proxy;
mod s3;
mod select;
mod source;
mod stores;
mod unusual_keys;
mod upload;
mod utf16;
mod web;

pub(crate) use aws::load_sdk as aws_config;
pub use compression::{Compression, Decompressor};
pub use glob::Glob;
pub use kind::FailureKind;
#[cfg(feature = "cluster")]
pub(crate) use listed::{ListedError, ListedObject};
pub use listing::{is_excluded, list};
pub(crate) use local::etag as file_etag;
pub use location::{Location, LocationError, StoreKey, without_secrets};
pub(crate) use partition::domain as aws_domain;
pub(crate) use s3::ChecksumProbe;
pub use s3::{Addressing, ChecksumKind, Encryption, S3Options};
pub use select::{ListOptions, OutputPlace, Skipped, Suffix};
pub use source::{InputObject, Source};
pub use stores::{Place, StoreOptions, Stores};
pub use upload::Upload;

use crate::escape;

/// A failure of a store or a local file operation.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}", escape::line(url))]
pub struct StorageError {
    action: &'static str,
    url: String,
    #[source]
    cause: Cause,
}

#[derive(Debug, thiserror::Error)]
enum Cause {
    #[error(transparent)]
    Store(object_store::Error),
    #[error(transparent)]
    Url(url::ParseError),
    #[error(transparent)]
    Io(std::io::Error),
}

impl StorageError {
    fn new(action: &'static str, url: &str, cause: Cause) -> StorageError {
        StorageError { action, url: url.to_owned(), cause }
    }

    fn open(url: &str, source: object_store::Error) -> StorageError {
        StorageError::new("open the store", url, Cause::Store(source))
    }

    fn url(url: &str, source: url::ParseError) -> StorageError {
        StorageError::new("open the store", url, Cause::Url(source))
    }

    /// Creates the error for a failure to list `url`.
    pub(crate) fn list(url: &str, source: object_store::Error) -> StorageError {
        StorageError::new("list", url, Cause::Store(source))
    }

    /// Creates the error for a failure to list the local folder at `path`.
    pub(crate) fn list_io(path: &str, source: std::io::Error) -> StorageError {
        StorageError::new("list", path, Cause::Io(source))
    }

    /// Creates the error for a failure to read the object at `url`.
    pub(crate) fn read(url: &str, source: object_store::Error) -> StorageError {
        StorageError::new("read", url, Cause::Store(source))
    }

    /// Creates the error for a failure to read or decompress the object at `url`.
    pub(crate) fn read_io(url: &str, source: std::io::Error) -> StorageError {
        StorageError::new("read", url, Cause::Io(source))
    }

    /// Creates the error for a failure to write the object at `url`.
    pub(crate) fn write(url: &str, source: object_store::Error) -> StorageError {
        StorageError::new("write", url, Cause::Store(source))
    }

    /// Creates the error for a failure to write the file at `url`.
    pub(crate) fn write_io(url: &str, source: std::io::Error) -> StorageError {
        StorageError::new("write", url, Cause::Io(source))
    }

    /// Creates the error for a failure to remove the object at `url`.
    pub(crate) fn delete(url: &str, source: object_store::Error) -> StorageError {
        StorageError::new("remove", url, Cause::Store(source))
    }

    /// Creates the error for a failure to remove the local file at `path`.
    pub(crate) fn delete_io(path: &str, source: std::io::Error) -> StorageError {
        StorageError::new("remove", path, Cause::Io(source))
    }

    /// Returns `true` if credentials or permissions are missing.
    pub fn is_denied(&self) -> bool {
        matches!(
            self.cause,
            Cause::Store(
                object_store::Error::PermissionDenied { .. }
                    | object_store::Error::Unauthenticated { .. }
            )
        )
    }

    /// Returns the kind of the failure.
    pub fn kind(&self) -> FailureKind {
        match &self.cause {
            Cause::Store(error) => FailureKind::of(error),
            Cause::Io(_) => FailureKind::File,
            Cause::Url(_) => FailureKind::Other,
        }
    }
}
