//! The layer in front of the store that records requests and applies faults to them.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, stream};
use http_body_util::{BodyExt, StreamBody};
use hyper::Response;
use hyper::body::{Frame, Incoming};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use s3s::service::S3Service;
use s3s::{Body, HttpError};

use super::faults::{Action, Faults, Op, Request, Rule};
use super::gate::{Barrier, Gate};

/// The header with the bucket's region, in answers to `HeadBucket` and in rejections for the wrong
/// region.
const REGION_HEADER: &str = "x-amz-bucket-region";

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
        let barrier = Arc::new(Barrier::new(op, target, requests));
        lock(&self.gates).push(Arc::clone(&barrier));
        Gate::new(barrier)
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
        let gates: Vec<_> =
            lock(&self.gates).iter().filter(|gate| gate.admits(seen)).cloned().collect();
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

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("not poisoned")
}
