//! The separators between records: line ends, white space and other bytes.
//!
//! A line ends with a line feed, a carriage return, or both. Other bytes between records that carry
//! no data are commas, U+001E (RFC 7464), the NUL bytes that a crash leaves in a preallocated file,
//! and the byte order marks of concatenated files.

use memchr::{memchr_iter, memchr2};

/// The byte order mark in UTF-8.
pub(super) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The record separator of RFC 7464.
const RECORD_SEPARATOR: u8 = 0x1E;

/// Returns `true` if `byte` is NUL or the record separator. Neither can occur in JSON text.
pub(super) fn is_stray_separator(byte: u8) -> bool {
    byte == 0 || byte == RECORD_SEPARATOR
}

/// Returns the position after the first line end from `at` on. A carriage return followed by a line
/// feed is one line end.
pub(super) fn line_end(bytes: &[u8], at: usize) -> Option<usize> {
    let found = at + memchr2(b'\n', b'\r', &bytes[at..])?;
    let is_pair = bytes[found] == b'\r' && bytes.get(found + 1) == Some(&b'\n');
    Some(found + 1 + usize::from(is_pair))
}

/// Returns the first position from `at` on with neither JSON white space nor a stray separator.
pub(super) fn skip_blank(bytes: &[u8], mut at: usize) -> usize {
    while let Some(&byte) = bytes.get(at) {
        if !is_blank(byte) {
            break;
        }
        at += 1;
    }
    at
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\r' | b'\t') || is_stray_separator(byte)
}

/// Returns `bytes` without trailing separators.
pub(super) fn trim_end(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|&byte| !is_blank(byte) && !byte.is_ascii_whitespace());
    &bytes[..end.map_or(0, |last| last + 1)]
}

/// Counts line ends in consecutive pieces of an object.
#[derive(Debug, Default)]
pub(super) struct LineCounter {
    /// `true` if the last piece ended with a carriage return, which was counted. A line feed after
    /// it belongs to the same line end.
    after_return: bool,
}

impl LineCounter {
    /// Counts the line ends in `from..to` of `bytes`, which follow the pieces counted before.
    pub fn count(&mut self, bytes: &[u8], from: usize, to: usize) -> u64 {
        let piece = &bytes[from..to];
        let Some(&first) = piece.first() else { return 0 };
        let counted_before = std::mem::take(&mut self.after_return) && first == b'\n';
        let mut lines = memchr_iter(b'\n', piece).count() as u64 - u64::from(counted_before);
        for at in memchr_iter(b'\r', piece) {
            match bytes.get(from + at + 1) {
                Some(b'\n') => {}
                Some(_) => lines += 1,
                None => {
                    lines += 1;
                    self.after_return = true;
                }
            }
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_ends_with_a_feed_a_return_or_both() {
        assert_eq!(line_end(b"ab\ncd", 0), Some(3));
        assert_eq!(line_end(b"ab\rcd", 0), Some(3));
        assert_eq!(line_end(b"ab\r\ncd", 0), Some(4));
        assert_eq!(line_end(b"ab\n\rcd", 0), Some(3));
        assert_eq!(line_end(b"abcd", 0), None);
    }

    #[test]
    fn lines_are_counted_wherever_the_bytes_are_cut() {
        let text = b"a\r\nb\rc\n\n\r\r\nd\r";
        for first in 0..=text.len() {
            for second in first..=text.len() {
                let mut counter = LineCounter::default();
                let pieces = [&text[..first], &text[first..second], &text[second..]];
                let lines: u64 = pieces.map(|p| counter.count(p, 0, p.len())).iter().sum();
                assert_eq!(lines, 7, "cut at {first} and {second}");
            }
        }
    }

    #[test]
    fn separators_at_the_end_are_no_part_of_a_record() {
        assert_eq!(trim_end(b"{} \0\0\r\n\x1e"), b"{}");
        assert_eq!(trim_end(b"\0\n"), b"");
    }
}
