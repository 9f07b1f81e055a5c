//! Buffered bytes of an object.

use std::cell::Cell;

use simdutf8::compat::Utf8Error;

use super::separator::line_end;

/// The buffered bytes and their prefix that is valid UTF-8. Checking many records at once is
/// cheaper than checking each.
pub(super) struct Chunk<'a> {
    pub bytes: &'a [u8],
    text: &'a str,
    /// A position and the end of its line, cached because many broken records can be on one line.
    line: Cell<(usize, Option<usize>)>,
}

impl<'a> Chunk<'a> {
    pub fn new(bytes: &'a [u8]) -> Chunk<'a> {
        let text = simdutf8::compat::from_utf8(bytes).or_else(|error| {
            let valid = &bytes[..error.valid_up_to()];
            simdutf8::compat::from_utf8(valid)
        });
        Chunk { bytes, text: text.unwrap_or_default(), line: Cell::new((0, Some(0))) }
    }

    /// Returns the prefix that is valid UTF-8.
    pub fn valid_text(&self) -> &'a str {
        self.text
    }

    /// Returns the position after the line that contains byte `at`.
    pub fn line_end(&self, at: usize) -> Option<usize> {
        let (from, end) = self.line.get();
        if from <= at && end.is_none_or(|end| end > at) {
            return end;
        }
        let end = line_end(self.bytes, at);
        self.line.set((at, end));
        end
    }

    /// Returns the text of `length` bytes from `at` on.
    pub fn text(&self, at: usize, length: usize) -> Result<&'a str, Utf8Error> {
        match self.text.get(at..at + length) {
            Some(text) => Ok(text),
            None => simdutf8::compat::from_utf8(&self.bytes[at..at + length]),
        }
    }
}
