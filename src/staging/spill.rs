//! The spill file of a table that does not fit in memory.
//!
//! The file has no name, so that the system removes it when the process ends for any reason. Each
//! table has one file, so that the number of open files does not grow with the data.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;

use super::StagingError;

/// Number of bytes read at once.
const READ_BYTES: usize = 1024 * 1024;

/// An unnamed file, private to the user.
#[derive(Debug)]
pub(super) struct SpillFile {
    file: File,
    /// Folder of the file, for errors.
    folder: PathBuf,
    length: AtomicU64,
}

impl SpillFile {
    pub fn create(folder: &Path) -> Result<Arc<SpillFile>, StagingError> {
        let file = tempfile::tempfile_in(folder);
        let file = file.map_err(|e| StagingError::write(folder, e.into()))?;
        Ok(Arc::new(SpillFile { file, folder: folder.to_owned(), length: AtomicU64::new(0) }))
    }

    /// Appends bytes and returns their start. Must not be called concurrently.
    pub fn append(&self, bytes: &[u8]) -> Result<u64, StagingError> {
        self.try_append(bytes).map_err(|e| self.write_failed(e.into()))
    }

    fn try_append(&self, bytes: &[u8]) -> io::Result<u64> {
        let start = self.length.load(Ordering::Acquire);
        write_all_at(&self.file, bytes, start)?;
        self.length.store(start + bytes.len() as u64, Ordering::Release);
        Ok(start)
    }

    /// Fills `bytes` from the file, starting at `start`.
    pub fn read_exact(&self, bytes: &mut [u8], start: u64) -> Result<(), StagingError> {
        let mut filled = 0;
        while filled < bytes.len() {
            match read_at(&self.file, &mut bytes[filled..], start + filled as u64) {
                Ok(0) => {
                    let end = io::Error::from(io::ErrorKind::UnexpectedEof);
                    return Err(self.read_failed(end.into()));
                }
                Ok(length) => filled += length,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(self.read_failed(e.into())),
            }
        }
        Ok(())
    }

    fn write_failed(&self, source: ArrowError) -> StagingError {
        StagingError::write(&self.folder, source)
    }

    fn read_failed(&self, source: ArrowError) -> StagingError {
        StagingError::read(&self.folder, source)
    }
}

/// Batches of one schema within a spill file.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    file: Arc<SpillFile>,
    start: u64,
    end: u64,
}

/// A segment that is being written.
pub(super) struct SegmentWriter {
    file: Arc<SpillFile>,
    start: u64,
    writer: StreamWriter<BufWriter<Appender>>,
    /// Size of the batches in memory, in bytes.
    pub bytes: usize,
}

impl SegmentWriter {
    pub fn create(file: Arc<SpillFile>, schema: &SchemaRef) -> Result<SegmentWriter, StagingError> {
        let start = file.length.load(Ordering::Acquire);
        let writer = StreamWriter::try_new(BufWriter::new(Appender(file.clone())), schema);
        let writer = writer.map_err(|e| file.write_failed(e))?;
        Ok(SegmentWriter { file, start, writer, bytes: 0 })
    }

    pub fn write(&mut self, batch: &RecordBatch, bytes: usize) -> Result<(), StagingError> {
        self.bytes += bytes;
        self.writer.write(batch).map_err(|e| self.file.write_failed(e))
    }

    pub fn finish(self) -> Result<Segment, StagingError> {
        let SegmentWriter { file, start, writer, .. } = self;
        let flushed = writer.into_inner().and_then(|mut buffered| Ok(buffered.flush()?));
        flushed.map_err(|e| file.write_failed(e))?;
        let end = file.length.load(Ordering::Acquire);
        Ok(Segment { file, start, end })
    }
}

struct Appender(Arc<SpillFile>);

impl Write for Appender {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_append(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads the batches of a segment.
pub(super) struct SegmentBatches {
    file: Arc<SpillFile>,
    reader: StreamReader<BufReader<SegmentReader>>,
}

impl SegmentBatches {
    pub fn open(
        segment: &Segment,
        projection: Option<Vec<usize>>,
    ) -> Result<SegmentBatches, StagingError> {
        let Segment { file, start, end } = segment.clone();
        let bytes = SegmentReader { file: file.clone(), at: start, end };
        let buffered = BufReader::with_capacity(READ_BYTES, bytes);
        let reader = StreamReader::try_new(buffered, projection);
        let reader = reader.map_err(|e| file.read_failed(e))?;
        Ok(SegmentBatches { file, reader })
    }
}

impl Iterator for SegmentBatches {
    type Item = Result<RecordBatch, StagingError>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.reader.next()?;
        Some(batch.map_err(|e| self.file.read_failed(e)))
    }
}

struct SegmentReader {
    file: Arc<SpillFile>,
    at: u64,
    end: u64,
}

impl Read for SegmentReader {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let requested = bytes.len().min((self.end - self.at) as usize);
        let length = read_at(&self.file.file, &mut bytes[..requested], self.at)?;
        self.at += length as u64;
        Ok(length)
    }
}

#[cfg(unix)]
fn read_at(file: &File, bytes: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, bytes, at)
}

#[cfg(unix)]
fn write_all_at(file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, at)
}

#[cfg(windows)]
fn read_at(file: &File, bytes: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, bytes, at)
}

#[cfg(windows)]
fn write_all_at(file: &File, mut bytes: &[u8], mut at: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        let length = std::os::windows::fs::FileExt::seek_write(file, bytes, at)?;
        bytes = &bytes[length..];
        at += length as u64;
    }
    Ok(())
}
