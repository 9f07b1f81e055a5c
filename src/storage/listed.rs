//! Listed objects as other processes find them: by their URLs, without open stores and without secrets.

use std::path::{Path as FsPath, PathBuf};
use std::sync::Arc;

use url::Url;

use super::source::{InputObject, Source};
use super::stores::Stores;
use super::web::WebObject;
use super::{Compression, Location, LocationError, StorageError};

/// An object that was listed, without its store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ListedObject {
    /// URL, or path of a local file.
    pub url: Arc<str>,
    /// Bytes of a local path that the URL cannot represent.
    pub path: Option<Vec<u8>>,
    /// Stored size in bytes; 0 if it is not known.
    pub size: u64,
    /// The store's tag of the version.
    pub etag: Option<String>,
    /// Number that identifies the object.
    pub number: u32,
}

/// The reason why an object cannot be opened by its URL.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ListedError {
    /// The URL is invalid.
    #[error(transparent)]
    Location(#[from] LocationError),
    /// The store cannot be opened.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl ListedObject {
    /// Returns `object` without its store, or `None` if reading it needs secrets of its URL, such as a password or a
    /// signature.
    pub fn of(object: &InputObject) -> Option<ListedObject> {
        let path = match &object.source {
            Source::File(path) => path.as_ref().map(|path| bytes_of(path)),
            Source::Web(web) if web.has_secrets() => return None,
            Source::Web(_) | Source::Store { .. } | Source::S3 { .. } => None,
        };
        Some(ListedObject {
            url: object.url.clone(),
            path,
            size: object.size,
            etag: object.etag.clone(),
            number: object.number,
        })
    }

    fn is_web(&self) -> bool {
        self.url.starts_with("http://") || self.url.starts_with("https://")
    }
}

impl Stores {
    /// Returns a listed object with its store.
    ///
    /// # Errors
    ///
    /// Returns an error if the URL is invalid or its store cannot be opened.
    pub(crate) async fn open_listed(
        &self,
        listed: ListedObject,
    ) -> Result<InputObject, ListedError> {
        let (source, compression) = match &*listed.url {
            url if url.starts_with('/') => {
                let name = FsPath::new(url).file_name().map(|name| name.to_string_lossy());
                let compression = Compression::of(&name.unwrap_or_default());
                let path = listed.path.as_deref().map(path_of).map(Arc::<FsPath>::from);
                (Source::File(path), compression)
            }
            url if listed.is_web() => {
                let parsed = Url::parse(url).map_err(|e| StorageError::url(url, e))?;
                let compression = Compression::of(parsed.path());
                let web = WebObject::new(parsed, self.retries());
                let web = web.map_err(|source| StorageError::read(url, source))?;
                (Source::Web(Arc::new(web)), compression)
            }
            url => {
                let (bucket, key) = bucket_and_key(url);
                let place = self.place(Location::parse(&bucket)?).await?;
                let name = key.rsplit('/').next().unwrap_or_default();
                (Source::in_bucket(&place, key), Compression::of(name))
            }
        };
        let ListedObject { url, size, etag, number, .. } = listed;
        Ok(InputObject { url, source, size, etag, compression, number })
    }
}

/// Divides the URL of an object in a bucket into the URL of the bucket and the key.
fn bucket_and_key(url: &str) -> (String, &str) {
    let start = url.find("://").map_or(0, |at| at + 3);
    match url[start..].split_once('/') {
        Some((bucket, key)) => (format!("{}{bucket}/", &url[..start]), key),
        None => (format!("{url}/"), ""),
    }
}

#[cfg(unix)]
fn bytes_of(path: &FsPath) -> Vec<u8> {
    use std::os::unix::ffi::OsStrExt;
    path.as_os_str().as_bytes().to_vec()
}

#[cfg(unix)]
fn path_of(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    std::ffi::OsStr::from_bytes(bytes).into()
}

#[cfg(not(unix))]
fn bytes_of(path: &FsPath) -> Vec<u8> {
    path.to_string_lossy().into_owned().into_bytes()
}

#[cfg(not(unix))]
fn path_of(bytes: &[u8]) -> PathBuf {
    String::from_utf8_lossy(bytes).into_owned().into()
}

#[cfg(test)]
mod tests {
    use futures::TryStreamExt;

    use super::*;
    use crate::storage::{ListOptions, Skipped, StoreOptions, list};

    #[test]
    fn urls_are_divided_after_the_bucket() {
        let of = |url| bucket_and_key(url);
        assert_eq!(of("s3://b/a/b.json"), ("s3://b/".to_owned(), "a/b.json"));
        assert_eq!(of("s3://b//a"), ("s3://b/".to_owned(), "/a"));
        assert_eq!(of("abfss://c@a.net/x"), ("abfss://c@a.net/".to_owned(), "x"));
        assert_eq!(of("gs://b"), ("gs://b/".to_owned(), ""));
    }

    #[tokio::test]
    async fn listed_files_are_opened_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut names = vec!["a b.json".into(), "é%20.json.gz".into(), "x:..json".into()];
        names.push(path_of(b"not \xff UTF-8.json"));
        for name in &names {
            std::fs::write(folder.path().join(name), "{}").unwrap();
        }
        let stores = Stores::new(StoreOptions::default());
        let place = stores.place(Location::parse(folder.path().to_str().unwrap()).unwrap());
        let options = ListOptions::default();
        let objects = list(place.await.unwrap(), &options, Skipped::default()).await.unwrap();
        let objects: Vec<InputObject> = objects.try_collect().await.unwrap();
        assert_eq!(objects.len(), names.len());
        for object in objects {
            let listed = ListedObject::of(&object).unwrap();
            let opened = stores.open_listed(listed.clone()).await.unwrap();
            assert_eq!(ListedObject::of(&opened).unwrap(), listed);
            assert_eq!(opened.compression, object.compression);
            assert_eq!(std::fs::read(opened.file().unwrap()).unwrap(), b"{}");
        }
    }

    #[tokio::test]
    async fn urls_with_secrets_are_not_passed_on() {
        let object = |url: &str| InputObject {
            url: url.into(),
            source: Source::Web(Arc::new(WebObject::new(Url::parse(url).unwrap(), 0).unwrap())),
            size: 0,
            etag: None,
            compression: Compression::None,
            number: 0,
        };
        assert!(ListedObject::of(&object("https://example.com/a.json")).is_some());
        for url in ["https://u:p@example.com/a", "https://u@example.com/a", "https://e.com/a?s=1"] {
            assert!(ListedObject::of(&object(url)).is_none(), "{url}");
        }
    }
}
