//! Decompression of consecutive gzip members and Zstandard frames.

use std::io::{self, Write};

use flate2::write::GzDecoder;
use zstd::stream::raw::{DParameter, Decoder as ZstdDecoder, InBuffer, Operation, OutBuffer};

use super::content::zstd_window;

/// Maximum number of bytes to decompress at a time.
const PIECE_BYTES: usize = 64 * 1024;

/// The window size that RFC 8878 recommends every decoder to support.
pub(super) const COMMON_WINDOW: u64 = 8 * 1024 * 1024;

/// The largest window that is accepted: the default of the zstd program.
const LARGEST_WINDOW_LOG: u32 = 27;

/// A sequence of gzip members.
pub(super) struct GzipStream {
    member: Member,
}

enum Member {
    Inside(Box<GzDecoder<Vec<u8>>>),
    /// After a member. Holds the first byte of a signature that is split between two chunks.
    Between(Option<u8>),
}

impl GzipStream {
    pub fn new() -> GzipStream {
        GzipStream { member: inside() }
    }

    pub fn feed<E: From<io::Error>>(
        &mut self,
        stored: &[u8],
        emit: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut rest = stored;
        while !rest.is_empty() {
            match &mut self.member {
                Member::Between(first) => {
                    let first = std::mem::take(first);
                    rest = self.begin_member(first, rest)?;
                }
                Member::Inside(decoder) => {
                    let piece = &rest[..rest.len().min(PIECE_BYTES)];
                    let used = decoder.write(piece)?;
                    if !decoder.get_ref().is_empty() {
                        emit(decoder.get_ref())?;
                        decoder.get_mut().clear();
                    }
                    rest = &rest[used..];
                    if used == 0 {
                        finish_member(decoder, emit)?;
                        self.member = Member::Between(None);
                    }
                }
            }
        }
        Ok(())
    }

    /// Skips the zeros that pad a member, as tapes and block devices add them, and begins the next
    /// member. Other bytes are an error: gzip ignores them with a warning, but they may be records.
    fn begin_member<'a>(&mut self, first: Option<u8>, rest: &'a [u8]) -> io::Result<&'a [u8]> {
        let Some(start) = rest.iter().position(|byte| *byte != 0 || first.is_some()) else {
            return Ok(&[]);
        };
        let rest = &rest[start..];
        match (first, rest) {
            (None, [0x1f]) => {
                self.member = Member::Between(Some(0x1f));
                Ok(&[])
            }
            (None, [0x1f, 0x8b, ..]) => {
                self.member = inside();
                Ok(rest)
            }
            (Some(first), [0x8b, ..]) => {
                let Member::Inside(mut decoder) = inside() else { return Ok(rest) };
                decoder.write_all(&[first])?;
                self.member = Member::Inside(decoder);
                Ok(rest)
            }
            _ => Err(after_member()),
        }
    }

    pub fn finish<E: From<io::Error>>(
        self,
        emit: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        match self.member {
            Member::Inside(mut decoder) => finish_member(&mut decoder, emit),
            Member::Between(None) => Ok(()),
            Member::Between(Some(_)) => Err(after_member().into()),
        }
    }
}

fn inside() -> Member {
    Member::Inside(Box::new(GzDecoder::new(Vec::new())))
}

/// Checks that the member is complete and that its checksum is correct.
fn finish_member<E: From<io::Error>>(
    decoder: &mut GzDecoder<Vec<u8>>,
    emit: &mut impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    decoder.try_finish()?;
    emit(decoder.get_ref())?;
    decoder.get_mut().clear();
    Ok(())
}

fn after_member() -> io::Error {
    let reason = "the bytes after its gzip data are neither gzip nor zeros";
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

/// A sequence of Zstandard frames.
pub(super) struct ZstdStream {
    decoder: ZstdDecoder<'static>,
    plain: Vec<u8>,
    /// `true` if the last frame has been decoded and passed on completely.
    between_frames: bool,
}

impl ZstdStream {
    /// Returns a decoder for data that begins with `start`. Later frames must not have a larger window
    /// than the first frame (or the common window size), since memory is reserved only once.
    pub fn new(start: &[u8]) -> io::Result<ZstdStream> {
        let window = zstd_window(start).unwrap_or(0).max(COMMON_WINDOW);
        let log = window.checked_next_power_of_two().map_or(u32::MAX, u64::ilog2);
        let mut decoder = ZstdDecoder::new()?;
        decoder.set_parameter(DParameter::WindowLogMax(log.min(LARGEST_WINDOW_LOG)))?;
        Ok(ZstdStream { decoder, plain: vec![0; PIECE_BYTES], between_frames: true })
    }

    pub fn feed<E: From<io::Error>>(
        &mut self,
        stored: &[u8],
        emit: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut input = InBuffer::around(stored);
        let mut is_full = false;
        // A full output buffer may mean that more output is pending, but not at the end of a frame:
        // calling the decoder there would begin a frame that does not exist.
        while input.pos() < stored.len() || is_full && !self.between_frames {
            let mut output = OutBuffer::around(&mut self.plain[..]);
            let hint = self.decoder.run(&mut input, &mut output).map_err(explain)?;
            let written = output.pos();
            is_full = written == PIECE_BYTES;
            self.between_frames = hint == 0;
            if written > 0 {
                emit(&self.plain[..written])?;
            }
        }
        Ok(())
    }

    pub fn finish(self) -> io::Result<()> {
        if self.between_frames {
            return Ok(());
        }
        let reason = "it ends within a Zstandard frame";
        Err(io::Error::new(io::ErrorKind::UnexpectedEof, reason))
    }
}

fn explain(error: io::Error) -> io::Error {
    // The library's error code is not available here; only the message is.
    if !error.to_string().contains("too much memory") {
        return error;
    }
    let reason = "a Zstandard frame in it has a window of more than 128 MiB, or a later one a larger \
                  window than the first; compress it again without --long and --ultra";
    io::Error::new(io::ErrorKind::InvalidData, reason)
}
