//! Faults of the server, and the requests that they apply to.

use std::time::Duration;

use hyper::Method;
use hyper::header::{AUTHORIZATION, HeaderMap, HeaderValue};

use super::synthetic::Synthetic;

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
    pub(super) fn covers(self, op: Op) -> bool {
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
    pub(super) id: usize,
}

impl Request {
    /// Returns the value of a header, given its lower-case name, such as `if-none-match`.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub(super) fn new(id: usize, parts: &hyper::http::request::Parts, body: &[u8]) -> Self {
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

    pub(super) fn signed_region(&self) -> Option<&str> {
        let scope = self.header(AUTHORIZATION.as_str())?.split_once("Credential=")?.1;
        scope.split('/').nth(2)
    }
}

#[derive(Clone, Copy)]
pub(super) enum Action {
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

    pub(super) fn take(&mut self, request: &Request) -> Option<Action> {
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
