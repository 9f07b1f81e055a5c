//! The second transaction: the new tables take the names of the old ones, and the ledger its entry.

use std::time::{Duration, Instant};

use super::guard::{Guard, limit_wait};
use super::statements::{Names, drop_old, lock_tables, rename};
use super::{Loader, catalog, is_passing};
use crate::error::{Error, Result};
use crate::warehouse::Dialect;
use crate::warehouse::ledger::{self, NewEntry};
use crate::warehouse::quote::{principal, qualified};
use crate::warehouse::session::Session;

/// How long one try waits for PostgreSQL's locks: less than the second after which its deadlock
/// detector would pick a reader as the victim.
const LOCK_TRY: Duration = Duration::from_millis(400);

/// Time between two tries, in which readers go ahead.
const LOCK_PAUSE: Duration = Duration::from_millis(250);

impl Loader<'_> {
    /// Puts the new tables in place.
    pub(super) async fn swap(
        &mut self,
        guard: &mut Guard<'_>,
        names: &Names,
        load_id: &str,
    ) -> Result<()> {
        let begun = Instant::now();
        self.meter.enter("put in place");
        let deadline = begun + self.options.lock_timeout;
        let mut patience = self.backoff();
        let outcome = loop {
            let Err(error) = self.try_swap(guard, names, load_id).await else { break Ok(()) };
            let waits = matches!(&error, Error::Warehouse(e) if e.is_lock_timeout());
            let pause = match waits {
                true if Instant::now() < deadline => Some(LOCK_PAUSE),
                true => None,
                false => patience.next().filter(|_| is_passing(&error)),
            };
            match pause {
                Some(pause) => {
                    tracing::debug!(%error, "the tables could not be put in place; trying again");
                    tokio::time::sleep(pause).await;
                }
                None => break Err(error),
            }
        };
        if outcome.is_err() {
            self.discard(names).await;
        }
        outcome?;
        self.timed("put in place", begun);
        Ok(())
    }

    async fn try_swap(
        &mut self,
        guard: &mut Guard<'_>,
        names: &Names,
        load_id: &str,
    ) -> Result<()> {
        guard.hold().await?;
        let session = Session::open(&self.options.access).await?;
        let swapped = self.swap_in(&session, names, load_id).await;
        if swapped.is_err() {
            let _ = session.execute("undo the swap", "ROLLBACK").await;
        }
        swapped
    }

    async fn swap_in(&mut self, session: &Session, names: &Names, load_id: &str) -> Result<()> {
        let (dialect, schema) = (session.dialect(), &self.options.schema);
        let designs = &self.star.designs;
        let before = catalog::existing(session, schema).await?;
        let existing: Vec<&str> = before.iter().map(|e| e.table.as_str()).collect();
        session.execute("begin", "BEGIN").await?;
        let wait = match dialect {
            Dialect::Redshift => self.options.lock_timeout,
            Dialect::Postgres => LOCK_TRY,
        };
        for sql in limit_wait(dialect, wait) {
            session.execute("limit the wait for locks", &sql).await?;
        }
        if let Some(sql) = lock_tables(dialect, schema, &existing)? {
            session.execute("lock the tables", &sql).await?;
        }
        // An earlier try whose answer was lost has ended by now: it held these locks.
        let last = ledger::last(session, schema).await?;
        if ledger::has(session, schema, load_id).await? {
            session.execute("end", "ROLLBACK").await?;
            return Ok(());
        }
        let number = last.map_or(0, |(entry, _)| entry.number) + 1;
        let grants = catalog::grants(session, schema).await?;
        let views = catalog::views(session, schema).await?;
        for sql in rename(names, designs, &existing)? {
            session.execute("put the new tables in place", &sql).await?;
        }
        for sql in owners(session, schema, &before).await?.into_iter().chain(grants) {
            session.execute("carry the grants over", &sql).await?;
        }
        for view in &views {
            session.execute(&format!("make view {} anew", view.name), &view.recreate()).await?;
        }
        for sql in drop_old(dialect, names, designs, &existing, self.options.cascade)? {
            session.execute("drop the old tables", &sql).await?;
        }
        let entry = NewEntry {
            number,
            load_id,
            run_id: &self.star.record.run_id,
            star: &self.star.star.to_string(),
            designs,
        };
        let sql = ledger::insert(dialect, schema, &entry, |table| self.star.rows_of(table))?;
        session.execute("enter the load in the ledger", &sql).await?;
        self.report.number = number;
        session.execute("commit the load", "COMMIT").await?;
        self.report.views = views.len();
        Ok(())
    }

    /// Removes the new tables of a load that could not put them in place.
    async fn discard(&self, names: &Names) {
        let Ok(session) = Session::open(&self.options.access).await else { return };
        for design in self.star.designs.iter().rev() {
            let Ok(table) = qualified(&names.schema, &names.new_table(design.table.name)) else {
                return;
            };
            // What stays is removed by the next load.
            let _ = session
                .execute("remove a new table", &format!("DROP TABLE IF EXISTS {table}"))
                .await;
        }
    }
}

/// The new tables belong to whoever loads; where the old ones belonged to somebody else, so shall
/// these.
async fn owners(
    session: &Session,
    schema: &str,
    before: &[catalog::Existing],
) -> Result<Vec<String>> {
    let rows = session.rows("ask who we are", "SELECT current_user").await?;
    let me = rows.first().and_then(|row| row.first().cloned().flatten()).unwrap_or_default();
    let others = before.iter().filter(|existing| existing.owner != me);
    others
        .map(|existing| {
            let table = qualified(schema, &existing.table)?;
            Ok(format!("ALTER TABLE {table} OWNER TO {}", principal(&existing.owner)?))
        })
        .collect()
}
