//! A real S3 server for tests: s3s over HTTP on a free port of 127.0.0.1. It verifies SigV4
//! signatures and keeps objects as plain files below a temporary directory.
//!
//! The server has its own threads, so a blocking test can run `starlift` against it as a child
//! process. `store` corrects the differences between s3s-fs and AWS; [`Faults`] scripts failures.

mod disk;
mod faults;
mod gate;
mod layer;
mod listing;
mod store;
mod synthetic;

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use s3s::S3Result;
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use disk::{files_below, forget, keys};
use layer::Layer;
use store::Store;

pub use faults::{Faults, Op, Request, Rule};
pub use gate::Gate;
pub use synthetic::Synthetic;

/// The bucket that every server starts with.
pub const BUCKET: &str = "sparkify";

const ACCESS_KEY: &str = "AKIAIOSFODNN7EXAMPLE";

const SECRET_KEY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

/// A running server; it stops when it is dropped.
pub struct S3Server {
    address: SocketAddr,
    anonymous: bool,
    region: String,
    layer: Arc<Layer>,
    directory: TempDir,
    root: PathBuf,
    runtime: Option<Runtime>,
}

impl S3Server {
    /// Starts a server without faults and with an empty bucket.
    pub fn start() -> S3Server {
        Self::start_with(Faults::default())
    }

    /// Starts a server with these faults.
    pub fn start_with(faults: Faults) -> S3Server {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("buckets");
        fs::create_dir_all(root.join(BUCKET)).unwrap();
        let (anonymous, region) = (faults.anonymous, faults.region.clone());
        let layer = Arc::new(Layer::new(service(&root, &faults), root.clone(), faults));
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(accept(listener, Arc::clone(&layer)));
        S3Server { address, anonymous, region, layer, directory, root, runtime: Some(runtime) }
    }

    /// Returns `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns `s3://sparkify/{key}`.
    pub fn url(&self, key: &str) -> String {
        format!("s3://{BUCKET}/{key}")
    }

    /// Returns the access key ID and the secret that the server accepts.
    pub fn credentials(&self) -> (&'static str, &'static str) {
        (ACCESS_KEY, SECRET_KEY)
    }

    /// Returns the environment of a client: the endpoint, and credentials unless access is
    /// anonymous.
    pub fn env(&self) -> Vec<(&'static str, String)> {
        let nothing = self.directory.path().join("no-such-file").display().to_string();
        let mut env = vec![
            ("AWS_REGION", self.region.clone()),
            ("AWS_ENDPOINT_URL", self.endpoint()),
            ("AWS_ALLOW_HTTP", "true".into()),
            ("AWS_EC2_METADATA_DISABLED", "true".into()),
            ("AWS_CONFIG_FILE", nothing.clone()),
            ("AWS_SHARED_CREDENTIALS_FILE", nothing),
            ("NO_PROXY", "127.0.0.1".into()),
        ];
        if self.anonymous {
            env.push(("AWS_SKIP_SIGNATURE", "true".into()));
        } else {
            env.push(("AWS_ACCESS_KEY_ID", ACCESS_KEY.into()));
            env.push(("AWS_SECRET_ACCESS_KEY", SECRET_KEY.into()));
        }
        env
    }

    /// Points a child process at this server, and removes the AWS settings of the host's
    /// environment.
    pub fn apply<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("AWS_") {
                command.env_remove(name);
            }
        }
        command.envs(self.env())
    }

    /// Returns the directory that contains the buckets as subdirectories.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Uploads every file below a local folder under `prefix`.
    pub fn put_tree(&self, local: &Path, prefix: &str) {
        for file in files_below(local) {
            let name = file.strip_prefix(local).unwrap().to_str().unwrap();
            let key = Path::new(prefix).join(name);
            self.put(key.to_str().unwrap(), fs::read(&file).unwrap());
        }
    }

    /// Creates an object directly on disk, bypassing the HTTP interface and its faults.
    pub fn put(&self, key: &str, content: impl AsRef<[u8]>) {
        let path = self.root.join(BUCKET).join(key);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        forget(&self.root, BUCKET, key);
    }

    /// Reads an object directly from disk, bypassing the HTTP interface and its faults.
    pub fn get(&self, key: &str) -> Option<Vec<u8>> {
        fs::read(self.root.join(BUCKET).join(key)).ok()
    }

    /// Returns the keys below a prefix in order, without synthetic objects.
    pub fn keys(&self, prefix: &str) -> Vec<String> {
        keys(&self.root.join(BUCKET), prefix)
    }

    /// Returns the number of multipart uploads that are neither completed nor aborted.
    pub fn pending_uploads(&self) -> usize {
        let names = fs::read_dir(&self.root).unwrap().map(|entry| entry.unwrap().file_name());
        names.filter(|name| name.to_string_lossy().starts_with(".upload-")).count()
    }

    /// Returns every request so far, in order of arrival.
    pub fn requests(&self) -> Vec<Request> {
        self.layer.requests()
    }

    /// Returns the number of requests with this operation whose target contains the text.
    pub fn count(&self, op: Op, target: &str) -> usize {
        self.requests()
            .iter()
            .filter(|request| op == Op::Any || request.op == op)
            .filter(|request| request.target.contains(target))
            .count()
    }

    /// Returns the highest number of requests that were being served at the same time.
    pub fn peak(&self) -> usize {
        self.layer.peak()
    }

    /// Adds a rule after the existing ones.
    pub fn inject(&self, rule: Rule) {
        self.layer.add_rule(rule);
    }

    /// Makes about one in `n` later requests fail, pseudo-randomly; 0 turns this off.
    pub fn fail_one_in(&self, n: usize) {
        self.layer.fail_one_in(n);
    }

    /// Holds all further requests that match.
    pub fn pause(&self, op: Op, target: &str) -> Gate {
        self.layer.add_gate(op, target, usize::MAX)
    }

    /// Holds the next request that matches.
    pub fn pause_first(&self, op: Op, target: &str) -> Gate {
        self.layer.add_gate(op, target, 1)
    }

    /// Sets the modification time of an object to `age` ago.
    pub fn age(&self, key: &str, age: Duration) {
        let file = fs::File::options().write(true).open(self.root.join(BUCKET).join(key)).unwrap();
        file.set_modified(SystemTime::now() - age).unwrap();
    }
}

impl Drop for S3Server {
    // Dropping a runtime inside the runtime of a test panics.
    fn drop(&mut self) {
        self.runtime.take().unwrap().shutdown_background();
    }
}

fn service(root: &Path, faults: &Faults) -> S3Service {
    let mut builder = S3ServiceBuilder::new(Store::new(root, faults));
    builder.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
    if faults.anonymous {
        builder.set_access(Public);
    }
    builder.build()
}

async fn accept(listener: TcpListener, layer: Arc<Layer>) {
    listener.set_nonblocking(true).unwrap();
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    loop {
        let (socket, _) = listener.accept().await.unwrap();
        socket.set_nodelay(true).unwrap();
        let layer = Arc::clone(&layer);
        let service = service_fn(move |request| Arc::clone(&layer).serve(request));
        // The connection fails whenever a fault or the client closes it.
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(socket), service));
    }
}

/// Allows unsigned requests; a signature, if present, must still be valid.
struct Public;

#[async_trait::async_trait]
impl S3Access for Public {
    async fn check(&self, _: &mut S3AccessContext<'_>) -> S3Result<()> {
        Ok(())
    }
}
