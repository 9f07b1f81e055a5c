//! Decompression of objects, chunk by chunk.

use std::io;

use super::content::{Format, SNIFF_BYTES, recognise, zstd_window};
use super::frames::{COMMON_WINDOW, GzipStream, ZstdStream};
use super::utf16::Utf16;

/// The compression that an object's name indicates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Not compressed.
    None,
    /// gzip.
    Gzip,
    /// Zstandard.
    Zstd,
}

impl Compression {
    /// Returns the compression that a file name indicates.
    pub fn of(name: &str) -> Compression {
        match name.rsplit_once('.') {
            Some((_, suffix)) if suffix.eq_ignore_ascii_case("gz") => Compression::Gzip,
            Some((_, suffix)) if suffix.eq_ignore_ascii_case("zst") => Compression::Zstd,
            _ => Compression::None,
        }
    }

    /// Returns the compression of a JSON object, or `None` if the name has another suffix.
    pub fn of_json(name: &str) -> Option<Compression> {
        let compression = Compression::of(name);
        let inner = match compression {
            Compression::None => name,
            _ => name.rsplit_once('.').map_or("", |(inner, _)| inner),
        };
        let (_, suffix) = inner.rsplit_once('.')?;
        let is_json = ["json", "jsonl", "ndjson"].iter().any(|s| suffix.eq_ignore_ascii_case(s));
        is_json.then_some(compression)
    }

    /// Returns the bytes that data compressed this way begins with.
    fn signature(self) -> &'static [u8] {
        match self {
            Compression::None => b"",
            Compression::Gzip => b"\x1f\x8b",
            Compression::Zstd => b"\x28\xb5\x2f\xfd",
        }
    }
}

/// Converts the stored bytes of an object to UTF-8 text.
///
/// The first bytes determine the format, not the name. gzip and Zstandard are decompressed; UTF-16 with
/// a byte order mark is transcoded, also inside compressed data. Any other known format is an error
/// that names it.
pub struct Decompressor {
    compression: Compression,
    outer: Outer,
    text: Text,
}

/// The compression of the stored bytes.
enum Outer {
    Unknown(Vec<u8>),
    Plain,
    Gzip(GzipStream),
    Zstd(ZstdStream),
}

/// The encoding of the text inside.
enum Text {
    Unknown(Vec<u8>),
    Utf8,
    Utf16(Box<Utf16>),
}

impl Decompressor {
    /// Returns a decompressor for an object whose name indicates `compression`.
    pub fn new(compression: Compression) -> Decompressor {
        let outer = Outer::Unknown(Vec::new());
        Decompressor { compression, outer, text: Text::Unknown(Vec::new()) }
    }

    /// Returns the extra memory needed to decompress data that begins with `start`: the window of a
    /// Zstandard frame, if it is larger than usual.
    pub fn large_window(start: &[u8]) -> Option<u64> {
        zstd_window(start).filter(|window| *window > COMMON_WINDOW)
    }

    /// Returns `true` if the bytes so far show that the stored bytes are the text.
    pub fn is_plain(&self) -> bool {
        matches!((&self.outer, &self.text), (Outer::Plain, Text::Utf8))
    }

    /// Passes the text of `stored` to `emit`, piece by piece, since a small chunk can expand a
    /// thousandfold.
    ///
    /// # Errors
    ///
    /// Returns an error if the bytes are damaged or in an unsupported format, or if `emit` fails.
    pub fn feed<E: From<io::Error>>(
        &mut self,
        stored: &[u8],
        mut emit: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let Decompressor { outer, text, .. } = self;
        outer.feed(stored, false, &mut |plain: &[u8]| text.feed(plain, false, &mut emit))
    }

    /// Passes the remaining text to `emit` and checks that the object is complete.
    ///
    /// # Errors
    ///
    /// Fails like [`Decompressor::feed`], and if the object ends in the middle of its compressed data.
    pub fn finish<E: From<io::Error>>(
        self,
        mut emit: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let Decompressor { compression, mut outer, mut text } = self;
        if let Outer::Unknown(start) = &outer
            && !start.is_empty()
            && start.len() < compression.signature().len()
            && compression.signature().starts_with(start)
        {
            let reason = "it ends within the signature of its compression";
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, reason).into());
        }
        let mut to_text = |plain: &[u8]| text.feed(plain, false, &mut emit);
        outer.feed(&[], true, &mut to_text)?;
        match outer {
            Outer::Gzip(stream) => stream.finish(&mut to_text)?,
            Outer::Zstd(stream) => stream.finish()?,
            Outer::Unknown(_) | Outer::Plain => {}
        }
        text.feed(&[], true, &mut emit)?;
        match text {
            Text::Utf16(decoder) => decoder.finish(&mut emit),
            Text::Unknown(_) | Text::Utf8 => Ok(()),
        }
    }
}

impl Outer {
    fn feed<E: From<io::Error>>(
        &mut self,
        stored: &[u8],
        whole: bool,
        emit: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let stream = match self {
            Outer::Plain => return emit(stored),
            Outer::Gzip(stream) => return stream.feed(stored, emit),
            Outer::Zstd(stream) => return stream.feed(stored, emit),
            Outer::Unknown(kept) => {
                let Some((format, kept)) = sniff(kept, stored, whole) else { return Ok(()) };
                *self = match format {
                    Format::Gzip => Outer::Gzip(GzipStream::new()),
                    Format::Zstd => Outer::Zstd(ZstdStream::new(&first_bytes(&kept, stored))?),
                    Format::Foreign(what) => return Err(foreign(what).into()),
                    Format::Plain | Format::Utf16 { .. } => Outer::Plain,
                };
                if !kept.is_empty() {
                    self.feed(&kept, false, emit)?;
                }
                self
            }
        };
        if stored.is_empty() { Ok(()) } else { stream.feed(stored, false, emit) }
    }
}

impl Text {
    fn feed<E: From<io::Error>>(
        &mut self,
        plain: &[u8],
        whole: bool,
        emit: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        match self {
            Text::Utf8 if plain.is_empty() => Ok(()),
            Text::Utf8 => emit(plain),
            Text::Utf16(decoder) => decoder.feed(plain, emit),
            Text::Unknown(kept) => {
                let Some((format, kept)) = sniff(kept, plain, whole) else { return Ok(()) };
                let mut mark = 0;
                *self = match format {
                    Format::Utf16 { big_endian } => {
                        mark = 2;
                        Text::Utf16(Box::new(Utf16::new(big_endian)))
                    }
                    Format::Foreign(what) => return Err(foreign(what).into()),
                    Format::Gzip | Format::Zstd => return Err(foreign("compressed twice").into()),
                    Format::Plain => Text::Utf8,
                };
                let in_kept = mark.min(kept.len());
                self.feed(&kept[in_kept..], false, emit)?;
                self.feed(&plain[mark - in_kept..], false, emit)
            }
        }
    }
}

/// Returns the format of the data that begins with `kept` and continues with `more`, and the bytes kept
/// so far. Until the format is known, appends `more` to `kept` and returns `None`.
fn sniff(kept: &mut Vec<u8>, more: &[u8], whole: bool) -> Option<(Format, Vec<u8>)> {
    let format = match kept.is_empty() {
        true => recognise(more, whole),
        false => recognise(&first_bytes(kept, more), whole),
    };
    if format.is_none() {
        kept.extend_from_slice(more);
    }
    format.map(|format| (format, std::mem::take(kept)))
}

fn first_bytes(kept: &[u8], more: &[u8]) -> Vec<u8> {
    kept.iter().chain(more).take(SNIFF_BYTES).copied().collect()
}

fn foreign(what: &str) -> io::Error {
    let reason =
        format!("it is {what}; JSON is read plain or compressed once with gzip or Zstandard");
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

#[cfg(test)]
mod tests;
