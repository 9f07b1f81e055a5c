//! A session with a warehouse: TLS, settings, notices, and one statement per call.
//!
//! Statements use the simple query protocol and results are text: in Redshift, prepared statements
//! go stale when tables change, and its binary format of numbers is not PostgreSQL's.
//!
//! A connection pooler can run each transaction on another server connection, and share each server
//! connection among many clients. In PostgreSQL, a setting therefore never outlives its
//! transaction: [`Session::begin`] uses `SET LOCAL`, and a statement outside a transaction is sent
//! in one message with the settings it needs, which the server runs as a single transaction.

mod access;
mod data_api;
mod driver;
mod limits;
mod port;
mod settings;
mod tls;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use tokio_postgres::CopyInSink;

pub use self::access::{Access, Login};
pub use self::data_api::DataApiLogin;
pub use self::limits::ServerLimit;
pub use self::settings::Limits;
pub(in crate::warehouse) use self::settings::shown as shown_settings;
pub(super) use self::tls::connector;

use self::data_api::DataApiSession;
use self::driver::ServerParameters;
use self::port::PortSession;
use self::settings::Settings;
use crate::warehouse::Dialect;
use crate::warehouse::connection::target::Target;
use crate::warehouse::error::{Cause, WarehouseError};
use crate::warehouse::sql::quote;

/// Extra time to log in, because a password may first have to be requested from AWS.
const IAM_PATIENCE: Duration = Duration::from_secs(30);

/// Name of the session in the server's own views.
const APPLICATION_NAME: &str = concat!("starlift ", env!("CARGO_PKG_VERSION"));

/// A row of a result, with values as text; `None` is null.
pub type TextRow = Vec<Option<String>>;

/// Stream of the messages in the response to a statement.
pub type Messages = BoxStream<'static, Result<Message, WarehouseError>>;

/// A session with a warehouse.
pub struct Session {
    transport: Transport,
    target: String,
    dialect: Dialect,
    encoding: Option<String>,
    escapes: bool,
    settings: Settings,
    server_limits: Vec<ServerLimit>,
    in_transaction: AtomicBool,
}

/// Transport of a session.
enum Transport {
    /// A connection to the server's port.
    Port(PortSession),
    /// The Redshift Data API.
    DataApi(Box<DataApiSession>),
}

/// A part of the response to a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Names of the columns of the rows that follow.
    Columns(Vec<String>),
    /// A row of the result.
    Row(TextRow),
    /// End of the response, with the number of affected rows that the server reports.
    Complete(u64),
}

impl Session {
    /// Opens a session.
    ///
    /// # Errors
    ///
    /// Returns an error if the warehouse cannot be reached, cannot prove its identity, or rejects
    /// the login.
    pub async fn open(access: &Access) -> Result<Session, WarehouseError> {
        let target = &access.target;
        // The driver's timeout covers only the TCP connection; a peer can be silent after that.
        let limit = target.connect_timeout * 2 + IAM_PATIENCE;
        let opened = tokio::time::timeout(limit, Session::open_patiently(access)).await;
        opened.unwrap_or_else(|_| {
            let silent = format!("no response to the login for {} s", limit.as_secs());
            Err(fail("log in", target, Cause::Connection(silent)))
        })
    }

    async fn open_patiently(access: &Access) -> Result<Session, WarehouseError> {
        let target = &access.target;
        let failed = |cause| fail("log in", target, cause);
        let (user, password) = match &access.login {
            Login::Password(password) => (target.user.clone(), password.clone()),
            Login::Iam(iam) => {
                let (user, password) = iam.credentials(target).await?;
                (user, Some(password))
            }
            Login::DataApi(login) => {
                let settings = settings::redshift(&access.limits);
                let session = DataApiSession::open(login, target, settings).await;
                let transport = Transport::DataApi(Box::new(session.map_err(failed)?));
                return Ok(Session::new(target, transport, ServerParameters::default()));
            }
        };
        let opened = PortSession::open(target, &user, password.as_ref()).await;
        let (port, parameters) = opened.map_err(failed)?;
        let mut session = Session::new(target, Transport::Port(port), parameters);
        session.configure(access).await?;
        Ok(session)
    }

    fn new(target: &Target, transport: Transport, parameters: ServerParameters) -> Session {
        Session {
            transport,
            target: target.to_string(),
            dialect: target.dialect,
            // Redshift supports only UTF-8, but reports it under another name.
            encoding: parameters.encoding.filter(|_| target.dialect == Dialect::Postgres),
            escapes: parameters.escapes || target.dialect == Dialect::Redshift,
            settings: Settings::default(),
            server_limits: Vec::new(),
            in_transaction: AtomicBool::new(false),
        }
    }

    async fn configure(&mut self, access: &Access) -> Result<(), WarehouseError> {
        match self.dialect {
            Dialect::Redshift => {
                for sql in settings::redshift(&access.limits) {
                    self.execute("configure the session", &sql).await?;
                }
            }
            Dialect::Postgres => {
                let rows = self.rows("read the session's time limits", limits::QUERY).await?;
                let Target { user, database, .. } = &access.target;
                let limits = rows.iter().filter_map(|row| ServerLimit::read(row, user, database));
                self.server_limits = limits.collect();
                self.settings = Settings::postgres(&access.limits, &self.server_limits);
            }
        }
        Ok(())
    }

    /// Returns `true` if a backslash is an escape in ordinary literals: in Redshift, and in
    /// PostgreSQL without `standard_conforming_strings`.
    pub fn escapes_backslashes(&self) -> bool {
        self.escapes
    }

    /// Returns the time limits that the server, the database or the role imposes. PostgreSQL only.
    pub fn server_limits(&self) -> &[ServerLimit] {
        &self.server_limits
    }

    /// Returns the encoding of the database, as PostgreSQL names it. `None` for Redshift.
    pub fn encoding(&self) -> Option<&str> {
        self.encoding.as_deref()
    }

    /// Returns the SQL dialect of the warehouse.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Runs a statement and returns the number of affected rows that the server reports. `action`
    /// describes the statement in errors.
    ///
    /// # Errors
    ///
    /// Returns an error if the server rejects the statement or the connection is lost.
    pub async fn execute(&self, action: &str, sql: &str) -> Result<u64, WarehouseError> {
        let mut touched = 0;
        let mut messages = std::pin::pin!(self.messages(action, sql).await?);
        while let Some(message) = messages.try_next().await? {
            if let Message::Complete(rows) = message {
                touched = rows;
            }
        }
        Ok(touched)
    }

    /// Runs a statement that contains secrets. `shown` is logged instead.
    ///
    /// # Errors
    ///
    /// As for [`Session::execute`]. The server's message may repeat the secrets.
    pub async fn execute_hidden(
        &self,
        action: &str,
        sql: &str,
        shown: &str,
    ) -> Result<(), WarehouseError> {
        let messages = self.send(action, sql, shown).await?;
        messages.try_for_each(|_| std::future::ready(Ok(()))).await
    }

    /// Runs a query and returns all rows.
    ///
    /// # Errors
    ///
    /// As for [`Session::execute`].
    pub async fn rows(&self, action: &str, sql: &str) -> Result<Vec<TextRow>, WarehouseError> {
        let messages = self.messages(action, sql).await?;
        let rows = messages.try_filter_map(|message| async move {
            Ok(if let Message::Row(row) = message { Some(row) } else { None })
        });
        rows.try_collect().await
    }

    /// Runs a query and returns the first value of its first row.
    ///
    /// # Errors
    ///
    /// As for [`Session::execute`].
    pub async fn value(&self, action: &str, sql: &str) -> Result<Option<String>, WarehouseError> {
        let rows = self.rows(action, sql).await?;
        Ok(rows.into_iter().next().and_then(|row| row.into_iter().next().flatten()))
    }

    /// Begins a transaction with the session's settings.
    ///
    /// # Errors
    ///
    /// As for [`Session::execute`]; over the Data API, also fails if a transaction cannot span
    /// requests.
    pub async fn begin(&self, action: &str) -> Result<(), WarehouseError> {
        if let Transport::DataApi(session) = &self.transport {
            session.ensure_transactions().await.map_err(self.failed(action))?;
        }
        self.in_transaction.store(true, Ordering::Relaxed);
        let sql = format!("BEGIN{}", self.settings.of_transaction());
        self.execute(action, &sql).await.map(|_| ())
    }

    /// Commits the transaction.
    ///
    /// # Errors
    ///
    /// As for [`Session::execute`].
    pub async fn commit(&self, action: &str) -> Result<(), WarehouseError> {
        let ended = self.execute(action, "COMMIT").await;
        self.in_transaction.store(false, Ordering::Relaxed);
        ended.map(|_| ())
    }

    /// Rolls back the transaction.
    ///
    /// # Errors
    ///
    /// As for [`Session::execute`].
    pub async fn rollback(&self, action: &str) -> Result<(), WarehouseError> {
        let ended = self.execute(action, "ROLLBACK").await;
        self.in_transaction.store(false, Ordering::Relaxed);
        ended.map(|_| ())
    }

    /// Runs a query and streams the messages of its response: the column names, then the rows.
    ///
    /// # Errors
    ///
    /// As for [`Session::execute`].
    pub async fn messages(&self, action: &str, sql: &str) -> Result<Messages, WarehouseError> {
        self.send(action, sql, sql).await
    }

    async fn send(&self, action: &str, sql: &str, shown: &str) -> Result<Messages, WarehouseError> {
        tracing::debug!(target: "starlift::sql", "{shown}");
        let in_transaction = self.in_transaction.load(Ordering::Relaxed);
        let failed = self.failed(action);
        Ok(match &self.transport {
            Transport::Port(port) => {
                let settings: &[String] =
                    if in_transaction { &[] } else { self.settings.of_statement() };
                let response = port.send(settings, sql).await.map_err(&failed)?;
                response.map_err(failed).boxed()
            }
            Transport::DataApi(session) => {
                let response = session.run(sql, in_transaction).await.map_err(&failed)?;
                response.map_err(failed).boxed()
            }
        })
    }

    /// Begins a COPY FROM STDIN within a transaction. PostgreSQL only.
    ///
    /// # Errors
    ///
    /// As for [`Session::execute`]; also fails over the Data API.
    pub async fn copy_in(
        &self,
        action: &str,
        sql: &str,
    ) -> Result<CopyInSink<bytes::Bytes>, WarehouseError> {
        tracing::debug!(target: "starlift::sql", "{sql}");
        let cause = match &self.transport {
            Transport::Port(port) => match port.copy_in(sql).await {
                Ok(sink) => return Ok(sink),
                Err(cause) => cause,
            },
            Transport::DataApi(_) => {
                Cause::Response("the Data API does not accept data".to_owned())
            }
        };
        Err(self.failed(action)(cause))
    }

    /// Converts a driver error into a failure of `action`.
    pub fn failure(&self, action: &str, error: &tokio_postgres::Error) -> WarehouseError {
        let cause = match &self.transport {
            Transport::Port(port) => port.explain()(error),
            Transport::DataApi(_) => Cause::driver(error),
        };
        self.failed(action)(cause)
    }

    /// Returns a function that converts causes into failures of `action`.
    fn failed(&self, action: &str) -> impl Fn(Cause) -> WarehouseError + Send + use<> {
        let (action, target) = (action.to_owned(), self.target.clone());
        let (limits, own) = (self.server_limits.clone(), self.settings.own_limits());
        move |mut cause: Cause| {
            if let Cause::Server(error) = &mut cause {
                limits::attribute(error, &limits, &own);
            }
            WarehouseError { action: action.clone(), target: target.clone(), cause }
        }
    }

    /// Returns a failure of `action` with the given cause.
    pub fn fail(&self, action: &str, cause: Cause) -> WarehouseError {
        WarehouseError { action: action.to_owned(), target: self.target.clone(), cause }
    }

    /// Asks the server to cancel the running statement. The Data API cancels it when the session is dropped.
    ///
    /// # Errors
    ///
    /// Returns an error if the server cannot be reached.
    pub async fn cancel(&self) -> Result<(), WarehouseError> {
        let Transport::Port(port) = &self.transport else { return Ok(()) };
        port.cancel().await.map_err(self.failed("cancel the statement"))
    }

    /// Returns the notices received since the last call. Always empty for the Data API.
    pub fn take_notices(&self) -> Vec<String> {
        match &self.transport {
            Transport::Port(port) => port.take_notices(),
            Transport::DataApi(_) => Vec::new(),
        }
    }
}

fn fail(action: &str, target: &Target, cause: Cause) -> WarehouseError {
    WarehouseError { action: action.to_owned(), target: target.to_string(), cause }
}

impl Session {
    /// Prepares the session for queries: unqualified names refer to the tables of `schema`. In
    /// PostgreSQL the session also becomes read-only.
    ///
    /// # Errors
    ///
    /// As for [`Session::execute`]; also fails if `schema` is not a valid name.
    pub async fn use_schema(&mut self, schema: &str) -> crate::warehouse::error::Result<()> {
        let path = quote::schema(schema, self.dialect)?;
        match self.dialect {
            Dialect::Redshift => {
                let sql = format!("SET search_path TO {path}");
                self.execute("choose the schema", &sql).await?;
            }
            Dialect::Postgres => self.settings.for_queries(&path),
        }
        Ok(())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // A connection ends with its client; a session of the Data API does not.
        if let Transport::DataApi(session) = &self.transport {
            session.end(self.in_transaction.load(Ordering::Relaxed));
        }
    }
}
