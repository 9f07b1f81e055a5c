//! A part of the text of an object: in memory, or in a local file.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::file::ListedFile;
use crate::storage::InputObject;

/// Number of bytes that are decoded at once: few enough to stay in the processor's cache after they have been
/// read.
const PIECE_BYTES: usize = 256 * 1024;

/// A part of the text of an object.
#[derive(Clone)]
pub(super) enum Block {
    Memory(Bytes),
    /// A range of the bytes of a file whose bytes are its text.
    File(Arc<InputObject>, Range<u64>),
}

impl Block {
    /// Returns the number of bytes.
    pub fn len(&self) -> u64 {
        match self {
            Block::Memory(bytes) => bytes.len() as u64,
            Block::File(_, range) => range.end - range.start,
        }
    }

    /// Returns the bytes from `from` on, in pieces.
    pub fn pieces(&self, from: u64) -> io::Result<Pieces<'_>> {
        Ok(match self {
            Block::Memory(bytes) => Pieces::Memory(&bytes[from as usize..]),
            Block::File(object, range) => {
                Pieces::File(ListedFile::open_at(object, range.start + from)?, range.end)
            }
        })
    }
}

/// The pieces of a block.
pub(super) enum Pieces<'a> {
    Memory(&'a [u8]),
    /// A file and the end of the block.
    File(ListedFile<'a>, u64),
}

impl Pieces<'_> {
    /// Returns the next piece, which may be in `buffer`.
    pub fn next<'b>(&'b mut self, buffer: &'b mut Vec<u8>) -> io::Result<Option<&'b [u8]>> {
        match self {
            Pieces::Memory([]) => Ok(None),
            Pieces::Memory(rest) => {
                let (piece, after) = rest.split_at(rest.len().min(PIECE_BYTES));
                *rest = after;
                Ok(Some(piece))
            }
            Pieces::File(file, end) => {
                buffer.resize(PIECE_BYTES, 0);
                let length = file.read_before(*end, buffer)?;
                Ok(length.map(|length| &buffer[..length]))
            }
        }
    }
}
