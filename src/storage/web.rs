//! Single objects on web servers.
//!
//! Requests use the URL as typed, with its user name, password and query, since it may contain a
//! signature. For the same reason these parts are never shown or stored.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, Stream, TryStreamExt};
use object_store::Error as StoreError;
use reqwest::header::{
    AUTHORIZATION, CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderMap, HeaderValue, IF_MATCH, IF_RANGE,
    RANGE,
};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use url::Url;

use super::failure::{Failure, retried};

/// Timeouts to open a connection, and to wait for the next bytes of a response.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// An object on a web server.
pub struct WebObject {
    client: reqwest::Client,
    url: Url,
    retries: usize,
}

impl std::fmt::Debug for WebObject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebObject").field("url", &shown(&self.url)).finish_non_exhaustive()
    }
}

/// Metadata that a server reports for an object.
#[derive(Debug, Default)]
pub(super) struct WebMeta {
    pub size: Option<u64>,
    pub etag: Option<String>,
}

/// Returns the URL without user name, password, query and fragment.
pub(super) fn shown(url: &Url) -> String {
    let mut url = url.clone();
    // Both calls fail only for URLs without a host, which cannot contain credentials.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    url.into()
}

/// Returns the authorization header for the user name and password of a URL.
pub(super) fn authorization(url: &Url) -> Option<HeaderValue> {
    let request = reqwest::Client::new().get(url.clone()).build().ok()?;
    request.headers().get(AUTHORIZATION).cloned()
}

fn client() -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT)
        // After a redirect, the header would reveal the signed URL to another server.
        .referer(false)
        .build()
}

impl WebObject {
    pub(super) fn new(url: Url, retries: usize) -> object_store::Result<WebObject> {
        let failed = |error| Failure::reqwest(error).of(&shown(&url));
        Ok(WebObject { client: client().map_err(failed)?, url, retries })
    }

    /// Returns `true` if the URL has parts that are not shown.
    #[cfg(feature = "cluster")]
    pub(super) fn has_secrets(&self) -> bool {
        shown(&self.url) != self.url.as_str()
    }

    /// Returns the parts of the URL that are not shown.
    pub(super) fn secrets(&self) -> String {
        let url = &self.url;
        format!("{}:{:?}?{:?}", url.username(), url.password(), url.query())
    }

    /// Returns the object's size and tag, or `None` if it does not exist.
    ///
    /// A signature may allow only GET: if the server rejects HEAD, the first byte is requested.
    pub(super) async fn head(&self) -> object_store::Result<Option<WebMeta>> {
        let response = match self.send(|| self.client.request(Method::HEAD, self.url.clone())).await
        {
            Ok(response) => return Ok(Some(meta(response.headers()))),
            Err(failure) if failure.status().is_some_and(rejects_head) => {
                self.send(|| self.client.get(self.url.clone()).header(RANGE, "bytes=0-0")).await
            }
            Err(failure) => Err(failure),
        };
        match response {
            Ok(response) => Ok(Some(meta(response.headers()))),
            // An empty object has no first byte.
            Err(failure) if failure.status() == Some(416) => Ok(Some(WebMeta::default())),
            Err(failure) if matches!(failure.status(), Some(404 | 410)) => Ok(None),
            Err(failure) => Err(failure.of(&shown(&self.url))),
        }
    }

    /// Streams the object's bytes; `version` is the strong tag that it must have. After a broken
    /// connection the rest is requested again if the tag ensures that it is of the same version.
    pub(super) fn stream(
        self: Arc<Self>,
        version: Option<String>,
    ) -> impl Stream<Item = Result<Bytes, StoreError>> {
        let path = shown(&self.url);
        let reading = Reading { object: self, version, done: 0, tries: 0, response: None };
        stream::try_unfold(reading, |mut reading| async move {
            let chunk = reading.next().await?;
            Ok(chunk.map(|chunk| (chunk, reading)))
        })
        .map_err(move |failure: Failure| failure.of(&path))
    }

    async fn send(&self, request: impl Fn() -> RequestBuilder) -> Result<Response, Failure> {
        retried(self.retries, || async {
            let response = request().send().await.map_err(Failure::reqwest)?;
            if response.status().is_success() {
                return Ok(response);
            }
            // Servers may repeat the request, including its signature, in error bodies.
            Err(Failure::status_error(response.status().as_u16(), b""))
        })
        .await
    }
}

/// State of a stream between two chunks.
struct Reading {
    object: Arc<WebObject>,
    version: Option<String>,
    done: u64,
    tries: usize,
    response: Option<Response>,
}

impl Reading {
    async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        loop {
            let mut response = match self.response.take() {
                Some(response) => response,
                None => self.open().await?,
            };
            match response.chunk().await {
                Ok(chunk) => {
                    self.done += chunk.as_ref().map_or(0, |chunk| chunk.len() as u64);
                    self.response = Some(response);
                    return Ok(chunk);
                }
                Err(error) => {
                    let can_resume = self.done == 0 || self.version.is_some();
                    if !can_resume || self.tries >= self.object.retries {
                        return Err(Failure::reqwest(error));
                    }
                    self.tries += 1;
                }
            }
        }
    }

    /// Requests the remaining bytes.
    async fn open(&self) -> Result<Response, Failure> {
        let done = self.done;
        let request = || {
            let mut request = self.object.client.get(self.object.url.clone());
            if let Some(version) = &self.version {
                request = request.header(IF_MATCH, version);
                if done > 0 {
                    request = request.header(IF_RANGE, version);
                }
            }
            if done > 0 { request.header(RANGE, format!("bytes={done}-")) } else { request }
        };
        let response = self.object.send(request).await?;
        if done > 0 && response.status() != StatusCode::PARTIAL_CONTENT {
            let body = b"the connection broke, and the server does not send parts of the object";
            return Err(Failure::status_error(response.status().as_u16(), body));
        }
        Ok(response)
    }
}

fn rejects_head(status: u16) -> bool {
    matches!(status, 400..=403 | 405..=501)
}

fn meta(headers: &HeaderMap) -> WebMeta {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let total = text(CONTENT_RANGE).map(|range| range.rsplit('/').next().unwrap_or_default());
    let size = total.or_else(|| text(CONTENT_LENGTH)).and_then(|size| size.parse().ok());
    WebMeta { size, etag: text(ETAG).map(str::to_owned) }
}
