//! A client session: its transaction, its settings, and the execution of its statements.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use pgwire::messages::response::TransactionStatus;
use tokio::task::JoinHandle;
use tokio_postgres::{Client, SimpleQueryMessage};

use super::Server;
use super::command::Command;
use super::error::SqlError;
use super::faults::{Kind, Planned, What};
use super::lex::quoted;

/// Error message for statements in a failed transaction.
const AFTER_FAILURE: &str =
    "current transaction is aborted, commands ignored until end of transaction block";

pub struct Session {
    pub(super) server: Arc<Server>,
    pub(super) backing: Client,
    connection: JoinHandle<()>,
    /// Process ID of the PostgreSQL backend.
    process: i32,
    pub(super) user: String,
    pub(super) superuser: bool,
    pub(super) state: TransactionStatus,
    pub(super) search_path: Vec<String>,
    pub(super) timeout: Duration,
    pub(super) last_copy: LastCopy,
}

/// Values of `pg_last_copy_id()` and `pg_last_copy_count()`.
#[derive(Clone, Copy)]
pub struct LastCopy {
    pub id: i64,
    pub count: u64,
}

/// Result of a statement.
#[derive(Default)]
pub struct Reply {
    pub columns: Option<Vec<String>>,
    pub rows: Vec<Vec<Option<String>>>,
    pub tag: String,
    pub notices: Vec<String>,
}

impl Reply {
    pub fn tag(tag: impl Into<String>) -> Reply {
        Reply { tag: tag.into(), ..Reply::default() }
    }
}

pub enum Answer {
    Reply(Reply),
    Empty,
    Error(SqlError),
    /// The connection must be cut.
    Cut,
}

/// Reason why a statement has no result.
#[derive(Debug)]
pub enum Stop {
    Error(SqlError),
    Cut,
}

impl From<SqlError> for Stop {
    fn from(error: SqlError) -> Stop {
        Stop::Error(error)
    }
}

impl From<tokio_postgres::Error> for Stop {
    fn from(error: tokio_postgres::Error) -> Stop {
        Stop::Error(SqlError::backing(&error))
    }
}

impl Session {
    pub async fn open(server: Arc<Server>, user: &str, superuser: bool) -> Session {
        let role = server.role_name("user", user);
        let (backing, connection) = server.database.client_as(&role).await;
        let process = backing.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
        let mut session = Session {
            server,
            backing,
            connection,
            process,
            user: user.to_owned(),
            superuser,
            state: TransactionStatus::Idle,
            search_path: vec!["$user".into(), "public".into()],
            timeout: Duration::ZERO,
            last_copy: LastCopy { id: -1, count: 0 },
        };
        // The first statement that reads or writes takes the snapshot of a transaction (Developer
        // Guide, c_serial_isolation).
        let settings = "SET default_transaction_isolation = 'repeatable read'; \
                        SET extra_float_digits = 0; SET datestyle = 'ISO, MDY'";
        session.backing.batch_execute(settings).await.unwrap();
        session.set_search_path(session.search_path.clone()).await.unwrap();
        session
    }

    /// Ends the session and rolls back its transaction; its locks are released when this returns.
    pub async fn close(self) {
        drop(self.backing);
        let _ = self.connection.await;
    }

    pub fn state(&self) -> TransactionStatus {
        self.state
    }

    /// Runs a statement, limited by the session's timeout.
    pub async fn run(&mut self, text: &str) -> Answer {
        if self.timeout.is_zero() {
            return self.answer(text).await;
        }
        match tokio::time::timeout(self.timeout, self.answer(text)).await {
            Ok(answer) => answer,
            Err(_) => self.cancelled().await,
        }
    }

    /// Cancels the running statement after its timeout or a client's request, and returns the
    /// answer.
    pub async fn cancelled(&mut self) -> Answer {
        let cancel = format!("SELECT pg_cancel_backend({})", self.process);
        self.server.database.client().await.batch_execute(&cancel).await.unwrap();
        // If the signal finds nothing to cancel yet, it hits this query and not the next statement.
        let _ = self.backing.simple_query("SELECT 1").await;
        let id = self.server.next_query();
        let message = format!("Query ({id}) cancelled on user's request");
        self.failed(SqlError::new("57014", message))
    }

    async fn answer(&mut self, text: &str) -> Answer {
        let parsed = Command::parse(text);
        let kind = match &parsed {
            Ok(Some(command)) => command.kind(),
            _ => Kind::Other,
        };
        let Planned { before, within, after } = self.server.faults.plan(kind, text);
        if let Err(stop) = meet(before).await {
            return self.stopped(stop);
        }
        let done = match parsed {
            Ok(Some(command)) => self.execute(command, within).await,
            Ok(None) => return Answer::Empty,
            Err(error) => Err(Stop::Error(error)),
        };
        match (done, after) {
            (Err(stop), _) => self.stopped(stop),
            (Ok(reply), after) => match meet(after).await {
                Ok(()) => Answer::Reply(reply),
                Err(stop) => self.stopped(stop),
            },
        }
    }

    fn stopped(&mut self, stop: Stop) -> Answer {
        match stop {
            Stop::Cut => Answer::Cut,
            Stop::Error(error) => self.failed(error),
        }
    }

    fn failed(&mut self, error: SqlError) -> Answer {
        if self.state == TransactionStatus::Transaction {
            self.state = TransactionStatus::Error;
        }
        Answer::Error(error)
    }

    async fn execute(&mut self, command: Command, within: Option<What>) -> Result<Reply, Stop> {
        let aborted = self.state == TransactionStatus::Error;
        if aborted && !matches!(command, Command::Commit | Command::Rollback) {
            return Err(SqlError::new("25P02", AFTER_FAILURE).into());
        }
        match command {
            Command::Begin => self.begin().await,
            Command::Commit if aborted => self.finish("ROLLBACK").await,
            Command::Commit => self.finish("COMMIT").await,
            Command::Rollback => self.finish("ROLLBACK").await,
            Command::Rows(rows) => self.rows(*rows).await,
            Command::Explain(rows) => self.explain(*rows).await,
            Command::Copy(copy) => self.copy(*copy, within).await,
            Command::CreateTable(table) => self.create_table(*table).await,
            Command::CreateView(view) => self.create_view(*view).await,
            Command::CreateSchema { name, or_not } => {
                let or_not = if or_not { "IF NOT EXISTS " } else { "" };
                let statement = format!("CREATE SCHEMA {or_not}{}", quoted(&name));
                self.utility(&statement, "CREATE SCHEMA").await
            }
            Command::Drop(drop) => self.drop_objects(drop).await,
            Command::AlterTable(alter) => self.alter_table(alter).await,
            Command::Truncate(name) => self.truncate(name).await,
            Command::Lock(names) => self.lock(names).await,
            Command::Vacuum(name) => self.vacuum(name).await,
            Command::Analyze(name) => {
                let name = name.map(|name| name.sql()).unwrap_or_default();
                self.utility(&format!("ANALYZE {name}"), "ANALYZE").await
            }
            Command::Comment { on, name, column, text } => {
                self.comment(on, name, column, text).await
            }
            Command::Grant(grant) => self.grant(grant).await,
            Command::Principal(principal) => self.principal(principal).await,
            Command::Set(setting) => self.set(setting).await,
            Command::Show(show) => Ok(self.show(&show)),
        }
    }

    /// Starts a transaction; a BEGIN within one joins it silently.
    async fn begin(&mut self) -> Result<Reply, Stop> {
        if self.state == TransactionStatus::Idle {
            self.backing.batch_execute("BEGIN").await?;
            self.state = TransactionStatus::Transaction;
        }
        Ok(Reply::tag("BEGIN"))
    }

    /// Commits or rolls back; outside of a transaction both do nothing and raise no error.
    pub(super) async fn finish(&mut self, how: &str) -> Result<Reply, Stop> {
        if self.state != TransactionStatus::Idle {
            let done = self.backing.batch_execute(how).await;
            // A commit that fails also ends the transaction.
            self.state = TransactionStatus::Idle;
            done?;
        }
        Ok(Reply::tag(how))
    }

    /// Runs statements in one batch, and returns a reply with the tag.
    pub(super) async fn utility(&self, statements: &str, tag: &str) -> Result<Reply, Stop> {
        self.backing.batch_execute(statements).await?;
        Ok(Reply::tag(tag))
    }

    pub(super) fn in_transaction(&self) -> bool {
        self.state != TransactionStatus::Idle
    }

    /// Returns the schema in which unqualified relations are created.
    pub(super) fn schema(&self) -> &str {
        let named = self.search_path.iter().find(|schema| *schema != "$user");
        named.map_or("public", String::as_str)
    }

    /// Returns the rows of a query in PostgreSQL, as text.
    pub(super) async fn select(&self, statement: &str) -> Result<Reply, tokio_postgres::Error> {
        let mut reply = Reply::default();
        for message in self.backing.simple_query(statement).await? {
            match message {
                SimpleQueryMessage::RowDescription(columns) => {
                    let names = columns.iter().map(|column| column.name().to_owned());
                    reply.columns = Some(names.collect());
                }
                SimpleQueryMessage::Row(row) => {
                    let values = (0..row.len()).map(|i| row.get(i).map(str::to_owned));
                    reply.rows.push(values.collect());
                }
                SimpleQueryMessage::CommandComplete(count) => reply.tag = count.to_string(),
                _ => {}
            }
        }
        Ok(reply)
    }

    pub(super) async fn set_search_path(&mut self, path: Vec<String>) -> Result<(), Stop> {
        let statement = backing_path(&path);
        self.backing.batch_execute(&statement).await?;
        self.search_path = path;
        Ok(())
    }

    /// Returns the statement that sets the same search path in another PostgreSQL session.
    pub(super) fn backing_path(&self) -> String {
        backing_path(&self.search_path)
    }
}

fn backing_path(path: &[String]) -> String {
    let schemas: Vec<String> = path.iter().map(|schema| quoted(schema)).collect();
    format!("SET search_path = redshift, pg_catalog, {}", schemas.join(", "))
}

async fn meet(what: Option<What>) -> Result<(), Stop> {
    match what {
        None | Some(What::LoseRows) => Ok(()),
        Some(What::Cut) => Err(Stop::Cut),
        Some(What::Error { code, message, detail }) => {
            Err(SqlError { code, message, detail }.into())
        }
        Some(What::Hold(gate)) => {
            gate.hold().await;
            Ok(())
        }
    }
}

impl Server {
    pub(super) fn next_query(&self) -> i64 {
        self.queries.fetch_add(1, Ordering::Relaxed)
    }
}
