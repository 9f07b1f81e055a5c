//! Detects whether the star at the output is up to date, so that a transform would not change it.

use arrow::array::{Array, AsArray};
use arrow::datatypes::Int64Type;
use futures::TryStreamExt;
use xxhash_rust::xxh3::xxh3_128;

use super::listing::list_options;
use super::options::TransformOptions;
use super::places;
use super::recorded::run_options;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ingest::objects;
use crate::model::Model;
use crate::publish::repair_manifests;
use crate::star::register_star;
use crate::star::{ModelRecord, RunRecord};
use crate::storage::{Location, Place, Skipped, Stores};

/// A fingerprint of a set of inputs that does not depend on their order: their number and the sum of their
/// hashes.
#[derive(Debug, Default, PartialEq, Eq)]
struct Inputs {
    count: u64,
    hashes: u128,
}

impl Inputs {
    fn add(&mut self, dataset: &str, url: &str, size: u64, etag: &str) {
        let hash = xxh3_128(format!("{dataset}\0{url}\0{size}\0{etag}").as_bytes());
        self.count += 1;
        self.hashes = self.hashes.wrapping_add(hash);
    }
}

/// Returns the record of the star at the output if the star is up to date: the same version of starlift
/// built it with the same model and options from the same objects (by URL, size and ETag).
///
/// Returns `None` if the star differs or if this cannot be determined: the user's own queries or JSONPaths
/// files may have changed, or the store returns no ETags. If the star is up to date but a killed run has
/// left manifests of another star, they are rewritten.
///
/// # Errors
///
/// Returns an error if the inputs cannot be listed, the record at the output cannot be read, or its
/// manifests cannot be repaired.
pub async fn find_up_to_date(
    options: &TransformOptions,
    stores: &Stores,
    engine: &Engine,
) -> Result<Option<RunRecord>> {
    if options.queries.is_some() || !options.jsonpaths.is_empty() {
        return Ok(None);
    }
    let out = stores.place(Location::parse_single(&options.out)?).await?;
    let Some(record) = RunRecord::read(&out).await? else { return Ok(None) };
    let is_same = record.version == env!("CARGO_PKG_VERSION")
        && record.model == Some(ModelRecord::from(&*options.model))
        && record.options == run_options(options);
    if !is_same {
        return Ok(None);
    }
    let Some(listed) = listed(options, stores).await? else { return Ok(None) };
    match recorded(&out, &record, &options.model, engine).await {
        Ok(recorded) if listed != recorded => return Ok(None),
        Ok(_) => {}
        Err(error) => {
            tracing::info!(%error, "the existing star cannot be read; building it again");
            return Ok(None);
        }
    }
    Ok(repair_manifests(&out, &record, options.lock).await?.then_some(record))
}

async fn listed(options: &TransformOptions, stores: &Stores) -> Result<Option<Inputs>> {
    let mut inputs = Inputs::default();
    for dataset in &options.model.datasets {
        let places = places(stores, options.locations(dataset)).await?;
        let found = objects(places, list_options(options)?, Skipped::default());
        let mut found = std::pin::pin!(found);
        while let Some(object) = found.try_next().await? {
            let Some(etag) = &object.etag else { return Ok(None) };
            inputs.add(&dataset.name, &object.url, object.size, etag);
        }
    }
    Ok(Some(inputs))
}

async fn recorded(
    out: &Place,
    record: &RunRecord,
    model: &Model,
    engine: &Engine,
) -> Result<Inputs> {
    let failed = |e| Error::query("inputs", e);
    let session = engine.session();
    register_star(&session, out, record, model).await?;
    let rows = session.sql("SELECT dataset, url, etag, size FROM inputs").await.map_err(failed)?;
    let mut rows = rows.execute_stream().await.map_err(failed)?;
    let mut inputs = Inputs::default();
    while let Some(batch) = rows.try_next().await.map_err(failed)? {
        let text = |i: usize| batch.column(i).as_string::<i32>();
        let (dataset, url, etag) = (text(0), text(1), text(2));
        let size = batch.column(3).as_primitive::<Int64Type>();
        for row in 0..batch.num_rows() {
            // A missing ETag never equals that of a listed object.
            let etag = if etag.is_null(row) { "" } else { etag.value(row) };
            inputs.add(dataset.value(row), url.value(row), size.value(row) as u64, etag);
        }
    }
    Ok(inputs)
}
