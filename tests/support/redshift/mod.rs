//! A stand-in for Amazon Redshift: a server that speaks the PostgreSQL protocol over TLS, takes
//! what Redshift takes, refuses what it refuses, loads Parquet from the S3 test server, and keeps
//! its rows in a real PostgreSQL, whose transactions, locks and snapshots are thereby the
//! stand-in's.
//!
//! Enforced, because vendor documentation or users of the real service say so; the numbers, here
//! and in comments, are sections and rows of the project's collected facts about Redshift:
//!
//! - COPY (1.1, 1.2, 2.5, 2.7, 2.10): parameters that do not go with Parquet, manifests, prefixes,
//!   roles, regions, column lists, positional binding, lengths in bytes, nulls; all or nothing;
//!   what is remembered of it (`copy`, `execute::copy`).
//! - Parquet (1.3, 1.4): what is known to be read; all else is refused, and the message says that
//!   there is no evidence (`copy::parquet`).
//! - Statements (3.1 to 3.9, 3.18, 3.19): a grammar of what Redshift has (`command`), queries held
//!   to lists of expressions, functions and catalogues (`query`), names folded and reserved words
//!   refused (`lex`, `words`), Redshift's types (`types`).
//! - Tables (3.4, 3.5, 3.15): keys declared but not enforced, NOT NULL enforced, VARCHAR in bytes,
//!   LIKE without keys, views and foreign keys that hold their table (`execute`).
//! - Values (4.4, 4.15, 6.1 to 6.11, 6.14): backslash escapes, trailing blanks that do not count,
//!   AVG of integers cut, EXTRACT an integer, explicit window frames, functions of the leader
//!   node, floats of 15 digits (`bootstrap.sql`, `query`).
//! - Transactions (3.11 to 3.13, 3.20 to 3.23, 3.26): a nested BEGIN joins, TRUNCATE commits,
//!   VACUUM and others refuse a block, a failed transaction takes nothing but its end, a snapshot
//!   is taken by the first look, errors 1018 and 1023 (`session`). Who waits for a table that is
//!   dropped fails, as Redshift's users report (`execute::rows`).
//! - Protocol (4.1 to 4.8, 4.12): version 8.0.2, TLS or nothing, MD5 or cleartext passwords,
//!   simple queries one at a time (`wire`).
//!
//! Not proved by passing here: anything about a planner over many nodes, Spectrum, speed, IAM
//! beyond one attached role, or the wording of errors that nobody has quoted. Not imitated: scales
//! of DECIMAL arithmetic, NaN in scans, conflicts under SERIALIZABLE isolation, IDENTITY, SUPER,
//! MEDIAN and other functions on no list of `query::names`. What Redshift may have and the
//! stand-in does not is refused with `the stand-in does not do ..`.

#![allow(dead_code, reason = "each test binary uses a part of it")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a broken fixture fails the test"
)]

mod command;
mod copy;
mod data_api;
mod error;
mod execute;
mod faults;
mod lex;
mod query;
mod session;
mod types;
mod wire;
mod words;

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI32, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use pgwire::tokio::TlsAcceptor;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::runtime::Runtime;
use tokio::sync::Notify;

use super::postgres::{Database, Postgres};
use super::s3::S3Server;
use super::tls::Certificates;
use copy::source::Buckets;
#[allow(unused_imports, reason = "each test binary uses a part of it")]
pub use data_api::DataApi;
use faults::Faults;
#[allow(unused_imports, reason = "each test binary uses a part of it")]
pub use faults::{Fault, Gate, On, What, When};

const USER: &str = "loader";
const PASSWORD: &str = "Str0ng-enough";
const DATABASE: &str = "dev";
const ROLE: &str = "arn:aws:iam::123456789012:role/starlift-copy";

/// How a server is set up; the default is a new provisioned cluster.
#[derive(Default)]
pub struct Config {
    pub auth: Auth,
    /// `stl_load_errors` is not for plain users there.
    pub serverless: bool,
    /// The warehouse's region; else the bucket's.
    pub region: Option<String>,
    /// The ARN of the only role that is attached to the cluster.
    pub role: Option<String>,
    /// Whether COPY of Parquet accepts keys.
    pub takes_keys: bool,
}

/// How the server asks for a password.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub enum Auth {
    #[default]
    Md5,
    Cleartext,
    /// The user's password is stored as SHA-256: most drivers do not know the request.
    Sha256,
}

/// A running server; it ends when it is dropped.
pub struct Redshift {
    server: Arc<Server>,
    port: u16,
    folder: tempfile::TempDir,
    runtime: Option<Runtime>,
}

/// What the sessions share.
struct Server {
    database: Database,
    buckets: Buckets,
    auth: Auth,
    serverless: bool,
    takes_keys: bool,
    role: String,
    faults: Faults,
    statements: Mutex<Vec<String>>,
    queries: AtomicI64,
    pids: AtomicI32,
    sessions: Mutex<HashMap<i32, Arc<Notify>>>,
}

impl Redshift {
    /// A server whose role can read every bucket of `s3`, with an empty database.
    pub async fn start(s3: &S3Server) -> Redshift {
        Redshift::start_with(s3, Config::default()).await
    }

    pub async fn start_with(s3: &S3Server, config: Config) -> Redshift {
        let database = Postgres::shared().database();
        let role = role_name(database.name(), "user", USER);
        let client = database.client().await;
        client.batch_execute(include_str!("bootstrap.sql")).await.unwrap();
        let loader = format!(
            "CREATE ROLE \"{role}\" SUPERUSER LOGIN; \
             INSERT INTO rs.principals VALUES ('user', '{USER}', '{role}', '{PASSWORD}', true)"
        );
        client.batch_execute(&loader).await.unwrap();

        let env: HashMap<_, _> = s3.env().into_iter().collect();
        let region = env["AWS_REGION"].clone();
        let own_region = config.region.unwrap_or_else(|| region.clone());
        let server = Arc::new(Server {
            database,
            buckets: Buckets::new(s3.endpoint(), s3.credentials(), region, own_region),
            auth: config.auth,
            serverless: config.serverless,
            takes_keys: config.takes_keys,
            role: config.role.unwrap_or_else(|| ROLE.to_owned()),
            faults: Faults::default(),
            statements: Mutex::default(),
            queries: AtomicI64::new(1001),
            pids: AtomicI32::new(1),
            sessions: Mutex::default(),
        });
        let certificates = Certificates::for_localhost();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("ca.pem"), &certificates.authority).unwrap();

        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        // Of its own: a test may block its thread on a child process that talks to the server.
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(2).enable_all().build().unwrap();
        runtime.spawn(accept(listener, Arc::clone(&server), acceptor(&certificates)));
        Redshift { server, port, folder, runtime: Some(runtime) }
    }

    /// Without the password.
    pub fn url(&self) -> String {
        format!("redshift://{USER}@localhost:{}/{DATABASE}", self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The certificate of the authority that signed the server's, which is for `localhost`.
    pub fn ca_file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Who is a superuser, as the first user of a cluster is.
    pub fn user(&self) -> &str {
        USER
    }

    /// Of the user `loader`, who is a superuser as the user is whom a new cluster has.
    pub fn password(&self) -> &str {
        PASSWORD
    }

    /// The only role attached to the cluster, which is also its default.
    pub fn role(&self) -> &str {
        &self.server.role
    }

    /// The rows, past all sessions.
    pub fn database(&self) -> &Database {
        &self.server.database
    }

    /// Every statement received, in order, of all sessions.
    pub fn statements(&self) -> Vec<String> {
        self.server.statements.lock().unwrap().clone()
    }

    /// How many injected faults have met no statement yet.
    pub fn faults_left(&self) -> usize {
        self.server.faults.left()
    }

    /// Takes back the injected faults that have met no statement; how many they were.
    pub fn clear_faults(&self) -> usize {
        self.server.faults.clear()
    }

    pub fn inject(&self, fault: Fault) {
        self.server.faults.add(fault);
    }
}

impl Drop for Redshift {
    // A runtime that is merely dropped inside a test's own runtime panics.
    fn drop(&mut self) {
        self.runtime.take().unwrap().shutdown_background();
    }
}

impl Server {
    /// The PostgreSQL role of a user or group of this database.
    fn role_name(&self, kind: &str, name: &str) -> String {
        role_name(self.database.name(), kind, name)
    }

    /// A user's password and whether all is allowed.
    async fn account(&self, user: &str) -> Option<(String, bool)> {
        let query = "SELECT password, superuser FROM rs.principals \
                     WHERE kind = 'user' AND name = $1 AND password IS NOT NULL";
        let row = self.database.client().await.query_opt(query, &[&user]).await.unwrap()?;
        Some((row.get(0), row.get(1)))
    }

    fn enrol(&self) -> (i32, Arc<Notify>) {
        let pid = self.pids.fetch_add(1, Ordering::Relaxed);
        let cancel = Arc::new(Notify::new());
        self.sessions.lock().unwrap().insert(pid, Arc::clone(&cancel));
        (pid, cancel)
    }

    fn leave(&self, pid: i32) {
        self.sessions.lock().unwrap().remove(&pid);
    }

    /// Cancels what a session is doing; one that does nothing does not notice.
    fn cancel(&self, pid: i32) {
        if let Some(cancel) = self.sessions.lock().unwrap().get(&pid) {
            cancel.notify_waiters();
        }
    }
}

fn role_name(database: &str, kind: &str, name: &str) -> String {
    format!("{database}:{kind}:{name}")
}

fn acceptor(certificates: &Certificates) -> TlsAcceptor {
    let certificate = CertificateDer::from_pem_slice(certificates.server.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(certificates.server_key.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

async fn accept(listener: std::net::TcpListener, server: Arc<Server>, tls: TlsAcceptor) {
    listener.set_nonblocking(true).unwrap();
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    loop {
        let (socket, _) = listener.accept().await.unwrap();
        // It fails when the client goes away.
        tokio::spawn(wire::serve(Arc::clone(&server), tls.clone(), socket));
    }
}
