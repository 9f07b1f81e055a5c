//! Prepares the parts of a load that need no warehouse: the star, its tables, its figures.

use datafusion::prelude::SessionContext;
use futures::future::try_join_all;
use tokio::sync::{Mutex, OnceCell};
use tokio_util::task::AbortOnDropHandle;

use super::LoadOptions;
use crate::engine::Engine;
use crate::star::RunRecord;
use crate::star::model::Table;
use crate::star::{Queries, ensure_passed, register_star, run_checks};
use crate::storage::Place;
use crate::warehouse::error::Result;
use crate::warehouse::figures::{TableFigures, local_figures};
use crate::warehouse::tables::{TableDesign, designs};

/// A star that is ready to load.
pub struct Prepared {
    /// Location of the star.
    pub star: Place,
    /// Run record of the star.
    pub record: RunRecord,
    /// Designs of the tables, each after those it references.
    pub designs: Vec<TableDesign>,
    /// DataFusion session in which the star's tables are registered.
    pub session: SessionContext,
    figures: OnceCell<Vec<TableFigures>>,
    counting: Mutex<Option<Counting>>,
}

/// Task that computes the figures while the warehouse works.
type Counting = AbortOnDropHandle<Result<Vec<TableFigures>>>;

/// Opens a star and runs its checks. They cover its keys, which Redshift's planner relies on
/// without enforcing them.
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
    let record = RunRecord::require(&star).await?;
    let designs = designs(Some(&record), &options.tables)?;
    let session = engine.session();
    register_star(&session, &star, &record).await?;
    ensure_passed(&run_checks(&session, queries).await?)?;
    let figures = OnceCell::new();
    Ok(Prepared { star, record, designs, session, figures, counting: Mutex::default() })
}

async fn count(session: SessionContext, tables: Vec<&'static Table>) -> Result<Vec<TableFigures>> {
    let figures: Vec<_> = tables.into_iter().map(|table| local_figures(&session, table)).collect();
    try_join_all(figures).await
}

impl Prepared {
    /// Starts computing the figures of the files, unless they are computed or in progress.
    pub(super) async fn begin_counting(&self) {
        let mut running = self.counting.lock().await;
        if running.is_some() || self.figures.initialized() {
            return;
        }
        let tables = self.designs.iter().map(|design| design.table).collect();
        let counting = tokio::spawn(count(self.session.clone(), tables));
        *running = Some(AbortOnDropHandle::new(counting));
    }

    /// Waits for the figures of the files and returns them in the order of the tables.
    pub(super) async fn figures(&self) -> Result<&[TableFigures]> {
        let wait = || async {
            self.begin_counting().await;
            match self.counting.lock().await.take() {
                Some(counting) => counting.await?,
                None => Ok(Vec::new()),
            }
        };
        Ok(self.figures.get_or_try_init(wait).await?)
    }

    /// Returns the number of rows of a table according to the record.
    pub fn rows_of(&self, table: &str) -> u64 {
        self.record.tables.get(table).map_or(0, |table| table.rows)
    }

    /// Returns the tables with their row counts, in load order.
    pub fn rows(&self) -> Vec<(&'static str, u64)> {
        let names = self.designs.iter().map(|design| design.table.name);
        names.map(|name| (name, self.rows_of(name))).collect()
    }
}
