//! Sessions over the Redshift Data API, for warehouses whose port is not reachable.
//!
//! Each Data API session has its own connection, so a transaction can span requests as it can over
//! the port. This is verified once per login before anything relies on it. Differences from the
//! port: notices are not reported, statements are visible to everyone with permission to list them,
//! and an abandoned session ends only after it has been idle for a while.

mod failure;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::{StreamExt, TryStreamExt, stream};
use tokio::sync::OnceCell;

use self::failure::{from_api, from_statement};
use super::{APPLICATION_NAME, Message, TextRow};
use crate::cloud::data_api::{Column, DataApi, Database, Described, Field, In, Page, Statement};
use crate::cloud::error::ApiError;
use crate::warehouse::connection::target::Target;
use crate::warehouse::error::Cause;

/// Idle time in seconds after which a session without a transaction ends.
const IDLE_SECONDS: u32 = 60;

/// Idle time in seconds after which a session with a transaction ends. It must exceed the time
/// between two statements. If the process is killed, its locks can remain for this long.
const TRANSACTION_SECONDS: u32 = 600;

/// Shortest idle time in seconds, for sessions that are not needed further.
const END_SECONDS: u32 = 1;

/// Pause before the first poll of a running statement; it grows up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Time to keep polling a running statement while AWS cannot be reached.
const PATIENCE: Duration = Duration::from_secs(60);

/// Login for sessions of the Data API.
#[derive(Debug, Clone)]
pub struct DataApiLogin {
    /// Client of the Data API.
    pub api: DataApi,
    /// The database and its user.
    pub database: Database,
    /// Set once a transaction is known to span requests.
    has_transactions: Arc<OnceCell<()>>,
}

impl DataApiLogin {
    /// Creates a login whose sessions are not yet known to support transactions.
    pub fn new(api: DataApi, database: Database) -> DataApiLogin {
        DataApiLogin { api, database, has_transactions: Arc::default() }
    }
}

/// An open session of the Data API.
pub(super) struct DataApiSession {
    login: DataApiLogin,
    id: String,
    /// Identifier of the batch of statements that may still be running.
    running: Mutex<Option<String>>,
}

impl DataApiSession {
    /// Opens a session and runs `settings` in it.
    pub(super) async fn open(
        login: &DataApiLogin,
        target: &Target,
        settings: Vec<String>,
    ) -> Result<DataApiSession, Cause> {
        let name = target.application_name.as_deref().unwrap_or(APPLICATION_NAME);
        let name: String =
            name.chars().filter(|c| !c.is_control() && !"'\\".contains(*c)).collect();
        let mut statements = vec![format!("SET application_name TO '{name}'")];
        statements.extend(settings);
        let DataApiLogin { api, database, .. } = login;
        let token = new_token();
        let submitted = api.execute(In::New(database), &statements, IDLE_SECONDS, &token).await;
        let submitted = submitted.map_err(|error| from_api(&error))?;
        let id = submitted.session_id.ok_or_else(|| {
            Cause::Response(
                "the Data API returned no session; check that it supports sessions here".to_owned(),
            )
        })?;
        let running = Mutex::new(Some(submitted.id.clone()));
        let session = DataApiSession { login: login.clone(), id, running };
        session.wait(&submitted.id).await?;
        Ok(session)
    }

    /// Runs a statement and returns its result, which is fetched as it is consumed.
    pub(super) async fn run(
        &self,
        statement: &str,
        in_transaction: bool,
    ) -> Result<impl futures::Stream<Item = Result<Message, Cause>> + use<>, Cause> {
        let keep_alive = if in_transaction { TRANSACTION_SECONDS } else { IDLE_SECONDS };
        let mut done = self.execute(&[statement.to_owned()], keep_alive).await?;
        let done = done.pop().ok_or_else(|| Cause::Response("no statement was run".to_owned()))?;
        let complete = Message::Complete(done.result_rows.try_into().unwrap_or_default());
        let api = self.login.api.clone();
        let messages = done.has_result_set.then(|| messages(api, done.id));
        let complete = stream::iter([Ok(complete)]);
        Ok(stream::iter(messages).flatten().chain(complete))
    }

    /// Verifies once per login that a transaction spans requests: an object created in one request
    /// must be gone after a rollback in the next.
    pub(super) async fn ensure_transactions(&self) -> Result<(), Cause> {
        self.login.has_transactions.get_or_try_init(|| self.try_transactions()).await.map(|_| ())
    }

    async fn try_transactions(&self) -> Result<(), Cause> {
        let table = format!("starlift_probe_{:08x}", rand::random::<u32>());
        let begin = ["BEGIN".to_owned(), format!("CREATE TEMP TABLE {table} (i INTEGER)")];
        self.execute(&begin, IDLE_SECONDS).await?;
        let count = format!("SELECT COUNT(*) FROM pg_class WHERE relname = '{table}'");
        let mut done = self.execute(&["ROLLBACK".to_owned(), count], IDLE_SECONDS).await?;
        let count = done.pop().ok_or_else(|| Cause::Response("no statement was run".to_owned()))?;
        let found = self.login.api.result(&count.id, None).await.map_err(|e| from_api(&e))?;
        let found = found.records.into_iter().flatten().next().and_then(Field::into_text);
        match found.as_deref() {
            Some("0") => Ok(()),
            _ => Err(Cause::Response(
                "the Data API commits each request separately here, so a load could not be rolled back; \
                 load through the port"
                    .to_owned(),
            )),
        }
    }

    /// Runs statements in sequence and returns the final state of each. Fails with the first failed
    /// statement, although the statements after it have run.
    async fn execute(
        &self,
        statements: &[String],
        keep_alive: u32,
    ) -> Result<Vec<Statement>, Cause> {
        let api = &self.login.api;
        let submitted = api.execute(In::Open(&self.id), statements, keep_alive, &new_token()).await;
        let submitted = submitted.map_err(|error| from_api(&error))?;
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = Some(submitted.id.clone());
        self.wait(&submitted.id).await
    }

    async fn wait(&self, id: &str) -> Result<Vec<Statement>, Cause> {
        let mut pause = FIRST_PAUSE;
        let mut reached = Instant::now();
        let ended = loop {
            match self.login.api.describe(id).await {
                Ok(state) if has_ended(&state.status) => break state,
                Ok(_) => reached = Instant::now(),
                Err(error) if is_unreachable(&error) && reached.elapsed() < PATIENCE => {
                    tracing::debug!(
                        message = error.message,
                        "the state of the statement is not available yet"
                    );
                }
                Err(error) => return Err(Cause::Connection(error.message)),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 3 / 2).min(LONGEST_PAUSE);
        };
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = None;
        outcome(ended)
    }

    /// Ends the session in the background: cancels the running statement and rolls back the
    /// transaction.
    pub(super) fn end(&self, in_transaction: bool) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        if !in_transaction && running.is_none() {
            return;
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let (api, session) = (self.login.api.clone(), self.id.clone());
        runtime.spawn(async move {
            if let Some(id) = running {
                let _ = api.cancel(&id).await;
                wait_for_end(&api, &id).await;
            }
            let rollback = ["ROLLBACK".to_owned()];
            // If this fails, the transaction is rolled back when the session's idle time expires.
            let _ = api.execute(In::Open(&session), &rollback, END_SECONDS, &new_token()).await;
        });
    }
}

/// Waits until a statement has ended, because a session rejects statements while one is running.
async fn wait_for_end(api: &DataApi, id: &str) {
    for _ in 0..30 {
        match api.describe(id).await {
            Ok(state) if !has_ended(&state.status) => tokio::time::sleep(FIRST_PAUSE * 4).await,
            _ => return,
        }
    }
}

/// Streams the columns and rows of a result, page by page.
fn messages(
    api: DataApi,
    statement: String,
) -> impl futures::Stream<Item = Result<Message, Cause>> + use<> {
    let pages =
        stream::try_unfold((api, statement, Next::First), |(api, statement, next)| async move {
            let token = match &next {
                Next::First => None,
                Next::Named(token) => Some(token.as_str()),
                Next::None => return Ok::<_, Cause>(None),
            };
            let mut page = api.result(&statement, token).await.map_err(|error| from_api(&error))?;
            let columns = matches!(next, Next::First).then(|| names(&page.column_metadata));
            let next = page.next_token.take().filter(|token| !token.is_empty());
            let next = next.map_or(Next::None, Next::Named);
            Ok(Some(((columns, page), (api, statement, next))))
        });
    let of_page = |(columns, page): (Option<Vec<String>>, Page)| {
        let row = |row: Vec<Field>| row.into_iter().map(Field::into_text).collect::<TextRow>();
        let rows = page.records.into_iter().map(row).map(Message::Row);
        stream::iter(columns.map(Message::Columns).into_iter().chain(rows).map(Ok))
    };
    pages.map_ok(of_page).try_flatten()
}

/// The next page of a result.
enum Next {
    First,
    Named(String),
    None,
}

fn names(columns: &[Column]) -> Vec<String> {
    let name = |column: &Column| match column.label.as_str() {
        "" => column.name.clone(),
        label => label.to_owned(),
    };
    columns.iter().map(name).collect()
}

fn has_ended(status: &str) -> bool {
    ["FINISHED", "FAILED", "ABORTED"].contains(&status)
}

fn is_unreachable(error: &ApiError) -> bool {
    let codes = ["ThrottlingException", "InternalServerException"];
    error.code.is_none() || codes.iter().any(|code| error.is(code))
}

fn outcome(ended: Described) -> Result<Vec<Statement>, Cause> {
    if ended.status == "FINISHED" {
        return Ok(ended.sub_statements);
    }
    // If the login failed, no statement has run, and only the batch has an error.
    let failed = ended.sub_statements.iter().find(|statement| statement.status == "FAILED");
    Err(match failed {
        Some(statement) => from_statement(&statement.error, statement.redshift_query_id),
        None => from_statement(&ended.error, 0),
    })
}

/// Returns a token that makes a request idempotent, so that it can be retried.
fn new_token() -> String {
    format!("{:032x}", rand::random::<u128>())
}
