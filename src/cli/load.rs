//! `starlift load`.

use std::sync::Arc;

use super::args::{LoadArgs, LoadFlags};
use super::contract;
use super::logging::draws_progress;
use super::output::print;
use super::progress::Progress;
use super::settings::WarehouseOptions;
use super::settings::{GlobalOptions, StarOptions};
use super::signals::unless_interrupted;
use super::summary;
use crate::cli::error::{Error, Result};
use crate::engine::Engine;
use crate::pipeline::queries;
use crate::star::RunRecord;
use crate::storage::{Location, Place, Stores};
use crate::warehouse::Dialect;
use crate::warehouse::contract::{Contract, Reading};
use crate::warehouse::load::{LoadOptions, LoadReport, Prepared, load, prepare};
use crate::warehouse::progress::LoadProgress;

/// Loads a star, and prints a summary.
///
/// # Errors
///
/// Returns the error that ended the load.
pub async fn run(
    args: &LoadArgs,
    star: &StarOptions,
    warehouse: &WarehouseOptions,
    global: &GlobalOptions,
) -> Result<()> {
    if args.dry_run {
        return unless_interrupted(
            dry_run(args, star, warehouse, global),
            crate::error::Error::Stopped,
        )
        .await;
    }
    let loading = perform(&args.flags, star, warehouse, global);
    let report = unless_interrupted(loading, Error::LoadInterrupted).await?;
    if global.quiet {
        return Ok(());
    }
    print(&summary::load(&report, &warehouse.target.to_string(), &warehouse.schema))
}

/// Loads a star, and shows its progress.
///
/// # Errors
///
/// Returns the error that ended the load.
pub async fn perform(
    flags: &LoadFlags,
    star: &StarOptions,
    warehouse: &WarehouseOptions,
    global: &GlobalOptions,
) -> Result<LoadReport> {
    let options = warehouse.load(flags, &global.stores).await?;
    let engine = Engine::new(star.engine)?;
    let prepared = ready(star, &options, &engine, global, false).await?;
    let current = Arc::new(LoadProgress::default());
    let progress = (!global.quiet).then(|| Progress::of_load(&current, draws_progress(global)));
    let outcome = load(&prepared, &options, &current).await;
    drop(progress);
    Ok(outcome?)
}

/// Prints whether Redshift would accept the files, and every statement. Does not connect to the
/// warehouse.
async fn dry_run(
    args: &LoadArgs,
    star: &StarOptions,
    warehouse: &WarehouseOptions,
    global: &GlobalOptions,
) -> Result<()> {
    let options = warehouse.load(&args.flags, &global.stores).await?;
    let engine = Engine::new(star.engine)?;
    let prepared = ready(star, &options, &engine, global, true).await?;
    print(&crate::warehouse::load::dry_run(&prepared, &options)?)
}

/// Opens the star, and checks it as far as possible without a warehouse.
async fn ready(
    star: &StarOptions,
    options: &LoadOptions,
    engine: &Engine,
    global: &GlobalOptions,
    shows_contract: bool,
) -> Result<Prepared> {
    let stores = global.open_stores();
    let place = stores.place(Location::parse_single(star.require_star()?)?).await?;
    if options.access.target.dialect == Dialect::Redshift {
        let contract = contract(&place, &stores, options).await?;
        if shows_contract || !contract.passes() {
            print(&contract.to_string())?;
        }
        contract::ensure_passes(&contract)?;
    }
    Ok(prepare(place, engine, &queries(star.queries.as_deref())?, options).await?)
}

/// Checks the star against the COPY contract before connecting to Redshift.
async fn contract(place: &Place, stores: &Stores, options: &LoadOptions) -> Result<Contract> {
    let region = options.access.target.region().map(str::to_owned);
    let record = RunRecord::require(place).await?;
    let (tables, reading) = (&options.tables, Reading::Footers);
    let mut contract = contract::check(place, &record, stores, tables, region, reading).await?;
    contract::check_statements(&mut contract, place, &record, options)?;
    Ok(contract)
}
