//! A staging table: decoded batches, in memory while there is room, on local disk beyond that.

use std::fmt;
use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool, MemoryReservation};

use super::StageError;

/// Spilled batches go to files of about this many bytes: small enough to spread a scan over the
/// cores, large enough that a billion rows do not need a hundred thousand files.
const SPILL_FILE_BYTES: usize = 64 * 1024 * 1024;

/// Bytes read from a spill file at once.
const READ_BYTES: usize = 1024 * 1024;

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

    /// Takes memory for a batch of `bytes`, or says that there is none left.
    fn try_reserve(&self, bytes: usize) -> bool {
        let reservation = lock(&self.inner.reservation);
        reservation.size() + bytes <= self.inner.memory_bytes && reservation.try_grow(bytes).is_ok()
    }
}

/// A table under construction and, once all batches are in, a source for queries.
pub struct StagingTable {
    name: String,
    schema: SchemaRef,
    space: StagingSpace,
    contents: Mutex<Contents>,
}

#[derive(Default)]
struct Contents {
    rows: usize,
    batches: Vec<RecordBatch>,
    spilled: Vec<Arc<PathBuf>>,
    spilling: Option<SpillFile>,
}

struct SpillFile {
    path: PathBuf,
    writer: StreamWriter<BufWriter<File>>,
    bytes: usize,
}

/// A share of a table's batches, for one partition of a scan.
#[derive(Debug, Clone, Default)]
pub struct Share {
    batches: Vec<RecordBatch>,
    files: Vec<Arc<PathBuf>>,
}

impl StagingTable {
    /// An empty table.
    pub fn new(name: &str, schema: SchemaRef, space: StagingSpace) -> StagingTable {
        StagingTable { name: name.to_owned(), schema, space, contents: Mutex::default() }
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
        let bytes = batch.get_array_memory_size();
        let mut contents = lock(&self.contents);
        contents.rows += batch.num_rows();
        if self.space.try_reserve(bytes) {
            contents.batches.push(batch);
            return Ok(());
        }
        self.spill(&mut contents, &batch, bytes)
    }

    fn spill(
        &self,
        contents: &mut Contents,
        batch: &RecordBatch,
        bytes: usize,
    ) -> Result<(), StageError> {
        let number = contents.spilled.len();
        let file = match &mut contents.spilling {
            Some(file) => file,
            none => none.insert(self.create_spill_file(number)?),
        };
        file.writer.write(batch).map_err(|e| StageError::write(&file.path, e))?;
        file.bytes += bytes;
        if file.bytes >= SPILL_FILE_BYTES {
            self.close_spill_file(contents)?;
        }
        Ok(())
    }

    fn create_spill_file(&self, number: usize) -> Result<SpillFile, StageError> {
        let path = self.space.inner.folder.join(format!("{}-{number}.arrows", self.name));
        let file = File::create_new(&path).map_err(|e| StageError::write(&path, e.into()))?;
        let writer = StreamWriter::try_new(BufWriter::new(file), &self.schema)
            .map_err(|e| StageError::write(&path, e))?;
        Ok(SpillFile { path, writer, bytes: 0 })
    }

    fn close_spill_file(&self, contents: &mut Contents) -> Result<(), StageError> {
        let Some(mut file) = contents.spilling.take() else { return Ok(()) };
        file.writer.finish().map_err(|e| StageError::write(&file.path, e))?;
        contents.spilled.push(Arc::new(file.path));
        Ok(())
    }

    /// Divides the batches among `partitions` scans.
    ///
    /// # Errors
    ///
    /// If the spill file under way cannot be finished.
    pub fn shares(&self, partitions: usize) -> Result<Vec<Share>, StageError> {
        let mut contents = lock(&self.contents);
        self.close_spill_file(&mut contents)?;
        let mut shares = vec![Share::default(); partitions.max(1)];
        let count = shares.len();
        for (i, batch) in contents.batches.iter().enumerate() {
            shares[i % count].batches.push(batch.clone());
        }
        for (i, file) in contents.spilled.iter().enumerate() {
            shares[i % count].files.push(file.clone());
        }
        Ok(shares)
    }
}

impl Share {
    /// The batches, of all columns or those of `projection`: the ones in memory first, then the
    /// spilled ones, a file at a time.
    pub fn read(
        self,
        projection: Option<Vec<usize>>,
    ) -> impl Iterator<Item = Result<RecordBatch, StageError>> {
        let columns = projection.clone();
        let spilled = self.files.into_iter().flat_map(move |path| {
            let (batches, error) = match SpilledBatches::open(path, projection.clone()) {
                Ok(batches) => (Some(batches), None),
                Err(error) => (None, Some(Err(error))),
            };
            error.into_iter().chain(batches.into_iter().flatten())
        });
        let in_memory = self.batches.into_iter().map(move |batch| match &columns {
            Some(columns) => batch.project(columns).map_err(StageError::project),
            None => Ok(batch),
        });
        in_memory.chain(spilled)
    }
}

/// Reads one spill file.
struct SpilledBatches {
    path: Arc<PathBuf>,
    reader: StreamReader<BufReader<File>>,
}

impl SpilledBatches {
    fn open(
        path: Arc<PathBuf>,
        projection: Option<Vec<usize>>,
    ) -> Result<SpilledBatches, StageError> {
        let file = File::open(&*path).map_err(|e| StageError::read(&path, e.into()))?;
        let reader = StreamReader::try_new(BufReader::with_capacity(READ_BYTES, file), projection)
            .map_err(|e| StageError::read(&path, e))?;
        Ok(SpilledBatches { path, reader })
    }
}

impl Iterator for SpilledBatches {
    type Item = Result<RecordBatch, StageError>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.reader.next()?;
        Some(batch.map_err(|e| StageError::read(&self.path, e)))
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
