//! The HTTP server in front of moto, which logs requests, injects faults and dispatches.

use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Response, StatusCode};
use hyper_util::rt::TokioIo;

use super::cloud::{Cloud, Pace};
use super::faults::{Effect, Faults};
use super::query::{Answer, ErrorReply, Request, Service};

type Reply = Response<Full<Bytes>>;

/// The state that the connections share.
pub(super) struct Front {
    pub cloud: Arc<Cloud>,
    pub faults: Faults,
    pub log: Mutex<Vec<Request>>,
}

/// Accepts connections until the runtime shuts down.
pub(super) async fn accept(listener: TcpListener, front: Arc<Front>) {
    listener.set_nonblocking(true).unwrap();
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    loop {
        let (socket, _) = listener.accept().await.unwrap();
        let front = Arc::clone(&front);
        let service = service_fn(move |request| Arc::clone(&front).serve(request));
        // The result is ignored: it is an error whenever a fault or the client closes the
        // connection.
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(socket), service));
    }
}

impl Front {
    /// Answers a request. After an error, hyper closes the connection.
    async fn serve(self: Arc<Front>, request: hyper::Request<Incoming>) -> io::Result<Reply> {
        let (parts, body) = request.into_parts();
        let signature = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        let Some(service) = signature.and_then(service_of) else {
            let code = "MissingAuthenticationToken";
            let rejection = ErrorReply::new(403, code, "Request is missing Authentication Token");
            return Ok(reply(rejection.answer(Service::Sts)));
        };
        let target = parts.headers.get("x-amz-target").and_then(|value| value.to_str().ok());
        let request = match target {
            Some(target) => Request::read_json(service, target, &body),
            None => Request::read(service, &body),
        };
        self.log.lock().unwrap().push(request.clone());
        let fault = self.faults.take(&request);
        if let Some(answer) = fault.as_ref().and_then(|effect| effect.replacement(&request)) {
            return Ok(reply(answer));
        }
        match &fault {
            Some(Effect::Hang) => match pending::<Infallible>().await {},
            Some(Effect::Hold(gate)) => gate.hold().await,
            _ => {}
        }
        let mut answer = self.answer(request).await;
        match fault {
            Some(Effect::Lose) => return Err(io::ErrorKind::ConnectionReset.into()),
            Some(Effect::Rewrite(from, to)) => answer.body = answer.body.replace(&from, &to),
            _ => {}
        }
        Ok(reply(answer))
    }

    // A separate task, as AWS completes a request even if the client has disconnected.
    async fn answer(&self, request: Request) -> Answer {
        let cloud = Arc::clone(&self.cloud);
        let task = tokio::spawn(async move { cloud.answer(&request, Pace::Real).await });
        task.await.expect("the stand-in does not panic")
    }
}

/// Reads the service from the credential scope, such as
/// `AKIA.../20260101/us-east-1/redshift/aws4_request`.
fn service_of(signature: &str) -> Option<Service> {
    let (_, scope) = signature.split_once("Credential=")?;
    Service::named(scope.split(',').next()?.split('/').nth(3)?)
}

fn reply(answer: Answer) -> Reply {
    let status = StatusCode::from_u16(answer.status).expect("a status");
    let mut reply = Response::new(Full::new(Bytes::from(answer.body)));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, "text/xml".parse().expect("a header"));
    reply
}
