//! Loading a star: five new tables, verified, put in place at once.
//!
//! Two transactions, and a third that may fail. The first makes new tables beside the old, fills them,
//! and compares them with the Parquet files; it may take as long as it likes, for nobody sees it. The
//! second renames, and enters the load in the ledger; it is all that readers may have to wait for. The
//! last drops the old tables. They are not dropped in the second: Redshift finds a table by its name
//! before it waits for it, and a reader that waited for a table that is gone fails.
//!
//! Renaming was chosen over `DELETE` and `INSERT` into the old tables: it writes the rows once, keeps
//! Redshift's sort order without a VACUUM, lets columns grow, and leaves no dead rows. Its price is
//! that whatever depends on the old tables must be carried over. Grants, owners, comments and storage
//! options are, and in PostgreSQL views, made again in the second transaction. In Redshift views
//! without schema binding find the new tables by themselves; what else depends on the tables is named
//! before anything is copied, and the load ends there unless it may drop it.

mod attributes;
mod build;
mod catalog;
mod dependents;
mod grants;
mod guard;
mod leftovers;
mod meter;
mod prepare;
mod rights;
mod show;
pub mod statements;
mod swap;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use backon::{BackoffBuilder, ExponentialBuilder};

use self::catalog::Existing;
use self::guard::Guard;
use self::statements::{Names, default_path};
use super::copy::CopyAuth;
use super::session::{Access, Session};
use super::tables::TableSettings;
use super::{encoding, ledger};
use crate::timing::PhaseTiming;
use crate::warehouse::error::{Error, Result};

pub use self::meter::LoadMeter;
pub use self::prepare::{Prepared, prepare};
pub use self::rights::obstacles;
pub use self::show::show;

/// How a load is done.
#[derive(Debug, Clone)]
pub struct LoadOptions {
    /// The warehouse, and how to log in.
    pub access: Access,
    /// The schema of the tables.
    pub schema: String,
    /// How Redshift is authorized to read the files.
    pub copy_auth: CopyAuth,
    /// Load even when the same run stands there.
    pub force: bool,
    /// Drop what depends on the old tables and cannot be carried over.
    pub cascade: bool,
    /// How long to wait for other loads, and for readers to let go of the tables.
    pub lock_timeout: Duration,
    /// How often a transaction is run again that failed for a passing reason.
    pub retries: usize,
    /// How an analyst would have the tables.
    pub tables: BTreeMap<String, TableSettings>,
}

impl LoadOptions {
    /// The schema, unless another is named.
    pub const SCHEMA: &'static str = "star";
    /// Enough for a conflict or a dropped connection; what fails more often needs a person.
    pub const RETRIES: usize = 3;
    /// Longer than most loads and reports take.
    pub const LOCK_TIMEOUT: Duration = Duration::from_secs(600);
}

/// What a load did.
#[derive(Debug)]
pub struct LoadReport {
    /// The run whose star stands now.
    pub run_id: String,
    /// Whether it stood there before.
    pub was_there: bool,
    /// The number of the load in the ledger.
    pub number: i64,
    /// The tables and their rows, in the order of loading.
    pub tables: Vec<(&'static str, u64)>,
    /// Figures that were compared.
    pub figures: usize,
    /// What was dropped because it depended on the old tables.
    pub dropped: Vec<String>,
    /// Tables that are no longer needed and could not be dropped, and why.
    pub left: Vec<String>,
    /// Views that were made again.
    pub views: usize,
    /// Where the time went.
    pub stages: Vec<PhaseTiming>,
}

/// Puts a prepared star in place.
///
/// # Errors
///
/// Whatever ends the load; the tables are then as they were, or, when it failed after that moment,
/// those of the new star: the ledger tells.
pub async fn load(
    star: &Prepared,
    options: &LoadOptions,
    meter: &Arc<LoadMeter>,
) -> Result<LoadReport> {
    let mut loader = Loader { star, options, meter, report: report(star) };
    let begun = Instant::now();
    meter.enter("waiting for the lock of the loaders");
    loader.make_bookkeeping().await?;
    let mut guard = loader.guard().await?;
    loader.timed("lock", begun);
    let outcome = loader.run(&mut guard).await;
    guard.release().await;
    outcome?;
    Ok(loader.report)
}

fn report(star: &Prepared) -> LoadReport {
    LoadReport {
        run_id: star.record.run_id.clone(),
        was_there: false,
        number: 0,
        tables: star.rows(),
        figures: 0,
        dropped: Vec::new(),
        left: Vec::new(),
        views: 0,
        stages: Vec::new(),
    }
}

struct Loader<'a> {
    star: &'a Prepared,
    options: &'a LoadOptions,
    meter: &'a Arc<LoadMeter>,
    report: LoadReport,
}

/// Runs a statement in a transaction of its own, in which event triggers find their tables.
///
/// # Errors
///
/// If the server refuses it or the connection breaks. `action` says what was being done.
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
    fn timed(&mut self, stage: &str, begun: Instant) {
        let elapsed = begun.elapsed();
        self.report.stages.push(PhaseTiming { name: stage.to_owned(), elapsed, bytes: None });
    }

    /// The schema, the ledger and the lock's table, where they are not there yet: the right to make
    /// a schema is not asked of a user who has one.
    async fn make_bookkeeping(&self) -> Result<()> {
        let schema = &self.options.schema;
        let mut patience = self.backoff();
        loop {
            let made = async {
                let session = Session::open(&self.options.access).await?;
                let [make_schema, make_ledger, make_lock] = ledger::create(schema)?;
                if !catalog::has_schema(&session, schema).await? {
                    execute_alone(&session, "make the schema", &make_schema).await?;
                }
                for (table, sql) in [(ledger::LEDGER, make_ledger), (ledger::LOCK, make_lock)] {
                    if !catalog::has_table(&session, schema, table).await? {
                        execute_alone(&session, "make the ledger of loads", &sql).await?;
                    }
                }
                Ok::<_, Error>(())
            };
            let Err(error) = made.await else { return Ok(()) };
            // Two first loads at once: whoever comes second finds the tables made, next time.
            let is_race = matches!(&error, Error::Server(e) if e.is_there_already());
            match patience.next() {
                Some(pause) if is_race || is_passing(&error) => {
                    tracing::info!(%error, "trying again to make the ledger of loads");
                    tokio::time::sleep(pause).await;
                }
                _ => return Err(error),
            }
        }
    }

    async fn guard(&self) -> Result<Guard<'a>> {
        let LoadOptions { access, schema, lock_timeout, .. } = self.options;
        let mut patience = self.backoff();
        loop {
            let error = match Guard::acquire(access, schema, *lock_timeout).await {
                Ok(guard) => return Ok(guard),
                Err(error) => error,
            };
            match patience.next() {
                Some(pause) if is_passing(&error) => tokio::time::sleep(pause).await,
                _ => return Err(error),
            }
        }
    }

    fn backoff(&self) -> impl Iterator<Item = Duration> + use<> {
        // 0.3, 1.2 and 4.8 s: a network that is away for some seconds should not cost an hour's COPY.
        ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(300))
            .with_factor(4.0)
            .with_max_delay(Duration::from_secs(20))
            .with_max_times(self.options.retries)
            .with_jitter()
            .build()
    }

    async fn run(&mut self, guard: &mut Guard<'_>) -> Result<()> {
        if self.look_around(guard).await? {
            return Ok(());
        }
        let load_id = format!("{:016x}", rand::random::<u64>());
        let names = self.build(guard).await?;
        self.swap(guard, &names, &load_id).await
    }

    /// Looks at what stands in the schema, and finishes what earlier loads have left; whether there is
    /// nothing to do.
    async fn look_around(&mut self, guard: &mut Guard<'_>) -> Result<bool> {
        let mut patience = self.backoff();
        loop {
            let looked = match guard.hold().await {
                Ok(()) => self.try_look_around().await,
                Err(error) => Err(error),
            };
            let Err(error) = looked else { return looked };
            match patience.next() {
                Some(pause) if is_passing(&error) => {
                    tracing::warn!(%error, "looking at the tables failed; trying again");
                    tokio::time::sleep(pause).await;
                }
                _ => return Err(error),
            }
        }
    }

    async fn try_look_around(&mut self) -> Result<bool> {
        let session = Session::open(&self.options.access).await?;
        let schema = &self.options.schema;
        // Only the holder of the lock makes such tables, so those that are there belong to no load.
        let left = leftovers::leftovers(&session, schema).await?;
        self.report.left = leftovers::drop_tables(&session, schema, &left).await?;
        let last = ledger::last(&session, schema).await?;
        if let Some((entry, counts)) = last
            && entry.run_id == self.star.record.run_id
            && !self.options.force
            && self.stands(&session, &counts).await?
        {
            self.report.was_there = true;
            self.report.number = entry.number;
            return Ok(true);
        }
        self.demand_storable(&session).await?;
        self.demand_carriable(&session).await?;
        Ok(false)
    }

    /// Whether the tables of the run that the ledger names are there with their rows.
    async fn stands(&self, session: &Session, counts: &[(String, u64)]) -> Result<bool> {
        let existing = catalog::existing(session, &self.options.schema).await?;
        for (table, rows) in counts {
            if !existing.iter().any(|e| e.table == *table && e.kind == "r") {
                return Ok(false);
            }
            let name = super::quote::qualified(&self.options.schema, table)?;
            let sql = format!("SELECT COUNT(*) FROM {name}");
            let found = session.value("count rows", &sql).await?;
            if found.as_deref() != Some(rows.to_string().as_str()) {
                tracing::warn!(table, rows, ?found, "the table has changed since it was loaded");
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Names the texts that the database's encoding cannot hold, before anything is copied.
    async fn demand_storable(&self, session: &Session) -> Result<()> {
        let tables: Vec<_> = self.star.designs.iter().map(|design| design.table).collect();
        let place = self.star.star.to_string();
        let others = [("the place of the star, which the ledger names", place.as_str())];
        let texts = encoding::unstorable(session, &self.star.session, &tables, &others).await?;
        if texts.is_empty() {
            return Ok(());
        }
        Err(Error::Encoding {
            database: self.options.access.target.database.clone(),
            encoding: session.encoding().unwrap_or_default().to_owned(),
            texts,
        })
    }

    /// Tells of what would be lost or could not be done, before anything is touched.
    async fn demand_carriable(&mut self, session: &Session) -> Result<()> {
        let schema = &self.options.schema;
        let existing = catalog::existing(session, schema).await?;
        let names = |wanted: &dyn Fn(&&Existing) -> bool| -> Vec<String> {
            existing.iter().filter(wanted).map(|e| e.table.clone()).collect()
        };
        let foreign = names(&|e| e.kind != "r");
        if !foreign.is_empty() {
            return Err(Error::NotATable { schema: schema.clone(), names: foreign });
        }
        let depends = dependents::dependents(session, schema).await?;
        let mut reasons = rights::obstacles(session, schema).await?;
        if self.options.cascade {
            let foreign = depends.iter().filter(|dependent| !dependent.is_ours);
            reasons.extend(foreign.map(|d| format!("{} belongs to somebody else", d.name)));
        }
        if !reasons.is_empty() {
            return Err(Error::NotOwner { schema: schema.clone(), reasons });
        }
        let tables = names(&|_| true);
        let mut lost: Vec<String> = depends.into_iter().map(|dependent| dependent.name).collect();
        let policies = dependents::policies(session, schema).await?;
        lost.extend(policies.into_iter().map(|policy| policy.name));
        let seen = grants::grants(session, schema, &tables).await?;
        lost.extend(grants::unseen(session, schema, &seen).await?);
        if ledger::last_number(session, schema).await? == 0 {
            lost.extend(tables.iter().map(|table| format!("table {table}, which no load made")));
        }
        if !lost.is_empty() && !self.options.cascade {
            return Err(Error::Dependents { schema: schema.clone(), names: lost });
        }
        for name in &lost {
            tracing::warn!("{name} will be dropped with the table that it depends on");
        }
        self.report.dropped = lost;
        Ok(())
    }

    fn names(&self) -> Names {
        Names {
            schema: self.options.schema.clone(),
            attempt: format!("{:08x}", rand::random::<u32>()),
        }
    }
}

/// Whether the connection broke, and nobody knows what became of the last statement.
fn is_lost(error: &Error) -> bool {
    matches!(error, Error::Server(error) if error.is_lost())
}

/// Whether running the whole transaction again may help.
fn is_passing(error: &Error) -> bool {
    matches!(error, Error::Server(error) if error.is_passing())
}
