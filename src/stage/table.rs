//! A staging table: batches under construction, in memory while there is room, on local disk
//! beyond that.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool, MemoryReservation};

use super::StageError;
use super::share::Batches;
use super::sorted::Sorted;
use super::spill::{Segment, SegmentWriter, SpillFile};
use super::unify::{MAX_TEXT_BYTES, Texts, Unifier, give_texts};

/// Spilled batches go to segments of about this many bytes: small enough to spread a scan over the
/// cores, large enough to be read in long runs.
const SEGMENT_BYTES: usize = 64 * 1024 * 1024;

/// Where staged batches may live: how much memory they may hold together, and the folder that
/// takes the rest.
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
    /// Room for `memory_bytes` of batches in memory, taken from `pool`; files in `folder` beyond.
    pub fn new(pool: &Arc<dyn MemoryPool>, memory_bytes: usize, folder: PathBuf) -> StagingSpace {
        let reservation = Mutex::new(MemoryConsumer::new("staged batches").register(pool));
        StagingSpace { inner: Arc::new(Space { reservation, memory_bytes, folder }) }
    }

    /// The folder of its files.
    pub(super) fn folder(&self) -> &Path {
        &self.inner.folder
    }

    /// Takes `bytes` of memory, or says that there are not as many left.
    fn try_reserve(&self, bytes: usize) -> bool {
        let reservation = lock(&self.inner.reservation);
        reservation.size() + bytes <= self.inner.memory_bytes && reservation.try_grow(bytes).is_ok()
    }

    /// Bytes in use.
    #[cfg(test)]
    pub(super) fn used(&self) -> usize {
        lock(&self.inner.reservation).size()
    }

    fn release(&self, bytes: usize) {
        lock(&self.inner.reservation).shrink(bytes);
    }
}

/// A table under construction and, once all batches are in, a source for queries.
pub struct StagingTable {
    name: String,
    schema: SchemaRef,
    space: StagingSpace,
    /// A new generation of dictionaries begins beyond this.
    max_text_bytes: usize,
    contents: Mutex<Contents>,
}

struct Contents {
    rows: usize,
    /// Bytes taken from the space.
    reserved: usize,
    unifier: Unifier,
    /// The texts of earlier generations of dictionaries.
    generations: Vec<Arc<Texts>>,
    /// Batches of keys, each with its generation.
    batches: Vec<(usize, RecordBatch)>,
    /// The same batches with their texts, if they have been read.
    given: Vec<RecordBatch>,
    /// Where batches of keys are spilled to.
    file: Option<Arc<SpillFile>>,
    /// Segments of batches of keys, each with its generation.
    spilled: Vec<(usize, Segment)>,
    spilling: Option<SegmentWriter>,
}

impl StagingTable {
    /// An empty table.
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

    /// The table with another limit to its dictionaries.
    #[cfg(test)]
    pub(super) fn with_max_text_bytes(mut self, bytes: usize) -> StagingTable {
        self.max_text_bytes = bytes;
        self
    }

    /// Its schema.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Rows pushed so far.
    pub fn rows(&self) -> usize {
        lock(&self.contents).rows
    }

    /// Adds a batch.
    ///
    /// # Errors
    ///
    /// If it has to go to disk and cannot be written there.
    pub fn push(&self, batch: RecordBatch) -> Result<(), StageError> {
        let mut contents = lock(&self.contents);
        if contents.unifier.bytes() > self.max_text_bytes {
            self.begin_generation(&mut contents)?;
        }
        let texts_before = contents.unifier.bytes();
        let batch = contents.unifier.take_keys(batch)?;
        let texts = contents.unifier.bytes().saturating_sub(texts_before);
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

    fn begin_generation(&self, contents: &mut Contents) -> Result<(), StageError> {
        self.close_segment(contents)?;
        contents.generations.push(Arc::new(contents.unifier.texts()));
        contents.unifier = Unifier::new(&self.schema);
        Ok(())
    }

    fn spill(
        &self,
        contents: &mut Contents,
        batch: &RecordBatch,
        bytes: usize,
    ) -> Result<(), StageError> {
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

    fn close_segment(&self, contents: &mut Contents) -> Result<(), StageError> {
        let Some(spilling) = contents.spilling.take() else { return Ok(()) };
        contents.spilled.push((contents.generations.len(), spilling.finish()?));
        Ok(())
    }

    /// The batches so far, of all columns or those of `projection`.
    ///
    /// # Errors
    ///
    /// If the last segment of the spill file cannot be finished.
    pub fn batches(&self, projection: Option<&Vec<usize>>) -> Result<Batches, StageError> {
        let mut contents = lock(&self.contents);
        if contents.unifier.bytes() > 0 {
            // Whoever reads wants the texts alone, and not what finds them: that is as large again.
            self.begin_generation(&mut contents)?;
        }
        self.close_segment(&mut contents)?;
        let texts = contents.texts();
        let schema = match projection {
            None => self.schema.clone(),
            Some(columns) => Arc::new(self.schema.project(columns)?),
        };
        if contents.given.len() != contents.batches.len() {
            // Once for all who read: each time, Arrow checks every key.
            let give = |(generation, batch): &(usize, RecordBatch)| {
                give_texts(batch.clone(), &texts[*generation], None, self.schema.clone())
            };
            contents.given = contents.batches.iter().map(give).collect::<Result<_, _>>()?;
        }
        let spilled = contents.spilled.iter();
        Ok(Batches {
            schema,
            projection: projection.cloned(),
            in_memory: contents.given.clone(),
            spilled: spilled.map(|(at, segment)| (texts[*at].clone(), segment.clone())).collect(),
        })
    }

    /// Readies the rows for being sorted, or sorts them on `threads` threads.
    ///
    /// # Errors
    ///
    /// If the last segment of the spill file cannot be finished.
    pub fn into_sortable(self, by: &[usize], threads: usize) -> Result<Sortable, StageError> {
        let mut contents = lock(&self.contents);
        self.close_segment(&mut contents)?;
        let keys_schema = contents.unifier.keys_schema().clone();
        let by_text = by.iter().any(|&at| keys_schema.field(at) != self.schema.field(at));
        if by_text || !contents.generations.is_empty() {
            drop(contents);
            return Ok(Sortable::Texts(self));
        }
        let texts = GiveTexts { texts: contents.unifier.texts(), schema: self.schema.clone() };
        let bytes = contents.rows * Sorted::BYTES_PER_ROW;
        let fits = contents.spilled.is_empty()
            && Sorted::can_sort(&self.schema, by)
            && self.space.try_reserve(bytes);
        if fits {
            contents.reserved += bytes;
            let batches = std::mem::take(&mut contents.batches);
            contents.given = Vec::new();
            contents.unifier = Unifier::new(&self.schema);
            drop(contents);
            return Ok(Sortable::Sorted(Sorted::new(self, texts, batches, by, threads)));
        }
        let keys = Contents {
            unifier: Unifier::new(&keys_schema),
            given: Vec::new(),
            ..std::mem::replace(&mut *contents, Contents::new(&self.schema))
        };
        drop(contents);
        let table = StagingTable {
            name: self.name.clone(),
            schema: keys_schema,
            space: self.space.clone(),
            max_text_bytes: self.max_text_bytes,
            contents: Mutex::new(keys),
        };
        Ok(Sortable::Keys { table, texts })
    }
}

/// A table on its way to being sorted.
pub enum Sortable {
    /// It is sorted.
    Sorted(Sorted),
    /// It has to be left to a sort that can spill; with keys in place of texts, which its rows are
    /// given back afterwards.
    Keys {
        /// The rows.
        table: StagingTable,
        /// Gives them their texts.
        texts: GiveTexts,
    },
    /// The same, but with texts: they are what is sorted by, or there is no telling which
    /// dictionary a sorted row's keys would be from.
    Texts(StagingTable),
}

/// Gives rows the texts that their keys stand for.
pub struct GiveTexts {
    texts: Texts,
    schema: SchemaRef,
}

impl GiveTexts {
    /// The batch with texts.
    ///
    /// # Errors
    ///
    /// If Arrow refuses the batch, which would be a defect of starlift.
    pub fn give(&self, keys: RecordBatch) -> Result<RecordBatch, ArrowError> {
        self.give_columns(keys, None)
    }

    /// A batch of some columns with texts.
    pub(super) fn give_columns(
        &self,
        keys: RecordBatch,
        columns: Option<&[usize]>,
    ) -> Result<RecordBatch, ArrowError> {
        let schema = match columns {
            None => self.schema.clone(),
            Some(columns) => Arc::new(self.schema.project(columns)?),
        };
        give_texts(keys, &self.texts, columns, schema)
    }
}

impl Contents {
    fn new(schema: &SchemaRef) -> Contents {
        Contents {
            rows: 0,
            reserved: 0,
            unifier: Unifier::new(schema),
            generations: Vec::new(),
            batches: Vec::new(),
            given: Vec::new(),
            file: None,
            spilled: Vec::new(),
            spilling: None,
        }
    }

    /// The texts of all generations.
    fn texts(&mut self) -> Vec<Arc<Texts>> {
        let mut texts = self.generations.clone();
        texts.push(Arc::new(self.unifier.texts()));
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

/// A panic while the lock was held has already failed the run; the data under it is only read on.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
