//! Reading staged batches back.

use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;
use std::sync::Arc;

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

/// A share of a table's batches, for one partition of a scan.
#[derive(Debug, Clone)]
pub struct Share {
    schema: SchemaRef,
    projection: Option<Vec<usize>>,
    pub(super) batches: Vec<(Arc<Texts>, RecordBatch)>,
    pub(super) files: Vec<(Arc<Texts>, Arc<SpillFile>)>,
}

impl Share {
    /// An empty share of the columns `projection`, which make `schema`.
    pub(super) fn new(schema: SchemaRef, projection: Option<Vec<usize>>) -> Share {
        Share { schema, projection, batches: Vec::new(), files: Vec::new() }
    }

    /// The batches: the ones in memory first, then the spilled ones, a file at a time.
    pub fn read(self) -> impl Iterator<Item = Result<RecordBatch, StageError>> {
        let Share { schema, projection, batches, files } = self;
        let columns = projection.clone();
        let in_memory = batches.into_iter().map(move |(texts, batch)| {
            let batch = match &columns {
                None => batch,
                Some(columns) => batch.project(columns)?,
            };
            Ok((texts, batch))
        });
        let columns = projection.clone();
        let spilled = files.into_iter().flat_map(move |(texts, file)| {
            let (batches, error) = match SpilledBatches::open(file, columns.clone()) {
                Ok(batches) => (Some(batches), None),
                Err(error) => (None, Some(Err(error))),
            };
            let batches = batches.into_iter().flatten();
            error.into_iter().chain(batches.map(move |batch| Ok((texts.clone(), batch?))))
        });
        in_memory.chain(spilled).map(move |batch| {
            let (texts, batch) = batch?;
            Ok(give_texts(batch, &texts, projection.as_deref(), schema.clone())?)
        })
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
