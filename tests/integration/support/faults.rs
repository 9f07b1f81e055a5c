//! Faults between a client and the bucket: a layer in front of the S3 service that records every
//! request and, as a test scripts it, delays, holds or rejects requests or cuts responses short.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, stream};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::{Method, Response};
use s3s::service::S3Service;
use s3s::{Body, HttpError};
use tokio::sync::watch;

/// Time that [`Gate::wait`] waits for a request before the test fails.
const GATE_PATIENCE: Duration = Duration::from_secs(60);

/// The header with the bucket's region, in answers to `HeadBucket` and in rejections for the wrong
/// region.
const REGION_HEADER: &str = "x-amz-bucket-region";

/// Behavior of the server; [`Faults::default`] is an S3 without faults in us-east-1.
pub struct Faults {
    /// Serves unsigned requests too, as a public bucket does.
    pub anonymous: bool,
    /// Delay before every response.
    pub latency: Duration,
    /// Region that the bucket reports.
    pub region: String,
    /// Rejects requests signed for another region, as AWS does.
    pub strict_region: bool,
    /// Maximum number of keys per page of a listing, at most S3's own limit of 1000.
    pub page_size: usize,
    /// Rules in order; the first one that matches a request and is not used up applies.
    pub rules: Vec<Rule>,
    /// Objects that exist in listings and GETs but not on disk.
    pub synthetic: Vec<Synthetic>,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            anonymous: false,
            latency: Duration::ZERO,
            region: "us-east-1".into(),
            strict_region: false,
            page_size: 1000,
            rules: Vec::new(),
            synthetic: Vec::new(),
        }
    }
}

/// Operation of a request, which the HTTP method alone does not determine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// Matches every operation in rules and gates.
    Any,
    /// `GetObject`
    Get,
    /// `HeadObject`
    Head,
    /// `ListObjectsV2`
    List,
    /// `HeadBucket`
    HeadBucket,
    /// `PutObject`
    Put,
    /// `CopyObject`
    Copy,
    /// `DeleteObject`
    Delete,
    /// `DeleteObjects`
    DeleteMany,
    /// `CreateMultipartUpload`
    CreateUpload,
    /// `UploadPart`
    UploadPart,
    /// `CompleteMultipartUpload`
    CompleteUpload,
    /// `AbortMultipartUpload`
    AbortUpload,
    /// Anything else.
    Other,
}

impl Op {
    fn covers(self, op: Op) -> bool {
        self == Op::Any || self == op
    }

    fn of(method: &Method, key: &str, query: &str, headers: &HeaderMap) -> Op {
        let asks = |name| parameter(query, name).is_some();
        match (method.as_str(), key.is_empty()) {
            ("GET", true) if asks("list-type") => Op::List,
            ("HEAD", true) => Op::HeadBucket,
            ("POST", true) if asks("delete") => Op::DeleteMany,
            ("GET", false) => Op::Get,
            ("HEAD", false) => Op::Head,
            ("PUT", false) if asks("partNumber") => Op::UploadPart,
            ("PUT", false) if headers.contains_key("x-amz-copy-source") => Op::Copy,
            ("PUT", false) => Op::Put,
            ("POST", false) if asks("uploads") => Op::CreateUpload,
            ("POST", false) if asks("uploadId") => Op::CompleteUpload,
            ("DELETE", false) if asks("uploadId") => Op::AbortUpload,
            ("DELETE", false) => Op::Delete,
            _ => Op::Other,
        }
    }
}

/// A request as received, and the status of its response.
#[derive(Clone, Debug)]
pub struct Request {
    /// Operation that was requested.
    pub op: Op,
    /// HTTP method.
    pub method: String,
    /// Percent-decoded path: `/bucket/key`.
    pub path: String,
    /// Query string as sent.
    pub query: String,
    /// Text that rules and gates match: the key, the prefix of a listing, or the XML of a bulk
    /// delete.
    pub target: String,
    /// Value of the `Range` header.
    pub range: Option<String>,
    /// `true` if the request carried a signature.
    pub signed: bool,
    /// Status of the response; `None` until it is sent, or if the connection was closed instead.
    pub status: Option<u16>,
    headers: HeaderMap,
    id: usize,
}

impl Request {
    /// Returns the value of a header, given its lower-case name, such as `if-none-match`.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    fn new(id: usize, parts: &hyper::http::request::Parts, body: &[u8]) -> Self {
        let path = decoded(parts.uri.path());
        let query = parts.uri.query().unwrap_or_default().to_owned();
        let key = path.trim_start_matches('/').split_once('/').map_or("", |(_bucket, key)| key);
        let op = Op::of(&parts.method, key, &query, &parts.headers);
        let target = match op {
            Op::List => parameter(&query, "prefix").unwrap_or_default(),
            Op::DeleteMany => String::from_utf8_lossy(body).into_owned(),
            _ => key.to_owned(),
        };
        let header =
            |name| parts.headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        Self {
            op,
            method: parts.method.to_string(),
            target,
            range: header("range").map(str::to_owned),
            signed: header("authorization").is_some() || query.contains("X-Amz-Signature="),
            status: None,
            headers: parts.headers.clone(),
            id,
            path,
            query,
        }
    }

    fn signed_region(&self) -> Option<&str> {
        let scope = self.header(AUTHORIZATION.as_str())?.split_once("Credential=")?.1;
        scope.split('/').nth(2)
    }
}

#[derive(Clone, Copy)]
enum Action {
    Status(u16),
    Cut,
    HangUp,
    /// The request is served but its response is lost.
    Lost,
}

/// A fault and the requests that it applies to: all that match, unless [`Rule::times`] or
/// [`Rule::after`] narrows them.
pub struct Rule {
    op: Op,
    target: String,
    action: Action,
    skip: usize,
    left: usize,
}

impl Rule {
    /// Answers with an error status and the XML that S3 sends with it; 503 is `SlowDown`.
    pub fn status(status: u16, op: Op, target: &str) -> Self {
        Self::new(Action::Status(status), op, target)
    }

    /// Closes the connection after half of the body of a GET.
    pub fn cut(target: &str) -> Self {
        Self::new(Action::Cut, Op::Get, target)
    }

    /// Closes the connection without serving the request.
    pub fn hang_up(op: Op, target: &str) -> Self {
        Self::new(Action::HangUp, op, target)
    }

    /// Applies the rule to the first `n` matches only.
    #[must_use]
    pub fn times(self, n: usize) -> Self {
        Self { left: n, ..self }
    }

    /// Skips the first `n` matches.
    #[must_use]
    pub fn after(self, n: usize) -> Self {
        Self { skip: n, ..self }
    }

    fn new(action: Action, op: Op, target: &str) -> Self {
        Self { op, target: target.to_owned(), action, skip: 0, left: usize::MAX }
    }

    fn take(&mut self, request: &Request) -> Option<Action> {
        if !self.op.covers(request.op) || !request.target.contains(&self.target) || self.left == 0 {
            return None;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return None;
        }
        self.left = self.left.saturating_sub(usize::from(self.left != usize::MAX));
        Some(self.action)
    }
}

type Name = dyn Fn(usize) -> String + Send + Sync;
type Content = dyn Fn(usize) -> Vec<u8> + Send + Sync;

/// Objects whose names and contents are computed on demand.
#[derive(Clone)]
pub struct Synthetic {
    pub(crate) count: usize,
    name: Arc<Name>,
    content: Arc<Content>,
}

impl Synthetic {
    /// Defines `count` objects, a thousand per folder: `{prefix}00000/000000000.json` and so on.
    pub fn new(
        prefix: &str,
        count: usize,
        content: impl Fn(usize) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        let prefix = prefix.to_owned();
        let name = move |i: usize| format!("{prefix}{:05}/{i:09}.json", i / 1000);
        Self { count, name: Arc::new(name), content: Arc::new(content) }
    }

    /// Replaces the names. They must ascend in byte order, because lookups use binary search.
    #[must_use]
    pub fn named(self, name: impl Fn(usize) -> String + Send + Sync + 'static) -> Self {
        Self { name: Arc::new(name), ..self }
    }

    pub(crate) fn key(&self, i: usize) -> String {
        (self.name)(i)
    }

    pub(crate) fn content(&self, i: usize) -> Vec<u8> {
        (self.content)(i)
    }

    pub(crate) fn find(&self, key: &str) -> Option<usize> {
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = low.midpoint(high);
            match self.key(middle).as_str().cmp(key) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Equal => return Some(middle),
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        None
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Way {
    Shut,
    Open,
    Closed,
}

struct Barrier {
    op: Op,
    target: String,
    way: watch::Sender<Way>,
    /// Number of requests still to hold; later ones pass.
    left: AtomicUsize,
    held: Mutex<usize>,
    arrival: Condvar,
}

impl Barrier {
    fn count(&self, change: isize) {
        let mut held = lock(&self.held);
        *held = held.saturating_add_signed(change);
        self.arrival.notify_all();
    }

    async fn pass(&self) -> bool {
        let mut way = self.way.subscribe();
        let _held = Held::new(self);
        let way =
            *way.wait_for(|way| *way != Way::Shut).await.expect("the barrier owns the sender");
        way == Way::Open
    }
}

/// Counts a request as held until it continues or its client disconnects.
struct Held<'a>(&'a Barrier);

impl<'a> Held<'a> {
    fn new(barrier: &'a Barrier) -> Self {
        barrier.count(1);
        Self(barrier)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.count(-1);
    }
}

/// Holds the requests that match, fully received but not served, until it is released. If it is
/// dropped before, it closes their connections without serving them.
pub struct Gate(Arc<Barrier>);

impl Gate {
    /// Blocks the calling thread until at least one request is held.
    pub fn wait(&self) {
        self.wait_until(|held| held > 0, "no request came to the gate");
    }

    /// Blocks the calling thread until every client whose request was held has disconnected, as
    /// after a SIGKILL.
    pub fn wait_deserted(&self) {
        self.wait_until(|held| held == 0, "a client is still at the gate");
    }

    /// Lets the held requests and all later ones pass.
    pub fn release(self) {
        self.0.way.send_replace(Way::Open);
    }

    fn wait_until(&self, done: impl Fn(usize) -> bool, complaint: &str) {
        let held = lock(&self.0.held);
        let (held, _) = self
            .0
            .arrival
            .wait_timeout_while(held, GATE_PATIENCE, |held| !done(*held))
            .expect("not poisoned");
        assert!(done(*held), "{complaint} ({:?}, {:?})", self.0.op, self.0.target);
    }
}

impl Drop for Gate {
    // A request that is still held when a test ends or kills its client must not reach the bucket.
    fn drop(&mut self) {
        self.0.way.send_if_modified(|way| {
            let shut = *way == Way::Shut;
            *way = if shut { Way::Closed } else { *way };
            shut
        });
    }
}

/// The layer that records, delays, holds and disturbs requests.
pub(crate) struct Layer {
    service: S3Service,
    root: PathBuf,
    latency: Duration,
    region: String,
    strict_region: bool,
    rules: Mutex<Vec<Rule>>,
    gates: Mutex<Vec<Arc<Barrier>>>,
    log: Mutex<Vec<Request>>,
    arrivals: AtomicUsize,
    one_in: AtomicUsize,
    in_flight: AtomicUsize,
    peak: AtomicUsize,
}

impl Layer {
    pub(crate) fn new(service: S3Service, root: PathBuf, faults: Faults) -> Self {
        Self {
            service,
            root,
            latency: faults.latency,
            region: faults.region,
            strict_region: faults.strict_region,
            rules: Mutex::new(faults.rules),
            gates: Mutex::default(),
            log: Mutex::default(),
            arrivals: AtomicUsize::new(0),
            one_in: AtomicUsize::new(0),
            in_flight: AtomicUsize::new(0),
            peak: AtomicUsize::new(0),
        }
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        lock(&self.log).clone()
    }

    pub(crate) fn peak(&self) -> usize {
        self.peak.load(Ordering::SeqCst)
    }

    pub(crate) fn add_rule(&self, rule: Rule) {
        lock(&self.rules).push(rule);
    }

    pub(crate) fn add_gate(&self, op: Op, target: &str, requests: usize) -> Gate {
        let barrier = Arc::new(Barrier {
            op,
            target: target.to_owned(),
            way: watch::Sender::new(Way::Shut),
            left: AtomicUsize::new(requests),
            held: Mutex::new(0),
            arrival: Condvar::new(),
        });
        lock(&self.gates).push(Arc::clone(&barrier));
        Gate(barrier)
    }

    /// Serves one request; an error makes hyper close the connection.
    pub(crate) async fn serve(
        self: Arc<Self>,
        request: hyper::Request<Incoming>,
    ) -> Result<Response<Body>, HttpError> {
        let (parts, body) = request.into_parts();
        // Reading the whole body lets hyper notice that a held client has disconnected, and keeps a
        // slow client from holding the bucket's lock.
        let body = body.collect().await.map_err(|error| HttpError::new(error.into()))?.to_bytes();
        let seen = Request::new(self.arrivals.fetch_add(1, Ordering::SeqCst), &parts, &body);
        let _flight = Flight::new(&self);
        lock(&self.log).push(seen.clone());
        let response =
            self.answer(&seen, hyper::Request::from_parts(parts, Body::from(body))).await?;
        self.note_status(seen.id, response.status().as_u16());
        Ok(response)
    }

    async fn answer(
        &self,
        seen: &Request,
        request: hyper::Request<Body>,
    ) -> Result<Response<Body>, HttpError> {
        if !self.latency.is_zero() {
            tokio::time::sleep(self.latency).await;
        }
        self.pass_gates(seen).await?;
        if let Some(rejection) = self.wrong_region(seen) {
            return Ok(rejection);
        }
        match self.fault(seen) {
            Some(Action::Status(status)) => Ok(error(status)),
            Some(Action::HangUp) => Err(hung_up()),
            Some(Action::Cut) => cut(self.ask(request).await?).await,
            Some(Action::Lost) => {
                self.call(seen, request).await?;
                Err(hung_up())
            }
            None => self.call(seen, request).await,
        }
    }

    async fn call(
        &self,
        seen: &Request,
        request: hyper::Request<Body>,
    ) -> Result<Response<Body>, HttpError> {
        if seen.op != Op::HeadBucket {
            return self.ask(request).await;
        }
        // S3 reports to anyone whether a bucket exists and in which region; clients find the region
        // this way.
        if !self.root.join(seen.path.trim_matches('/')).is_dir() {
            return Ok(xml_error(404, "NoSuchBucket", "The specified bucket does not exist", ""));
        }
        let mut response = self.ask(request).await?;
        response.headers_mut().insert(REGION_HEADER, header(&self.region));
        Ok(response)
    }

    // Runs in a separate task: hyper drops the response future of a client that disconnects, and
    // s3s-fs would then leave a write half done, which S3 never does.
    async fn ask(&self, request: hyper::Request<Body>) -> Result<Response<Body>, HttpError> {
        let service = self.service.clone();
        tokio::spawn(async move { service.call(request).await })
            .await
            .expect("the service does not panic")
    }

    async fn pass_gates(&self, seen: &Request) -> Result<(), HttpError> {
        let mine = |gate: &&Arc<Barrier>| {
            gate.op.covers(seen.op)
                && seen.target.contains(&gate.target)
                && *gate.way.borrow() == Way::Shut
                && gate
                    .left
                    .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
                    .is_ok()
        };
        let gates: Vec<_> = lock(&self.gates).iter().filter(mine).cloned().collect();
        for gate in gates {
            if !gate.pass().await {
                return Err(hung_up());
            }
        }
        Ok(())
    }

    fn wrong_region(&self, seen: &Request) -> Option<Response<Body>> {
        let signed =
            seen.signed_region().filter(|signed| self.strict_region && *signed != self.region)?;
        let message = format!(
            "The authorization header is malformed; the region '{signed}' is wrong; expecting '{}'",
            self.region
        );
        let more = format!("<Region>{}</Region>", self.region);
        let mut response = xml_error(400, "AuthorizationHeaderMalformed", &message, &more);
        response.headers_mut().insert(REGION_HEADER, header(&self.region));
        Some(response)
    }

    /// Makes about one in `n` later requests fail, pseudo-randomly; 0 turns this off.
    pub(crate) fn fail_one_in(&self, n: usize) {
        self.one_in.store(n, Ordering::SeqCst);
    }

    fn random_fault(&self, seen: &Request) -> Option<Action> {
        let n = self.one_in.load(Ordering::SeqCst) as u64;
        let hash = xxhash_rust::xxh3::xxh3_64(&seen.id.to_le_bytes());
        if n == 0 || !hash.is_multiple_of(n) {
            return None;
        }
        Some(match hash / n % 5 {
            0 => Action::Status(500),
            1 => Action::Status(503),
            2 => Action::HangUp,
            3 if seen.op == Op::Get => Action::Cut,
            _ => Action::Lost,
        })
    }

    fn fault(&self, seen: &Request) -> Option<Action> {
        if let Some(action) = self.random_fault(seen) {
            return Some(action);
        }
        lock(&self.rules).iter_mut().find_map(|rule| rule.take(seen))
    }

    fn note_status(&self, id: usize, status: u16) {
        if let Some(request) = lock(&self.log).iter_mut().rfind(|request| request.id == id) {
            request.status = Some(status);
        }
    }
}

struct Flight<'a>(&'a Layer);

impl<'a> Flight<'a> {
    fn new(layer: &'a Layer) -> Self {
        let now = layer.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        layer.peak.fetch_max(now, Ordering::SeqCst);
        Self(layer)
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn cut(response: Response<Body>) -> Result<Response<Body>, HttpError> {
    let (mut parts, body) = response.into_parts();
    let body = BodyExt::collect(body).await.map_err(HttpError::new)?.to_bytes();
    parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    let half = body.slice(..body.len() / 2);
    let chunks: Vec<Bytes> = half.chunks(64 * 1024).map(|chunk| half.slice_ref(chunk)).collect();
    let sent = stream::iter(chunks).map(|chunk| Ok(Frame::data(chunk)));
    let closed = stream::once(async {
        // hyper discards unflushed data when a body fails, so leave it time to flush.
        tokio::time::sleep(Duration::from_millis(30)).await;
        Err(io::Error::from(io::ErrorKind::ConnectionReset))
    });
    Ok(Response::from_parts(parts, Body::http_body_unsync(StreamBody::new(sent.chain(closed)))))
}

fn hung_up() -> HttpError {
    HttpError::new(io::Error::from(io::ErrorKind::ConnectionReset).into())
}

fn error(status: u16) -> Response<Body> {
    let (code, message) = match status {
        403 => ("AccessDenied", "Access Denied"),
        404 => ("NoSuchKey", "The specified key does not exist."),
        409 => ("ConditionalRequestConflict", "A conflicting operation occurred."),
        412 => {
            ("PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
        }
        503 => ("SlowDown", "Please reduce your request rate."),
        _ => ("InternalError", "We encountered an internal error. Please try again."),
    };
    xml_error(status, code, message, "")
}

fn xml_error(status: u16, code: &str, message: &str, more: &str) -> Response<Body> {
    let xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message>{more}\
         <RequestId>4442587FB7D0A2F9</RequestId></Error>"
    );
    Response::builder()
        .status(status)
        .header(CONTENT_TYPE, "application/xml")
        .body(Body::from(xml))
        .expect("a valid status")
}

fn header(value: &str) -> HeaderValue {
    HeaderValue::from_str(value).expect("a printable header")
}

fn parameter(query: &str, name: &str) -> Option<String> {
    let mut pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| decoded(&value.replace('+', " ")))
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let code =
            after.get(..2).filter(|_| byte == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        match code.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(code) => {
                bytes.push(code);
                rest = &after[2..];
            }
            None => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("not poisoned")
}
