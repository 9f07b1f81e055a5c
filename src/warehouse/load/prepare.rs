//! Everything about a load that needs no warehouse: the star, its tables, its figures.

use datafusion::prelude::SessionContext;
use futures::{StreamExt, TryStreamExt, stream};

use super::LoadOptions;
use crate::engine::Engine;
use crate::error::Result;
use crate::publish::RunRecord;
use crate::star::{Queries, demand_passed, register_star, run_checks};
use crate::storage::Place;
use crate::warehouse::figures::{TableFigures, local_figures};
use crate::warehouse::tables::{TableDesign, designs};

/// A star that is fit to be loaded.
pub struct Prepared {
    /// Where it is.
    pub star: Place,
    /// Its record.
    pub record: RunRecord,
    /// Its tables, each after those it references.
    pub designs: Vec<TableDesign>,
    /// The figures of its files, in the order of the tables.
    pub figures: Vec<TableFigures>,
    /// Its tables, to be read.
    pub session: SessionContext,
}

/// Opens a star and proves what can be proven of it here: its keys, which Redshift's planner takes
/// on trust, and the figures that the tables will be held against.
///
/// # Errors
///
/// If there is no star, a check fails, or a file cannot be read.
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
    demand_passed(&run_checks(&session, queries).await?)?;
    let figures = stream::iter(&designs)
        .map(|design| local_figures(&session, design.table))
        .buffered(designs.len())
        .try_collect()
        .await?;
    Ok(Prepared { star, record, designs, figures, session })
}

impl Prepared {
    /// The rows of a table's files.
    pub fn rows_of(&self, table: &str) -> u64 {
        self.rows().iter().find(|(name, _)| *name == table).map_or(0, |(_, rows)| *rows)
    }

    /// The tables and the rows of their files.
    pub fn rows(&self) -> Vec<(&'static str, u64)> {
        let tables = self.designs.iter().map(|design| design.table.name);
        tables.zip(self.figures.iter().map(|figures| figures.rows)).collect()
    }
}
