//! Opens the star that a command reads.

use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::context::SQLOptions;
use datafusion::prelude::SessionContext;

use super::settings::{GlobalOptions, StarOptions};
use crate::cli::error::{Error, Result};
use crate::engine::Engine;
use crate::star::{RunRecord, register_star};
use crate::storage::Place;

/// A star that is open for queries.
pub struct OpenStar {
    /// The session in which the star's tables are registered.
    pub session: SessionContext,
    /// Kept alive because its temporary folder must outlive every query.
    _engine: Engine,
}

/// Returns the location of the star that the options name, and its record.
///
/// # Errors
///
/// Returns an error if the options name no star, or the star does not exist or cannot be read.
pub async fn find(star: &StarOptions, global: &GlobalOptions) -> Result<(Place, RunRecord)> {
    let place = global.place(star.require_star()?).await?;
    let record = RunRecord::require(&place).await?;
    Ok((place, record))
}

/// Opens the star at the location in `star`, and registers its tables in a new session.
///
/// # Errors
///
/// Returns an error if the options name no star, or the star does not exist or cannot be read.
pub async fn open(star: &StarOptions, global: &GlobalOptions) -> Result<OpenStar> {
    let (place, record) = find(star, global).await?;
    let engine = Engine::new(star.engine)?;
    let session = engine.session();
    register_star(&session, &place, &record).await?;
    Ok(OpenStar { session, _engine: engine })
}

impl OpenStar {
    /// Runs a read-only query, and returns at most `limit` rows. `name` identifies the query in errors.
    ///
    /// # Errors
    ///
    /// Returns an error if the query is invalid, or would create or change anything.
    pub async fn query(
        &self,
        name: &str,
        sql: &str,
        limit: Option<usize>,
    ) -> Result<SendableRecordBatchStream> {
        let failed = |e| Error::query(name, e);
        // Reject CREATE, INSERT, COPY and SET.
        let options = SQLOptions::new()
            .with_allow_ddl(false)
            .with_allow_dml(false)
            .with_allow_statements(false);
        let rows = self.session.sql_with_options(sql, options).await.map_err(failed)?;
        let rows = match limit {
            Some(_) => rows.limit(0, limit).map_err(failed)?,
            None => rows,
        };
        rows.execute_stream().await.map_err(failed)
    }
}
