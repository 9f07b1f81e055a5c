//! The blocks of a large object: ranges of a file, or text that is read and decompressed while earlier
//! blocks are decoded.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures::stream::{self, BoxStream, Stream, TryStreamExt};
use tokio::runtime::Handle;
use tokio::sync::mpsc::{Sender, channel};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::block::Block;
use super::file::{ListedFile, interrupted};
use super::pool::DecodeError;
use super::progress::TransformProgress;
use crate::error::{Error, Result};
use crate::storage::{Decompressor, InputObject};

/// Size of a block, in bytes: large enough that handing it to another thread costs little, small enough to
/// have several per thread in memory.
const BLOCK_BYTES: usize = 4 * 1024 * 1024;

/// Number of blocks that are ready while earlier ones are decoded.
const BLOCKS_AHEAD: usize = 2;

/// Number of bytes from which the format of a file is recognised.
const SNIFFED_BYTES: usize = 64 * 1024;

/// Number of bytes read from a file at once.
const READ_BYTES: usize = 512 * 1024;

/// Bytes of a remote object, and the memory permit that covers them.
pub(super) type Chunk = (Bytes, Option<OwnedSemaphorePermit>);

/// Memory of blocks that have been decoded. Fresh memory would take longer to provide than to fill.
#[derive(Clone, Default)]
pub(super) struct Buffers {
    free: Arc<Mutex<Vec<Vec<u8>>>>,
}

/// Number of buffers that are kept for later blocks.
const KEPT_BUFFERS: usize = 16;

impl Buffers {
    fn lock(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self) -> Buffer {
        let free = self.lock().pop();
        let bytes = free.unwrap_or_else(|| vec![0; BLOCK_BYTES]);
        Buffer { bytes, filled: 0, buffers: self.clone() }
    }
}

/// A buffer, of which the first bytes are filled.
struct Buffer {
    bytes: Vec<u8>,
    filled: usize,
    buffers: Buffers,
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.filled]
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let mut free = self.buffers.lock();
        if free.len() < KEPT_BUFFERS {
            free.push(std::mem::take(&mut self.bytes));
        }
    }
}

/// The blocks of an object, and its stored size in bytes once all of them have been received.
pub(super) struct Blocks<S> {
    pub blocks: S,
    pub stored: JoinHandle<u64>,
}

/// Size of the ranges of a file, in bytes.
const RANGE_BYTES: u64 = 2 * BLOCK_BYTES as u64;

/// Returns the ranges of a local file, or `None` if its bytes are not its text.
pub(super) fn ranges(object: &InputObject) -> Result<Option<Vec<Block>>> {
    let is_plain = || -> Result<bool, DecodeError> {
        let mut bytes = [0; SNIFFED_BYTES];
        let Some(length) = ListedFile::open(object)?.read(&mut bytes)? else { return Ok(false) };
        let mut decompressor = Decompressor::new(object.compression);
        decompressor.feed(&bytes[..length], |_| Ok::<_, io::Error>(()))?;
        Ok(decompressor.is_plain())
    };
    if !is_plain().map_err(|e| e.of(&object.url))? {
        return Ok(None);
    }
    let file = Arc::new(object.clone());
    let starts = (0..object.size).step_by(RANGE_BYTES as usize);
    let range = |start| start..object.size.min(start + RANGE_BYTES);
    Ok(Some(starts.map(|start| Block::File(file.clone(), range(start))).collect()))
}

/// Fails if the file has changed since it was listed.
pub(super) fn ensure_unchanged(object: &InputObject) -> Result<()> {
    ListedFile::ensure_unchanged(object).map_err(|e| DecodeError::from(e).of(&object.url))
}

/// Returns the blocks of a local file, which is decompressed or transcoded.
pub(super) fn of_file(
    object: InputObject,
    threads: &Arc<Semaphore>,
    buffers: &Buffers,
    progress: Arc<TransformProgress>,
    stop: CancellationToken,
) -> Blocks<impl Stream<Item = Result<Block>> + Send + use<>> {
    let (mut writer, blocks) = blocks(threads, buffers);
    let stored = tokio::task::spawn_blocking(move || {
        let outcome = read_file(&object, &mut writer, |length| {
            progress.read(length as u64);
            if stop.is_cancelled() { Err(interrupted()) } else { Ok(()) }
        });
        if let Err(error) = outcome {
            writer.fail::<()>(error.of(&object.url));
        }
        object.size
    });
    Blocks { blocks, stored }
}

fn read_file(
    object: &InputObject,
    writer: &mut BlockWriter,
    read: impl Fn(usize) -> io::Result<()>,
) -> Result<(), DecodeError> {
    let mut file = ListedFile::open(object)?;
    let mut decompressor = Decompressor::new(object.compression);
    let mut bytes = vec![0; READ_BYTES];
    writer.start();
    while let Some(length) = file.read(&mut bytes)? {
        read(length)?;
        decompressor.feed(&bytes[..length], |text| writer.write(text))?;
    }
    decompressor.finish(|text| writer.write(text))?;
    Ok(writer.finish()?)
}

/// Returns the blocks of a remote object, whose stored bytes are `chunks`.
pub(super) fn of_chunks(
    object: InputObject,
    mut chunks: BoxStream<'static, Result<Chunk>>,
    threads: &Arc<Semaphore>,
    buffers: &Buffers,
    progress: Arc<TransformProgress>,
) -> Blocks<impl Stream<Item = Result<Block>> + Send + use<>> {
    let (writer, blocks) = blocks(threads, buffers);
    let stored = tokio::spawn(async move {
        let mut stored = 0;
        let mut text = Some(Text { writer, decompressor: Decompressor::new(object.compression) });
        while let Some(begun) = text {
            let chunk = chunks.try_next().await;
            if let Ok(Some((bytes, _))) = &chunk {
                stored += bytes.len() as u64;
                progress.read(bytes.len() as u64);
            }
            let url = object.url.clone();
            let fed = tokio::task::spawn_blocking(move || begun.feed(chunk, &url));
            text = fed.await.ok().flatten();
        }
        stored
    });
    Blocks { blocks, stored }
}

/// The text of a remote object, of which more will be received.
struct Text {
    writer: BlockWriter,
    decompressor: Decompressor,
}

impl Text {
    /// Writes the text of the next chunk. Returns `None` after the last chunk and after an error.
    fn feed(mut self, chunk: Result<Option<Chunk>>, url: &str) -> Option<Text> {
        let chunk = match chunk {
            Ok(chunk) => chunk,
            Err(error) => return self.writer.fail(error),
        };
        self.writer.start();
        let written = match &chunk {
            Some((bytes, _)) => self.decompressor.feed(bytes, |text| self.writer.write(text)),
            None => {
                let finished = self.decompressor.finish(|text| self.writer.write(text));
                match finished.and_then(|()| self.writer.finish()) {
                    Ok(()) => return None,
                    Err(error) => return self.writer.fail(DecodeError::Io(error).of(url)),
                }
            }
        };
        self.writer.permit = None;
        match written {
            Ok(()) => Some(self),
            Err(error) => self.writer.fail(DecodeError::Io(error).of(url)),
        }
    }
}

/// Collects text into blocks and sends them.
struct BlockWriter {
    block: Buffer,
    sender: Sender<Result<Block>>,
    runtime: Handle,
    threads: Arc<Semaphore>,
    /// Permit to use a thread. It is returned while the writer waits for a block to be received: those who
    /// receive it need permits too.
    permit: Option<OwnedSemaphorePermit>,
}

/// Returns a writer and a stream of its blocks.
fn blocks(
    threads: &Arc<Semaphore>,
    buffers: &Buffers,
) -> (BlockWriter, impl Stream<Item = Result<Block>> + Send + use<>) {
    let (sender, mut receiver) = channel(BLOCKS_AHEAD);
    let writer = BlockWriter {
        block: buffers.get(),
        sender,
        runtime: Handle::current(),
        threads: threads.clone(),
        permit: None,
    };
    (writer, stream::poll_fn(move |context| receiver.poll_recv(context)))
}

/// These functions block, so they must be called on a blocking thread.
impl BlockWriter {
    /// Waits for a thread to be free.
    fn start(&mut self) {
        // Cannot fail: the semaphore is never closed.
        self.permit = self.runtime.block_on(self.threads.clone().acquire_owned()).ok();
    }

    fn write(&mut self, mut text: &[u8]) -> io::Result<()> {
        while !text.is_empty() {
            let rest = &mut self.block.bytes[self.block.filled..];
            let length = text.len().min(rest.len());
            rest[..length].copy_from_slice(&text[..length]);
            text = &text[length..];
            self.block.filled += length;
            if self.block.filled == self.block.bytes.len() {
                self.send()?;
            }
        }
        Ok(())
    }

    fn send(&mut self) -> io::Result<()> {
        let next = self.block.buffers.get();
        let block = Block::Memory(Bytes::from_owner(std::mem::replace(&mut self.block, next)));
        let waits = self.permit.take().is_some();
        // The receiver is gone if the run has ended.
        self.sender.blocking_send(Ok(block)).map_err(|_| interrupted())?;
        if waits {
            self.start();
        }
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        if self.block.filled == 0 { Ok(()) } else { self.send() }
    }

    /// Ends the blocks with an error.
    fn fail<T>(&mut self, error: Error) -> Option<T> {
        self.permit = None;
        // Without a receiver, the run has already failed.
        let _ = self.sender.blocking_send(Err(error));
        None
    }
}
