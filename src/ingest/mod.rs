//! Reading: objects are listed, fetched and decoded side by side; the staging tables hold what
//! came of them.

mod early_stop;
mod file;
mod inputs;
mod meter;
mod passed;
mod pool;
mod unit;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use futures::stream::{self, BoxStream, Stream, StreamExt, TryStreamExt};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::decode::{Dataset, Shape, StagedColumns, Times, rejects_schema};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::limits::{MaxRejects, Rejected};
use crate::stage::{AsideTable, StagingTable};
use crate::storage::{InputObject, ListOptions, Place, Skipped, is_read_apart, list};

pub use inputs::inputs_schema;
pub use meter::{Meter, Reading, Stage};
pub use passed::{nothing_found, passed_over};

use early_stop::EarlyStop;
use inputs::InputsBuilder;
use pool::{DecoderPool, Sink};
use unit::{ReadObject, Reader, WINDOWS_KIB, units};

/// Objects under way at once. At 20 ms a request, 64 of them are 3,200 small objects a second,
/// which is about what two cores can sign and receive; more would only queue there.
const OBJECTS_IN_FLIGHT: usize = 64;

/// Kibibytes of remote objects that may wait for decoding: 128 MiB.
const IN_FLIGHT_KIB: usize = 128 * 1024;

/// The staging tables of a run.
pub struct Staging {
    /// Song records.
    pub songs: Arc<StagingTable>,
    /// Events.
    pub events: Arc<StagingTable>,
    /// Records that could not be taken.
    pub rejects: Arc<AsideTable>,
    /// The objects read.
    pub inputs: Arc<StagingTable>,
    stop: Arc<EarlyStop>,
}

impl Staging {
    /// Empty tables for `songs` and `events` within the engine's room. A run with more rejects than
    /// `max_rejects` fails.
    ///
    /// # Errors
    ///
    /// If the schema of rejects lacks the column `raw`, which would be a defect of starlift.
    pub fn new(
        engine: &Engine,
        songs: &StagedColumns,
        events: &StagedColumns,
        max_rejects: MaxRejects,
    ) -> Result<Staging> {
        let space = engine.staging_space();
        let table = |name, schema| Arc::new(StagingTable::new(name, schema, space.clone()));
        Ok(Staging {
            songs: table(Dataset::Songs.table(), songs.schema().clone()),
            events: table(Dataset::Events.table(), events.schema().clone()),
            rejects: Arc::new(AsideTable::new("rejects", rejects_schema(), "raw", space.clone())?),
            inputs: table("inputs", inputs_schema()),
            stop: Arc::new(EarlyStop::new(max_rejects)),
        })
    }

    fn of(&self, dataset: Dataset) -> &Arc<StagingTable> {
        match dataset {
            Dataset::Songs => &self.songs,
            Dataset::Events => &self.events,
        }
    }
}

/// What to read for one dataset.
pub struct Input {
    /// The columns of it that are wanted.
    pub columns: StagedColumns,
    /// Where its objects are.
    pub places: Vec<Place>,
    /// Which of the objects there are data.
    pub listing: ListOptions,
    /// Whether there may be no objects at all.
    pub allow_none: bool,
    /// Where its values are within a record.
    pub shape: Shape,
}

/// What was read for one dataset.
#[derive(Debug, Clone, Default)]
pub struct DatasetCounts {
    /// Objects that listing found.
    pub objects_listed: u64,
    /// Objects read.
    pub objects_read: u64,
    /// Their bytes, as stored.
    pub stored_bytes: u64,
    /// Their bytes after decompression.
    pub bytes: u64,
    /// Records that became rows.
    pub decoded: u64,
    /// Records that were rejected.
    pub rejected: u64,
    /// Bytes of the rejects.
    pub rejected_bytes: u64,
    /// Bytes of rejects that may hold more than one record.
    pub uncertain_bytes: u64,
    /// An estimate of the records in those bytes.
    pub uncertain_records: u64,
    /// True if reading stopped before the end because of too many rejects. The counts of records are then
    /// those of the part that was read.
    pub is_partial: bool,
    /// Objects passed over, by suffix or by kind.
    pub skipped: BTreeMap<String, u64>,
    /// Keys that no column is filled from, with the number of records they were in.
    pub unknown_keys: BTreeMap<String, u64>,
    /// The plausibility of the times.
    pub times: Times,
    /// Texts that were encoded to UTF-8 twice, in columns that hardly repeat their texts.
    pub encoded_twice: u64,
    /// The bytes of the longest text.
    pub longest_text: usize,
    /// How long it took.
    pub elapsed: Duration,
}

impl DatasetCounts {
    /// Records read.
    pub fn records(&self) -> u64 {
        self.decoded + self.rejected
    }

    /// The rejects among them.
    pub fn rejects(&self) -> Rejected {
        Rejected {
            records: self.rejected,
            bytes: self.rejected_bytes,
            uncertain: self.uncertain_records,
        }
    }
}

/// Reads both datasets side by side into `staging`.
///
/// # Errors
///
/// If an object cannot be listed, read or decompressed, if there is none, or if staged batches
/// cannot be spilled. Records that cannot be taken are rejects, not errors.
pub async fn ingest(
    songs: Input,
    events: Input,
    staging: &Staging,
    threads: usize,
    meter: &Arc<Meter>,
) -> Result<(DatasetCounts, DatasetCounts)> {
    let stop = CancellationToken::new();
    let _stops_when_dropped = stop.clone().drop_guard();
    let run = Ingest {
        staging,
        threads: Arc::new(Semaphore::new(threads)),
        all_threads: threads as u32,
        reader: Reader {
            meter: meter.clone(),
            stop,
            in_flight_kib: Arc::new(Semaphore::new(IN_FLIGHT_KIB)),
            windows_kib: Arc::new(Semaphore::new(WINDOWS_KIB)),
        },
    };
    futures::try_join!(run.dataset(songs), run.dataset(events))
}

struct Ingest<'a> {
    staging: &'a Staging,
    threads: Arc<Semaphore>,
    /// The number of permits of `threads`.
    all_threads: u32,
    reader: Reader,
}

impl Ingest<'_> {
    async fn dataset(&self, input: Input) -> Result<DatasetCounts> {
        let begun = Instant::now();
        let dataset = input.columns.dataset();
        let sink = Sink {
            rows: self.staging.of(dataset).clone(),
            rejects: self.staging.rejects.clone(),
            rejected: Arc::default(),
            stop: self.staging.stop.clone(),
        };
        let rejected = sink.rejected.clone();
        let pool = DecoderPool::new(input.columns, input.shape, sink, self.threads.clone());
        let skipped = Skipped::default();
        let mut counts = DatasetCounts::default();
        let mut inputs = InputsBuilder::default();
        let objects_listed = AtomicU64::new(0);
        let listed = objects(input.places.clone(), input.listing, skipped.clone())
            .inspect_ok(|object| {
                objects_listed.fetch_add(1, Ordering::Relaxed);
                self.reader.meter.listed(object.size);
            })
            .chain(stream::poll_fn(|_| {
                self.reader.meter.listing_done();
                Poll::Ready(None)
            }));
        let is_stopped = AtomicBool::new(false);
        let mut read = Box::pin(
            units(listed)
                .map_ok(|unit| self.reader.read(unit, &pool))
                .try_buffer_unordered(OBJECTS_IN_FLIGHT)
                // This is polled before the readers, which fail once reading is stopped.
                .take_until(async {
                    self.staging.stop.reached().await;
                    is_stopped.store(true, Ordering::Relaxed);
                }),
        );
        while let Some(objects) = read.try_next().await? {
            for object in objects {
                counts.add(&object);
                if let Some(batch) = inputs.append(dataset, &object)? {
                    self.staging.inputs.push(batch)?;
                }
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
        } else if counts.objects_read == 0 && !input.allow_none {
            return Err(nothing_found(dataset, &input.places, &counts.skipped));
        }
        let notes = pool.finish()?;
        counts.unknown_keys = notes.unknown_keys;
        counts.times = notes.times;
        counts.encoded_twice = notes.encoded_twice;
        counts.longest_text = notes.longest_text;
        if counts.is_partial {
            counts.count_staged(self.staging.of(dataset), rejected.total());
        }
        counts.elapsed = begun.elapsed();
        Ok(counts)
    }

    /// Ends the reading of local files and waits until all decoders are idle.
    async fn stop_reading(&self) {
        self.reader.stop.cancel();
        // It is never closed.
        let _ = self.threads.acquire_many(self.all_threads).await;
    }
}

impl DatasetCounts {
    /// Sets the counts to the staged records, which include those of objects that were read in part.
    fn count_staged(&mut self, rows: &StagingTable, rejected: Rejected) {
        self.decoded = rows.rows() as u64;
        self.rejected = rejected.records;
        self.rejected_bytes = rejected.bytes;
    }

    fn add(&mut self, read: &ReadObject) {
        self.objects_read += 1;
        self.stored_bytes += read.object.size;
        self.bytes += read.counts.bytes;
        self.decoded += read.counts.decoded;
        self.rejected += read.counts.rejected;
        self.rejected_bytes += read.counts.rejected_bytes;
        self.uncertain_bytes += read.counts.skipped_bytes;
        self.uncertain_records += read.counts.skipped_records;
    }
}

/// The objects that any of `places` names, each once even where they overlap. One of several places
/// that names nothing is an error, unless the options allow it: it is likely to be mistyped, or not
/// mounted.
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
                if is_read_apart(&place, &options) {
                    skipped.count_read_apart();
                    return Ok(stream::empty().boxed());
                }
                let typed = place.location.typed.clone();
                let may_be_empty = !overlap || options.allow_nothing;
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

/// The objects of a location, and an error after the last one if there was none.
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
