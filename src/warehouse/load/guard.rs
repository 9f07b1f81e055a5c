//! The lock that keeps loaders apart, held by a session of its own.
//!
//! A load is two transactions, one that fills the new tables and one that puts them in place, and
//! Redshift has no advisory locks: a table is locked in a third transaction, which lasts as long as
//! the load. When this process dies the server rolls it back, and the lock is free.

use std::time::Duration;

use super::statements::lock_loaders;
use crate::error::{Error, Result};
use crate::warehouse::Dialect;
use crate::warehouse::session::{Access, Session};

/// The held lock.
pub struct Guard<'a> {
    session: Session,
    access: &'a Access,
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
        let session = lock(access, schema, patience).await?;
        Ok(Guard { session, access, schema, patience })
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
            self.session = lock(self.access, self.schema, self.patience).await?;
        }
        Ok(())
    }

    /// Gives the lock back.
    pub async fn release(self) {
        if let Err(error) = self.session.execute("unlock", "ROLLBACK").await {
            // The server does the same when the session ends.
            tracing::debug!(%error, "the lock's session was gone already");
        }
    }
}

async fn lock(access: &Access, schema: &str, patience: Duration) -> Result<Session> {
    let session = Session::open(access).await?;
    let dialect = session.dialect();
    let action = "lock out other loads";
    session.execute(action, "BEGIN").await?;
    for sql in limit_wait(dialect, patience) {
        session.execute(action, &sql).await?;
    }
    let locked = session.execute(action, &lock_loaders(dialect, schema)?).await;
    if let Err(error) = locked {
        let code = error.refusal().map(|refusal| refusal.code.as_str());
        // PostgreSQL has a timeout for locks; Redshift stops the statement.
        if matches!(code, Some("55P03" | "57014")) {
            return Err(Error::LoadLocked { schema: schema.to_owned(), waited: patience });
        }
        return Err(error.into());
    }
    if dialect == Dialect::Redshift {
        session.execute(action, "SET statement_timeout TO 0").await?;
    }
    Ok(session)
}

/// Bounds how long statements of this transaction wait for a lock.
pub fn limit_wait(dialect: Dialect, patience: Duration) -> Vec<String> {
    let millis = patience.as_millis().max(1);
    match dialect {
        Dialect::Redshift => vec![format!("SET statement_timeout TO {millis}")],
        Dialect::Postgres => vec![format!("SET LOCAL lock_timeout TO {millis}")],
    }
}
