//! Matching the brackets of broken values.

use crate::decode::separator::line_end;

/// Matches the brackets of a broken value, text in quotes left out. Text ends with its line, for
/// JSON text holds no line ends.
#[derive(Default)]
pub(super) struct Brackets {
    /// The closers of the brackets that are open.
    open: Vec<u8>,
    /// The bytes looked at so far.
    pub at: usize,
}

/// The state of matching brackets.
pub(super) enum Matched {
    /// The value ends at this position.
    Close(usize),
    /// A closer is not that of the innermost bracket, or a quote is missing.
    Mismatch,
    /// Brackets are open.
    Open,
}

impl Brackets {
    /// Matches on up to `to`, or to the end of a text that starts before it.
    pub fn advance(&mut self, bytes: &[u8], to: usize) -> Matched {
        while self.at < to {
            let at = self.at;
            self.at = at + 1;
            match bytes[at] {
                // No quote follows a letter or a digit but the one that ends a text.
                b'"' if at > 0 && is_word(bytes[at - 1]) => return Matched::Mismatch,
                b'"' => self.at = text_end(bytes, at + 1),
                b'{' => self.open.push(b'}'),
                b'[' => self.open.push(b']'),
                b',' if self.open.is_empty() && at > 0 => return Matched::Close(at),
                byte @ (b'}' | b']') if self.open.is_empty() => {
                    let is_stray = byte == b'}' || at == 0;
                    return Matched::Close(if is_stray { at + 1 } else { at });
                }
                byte @ (b'}' | b']') => {
                    if self.open.pop() != Some(byte) {
                        return Matched::Mismatch;
                    }
                    if self.open.is_empty() {
                        return Matched::Close(at + 1);
                    }
                }
                _ => {}
            }
        }
        Matched::Open
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || !byte.is_ascii()
}

fn text_end(bytes: &[u8], mut at: usize) -> usize {
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\n' | b'\r' => return at,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// The end of a broken pretty-printed value: a line that starts with its closer belongs to it, one
/// that starts with an opening brace to the next record.
pub(super) fn block_end(bytes: &[u8], mut line: usize, closer: u8, last: bool) -> Option<usize> {
    loop {
        match bytes.get(line) {
            Some(b'{') => return Some(line),
            Some(&byte) if byte == closer => return Some(line + 1),
            Some(_) => {}
            None if last => return Some(bytes.len()),
            None => return None,
        }
        line = match line_end(bytes, line) {
            Some(next) => next,
            None if last => return Some(bytes.len()),
            None => return None,
        };
    }
}
