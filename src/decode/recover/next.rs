//! Finds the next record after a broken one.

use std::ops::Range;

use super::starts::{FirstKey, element_end, find_first_key, first_key, indent, record_end};
use super::{Broken, Budget, Search};
use crate::decode::scan::{Scanner, skip_whitespace};
use crate::decode::separator::{BYTE_ORDER_MARK, is_stray_separator, line_end, skip_blank};
use crate::decode::text::Stop;

/// The separator between the records of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Separator {
    /// Blanks, or no separator.
    Blank,
    Comma,
}

impl Broken<'_> {
    /// Searches `range` for the start of a whole record, or for bytes that separate records.
    pub(super) fn next_record(
        &self,
        range: Range<usize>,
        scanner: &mut Scanner,
        budget: &mut Budget,
    ) -> Search {
        let mut at = range.start;
        while let Some(found) = self.bytes[at..range.end.max(at)].iter().position(|&byte| {
            byte == b'{' || byte == BYTE_ORDER_MARK[0] || is_stray_separator(byte)
        }) {
            let start = at + found;
            if !budget.spend(found + 1) {
                return Search::None;
            }
            let search = match self.bytes[start] {
                b'{' => self.try_record(start, self.record_end(start), scanner, budget),
                byte if byte == BYTE_ORDER_MARK[0] => {
                    self.try_byte_order_mark(start, scanner, budget)
                }
                _ => self.try_separator(start, scanner, budget),
            };
            match search {
                Search::None => at = start + 1,
                found => return found,
            }
        }
        // Charge for the bytes of an unsuccessful search as well.
        budget.spend(range.end.saturating_sub(at));
        Search::None
    }

    /// Checks whether a record starts at the brace at `start`; `end` is the end of the record
    /// before it, if there is one.
    ///
    /// Braces also occur within a record. A brace qualifies if it follows the end of a record or if
    /// its object has the first key common to the records here, and if the object is followed by
    /// another record or by the end of the line. With both the preceding end and the key, the
    /// object can itself be broken.
    pub(super) fn try_record(
        &self,
        start: usize,
        end: Option<usize>,
        scanner: &mut Scanner,
        budget: &mut Budget,
    ) -> Search {
        let after_comma = self.bytes[..start].trim_ascii_end().last() == Some(&b',');
        let separator =
            if after_comma && self.is_joined_text() { Separator::Comma } else { Separator::Blank };
        self.try_joined(start, end, separator, scanner, budget)
    }

    pub(super) fn try_joined(
        &self,
        start: usize,
        end: Option<usize>,
        separator: Separator,
        scanner: &mut Scanner,
        budget: &mut Budget,
    ) -> Search {
        let key = match find_first_key(self.bytes, start) {
            FirstKey::Span(key) => key,
            FirstKey::Incomplete if !self.last => return Search::NeedsMore,
            FirstKey::Incomplete | FirstKey::None => return Search::None,
        };
        let is_known = self.is_known(&self.bytes[key]);
        let qualifies = if self.in_array {
            is_known && (end.is_some() || !self.is_within(start))
        } else {
            end.is_some() || is_known && !self.is_within(start)
        };
        if !qualifies {
            return Search::None;
        }
        let scanned = scanner.scan(&self.bytes[start..]);
        let scanned_bytes = match scanned {
            Ok(length) => length,
            Err(Stop::Syntax { at, .. }) => at + 1,
            Err(Stop::Incomplete) if !self.last => return Search::NeedsMore,
            Err(Stop::Incomplete) => self.bytes.len() - start,
        };
        if !budget.spend(scanned_bytes) {
            return Search::None;
        }
        match scanned.map(|length| self.ends_record(start + length, separator)) {
            Ok(Some(true)) => Search::Found(end.unwrap_or(start)),
            Ok(None) => Search::NeedsMore,
            Err(_) if end.is_some() && is_known => Search::Found(end.unwrap_or(start)),
            Ok(Some(false)) | Err(_) => Search::None,
        }
    }

    /// Returns the end of the record before the brace at `start`, if only a separator is between
    /// them.
    pub(super) fn record_end(&self, start: usize) -> Option<usize> {
        if self.in_array { element_end(self.bytes, start) } else { record_end(self.bytes, start) }
    }

    /// Returns `true` if the object at `start` can be a value within the record: it is in the
    /// position of a value, and not on its own line with the same indentation as the record.
    pub(super) fn is_within(&self, start: usize) -> bool {
        let before = self.bytes[..start].trim_ascii_end();
        if self.is_joined_text() {
            return false;
        }
        let is_value = matches!(before.last(), Some(b':' | b',' | b'['));
        is_value
            && !(self.in_array && self.indent.is_some() && self.indent == indent(self.bytes, start))
    }

    /// Returns `true` if records start with this key. If no first key is known, any key qualifies.
    pub(super) fn is_known(&self, key: &[u8]) -> bool {
        self.is_shared(key) || (self.first_key.is_empty() && first_key(self.bytes, 0).is_none())
    }

    /// Returns `true` if this record or an earlier one starts with this key.
    pub(super) fn is_shared(&self, key: &[u8]) -> bool {
        let own = first_key(self.bytes, 0).map(|own| &self.bytes[own]);
        own == Some(key) || (!self.first_key.is_empty() && key == self.first_key)
    }

    /// Returns `true` if this is text between records on the same line, neither an object nor an
    /// array.
    fn is_joined_text(&self) -> bool {
        self.indent.is_none() && !self.in_array && !matches!(self.bytes[0], b'{' | b'[')
    }

    /// Returns `true` if this is a line that does not start with an object. Such a line is one
    /// reject even if it quotes a record, unless more records follow on the line.
    pub(super) fn is_other_line(&self) -> bool {
        self.indent.is_some() && self.bytes[0] != b'{' && !self.in_array
    }

    /// Returns `Some(true)` if a record can end at `at`, or `None` if more bytes are needed.
    fn ends_record(&self, at: usize, separator: Separator) -> Option<bool> {
        let next = skip_whitespace(self.bytes, at);
        let passes_line = line_end(&self.bytes[..next], at).is_some();
        let is_other_line = self.is_other_line();
        if passes_line && !self.in_array {
            return Some(!is_other_line);
        }
        match self.bytes.get(next) {
            None if self.last => Some(!is_other_line),
            None => None,
            Some(b'{') => Some(!self.in_array || passes_line),
            Some(b',') => Some(self.in_array || separator == Separator::Comma),
            Some(b']') => Some(self.in_array),
            Some(b'}' | b':') => Some(false),
            Some(&byte) => Some(is_stray_separator(byte) || !self.in_array && !is_other_line),
        }
    }

    /// Checks whether the separators at `start` are followed by a whole record or by the end of the
    /// object.
    fn try_separator(&self, start: usize, scanner: &mut Scanner, budget: &mut Budget) -> Search {
        let next = skip_blank(self.bytes, start);
        match self.bytes.get(next) {
            Some(b'{') => self.try_record(next, Some(start), scanner, budget),
            None if self.last => Search::Found(start),
            None => Search::NeedsMore,
            Some(_) => Search::None,
        }
    }

    /// Checks whether a byte order mark, as found in concatenated files, is at `start` with a
    /// record after it.
    fn try_byte_order_mark(
        &self,
        start: usize,
        scanner: &mut Scanner,
        budget: &mut Budget,
    ) -> Search {
        let bytes = &self.bytes[start..];
        if bytes.len() < BYTE_ORDER_MARK.len() && !self.last && BYTE_ORDER_MARK.starts_with(bytes) {
            return Search::NeedsMore;
        }
        if !bytes.starts_with(BYTE_ORDER_MARK) {
            return Search::None;
        }
        let next = skip_whitespace(self.bytes, start + BYTE_ORDER_MARK.len());
        match self.bytes.get(next) {
            Some(b'{') => self.try_record(next, Some(start), scanner, budget),
            None if !self.last => Search::NeedsMore,
            _ => Search::None,
        }
    }
}
