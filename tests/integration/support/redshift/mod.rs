//! A stand-in for Amazon Redshift: a server that speaks the PostgreSQL protocol over TLS, accepts
//! and rejects what Redshift does, and loads Parquet from the S3 test server. It keeps its rows in
//! a real PostgreSQL, which also provides its transactions, locks and snapshots.
//!
//! It enforces what vendor documentation or users of the real service report. The numbers here and
//! in comments are sections and rows of `FACTS.md` in this folder:
//!
//! - COPY (1.1, 1.2, 2.5, 2.7, 2.10): parameters that Parquet does not allow, manifests, prefixes,
//!   roles, regions, column lists, mapping by position, lengths in bytes, nulls, atomic loads, and
//!   the record of each load (`copy`, `execute::copy`).
//! - Parquet (1.3, 1.4): only features that are known to load; it rejects all others with a message
//!   that says that there is no evidence (`copy::parquet`).
//! - Statements (3.1 to 3.9, 3.18, 3.19): a grammar of Redshift's statements (`command`), lists of
//!   the expressions, functions and catalogs that queries may use (`query`), folded names and
//!   reserved words (`lex`, `words`), Redshift's types (`types`).
//! - Tables (3.4, 3.5, 3.15): keys that are declared but not enforced, NOT NULL, VARCHAR in bytes,
//!   LIKE without keys, views and foreign keys that prevent the drop of their table (`execute`).
//! - Values (4.4, 4.15, 6.1 to 6.11, 6.14): backslash escapes, comparisons that ignore trailing
//!   blanks, AVG of integers truncated, EXTRACT as an integer, explicit window frames, leader-node
//!   functions, floats of 15 digits (`bootstrap.sql`, `query`).
//! - Transactions (3.11 to 3.13, 3.20 to 3.23, 3.26): a nested BEGIN joins the transaction,
//!   TRUNCATE commits, VACUUM and others fail in a transaction block, a failed transaction accepts
//!   only its end, the first query takes the snapshot, errors 1018 and 1023 (`session`). A
//!   statement that waits for a table fails if the table is dropped, as users of Redshift report
//!   (`execute::rows`).
//! - Protocol (4.1 to 4.8, 4.12): version 8.0.2, TLS required, MD5 or cleartext passwords, simple
//!   queries of one statement (`wire`).
//!
//! A test that passes here proves nothing about multi-node planning, Spectrum, speed, IAM beyond
//! one attached role, or the wording of errors that no one has quoted. Not imitated: scales of
//! DECIMAL arithmetic, NaN in scans, conflicts under SERIALIZABLE isolation, IDENTITY, SUPER,
//! MEDIAN and other functions that are not listed in `query::names`. A feature that Redshift may
//! have and the stand-in lacks fails with `the stand-in does not support ..`.

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
pub use data_api::DataApi;
use faults::Faults;
pub use faults::{Fault, Gate, On, What, When};

const USER: &str = "loader";
const PASSWORD: &str = "Str0ng-enough";
const DATABASE: &str = "dev";
const ROLE: &str = "arn:aws:iam::123456789012:role/starlift-copy";

/// Configuration of a server; the default is a new provisioned cluster.
#[derive(Default)]
pub struct Config {
    pub auth: Auth,
    /// Denies regular users `stl_load_errors`, as Redshift Serverless does.
    pub serverless: bool,
    /// Region of the warehouse; defaults to that of the bucket.
    pub region: Option<String>,
    /// ARN of the only role attached to the cluster.
    pub role: Option<String>,
    /// Lets COPY of Parquet accept temporary keys.
    pub takes_keys: bool,
}

/// Method by which the server requests the password.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub enum Auth {
    #[default]
    Md5,
    Cleartext,
    /// The password is stored as SHA-256; most drivers do not know this request.
    Sha256,
}

/// A running server; it stops when it is dropped.
pub struct Redshift {
    server: Arc<Server>,
    port: u16,
    folder: tempfile::TempDir,
    runtime: Option<Runtime>,
}

/// State shared by the sessions.
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
    /// Starts a server with an empty database and a role that can read every bucket of `s3`.
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
        // A separate runtime: a test may block its thread on a child process that talks to the
        // server.
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(2).enable_all().build().unwrap();
        runtime.spawn(accept(listener, Arc::clone(&server), acceptor(&certificates)));
        Redshift { server, port, folder, runtime: Some(runtime) }
    }

    /// Returns the URL, without the password.
    pub fn url(&self) -> String {
        format!("redshift://{USER}@localhost:{}/{DATABASE}", self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the path of the CA certificate that signed the server's certificate for `localhost`.
    pub fn ca_file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Returns the name of the user, who is a superuser like the admin user of a new cluster.
    pub fn user(&self) -> &str {
        USER
    }

    /// Returns the password of that user.
    pub fn password(&self) -> &str {
        PASSWORD
    }

    /// Returns the ARN of the only role attached to the cluster, which is also its default.
    pub fn role(&self) -> &str {
        &self.server.role
    }

    /// Returns the backing database, for direct access to the rows.
    pub fn database(&self) -> &Database {
        &self.server.database
    }

    /// Returns every statement received, in order, in all sessions.
    pub fn statements(&self) -> Vec<String> {
        self.server.statements.lock().unwrap().clone()
    }

    /// Returns the number of injected faults that have not applied yet.
    pub fn faults_left(&self) -> usize {
        self.server.faults.left()
    }

    /// Removes the injected faults that have not applied, and returns their number.
    pub fn clear_faults(&self) -> usize {
        self.server.faults.clear()
    }

    pub fn inject(&self, fault: Fault) {
        self.server.faults.add(fault);
    }
}

impl Drop for Redshift {
    // Dropping a runtime inside the runtime of a test panics.
    fn drop(&mut self) {
        self.runtime.take().unwrap().shutdown_background();
    }
}

impl Server {
    /// Returns the PostgreSQL role of a user or group of this database.
    fn role_name(&self, kind: &str, name: &str) -> String {
        role_name(self.database.name(), kind, name)
    }

    /// Returns the password of a user, and `true` if the user is a superuser.
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

    /// Cancels the statement of a session; has no effect on an idle session.
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
        // It fails if the client disconnects.
        tokio::spawn(wire::serve(Arc::clone(&server), tls.clone(), socket));
    }
}
