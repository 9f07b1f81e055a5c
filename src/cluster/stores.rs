//! Stores of files in plans, opened by the URLs in the plans.

use std::fmt::{Debug, Display, Formatter};
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use datafusion::error::{DataFusionError, Result as DataFusionResult};
use datafusion::execution::object_store::ObjectStoreRegistry;
use futures::stream::{self, BoxStream, StreamExt};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use url::Url;

use super::nodes::Services;
use crate::storage::Location;

/// Opens the stores of plans with the credentials of this machine.
#[derive(Debug)]
pub(super) struct Registry(pub Arc<Services>);

impl ObjectStoreRegistry for Registry {
    fn register_store(&self, _: &Url, store: Arc<dyn ObjectStore>) -> Option<Arc<dyn ObjectStore>> {
        // Plans must not replace stores.
        Some(store)
    }

    fn get_store(&self, url: &Url) -> DataFusionResult<Arc<dyn ObjectStore>> {
        let base = match url.scheme() {
            "file" => "/".to_owned(),
            _ => url[..url::Position::BeforePath].to_owned() + "/",
        };
        let location = Location::parse(&base);
        let location = location.map_err(|e| DataFusionError::External(e.into()))?;
        Ok(Arc::new(PlanStore { services: self.0.clone(), location }))
    }
}

/// A store that is opened when it is first read, because that can take a request. It is read-only.
#[derive(Debug)]
struct PlanStore {
    services: Arc<Services>,
    location: Location,
}

impl PlanStore {
    /// Returns the store, if plans are allowed to read the object at `path`.
    async fn open(&self, path: &Path) -> Result<Arc<dyn ObjectStore>> {
        let denied = |source: Box<dyn std::error::Error + Send + Sync>| Error::PermissionDenied {
            path: path.to_string(),
            source,
        };
        let url = self.location.display(path);
        self.services.access.ensure(&url).map_err(|e| denied(e.into()))?;
        let place = self.services.stores.place(self.location.clone()).await;
        Ok(place.map_err(|e| Error::Generic { store: "plan", source: e.into() })?.store)
    }

    fn read_only<T>(&self, operation: &str) -> Result<T> {
        let (operation, implementer) = (operation.to_owned(), self.to_string());
        Err(Error::NotImplemented { operation, implementer })
    }
}

impl Display for PlanStore {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "the files of a plan in {}", self.location)
    }
}

#[async_trait]
impl ObjectStore for PlanStore {
    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        self.open(path).await?.get_opts(path, options).await
    }

    async fn get_ranges(&self, path: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.open(path).await?.get_ranges(path, ranges).await
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
        self.read_only("put")
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
