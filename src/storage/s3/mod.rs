//! A direct client of the S3 API, for keys that object_store cannot represent.
//!
//! Keys with empty parts, with parts `.` and `..`, with a slash at either end or with control
//! characters are valid in S3. This client lists all keys, and reads the objects that object_store
//! cannot. It needs an HTTP client that sends URIs unchanged: others resolve `..`.

mod checksum_probe;
mod options;
mod page;

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use aws_smithy_http_client::Connector;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorSettings};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::bucket::{Bucket, Entry, Found};
use super::failure::{Failure, retried};
use super::{StoreOptions, proxy};
pub(crate) use checksum_probe::ChecksumProbe;
pub use options::{Addressing, ChecksumKind, Encryption, S3Options};
use page::Page;

/// Timeouts to open a connection, and to wait for the next bytes of a response.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// Header that accepts the charge for a request.
///
/// Source: Amazon S3 User Guide, Downloading objects from Requester Pays buckets.
const REQUEST_PAYER: &str = "x-amz-request-payer";

/// Characters to escape in the query of a signed request.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Characters to escape in the path of a signed request.
const PATH: &AsciiSet = &QUERY.remove(b'/');

/// A bucket accessed through the S3 API.
#[derive(Debug)]
pub struct S3Api {
    http: Connector,
    /// URL of the bucket, without a final slash.
    base: String,
    region: String,
    credentials: Option<SharedCredentialsProvider>,
    retries: usize,
    request_payer: bool,
    /// Time to wait for the next bytes of a response.
    read_timeout: Duration,
}

/// A request that can be retried.
struct Request<'a> {
    method: &'a str,
    uri: String,
    headers: Vec<(&'static str, String)>,
    body: Bytes,
}

/// A successful response.
struct Response {
    headers: Vec<(String, String)>,
    body: Bytes,
}

impl Response {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

impl S3Api {
    /// Returns a client for the bucket at a URL. Without credentials requests are not signed.
    pub fn new(
        base: String,
        region: String,
        credentials: Option<SharedCredentialsProvider>,
        options: &StoreOptions,
    ) -> S3Api {
        let settings = HttpConnectorSettings::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .build();
        S3Api {
            http: proxy::connector(settings),
            base,
            region,
            credentials,
            retries: options.retries,
            request_payer: options.s3.request_payer,
            read_timeout: READ_TIMEOUT,
        }
    }

    /// Returns bytes of the object `key`. Fails if `if_match` is set and is not the object's tag.
    pub async fn get(
        &self,
        key: &str,
        range: Option<Range<u64>>,
        if_match: Option<&str>,
    ) -> object_store::Result<Bytes> {
        let mut headers = Vec::new();
        if let Some(range) = range {
            headers.push(("range", format!("bytes={}-{}", range.start, range.end - 1)));
        }
        headers.extend(if_match.map(|tag| ("if-match", tag.to_owned())));
        let request =
            Request { method: "GET", uri: self.object_uri(key), headers, body: Bytes::new() };
        self.send(&request).await.map(|response| response.body).map_err(|failure| failure.of(key))
    }

    fn object_uri(&self, key: &str) -> String {
        format!("{}/{}", self.base, utf8_percent_encode(key, PATH))
    }

    async fn page(
        &self,
        prefix: &str,
        delimited: bool,
        token: Option<&str>,
    ) -> object_store::Result<Page> {
        let encoded = |text: &str| utf8_percent_encode(text, QUERY).to_string();
        // Sorted by name, as the signature requires.
        let mut query = Vec::new();
        query.extend(token.map(|token| format!("continuation-token={}", encoded(token))));
        query.extend(delimited.then(|| "delimiter=%2F".to_owned()));
        query.push("encoding-type=url".to_owned());
        query.push("list-type=2".to_owned());
        query.push(format!("prefix={}", encoded(prefix)));
        // If the host contains the bucket's name, the path is empty.
        let root = if self.base.matches('/').count() == 2 { "/" } else { "" };
        let uri = format!("{}{root}?{}", self.base, query.join("&"));
        let request = Request { method: "GET", uri, headers: Vec::new(), body: Bytes::new() };
        let response = self.send(&request).await.map_err(|failure| failure.of(prefix))?;
        Page::parse(&response.body, token)
            .map_err(|source| object_store::Error::Generic { store: "S3", source: source.into() })
    }

    async fn send(&self, request: &Request<'_>) -> Result<Response, Failure> {
        retried(self.retries, || self.send_once(request)).await
    }

    async fn send_once(&self, request: &Request<'_>) -> Result<Response, Failure> {
        let signed = self.signed(request).await?;
        let response = self.http.call(signed).await.map_err(|error| Failure::transport(&error))?;
        let status = response.status();
        let headers = owned_headers(&response);
        let mut body = ByteStream::new(response.into_body());
        let mut bytes = Vec::new();
        while let Some(chunk) = tokio::time::timeout(self.read_timeout, body.next())
            .await
            .map_err(|_| Failure::stalled(self.read_timeout))?
        {
            bytes.extend_from_slice(&chunk.map_err(|error| Failure::transport(&error))?);
        }
        if !status.is_success() {
            return Err(Failure::status_error(status.as_u16(), &bytes));
        }
        Ok(Response { headers, body: bytes.into() })
    }

    /// Returns the request, signed with current credentials.
    async fn signed(&self, request: &Request<'_>) -> Result<HttpRequest, Failure> {
        let mut http = HttpRequest::new(SdkBody::from(request.body.clone()));
        http.set_method(request.method).map_err(|error| Failure::transport(&error))?;
        http.set_uri(request.uri.as_str()).map_err(|error| Failure::transport(&error))?;
        let payer = self.request_payer.then_some((REQUEST_PAYER, "requester"));
        let own = request.headers.iter().map(|(name, value)| (*name, value.as_str()));
        let headers: Vec<(&str, &str)> = own.chain(payer).collect();
        for (name, value) in &headers {
            http.headers_mut()
                .try_insert((*name).to_owned(), (*value).to_owned())
                .map_err(|error| Failure::transport(&error))?;
        }
        let Some(credentials) = &self.credentials else { return Ok(http) };
        let credentials = credentials
            .provide_credentials()
            .await
            .map_err(|error| Failure::unauthenticated(&error))?;
        let mut settings = SigningSettings::default();
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        let identity = credentials.into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name("s3")
            .time(SystemTime::now())
            .settings(settings)
            .build()
            .map_err(|error| Failure::transport(&error))?
            .into();
        let body = SignableBody::Bytes(&request.body);
        let headers = headers.into_iter();
        let signable = SignableRequest::new(request.method, &request.uri, headers, body)
            .map_err(|error| Failure::transport(&error))?;
        let signed = sign(signable, &parameters).map_err(|error| Failure::transport(&error))?;
        let (instructions, _) = signed.into_parts();
        for (name, value) in instructions.headers() {
            http.headers_mut()
                .try_insert(name.to_owned(), value.to_owned())
                .map_err(|error| Failure::transport(&error))?;
        }
        Ok(http)
    }
}

fn owned_headers(response: &HttpResponse) -> Vec<(String, String)> {
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    response.headers().iter().map(owned).collect()
}

#[async_trait]
impl Bucket for S3Api {
    async fn head(&self, key: &str) -> object_store::Result<Option<Entry>> {
        let uri = self.object_uri(key);
        let request = Request { method: "HEAD", uri, headers: Vec::new(), body: Bytes::new() };
        let response = match self.send(&request).await {
            Ok(response) => response,
            Err(failure) if failure.status() == Some(404) => return Ok(None),
            Err(failure) => return Err(failure.of(key)),
        };
        let size = response.header("content-length").and_then(|length| length.parse().ok());
        let etag = response.header("etag").map(str::to_owned);
        Ok(Some(Entry { key: key.to_owned(), size: size.unwrap_or(0), etag }))
    }

    fn list(
        self: Arc<Self>,
        prefix: String,
        delimited: bool,
    ) -> BoxStream<'static, object_store::Result<Found>> {
        let begin = (self, prefix, Some(None));
        stream::try_unfold(begin, move |(api, prefix, token)| async move {
            let Some(token) = token else { return Ok::<_, object_store::Error>(None) };
            let page = api.page(&prefix, delimited, Option::as_deref(&token)).await?;
            let next = page.next.map(Some);
            Ok(Some((stream::iter(page.found.into_iter().map(Ok)), (api, prefix, next))))
        })
        .try_flatten()
        .boxed()
    }
}

#[cfg(test)]
mod tests;
