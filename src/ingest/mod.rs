//! Lists, fetches and decodes objects concurrently into the staging tables.

mod block;
mod blocks;
mod counts;
mod early_stop;
mod file;
mod inputs;
mod large;
#[cfg(feature = "cluster")]
mod listed;
mod pool;
mod progress;
mod read_batch;
mod skipped;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Poll;
use std::time::Instant;

use bytes::Bytes;
use futures::stream::{self, BoxStream, Stream, StreamExt, TryStreamExt};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::decode::{FieldPaths, StagedColumns, rejects_schema};
use crate::error::{Error, Result};
use crate::limits::{MaxRejects, Rejected};
use crate::staging::{LargeTextTable, StagingSpace, StagingTable};
use crate::storage::{InputObject, ListOptions, Place, Skipped, is_excluded, list};

pub use counts::DatasetCounts;
pub(crate) use inputs::InputsBuilder;
pub use inputs::inputs_schema;
#[cfg(feature = "cluster")]
pub(crate) use listed::read_listed;
pub use progress::{Phase, ProgressSnapshot, TransformProgress};
pub use read_batch::ReadObject;
pub use skipped::{nothing_found, skipped_kinds};

use blocks::Buffers;
use early_stop::{EarlyStop, RejectCount};
use pool::{DecoderPool, Sink};
use read_batch::{LARGE_FILES, Reader, WINDOWS_KIB, read_batches};

/// Number of objects read concurrently. At 20 ms per request, 64 of them are 3,200 small objects
/// per second, about what two cores can sign and receive. More would only wait for a core.
const OBJECTS_IN_FLIGHT: usize = 64;

/// Limit on undecoded bytes of remote objects, in KiB: 128 MiB.
const IN_FLIGHT_KIB: usize = 128 * 1024;

/// The staging tables of a run.
pub struct Staging {
    /// The rows of each dataset, in the order of the datasets.
    pub datasets: Vec<Arc<StagingTable>>,
    /// Records that could not be loaded.
    pub rejects: Arc<LargeTextTable>,
    /// One row per object read.
    pub inputs: Arc<StagingTable>,
    stop: Arc<EarlyStop>,
}

impl Staging {
    /// Creates empty tables for the datasets within `space`. A run with more rejects than `max_rejects` fails.
    ///
    /// # Errors
    ///
    /// Returns an error if the schema of rejects lacks the column `raw`, which would be a bug in
    /// starlift.
    pub fn new<'a>(
        space: StagingSpace,
        datasets: impl IntoIterator<Item = &'a StagedColumns>,
        max_rejects: MaxRejects,
    ) -> Result<Staging> {
        let table = |name: &str, schema| Arc::new(StagingTable::new(name, schema, space.clone()));
        let datasets = datasets.into_iter();
        let datasets = datasets.map(|c| table(&c.dataset().table, c.schema().clone())).collect();
        Ok(Staging {
            datasets,
            rejects: Arc::new(LargeTextTable::new(
                "rejects",
                rejects_schema(),
                "raw",
                space.clone(),
            )?),
            inputs: table("inputs", inputs_schema()),
            stop: Arc::new(EarlyStop::new(max_rejects)),
        })
    }

    /// Counts rejects that another process keeps. Returns `true` if the run is certain to fail and enough rejects are
    /// kept, so that reading must stop.
    #[cfg_attr(not(feature = "cluster"), expect(dead_code, reason = "the build has no engine"))]
    pub(crate) fn count_remote_rejects(&self, rejected: Rejected) -> bool {
        self.stop.count_remote(rejected)
    }
}

/// The input of one dataset.
pub struct Input {
    /// Columns to keep.
    pub columns: StagedColumns,
    /// Locations of the objects.
    pub places: Vec<Place>,
    /// Options that select the objects to read.
    pub listing: ListOptions,
    /// `true` if it is not an error to find no objects.
    pub allow_empty: bool,
    /// Paths of the values within a record.
    pub paths: FieldPaths,
    /// Content of the JSONPaths file that defines the paths, if one does.
    pub jsonpaths: Option<Bytes>,
    /// Objects that need not be read; `None` to read all objects.
    pub known: Option<Arc<dyn KnownObjects>>,
}

/// The objects of a dataset that earlier runs have read.
pub trait KnownObjects: Send + Sync {
    /// Returns the number under which a listed object is read, or `None` if it is known and unchanged.
    fn number(&self, object: &InputObject) -> Option<u32>;

    /// Records an object that was read.
    fn record(&self, read: ReadObject);
}

/// Reads all datasets concurrently into `staging`, which must have been created for the same
/// datasets. Returns the counts in the order of `inputs`.
///
/// # Errors
///
/// Returns an error if an object cannot be listed, read or decompressed, if there are no objects
/// and the input does not allow that, or if staged batches cannot be spilled. Records that cannot
/// be loaded are rejects, not errors.
pub async fn ingest(
    inputs: Vec<Input>,
    staging: &Staging,
    threads: usize,
    progress: &Arc<TransformProgress>,
) -> Result<Vec<DatasetCounts>> {
    progress.expect_listings(inputs.len());
    let run = Ingest::new(staging, threads, progress);
    let _stops_when_dropped = run.reader.stop.clone().drop_guard();
    let reads = inputs.into_iter().zip(&staging.datasets);
    futures::future::try_join_all(reads.map(|(input, rows)| run.read_dataset(input, rows))).await
}

struct Ingest<'a> {
    staging: &'a Staging,
    threads: Arc<Semaphore>,
    /// The number of permits of `threads`.
    all_threads: u32,
    reader: Reader,
}

impl<'a> Ingest<'a> {
    fn new(staging: &'a Staging, threads: usize, progress: &Arc<TransformProgress>) -> Ingest<'a> {
        Ingest {
            staging,
            threads: Arc::new(Semaphore::new(threads)),
            all_threads: threads as u32,
            reader: Reader {
                progress: progress.clone(),
                stop: CancellationToken::new(),
                in_flight_kib: Arc::new(Semaphore::new(IN_FLIGHT_KIB)),
                buffers: Buffers::default(),
                large_files: Arc::new(Semaphore::new(LARGE_FILES)),
                windows_kib: Arc::new(Semaphore::new(WINDOWS_KIB)),
            },
        }
    }

    async fn read_dataset(&self, input: Input, rows: &Arc<StagingTable>) -> Result<DatasetCounts> {
        let begun = Instant::now();
        let dataset = input.columns.dataset().clone();
        let (columns, paths) = (input.columns.clone(), input.paths.clone());
        let (pool, rejected) = self.decoders(columns, paths, rows);
        let skipped = Skipped::default();
        let mut counts = DatasetCounts::default();
        let mut inputs = InputsBuilder::default();
        let objects_listed = AtomicU64::new(0);
        let listed = self.list(&input, skipped.clone(), &objects_listed);
        let is_stopped = AtomicBool::new(false);
        let mut read = Box::pin(
            read_batches(listed)
                .map_ok(|batch| self.reader.read(batch, &pool))
                .try_buffer_unordered(OBJECTS_IN_FLIGHT)
                // This future is polled before the readers, which fail once reading has been
                // stopped.
                .take_until(async {
                    self.staging.stop.reached().await;
                    is_stopped.store(true, Ordering::Relaxed);
                }),
        );
        while let Some(objects) = read.try_next().await? {
            for read in objects {
                counts.add(read.object.size, &read.counts, read.notes.clone());
                self.stage_input(&dataset.name, &read, &mut inputs)?;
                input.known.iter().for_each(|known| known.record(read.clone()));
            }
        }
        drop(read);
        counts.is_partial = is_stopped.into_inner();
        if let Some(batch) = inputs.flush()? {
            self.staging.inputs.push(batch)?;
        }
        counts.objects_listed = objects_listed.load(Ordering::Relaxed);
        counts.skipped = skipped.by_kind();
        if counts.is_partial {
            self.stop_reading().await;
        } else if counts.objects_listed == 0 && !input.allow_empty {
            return Err(nothing_found(&dataset, &input.places, &counts.skipped));
        }
        pool.finish()?;
        if counts.is_partial {
            counts.count_staged(rows, rejected.total());
        }
        counts.elapsed = begun.elapsed();
        Ok(counts)
    }

    /// Adds the row of an object to the table of inputs.
    fn stage_input(
        &self,
        dataset: &str,
        read: &ReadObject,
        inputs: &mut InputsBuilder,
    ) -> Result<()> {
        let ReadObject { object, counts, .. } = read;
        let (url, etag) = (&object.url, object.etag.as_deref());
        if let Some(batch) = inputs.append(dataset, url, object.size, etag, counts)? {
            self.staging.inputs.push(batch)?;
        }
        Ok(())
    }

    /// Creates the decoders of a dataset. They count the rejects that they stage.
    fn decoders(
        &self,
        columns: StagedColumns,
        paths: FieldPaths,
        rows: &Arc<StagingTable>,
    ) -> (DecoderPool, Arc<RejectCount>) {
        let rejected: Arc<RejectCount> = Arc::default();
        let sink = Sink {
            rows: rows.clone(),
            rejects: self.staging.rejects.clone(),
            rejected: rejected.clone(),
            stop: self.staging.stop.clone(),
        };
        (
            DecoderPool::new(columns, paths, sink, self.threads.clone(), self.all_threads as usize),
            rejected,
        )
    }

    /// Lists the objects to read, and reports them as progress. Counts all objects in `objects_listed`.
    fn list(
        &self,
        input: &Input,
        skipped: Skipped,
        objects_listed: &AtomicU64,
    ) -> impl Stream<Item = Result<InputObject>> {
        let known = input.known.clone();
        objects(input.places.clone(), input.listing.clone(), skipped)
            .try_filter_map(move |mut object| {
                objects_listed.fetch_add(1, Ordering::Relaxed);
                let number = known.as_ref().map_or(Some(0), |known| known.number(&object));
                futures::future::ok(number.map(|number| {
                    object.number = number;
                    object
                }))
            })
            .inspect_ok(move |object| self.reader.progress.listed(object.size))
            .chain(stream::poll_fn(move |_| {
                self.reader.progress.listing_done();
                Poll::Ready(None)
            }))
    }

    /// Cancels the reading of local files and waits until all decoders are idle.
    async fn stop_reading(&self) {
        self.reader.stop.cancel();
        // Cannot fail: the semaphore is never closed.
        let _ = self.threads.acquire_many(self.all_threads).await;
    }
}

/// Lists the objects of all `places`, each once even if the places overlap. If there are several
/// places, one without objects is an error unless the options allow it: it is probably mistyped or
/// not mounted.
pub fn objects(
    places: Vec<Place>,
    options: ListOptions,
    skipped: Skipped,
) -> impl Stream<Item = Result<InputObject>> {
    let overlap = places.len() > 1;
    let mut seen = HashSet::new();
    let options = Arc::new(options);
    stream::iter(places)
        .then(move |place| {
            let (options, skipped) = (options.clone(), skipped.clone());
            async move {
                if is_excluded(&place, &options) {
                    skipped.count_excluded();
                    return Ok(stream::empty().boxed());
                }
                let typed = place.location.typed.clone();
                let may_be_empty = !overlap || options.allow_empty;
                let listed = list(place, &options, skipped).await?.map_err(Error::from);
                Ok::<_, Error>(if may_be_empty { listed.boxed() } else { not_empty(listed, typed) })
            }
        })
        .try_flatten()
        .try_filter(move |object| {
            let new = !overlap || seen.insert(object.identity());
            futures::future::ready(new)
        })
}

/// Streams the objects of a location, followed by an error if there were none.
fn not_empty(
    objects: impl Stream<Item = Result<InputObject>> + Send + 'static,
    typed: String,
) -> BoxStream<'static, Result<InputObject>> {
    let found = Arc::new(AtomicU64::new(0));
    let counted = found.clone();
    let counting = objects.inspect(move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
    });
    let end = stream::once(async move {
        match found.load(Ordering::Relaxed) {
            0 => Err(Error::NothingFound(format!(
                "{typed} names no object to read, although other locations do; correct it, leave it \
                 out, or allow it with --allow-empty"
            ))),
            _ => Ok(None),
        }
    });
    let end = end.try_filter_map(futures::future::ok);
    counting.chain(end).boxed()
}
