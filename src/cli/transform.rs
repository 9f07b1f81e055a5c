//! `starlift transform`.

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

use futures::TryStreamExt;
use indicatif::HumanCount;

use super::json::{PlannedDataset, TransformPlan, TransformResult};
use super::logging::draws_progress;
use super::output::print;
use super::progress::Progress;
use super::report;
use super::settings::GlobalOptions;
use super::signals::interrupted;
use super::summary;
use crate::cli::error::Result;
use crate::error::Error as StarError;
use crate::escape;
use crate::ingest::{TransformProgress, nothing_found, objects, skipped_kinds};
use crate::model::Dataset;
use crate::pipeline::{
    TransformOptions, TransformReport, list_options, places, queries, transform,
};
use crate::star::{RECORD, RunRecord};
use crate::storage::{ListOptions, Location, Skipped, Stores};

/// Maximum number of objects that a dry run lists by name, per dataset.
const SHOWN_OBJECTS: u64 = 20;

/// Runs a transform and prints its summary. Writes a report on the star to `report_file`, if there is one.
///
/// # Errors
///
/// Returns the error that ended the run, or that of the report; the star is complete then.
pub async fn run(
    options: &TransformOptions,
    report_file: Option<&Path>,
    global: &GlobalOptions,
) -> Result<()> {
    if let Some(file) = report_file {
        report::ensure_possible(file, options).await?;
    }
    let done = run_quietly(options, global).await?;
    if !global.quiet {
        let out = Location::parse_single(&options.out)?.to_string();
        print(&match options.verify {
            true => summary::verified(&done, &out),
            false => described(&done, &out),
        })?;
    }
    let Some(file) = report_file else { return Ok(()) };
    let written = report::of_transform(file, options, global).await?;
    if global.quiet { Ok(()) } else { print(&written) }
}

/// Returns the summary of a run, which can have found the star up to date.
pub(super) fn described(report: &TransformReport, out: &str) -> String {
    match report.is_up_to_date {
        true => summary::up_to_date(report, out),
        false => summary::rejects(report) + &summary::summary(report, out),
    }
}

/// Runs a transform, and prints details only if it fails.
pub(super) async fn run_quietly(
    options: &TransformOptions,
    global: &GlobalOptions,
) -> Result<TransformReport> {
    let star = Location::parse_single(&options.out)?.to_string();
    global.results.set_transform(TransformResult::failed(&star, &options.model));
    let stores = global.open_stores();
    let counters = Arc::new(TransformProgress::default());
    let progress = (!global.quiet).then(|| Progress::start(&counters, draws_progress(global)));
    let outcome = transform(options, &stores, &counters, interrupted()).await;
    drop(progress);
    match outcome {
        Ok(report) => {
            let result = TransformResult::of_report(&report, &star, options.verify)?;
            global.results.set_transform(result);
            Ok(report)
        }
        Err(failure) => {
            if let Some(report) = failure.report {
                let result = TransformResult::of_report(&report, &star, options.verify)?;
                global.results.set_transform(result);
                print_failed(&report, &failure.error)?;
            }
            Err(failure.error.into())
        }
    }
}

/// Prints the findings of a failed run: the rejects, the counts of what was read, or the failed checks.
fn print_failed(report: &TransformReport, error: &StarError) -> Result<()> {
    match error {
        StarError::TooManyRejects { .. } => {
            print(&summary::rejects(report))?;
            print(&summary::reading(report))
        }
        StarError::EmptyDataset { .. } => print(&summary::reading(report)),
        StarError::ChecksFailed { .. } => print(&summary::checks(&report.checks)?),
        _ => Ok(()),
    }
}

/// Prints what a transform would read and write; writes nothing.
///
/// # Errors
///
/// Returns an error if a query file is invalid, an input cannot be listed, the output's record cannot be
/// read, or a dataset has no objects.
pub async fn dry_run(options: &TransformOptions, global: &GlobalOptions) -> Result<()> {
    let stores = global.open_stores();
    queries(&options.model, options.queries.as_deref())?;
    options.validate_inputs()?;
    let listing = list_options(options)?;
    let mut text = String::new();
    let mut plan = TransformPlan::default();
    for dataset in &options.model.datasets {
        let urls = options.locations(dataset);
        let found = would_read(&stores, dataset, urls, listing.clone()).await?;
        if found.planned.objects == 0 && !options.allow_empty {
            let places = places(&stores, urls).await?;
            return Err(nothing_found(dataset, &places, &found.planned.objects_skipped).into());
        }
        text += &found.text;
        plan.datasets.push(found.planned);
    }
    let out = stores.place(Location::parse_single(&options.out)?).await?;
    let _ = writeln!(text, "would write to {out}:");
    for table in &options.model.tables {
        let _ = writeln!(
            text,
            "  {}/<run-id>-NNNNN.parquet and {}.manifest ({})",
            table.name, table.name, table.grain
        );
    }
    let _ = writeln!(
        text,
        "  _inputs/<run-id>.parquet, _rejects/<run-id>.parquet, \
         _manifests/<run-id>-<table>.manifest, {RECORD}"
    );
    let _ = match RunRecord::read(&out).await? {
        Some(previous) => {
            plan.replaces_run_id = Some(previous.run_id.clone());
            let run = escape::line(&previous.run_id);
            writeln!(text, "would replace the star of run {run}")
        }
        None => writeln!(text, "there is no star yet"),
    };
    let result = TransformResult::planned(plan, &out.to_string(), &options.model);
    global.results.set_transform(result);
    print(&text)
}

/// Objects that a transform would read of a dataset.
struct WouldRead {
    planned: PlannedDataset,
    text: String,
}

async fn would_read(
    stores: &Stores,
    dataset: &Dataset,
    urls: &[String],
    listing: ListOptions,
) -> Result<WouldRead> {
    let skipped = Skipped::default();
    let found = objects(places(stores, urls).await?, listing, skipped.clone());
    let mut found = std::pin::pin!(found);
    let (mut count, mut bytes, mut listed) = (0, 0, String::new());
    let mut first_objects = Vec::new();
    while let Some(object) = found.try_next().await? {
        count += 1;
        bytes += object.size;
        if count <= SHOWN_OBJECTS {
            first_objects.push(object.url.to_string());
            let (url, size) = (escape::line(&object.url), summary::bytes(object.size));
            let _ = writeln!(listed, "  {url} ({size})");
        }
    }
    let mut text = format!(
        "would read {} for {}, {}:\n{listed}",
        summary::counted(count, "object"),
        dataset.name,
        summary::bytes(bytes)
    );
    if count > SHOWN_OBJECTS {
        let _ = writeln!(text, "  … and {} more", HumanCount(count - SHOWN_OBJECTS));
    }
    let skipped = skipped.by_kind();
    for kind in skipped_kinds(&skipped, |kind, objects| format!("{objects} {kind}")) {
        let _ = writeln!(text, "  skipped: {}", escape::line(&kind));
    }
    text += &summary::skipped_warning("  ", count, &skipped);
    let planned = PlannedDataset {
        name: dataset.name.clone(),
        objects: count,
        stored_bytes: bytes,
        first_objects,
        objects_skipped: skipped,
    };
    Ok(WouldRead { planned, text })
}
