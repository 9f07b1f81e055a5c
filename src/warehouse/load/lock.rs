//! The lock that serializes loads, held in a separate session.
//!
//! A load is two transactions: one fills the new tables, the other swaps them in. Redshift has no
//! advisory locks, so a third transaction locks a table for the duration of the load. If this
//! process dies, the server rolls the transaction back and releases the lock.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::task::AbortOnDropHandle;

use super::statements::lock_loads;
use crate::warehouse::Dialect;
use crate::warehouse::connection::session::{Access, Session};
use crate::warehouse::error::WarehouseError;
use crate::warehouse::error::{Error, Result};

/// Time to wait on this side beyond the timeout set on the server.
const GRACE: Duration = Duration::from_secs(30);

/// Interval of the keep-alive queries. A serverless workgroup ends a session that is idle for an
/// hour.
const PING_EVERY: Duration = Duration::from_secs(120);

/// The held lock. Dropping it ends the session, which releases the lock.
pub struct LoadLock<'a> {
    session: Arc<Session>,
    access: &'a Access,
    pings: AbortOnDropHandle<()>,
    schema: &'a str,
    timeout: Duration,
}

impl<'a> LoadLock<'a> {
    /// Waits for the lock for at most `timeout`.
    ///
    /// # Errors
    ///
    /// Returns an error if another load holds the lock for longer, or if the warehouse fails.
    pub async fn acquire(
        access: &'a Access,
        schema: &'a str,
        timeout: Duration,
    ) -> Result<LoadLock<'a>> {
        let session = Arc::new(lock(access, schema, timeout).await?);
        Ok(LoadLock { pings: ping(&session), session, access, schema, timeout })
    }

    /// Acquires the lock again if its session was lost. Another load may have run in the meantime
    /// and removed the new tables of this load, or swapped in its own tables.
    ///
    /// # Errors
    ///
    /// As for [`LoadLock::acquire`].
    pub async fn ensure_held(&mut self) -> Result<()> {
        if let Err(error) = self.session.rows("keep the load lock", "SELECT 1").await {
            tracing::warn!(%error, "the load lock was lost; acquiring it again");
            // If only the query failed, the session still holds the lock, which this load would wait for.
            release(&self.session).await;
            self.session = Arc::new(lock(self.access, self.schema, self.timeout).await?);
            self.pings = ping(&self.session);
        }
        Ok(())
    }

    /// Releases the lock.
    pub async fn release(self) {
        drop(self.pings);
        release(&self.session).await;
    }
}

/// Ends the transaction that holds the lock.
async fn release(session: &Session) {
    if let Err(error) = session.rollback("release the load lock").await {
        // The server also releases the lock when the session ends.
        tracing::debug!(%error, "the session of the load lock has already ended");
    }
}

/// Keeps the session from going idle.
fn ping(session: &Arc<Session>) -> AbortOnDropHandle<()> {
    let session = session.clone();
    AbortOnDropHandle::new(tokio::spawn(async move {
        loop {
            tokio::time::sleep(PING_EVERY).await;
            // `ensure_held` detects a lost session.
            let _ = session.rows("keep the load lock", "SELECT 1").await;
        }
    }))
}

async fn lock(access: &Access, schema: &str, timeout: Duration) -> Result<Session> {
    let session = Session::open(access).await?;
    let dialect = session.dialect();
    let action = "acquire the load lock";
    session.begin(action).await?;
    for sql in limit_wait(dialect, timeout) {
        session.execute(action, &sql).await?;
    }
    let sql = lock_loads(dialect, schema)?;
    let who = "another load is in progress";
    match wait_for_lock(&session, action, &sql, timeout).await? {
        LockWait::Acquired => {}
        LockWait::TimedOut(_) => {
            return Err(Error::LoadLocked { who, schema: schema.to_owned(), waited: timeout });
        }
    }
    if dialect == Dialect::Redshift {
        session.execute(action, "SET statement_timeout TO 0").await?;
    }
    Ok(session)
}

/// Outcome of waiting for a lock.
pub enum LockWait {
    /// The lock is held.
    Acquired,
    /// The wait timed out, with the server's error if it reported one.
    TimedOut(Option<WarehouseError>),
}

/// Runs a LOCK that waits for at most `timeout`. The server ends the wait: PostgreSQL by
/// lock_timeout, Redshift by statement_timeout. If the server does not, this side gives up
/// `GRACE` later.
///
/// # Errors
///
/// Returns an error if the lock cannot be acquired for any reason other than a timeout.
pub async fn wait_for_lock(
    session: &Session,
    action: &str,
    sql: &str,
    timeout: Duration,
) -> Result<LockWait> {
    let is_timeout = |error: &WarehouseError| {
        error.server_error().is_some_and(|server| matches!(server.code.as_str(), "55P03" | "57014"))
    };
    match tokio::time::timeout(timeout + GRACE, session.execute(action, sql)).await {
        Err(_) => Ok(LockWait::TimedOut(None)),
        Ok(Ok(_)) => Ok(LockWait::Acquired),
        Ok(Err(error)) if is_timeout(&error) => Ok(LockWait::TimedOut(Some(error))),
        Ok(Err(error)) => Err(error.into()),
    }
}

/// Returns the statements that limit how long this transaction's statements wait for a lock.
pub fn limit_wait(dialect: Dialect, timeout: Duration) -> Vec<String> {
    let millis = timeout.as_millis().max(1);
    match dialect {
        Dialect::Redshift => vec![format!("SET statement_timeout TO {millis}")],
        Dialect::Postgres => vec![format!("SET LOCAL lock_timeout TO {millis}")],
    }
}
