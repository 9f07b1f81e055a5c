//! `starlift load`.

use super::args::LoadArgs;
use super::contract;
use super::output::print;
use super::settings::{GlobalOptions, StarOptions, WarehouseOptions};
use super::summary;
use crate::engine::Engine;
use crate::error::Result;
use crate::pipeline::queries;
use crate::storage::{Location, Place, Stores};
use crate::warehouse::Dialect;
use crate::warehouse::contract::{Contract, Reading};
use crate::warehouse::load::{LoadOptions, load, prepare, show};

/// Loads a star and prints what was done.
///
/// # Errors
///
/// Whatever ends the load.
pub async fn run(
    args: &LoadArgs,
    star: &StarOptions,
    warehouse: &WarehouseOptions,
    global: &GlobalOptions,
) -> Result<()> {
    let options = warehouse.load(&args.how, &global.stores).await?;
    let stores = Stores::new(global.stores.clone());
    let place = stores.place(Location::parse_single(star.require_star()?)?).await?;
    let engine = Engine::new(star.engine)?;
    let queries = queries(star.queries.as_deref())?;
    let contract = match options.access.target.dialect {
        Dialect::Redshift => Some(contract(&place, &stores, &options).await?),
        Dialect::Postgres => None,
    };
    if let Some(contract) = &contract
        && (args.dry_run || !contract.is_kept())
    {
        print(&contract.to_string())?;
        contract::demand_kept(contract)?;
    }
    let prepared = prepare(place, &engine, &queries, &options).await?;
    if args.dry_run {
        return print(&show(&prepared, &options)?);
    }
    let report = load(&prepared, &options).await?;
    if global.quiet {
        return Ok(());
    }
    print(&summary::load(&report, &options.access.target.to_string(), &options.schema))
}

/// Holds the star against what this Redshift takes, before it is asked anything.
async fn contract(place: &Place, stores: &Stores, options: &LoadOptions) -> Result<Contract> {
    let region = options.access.target.region().map(str::to_owned);
    contract::check(place, stores, &options.tables, region, Reading::Footers).await
}
