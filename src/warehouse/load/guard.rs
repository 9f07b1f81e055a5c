//! The lock that keeps loaders apart, held by a session of its own.
//!
//! A load is two transactions, one that fills the new tables and one that puts them in place, and
//! Redshift has no advisory locks: a table is locked in a third transaction, which lasts as long as
//! the load. When this process dies the server rolls it back, and the lock is free.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::task::AbortOnDropHandle;

use super::statements::lock_loaders;
use crate::warehouse::Dialect;
use crate::warehouse::error::WarehouseError;
use crate::warehouse::error::{Error, Result};
use crate::warehouse::session::{Access, Session};

/// How much longer this side waits than it has asked the server to.
const GRACE: Duration = Duration::from_secs(30);

/// A session that says nothing for an hour is ended by a serverless workgroup.
const PING_EVERY: Duration = Duration::from_secs(120);

/// The held lock.
pub struct Guard<'a> {
    session: Arc<Session>,
    access: &'a Access,
    pings: AbortOnDropHandle<()>,
    schema: &'a str,
    patience: Duration,
}

impl<'a> Guard<'a> {
    /// Waits for the lock, for at most `patience`.
    ///
    /// # Errors
    ///
    /// If another load holds it for longer, or the warehouse fails.
    pub async fn acquire(
        access: &'a Access,
        schema: &'a str,
        patience: Duration,
    ) -> Result<Guard<'a>> {
        let session = Arc::new(lock(access, schema, patience).await?);
        Ok(Guard { pings: ping(&session), session, access, schema, patience })
    }

    /// Takes the lock again when its session was lost. Another load may have come and gone meanwhile:
    /// it has removed the new tables of this one, or put its own in place before them.
    ///
    /// # Errors
    ///
    /// As [`Guard::acquire`].
    pub async fn hold(&mut self) -> Result<()> {
        if let Err(error) = self.session.rows("hold the lock of the load", "SELECT 1").await {
            tracing::warn!(%error, "the lock of the load was lost; taking it again");
            self.session = Arc::new(lock(self.access, self.schema, self.patience).await?);
            self.pings = ping(&self.session);
        }
        Ok(())
    }

    /// Gives the lock back.
    pub async fn release(self) {
        drop(self.pings);
        if let Err(error) = self.session.rollback("unlock").await {
            // The server does the same when the session ends.
            tracing::debug!(%error, "the lock's session was gone already");
        }
    }
}

/// Keeps the session from being taken for idle.
fn ping(session: &Arc<Session>) -> AbortOnDropHandle<()> {
    let session = session.clone();
    AbortOnDropHandle::new(tokio::spawn(async move {
        loop {
            tokio::time::sleep(PING_EVERY).await;
            // Whether it is still there is seen when it is needed.
            let _ = session.rows("hold the lock of the load", "SELECT 1").await;
        }
    }))
}

async fn lock(access: &Access, schema: &str, patience: Duration) -> Result<Session> {
    let session = Session::open(access).await?;
    let dialect = session.dialect();
    let action = "lock out other loads";
    session.begin(action).await?;
    for sql in limit_wait(dialect, patience) {
        session.execute(action, &sql).await?;
    }
    let sql = lock_loaders(dialect, schema)?;
    let who = "another load is at work";
    match wait_for_lock(&session, action, &sql, patience).await? {
        Waited::Got => {}
        Waited::InVain(_) => {
            return Err(Error::LoadLocked { who, schema: schema.to_owned(), waited: patience });
        }
    }
    if dialect == Dialect::Redshift {
        session.execute(action, "SET statement_timeout TO 0").await?;
    }
    Ok(session)
}

/// How the wait for a lock ended.
pub enum Waited {
    /// The lock is held.
    Got,
    /// Time was up; what the server said of it, if it did.
    InVain(Option<WarehouseError>),
}

/// Runs a LOCK that waits for at most `patience`: the server ends the wait, in PostgreSQL by its
/// timeout for locks and in Redshift by that for statements; this side gives up soon after in case
/// it does not.
///
/// # Errors
///
/// If the lock is refused for another reason.
pub async fn wait_for_lock(
    session: &Session,
    action: &str,
    sql: &str,
    patience: Duration,
) -> Result<Waited> {
    let is_timeout = |error: &WarehouseError| {
        error.refusal().is_some_and(|refusal| matches!(refusal.code.as_str(), "55P03" | "57014"))
    };
    match tokio::time::timeout(patience + GRACE, session.execute(action, sql)).await {
        Err(_) => Ok(Waited::InVain(None)),
        Ok(Ok(_)) => Ok(Waited::Got),
        Ok(Err(error)) if is_timeout(&error) => Ok(Waited::InVain(Some(error))),
        Ok(Err(error)) => Err(error.into()),
    }
}

/// Bounds how long statements of this transaction wait for a lock.
pub fn limit_wait(dialect: Dialect, patience: Duration) -> Vec<String> {
    let millis = patience.as_millis().max(1);
    match dialect {
        Dialect::Redshift => vec![format!("SET statement_timeout TO {millis}")],
        Dialect::Postgres => vec![format!("SET LOCAL lock_timeout TO {millis}")],
    }
}
