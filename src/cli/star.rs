//! Opening the star that a command reads.

use datafusion::prelude::SessionContext;

use super::settings::{GlobalOptions, StarOptions};
use crate::cli::error::Result;
use crate::engine::Engine;
use crate::star::RunRecord;
use crate::star::register_star;
use crate::storage::{Location, Stores};

/// A star, open for questions.
pub struct OpenStar {
    /// Its tables.
    pub session: SessionContext,
    /// Its temporary folder must outlive every query.
    _engine: Engine,
}

/// Opens the star that the options name.
///
/// # Errors
///
/// If none is named, or there is none.
pub async fn open(star: &StarOptions, global: &GlobalOptions) -> Result<OpenStar> {
    let stores = Stores::new(global.stores.clone());
    let place = stores.place(Location::parse_single(star.require_star()?)?).await?;
    let record = RunRecord::require(&place).await?;
    let engine = Engine::new(star.engine)?;
    let session = engine.session();
    register_star(&session, &place, &record).await?;
    Ok(OpenStar { session, _engine: engine })
}
