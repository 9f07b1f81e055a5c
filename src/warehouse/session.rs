//! A session with a warehouse: TLS, settings, notices, and one statement a call.
//!
//! Statements go by the simple query protocol and answers come as text: in Redshift prepared
//! statements go stale when tables change, and its binary form of numbers is not PostgreSQL's.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::{Stream, StreamExt, TryStreamExt};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_postgres::config::SslMode;
use tokio_postgres::{
    AsyncMessage, Client, Config, Connection, CopyInSink, NoTls, SimpleQueryMessage,
};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::error::{Cause, WarehouseError};
use super::iam::IamLogin;
use super::secret::Secret;
use super::target::{Target, TlsMode};
use super::{Dialect, quote};

/// A COPY is silent for as long as it runs, so reads have no timeout; a peer that is gone is found
/// out by keepalive: after 30 s of silence, and then nothing for 8 × 10 s.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(30);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_RETRIES: u32 = 8;

/// AWS may have to be asked for a password first.
const IAM_PATIENCE: Duration = Duration::from_secs(30);

/// What the server's own views show of us.
const APPLICATION_NAME: &str = concat!("starlift ", env!("CARGO_PKG_VERSION"));

/// A row of an answer, its values as text.
pub type TextRow = Vec<Option<String>>;

/// How sessions are opened.
#[derive(Debug, Clone)]
pub struct Access {
    /// The warehouse.
    pub target: Target,
    /// How the user shows who it is.
    pub login: Login,
    /// After this time a statement is stopped; without it the server's own setting holds.
    pub statement_timeout: Option<Duration>,
}

/// How a user logs in.
#[derive(Debug, Clone)]
pub enum Login {
    /// With a password, or with none where the server trusts its users.
    Password(Option<Secret>),
    /// With a password that AWS makes up.
    Iam(Box<IamLogin>),
}

/// A session with a warehouse.
pub struct Session {
    client: Client,
    target: String,
    dialect: Dialect,
    notices: Arc<Mutex<Vec<String>>>,
}

impl Session {
    /// Opens a session.
    ///
    /// # Errors
    ///
    /// If the warehouse cannot be reached, is not who it should be, or refuses the user.
    pub async fn open(access: &Access) -> Result<Session, WarehouseError> {
        let target = &access.target;
        // The driver's own limit ends when TCP is connected; a peer may be silent after that.
        let limit = target.connect_timeout * 2 + IAM_PATIENCE;
        let opened = tokio::time::timeout(limit, Session::open_patiently(access)).await;
        opened.unwrap_or_else(|_| {
            let silent = format!("no answer to the log-in for {} s", limit.as_secs());
            Err(fail("log in", target, Cause::Connection(silent)))
        })
    }

    async fn open_patiently(access: &Access) -> Result<Session, WarehouseError> {
        let target = &access.target;
        let (user, password) = match &access.login {
            Login::Password(password) => (target.user.clone(), password.clone()),
            Login::Iam(iam) => {
                let (user, password) = iam.credentials(target).await?;
                (user, Some(password))
            }
        };
        let config = config(target, &user, password.as_ref());
        let failed = |e: tokio_postgres::Error| fail("log in", target, Cause::driver(&e));
        let notices = Arc::default();
        let client = match target.tls {
            TlsMode::Disable => {
                let (client, connection) = config.connect(NoTls).await.map_err(failed)?;
                drive(connection, &notices);
                client
            }
            TlsMode::VerifyFull => {
                let tls = tls(target).map_err(|cause| fail("log in", target, cause))?;
                let (client, connection) = config.connect(tls).await.map_err(failed)?;
                drive(connection, &notices);
                client
            }
        };
        let session =
            Session { client, target: target.to_string(), dialect: target.dialect, notices };
        session.configure(access.statement_timeout).await?;
        Ok(session)
    }

    async fn configure(&self, statement_timeout: Option<Duration>) -> Result<(), WarehouseError> {
        for sql in settings(self.dialect, statement_timeout) {
            self.execute("set up the session", &sql).await?;
        }
        Ok(())
    }

    /// The warehouse's dialect.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Runs a statement; the number of rows that it is said to have touched.
    ///
    /// # Errors
    ///
    /// If the server refuses it or the connection breaks. `action` says what was being done.
    pub async fn execute(&self, action: &str, sql: &str) -> Result<u64, WarehouseError> {
        let mut touched = 0;
        let mut messages = std::pin::pin!(self.messages(action, sql).await?);
        while let Some(message) = messages.try_next().await? {
            if let SimpleQueryMessage::CommandComplete(rows) = message {
                touched = rows;
            }
        }
        Ok(touched)
    }

    /// Runs a query; all of its rows.
    ///
    /// # Errors
    ///
    /// As [`Session::execute`].
    pub async fn rows(&self, action: &str, sql: &str) -> Result<Vec<TextRow>, WarehouseError> {
        let messages = self.messages(action, sql).await?;
        let rows = messages.try_filter_map(|message| async move {
            let SimpleQueryMessage::Row(row) = message else { return Ok(None) };
            Ok(Some((0..row.len()).map(|i| row.get(i).map(str::to_owned)).collect()))
        });
        rows.try_collect().await
    }

    /// Runs a query; the first value of its first row.
    ///
    /// # Errors
    ///
    /// As [`Session::execute`].
    pub async fn value(&self, action: &str, sql: &str) -> Result<Option<String>, WarehouseError> {
        let rows = self.rows(action, sql).await?;
        Ok(rows.into_iter().next().and_then(|row| row.into_iter().next().flatten()))
    }

    /// Runs a query; the messages of its answer as they come: what its columns are called, and rows.
    ///
    /// # Errors
    ///
    /// As [`Session::execute`].
    pub async fn messages(
        &self,
        action: &str,
        sql: &str,
    ) -> Result<
        impl Stream<Item = Result<SimpleQueryMessage, WarehouseError>> + use<>,
        WarehouseError,
    > {
        tracing::debug!(target: "starlift::sql", "{sql}");
        let (action, target) = (action.to_owned(), self.target.clone());
        let failed = move |e: tokio_postgres::Error| WarehouseError {
            action: action.clone(),
            target: target.clone(),
            cause: Cause::driver(&e),
        };
        let answers = self.client.simple_query_raw(sql).await.map_err(&failed)?;
        Ok(answers.map(move |answer| answer.map_err(&failed)))
    }

    /// Begins a COPY whose data this side sends. PostgreSQL only.
    ///
    /// # Errors
    ///
    /// As [`Session::execute`].
    pub async fn copy_in(
        &self,
        action: &str,
        sql: &str,
    ) -> Result<CopyInSink<bytes::Bytes>, WarehouseError> {
        tracing::debug!(target: "starlift::sql", "{sql}");
        self.client.copy_in(sql).await.map_err(|e| self.failure(action, &e))
    }

    /// A failure of the driver, told as what was being done.
    pub fn failure(&self, action: &str, error: &tokio_postgres::Error) -> WarehouseError {
        self.fail(action, Cause::driver(error))
    }

    /// A failure while something was being done.
    pub fn fail(&self, action: &str, cause: Cause) -> WarehouseError {
        WarehouseError { action: action.to_owned(), target: self.target.clone(), cause }
    }

    /// The notices received since the last call.
    pub fn take_notices(&self) -> Vec<String> {
        std::mem::take(&mut *self.notices.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What every session is set to.
pub(super) fn settings(dialect: Dialect, statement_timeout: Option<Duration>) -> Vec<String> {
    let mut settings = Vec::new();
    if let Some(timeout) = statement_timeout {
        settings.push(format!("SET statement_timeout TO {}", timeout.as_millis()));
    }
    if dialect == Dialect::Postgres {
        settings.extend(
            [
                // Names are always written in full; definitions of views come in full, too.
                "SET search_path TO pg_catalog",
                "SET timezone TO 'UTC'",
                "SET datestyle TO 'ISO, MDY'",
                // The session that holds the loaders' lock waits in its transaction by design.
                "SET idle_in_transaction_session_timeout TO 0",
            ]
            .map(str::to_owned),
        );
    }
    settings
}

fn config(target: &Target, user: &str, password: Option<&Secret>) -> Config {
    let Target { host, port, database, connect_timeout, tls, .. } = target;
    let mut config = Config::new();
    config
        .host(host)
        .port(*port)
        .dbname(database)
        // Not in a URL: the names that AWS makes up have a colon.
        .user(user)
        .application_name(APPLICATION_NAME)
        .connect_timeout(*connect_timeout)
        .keepalives_idle(KEEPALIVE_IDLE)
        .keepalives_interval(KEEPALIVE_INTERVAL)
        .keepalives_retries(KEEPALIVE_RETRIES)
        .ssl_mode(match tls {
            TlsMode::Disable => SslMode::Disable,
            TlsMode::VerifyFull => SslMode::Require,
        });
    if let Some(password) = password {
        config.password(password.expose());
    }
    config
}

/// rustls verifies the certificate and the full host name; there is no way to ask for less.
pub(super) fn tls(target: &Target) -> Result<MakeRustlsConnect, Cause> {
    let mut roots = RootCertStore::empty();
    match &target.root_certificates {
        Some(file) => {
            let unusable = |e: &dyn std::fmt::Display| {
                Cause::Tls(format!("the certificates of {} cannot be used: {e}", file.display()))
            };
            for certificate in CertificateDer::pem_file_iter(file).map_err(|e| unusable(&e))? {
                let certificate = certificate.map_err(|e| unusable(&e))?;
                roots.add(certificate).map_err(|e| unusable(&e))?;
            }
            if roots.is_empty() {
                return Err(unusable(&"there are none in it"));
            }
        }
        None => {
            let found = rustls_native_certs::load_native_certs();
            roots.add_parsable_certificates(found.certs);
            if roots.is_empty() {
                let why = found.errors.first().map(|e| format!(": {e}")).unwrap_or_default();
                return Err(Cause::Tls(format!("the system has no certificates to trust{why}")));
            }
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| Cause::Tls(e.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

/// Moves the connection's bytes, and keeps and logs the notices among them, until the client is
/// dropped and the server has been told.
fn drive<S, T>(mut connection: Connection<S, T>, notices: &Arc<Mutex<Vec<String>>>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let notices = notices.clone();
    tokio::spawn(async move {
        loop {
            match std::future::poll_fn(|context| connection.poll_message(context)).await {
                Some(Ok(AsyncMessage::Notice(notice))) => {
                    let text = notice.message().trim().to_owned();
                    match notice.severity() {
                        "WARNING" => tracing::warn!("the warehouse says: {text}"),
                        _ => tracing::debug!("the warehouse says: {text}"),
                    }
                    notices.lock().unwrap_or_else(PoisonError::into_inner).push(text);
                }
                Some(Ok(_)) => {}
                // Whoever waits for an answer hears of it.
                Some(Err(_)) | None => return,
            }
        }
    });
}

fn fail(action: &str, target: &Target, cause: Cause) -> WarehouseError {
    WarehouseError { action: action.to_owned(), target: target.to_string(), cause }
}

impl Session {
    /// Readies the session for questions: unqualified names mean the tables of `schema`, and where the
    /// server can keep it to that, it only reads.
    ///
    /// # Errors
    ///
    /// As [`Session::execute`], and if `schema` cannot be a name.
    pub async fn use_schema(&self, schema: &str) -> crate::error::Result<()> {
        let sql = format!("SET search_path TO {}", quote::name(schema)?);
        self.execute("choose the schema", &sql).await?;
        if self.dialect == Dialect::Postgres {
            // A function in a question may write.
            let sql = "SET default_transaction_read_only TO on";
            self.execute("only read", sql).await?;
        }
        Ok(())
    }
}
