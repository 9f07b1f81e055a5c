//! Runs decoders on a bounded number of threads.
//!
//! Any number of objects can be in progress. Processor use is bounded because decoding a chunk
//! requires a permit of a shared semaphore.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::error::ArrowError;
use tokio::sync::Semaphore;

use super::early_stop::{EarlyStop, RejectCount};
use crate::decode::{Decoder, FieldPaths, Notes, StagedColumns};
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
    /// Stages the batches that `decoder` has filled.
    pub fn drain(&self, decoder: &mut Decoder) -> Result<(), StagingError> {
        for batch in decoder.take_rows() {
            self.rows.push(batch)?;
        }
        for batch in decoder.take_rejects() {
            self.rejects.push(batch.clone())?;
            self.rejected.add(&batch);
            self.stop.count(&batch);
        }
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
    idle: Mutex<Vec<Decoder>>,
}

impl DecoderPool {
    /// Creates a pool that uses at most as many threads as `threads` has permits. Pools can share
    /// the semaphore.
    pub fn new(
        columns: StagedColumns,
        paths: FieldPaths,
        sink: Sink,
        threads: Arc<Semaphore>,
    ) -> DecoderPool {
        let inner = Inner { columns, paths, sink, threads, idle: Mutex::default() };
        DecoderPool { inner: Arc::new(inner) }
    }

    /// Runs `work` with one of the decoders on a blocking thread.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Decoder, &Sink) -> T + Send + 'static,
    ) -> Result<T> {
        let permit = self.inner.threads.clone().acquire_owned().await;
        let inner = self.inner.clone();
        let done = tokio::task::spawn_blocking(move || {
            let taken = inner.idle().pop();
            let mut decoder =
                taken.unwrap_or_else(|| Decoder::new(inner.columns.clone(), inner.paths.clone()));
            let output = work(&mut decoder, &inner.sink);
            inner.idle().push(decoder);
            drop(permit);
            output
        });
        Ok(done.await?)
    }

    /// Stages the partial batches, and returns the notes of all decoders.
    pub fn finish(&self) -> Result<Notes> {
        let mut notes = Notes::default();
        for mut decoder in self.inner.idle().drain(..) {
            decoder.flush()?;
            self.inner.sink.drain(&mut decoder)?;
            notes.merge(decoder.notes());
        }
        Ok(notes)
    }
}

impl Inner {
    /// Ignores poisoning: a panic under the lock has already failed the run.
    fn idle(&self) -> MutexGuard<'_, Vec<Decoder>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
