//! A web server that answers as a test defines and records its requests. It also acts as a proxy
//! that answers for every host itself.

use std::convert::Infallible;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;

/// A request as received.
#[derive(Clone, Debug)]
pub struct StubRequest {
    pub method: String,
    /// Host of the request target if used as a proxy, otherwise of the `Host` header.
    pub host: String,
    /// Percent-decoded path.
    pub path: String,
    pub query: String,
    pub headers: hyper::HeaderMap,
    pub body: Bytes,
    /// `true` if the target was an absolute URL or the method CONNECT.
    pub proxied: bool,
}

impl StubRequest {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// Returns the decoded value of a query parameter.
    pub fn parameter(&self, name: &str) -> Option<String> {
        let mut pairs = url::form_urlencoded::parse(self.query.as_bytes());
        pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }
}

pub type Answer = Response<Full<Bytes>>;

/// Builds a response with a status and a body.
pub fn answer(status: u16, body: impl Into<Bytes>) -> Answer {
    Response::builder().status(status).body(Full::new(body.into())).unwrap()
}

/// A running server; its thread ends with the test process.
pub struct Stub {
    pub url: String,
    asked: Arc<Mutex<Vec<StubRequest>>>,
}

impl Stub {
    pub fn start(answers: impl Fn(&StubRequest) -> Answer + Send + Sync + 'static) -> Stub {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<StubRequest>>> = Arc::default();
        let (answers, record) = (Arc::new(answers), asked.clone());
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                listener.set_nonblocking(true).unwrap();
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                loop {
                    let (socket, _) = listener.accept().await.unwrap();
                    let (answers, record) = (answers.clone(), record.clone());
                    let service = hyper::service::service_fn(move |request| {
                        let (answers, record) = (answers.clone(), record.clone());
                        async move {
                            let asked = received(request).await;
                            record.lock().unwrap().push(asked.clone());
                            Ok::<_, Infallible>(answers(&asked))
                        }
                    });
                    let http = hyper::server::conn::http1::Builder::new();
                    tokio::spawn(http.serve_connection(TokioIo::new(socket), service));
                }
            });
        });
        Stub { url, asked }
    }

    /// Returns every request so far.
    pub fn asked(&self) -> Vec<StubRequest> {
        self.asked.lock().unwrap().clone()
    }
}

async fn received(request: Request<Incoming>) -> StubRequest {
    let (parts, body) = request.into_parts();
    let host = parts.uri.host().map(str::to_owned).or_else(|| {
        let host = parts.headers.get("host")?.to_str().ok()?;
        Some(host.split(':').next().unwrap_or_default().to_owned())
    });
    let path = percent_encoding::percent_decode_str(parts.uri.path());
    StubRequest {
        method: parts.method.to_string(),
        host: host.unwrap_or_default(),
        path: path.decode_utf8().unwrap().into_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts.headers,
        body: body.collect().await.unwrap().to_bytes(),
        proxied: parts.uri.host().is_some(),
    }
}
