//! `starlift check`.

use std::collections::BTreeMap;
use std::time::Instant;

use super::json::{CheckResult, Report, Subject};
use super::output::print;
use super::settings::WarehouseOptions;
use super::settings::{GlobalOptions, StarOptions};
use super::signals::unless_interrupted;
use super::{star, suggest, summary};
use crate::cli::error::Result;
use crate::pipeline::{place, queries};
use crate::star::{Group, RunRecord, ensure_passed};
use crate::warehouse::check::check_warehouse;
use crate::warehouse::contract::Reading;
use crate::warehouse::load::{check_files, ensure_passes};

/// Checks the invariants of a star, or of its tables in a warehouse, and prints one line per check. Runs the
/// checks in `names`, or all if it is empty.
///
/// # Errors
///
/// Returns an error if there is no star or no check of a name, or a check fails.
pub async fn run(
    names: &[String],
    options: &StarOptions,
    on: Option<WarehouseOptions>,
    global: &GlobalOptions,
) -> Result<()> {
    unless_interrupted(check(names, options, on, global), crate::error::Error::Stopped).await
}

async fn check(
    names: &[String],
    options: &StarOptions,
    on: Option<WarehouseOptions>,
    global: &GlobalOptions,
) -> Result<()> {
    let begun = Instant::now();
    let target = on.as_ref().map(|warehouse| warehouse.target.to_string());
    let mut queries = queries(&options.model, options.queries.as_deref())?;
    for name in names {
        suggest::query(&queries, Group::Check, name)?;
    }
    let (outcomes, skipped) = match on {
        Some(warehouse) => {
            queries.keep_checks(names);
            let record = record(options, global).await?;
            let session = warehouse.open_session(&global.stores).await?;
            let checks = check_warehouse(&session, &queries, record.as_ref()).await?;
            (checks.outcomes, checks.skipped)
        }
        None => {
            let mut open = star::open(options, global).await?;
            open.keep_checks(names);
            (open.check_outcomes().await?, Vec::new())
        }
    };
    let subject = if target.is_some() { Subject::Warehouse } else { Subject::Star };
    let is_warehouse = target.is_some();
    let location = match target {
        Some(target) => target,
        None => global.place(options.require_star()?).await?.to_string(),
    };
    let reason = summary::reason_of_skipping(options.star.is_some());
    let unchecked = (skipped.as_slice(), reason);
    let result = CheckResult::new(subject, location, &outcomes, unchecked, begun.elapsed())?;
    global.results.set(Report::Check(Some(result)));
    let failed = outcomes.iter().any(|outcome| outcome.offending_rows > 0);
    if failed || !global.quiet {
        print(&summary::checks(&outcomes)?)?;
        print(&summary::skipped(&skipped, options.star.is_some()))?;
    }
    if is_warehouse {
        crate::warehouse::check::ensure_passed(&outcomes)?;
    } else {
        ensure_passed(&outcomes)?;
    }
    Ok(())
}

/// Checks whether Redshift's COPY would accept the files of a star, and prints the findings.
///
/// # Errors
///
/// Returns an error if there is no star, or COPY would reject it.
pub async fn copy_contract(options: &StarOptions, global: &GlobalOptions) -> Result<()> {
    let begun = Instant::now();
    let stores = global.open_stores();
    let place = place(&stores, options.require_star()?).await?;
    let tables = BTreeMap::new();
    // The warehouse is unknown. If the user specifies a region, assume that it is there.
    let region = global.stores.region.clone();
    let (model, reading) = (&options.model, Reading::Texts);
    let record = RunRecord::require_of(&place, model).await?;
    let contract = check_files(&place, model, &record, &stores, &tables, region, reading).await?;
    let result = CheckResult::of_contract(place.to_string(), &contract, begun.elapsed());
    global.results.set(Report::Check(Some(result)));
    if !contract.passes() || !global.quiet {
        print(&contract.to_string())?;
    }
    Ok(ensure_passes(contract)?)
}

/// Returns the record of the star that the tables were loaded from, if a star is specified.
async fn record(options: &StarOptions, global: &GlobalOptions) -> Result<Option<RunRecord>> {
    let Some(star) = &options.star else { return Ok(None) };
    let place = global.place(star).await?;
    Ok(Some(RunRecord::require_of(&place, &options.model).await?))
}
