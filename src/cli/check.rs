//! `starlift check`.

use super::output::print;
use super::settings::{GlobalOptions, StarOptions};
use super::summary;
use crate::engine::Engine;
use crate::error::Result;
use crate::pipeline::queries;
use crate::publish::RunRecord;
use crate::star::{demand_passed, register_star, run_checks};
use crate::storage::{Location, Stores};

/// Holds a star against its invariants and prints a line a check.
///
/// # Errors
///
/// If there is no star, or a check fails.
pub async fn run(star: &StarOptions, global: &GlobalOptions) -> Result<()> {
    let queries = queries(star.queries.as_deref())?;
    let stores = Stores::new(global.stores.clone());
    let place = stores.place(Location::parse_single(star.require_star()?)?).await?;
    let record = RunRecord::require(&place).await?;
    let engine = Engine::new(star.engine)?;
    let session = engine.session();
    register_star(&session, &place, &record).await?;
    let outcomes = run_checks(&session, &queries).await?;
    let failed = outcomes.iter().any(|outcome| outcome.offenders > 0);
    if failed || !global.quiet {
        print(&summary::checks(&outcomes)?)?;
    }
    demand_passed(&outcomes)
}
