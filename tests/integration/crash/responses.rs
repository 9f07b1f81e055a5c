//! Requests whose response is lost.

use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::*;

/// A proxy that loses the responses to the first `left` requests that begin with `request`.
struct Lossy {
    address: SocketAddr,
    request: String,
    left: AtomicUsize,
}

impl Lossy {
    /// Starts a proxy in front of `server` and returns its endpoint.
    fn start(server: &S3Server, request: &str, left: usize) -> (String, Arc<Lossy>) {
        let address = server.endpoint()["http://".len()..].parse().unwrap();
        let lossy = Lossy { address, request: request.to_owned(), left: AtomicUsize::new(left) };
        let lossy = Arc::new(lossy);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let accepting = lossy.clone();
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let lossy = accepting.clone();
                std::thread::spawn(move || lossy.serve(client.unwrap()));
            }
        });
        (endpoint, lossy)
    }

    fn serve(&self, mut client: TcpStream) -> std::io::Result<()> {
        let mut server = TcpStream::connect(self.address)?;
        let loses = Arc::new(AtomicBool::new(false));
        let (mut answers, mut receiver, lost) =
            (server.try_clone()?, client.try_clone()?, loses.clone());
        std::thread::spawn(move || -> std::io::Result<()> {
            let mut buffer = [0; 65536];
            loop {
                let length = answers.read(&mut buffer)?;
                if length == 0 || lost.load(Ordering::SeqCst) {
                    return receiver.shutdown(Shutdown::Both);
                }
                receiver.write_all(&buffer[..length])?;
            }
        });
        let mut buffer = [0; 65536];
        loop {
            let length = client.read(&mut buffer)?;
            if length == 0 {
                return server.shutdown(Shutdown::Both);
            }
            if buffer[..length].starts_with(self.request.as_bytes()) {
                let take = |left: usize| left.checked_sub(1);
                let taken = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take);
                loses.fetch_or(taken.is_ok(), Ordering::SeqCst);
            }
            server.write_all(&buffer[..length])?;
        }
    }
}

/// Publishes through a proxy that loses the first `answers` responses to such requests.
fn publish_through(bench: &Bench, request: &str, answers: usize) -> Outcome {
    let (endpoint, lossy) = Lossy::start(bench.server(), request, answers);
    let mut command = bench.transform("b", &["--retries", "2"]);
    let outcome = bench.workspace.outcome(command.env("AWS_ENDPOINT_URL", endpoint));
    assert_eq!(lossy.left.load(Ordering::SeqCst), 0, "too few answers to lose\n{outcome}");
    outcome
}

#[test]
fn lost_response_to_the_put_of_the_record_still_publishes() {
    for lost in [1, 3] {
        let bench = Bench::s3();
        bench.publish("a");
        let old = bench.answer();
        publish_through(&bench, "PUT /sparkify/star/_starlift.json", lost).exits(0);
        assert_ne!(bench.answer(), old);
        bench.assert_nothing_is_left_over();
    }
}

#[test]
fn lost_response_to_the_put_of_the_lock_still_holds_it() {
    let bench = Bench::s3();
    bench.publish("a");
    publish_through(&bench, "PUT /sparkify/star/_lock", 1).exits(0);
    bench.assert_nothing_is_left_over();
    // The run takes over the lock of a dead run; only the response to that put is lost.
    bench.kill_at("a", Op::Put, "star/songs/");
    publish_through(&bench, "PUT /sparkify/star/_lock", 2).exits(0);
    bench.assert_nothing_is_left_over();
}

#[test]
fn lost_response_to_a_renewal_still_holds_the_lease() {
    let bench = Bench::s3();
    bench.publish("a");
    let old = bench.answer();
    let gate = bench.server().pause(Op::Put, "star/_inputs/");
    let (endpoint, lossy) = Lossy::start(bench.server(), "PUT /sparkify/star/_lock", 0);
    let mut command = bench.transform("b", &[]);
    let run = Run::start(command.env("AWS_ENDPOINT_URL", endpoint));
    gate.wait();
    // The next such request is the renewal immediately before publishing.
    lossy.left.store(1, Ordering::SeqCst);
    gate.release();
    run.finish().exits(0);
    assert_eq!(lossy.left.load(Ordering::SeqCst), 0);
    assert_ne!(bench.answer(), old);
    bench.assert_nothing_is_left_over();
}
