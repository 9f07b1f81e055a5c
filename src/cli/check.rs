//! `starlift check`.

use super::output::print;
use super::settings::{GlobalOptions, StarOptions};
use super::{star, summary};
use crate::error::Result;
use crate::pipeline::queries;
use crate::star::{demand_passed, run_checks};

/// Holds a star against its invariants and prints a line a check.
///
/// # Errors
///
/// If there is no star, or a check fails.
pub async fn run(options: &StarOptions, global: &GlobalOptions) -> Result<()> {
    let queries = queries(options.queries.as_deref())?;
    let open = star::open(options, global).await?;
    let outcomes = run_checks(&open.session, &queries).await?;
    let failed = outcomes.iter().any(|outcome| outcome.offenders > 0);
    if failed || !global.quiet {
        print(&summary::checks(&outcomes)?)?;
    }
    demand_passed(&outcomes)
}
