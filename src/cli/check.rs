//! `starlift check`.

use std::collections::BTreeMap;

use super::output::print;
use super::settings::{GlobalOptions, StarOptions};
use super::signals::unless_interrupted;
use super::warehouse::WarehouseOptions;
use super::{contract, star, summary};
use crate::cli::error::Result;
use crate::pipeline::queries;
use crate::star::RunRecord;
use crate::star::{demand_passed, run_checks};
use crate::storage::{Location, Stores};
use crate::warehouse::check::check_warehouse;
use crate::warehouse::contract::Reading;

/// Holds a star, or its tables in a warehouse, against its invariants and prints a line a check.
///
/// # Errors
///
/// If there is no star, or a check fails.
pub async fn run(
    options: &StarOptions,
    on: Option<WarehouseOptions>,
    global: &GlobalOptions,
) -> Result<()> {
    unless_interrupted(check(options, on, global), crate::error::Error::Stopped).await
}

async fn check(
    options: &StarOptions,
    on: Option<WarehouseOptions>,
    global: &GlobalOptions,
) -> Result<()> {
    let queries = queries(options.queries.as_deref())?;
    let is_warehouse = on.is_some();
    let (outcomes, not_asked) = match on {
        Some(warehouse) => {
            let record = record(options, global).await?;
            let session = warehouse.ask(&global.stores).await?;
            let checks = check_warehouse(&session, &queries, record.as_ref()).await?;
            (checks.outcomes, checks.not_asked)
        }
        None => {
            let open = star::open(options, global).await?;
            (run_checks(&open.session, &queries).await?, Vec::new())
        }
    };
    let failed = outcomes.iter().any(|outcome| outcome.offenders > 0);
    if failed || !global.quiet {
        print(&summary::checks(&outcomes)?)?;
        print(&summary::not_asked(&not_asked, options.star.is_some()))?;
    }
    if is_warehouse {
        crate::warehouse::check::demand_passed(&outcomes)?;
    } else {
        demand_passed(&outcomes)?;
    }
    Ok(())
}

/// Says whether Redshift's COPY would take the files of a star.
///
/// # Errors
///
/// If there is no star, or it would not.
pub async fn copy_contract(options: &StarOptions, global: &GlobalOptions) -> Result<()> {
    let stores = Stores::new(global.stores.clone());
    let place = stores.place(Location::parse_single(options.require_star()?)?).await?;
    let tables = BTreeMap::new();
    // Which warehouse it would be is not known: its region is that which the user names.
    let region = global.stores.region.clone();
    let (record, reading) = (RunRecord::require(&place).await?, Reading::Texts);
    let contract = contract::check(&place, &record, &stores, &tables, region, reading).await?;
    if !contract.is_kept() || !global.quiet {
        print(&contract.to_string())?;
    }
    contract::demand_kept(&contract)
}

/// The record of the star that the tables were loaded from, where it is named.
async fn record(options: &StarOptions, global: &GlobalOptions) -> Result<Option<RunRecord>> {
    let Some(star) = &options.star else { return Ok(None) };
    let stores = Stores::new(global.stores.clone());
    Ok(Some(RunRecord::require(&stores.place(Location::parse_single(star)?).await?).await?))
}
