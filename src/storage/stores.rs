//! Object stores, opened once each.

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
use super::odd_keys::Listings;
use super::s3::{S3Api, S3Options};
use super::source::{InputObject, Source};
use super::web::{self, WebObject};
use super::{Compression, StorageError};

/// How stores are reached; the same for all of a run.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// The AWS region, when it is not to be found out.
    pub region: Option<String>,
    /// The AWS region of clusters, which need not be that of every bucket.
    pub cluster_region: Option<String>,
    /// The profile of the AWS configuration files, when it is not the default one.
    pub profile: Option<String>,
    /// An S3 endpoint other than Amazon's.
    pub endpoint_url: Option<String>,
    /// Do not sign S3 requests: for public buckets.
    pub no_sign_request: bool,
    /// How often a request that failed for a passing reason is tried again.
    pub retries: usize,
    /// How objects are requested from S3 and written to it.
    pub s3: S3Options,
}

impl StoreOptions {
    /// Enough to outlive the moments in which S3 asks for slowing down; what lasts longer is an
    /// outage to be told of.
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

/// The stores in use.
#[derive(Debug, Default)]
pub struct Stores {
    options: StoreOptions,
    aws: Aws,
    open: Mutex<HashMap<(StoreKey, Option<Secret>), Opened>>,
    aborts: TaskTracker,
}

/// User name and password of a web server.
type Secret = String;

/// A store, and the same bucket through the S3 API.
#[derive(Debug, Clone)]
struct Opened {
    store: Arc<dyn ObjectStore>,
    s3: Option<Arc<S3Api>>,
}

/// A location together with the store it is in.
#[derive(Debug, Clone)]
pub struct Place {
    /// Where it is.
    pub location: Location,
    /// The store that holds it.
    pub store: Arc<dyn ObjectStore>,
    /// The same bucket through the S3 API, where it is one of S3.
    pub(super) s3: Option<Arc<S3Api>>,
    /// How often a request to a web server is made again.
    retries: usize,
    /// Uploads that were given up and are being removed.
    pub(super) aborts: TaskTracker,
}

impl Stores {
    /// No store is opened yet.
    pub fn new(options: StoreOptions) -> Stores {
        Stores { options, ..Stores::default() }
    }

    /// The place that `location` names; opens its store if it is the first there.
    ///
    /// # Errors
    ///
    /// If the store cannot be configured, for example for want of credentials in the environment.
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

    /// The AWS region of the bucket that `location` is in; `None` where there is none, or it cannot be
    /// told.
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

    /// Opens a bucket or container of another cloud than AWS, configured by the environment.
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

/// The variables of the environment that configure the stores of a scheme: `GOOGLE_*` or `AZURE_*`.
/// Others may have names that object_store takes for options, such as `TIMEOUT`.
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
    /// object_store's own backoff, within its bound of three minutes a request: credentials are not
    /// renewed between tries.
    pub(super) fn retry_config(&self) -> RetryConfig {
        RetryConfig { max_retries: self.retries, ..RetryConfig::default() }
    }
}

impl Place {
    /// A place in a store of the caller's own.
    pub fn new(location: Location, store: Arc<dyn ObjectStore>) -> Place {
        let retries = StoreOptions::RETRIES;
        Place { location, store, s3: None, retries, aborts: TaskTracker::new() }
    }

    /// The object of a web server, or `None` when there is no such object.
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
        }))
    }

    /// The place `relative` below this one.
    pub fn child(&self, relative: &str) -> Place {
        Place { location: self.location.child(relative), ..self.clone() }
    }

    /// Waits until nothing is left of the uploads that were dropped unfinished.
    pub async fn settle(&self) {
        self.aborts.close();
        self.aborts.wait().await;
    }

    /// Its path in the store.
    pub fn path(&self) -> &Path {
        &self.location.path
    }

    /// The object's metadata, or `None` when there is no such object.
    ///
    /// # Errors
    ///
    /// If the store cannot tell.
    pub async fn head(&self) -> Result<Option<ObjectMeta>, StorageError> {
        match self.store.head(self.path()).await {
            Ok(meta) => Ok(Some(meta)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            // A local folder is no object.
            Err(_) if self.location.local_path().is_some_and(|p| p.is_dir()) => Ok(None),
            Err(source) => Err(StorageError::read(&self.location.to_string(), source)),
        }
    }

    /// The whole object, or `None` when there is none. For small objects.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
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
        self.demand_file()?;
        match self.store.get_opts(self.path(), GetOptions::default()).await {
            Ok(result) => result.bytes().await.map(Some).map_err(failed),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(source) => Err(failed(source)),
        }
    }

    /// Fails if the path is that of a local pipe, socket or device: opening it may wait for ever.
    ///
    /// # Errors
    ///
    /// If it is.
    pub(crate) fn demand_file(&self) -> Result<(), StorageError> {
        let Some(path) = self.location.local_path() else { return Ok(()) };
        match std::fs::metadata(&path) {
            Ok(found) if !found.is_file() && !found.is_dir() => Err(local::special(&path)),
            _ => Ok(()),
        }
    }

    fn read_error(&self, error: std::io::Error) -> StorageError {
        StorageError::read_io(&self.location.to_string(), error)
    }

    /// Puts an object in place of what was there.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub async fn write(&self, bytes: impl Into<bytes::Bytes>) -> Result<(), StorageError> {
        let put = self.store.put(self.path(), bytes.into().into()).await;
        put.map(|_| ()).map_err(|source| StorageError::write(&self.location.to_string(), source))
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
