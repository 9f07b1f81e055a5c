//! Reading staged batches back.

use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::ipc::reader::StreamReader;

use super::StageError;
use super::unify::{Texts, give_texts};

/// Bytes read from a spill file at once.
const READ_BYTES: usize = 1024 * 1024;

/// A file of batches; removed when nobody can read it any more.
#[derive(Debug)]
pub(super) struct SpillFile {
    pub path: PathBuf,
}

impl Drop for SpillFile {
    fn drop(&mut self) {
        // What cannot be removed now goes with the temporary folder.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// The batches of a table, for a scan to read.
#[derive(Debug)]
pub struct Batches {
    /// The columns that are read.
    pub(super) schema: SchemaRef,
    /// Which of the table's these are, unless they are all.
    pub(super) projection: Option<Vec<usize>>,
    pub(super) in_memory: Vec<RecordBatch>,
    pub(super) spilled: Vec<(Arc<Texts>, Arc<SpillFile>)>,
}

/// How far the partitions of a scan have come together.
///
/// Each takes the next batch when it is ready for one: were they divided beforehand, the first to
/// be done would only watch the others.
#[derive(Debug, Clone, Default)]
pub struct Turn(Arc<AtomicUsize>);

impl Turn {
    fn take(&self) -> usize {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

impl Batches {
    /// The batches that nobody else with the same `turn` takes: the ones in memory first, then the
    /// spilled ones, a file at a time.
    pub fn read(
        self: Arc<Self>,
        turn: Turn,
    ) -> impl Iterator<Item = Result<RecordBatch, StageError>> {
        let mut file: Option<(Arc<Texts>, SpilledBatches)> = None;
        std::iter::from_fn(move || {
            loop {
                if let Some((texts, batches)) = &mut file {
                    match batches.next() {
                        Some(batch) => return Some(batch.and_then(|b| self.give(b, texts))),
                        None => file = None,
                    }
                }
                let next = turn.take();
                if let Some(batch) = self.in_memory.get(next) {
                    return Some(self.project(batch));
                }
                let (texts, spilled) = self.spilled.get(next - self.in_memory.len())?;
                match SpilledBatches::open(spilled.clone(), self.projection.clone()) {
                    Ok(batches) => file = Some((texts.clone(), batches)),
                    Err(error) => return Some(Err(error)),
                }
            }
        })
    }

    fn project(&self, batch: &RecordBatch) -> Result<RecordBatch, StageError> {
        Ok(match &self.projection {
            None => batch.clone(),
            Some(columns) => batch.project(columns)?,
        })
    }

    fn give(&self, batch: RecordBatch, texts: &Texts) -> Result<RecordBatch, StageError> {
        Ok(give_texts(batch, texts, self.projection.as_deref(), self.schema.clone())?)
    }
}

/// Reads one spill file.
struct SpilledBatches {
    file: Arc<SpillFile>,
    reader: StreamReader<BufReader<File>>,
}

impl SpilledBatches {
    fn open(
        file: Arc<SpillFile>,
        projection: Option<Vec<usize>>,
    ) -> Result<SpilledBatches, StageError> {
        let opened = File::open(&file.path).map_err(|e| StageError::read(&file.path, e.into()))?;
        let buffered = BufReader::with_capacity(READ_BYTES, opened);
        let reader = StreamReader::try_new(buffered, projection)
            .map_err(|e| StageError::read(&file.path, e))?;
        Ok(SpilledBatches { file, reader })
    }
}

impl Iterator for SpilledBatches {
    type Item = Result<RecordBatch, StageError>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.reader.next()?;
        Some(batch.map_err(|e| StageError::read(&self.file.path, e)))
    }
}
