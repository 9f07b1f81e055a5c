//! Runs decoders on a bounded number of threads.
//!
//! Any number of objects can be in progress. Processor use is bounded because decoding a chunk
//! requires a permit of a shared semaphore.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::array::{AsArray, Int64Array, RecordBatch};
use arrow::datatypes::Int64Type;
use arrow::error::ArrowError;
use tokio::sync::Semaphore;

use super::early_stop::{EarlyStop, RejectCount};
use crate::decode::{Decoder, FieldPaths, StagedColumns};
use crate::error::{Error, Result};
use crate::staging::{LargeTextTable, StagingError, StagingTable};
use crate::storage::StorageError;

/// The reason why a chunk could not be decoded.
#[derive(Debug)]
pub(super) enum DecodeError {
    /// The content is not compressed as its suffix says, or a local file cannot be read.
    Io(io::Error),
    Arrow(ArrowError),
    Staging(StagingError),
}

impl From<io::Error> for DecodeError {
    fn from(error: io::Error) -> Self {
        DecodeError::Io(error)
    }
}

impl From<ArrowError> for DecodeError {
    fn from(error: ArrowError) -> Self {
        DecodeError::Arrow(error)
    }
}

impl From<StagingError> for DecodeError {
    fn from(error: StagingError) -> Self {
        DecodeError::Staging(error)
    }
}

impl DecodeError {
    /// Converts the error to one that names the object at `url`.
    pub fn of(self, url: &str) -> Error {
        match self {
            DecodeError::Io(error) => StorageError::read_io(url, error).into(),
            DecodeError::Arrow(error) => error.into(),
            DecodeError::Staging(error) => error.into(),
        }
    }
}

/// The destination of decoded records.
#[derive(Clone)]
pub(super) struct Sink {
    pub rows: Arc<StagingTable>,
    pub rejects: Arc<LargeTextTable>,
    /// Rejects staged so far.
    pub rejected: Arc<RejectCount>,
    pub stop: Arc<EarlyStop>,
}

impl Sink {
    /// Stages batches that were decoded ahead, after `lines` other lines of their object.
    pub fn stage(
        &self,
        rows: Vec<RecordBatch>,
        rejects: Vec<RecordBatch>,
        lines: u64,
    ) -> Result<(), StagingError> {
        for batch in rows {
            self.rows.push(batch)?;
        }
        for batch in rejects {
            self.reject(add_lines(batch, lines)?)?;
        }
        Ok(())
    }

    /// Stages the batches that `decoder` has filled.
    pub fn drain(&self, decoder: &mut Decoder) -> Result<(), StagingError> {
        for batch in decoder.take_rows() {
            self.rows.push(batch)?;
        }
        for batch in decoder.take_rejects() {
            self.reject(batch)?;
        }
        Ok(())
    }

    fn reject(&self, batch: RecordBatch) -> Result<(), StagingError> {
        self.rejects.push(batch.clone())?;
        self.rejected.add(&batch);
        self.stop.count(&batch);
        Ok(())
    }
}

/// The decoders of one dataset.
#[derive(Clone)]
pub(super) struct DecoderPool {
    inner: Arc<Inner>,
}

struct Inner {
    columns: StagedColumns,
    paths: FieldPaths,
    sink: Sink,
    threads: Arc<Semaphore>,
    all_threads: usize,
    idle: Mutex<Vec<Decoder>>,
    /// Decoders without rows and notes, for decoding ahead.
    idle_ahead: Mutex<Vec<Decoder>>,
}

impl DecoderPool {
    /// Creates a pool that uses at most as many threads as `threads` has permits, which is
    /// `all_threads`. Pools can share the semaphore.
    pub fn new(
        columns: StagedColumns,
        paths: FieldPaths,
        sink: Sink,
        threads: Arc<Semaphore>,
        all_threads: usize,
    ) -> DecoderPool {
        let inner = Inner {
            columns,
            paths,
            sink,
            threads,
            all_threads,
            idle: Mutex::default(),
            idle_ahead: Mutex::default(),
        };
        DecoderPool { inner: Arc::new(inner) }
    }

    /// Returns the maximum number of threads.
    pub fn threads(&self) -> usize {
        self.inner.all_threads
    }

    /// Returns the semaphore that bounds the number of threads.
    pub fn permits(&self) -> &Arc<Semaphore> {
        &self.inner.threads
    }

    /// Runs `work`, which must remove the notes, with one of the decoders on a blocking thread.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Decoder, &Sink) -> T + Send + 'static,
    ) -> Result<T> {
        let permit = self.inner.threads.clone().acquire_owned().await;
        let inner = self.inner.clone();
        let done = tokio::task::spawn_blocking(move || {
            let mut decoder = inner.decoder(&inner.idle);
            let output = work(&mut decoder, &inner.sink);
            lock(&inner.idle).push(decoder);
            drop(permit);
            output
        });
        Ok(done.await?)
    }

    /// Runs `work` on a blocking thread with a decoder whose rows, rejects and notes `work` must remove.
    pub async fn run_ahead<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Decoder) -> T + Send + 'static,
    ) -> Result<T> {
        let permit = self.inner.threads.clone().acquire_owned().await;
        let inner = self.inner.clone();
        let done = tokio::task::spawn_blocking(move || {
            let mut decoder = inner.decoder(&inner.idle_ahead);
            let output = work(&mut decoder);
            lock(&inner.idle_ahead).push(decoder);
            drop(permit);
            output
        });
        Ok(done.await?)
    }

    /// Stages the partial batches.
    pub fn finish(&self) -> Result<()> {
        for mut decoder in lock(&self.inner.idle).drain(..) {
            decoder.flush()?;
            self.inner.sink.drain(&mut decoder)?;
        }
        Ok(())
    }
}

impl Inner {
    /// Removes a decoder from the idle ones, or creates one.
    fn decoder(&self, idle: &Mutex<Vec<Decoder>>) -> Decoder {
        let taken = lock(idle).pop();
        taken.unwrap_or_else(|| Decoder::new(self.columns.clone(), self.paths.clone()))
    }
}

/// Ignores poisoning: a panic under the lock has already failed the run.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Adds `lines` to the line of each reject.
fn add_lines(rejects: RecordBatch, lines: u64) -> Result<RecordBatch, ArrowError> {
    let at = rejects.schema().index_of("line")?;
    let (schema, mut columns, _) = rejects.into_parts();
    let moved: Int64Array =
        columns[at].as_primitive::<Int64Type>().unary(|line| line + lines as i64);
    columns[at] = Arc::new(moved);
    RecordBatch::try_new(schema, columns)
}
