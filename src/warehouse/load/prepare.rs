//! Prepares the parts of a load that need no warehouse: the star, its tables, its statistics.

use std::sync::Arc;

use datafusion::prelude::SessionContext;
use futures::future::try_join_all;
use tokio::sync::{Mutex, OnceCell};
use tokio_util::task::AbortOnDropHandle;

use super::LoadOptions;
use super::verify::{TableStats, file_stats};
use crate::engine::Engine;
use crate::model::Model;
use crate::star::RunRecord;
use crate::star::model::Table;
use crate::star::{Queries, ensure_passed, register_star, run_checks};
use crate::storage::Place;
use crate::warehouse::error::Result;
use crate::warehouse::sql::ddl::{TableDesign, designs};

/// A star that is ready to load.
pub struct Prepared {
    /// Location of the star.
    pub star: Place,
    /// Model of the star.
    pub model: Arc<Model>,
    /// Run record of the star.
    pub record: RunRecord,
    /// Designs of the tables, each after those it references.
    pub designs: Vec<TableDesign>,
    /// DataFusion session in which the star's tables are registered.
    pub session: SessionContext,
    /// Queries with the checks that the run has run, and this load has not.
    unchecked: Option<Queries>,
    statistics: OnceCell<Vec<TableStats>>,
    computing: Mutex<Option<Computing>>,
}

/// Task that computes the statistics while the warehouse works.
type Computing = AbortOnDropHandle<Result<Vec<TableStats>>>;

/// Opens a star and runs its checks, unless its run was of this version and had the same ones. The checks cover its
/// keys: Redshift's planner relies on them without enforcing them.
///
/// # Errors
///
/// Returns an error if there is no star, a check fails, or a file is missing.
pub async fn prepare(
    star: Place,
    engine: &Engine,
    queries: &Queries,
    options: &LoadOptions,
) -> Result<Prepared> {
    let record = RunRecord::require_of(&star, queries.model()).await?;
    // Reject invalid settings before the files are opened.
    designs(queries.model(), Some(&record), &options.tables)?;
    let session = engine.session();
    register_star(&session, &star, &record, queries.model()).await?;
    prepare_open(star, record, session, queries, options).await
}

/// Runs the checks of a star whose tables are registered in `session`, under the conditions of [`prepare`].
///
/// # Errors
///
/// Returns an error if the settings name an unknown table or column, or a check fails.
pub async fn prepare_open(
    star: Place,
    record: RunRecord,
    session: SessionContext,
    queries: &Queries,
    options: &LoadOptions,
) -> Result<Prepared> {
    let model = queries.model().clone();
    let designs = designs(&model, Some(&record), &options.tables)?;
    let is_checked =
        record.version == env!("CARGO_PKG_VERSION") && record.checks_hash == queries.checks_hash();
    let unchecked = is_checked.then(|| queries.clone());
    if !is_checked {
        ensure_passed(&run_checks(&session, queries).await?)?;
    }
    let (statistics, computing) = (OnceCell::new(), Mutex::default());
    Ok(Prepared { star, model, record, designs, session, unchecked, statistics, computing })
}

async fn compute(session: SessionContext, tables: Vec<Arc<Table>>) -> Result<Vec<TableStats>> {
    let statistics: Vec<_> = tables.iter().map(|table| file_stats(&session, table)).collect();
    try_join_all(statistics).await
}

impl Prepared {
    /// Runs the checks that only the run has run. A load that replaces all rows reads all of them anyway.
    ///
    /// # Errors
    ///
    /// Returns an error if a check fails or cannot be run.
    pub async fn ensure_checked(&self) -> Result<()> {
        match &self.unchecked {
            Some(queries) => Ok(ensure_passed(&run_checks(&self.session, queries).await?)?),
            None => Ok(()),
        }
    }

    /// Starts computing the statistics of the files, unless they are computed or in progress.
    pub(super) async fn start_statistics(&self) {
        let mut running = self.computing.lock().await;
        if running.is_some() || self.statistics.initialized() {
            return;
        }
        let tables = self.designs.iter().map(|design| design.table.clone()).collect();
        let computing = tokio::spawn(compute(self.session.clone(), tables));
        *running = Some(AbortOnDropHandle::new(computing));
    }

    /// Waits for the statistics of the files and returns them in the order of the tables.
    pub(super) async fn statistics(&self) -> Result<&[TableStats]> {
        let wait = || async {
            self.start_statistics().await;
            match self.computing.lock().await.take() {
                Some(computing) => computing.await?,
                None => Ok(Vec::new()),
            }
        };
        Ok(self.statistics.get_or_try_init(wait).await?)
    }

    /// Returns the number of rows of a table according to the record.
    pub fn rows_of(&self, table: &str) -> u64 {
        self.record.tables.get(table).map_or(0, |table| table.rows)
    }

    /// Returns the tables with their row counts, in load order.
    pub fn rows(&self) -> Vec<(String, u64)> {
        let names = self.designs.iter().map(|design| &design.table.name);
        names.map(|name| (name.clone(), self.rows_of(name))).collect()
    }
}
