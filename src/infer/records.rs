//! The records of an object: JSON values one after another, or the elements of arrays.

use memchr::{memchr_iter, memmem};

use super::json::Json;

/// A part of an object that is not a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Line, from 1.
    pub line: usize,
    /// Reason for skipping it.
    pub reason: String,
}

/// Passes the records in `text` to `each`, and the parts that are none to `broken`. If `is_cut`, the
/// text ends within the object, and an incomplete record at its end is left out.
pub(super) fn read_records(
    text: &[u8],
    is_cut: bool,
    mut each: impl FnMut(Json),
    mut broken: impl FnMut(Broken),
) {
    let mut cursor = Cursor { text, at: 0, in_array: false, line: 1, counted: 0 };
    if text.starts_with(b"\xef\xbb\xbf") {
        cursor.at = 3;
    }
    while cursor.find_value() {
        let mut values = serde_json::Deserializer::from_slice(&text[cursor.at..]).into_iter();
        let reason = match values.next() {
            Some(Ok(Json::Object(entries))) => {
                cursor.at += values.byte_offset();
                each(Json::Object(entries));
                continue;
            }
            Some(Ok(_)) => {
                let line = cursor.line();
                cursor.at += values.byte_offset();
                broken(Broken { line, reason: "the record is not an object".to_owned() });
                continue;
            }
            Some(Err(error)) => error,
            None => break,
        };
        let resumes = cursor.next_start();
        if resumes.is_none() && is_cut && reason.is_eof() {
            break;
        }
        // The position in the message counts from the start of the record.
        let reason = reason.to_string();
        let reason = reason.split(" at line ").next().unwrap_or_default().to_owned();
        broken(Broken { line: cursor.line(), reason });
        let Some(start) = resumes else { break };
        cursor.at = start;
    }
}

struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
    /// `true` within an array whose elements are the records.
    in_array: bool,
    /// Line of `counted`.
    line: usize,
    counted: usize,
}

impl Cursor<'_> {
    /// Moves to the start of the next value. Returns `false` at the end of the text.
    fn find_value(&mut self) -> bool {
        while let Some(byte) = self.text.get(self.at) {
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' => {}
                b'[' if !self.in_array => self.in_array = true,
                b']' if self.in_array => self.in_array = false,
                b',' if self.in_array => {}
                _ => return true,
            }
            self.at += 1;
        }
        false
    }

    /// Returns the start of the next line that begins with an object. Lines within a record are
    /// usually indented.
    fn next_start(&self) -> Option<usize> {
        memmem::find(&self.text[self.at..], b"\n{").map(|offset| self.at + offset + 1)
    }

    /// Returns the line of the current position.
    fn line(&mut self) -> usize {
        self.line += memchr_iter(b'\n', &self.text[self.counted..self.at]).count();
        self.counted = self.at;
        self.line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, is_cut: bool) -> (usize, Vec<(usize, String)>) {
        let (mut records, mut skipped) = (0, Vec::new());
        read_records(
            text.as_bytes(),
            is_cut,
            |_| records += 1,
            |broken| skipped.push((broken.line, broken.reason)),
        );
        (records, skipped)
    }

    #[test]
    fn records_are_lines_values_or_elements() {
        for text in [
            "{\"a\":1}\n{\"a\":2}\n\n{\"a\":3}",
            "{\"a\":1}{\"a\":2} {\"a\":\n3}",
            "\u{feff}[{\"a\":1},\n {\"a\":2}, {\"a\":[{}]}]\n",
            "[{\"a\":1}]\n[{\"a\":2},{\"a\":3}]",
        ] {
            assert_eq!(read(text, false), (3, vec![]), "{text}");
        }
        assert_eq!(read("", false), (0, vec![]));
    }

    #[test]
    fn broken_records_are_skipped_with_their_line() {
        let (records, broken) = read("{\"a\":1}\n{\"a\":\n{\"a\":3}\n7\n{\"a\":4}\n{\"a\"", false);
        assert_eq!(records, 3);
        let lines: Vec<usize> = broken.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [2, 4, 6]);
        assert_eq!(broken[1].1, "the record is not an object");
        assert_eq!(broken[2].1, "EOF while parsing an object");
    }

    #[test]
    fn the_record_at_a_cut_is_left_out() {
        assert_eq!(read("{\"a\":1}\n{\"a\":\"x", true), (1, vec![]));
        assert_eq!(read("[{\"a\":1},{\"a\"", true), (1, vec![]));
        let (records, broken) = read("{\"a\":\"x\n{\"a\":1}\n{\"a", true);
        assert_eq!((records, broken.len()), (1, 1));
    }
}
