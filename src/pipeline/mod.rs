//! The transform: reads JSON objects and publishes a star.
//!
//! [`transform`] reads and decodes the objects ([`crate::ingest`]), runs the star queries
//! ([`mod@crate::transform`]), then writes and publishes the result ([`crate::publish`]).

mod accounting;
mod checked;
mod empty_datasets;
mod incremental;
mod listing;
mod lists;
mod locality;
mod options;
mod private;
mod recorded;
mod rejects;
mod remote;
mod report;
mod run;
mod tables;
#[cfg(test)]
mod tests;
mod touched;
mod touched_checks;
mod up_to_date;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use crate::decode::{FieldPaths, StagedColumns, parse_jsonpaths};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ingest::{Input, Phase, TransformProgress};
use crate::model::{Dataset, Model};
use crate::publish::Publication;
use crate::star::{Group, Queries, RunRecord};
use crate::storage::{ListOptions, Location, Place, Stores};
use crate::transform::{ENCODING, RequiredColumns, required_columns};

pub use listing::list_options;
use locality::Locality;
pub use options::TransformOptions;
pub use remote::{RemoteDataset, RemoteEngine, RemoteRun, RemoteRunOptions};
pub use report::{TransformFailure, TransformReport};
pub use up_to_date::find_up_to_date;

use run::{AccountingQueries, Prepared, Run};

/// Runs the transform and publishes the star.
///
/// If the run fails or `stop` resolves before publishing starts, nothing is published and the files that it
/// has written are removed.
///
/// # Errors
///
/// Returns the error that ended the run, with the report if the run got far enough to have one. The previous
/// star stays in place unless the error occurs while or after the new one is published.
pub async fn transform(
    options: &TransformOptions,
    stores: &Stores,
    progress: &Arc<TransformProgress>,
    stop: impl Future<Output = ()>,
) -> Result<TransformReport, TransformFailure> {
    options.validate_inputs()?;
    let validated = ValidatedInputs::new(options, stores).await?;
    let engine = Engine::new(options.engine)?;
    let out = place(stores, &options.out).await?;
    let (lock, file_bytes) = (options.lock, options.file_bytes);
    let tables = options.model.tables.iter().map(|table| table.name.clone()).collect();
    let publication = Publication::begin(out, tables, lock, file_bytes, engine.threads).await?;
    let last_reader = validated.last_reader.as_deref();
    let mut run = Run::new(options, &engine, &publication, &validated.queries, progress);
    run.locality = validated.locality;
    run.reads = validated.reads;
    let prepared = tokio::select! {
        prepared = run.prepare(validated.inputs, &validated.accounting, last_reader) => prepared,
        () = stop => Err(Error::Interrupted),
        error = publication.lost() => Err(error),
    };
    if let Some(remote) = &run.remote {
        remote.cancel().await;
    }
    let prepared = prepared.and_then(|prepared| run.verified(prepared));
    let mut report = run.report;
    let failed = |error, report| Err(TransformFailure { error, report: Some(Box::new(report)) });
    match prepared {
        Ok(Prepared::Star(record)) => publish(options, publication, progress, report, record).await,
        Ok(Prepared::UpToDate) => {
            report.record = publication.base().cloned();
            report.is_up_to_date = true;
            let repaired = if options.verify { Ok(()) } else { publication.repair().await };
            publication.discard().await;
            match repaired {
                Ok(()) => Ok(report),
                Err(error) => failed(error, report),
            }
        }
        Err(error) => {
            match error {
                Error::StarDiffers { .. } => publication.discard().await,
                _ => publication.rollback().await,
            }
            failed(error, report)
        }
    }
}

/// Publishes a star. This must not be interrupted: the files that a published record names must not be removed.
async fn publish(
    options: &TransformOptions,
    publication: Publication,
    progress: &TransformProgress,
    mut report: TransformReport,
    mut record: Box<RunRecord>,
) -> Result<TransformReport, TransformFailure> {
    progress.enter(Phase::Publishing);
    let begun = Instant::now();
    if let Err(error) = publication.complete(&mut record, options.keep).await {
        return Err(TransformFailure { error, report: Some(Box::new(report)) });
    }
    report.timed("publish", begun, None);
    report.record = Some(*record);
    Ok(report)
}

/// The validated inputs and queries of a run. It is created before any input object is read and before the
/// output is changed.
struct ValidatedInputs {
    /// In the order of the datasets of the model.
    inputs: Vec<Input>,
    queries: Queries,
    accounting: AccountingQueries,
    /// The last star table whose query reads a staging table.
    last_reader: Option<String>,
    /// Names of the tables that each query of an intermediate or star table reads.
    reads: BTreeMap<String, BTreeSet<String>>,
    locality: Option<Locality>,
}

impl ValidatedInputs {
    async fn new(options: &TransformOptions, stores: &Stores) -> Result<ValidatedInputs> {
        let queries = queries(&options.model, options.queries.as_deref())?;
        let needs = required_columns(&queries, options.rules).await?;
        let locality = Locality::of(&options.model, &needs);
        let locality = locality
            .filter(|locality| !needs.has_staged_rates && is_additive(&queries, &needs, locality));
        let listing = list_options(options)?;
        let mut inputs = Vec::new();
        for columns in needs.datasets {
            inputs.push(input(options, stores, columns, &listing).await?);
        }
        let (last_reader, reads) = (needs.last_reader, needs.reads);
        let accounting =
            AccountingQueries { staged: needs.staged_accounting, star: needs.star_accounting };
        Ok(ValidatedInputs { inputs, queries, accounting, last_reader, reads, locality })
    }
}

/// Returns `true` if the headers of all accounting queries on staging tables, and of all lists that read the dataset
/// of the days, state that their counts are the sums of those of the days.
fn is_additive(queries: &Queries, needs: &RequiredColumns, locality: &Locality) -> bool {
    let is_staged = |name: &String| needs.staged_accounting.contains(name) || name == ENCODING;
    let staged = queries.of(Group::Accounting).filter(|query| is_staged(&query.name));
    let lists = queries.of(Group::List).filter(|query| locality.lists.contains(&query.name));
    staged.chain(lists).all(|query| query.header_entry("Additive").is_some())
}

/// Returns the queries of a model, with those of `folder` as replacements and additions.
///
/// # Errors
///
/// Returns the errors of [`Queries::with_folder`].
pub fn queries(model: &Arc<Model>, folder: Option<&std::path::Path>) -> Result<Queries> {
    let queries = Queries::of_model(model.clone());
    match folder {
        Some(folder) => queries.with_folder(folder),
        None => Ok(queries),
    }
}

async fn input(
    options: &TransformOptions,
    stores: &Stores,
    columns: StagedColumns,
    listing: &ListOptions,
) -> Result<Input> {
    let dataset = columns.dataset();
    let places = places(stores, options.locations(dataset)).await?;
    let (paths, jsonpaths) = match options.jsonpaths.get(&dataset.name) {
        None => (FieldPaths::of(dataset), None),
        Some(url) => {
            let (paths, file) = read_jsonpaths(stores, dataset, url).await?;
            (paths, Some(file))
        }
    };
    let (listing, allow_empty) = (listing.clone(), options.allow_empty);
    Ok(Input { columns, places, listing, allow_empty, paths, jsonpaths, known: None })
}

/// Reads a JSONPaths file. Returns the paths and the content of the file.
async fn read_jsonpaths(
    stores: &Stores,
    dataset: &Dataset,
    url: &str,
) -> Result<(FieldPaths, Bytes)> {
    let place = stores.place(Location::parse_object(url)?).await?;
    let file = place.read().await?;
    let file = file.ok_or_else(|| Error::NothingFound(format!("no JSONPaths file at {place}")))?;
    let paths = parse_jsonpaths(dataset, &file)
        .map_err(|source| Error::JsonPaths { url: place.to_string(), source })?;
    Ok((paths, file))
}

/// Opens the place that a path or URL names, such as that of a star.
///
/// # Errors
///
/// Returns an error if the location is invalid or a glob, or its store cannot be opened.
pub async fn place(stores: &Stores, url: &str) -> Result<Place> {
    Ok(stores.place(Location::parse_single(url)?).await?)
}

/// Opens the places that URLs name, for example to list the objects that a run would read.
///
/// # Errors
///
/// Returns an error if a URL is invalid or its store cannot be opened.
pub async fn places(stores: &Stores, urls: &[String]) -> Result<Vec<Place>> {
    let mut places = Vec::new();
    for url in urls {
        places.push(stores.place(Location::parse(url)?).await?);
    }
    Ok(places)
}
