//! Reads objects that another process has listed.

use std::sync::Arc;

use futures::stream::{self, TryStreamExt};

use super::read_batch::{ReadObject, read_batches};
use super::{Ingest, OBJECTS_IN_FLIGHT, Staging, TransformProgress};
use crate::decode::{FieldPaths, StagedColumns};
use crate::error::Result;
use crate::storage::InputObject;

/// Reads objects of one dataset into the first table of `staging`, and their rejects. Returns the objects with their
/// counts, in the order in which they were read.
///
/// # Errors
///
/// Returns an error if an object cannot be read or decompressed, or if staged batches cannot be spilled.
pub(crate) async fn read_listed(
    columns: StagedColumns,
    paths: FieldPaths,
    objects: Vec<InputObject>,
    staging: &Staging,
    threads: usize,
) -> Result<Vec<ReadObject>> {
    let Some(rows) = staging.datasets.first() else { return Ok(Vec::new()) };
    let progress = Arc::new(TransformProgress::default());
    let run = Ingest::new(staging, threads, &progress);
    let _stops_when_dropped = run.reader.stop.clone().drop_guard();
    let (pool, _) = run.decoders(columns, paths, rows);
    let read: Vec<Vec<ReadObject>> = read_batches(stream::iter(objects.into_iter().map(Ok)))
        .map_ok(|batch| run.reader.read(batch, &pool))
        .try_buffer_unordered(OBJECTS_IN_FLIGHT)
        .try_collect()
        .await?;
    pool.finish()?;
    Ok(read.into_iter().flatten().collect())
}
