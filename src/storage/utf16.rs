//! Conversion of UTF-16 text to UTF-8, chunk by chunk.

use std::io;

use encoding_rs::{Decoder, DecoderResult, UTF_16BE, UTF_16LE};

/// Maximum number of UTF-8 bytes per piece.
const PIECE_BYTES: usize = 64 * 1024;

/// A byte that never occurs in UTF-8; it turns the record that contains it into a reject.
const NOT_UTF8: u8 = 0xff;

/// A stream of UTF-16 without its byte order mark.
pub(super) struct Utf16 {
    decoder: Decoder,
    utf8: Vec<u8>,
    is_odd: bool,
}

impl Utf16 {
    pub fn new(big_endian: bool) -> Utf16 {
        let encoding = if big_endian { UTF_16BE } else { UTF_16LE };
        let decoder = encoding.new_decoder_without_bom_handling();
        Utf16 { decoder, utf8: vec![0; PIECE_BYTES], is_odd: false }
    }

    pub fn feed<E: From<io::Error>>(
        &mut self,
        utf16: &[u8],
        emit: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.is_odd ^= utf16.len() % 2 == 1;
        self.decode(utf16, false, emit)
    }

    pub fn finish<E: From<io::Error>>(
        mut self,
        emit: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.is_odd {
            let reason = "it ends within a UTF-16 character";
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, reason).into());
        }
        self.decode(&[], true, emit)
    }

    fn decode<E: From<io::Error>>(
        &mut self,
        mut utf16: &[u8],
        last: bool,
        emit: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        loop {
            let (result, read, written) =
                self.decoder.decode_to_utf8_without_replacement(utf16, &mut self.utf8, last);
            utf16 = &utf16[read..];
            if written > 0 {
                emit(&self.utf8[..written])?;
            }
            match result {
                DecoderResult::InputEmpty => return Ok(()),
                DecoderResult::OutputFull => {}
                // An unpaired surrogate.
                DecoderResult::Malformed(..) => emit(&[NOT_UTF8])?,
            }
        }
    }
}
