//! Object stores, each opened once.

use std::collections::HashMap;
use std::ffi::OsString;
use std::sync::Arc;

use futures::TryStreamExt;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::http::HttpBuilder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    ClientOptions, GetOptions, ObjectMeta, ObjectStore, ObjectStoreExt, RetryConfig,
};
use reqwest::header::{AUTHORIZATION, HeaderMap};
use tokio::sync::Mutex;
use tokio_util::task::TaskTracker;
use url::Url;

use super::aws::Aws;
use super::local;
use super::location::{Location, StoreKey};
use super::s3::{S3Api, S3Options};
use super::source::{InputObject, Source};
use super::unusual_keys::Listings;
use super::web::{self, WebObject};
use super::{Compression, StorageError};

/// Options for accessing stores, shared by a whole run.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// AWS region of buckets; by default it is looked up.
    pub region: Option<String>,
    /// AWS region of clusters, which may differ from the buckets' regions.
    pub cluster_region: Option<String>,
    /// Profile in the AWS configuration files, if not the default.
    pub profile: Option<String>,
    /// An S3 endpoint other than Amazon's.
    pub endpoint_url: Option<String>,
    /// `true` to send unsigned S3 requests, for public buckets.
    pub no_sign_request: bool,
    /// Maximum number of retries of a request after transient errors.
    pub retries: usize,
    /// Options for reading objects from S3 and writing them.
    pub s3: S3Options,
}

impl StoreOptions {
    /// Default number of retries: enough to outlast S3's requests to slow down. A longer failure is an
    /// outage to report.
    pub const RETRIES: usize = 10;
}

impl Default for StoreOptions {
    fn default() -> Self {
        StoreOptions {
            region: None,
            cluster_region: None,
            profile: None,
            endpoint_url: None,
            no_sign_request: false,
            retries: StoreOptions::RETRIES,
            s3: S3Options::default(),
        }
    }
}

/// The open stores of a run.
#[derive(Debug, Default)]
pub struct Stores {
    options: StoreOptions,
    aws: Aws,
    open: Mutex<HashMap<(StoreKey, Option<Secret>), Opened>>,
    aborts: TaskTracker,
}

/// User name and password of a web server's URL.
type Secret = String;

/// An open store, and the same bucket through the S3 API.
#[derive(Debug, Clone)]
struct Opened {
    store: Arc<dyn ObjectStore>,
    s3: Option<Arc<S3Api>>,
}

/// A location and its store.
#[derive(Debug, Clone)]
pub struct Place {
    /// Location as parsed from the URL or path.
    pub location: Location,
    /// The store that contains it.
    pub store: Arc<dyn ObjectStore>,
    /// The same bucket through the S3 API, for S3 only.
    pub(super) s3: Option<Arc<S3Api>>,
    /// Maximum number of retries of a request to a web server.
    retries: usize,
    /// Abandoned uploads whose parts are being removed.
    pub(super) aborts: TaskTracker,
}

impl Stores {
    /// Creates an empty set of stores.
    pub fn new(options: StoreOptions) -> Stores {
        Stores { options, ..Stores::default() }
    }

    /// Returns the place for `location`, and opens its store if it is not open yet.
    ///
    /// # Errors
    ///
    /// Returns an error if the store cannot be configured, for example if the environment contains no
    /// credentials.
    pub async fn place(&self, location: Location) -> Result<Place, StorageError> {
        let secret = location.web_url().and_then(secret);
        let key = (location.store.clone(), secret);
        let mut open = self.open.lock().await;
        let opened = match open.get(&key) {
            Some(opened) => opened.clone(),
            None => {
                let opened = self.connect(&location).await?;
                open.insert(key, opened.clone());
                opened
            }
        };
        let (aborts, retries) = (self.aborts.clone(), self.options.retries);
        Ok(Place { location, store: opened.store, s3: opened.s3, retries, aborts })
    }

    /// Returns the maximum number of retries of a request.
    #[cfg(feature = "cluster")]
    pub(super) fn retries(&self) -> usize {
        self.options.retries
    }

    /// Returns the AWS region of the bucket of `location`, or `None` if it is not in AWS or the lookup
    /// fails.
    pub async fn region(&self, location: &Location) -> Option<String> {
        match &location.store {
            StoreKey::S3(bucket) => self.aws.region(bucket, &self.options).await,
            _ => None,
        }
    }

    async fn connect(&self, location: &Location) -> Result<Opened, StorageError> {
        let store: Arc<dyn ObjectStore> = match &location.store {
            StoreKey::Local => Arc::new(LocalFileSystem::new()),
            StoreKey::S3(bucket) => {
                let (store, s3) = self.aws.bucket(bucket, &self.options).await?;
                return Ok(Opened { store, s3: Some(s3) });
            }
            StoreKey::Http(base) => self.web_server(base, location)?,
            StoreKey::Cloud(base) => {
                Url::parse(base).map_err(|e| StorageError::url(base, e))?;
                self.cloud(base).map_err(|source| StorageError::open(base, source))?
            }
        };
        Ok(Opened { store, s3: None })
    }

    /// Opens a bucket or container of another cloud, configured by environment variables.
    fn cloud(&self, base: &str) -> object_store::Result<Arc<dyn ObjectStore>> {
        let scheme = base.split("://").next().unwrap_or_default();
        let variables = cloud_variables(scheme, std::env::vars_os()).into_iter();
        let (retry, listings) = (self.options.retry_config(), Listings::of(base));
        if scheme == "gs" {
            let builder = GoogleCloudStorageBuilder::new().with_url(base);
            let builder = variables.fold(builder, |builder, (name, value)| match name.parse() {
                Ok(key) => builder.with_config(key, value),
                Err(_) => builder,
            });
            return Ok(Arc::new(builder.with_retry(retry).with_http_connector(listings).build()?));
        }
        let builder = MicrosoftAzureBuilder::new().with_url(base);
        let builder = variables.fold(builder, |builder, (name, value)| match name.parse() {
            Ok(key) => builder.with_config(key, value),
            Err(_) => builder,
        });
        Ok(Arc::new(builder.with_retry(retry).with_http_connector(listings).build()?))
    }

    fn web_server(
        &self,
        base: &str,
        location: &Location,
    ) -> Result<Arc<dyn ObjectStore>, StorageError> {
        let mut options = ClientOptions::new().with_allow_http(true);
        if let Some(authorization) = location.web_url().and_then(web::authorization) {
            let headers = HeaderMap::from_iter([(AUTHORIZATION, authorization)]);
            options = options.with_default_headers(headers);
        }
        let builder = HttpBuilder::new().with_url(base).with_client_options(options);
        let store = builder.with_retry(self.options.retry_config()).build();
        let store = store.map_err(|source| StorageError::open(base, source))?;
        Ok(Arc::new(store))
    }
}

fn secret(url: &Url) -> Option<Secret> {
    let secret = &url[url::Position::BeforeUsername..url::Position::BeforeHost];
    (!secret.is_empty()).then(|| secret.to_owned())
}

/// Returns the environment variables that configure the stores of a scheme: `GOOGLE_*` or `AZURE_*`.
/// Other variables, such as `TIMEOUT`, could have the name of an option of object_store.
fn cloud_variables(
    scheme: &str,
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> Vec<(String, String)> {
    let prefix = if scheme == "gs" { "google_" } else { "azure_" };
    let text = |(name, value): (OsString, OsString)| {
        Some((name.into_string().ok()?.to_lowercase(), value.into_string().ok()?))
    };
    let variables = variables.into_iter().filter_map(text);
    variables.filter(|(name, _)| name.starts_with(prefix)).collect()
}

impl StoreOptions {
    /// Returns object_store's default backoff with its limit of three minutes per request, since
    /// credentials are not renewed between retries.
    pub(super) fn retry_config(&self) -> RetryConfig {
        RetryConfig { max_retries: self.retries, ..RetryConfig::default() }
    }
}

impl Place {
    /// Creates a place in a store that the caller provides.
    pub fn new(location: Location, store: Arc<dyn ObjectStore>) -> Place {
        let retries = StoreOptions::RETRIES;
        Place { location, store, s3: None, retries, aborts: TaskTracker::new() }
    }

    /// Returns the object on a web server, or `None` if it does not exist.
    pub(super) async fn web_object(&self) -> Result<Option<InputObject>, StorageError> {
        let Some(url) = self.location.web_url() else { return Ok(None) };
        let shown = self.location.to_string();
        let failed = |source| StorageError::read(&shown, source);
        let object = WebObject::new(url.clone(), self.retries).map_err(failed)?;
        let Some(meta) = object.head().await.map_err(failed)? else { return Ok(None) };
        Ok(Some(InputObject {
            compression: Compression::of(url.path()),
            url: shown.as_str().into(),
            source: Source::Web(Arc::new(object)),
            size: meta.size.unwrap_or(0),
            etag: meta.etag,
            number: 0,
        }))
    }

    /// Returns the place `relative` below this one.
    pub fn child(&self, relative: &str) -> Place {
        Place { location: self.location.child(relative), ..self.clone() }
    }

    /// Waits until the parts of all dropped uploads are removed.
    pub async fn settle(&self) {
        self.aborts.close();
        self.aborts.wait().await;
    }

    /// Returns the path in the store.
    pub fn path(&self) -> &Path {
        &self.location.path
    }

    /// Returns the object's metadata, or `None` if the object does not exist.
    ///
    /// # Errors
    ///
    /// Returns an error if the store fails.
    pub async fn head(&self) -> Result<Option<ObjectMeta>, StorageError> {
        match self.store.head(self.path()).await {
            Ok(meta) => Ok(Some(meta)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            // A local folder is not an object.
            Err(_) if self.location.local_path().is_some_and(|p| p.is_dir()) => Ok(None),
            Err(source) => Err(StorageError::read(&self.location.to_string(), source)),
        }
    }

    /// Reads a whole object, or returns `None` if it does not exist. Only for small objects.
    ///
    /// # Errors
    ///
    /// Returns an error if the object cannot be read.
    pub async fn read(&self) -> Result<Option<bytes::Bytes>, StorageError> {
        let failed = |source| StorageError::read(&self.location.to_string(), source);
        if self.location.web_url().is_some() {
            let Some(object) = self.web_object().await? else { return Ok(None) };
            let chunks: Vec<bytes::Bytes> = object.stream().try_collect().await?;
            return Ok(Some(chunks.concat().into()));
        }
        if let Some(path) = self.location.local_path().filter(|path| local::is_descriptor(path)) {
            let read = tokio::task::spawn_blocking(move || std::fs::read(path)).await;
            let read = read.unwrap_or_else(|error| Err(error.into()));
            return read.map(|bytes| Some(bytes.into())).map_err(|error| self.read_error(error));
        }
        self.ensure_file()?;
        match self.store.get_opts(self.path(), GetOptions::default()).await {
            Ok(result) => result.bytes().await.map(Some).map_err(failed),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(source) => Err(failed(source)),
        }
    }

    /// Rejects local pipes, sockets and devices, since opening one can block forever.
    ///
    /// # Errors
    ///
    /// Returns an error if the path is a pipe, socket or device.
    pub(crate) fn ensure_file(&self) -> Result<(), StorageError> {
        let Some(path) = self.location.local_path() else { return Ok(()) };
        match std::fs::metadata(&path) {
            Ok(found) if !found.is_file() && !found.is_dir() => Err(local::special(&path)),
            _ => Ok(()),
        }
    }

    fn read_error(&self, error: std::io::Error) -> StorageError {
        StorageError::read_io(&self.location.to_string(), error)
    }

    /// Writes the object, replacing an existing one.
    ///
    /// # Errors
    ///
    /// Returns an error if the object cannot be written.
    pub async fn write(&self, bytes: impl Into<bytes::Bytes>) -> Result<(), StorageError> {
        let put = self.store.put(self.path(), bytes.into().into()).await;
        put.map(|_| ()).map_err(|source| StorageError::write(&self.location.to_string(), source))
    }

    /// Removes the object.
    ///
    /// # Errors
    ///
    /// Returns an error if the store fails or rejects the request.
    pub async fn remove(&self) -> Result<(), StorageError> {
        let removed = self.store.delete(self.path()).await;
        removed.map_err(|source| StorageError::delete(&self.location.to_string(), source))
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.location.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_variables_of_its_own_cloud_configure_a_store() {
        let variables = || {
            [
                ("TIMEOUT", "60"),
                ("ALLOW_HTTP", "true"),
                ("BUCKET", "other"),
                ("ACCOUNT_NAME", "other"),
                ("AZURE_STORAGE_ACCOUNT_NAME", "mine"),
                ("GOOGLE_SERVICE_ACCOUNT", "/key.json"),
                ("XGOOGLE_BUCKET", "other"),
            ]
            .map(|(name, value)| (name.into(), value.into()))
        };
        let names = |scheme| {
            let found = cloud_variables(scheme, variables());
            found.into_iter().map(|(name, _)| name).collect::<Vec<_>>()
        };
        assert_eq!(names("gs"), ["google_service_account"]);
        for scheme in ["az", "abfs", "abfss"] {
            assert_eq!(names(scheme), ["azure_storage_account_name"]);
        }
    }
}
