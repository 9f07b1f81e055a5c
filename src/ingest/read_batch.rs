//! Reads objects in batches: small local files are grouped, and each remote object is its own batch.

use std::sync::Arc;

use futures::stream::{self, BoxStream, Stream, StreamExt, TryStreamExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::block::Block;
use super::blocks::{self, Buffers, Chunk};
use super::file::{ListedFile, interrupted};
use super::large::decode_blocks;
use super::pool::{DecodeError, DecoderPool, Sink};
use super::progress::TransformProgress;
use crate::decode::{Decoder, Notes, ObjectCounts, ObjectState};
use crate::error::{Error, Result};
use crate::storage::{Compression, Decompressor, InputObject};

/// Maximum number of local files read in sequence on one thread. Opening a file of 300 bytes takes
/// longer than decoding it, and handing it from thread to thread takes longer still.
const FILES_PER_BATCH: usize = 128;

/// Size in bytes at which a batch is closed, so that large files are spread over the threads.
const READ_BATCH_BYTES: u64 = 1024 * 1024;

/// Number of bytes per range request: large enough that 20 ms of latency matter little, small
/// enough to fetch again after a dropped connection.
const RANGE_BYTES: u64 = 8 * 1024 * 1024;

/// Number of ranges of one object that are prefetched.
const RANGES_AHEAD: usize = 4;

/// Size in bytes from which an object is decoded on several threads, and the ratio at which JSON is usually
/// compressed.
const LARGE_BYTES: u64 = 16 * 1024 * 1024;
const USUAL_RATIO: u64 = 8;

/// Number of large local files in progress. All threads decode one file; the next one keeps them busy at its
/// end. More would only take memory.
pub(super) const LARGE_FILES: usize = 2;

/// Number of bytes read from a local file at once.
const BLOCK_BYTES: usize = 512 * 1024;

/// Objects that are read together.
pub(super) type ReadBatch = Vec<InputObject>;

/// Groups objects into batches as they are listed.
pub(super) fn read_batches(
    objects: impl Stream<Item = Result<InputObject>>,
) -> impl Stream<Item = Result<ReadBatch>> {
    // Do not hold back listed objects until a batch is full: group those that are ready.
    objects.ready_chunks(FILES_PER_BATCH).flat_map(|ready| stream::iter(split(ready)))
}

fn split(ready: Vec<Result<InputObject>>) -> Vec<Result<ReadBatch>> {
    let mut batches = Vec::new();
    let mut batch = ReadBatch::new();
    let mut bytes = 0;
    for object in ready {
        match object {
            Err(error) => batches.push(Err(error)),
            Ok(object) if !is_file(&object) || is_large(&object) => batches.push(Ok(vec![object])),
            Ok(object) => {
                bytes += object.size;
                batch.push(object);
                if bytes >= READ_BATCH_BYTES {
                    batches.push(Ok(std::mem::take(&mut batch)));
                    bytes = 0;
                }
            }
        }
    }
    if !batch.is_empty() {
        batches.push(Ok(batch));
    }
    batches
}

fn is_file(object: &InputObject) -> bool {
    object.file().is_some()
}

/// Returns `true` if the object is decoded on several threads.
fn is_large(object: &InputObject) -> bool {
    let minimum = match object.compression {
        Compression::None => LARGE_BYTES,
        Compression::Gzip | Compression::Zstd => LARGE_BYTES / USUAL_RATIO,
    };
    object.size >= minimum
}

/// A remote object that is being read.
struct Opened {
    first: Option<Chunk>,
    /// The chunks after the first one.
    chunks: BoxStream<'static, Result<Chunk>>,
    /// Permit for a large Zstandard window.
    _window: Option<OwnedSemaphorePermit>,
}

/// An object that was read to its end.
#[derive(Debug, Clone)]
pub struct ReadObject {
    /// The object as it was listed.
    pub object: InputObject,
    /// Counts of its bytes and records.
    pub counts: ObjectCounts,
    /// Observations on its records.
    pub notes: Notes,
}

/// Reads batches of objects. Clones share the progress counters and the limits of a run.
#[derive(Clone)]
pub(super) struct Reader {
    pub progress: Arc<TransformProgress>,
    /// Cancels the reading of local files, which otherwise continues in its thread even if its
    /// future is dropped.
    pub stop: CancellationToken,
    /// Permits for undecoded bytes of remote objects in memory, in KiB.
    pub in_flight_kib: Arc<Semaphore>,
    /// Memory of the blocks of large objects.
    pub buffers: Buffers,
    /// Permits for large local files that are read at the same time.
    pub large_files: Arc<Semaphore>,
    /// Permits for large Zstandard windows of remote objects, in KiB. Many objects can be between
    /// two of their chunks at once, and each holds its window.
    pub windows_kib: Arc<Semaphore>,
}

/// Memory for large Zstandard windows, in KiB: two of the largest.
pub(super) const WINDOWS_KIB: usize = 256 * 1024;

impl Reader {
    pub async fn read(&self, batch: ReadBatch, pool: &DecoderPool) -> Result<Vec<ReadObject>> {
        let batch = match <[InputObject; 1]>::try_from(batch) {
            Ok([object]) if is_large(&object) => {
                return Ok(vec![self.read_large(object, pool).await?]);
            }
            Ok([object]) => vec![object],
            Err(batch) => batch,
        };
        if batch.iter().all(is_file) {
            let reader = self.clone();
            return pool
                .run(move |decoder, sink| {
                    let largest = batch.iter().map(|object| object.size).max().unwrap_or(0);
                    let mut block = vec![0; BLOCK_BYTES.min(largest as usize + 1)];
                    batch
                        .into_iter()
                        .map(|object| reader.read_file(object, decoder, sink, &mut block))
                        .collect()
                })
                .await?;
        }
        let mut read = Vec::with_capacity(batch.len());
        for object in batch {
            read.push(self.read_remote(object, pool).await?);
        }
        Ok(read)
    }

    /// Reads an object that is decoded on several threads.
    async fn read_large(&self, mut object: InputObject, pool: &DecoderPool) -> Result<ReadObject> {
        let (progress, threads) = (self.progress.clone(), pool.permits());
        let idle = |_: &Block| {};
        let ((counts, notes), stored);
        if is_file(&object) {
            let _turn = self.large_files.acquire().await;
            if let Some(ranges) = blocks::ranges(&object)? {
                let ranges = stream::iter(ranges).map(|range| self.unless_stopped(range));
                let done = |range: &Block| progress.read(range.len());
                let (counts, notes) = decode_blocks(&object, ranges, pool, done).await?;
                blocks::ensure_unchanged(&object)?;
                progress.object_done();
                return Ok(ReadObject { object, counts, notes });
            }
            let stop = self.stop.clone();
            let read = blocks::of_file(object.clone(), threads, &self.buffers, progress, stop);
            (counts, notes) = decode_blocks(&object, read.blocks, pool, idle).await?;
            stored = read.stored;
        } else {
            let Opened { first, chunks, _window } = self.open(&object).await?;
            let chunks = stream::iter(first.map(Ok)).chain(chunks).boxed();
            let read = blocks::of_chunks(object.clone(), chunks, threads, &self.buffers, progress);
            (counts, notes) = decode_blocks(&object, read.blocks, pool, idle).await?;
            stored = read.stored;
        }
        object.size = stored.await?;
        self.progress.object_done();
        Ok(ReadObject { object, counts, notes })
    }

    fn unless_stopped(&self, block: Block) -> Result<Block> {
        if self.stop.is_cancelled() {
            return Err(Error::io("reading was stopped", interrupted()));
        }
        Ok(block)
    }

    /// Requests a remote object and waits for its first chunk.
    async fn open(&self, object: &InputObject) -> Result<Opened> {
        let mut chunks = self.fetch(object);
        let first = chunks.try_next().await?;
        let large_window = first.as_ref().and_then(|(start, _)| Decompressor::large_window(start));
        let Some(bytes) = large_window else { return Ok(Opened { first, chunks, _window: None }) };
        // Release everything before waiting: other readers need it to make progress.
        drop((first, chunks));
        let kib = bytes.div_ceil(1024).min(WINDOWS_KIB as u64) as u32;
        let _window = self.windows_kib.clone().acquire_many_owned(kib).await.ok();
        let mut chunks = self.fetch(object);
        Ok(Opened { first: chunks.try_next().await?, chunks, _window })
    }

    async fn read_remote(&self, mut object: InputObject, pool: &DecoderPool) -> Result<ReadObject> {
        let mut decoding = Decoding::of(&object);
        let Opened { first: mut next, mut chunks, _window } = self.open(&object).await?;
        let mut stored = 0;
        while let Some((chunk, permit)) = next {
            stored += chunk.len() as u64;
            self.progress.read(chunk.len() as u64);
            let (fed, outcome) = pool
                .run(move |decoder, sink| {
                    let outcome = decoding.feed(&chunk, decoder, sink);
                    drop((chunk, permit));
                    (decoding, outcome)
                })
                .await?;
            decoding = fed;
            outcome.map_err(|e| e.of(&object.url))?;
            next = chunks.try_next().await?;
        }
        let finished = pool.run(move |decoder, sink| decoding.finish(decoder, sink)).await?;
        let (counts, notes) = finished.map_err(|e| e.of(&object.url))?;
        self.progress.object_done();
        // Web servers are not required to report the length in advance.
        object.size = stored;
        Ok(ReadObject { object, counts, notes })
    }

    /// Streams the object's bytes in order.
    fn fetch(&self, object: &InputObject) -> BoxStream<'static, Result<Chunk>> {
        if object.is_ranged() {
            return self.fetch_ranges(object).boxed();
        }
        // The next chunk is requested only after the last one has been decoded.
        object.stream().map_ok(|bytes| (bytes, None)).err_into().boxed()
    }

    /// Streams the object's bytes in order and prefetches ranges while decoding.
    fn fetch_ranges(&self, object: &InputObject) -> impl Stream<Item = Result<Chunk>> + use<> {
        let starts = (0..object.size).step_by(RANGE_BYTES as usize);
        let object = object.clone();
        let in_flight = self.in_flight_kib.clone();
        let size = object.size;
        let range = move |start: u64| start..(start + RANGE_BYTES).min(size);
        stream::iter(starts)
            .map(range)
            // Acquire memory in the order of the ranges. If later ranges could hold all of it, the
            // range that decoding waits for would never arrive.
            .then(move |range| {
                let kib = (range.end - range.start).div_ceil(1024) as u32;
                let permit = in_flight.clone().acquire_many_owned(kib);
                async move { (range, permit.await.ok()) }
            })
            .map(move |(range, permit)| {
                let object = object.clone();
                let task =
                    tokio::spawn(async move { Ok((object.read_range(range).await?, permit)) });
                async { AbortOnDropHandle::new(task).await? }
            })
            .buffered(RANGES_AHEAD)
    }
}

/// The state of decoding an object, kept between its chunks.
struct Decoding {
    decompressor: Decompressor,
    state: ObjectState,
    notes: Notes,
}

impl Decoding {
    fn of(object: &InputObject) -> Decoding {
        Decoding {
            decompressor: Decompressor::new(object.compression),
            state: ObjectState::new(object.url.clone()).with_number(object.number),
            notes: Notes::default(),
        }
    }

    fn feed(
        &mut self,
        chunk: &[u8],
        decoder: &mut Decoder,
        sink: &Sink,
    ) -> Result<(), DecodeError> {
        let state = &mut self.state;
        let fed = self.decompressor.feed(chunk, |plain| {
            decoder.feed(state, plain)?;
            Ok(sink.drain(decoder)?)
        });
        self.notes.merge(decoder.take_notes());
        fed
    }

    fn finish(
        self,
        decoder: &mut Decoder,
        sink: &Sink,
    ) -> Result<(ObjectCounts, Notes), DecodeError> {
        let (mut state, mut notes) = (self.state, self.notes);
        self.decompressor
            .finish(|plain| decoder.feed(&mut state, plain).map_err(DecodeError::from))?;
        let counts = decoder.finish(state)?;
        sink.drain(decoder)?;
        notes.merge(decoder.take_notes());
        Ok((counts, notes))
    }
}

impl Reader {
    fn read_file(
        &self,
        object: InputObject,
        decoder: &mut Decoder,
        sink: &Sink,
        block: &mut [u8],
    ) -> Result<ReadObject> {
        let decoded = self.decode_file(&object, decoder, sink, block);
        let (counts, notes) = decoded.map_err(|e| e.of(&object.url))?;
        self.progress.object_done();
        Ok(ReadObject { object, counts, notes })
    }

    fn decode_file(
        &self,
        object: &InputObject,
        decoder: &mut Decoder,
        sink: &Sink,
        block: &mut [u8],
    ) -> Result<(ObjectCounts, Notes), DecodeError> {
        let mut file = ListedFile::open(object)?;
        let mut decoding = Decoding::of(object);
        while let Some(length) = file.read(block)? {
            if self.stop.is_cancelled() {
                return Err(interrupted().into());
            }
            self.progress.read(length as u64);
            decoding.feed(&block[..length], decoder, sink)?;
        }
        decoding.finish(decoder, sink)
    }
}
