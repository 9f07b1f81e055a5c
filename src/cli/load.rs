//! `starlift load`.

use std::sync::Arc;

use super::args::{LoadArgs, LoadFlags};
use super::json::LoadResult;
use super::logging::draws_progress;
use super::output::{plain, print};
use super::progress::Progress;
use super::settings::WarehouseOptions;
use super::settings::{GlobalOptions, StarOptions};
use super::signals::unless_interrupted;
use super::summary;
use crate::cli::error::{Error, Result};
use crate::engine::Engine;
use crate::pipeline::{place, queries};
use crate::star::RunRecord;
use crate::warehouse::Dialect;
use crate::warehouse::load::{
    LoadOptions, LoadReport, Prepared, check_contract, ensure_passes, load, prepare,
};
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
    let (target, schema) = (warehouse.target.to_string(), &warehouse.schema);
    global.results.set_load(LoadResult::failed(target.clone(), schema));
    let options = warehouse.load(flags, &global.stores).await?;
    let engine = Engine::new(star.engine)?;
    let prepared = open_and_check(star, &options, &engine, global, false).await?;
    let counters = Arc::new(LoadProgress::default());
    let progress = (!global.quiet).then(|| Progress::of_load(&counters, draws_progress(global)));
    let outcome = load(&prepared, &options, &counters).await;
    drop(progress);
    let report = outcome?;
    global.results.set_load(LoadResult::of_report(&report, target, schema));
    Ok(report)
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
    let prepared = open_and_check(star, &options, &engine, global, true).await?;
    prepared.ensure_checked().await?;
    let statements = crate::warehouse::load::dry_run(&prepared, &options)?;
    let result = LoadResult::planned(warehouse.target.to_string(), &warehouse.schema);
    global.results.set_load(result.with_plan(plain(&statements)));
    print(&statements)
}

/// Opens the star, and checks it as far as possible without a warehouse.
async fn open_and_check(
    star: &StarOptions,
    options: &LoadOptions,
    engine: &Engine,
    global: &GlobalOptions,
    shows_contract: bool,
) -> Result<Prepared> {
    let stores = global.open_stores();
    let place = place(&stores, star.require_star()?).await?;
    if options.access.target.dialect == Dialect::Redshift {
        let record = RunRecord::require_of(&place, &star.model).await?;
        let contract = check_contract(&place, &star.model, &record, &stores, options).await?;
        if shows_contract || !contract.passes() {
            print(&contract.to_string())?;
        }
        ensure_passes(contract)?;
    }
    let queries = queries(&star.model, star.queries.as_deref())?;
    Ok(prepare(place, engine, &queries, options).await?)
}
