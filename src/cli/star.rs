//! Opens the star that a command reads.

use super::settings::{GlobalOptions, StarOptions};
use crate::api::Star;
use crate::cli::error::Result;
use crate::star::RunRecord;
use crate::storage::Place;

/// Returns the location of the star that the options name, and its record.
///
/// # Errors
///
/// Returns an error if the options name no star, or the star does not exist, cannot be read or was made with
/// another model.
pub async fn find(star: &StarOptions, global: &GlobalOptions) -> Result<(Place, RunRecord)> {
    let place = global.place(star.require_star()?).await?;
    let record = RunRecord::require_of(&place, &star.model).await?;
    Ok((place, record))
}

/// Opens the star at the location in `star`, with the user's own queries if the options name a folder of
/// them.
///
/// # Errors
///
/// Returns an error if the options name no star, the star does not exist, cannot be read or was made with
/// another model, or the queries cannot be read.
pub async fn open(star: &StarOptions, global: &GlobalOptions) -> Result<Star> {
    let location = star.require_star()?;
    let mut builder = Star::builder()
        .store_options(global.stores.clone())
        .engine(star.engine)
        .model(star.model.clone());
    if let Some(folder) = &star.queries {
        builder = builder.queries(folder);
    }
    Ok(builder.open(location).await?)
}
