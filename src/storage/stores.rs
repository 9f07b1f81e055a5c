//! Object stores, opened once each.

use std::collections::HashMap;
use std::sync::Arc;

use object_store::http::HttpBuilder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    ClientOptions, GetOptions, ObjectMeta, ObjectStore, ObjectStoreExt, RetryConfig, parse_url_opts,
};
use tokio::sync::Mutex;
use tokio_util::task::TaskTracker;
use url::Url;

use super::StorageError;
use super::aws::Aws;
use super::location::{Location, StoreKey};

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
        }
    }
}

/// The stores in use.
#[derive(Debug, Default)]
pub struct Stores {
    options: StoreOptions,
    aws: Aws,
    open: Mutex<HashMap<StoreKey, Arc<dyn ObjectStore>>>,
    aborts: TaskTracker,
}

/// A location together with the store it is in.
#[derive(Debug, Clone)]
pub struct Place {
    /// Where it is.
    pub location: Location,
    /// The store that holds it.
    pub store: Arc<dyn ObjectStore>,
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
        let mut open = self.open.lock().await;
        if let Some(store) = open.get(&location.store) {
            return Ok(Place { store: store.clone(), location, aborts: self.aborts.clone() });
        }
        let store = self.connect(&location.store).await?;
        open.insert(location.store.clone(), store.clone());
        Ok(Place { location, store, aborts: self.aborts.clone() })
    }

    /// The AWS region of the bucket that `location` is in; `None` where there is none, or it cannot be
    /// told.
    pub async fn region(&self, location: &Location) -> Option<String> {
        match &location.store {
            StoreKey::S3(bucket) => self.aws.region(bucket, &self.options).await,
            _ => None,
        }
    }

    async fn connect(&self, key: &StoreKey) -> Result<Arc<dyn ObjectStore>, StorageError> {
        match key {
            StoreKey::Local => Ok(Arc::new(LocalFileSystem::new())),
            StoreKey::S3(bucket) => self.aws.bucket(bucket, &self.options).await,
            StoreKey::Http(base) => HttpBuilder::new()
                .with_url(base)
                .with_client_options(ClientOptions::new().with_allow_http(true))
                .with_retry(self.options.retry_config())
                .build()
                .map(|store| Arc::new(store) as Arc<dyn ObjectStore>)
                .map_err(|source| StorageError::open(base, source)),
            StoreKey::Cloud(base) => {
                let url = Url::parse(base).map_err(|e| StorageError::url(base, e))?;
                let options = std::env::vars_os().filter_map(|(key, value)| {
                    Some((key.into_string().ok()?.to_lowercase(), value.into_string().ok()?))
                });
                parse_url_opts(&url, options)
                    .map(|(store, _)| store.into())
                    .map_err(|source| StorageError::open(base, source))
            }
        }
    }
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
        Place { location, store, aborts: TaskTracker::new() }
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
        match self.store.get_opts(self.path(), GetOptions::default()).await {
            Ok(result) => result.bytes().await.map(Some).map_err(failed),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(source) => Err(failed(source)),
        }
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
