//! Selects a star by its run.

use crate::error::{Error, Result};
use crate::star::{RunRecord, read_earlier};
use crate::storage::Place;

/// The name of the star that is in place.
pub const CURRENT: &str = "current";

/// Returns the record of the star of a run: `current`, the ID of a run, or the beginning of one. `current` is
/// the record of the star that is in place.
///
/// # Errors
///
/// Returns an error if there is no such run, its files are not kept, or its record cannot be read.
pub async fn find_star(out: &Place, current: &RunRecord, run: &str) -> Result<RunRecord> {
    if run == CURRENT {
        return Ok(current.clone());
    }
    let ids = current.history.iter().map(|star| star.run_id.as_str());
    let ids: Vec<&str> = std::iter::once(current.run_id.as_str()).chain(ids).collect();
    let found: Vec<&str> = match ids.contains(&run) {
        true => vec![run],
        false => ids.into_iter().filter(|id| !run.is_empty() && id.starts_with(run)).collect(),
    };
    let unknown = |reason: String| Error::UnknownRun { run: run.to_owned(), reason };
    let id = match found[..] {
        [] => return Err(unknown(format!("{out} has no such run in its history"))),
        [id] => id,
        _ => return Err(unknown(format!("several runs begin so: {}", found.join(", ")))),
    };
    if id == current.run_id {
        return Ok(current.clone());
    }
    let Some(star) = current.kept().find(|star| star.run_id == id) else {
        let kept: Vec<&str> = current.kept().map(|star| star.run_id.as_str()).collect();
        return Err(unknown(match kept.is_empty() {
            true => format!("{out} keeps the files of no earlier star"),
            false => format!("its files were not kept; those of {} are", kept.join(", ")),
        }));
    };
    read_earlier(out, star).await
}
