//! The interface for library users, re-exported from the crate root.
//!
//! It adds no functionality: [`Transform`] wraps [`crate::pipeline`], [`Star`] wraps
//! [`crate::star`] and [`crate::engine`], and [`Load`] wraps [`crate::warehouse`].

mod engine;
mod lists;
mod load_builder;
mod star;
mod transform_builder;

pub use load_builder::{Load, LoadBuilder};
pub(crate) use star::shown;
pub use star::{Star, StarBuilder};
pub use transform_builder::{Transform, TransformBuilder};

use crate::error::Result;
use crate::pipeline::TransformReport;
use crate::warehouse::error::Result as LoadResult;
use crate::warehouse::load::LoadReport;

/// Reads the objects of the built-in model and publishes a star, with default options.
///
/// `inputs` has a location for each dataset: an object, a prefix or a glob. `out` is a folder or prefix. Each
/// is a local path or a URL such as `s3://bucket/song_data`. A star at `out` is replaced. Other options and
/// models: [`Transform`].
///
/// # Errors
///
/// Returns an error if a dataset has no location, a location is invalid, an object cannot be read, any record
/// is rejected, a check of the star fails or the output cannot be written. The previous star then stays in
/// place unless the error occurs while or after the new one is published.
pub async fn transform(
    inputs: impl IntoIterator<Item = (&str, &str)>,
    out: &str,
) -> Result<TransformReport> {
    let builder = Transform::builder().out(out);
    let builder = inputs.into_iter().fold(builder, |builder, (name, url)| builder.input(name, url));
    Ok(builder.build()?.run().await?)
}

/// Loads a star into the schema `star` of Redshift or PostgreSQL, with default options.
///
/// `target` is `redshift://USER@HOST:5439/DATABASE` or `postgres://USER@HOST:5432/DATABASE`. The password
/// is read from `STARLIFT_PASSWORD`, `PGPASSWORD` or the password file of PostgreSQL's own tools. All
/// tables are replaced together. A star that is already loaded is not loaded again. Other options:
/// [`Load`].
///
/// # Errors
///
/// Returns an error if the target is invalid, Redshift would reject the files, or a step of the load fails.
/// The tables are then unchanged or, if the load failed after it replaced the tables, those of the new star.
pub async fn load(star: &Star, target: &str) -> LoadResult<LoadReport> {
    Load::builder().target(target).build()?.run(star).await
}
