//! Marks of the bytes that end a run of plain text within a string.

use crate::decode::text::{LANES, is_special, special_bytes};

/// One bit per byte of a text: set for quotes, backslashes and control characters.
#[derive(Debug, Default)]
pub(in crate::decode) struct Marks {
    /// Eight bytes of text per byte, lowest bit first, followed by at least eight bytes. The rest, if any, is
    /// of an earlier text.
    bits: Vec<u8>,
    /// `true` once a text has been marked.
    is_marked: bool,
}

/// Number of bytes that are loaded at once, and of those after the last mark.
const LOADED: usize = size_of::<u64>();

/// Number of bytes of text whose marks are computed in one step.
const BLOCK: usize = 8 * LOADED;

impl Marks {
    /// Forgets the text that was marked.
    pub fn clear(&mut self) {
        self.is_marked = false;
    }

    /// Returns `true` if a text has been marked.
    #[inline]
    pub fn is_marked(&self) -> bool {
        self.is_marked
    }

    /// Marks the special bytes of `text`.
    pub fn mark(&mut self, text: &[u8]) {
        let length = (text.len() / BLOCK + 2) * LOADED;
        if self.bits.len() < length {
            self.bits.resize(length, 0);
        }
        let (blocks, rest) = text.as_chunks::<BLOCK>();
        let (marks, after) = self.bits.split_at_mut(blocks.len() * LOADED);
        for (block, marks) in blocks.iter().zip(marks.as_chunks_mut::<LOADED>().0) {
            let mut bits = 0;
            for (at, lanes) in block.as_chunks::<LANES>().0.iter().enumerate() {
                bits |= u64::from(special_bytes(*lanes)) << (at * LANES);
            }
            *marks = bits.to_le_bytes();
        }
        let mut last = 0_u64;
        for (at, byte) in rest.iter().enumerate() {
            last |= u64::from(is_special(*byte)) << at;
        }
        after[..LOADED].copy_from_slice(&last.to_le_bytes());
        after[LOADED..2 * LOADED].fill(0);
        self.is_marked = true;
    }

    /// Returns the position of the first special byte from `at` on. Without one, returns `None` or a position
    /// beyond the text.
    #[inline(always)]
    pub fn next(&self, mut at: usize) -> Option<usize> {
        loop {
            let loaded = self.bits.get(at / 8..)?.first_chunk::<LOADED>()?;
            let bits = u64::from_le_bytes(*loaded) >> (at % 8);
            if bits != 0 {
                return Some(at + bits.trailing_zeros() as usize);
            }
            at = at / 8 * 8 + BLOCK;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_bytes_are_found_wherever_they_are() {
        let mut marks = Marks::default();
        for length in [0, 1, 63, 64, 65, 200, 3] {
            for special in [b'"', b'\\', 0x00, 0x1F, b'\n'] {
                for at in 0..length {
                    let mut text = vec![b'x'; length];
                    text[at] = special;
                    marks.mark(&text);
                    for from in 0..length {
                        let expected = (from <= at).then_some(at);
                        let found = marks.next(from).filter(|found| *found < length);
                        assert_eq!(found, expected, "{special:#x} at {at} from {from}");
                    }
                }
            }
        }
    }

    #[test]
    fn other_bytes_are_not_special() {
        let mut marks = Marks::default();
        assert!(!marks.is_marked());
        let text: Vec<u8> = (0x20..=0xFF).filter(|byte| !matches!(byte, b'"' | b'\\')).collect();
        marks.mark(&text);
        assert_eq!(marks.next(0).filter(|found| *found < text.len()), None);
        assert!(marks.is_marked());
        marks.clear();
        assert!(!marks.is_marked());
    }
}
