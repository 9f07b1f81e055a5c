//! Compressed objects, decompressed chunk by chunk.

use std::io::{self, Write};

use flate2::write::MultiGzDecoder;
use zstd::stream::raw::{Decoder as ZstdDecoder, InBuffer, Operation, OutBuffer};

/// Bytes decompressed at a time.
const PIECE_BYTES: usize = 64 * 1024;

/// How an object is compressed; told by its suffix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip, one or more members.
    Gzip,
    /// Zstandard, one or more frames.
    Zstd,
}

impl Compression {
    /// The compression that a file name tells.
    pub fn of(name: &str) -> Compression {
        let name = name.to_ascii_lowercase();
        match name.rsplit_once('.') {
            Some((_, "gz")) => Compression::Gzip,
            Some((_, "zst")) => Compression::Zstd,
            _ => Compression::None,
        }
    }

    /// The compression of a JSON object, or `None` when the name tells of something else.
    pub fn of_json(name: &str) -> Option<Compression> {
        let compression = Compression::of(name);
        let lower = name.to_ascii_lowercase();
        let inner = match compression {
            Compression::None => lower.as_str(),
            _ => lower.rsplit_once('.').map_or("", |(inner, _)| inner),
        };
        let json = [".json", ".jsonl", ".ndjson"].iter().any(|s| inner.ends_with(s));
        json.then_some(compression)
    }
}

/// Turns stored bytes into decompressed ones.
pub enum Decompressor {
    /// They are not compressed.
    None,
    /// They are gzip.
    Gzip(Box<MultiGzDecoder<Vec<u8>>>),
    /// They are Zstandard.
    Zstd(ZstdStream),
}

/// A Zstandard stream and whether it stands between two frames.
pub struct ZstdStream {
    decoder: ZstdDecoder<'static>,
    plain: Vec<u8>,
    between_frames: bool,
}

impl Decompressor {
    /// A decompressor for one object.
    ///
    /// # Errors
    ///
    /// If the decompression library cannot be set up.
    pub fn new(compression: Compression) -> io::Result<Decompressor> {
        Ok(match compression {
            Compression::None => Decompressor::None,
            Compression::Gzip => Decompressor::Gzip(Box::new(MultiGzDecoder::new(Vec::new()))),
            Compression::Zstd => Decompressor::Zstd(ZstdStream {
                decoder: ZstdDecoder::new()?,
                plain: vec![0; PIECE_BYTES],
                between_frames: false,
            }),
        })
    }

    /// Passes what `stored` decompresses to on to `take`, piece by piece: a small chunk may hold a
    /// thousand times its size.
    ///
    /// # Errors
    ///
    /// If the bytes are not what their suffix says, or `take` fails.
    pub fn feed<E: From<io::Error>>(
        &mut self,
        stored: &[u8],
        mut take: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        match self {
            Decompressor::None => take(stored),
            Decompressor::Zstd(stream) => stream.feed(stored, take),
            Decompressor::Gzip(decoder) => {
                for piece in stored.chunks(PIECE_BYTES) {
                    decoder.write_all(piece)?;
                    take(decoder.get_ref())?;
                    decoder.get_mut().clear();
                }
                Ok(())
            }
        }
    }

    /// Passes on what is left, and checks that the object was whole.
    ///
    /// # Errors
    ///
    /// If the object ends within a compressed frame, or `take` fails.
    pub fn finish<E: From<io::Error>>(
        self,
        mut take: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        match self {
            Decompressor::None => Ok(()),
            Decompressor::Gzip(mut decoder) => {
                decoder.try_finish()?;
                take(decoder.get_ref())
            }
            Decompressor::Zstd(stream) if stream.between_frames => Ok(()),
            Decompressor::Zstd(_) => {
                Err(io::Error::new(io::ErrorKind::UnexpectedEof, "incomplete frame").into())
            }
        }
    }
}

impl ZstdStream {
    fn feed<E: From<io::Error>>(
        &mut self,
        stored: &[u8],
        mut take: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut input = InBuffer::around(stored);
        loop {
            let mut output = OutBuffer::around(&mut self.plain[..]);
            let hint = self.decoder.run(&mut input, &mut output)?;
            let written = output.pos();
            self.between_frames = hint == 0;
            take(&self.plain[..written])?;
            // A full buffer may hide more output; an unfilled one means that all input is used.
            if input.pos() == stored.len() && written < PIECE_BYTES {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decompress(compression: Compression, stored: &[u8], chunk: usize) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        let mut decompressor = Decompressor::new(compression)?;
        for chunk in stored.chunks(chunk) {
            decompressor.feed(chunk, |plain| {
                out.extend_from_slice(plain);
                io::Result::Ok(())
            })?;
        }
        decompressor.finish(|plain| {
            out.extend_from_slice(plain);
            io::Result::Ok(())
        })?;
        Ok(out)
    }

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn whole_objects_in_any_chunks_and_several_frames() {
        let plain: Vec<u8> = (0..300_000_u32).flat_map(|i| (i / 7).to_le_bytes()).collect();
        for (compression, one) in [
            (Compression::Gzip, gzip(&plain)),
            (Compression::Zstd, zstd::encode_all(&plain[..], 1).unwrap()),
        ] {
            let two = [&one[..], &one[..]].concat();
            for chunk in [1, 1000, usize::MAX] {
                assert!(decompress(compression, &one, chunk).unwrap() == plain);
                assert_eq!(decompress(compression, &two, chunk).unwrap().len(), 2 * plain.len());
            }
        }
    }

    #[test]
    fn a_truncated_object_is_an_error() {
        for (compression, whole) in [
            (Compression::Gzip, gzip(b"some text, some text")),
            (Compression::Zstd, zstd::encode_all(&b"some text, some text"[..], 1).unwrap()),
        ] {
            for end in 0..whole.len() {
                let cut = decompress(compression, &whole[..end], 7);
                assert!(cut.is_err(), "{compression:?} cut at {end} of {}", whole.len());
            }
        }
    }

    #[test]
    fn names() {
        assert_eq!(Compression::of_json("a.json"), Some(Compression::None));
        assert_eq!(Compression::of_json("a.NDJSON.GZ"), Some(Compression::Gzip));
        assert_eq!(Compression::of_json("a.jsonl.zst"), Some(Compression::Zstd));
        assert_eq!(Compression::of_json("a.csv.gz"), None);
        assert_eq!(Compression::of_json("json"), None);
    }
}
