//! Matches the brackets of broken values.

use crate::decode::separator::line_end;

/// Matches the brackets of a broken value, ignoring those in quoted text. Text ends at the end of
/// its line, because JSON text contains no line ends.
#[derive(Default)]
pub(super) struct Brackets {
    /// Closing brackets expected for the open ones.
    open: Vec<u8>,
    /// Number of bytes scanned so far.
    pub at: usize,
    /// The last byte that is not a blank; the opening quote for a text.
    last: u8,
}

/// The state of matching brackets.
pub(super) enum Matched {
    /// The value ends at this position.
    Close(usize),
    /// An object opens at this position, where the value cannot contain one.
    Boundary(usize),
    /// A closing bracket does not match the innermost open one, or a quote is missing.
    Mismatch,
    /// The end of the value has not been reached.
    Open,
}

impl Brackets {
    /// Continues matching up to `to`, or to the end of a text that starts before it.
    pub fn advance(&mut self, bytes: &[u8], to: usize) -> Matched {
        while self.at < to {
            let at = self.at;
            self.at = at + 1;
            let before = self.last;
            if !bytes[at].is_ascii_whitespace() {
                self.last = bytes[at];
            }
            match bytes[at] {
                // After a letter or a digit, a quote can only end a text.
                b'"' if at > 0 && is_word(bytes[at - 1]) => return Matched::Mismatch,
                b'"' => self.at = text_end(bytes, at + 1),
                b'{' if !self.may_open(before) => return Matched::Boundary(at),
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

    /// Returns `true` if an object can open after the byte `before`: in an object it follows only
    /// the colon of a key, in an array only the opening bracket or a comma.
    fn may_open(&self, before: u8) -> bool {
        match self.open.last() {
            None => true,
            Some(b'}') => before == b':',
            Some(_) => matches!(before, b'[' | b','),
        }
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

/// Finds the end of a broken pretty-printed value indented by `indent` blanks. At that indentation,
/// a line with the closing bracket belongs to the value, and a line with an opening brace starts
/// the next record.
pub(super) fn block_end(
    bytes: &[u8],
    mut line: usize,
    closer: u8,
    indent: usize,
    last: bool,
) -> Option<usize> {
    loop {
        let blanks = bytes[line..].iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        match bytes.get(line + blanks) {
            Some(b'{') if blanks == indent => return Some(line),
            Some(&byte) if byte == closer && blanks == indent => return Some(line + blanks + 1),
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
