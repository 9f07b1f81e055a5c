//! `starlift run`: transform, check, load, verify.

use super::args::RunArgs;
use super::json::{LoadResult, TransformResult, Verification};
use super::output::print;
use super::settings::WarehouseOptions;
use super::settings::{GlobalOptions, StarOptions};
use super::signals::{interrupted, unless_interrupted};
use super::{load, report, summary, transform, verify};
use crate::cli::error::{Error, Result};
use crate::engine::Engine;
use crate::escape;
use crate::pipeline::{TransformOptions, find_up_to_date};
use crate::star::RunRecord;
use crate::storage::Location;

/// Builds the star, loads it, verifies the tables, and prints one summary. Skips the transform or the
/// load if an earlier run has completed it.
///
/// # Errors
///
/// Returns the error of the first step that fails; the results of earlier steps are kept.
pub async fn run(
    args: &RunArgs,
    options: &TransformOptions,
    warehouse: &WarehouseOptions,
    global: &GlobalOptions,
) -> Result<()> {
    let star = StarOptions {
        star: Some(options.out.clone()),
        model: options.model.clone(),
        queries: options.queries.clone(),
        engine: options.engine,
    };
    if options.verify {
        let reason =
            "--verify publishes nothing that could be loaded; use `starlift transform --verify`";
        return Err(Error::Usage(reason.to_owned()));
    }
    if args.transform.dry_run {
        transform::dry_run(options, global).await?;
        let WarehouseOptions { target, schema, .. } = warehouse;
        global.results.set_load(LoadResult::planned(target.to_string(), schema));
        return print(&format!("would load the star into {target} schema {schema}\n"));
    }
    let report_file = args.transform.report.as_deref();
    if let Some(file) = report_file {
        report::ensure_possible(file, options).await?;
    }
    let mut text = build_star(options, global).await?;
    let outcome = tokio::select! {
        outcome = load_and_verify(&mut text, args, &star, warehouse, global) => outcome,
        // The warehouse rolls back uncommitted work.
        () = interrupted() => Err(Error::LoadInterrupted),
    };
    // A failed load leaves the star complete, and the report is on the star.
    let reported = match report_file {
        Some(file) => report::of_transform(file, options, global).await.map(|line| text += &line),
        None => Ok(()),
    };
    // Report completed steps even if a later step failed: their results are kept.
    if !global.quiet {
        print(&text)?;
    }
    outcome.and(reported)
}

async fn load_and_verify(
    text: &mut String,
    args: &RunArgs,
    star: &StarOptions,
    warehouse: &WarehouseOptions,
    global: &GlobalOptions,
) -> Result<()> {
    let report = load::perform(&args.flags, star, warehouse, global).await?;
    *text += &summary::load(&report, &warehouse.target.to_string(), &warehouse.schema);
    let error = match verify::run(star, warehouse, global).await {
        Ok(verified) => {
            *text += &verify::described(&verified);
            global.results.set_verification(verified);
            return Ok(());
        }
        Err(error) => error,
    };
    // The load compared the tables with the files before it published them, so it is not an error if
    // another load or run has replaced the tables or the star since.
    match verify::successor(&report, star, warehouse, global).await {
        Ok(Some(successor)) => {
            tracing::debug!(%error, "the verification failed because of another load or run");
            let replaced_by = Some(successor.clone());
            global
                .results
                .set_verification(Verification { replaced_by, ..Verification::default() });
            *text += &format!("warehouse not verified again: {}\n", escape::line(&successor));
            Ok(())
        }
        _ => Err(error),
    }
}

/// Builds the star unless it is up to date, and returns the summary.
async fn build_star(options: &TransformOptions, global: &GlobalOptions) -> Result<String> {
    let out = Location::parse_single(&options.out)?.to_string();
    // An incremental run determines this itself, without another listing.
    if options.incremental.is_none()
        && let Some(record) = up_to_date(options, global).await?
    {
        let result = TransformResult::up_to_date(&record, &out, &options.model);
        global.results.set_transform(result);
        return Ok(summary::not_built(&record, &out));
    }
    let report = transform::run_quietly(options, global).await?;
    Ok(transform::described(&report, &out))
}

/// Returns the record of the star if it is up to date.
async fn up_to_date(
    options: &TransformOptions,
    global: &GlobalOptions,
) -> Result<Option<RunRecord>> {
    let stores = global.open_stores();
    let engine = Engine::new(options.engine)?;
    let record = find_up_to_date(options, &stores, &engine);
    unless_interrupted(record, crate::error::Error::Interrupted).await
}
