//! The second transaction of a load: renames the old and new tables, and records the load in the
//! ledger.

use std::time::{Duration, Instant};

use super::dependents::{self, Dependent};
use super::grants::{copy_grants, grants};
use super::lock::{LoadLock, LockWait, limit_wait, wait_for_lock};
use super::statements::{Names, default_path, lock_tables, rename, rename_keys, replaced};
use super::{Loader, attributes, catalog, is_lost, is_transient, leftovers};
use crate::warehouse::Dialect;
use crate::warehouse::connection::session::Session;
use crate::warehouse::error::{Error, Result};
use crate::warehouse::load::ledger::{self, NewEntry};
use crate::warehouse::sql::quote::{principal, qualified};

/// Time that one attempt waits for each lock in PostgreSQL. Five tables and an occasional view stay
/// below the 1 s after which the deadlock detector would cancel a reader.
const LOCK_TRY: Duration = Duration::from_millis(150);

/// Time that one attempt waits for all locks together in Redshift. One statement acquires them, and
/// only statements have a timeout.
const REDSHIFT_LOCK_TRY: Duration = Duration::from_millis(500);

/// Pause between two attempts, in which readers can proceed.
const LOCK_PAUSE: Duration = Duration::from_millis(250);

/// Time to retry reading the ledger if the response to the COMMIT was lost and no attempt is left.
/// A short network outage should not leave the outcome unknown.
const LEDGER_PATIENCE: Duration = Duration::from_secs(60);

impl Loader<'_> {
    /// Swaps in the new tables, then drops the old ones.
    pub(super) async fn swap(
        &mut self,
        lock: &mut LoadLock<'_>,
        names: &Names,
        load_id: &str,
    ) -> Result<()> {
        let begun = Instant::now();
        self.progress.start("swap");
        let deadline = begun + self.options.lock_timeout;
        let mut backoff = self.backoff();
        let mut was_lost = false;
        let outcome = loop {
            let Err(error) = self.try_swap(lock, names, load_id).await else { break Ok(()) };
            was_lost |= is_lost(&error);
            let waits = matches!(&error, Error::LoadLocked { .. })
                || matches!(&error, Error::Server(e) if e.is_lock_timeout());
            let pause = match waits {
                true if Instant::now() < deadline => Some(LOCK_PAUSE),
                true => None,
                false => backoff.next().filter(|_| is_transient(&error)),
            };
            match pause {
                Some(pause) => {
                    tracing::debug!(%error, "the tables could not be swapped; retrying");
                    tokio::time::sleep(pause).await;
                }
                None => break Err(error),
            }
        };
        if let Err(error) = outcome {
            self.settle(error, was_lost, names, load_id).await?;
        }
        self.timed("swap", begun);
        let begun = Instant::now();
        self.progress.start("drop the old tables");
        self.drop_replaced(names).await;
        self.timed("drop the old tables", begun);
        Ok(())
    }

    /// Handles the final error of the swap. Succeeds if the ledger shows that the load was committed
    /// although a connection was lost.
    async fn settle(
        &self,
        error: Error,
        was_lost: bool,
        names: &Names,
        load_id: &str,
    ) -> Result<()> {
        if !was_lost {
            self.discard(names).await;
            return Err(error);
        }
        // The outcome of the lost attempt is unknown, so its tables must not be touched.
        match self.ledger_has_load(load_id).await {
            Some(true) => Ok(()),
            Some(false) => Err(error),
            None => {
                let schema = self.options.schema.clone();
                Err(Error::OutcomeUnknown { schema, source: Box::new(error) })
            }
        }
    }

    /// Returns `true` if the ledger has the load, or `None` if it could not be read within a
    /// minute.
    pub(super) async fn ledger_has_load(&self, load_id: &str) -> Option<bool> {
        let deadline = Instant::now() + LEDGER_PATIENCE;
        loop {
            let read = async {
                let session = Session::open(&self.options.access).await?;
                ledger::has(&session, &self.options.schema, load_id).await
            };
            match read.await {
                Ok(found) => return Some(found),
                Err(error) if is_transient(&error) && Instant::now() < deadline => {
                    tracing::warn!(%error, "the ledger cannot be read yet");
                    tokio::time::sleep(Duration::from_secs(2)).await;
                }
                Err(_) => return None,
            }
        }
    }

    async fn try_swap(
        &mut self,
        lock: &mut LoadLock<'_>,
        names: &Names,
        load_id: &str,
    ) -> Result<()> {
        lock.ensure_held().await?;
        let session = Session::open(&self.options.access).await?;
        let swapped = self.swap_in(&session, names, load_id).await;
        if swapped.is_err() {
            let _ = session.rollback("undo the swap").await;
        }
        swapped
    }

    async fn swap_in(&mut self, session: &Session, names: &Names, load_id: &str) -> Result<()> {
        let (dialect, schema) = (session.dialect(), &self.options.schema);
        let (model, designs) = (&*self.star.model, &self.star.designs);
        let before = catalog::existing(session, model, schema).await?;
        let existing: Vec<&str> = before.iter().map(|e| e.table.as_str()).collect();
        session.begin("begin").await?;
        self.lock(session, &existing).await?;
        // An earlier attempt whose response was lost has ended, because it held these locks.
        if ledger::has(session, schema, load_id).await? {
            session.rollback("end").await?;
            return Ok(());
        }
        let number = ledger::last_number(session, schema).await? + 1;
        // Other users may have added dependents while the new tables were filled.
        let lost = self.ensure_no_new_dependents(session).await?;
        let mut carried = owners(session, schema, &before).await?;
        carried.extend(self.carried_grants(session, names, &existing).await?);
        carried.extend(attributes::comments(session, model, schema).await?);
        let views = dependents::views(session, model, schema).await?;
        let mut renamed = rename(dialect, names, designs, &existing)?;
        if dialect == Dialect::Postgres {
            let taken = catalog::key_indexes(session, model, schema, &existing).await?;
            renamed.extend(rename_keys(names, model, designs, &taken)?);
        }
        if let Some(sql) = default_path(dialect) {
            session.execute("set the search path", sql).await?;
        }
        for dependent in &lost {
            let Some(sql) = &dependent.drop else { continue };
            session.execute(&format!("drop {}", dependent.name), sql).await?;
        }
        for sql in renamed {
            session.execute("swap in the new tables", &sql).await?;
        }
        for sql in carried {
            session.execute("restore owners, grants and comments", &sql).await?;
        }
        for view in &views {
            session.execute(&format!("recreate view {}", view.name), &view.recreate()).await?;
        }
        self.record(session, number, load_id).await?;
        self.record_partitions(session, number).await?;
        (self.report.number, self.report.views) = (number, views.len());
        session.commit("commit the load").await?;
        Ok(())
    }

    /// Inserts the load into the ledger.
    pub(super) async fn record(&self, session: &Session, number: i64, load_id: &str) -> Result<()> {
        let entry = NewEntry {
            number,
            load_id,
            run_id: &self.star.record.run_id,
            star: &self.star.star.to_string(),
            designs: &self.star.designs,
        };
        let (dialect, schema) = (session.dialect(), &self.options.schema);
        let sql = ledger::insert(dialect, schema, &entry, |table| self.star.rows_of(table))?;
        session.execute("record the load in the ledger", &sql).await?;
        Ok(())
    }

    /// Locks the existing tables. Redshift has no timeout for locks alone, so its statement timeout
    /// applies until the tables are locked.
    async fn lock(&self, session: &Session, existing: &[&str]) -> Result<()> {
        let (dialect, schema) = (session.dialect(), &self.options.schema);
        let wait = match dialect {
            Dialect::Redshift => REDSHIFT_LOCK_TRY,
            Dialect::Postgres => LOCK_TRY,
        };
        let Some(sql) = lock_tables(dialect, schema, existing)? else { return Ok(()) };
        for sql in limit_wait(dialect, wait) {
            session.execute("limit the wait for locks", &sql).await?;
        }
        match (dialect, wait_for_lock(session, "lock the tables", &sql, wait).await?) {
            (_, LockWait::Acquired) => {}
            // Retry: this timeout is short on purpose.
            (Dialect::Postgres, LockWait::TimedOut(Some(error))) => return Err(error.into()),
            (_, LockWait::TimedOut(_)) => {
                let who = "other sessions hold locks on the tables";
                let waited = self.options.lock_timeout;
                return Err(Error::LoadLocked { who, schema: schema.clone(), waited });
            }
        }
        if dialect == Dialect::Redshift {
            let limit = self.options.access.limits.statement.unwrap_or_default().as_millis();
            let sql = format!("SET statement_timeout TO {limit}");
            session.execute("reset the statement timeout", &sql).await?;
        }
        Ok(())
    }

    /// Returns the objects that depend on the locked tables and must be dropped. Without `cascade`,
    /// fails if any of them is new.
    async fn ensure_no_new_dependents(&mut self, session: &Session) -> Result<Vec<Dependent>> {
        let (schema, model) = (&self.options.schema, &*self.star.model);
        let found = dependents::dependents(session, model, schema).await?;
        let new = |name: &&String| !self.report.dropped.contains(*name);
        let names: Vec<String> = found.iter().map(|d| &d.name).filter(new).cloned().collect();
        if !names.is_empty() && !self.options.cascade {
            return Err(Error::Dependents { schema: self.options.schema.clone(), names });
        }
        self.report.dropped.extend(names);
        Ok(found)
    }

    /// Drops the replaced tables. The load is already committed, so tables that cannot be dropped
    /// are listed in the report and left to the next load.
    async fn drop_replaced(&mut self, names: &Names) {
        let all: Vec<&str> = self.star.designs.iter().map(|design| &*design.table.name).collect();
        let tables = replaced(names, &self.star.designs, &all);
        let mut backoff = self.backoff();
        loop {
            let dropped = async {
                let session = Session::open(&self.options.access).await?;
                leftovers::drop_tables(&session, &names.schema, &tables).await
            };
            let error = match dropped.await {
                Ok(not_dropped) => return self.report.not_dropped.extend(not_dropped),
                Err(error) => error,
            };
            match backoff.next() {
                Some(pause) if is_transient(&error) => tokio::time::sleep(pause).await,
                _ => {
                    let tables = format!("{}.{}*", names.schema, names.old_table(""));
                    return self.report.not_dropped.push(format!("{tables}: {error}"));
                }
            }
        }
    }

    async fn carried_grants(
        &self,
        session: &Session,
        names: &Names,
        existing: &[&str],
    ) -> Result<Vec<String>> {
        let schema = &self.options.schema;
        let tables: Vec<String> = existing.iter().map(|&table| table.to_owned()).collect();
        let old = grants(session, schema, &tables).await?;
        let new_names: Vec<String> = existing.iter().map(|table| names.new_table(table)).collect();
        let mut fresh = grants(session, schema, &new_names).await?;
        for grant in &mut fresh {
            let found = existing.iter().find(|table| names.new_table(table) == grant.table);
            grant.table = found.map_or_else(String::new, |&table| table.to_owned());
        }
        copy_grants(schema, &old, &fresh, existing)
    }

    /// Drops the new tables of a load that failed to swap them in.
    async fn discard(&self, names: &Names) {
        let Ok(session) = Session::open(&self.options.access).await else { return };
        let designs = self.star.designs.iter().rev();
        let tables: Vec<String> = designs.map(|d| names.new_table(&d.table.name)).collect();
        // The next load drops any that remain.
        let _ = leftovers::drop_tables(&session, &names.schema, &tables).await;
    }
}

/// Returns the statements that transfer the new tables from the current user to the owners of the
/// old tables.
async fn owners(
    session: &Session,
    schema: &str,
    before: &[catalog::Existing],
) -> Result<Vec<String>> {
    let me =
        session.value("query the current user", "SELECT current_user").await?.unwrap_or_default();
    let others = before.iter().filter(|existing| existing.owner != me);
    others
        .map(|existing| {
            let table = qualified(schema, &existing.table)?;
            Ok(format!("ALTER TABLE {table} OWNER TO {}", principal(&existing.owner)?))
        })
        .collect()
}
