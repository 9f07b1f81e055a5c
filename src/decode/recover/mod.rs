//! The extent of a broken record: where decoding resumes after it.
//!
//! A broken record ends as early as the bytes after it prove: where its brackets close and another
//! record follows, or at the next position at which a whole record starts. Without such a position
//! it ends with its line, or in an array with the object, and the extent estimates the number of
//! records in it.

mod brackets;
mod budget;
mod starts;

use std::ops::Range;

use memchr::memchr_iter;

use super::decoder::MAX_RECORD_BYTES;
use super::scan::{Scanner, Stop, skip_whitespace};
use super::separator::{is_stray_separator, line_end, skip_blank};
use brackets::{Brackets, Matched, block_end};
use starts::{FirstKey, element_end, find_first_key, indent, record_end};

pub(in crate::decode) use budget::Budget;
pub(in crate::decode) use starts::{MAX_FIRST_KEY, first_key, joined_records, next_end};

/// Bytes searched before the brackets are matched on: at first, and at most.
const FIRST_WINDOW: usize = 256;
const LAST_WINDOW: usize = 64 * 1024;

/// The bytes of a broken record, and what is known of their surroundings.
pub(in crate::decode) struct Broken<'a> {
    /// The bytes at hand from the first byte of the record on.
    pub bytes: &'a [u8],
    /// The position after the line of its first byte, if the line ends within them.
    pub line: Option<usize>,
    /// Whether the object ends with them.
    pub last: bool,
    /// Whether the record is an element of an array.
    pub in_array: bool,
    /// The blanks before the record on its line; `None` when something else precedes it there.
    pub indent: Option<usize>,
    /// The first key of a record before this one, or nothing.
    pub first_key: &'a [u8],
}

/// The extent of a broken record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::decode) enum Extent {
    /// The length of the one record.
    Record(usize),
    /// The length of what has to be skipped, and the number of records that it seems to hold.
    Skipped(usize, u64),
    /// More bytes are needed to tell.
    Unknown,
}

/// What separates the records of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Joint {
    /// Blanks or nothing.
    Blank,
    Comma,
}

/// The outcome of a search for the end of a record.
enum Search {
    Found(usize),
    NeedsMore,
    None,
}

impl Broken<'_> {
    /// Finds the extent of the record. `scanner` is used to try records; its results are lost.
    ///
    /// The first position that qualifies wins, and a position qualifies by the bytes that follow
    /// it, so the extent does not depend on how many bytes are at hand.
    pub fn extent(&self, scanner: &mut Scanner, budget: &mut Budget) -> Extent {
        let line = self.line.filter(|_| !self.in_array);
        if let Some(block) = line.and_then(|end| self.block(end)) {
            let end = block.unwrap_or(self.bytes.len());
            return match self.search(end, block.is_some(), scanner, budget) {
                Search::Found(end) => Extent::Record(end),
                Search::None if block.is_some() => self.all_of(end),
                Search::NeedsMore | Search::None => Extent::Unknown,
            };
        }
        let end = line.unwrap_or(self.bytes.len());
        let is_bounded = self.last || line.is_some();
        match self.search(end, is_bounded, scanner, budget) {
            Search::Found(end) => Extent::Record(end),
            Search::NeedsMore => Extent::Unknown,
            Search::None if is_bounded => self.all_of(end),
            Search::None => Extent::Unknown,
        }
    }

    /// The end of a record on many lines, as pretty-printers write it, when its first line, which
    /// ends at `end`, is only a bracket; `Some(None)` when more bytes are needed to tell.
    fn block(&self, end: usize) -> Option<Option<usize>> {
        let closer = match self.bytes[..end].trim_ascii() {
            b"{" => b'}',
            b"[" => b']',
            _ => return None,
        };
        Some(block_end(self.bytes, end, closer, self.indent.unwrap_or(0), self.last))
    }

    /// Searches for the end of the record before `end`, window by window.
    fn search(
        &self,
        end: usize,
        is_bounded: bool,
        scanner: &mut Scanner,
        budget: &mut Budget,
    ) -> Search {
        if self.in_array {
            return self.search_array(scanner, budget);
        }
        let has_brackets = matches!(self.bytes[0], b'{' | b'[' | b'}' | b']');
        let mut brackets = has_brackets.then(Brackets::default);
        let mut from = 1;
        let mut window = FIRST_WINDOW;
        while from < end {
            let to = end.min(from + window);
            window = LAST_WINDOW.min(2 * window);
            if brackets.is_some() && !budget.spend(to - from) {
                return Search::None;
            }
            let state = brackets.as_mut().map(|brackets| brackets.advance(&self.bytes[..end], to));
            let stop = match state {
                Some(Matched::Close(at) | Matched::Boundary(at)) => at,
                _ => to,
            };
            match self.next_record(from..stop, scanner, budget) {
                Search::None => {}
                found => return found,
            }
            let found = match state {
                Some(Matched::Close(close)) => {
                    self.confirm(close, end, is_bounded, scanner, budget)
                }
                Some(Matched::Boundary(start)) => self.boundary(start, scanner, budget),
                _ => Search::None,
            };
            if !matches!(found, Search::None) {
                return found;
            }
            if !matches!(state, Some(Matched::Open)) {
                brackets = None;
            }
            from = stop.max(from);
        }
        Search::None
    }

    /// Searches for the end of an element. Elements of arrays within the record look just like
    /// records, so that its own brackets decide as long as they match.
    fn search_array(&self, scanner: &mut Scanner, budget: &mut Budget) -> Search {
        let end = self.bytes.len();
        let mut brackets = Brackets::default();
        let matched = brackets.advance(self.bytes, end);
        if !budget.spend(brackets.at) {
            return Search::None;
        }
        let confirmed = match matched {
            Matched::Close(close) => self.confirm(close, end, self.last, scanner, budget),
            Matched::Boundary(start) => match self.next_record(1..start, scanner, budget) {
                Search::None => self.boundary(start, scanner, budget),
                found => found,
            },
            Matched::Open if !self.last && end < MAX_RECORD_BYTES => Search::NeedsMore,
            Matched::Open | Matched::Mismatch => Search::None,
        };
        match confirmed {
            Search::None => self.next_record(1..end, scanner, budget),
            other => other,
        }
    }

    /// Whether the object at `start`, which cannot be part of the record, is the next one.
    fn boundary(&self, start: usize, scanner: &mut Scanner, budget: &mut Budget) -> Search {
        let is_known = match find_first_key(self.bytes, start) {
            FirstKey::Span(key) => self.is_shared(&self.bytes[key]),
            FirstKey::Incomplete if !self.last => return Search::NeedsMore,
            FirstKey::Incomplete | FirstKey::None => false,
        };
        if !is_known {
            return Search::None;
        }
        let before = self.bytes[..start].trim_ascii_end();
        let end = before.len() - usize::from(before.last() == Some(&b','));
        self.try_joined(start, Some(end.max(1)), Joint::Comma, scanner, budget)
    }

    /// Whether what follows the brackets that close at `close` shows that the record ends there.
    fn confirm(
        &self,
        close: usize,
        end: usize,
        is_bounded: bool,
        scanner: &mut Scanner,
        budget: &mut Budget,
    ) -> Search {
        let bytes = &self.bytes[..end];
        let next = skip_whitespace(bytes, close);
        match bytes.get(next) {
            Some(b',' | b']') if self.in_array => Search::Found(close),
            Some(b'{') if !self.in_array => self.try_record(next, Some(close), scanner, budget),
            Some(b',') => {
                let next = skip_whitespace(bytes, next + 1);
                match bytes.get(next) {
                    Some(b'{') => self.try_joined(next, Some(close), Joint::Comma, scanner, budget),
                    None if !is_bounded => Search::NeedsMore,
                    _ => Search::None,
                }
            }
            Some(_) => Search::None,
            None if is_bounded => Search::Found(end),
            None => Search::NeedsMore,
        }
    }

    /// Searches `range` for the start of a whole record, or for bytes that separate records.
    fn next_record(
        &self,
        range: Range<usize>,
        scanner: &mut Scanner,
        budget: &mut Budget,
    ) -> Search {
        let mut at = range.start;
        while let Some(found) = self.bytes[at..range.end.max(at)]
            .iter()
            .position(|&byte| byte == b'{' || is_stray_separator(byte))
        {
            let start = at + found;
            if !budget.spend(found + 1) {
                return Search::None;
            }
            let search = match self.bytes[start] {
                b'{' => self.try_record(start, self.record_end(start), scanner, budget),
                _ => self.try_separator(start, scanner, budget),
            };
            match search {
                Search::None => at = start + 1,
                found => return found,
            }
        }
        // A search without result counts as well.
        budget.spend(range.end.saturating_sub(at));
        Search::None
    }

    /// Whether a record starts at the brace at `start`; `end` is where a record before it ends, if
    /// one does.
    ///
    /// Braces also occur within a record. One qualifies if it follows the end of a record or has
    /// the first key that records here have, and if the object it opens is followed by another
    /// record or by the end of the line. With both, the object may be broken itself.
    fn try_record(
        &self,
        start: usize,
        end: Option<usize>,
        scanner: &mut Scanner,
        budget: &mut Budget,
    ) -> Search {
        let after_comma = self.bytes[..start].trim_ascii_end().last() == Some(&b',');
        let joint = if after_comma && self.is_joined_text() { Joint::Comma } else { Joint::Blank };
        self.try_joined(start, end, joint, scanner, budget)
    }

    fn try_joined(
        &self,
        start: usize,
        end: Option<usize>,
        joint: Joint,
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
        let looked_at = match scanned {
            Ok(length) => length,
            Err(Stop::Syntax { at, .. }) => at + 1,
            Err(Stop::Incomplete) if !self.last => return Search::NeedsMore,
            Err(Stop::Incomplete) => self.bytes.len() - start,
        };
        if !budget.spend(looked_at) {
            return Search::None;
        }
        match scanned.map(|length| self.ends_record(start + length, joint)) {
            Ok(Some(true)) => Search::Found(end.unwrap_or(start)),
            Ok(None) => Search::NeedsMore,
            Err(_) if end.is_some() && is_known => Search::Found(end.unwrap_or(start)),
            Ok(Some(false)) | Err(_) => Search::None,
        }
    }

    /// Where a record before the brace at `start` ends, if nothing else is between them than what
    /// separates records.
    fn record_end(&self, start: usize) -> Option<usize> {
        if self.in_array { element_end(self.bytes, start) } else { record_end(self.bytes, start) }
    }

    /// Whether the object at `start` may be a value within the record: it stands where a value may
    /// stand, and not as the record does on a line of its own.
    fn is_within(&self, start: usize) -> bool {
        let before = self.bytes[..start].trim_ascii_end();
        if self.is_joined_text() {
            return false;
        }
        let is_value = matches!(before.last(), Some(b':' | b',' | b'['));
        is_value
            && !(self.in_array && self.indent.is_some() && self.indent == indent(self.bytes, start))
    }

    /// Whether records start with this key. Any key may be the one when none is known.
    fn is_known(&self, key: &[u8]) -> bool {
        self.is_shared(key) || (self.first_key.is_empty() && first_key(self.bytes, 0).is_none())
    }

    /// Whether this record, or one before it, starts with this key.
    fn is_shared(&self, key: &[u8]) -> bool {
        let own = first_key(self.bytes, 0).map(|own| &self.bytes[own]);
        own == Some(key) || (!self.first_key.is_empty() && key == self.first_key)
    }

    /// Whether this is something else than an object between records on a line.
    fn is_joined_text(&self) -> bool {
        self.indent.is_none() && !self.in_array && !matches!(self.bytes[0], b'{' | b'[')
    }

    /// Whether this is a line of something else. It may quote a record and is one reject all the
    /// same, unless more records follow on the line.
    fn is_other_line(&self) -> bool {
        self.indent.is_some() && self.bytes[0] != b'{' && !self.in_array
    }

    /// Whether a record may end at `at`; `None` when more bytes are needed to tell.
    fn ends_record(&self, at: usize, joint: Joint) -> Option<bool> {
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
            Some(b',') => Some(self.in_array || joint == Joint::Comma),
            Some(b']') => Some(self.in_array),
            Some(b'}' | b':') => Some(false),
            Some(&byte) => Some(is_stray_separator(byte) || !self.in_array && !is_other_line),
        }
    }

    /// Whether a whole record or nothing follows the separators at `start`.
    fn try_separator(&self, start: usize, scanner: &mut Scanner, budget: &mut Budget) -> Search {
        let next = skip_blank(self.bytes, start);
        match self.bytes.get(next) {
            Some(b'{') => self.try_record(next, Some(start), scanner, budget),
            None if self.last => Search::Found(start),
            None => Search::NeedsMore,
            Some(_) => Search::None,
        }
    }

    /// The extent when no record was found before `end`.
    fn all_of(&self, end: usize) -> Extent {
        let starts = memchr_iter(b'{', &self.bytes[1..end]).map(|at| at + 1);
        let records = starts.filter(|&start| match find_first_key(self.bytes, start) {
            FirstKey::Span(key) => {
                let is_known = !self.is_other_line() && self.is_known(&self.bytes[key]);
                self.record_end(start).is_some() || is_known && !self.is_within(start)
            }
            FirstKey::Incomplete | FirstKey::None => false,
        });
        match 1 + records.count() as u64 {
            1 => Extent::Record(end),
            records => Extent::Skipped(end, records),
        }
    }
}
