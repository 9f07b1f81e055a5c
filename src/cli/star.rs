//! Opens the star that a command reads.

use datafusion::prelude::SessionContext;

use super::settings::{GlobalOptions, StarOptions};
use crate::cli::error::Result;
use crate::engine::Engine;
use crate::star::{RunRecord, register_star};
use crate::storage::{Location, Place, Stores};

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
    let stores = Stores::new(global.stores.clone());
    let place = stores.place(Location::parse_single(star.require_star()?)?).await?;
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
