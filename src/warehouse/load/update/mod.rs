//! Updates the tables in place: deletes and copies only the partitions that differ from the files, in one
//! transaction.
//!
//! The partitions are compared with those in the warehouse, not with those of the last run, so a warehouse that
//! has missed any number of runs is updated like any other. Grants, owners, views and other objects that depend
//! on the tables are not touched. If most rows differ or the definition of a table does, a load replaces all
//! tables instead.

mod apply;
mod manifests;
mod partitions;
mod plan;
mod statements;

use std::time::Instant;

use self::partitions::Contents;
use self::plan::Plan;
use super::lock::LoadLock;
use super::statements::key_names;
use super::{LoadOptions, Loader, Prepared, catalog, is_lost, is_transient, ledger};
use crate::warehouse::Dialect;
use crate::warehouse::connection::session::Session;
use crate::warehouse::error::{Error, Result};
use crate::warehouse::sql::quote::qualified;

pub use self::partitions::PARTITIONS;
pub use self::plan::SwapReason;

pub(super) use self::partitions::create;

/// Returns the statements that record the partitions of a star, as a dry run shows them.
///
/// # Errors
///
/// Returns an error if a value cannot be quoted.
pub(super) fn shown(star: &Prepared, options: &LoadOptions) -> Result<Vec<String>> {
    let dialect = options.access.target.dialect;
    let contents = partitions::of_star(dialect, &star.record, &star.designs)?.unwrap_or_default();
    partitions::record(dialect, &options.schema, &contents, None, 1)
}

/// Share of unsorted rows of a table in Redshift, in percent, from which all tables are replaced.
const MAX_UNSORTED: u32 = 20;

/// The changes of a load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoadMode {
    /// All tables were replaced.
    Swap(SwapReason),
    /// The partitions that differ were updated.
    Update {
        /// Number of partitions that differ.
        changed: usize,
        /// Number of partitions of the star.
        partitions: usize,
        /// Number of rows deleted.
        deleted: u64,
        /// Number of rows copied.
        copied: u64,
    },
}

/// The outcome of an attempt to update the tables.
enum Outcome {
    Updated(LoadMode),
    Impossible(SwapReason),
}

impl Loader<'_> {
    /// Updates the tables in place, or returns the reason why all tables must be replaced.
    pub(super) async fn update(
        &mut self,
        lock: &mut LoadLock<'_>,
        load_id: &str,
    ) -> Result<Option<SwapReason>> {
        if self.options.force {
            return Ok(Some(SwapReason::Forced));
        }
        let begun = Instant::now();
        self.progress.start("update");
        let mut backoff = self.backoff();
        let phases = self.report.phases.len();
        let mut was_lost = false;
        loop {
            let updated = match lock.ensure_held().await {
                Ok(()) => self.try_update(load_id).await,
                Err(error) => Err(error),
            };
            let error = match updated {
                Ok(Outcome::Updated(mode)) => {
                    self.report.mode = mode;
                    self.timed("update", begun);
                    return Ok(None);
                }
                Ok(Outcome::Impossible(reason)) => {
                    self.report.phases.truncate(phases);
                    return Ok(Some(reason));
                }
                Err(error) => error,
            };
            was_lost |= is_lost(&error);
            match backoff.next() {
                Some(pause) if is_transient(&error) => {
                    tracing::warn!(%error, "updating the tables failed; retrying");
                    tokio::time::sleep(pause).await;
                    self.report.phases.truncate(phases);
                }
                _ if was_lost => return self.settle_update(error, load_id).await,
                _ => return Err(error),
            }
        }
    }

    /// Handles the loss of the connection in the last attempt: the transaction may have been committed.
    async fn settle_update(&mut self, error: Error, load_id: &str) -> Result<Option<SwapReason>> {
        match self.ledger_has_load(load_id).await {
            Some(true) => Ok(None),
            Some(false) => Err(error),
            None => {
                let schema = self.options.schema.clone();
                Err(Error::OutcomeUnknown { schema, source: Box::new(error) })
            }
        }
    }

    async fn try_update(&mut self, load_id: &str) -> Result<Outcome> {
        let session = Session::open(&self.options.access).await?;
        let dialect = session.dialect();
        let Some(expected) = partitions::of_star(dialect, &self.star.record, &self.star.designs)?
        else {
            return Ok(Outcome::Impossible(SwapReason::NoHashes));
        };
        // An earlier attempt whose response was lost may have been committed.
        if ledger::has(&session, &self.options.schema, load_id).await? {
            return Ok(Outcome::Updated(self.report.mode.clone()));
        }
        if let Some(reason) = self.unsorted(&session).await {
            return Ok(Outcome::Impossible(reason));
        }
        session.begin("begin").await?;
        let outcome = self.update_in(&session, &expected, load_id).await;
        if !matches!(outcome, Ok(Outcome::Updated(_))) {
            let _ = session.rollback("undo the update").await;
        }
        outcome
    }

    /// Compares and updates the tables in a transaction that has begun.
    async fn update_in(
        &mut self,
        session: &Session,
        expected: &Contents,
        load_id: &str,
    ) -> Result<Outcome> {
        let schema = self.options.schema.clone();
        // It may also have been committed in the meantime.
        if ledger::has(session, &schema, load_id).await? {
            let mode = self.report.mode.clone();
            session.rollback("end").await?;
            return Ok(Outcome::Updated(mode));
        }
        let plan = match self.plan(session, expected).await? {
            Ok(plan) => plan,
            Err(reason) => return Ok(Outcome::Impossible(reason)),
        };
        let mode = LoadMode::Update {
            changed: plan.keys.len(),
            partitions: plan.partitions,
            deleted: plan.tables.iter().map(|table| table.deleted).sum(),
            copied: plan.tables.iter().map(|table| table.copied.rows).sum(),
        };
        match self.apply(session, &plan, load_id).await {
            Ok(Ok(())) => {}
            Ok(Err(reason)) => return Ok(Outcome::Impossible(reason)),
            Err(error) => return self.conflict(error).map(Outcome::Impossible),
        }
        let number = ledger::last_number(session, &schema).await? + 1;
        let (dialect, keys) = (session.dialect(), Some(&plan.keys[..]));
        for sql in partitions::record(dialect, &schema, expected, keys, number)? {
            session.execute("record the partitions", &sql).await?;
        }
        self.record(session, number, load_id).await?;
        self.report.number = number;
        self.report.mode = mode.clone();
        session.commit("commit the load").await?;
        Ok(Outcome::Updated(mode))
    }

    /// Returns the reason to replace all tables if a row violates a key or reference that loads create: others have
    /// changed the rows. Other constraints are those of users, who expect them to reject rows.
    fn conflict(&self, error: Error) -> Result<SwapReason> {
        let keys = key_names(&self.star.model);
        match &error {
            Error::Server(server)
                if server
                    .violated_key()
                    .is_some_and(|key| keys.iter().flatten().any(|k| k == key)) =>
            {
                let cause = &server.cause;
                tracing::warn!(%error, %cause, "the tables cannot be updated");
                Ok(SwapReason::Conflict)
            }
            _ => Err(error),
        }
    }

    /// Compares the tables with the star.
    async fn plan(
        &self,
        session: &Session,
        expected: &Contents,
    ) -> Result<Result<Plan, SwapReason>> {
        let schema = &self.options.schema;
        let Some(found) = partitions::read(session, schema).await? else {
            return Ok(Err(SwapReason::NoRecord));
        };
        let existing = catalog::existing(session, &self.star.model, schema).await?;
        for design in &self.star.designs {
            let name = &design.table.name;
            if !existing.iter().any(|e| e.table == *name && e.kind == "r") {
                return Ok(Err(SwapReason::Missing(name.clone())));
            }
        }
        Ok(Plan::new(self.star, expected, &found))
    }

    /// Returns the number of rows of a table.
    pub(super) async fn count(&self, session: &Session, table: &str) -> Result<Option<u64>> {
        let sql = format!("SELECT COUNT(*) FROM {}", qualified(&self.options.schema, table)?);
        let count = session.value("count rows", &sql).await?;
        Ok(count.and_then(|count| count.parse().ok()))
    }

    /// Returns the reason to replace all tables if too many rows of a table in Redshift are not sorted. Users
    /// without the right to see that are not restricted.
    async fn unsorted(&self, session: &Session) -> Option<SwapReason> {
        if session.dialect() != Dialect::Redshift {
            return None;
        }
        let schema = crate::warehouse::sql::quote::literal(&self.options.schema, session.dialect());
        let sql = format!(
            "SELECT \"table\", unsorted FROM svv_table_info WHERE \"schema\" = {} AND unsorted > {MAX_UNSORTED}",
            schema.ok()?
        );
        let rows = session.rows("read the share of unsorted rows", &sql).await.ok()?;
        let names = self.star.designs.iter().map(|design| &design.table.name);
        let of_star =
            |row: &&Vec<Option<String>>| names.clone().any(|name| *name == catalog::text(row, 0));
        let row = rows.iter().find(of_star)?;
        let percent = catalog::text(row, 1).parse::<f64>().unwrap_or_default() as u32;
        Some(SwapReason::Unsorted(catalog::text(row, 0), percent))
    }

    /// Records the partitions of all tables, after they were replaced.
    pub(super) async fn record_partitions(&self, session: &Session, number: i64) -> Result<()> {
        let (dialect, schema) = (session.dialect(), &self.options.schema);
        let contents = partitions::of_star(dialect, &self.star.record, &self.star.designs)?;
        let contents = contents.unwrap_or_default();
        for sql in partitions::record(dialect, schema, &contents, None, number)? {
            session.execute("record the partitions", &sql).await?;
        }
        Ok(())
    }
}
