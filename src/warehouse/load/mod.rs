//! Loads a star: updates the tables in place, or creates new tables, verifies them, and swaps them in together.
//!
//! If few rows differ, a load deletes and copies only those (`update`). Otherwise it replaces all tables: it is
//! then two transactions and a cleanup. The first transaction creates new tables beside the
//! old ones, fills them, and compares them with the Parquet files. It can take any amount of time
//! because no reader sees it. The second renames the tables and records the load in the ledger. It
//! is the only one that readers may have to wait for. The cleanup drops the old tables, and the
//! load succeeds even if it fails. The second transaction cannot drop them: Redshift resolves a
//! table by its name before it waits for the lock, so a reader that waits for a dropped table
//! fails.
//!
//! Renaming has advantages over `DELETE` and `INSERT` into the old tables: it writes the rows once,
//! keeps Redshift's sort order without a VACUUM, allows columns to grow, and leaves no dead rows.
//! The drawback is that everything attached to the old tables must be carried over. A load does this
//! for grants, owners, comments, storage options and, in PostgreSQL, views. In Redshift, late-binding
//! views find the new tables by name. Any other dependent object is reported before anything is
//! copied, and the load fails unless it is allowed to drop it.

mod attributes;
mod build;
mod catalog;
mod collation;
mod contract;
mod dependents;
mod dry_run;
mod encoding;
mod grants;
mod inspect;
pub mod ledger;
mod leftovers;
mod lock;
mod prepare;
mod rights;

pub mod statements;
mod swap;
mod update;
mod verify;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use backon::{BackoffBuilder, ExponentialBuilder};

use self::inspect::Inspection;
use self::lock::LoadLock;
use self::statements::{Names, default_path};
use crate::timing::PhaseTiming;
use crate::warehouse::connection::session::{Access, Session};
use crate::warehouse::copy::CopyAuth;
use crate::warehouse::error::{Error, Result};
use crate::warehouse::progress::LoadProgress;
use crate::warehouse::sql::ddl::TableSettings;

pub use self::contract::{check_contract, check_files, ensure_passes};
pub use self::dry_run::dry_run;
pub use self::prepare::{Prepared, prepare, prepare_open};
pub use self::rights::obstacles;
pub use self::update::{LoadMode, SwapReason};

/// Target, tables and behaviour of a load.
#[derive(Debug, Clone)]
pub struct LoadOptions {
    /// Address of the warehouse, and the login.
    pub access: Access,
    /// Schema of the tables.
    pub schema: String,
    /// Authorization for Redshift to read the files.
    pub copy_auth: CopyAuth,
    /// Load even if the same run is already loaded.
    pub force: bool,
    /// Drop objects that depend on the old tables and cannot be carried over.
    pub cascade: bool,
    /// Time to wait for other loads, and for readers to release the tables.
    pub lock_timeout: Duration,
    /// Number of times to retry a transaction after a transient error.
    pub retries: usize,
    /// Settings by table name, as in `starlift.toml`.
    pub tables: BTreeMap<String, TableSettings>,
}

impl LoadOptions {
    /// Default schema.
    pub const SCHEMA: &'static str = "star";
    /// Default number of retries: enough for a conflict or a dropped connection. An error that
    /// persists needs a person.
    pub const RETRIES: usize = 3;
    /// Default lock timeout: longer than most loads and reports take.
    pub const LOCK_TIMEOUT: Duration = Duration::from_secs(600);
}

/// Result of a load.
#[derive(Debug)]
pub struct LoadReport {
    /// Identifier of the run whose star is loaded.
    pub run_id: String,
    /// `true` if that run was already loaded, so that nothing was done.
    pub already_loaded: bool,
    /// The changes of the load.
    pub mode: LoadMode,
    /// Number of the load in the ledger.
    pub number: i64,
    /// Tables with their row counts, in load order.
    pub tables: Vec<(String, u64)>,
    /// Number of statistics compared between the files and the tables.
    pub statistics: usize,
    /// Objects that were dropped because they depended on the old tables.
    pub dropped: Vec<String>,
    /// Tables that are not needed but could not be dropped, with the reason.
    pub not_dropped: Vec<String>,
    /// Number of recreated views.
    pub views: usize,
    /// Elapsed time per phase.
    pub phases: Vec<PhaseTiming>,
}

/// Loads a prepared star.
///
/// # Errors
///
/// Returns an error if any step fails. The tables are then unchanged or, if the load failed after
/// the swap, those of the new star; the ledger shows which.
pub async fn load(
    star: &Prepared,
    options: &LoadOptions,
    progress: &Arc<LoadProgress>,
) -> Result<LoadReport> {
    let mut loader = Loader { star, options, progress, report: report(star) };
    let begun = Instant::now();
    progress.start("waiting for the load lock");
    loader.create_bookkeeping().await?;
    let mut lock = loader.acquire_lock().await?;
    loader.timed("lock", begun);
    let outcome = loader.run(&mut lock).await;
    lock.release().await;
    outcome?;
    Ok(loader.report)
}

fn report(star: &Prepared) -> LoadReport {
    LoadReport {
        run_id: star.record.run_id.clone(),
        already_loaded: false,
        mode: LoadMode::Swap(SwapReason::NoRecord),
        number: 0,
        tables: star.rows(),
        statistics: 0,
        dropped: Vec::new(),
        not_dropped: Vec::new(),
        views: 0,
        phases: Vec::new(),
    }
}

struct Loader<'a> {
    star: &'a Prepared,
    options: &'a LoadOptions,
    progress: &'a Arc<LoadProgress>,
    report: LoadReport,
}

/// Runs a statement in its own transaction, with a search path that lets event triggers find their
/// tables. `action` describes the statement in errors.
///
/// # Errors
///
/// Returns an error if the server rejects the statement or the connection is lost.
pub async fn execute_alone(session: &Session, action: &str, sql: &str) -> Result<()> {
    session.begin(action).await?;
    if let Some(path) = default_path(session.dialect()) {
        session.execute(action, path).await?;
    }
    session.execute(action, sql).await?;
    session.commit(action).await?;
    Ok(())
}

impl<'a> Loader<'a> {
    fn timed(&mut self, phase: &str, begun: Instant) {
        let elapsed = begun.elapsed();
        self.report.phases.push(PhaseTiming { name: phase.to_owned(), elapsed, bytes: None });
    }

    /// Creates the schema, the ledger and the lock table if they do not exist. Checks for the
    /// schema first, so that users of an existing schema do not need the right to create one.
    async fn create_bookkeeping(&self) -> Result<()> {
        let schema = &self.options.schema;
        let mut backoff = self.backoff();
        loop {
            let created = async {
                let session = Session::open(&self.options.access).await?;
                let [create_schema, create_ledger, create_lock] = ledger::create(schema)?;
                if !catalog::has_schema(&session, schema).await? {
                    execute_alone(&session, "create the schema", &create_schema).await?;
                }
                let create_partitions = update::create(schema)?;
                for (table, sql) in [
                    (ledger::LEDGER, create_ledger),
                    (ledger::LOCK, create_lock),
                    (update::PARTITIONS, create_partitions),
                ] {
                    if !catalog::has_table(&session, schema, table).await? {
                        execute_alone(&session, "create the ledger of loads", &sql).await?;
                    }
                }
                Ok::<_, Error>(())
            };
            let Err(error) = created.await else { return Ok(()) };
            // Two first loads can race; the loser finds the tables when it retries.
            let is_race = matches!(&error, Error::Server(e) if e.already_exists());
            match backoff.next() {
                Some(pause) if is_race || is_transient(&error) => {
                    tracing::info!(%error, "retrying to create the ledger of loads");
                    tokio::time::sleep(pause).await;
                }
                _ => return Err(error),
            }
        }
    }

    async fn acquire_lock(&self) -> Result<LoadLock<'a>> {
        let LoadOptions { access, schema, lock_timeout, .. } = self.options;
        let mut backoff = self.backoff();
        loop {
            let error = match LoadLock::acquire(access, schema, *lock_timeout).await {
                Ok(lock) => return Ok(lock),
                Err(error) => error,
            };
            match backoff.next() {
                Some(pause) if is_transient(&error) => tokio::time::sleep(pause).await,
                _ => return Err(error),
            }
        }
    }

    fn backoff(&self) -> impl Iterator<Item = Duration> + use<> {
        // 0.3, 1.2 and 4.8 s: a network outage of a few seconds should not cost an hour's COPY.
        ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(300))
            .with_factor(4.0)
            .with_max_delay(Duration::from_secs(20))
            .with_max_times(self.options.retries)
            .with_jitter()
            .build()
    }

    async fn run(&mut self, lock: &mut LoadLock<'_>) -> Result<()> {
        if self.inspect(lock, Inspection::Loaded).await? {
            return Ok(());
        }
        let load_id = format!("{:016x}", rand::random::<u64>());
        let Some(reason) = self.update(lock, &load_id).await? else { return Ok(()) };
        tracing::debug!(%reason, "all tables are replaced");
        self.report.mode = LoadMode::Swap(reason);
        self.inspect(lock, Inspection::Replaceable).await?;
        self.star.ensure_checked().await?;
        let names = self.build(lock).await?;
        self.swap(lock, &names, &load_id).await
    }

    fn names(&self) -> Names {
        Names {
            schema: self.options.schema.clone(),
            attempt: format!("{:08x}", rand::random::<u32>()),
        }
    }
}

/// Returns `true` if the connection was lost, so that the outcome of the last statement is unknown.
fn is_lost(error: &Error) -> bool {
    matches!(error, Error::Server(error) if error.is_lost())
}

/// Returns `true` if retrying the whole transaction may succeed.
fn is_transient(error: &Error) -> bool {
    matches!(error, Error::Server(error) if error.is_transient())
}
