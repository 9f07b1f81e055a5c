//! A staging table: it collects batches in memory while there is room, and on local disk beyond
//! that.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool, MemoryReservation};

use super::StagingError;
use super::dictionary::{MAX_TEXT_BYTES, TableDictionaries, Texts, decode_batch};
use super::scan::StagedBatches;
use super::spill::{Segment, SegmentWriter, SpillFile};

/// Approximate size of the segments of spilled batches, in bytes: small enough to spread a scan
/// over the cores, large enough for long sequential reads.
const SEGMENT_BYTES: usize = 64 * 1024 * 1024;

/// The space for staged batches: the memory that they can use together, and the folder for the
/// rest.
#[derive(Clone)]
pub struct StagingSpace {
    inner: Arc<Space>,
}

struct Space {
    reservation: Mutex<MemoryReservation>,
    memory_bytes: usize,
    folder: PathBuf,
}

impl StagingSpace {
    /// Creates a space of `memory_bytes` in memory, reserved from `pool`, with files in `folder`
    /// beyond that.
    pub fn new(pool: &Arc<dyn MemoryPool>, memory_bytes: usize, folder: PathBuf) -> StagingSpace {
        let reservation = Mutex::new(MemoryConsumer::new("staged batches").register(pool));
        StagingSpace { inner: Arc::new(Space { reservation, memory_bytes, folder }) }
    }

    /// Returns the folder of the spill files.
    pub(super) fn folder(&self) -> &Path {
        &self.inner.folder
    }

    /// Reserves `bytes` of memory. Returns `false` if not enough is left.
    pub(super) fn try_reserve(&self, bytes: usize) -> bool {
        let reservation = lock(&self.inner.reservation);
        reservation.size() + bytes <= self.inner.memory_bytes && reservation.try_grow(bytes).is_ok()
    }

    /// Returns the number of bytes in use.
    #[cfg(test)]
    pub(super) fn used(&self) -> usize {
        lock(&self.inner.reservation).size()
    }

    fn release(&self, bytes: usize) {
        lock(&self.inner.reservation).shrink(bytes);
    }
}

/// A table that accepts batches and, once all of them have been added, is a source for queries.
pub struct StagingTable {
    pub(super) name: String,
    pub(super) schema: SchemaRef,
    pub(super) space: StagingSpace,
    /// Size of the texts, in bytes, above which a new generation of dictionaries begins.
    pub(super) max_text_bytes: usize,
    pub(super) contents: Mutex<Contents>,
}

pub(super) struct Contents {
    pub rows: usize,
    /// Number of bytes reserved from the space.
    pub reserved: usize,
    pub dictionaries: TableDictionaries,
    /// The texts of earlier generations of dictionaries.
    pub generations: Vec<Arc<Texts>>,
    /// Batches of keys, each with its generation.
    pub batches: Vec<(usize, RecordBatch)>,
    /// The same batches with their texts, once they have been read.
    pub decoded: Vec<RecordBatch>,
    /// File of the spilled batches.
    pub file: Option<Arc<SpillFile>>,
    /// Segments of batches of keys, each with its generation.
    pub spilled: Vec<(usize, Segment)>,
    pub spilling: Option<SegmentWriter>,
}

impl StagingTable {
    /// Creates an empty table.
    pub fn new(name: &str, schema: SchemaRef, space: StagingSpace) -> StagingTable {
        let contents = Contents::new(&schema);
        StagingTable {
            name: name.to_owned(),
            schema,
            space,
            max_text_bytes: MAX_TEXT_BYTES,
            contents: Mutex::new(contents),
        }
    }

    /// Sets the limit to the texts of its dictionaries.
    #[cfg(test)]
    pub(super) fn with_max_text_bytes(mut self, bytes: usize) -> StagingTable {
        self.max_text_bytes = bytes;
        self
    }

    /// Returns the schema of the batches.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Returns the number of rows added so far.
    pub fn rows(&self) -> usize {
        lock(&self.contents).rows
    }

    /// Adds a batch.
    ///
    /// # Errors
    ///
    /// Returns an error if the batch must be spilled to disk and cannot be written.
    pub fn push(&self, batch: RecordBatch) -> Result<(), StagingError> {
        let mut contents = lock(&self.contents);
        if contents.dictionaries.bytes() > self.max_text_bytes {
            self.begin_generation(&mut contents)?;
        }
        let texts_before = contents.dictionaries.bytes();
        let batch = contents.dictionaries.encode(batch)?;
        let texts = contents.dictionaries.bytes().saturating_sub(texts_before);
        let bytes = batch.get_array_memory_size() + texts;
        contents.rows += batch.num_rows();
        if self.space.try_reserve(bytes) {
            contents.reserved += bytes;
            let generation = contents.generations.len();
            contents.batches.push((generation, batch));
            return Ok(());
        }
        self.spill(&mut contents, &batch, bytes)
    }

    fn begin_generation(&self, contents: &mut Contents) -> Result<(), StagingError> {
        self.close_segment(contents)?;
        contents.generations.push(Arc::new(contents.dictionaries.texts()));
        contents.dictionaries = TableDictionaries::new(&self.schema);
        Ok(())
    }

    fn spill(
        &self,
        contents: &mut Contents,
        batch: &RecordBatch,
        bytes: usize,
    ) -> Result<(), StagingError> {
        let file = match &contents.file {
            Some(file) => file,
            None => contents.file.insert(SpillFile::create(self.space.folder())?),
        };
        let spilling = match &mut contents.spilling {
            Some(spilling) => spilling,
            none => none.insert(SegmentWriter::create(file.clone(), batch.schema_ref())?),
        };
        spilling.write(batch, bytes)?;
        if spilling.bytes >= SEGMENT_BYTES {
            self.close_segment(contents)?;
        }
        Ok(())
    }

    pub(super) fn close_segment(&self, contents: &mut Contents) -> Result<(), StagingError> {
        let Some(spilling) = contents.spilling.take() else { return Ok(()) };
        contents.spilled.push((contents.generations.len(), spilling.finish()?));
        Ok(())
    }

    /// Returns the batches so far, with all columns or those of `projection`.
    ///
    /// # Errors
    ///
    /// Returns an error if the last segment of the spill file cannot be written.
    pub fn batches(&self, projection: Option<&Vec<usize>>) -> Result<StagedBatches, StagingError> {
        let mut contents = lock(&self.contents);
        if contents.dictionaries.bytes() > 0 {
            // Readers need only the texts. Drop the hash index, which is as large as the texts
            // themselves.
            self.begin_generation(&mut contents)?;
        }
        self.close_segment(&mut contents)?;
        let texts = contents.texts();
        let schema = match projection {
            None => self.schema.clone(),
            Some(columns) => Arc::new(self.schema.project(columns)?),
        };
        if contents.decoded.len() != contents.batches.len() {
            // Cache the batches for all readers, because Arrow checks every key each time.
            let decode = |(generation, batch): &(usize, RecordBatch)| {
                decode_batch(batch.clone(), &texts[*generation], None, self.schema.clone())
            };
            contents.decoded = contents.batches.iter().map(decode).collect::<Result<_, _>>()?;
        }
        let spilled = contents.spilled.iter();
        Ok(StagedBatches {
            schema,
            projection: projection.cloned(),
            in_memory: contents.decoded.clone(),
            spilled: spilled.map(|(at, segment)| (texts[*at].clone(), segment.clone())).collect(),
        })
    }
}

impl Contents {
    pub fn new(schema: &SchemaRef) -> Contents {
        Contents {
            rows: 0,
            reserved: 0,
            dictionaries: TableDictionaries::new(schema),
            generations: Vec::new(),
            batches: Vec::new(),
            decoded: Vec::new(),
            file: None,
            spilled: Vec::new(),
            spilling: None,
        }
    }

    /// Returns the texts of all generations.
    fn texts(&mut self) -> Vec<Arc<Texts>> {
        let mut texts = self.generations.clone();
        texts.push(Arc::new(self.dictionaries.texts()));
        texts
    }
}

impl Drop for StagingTable {
    fn drop(&mut self) {
        self.space.release(lock(&self.contents).reserved);
    }
}

impl fmt::Debug for StagingTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StagingTable").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Ignores poisoning: a panic under the lock has already failed the run, and the data is only read
/// afterwards.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
