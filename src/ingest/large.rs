//! Decodes a large object on several threads.
//!
//! The object is divided into blocks. Where a line of a block begins with a bracket, a record probably begins,
//! so the rest of the block is decoded on another thread as if one did. The result counts only if everything
//! before it, decoded in order, ends right there between two records. Otherwise it is dropped, and the block
//! is decoded in order. The rows and rejects are therefore those of decoding in order.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::RecordBatch;
use bytes::Bytes;
use futures::stream::{Stream, StreamExt};
use memchr::memchr_iter;
use tokio_util::task::AbortOnDropHandle;

use super::block::Block;
use super::pool::{DecodeError, DecoderPool};
use crate::decode::{Decoder, Notes, ObjectCounts, ObjectState};
use crate::error::Result;
use crate::storage::InputObject;

/// Number of bytes at the start of a block in which the start of a record is looked for.
const SEARCHED_BYTES: usize = 256 * 1024;

/// Number of dropped results in a row after which the rest of an object is decoded in order.
const MAX_DROPPED: usize = 2;

/// A block that is being decoded.
struct Begun {
    block: Block,
    /// `None` if the block is only decoded in order.
    ahead: Option<AbortOnDropHandle<Result<Ahead>>>,
}

/// The outcome of decoding a block without what precedes it.
struct Ahead {
    /// The bytes before the probable start of a record.
    head: Bytes,
    /// The outcome for the bytes after it, if there is a probable start.
    rest: Option<Decoded>,
}

struct Decoded {
    state: ObjectState,
    rows: Vec<RecordBatch>,
    /// The lines of the rejects begin with 1.
    rejects: Vec<RecordBatch>,
    notes: Notes,
}

/// The start of a block.
#[derive(Clone)]
struct Origin {
    url: Arc<str>,
    /// Number of the object.
    number: u32,
    /// Number of bytes of the object before the block.
    offset: u64,
}

impl Origin {
    /// Returns the state of decoding from byte `at` of the block on.
    fn state(&self, at: u64) -> ObjectState {
        ObjectState::at(self.url.clone(), self.offset + at).with_number(self.number)
    }
}

/// The progress of decoding an object.
struct LargeObject {
    url: Arc<str>,
    pool: DecoderPool,
    notes: Notes,
    /// The state after the blocks decoded in order.
    state: ObjectState,
    /// Number of dropped results in a row.
    dropped: Arc<AtomicUsize>,
}

/// Decodes `blocks`, which are all of `object`. Calls `done` with each decoded block.
///
/// # Errors
///
/// Returns the first error of `blocks`, and an error if rows cannot be staged.
pub(super) async fn decode_blocks(
    object: &InputObject,
    blocks: impl Stream<Item = Result<Block>> + Send,
    pool: &DecoderPool,
    done: impl Fn(&Block),
) -> Result<(ObjectCounts, Notes)> {
    let dropped = Arc::<AtomicUsize>::default();
    let mut origin = Origin { url: object.url.clone(), number: object.number, offset: 0 };
    let state = origin.state(0);
    let parted = (pool.clone(), dropped.clone());
    let begun = blocks.map(move |block| {
        let begun = block.map(|block| {
            let (pool, dropped) = &parted;
            let goes_ahead = dropped.load(Ordering::Relaxed) < MAX_DROPPED;
            let ahead = goes_ahead.then(|| begin(block.clone(), origin.clone(), pool));
            origin.offset += block.len();
            Begun { block, ahead }
        });
        futures::future::ready(begun)
    });
    // A block is decoded from when it is taken from the stream, so this is the number of blocks in progress.
    let mut begun = std::pin::pin!(begun.buffered(pool.threads() + 1));
    let (url, pool, notes) = (object.url.clone(), pool.clone(), Notes::default());
    let mut object = LargeObject { url, pool, notes, state, dropped };
    while let Some(begun) = begun.next().await {
        let Begun { block, ahead } = begun?;
        object = match ahead {
            None => object.feed(block.clone(), 0).await?,
            Some(ahead) => object.follow(&block, ahead.await??).await?,
        };
        done(&block);
    }
    object.finish().await
}

/// Begins to decode a block.
fn begin(block: Block, origin: Origin, pool: &DecoderPool) -> AbortOnDropHandle<Result<Ahead>> {
    let pool = pool.clone();
    AbortOnDropHandle::new(tokio::spawn(async move {
        let decoded = pool.run_ahead(move |decoder| {
            decode_ahead(decoder, &block, &origin).map_err(|e| e.of(&origin.url))
        });
        decoded.await?
    }))
}

/// Decodes a block from where a record probably begins.
fn decode_ahead(
    decoder: &mut Decoder,
    block: &Block,
    origin: &Origin,
) -> Result<Ahead, DecodeError> {
    let (mut pieces, mut buffer) = (block.pieces(0)?, Vec::new());
    let (mut head, mut state) = (Vec::new(), None);
    while let Some(piece) = pieces.next(&mut buffer)? {
        if let Some(state) = &mut state {
            decoder.feed(state, piece)?;
            continue;
        }
        let start = probable_start(piece);
        head.extend_from_slice(&piece[..start.unwrap_or(piece.len())]);
        if let Some(start) = start {
            let mut begun = origin.state(head.len() as u64);
            decoder.feed(&mut begun, &piece[start..])?;
            state = Some(begun);
        } else if head.len() >= SEARCHED_BYTES {
            break;
        }
    }
    decoder.flush()?;
    let (rows, rejects, notes) =
        (decoder.take_rows(), decoder.take_rejects(), decoder.take_notes());
    let rest = state.map(|state| Decoded { state, rows, rejects, notes });
    Ok(Ahead { head: head.into(), rest })
}

/// Returns the start of the first line that begins with a bracket. A line feed cannot be within a string, so
/// it is either within a record of several lines or between two records.
fn probable_start(bytes: &[u8]) -> Option<usize> {
    let mut starts = memchr_iter(b'\n', bytes).map(|at| at + 1);
    starts.find(|&start| matches!(bytes.get(start), Some(b'{' | b'[')))
}

impl LargeObject {
    /// Decodes a block, of which the rest may have been decoded ahead.
    async fn follow(self, block: &Block, ahead: Ahead) -> Result<LargeObject> {
        let Ahead { head, rest } = ahead;
        let from = head.len() as u64;
        let Some(decoded) = rest else { return self.feed(block.clone(), 0).await };
        let object = self.feed(Block::Memory(head), 0).await?;
        if decoded.state.can_follow(&object.state) {
            object.dropped.store(0, Ordering::Relaxed);
            return object.accept(decoded).await;
        }
        object.dropped.fetch_add(1, Ordering::Relaxed);
        object.feed(block.clone(), from).await
    }

    /// Decodes the bytes of a block from `from` on in order.
    async fn feed(mut self, block: Block, from: u64) -> Result<LargeObject> {
        if block.len() == from {
            return Ok(self);
        }
        let pool = self.pool.clone();
        let (object, outcome) = pool
            .run(move |decoder, sink| {
                let mut feed = || -> Result<(), DecodeError> {
                    let (mut pieces, mut buffer) = (block.pieces(from)?, Vec::new());
                    while let Some(piece) = pieces.next(&mut buffer)? {
                        decoder.feed(&mut self.state, piece)?;
                        sink.drain(decoder)?;
                    }
                    Ok(())
                };
                let outcome = feed();
                self.notes.merge(decoder.take_notes());
                (self, outcome)
            })
            .await?;
        outcome.map_err(|e| e.of(&object.url))?;
        Ok(object)
    }

    /// Stages what has been decoded ahead.
    async fn accept(mut self, decoded: Decoded) -> Result<LargeObject> {
        let Decoded { state, rows, rejects, notes } = decoded;
        let lines = self.state.lines();
        self.state = state.after(self.state);
        self.notes.merge(notes);
        let staged = self.pool.run(move |_, sink| sink.stage(rows, rejects, lines)).await?;
        staged.map_err(|e| DecodeError::from(e).of(&self.url))?;
        Ok(self)
    }

    async fn finish(self) -> Result<(ObjectCounts, Notes)> {
        let LargeObject { url, pool, state, mut notes, .. } = self;
        let finished = pool.run(move |decoder, sink| {
            let counts = decoder.finish(state)?;
            sink.drain(decoder)?;
            notes.merge(decoder.take_notes());
            Ok((counts, notes))
        });
        finished.await?.map_err(|e: DecodeError| e.of(&url))
    }
}
