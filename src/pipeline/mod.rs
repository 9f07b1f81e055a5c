//! The main job: JSON objects in, a published star out.
//!
//! [`transform`] goes one way: read and decode ([`crate::ingest`]), run the star queries
//! ([`crate::star`]), write and publish ([`crate::publish`]).

mod current;
mod empty;
mod listing;
mod options;
mod private;
mod rejects;
mod report;
mod run;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Instant;

use crate::decode::{Dataset, Shape, StagedColumns, parse_jsonpaths};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ingest::{Input, Meter, Stage};
use crate::publish::{Publication, Published};
use crate::star::{Queries, staged_needs};
use crate::storage::{ListOptions, Location, Place, Stores};

pub use current::current_star;
pub use listing::list_options;
pub use options::TransformOptions;
pub use report::{Failure, Report};

use run::Run;

/// Runs the transform until `stop` resolves; then, or when it fails, nothing is published and what
/// it has written is removed.
///
/// # Errors
///
/// Whatever ends the run; the star that was there before is then still there.
pub async fn transform(
    options: &TransformOptions,
    stores: &Stores,
    meter: &Arc<Meter>,
    stop: impl Future<Output = ()>,
) -> Result<Report, Failure> {
    let plan = Plan::new(options, stores).await?;
    let engine = Engine::new(options.engine)?;
    let out = stores.place(Location::parse_single(&options.out)?).await?;
    let (lock, file_bytes) = (options.lock, options.file_bytes);
    let publication = Publication::begin(out, lock, file_bytes, engine.threads).await?;
    let mut run = Run::new(options, &engine, &publication, &plan.queries, meter);
    let prepared = tokio::select! {
        prepared = run.prepare(plan.songs, plan.logs, plan.last_reader) => prepared,
        () = stop => Err(Error::Interrupted),
        error = publication.lost() => Err(error),
    };
    let mut report = run.report;
    let failed = |error, report| Err(Failure { error, report: Some(Box::new(report)) });
    let record = match prepared {
        Ok(record) => record,
        Err(error) => {
            publication.abandon().await;
            return failed(error, report);
        }
    };
    // From here on nothing may interrupt: a record that names files must find them.
    meter.enter(Stage::Publishing);
    let begun = Instant::now();
    let copies = match publication.publish(&record).await {
        Published::Yes(copies) => copies,
        Published::No(error) => {
            publication.abandon().await;
            return failed(error, report);
        }
        Published::Unknown(error) => {
            publication.leave().await;
            return failed(error, report);
        }
    };
    if let Err(error) = publication.end(&record, copies).await {
        return failed(error, report);
    }
    report.timed("publish", begun, None);
    report.record = Some(record);
    Ok(report)
}

/// Everything that can be refused before anything is touched.
struct Plan {
    songs: Input,
    logs: Input,
    queries: Queries,
    /// The last star table whose query reads what is staged.
    last_reader: Option<&'static str>,
}

impl Plan {
    async fn new(options: &TransformOptions, stores: &Stores) -> Result<Plan> {
        let queries = queries(options.queries.as_deref())?;
        let needs = staged_needs(&queries, options.rules).await?;
        let listing = list_options(options)?;
        let input = async |columns, urls, jsonpaths| {
            let input = input(stores, columns, urls, jsonpaths, listing.clone()).await?;
            Ok::<_, Error>(Input { allow_none: options.allow_empty, ..input })
        };
        Ok(Plan {
            songs: input(needs.songs, &options.songs, &options.song_jsonpaths).await?,
            logs: input(needs.events, &options.logs, &options.log_jsonpaths).await?,
            queries,
            last_reader: needs.last_reader,
        })
    }
}

/// The built-in queries, or those with a folder's in their place.
///
/// # Errors
///
/// As [`Queries::with_folder`].
pub fn queries(folder: Option<&std::path::Path>) -> Result<Queries> {
    folder.map_or_else(|| Ok(Queries::built_in()), Queries::with_folder)
}

async fn input(
    stores: &Stores,
    columns: StagedColumns,
    urls: &[String],
    jsonpaths: &Option<String>,
    listing: ListOptions,
) -> Result<Input> {
    let dataset = columns.dataset();
    let places = places(stores, urls).await?;
    let shape = match jsonpaths {
        None => Shape::by_key(dataset),
        Some(url) => read_jsonpaths(stores, dataset, url).await?,
    };
    Ok(Input { columns, places, listing, allow_none: false, shape })
}

async fn read_jsonpaths(stores: &Stores, dataset: Dataset, url: &str) -> Result<Shape> {
    let place = stores.place(Location::parse_object(url)?).await?;
    let file = place.read().await?;
    let file = file.ok_or_else(|| Error::NothingFound(format!("no JSONPaths file at {place}")))?;
    parse_jsonpaths(dataset, &file)
        .map_err(|source| Error::JsonPaths { url: place.to_string(), source })
}

/// The places that URLs name, for whoever wants to list what a run would read.
///
/// # Errors
///
/// If one cannot be understood or its store not be opened.
pub async fn places(stores: &Stores, urls: &[String]) -> Result<Vec<Place>> {
    let mut places = Vec::new();
    for url in urls {
        places.push(stores.place(Location::parse(url)?).await?);
    }
    Ok(places)
}
