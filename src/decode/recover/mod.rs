//! Determines the extent of a broken record, and so the position at which decoding resumes.
//!
//! A broken record ends at the first position that the following bytes confirm: where its brackets
//! close and another record follows, or where the next whole record starts. Without such a position
//! it ends with its line, or with the object if it is in an array, and the extent includes an
//! estimate of the number of records in it.

mod brackets;
mod budget;
mod next;
mod starts;

use memchr::memchr_iter;

use super::decoder::MAX_RECORD_BYTES;
use super::scan::{Scanner, skip_whitespace};
use brackets::{Brackets, Matched, block_end};
use next::Separator;
use starts::{FirstKey, find_first_key, follows_object_and_comma};

pub(in crate::decode) use budget::Budget;
pub(in crate::decode) use starts::{
    MAX_FIRST_KEY, first_key, joined_arrays, joined_records, next_end,
};

/// Size in bytes of the window that is searched per round of bracket matching: the first one, and
/// the maximum.
const FIRST_WINDOW: usize = 256;
const LAST_WINDOW: usize = 64 * 1024;

/// The bytes of a broken record and their context.
pub(in crate::decode) struct Broken<'a> {
    /// The buffered bytes from the first byte of the record on.
    pub bytes: &'a [u8],
    /// Position after the line of the record's first byte, if the line ends within `bytes`.
    pub line: Option<usize>,
    /// `true` if the object ends with `bytes`.
    pub last: bool,
    /// `true` if the record is an element of an array.
    pub in_array: bool,
    /// Number of blanks before the record on its line; `None` if anything else precedes it there.
    pub indent: Option<usize>,
    /// First key of an earlier record; empty if none is known.
    pub first_key: &'a [u8],
}

/// The extent of a broken record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::decode) enum Extent {
    /// Length in bytes of a single record.
    Record(usize),
    /// Length in bytes of the skipped part, and the estimated number of records in it.
    Skipped(usize, u64),
    /// More bytes are needed.
    Unknown,
}

/// The outcome of a search for the end of a record.
enum Search {
    Found(usize),
    NeedsMore,
    None,
}

impl Broken<'_> {
    /// Finds the extent of the record. Overwrites the results of `scanner`, which is used to try
    /// records.
    ///
    /// The first position that qualifies wins. Only the bytes after a position determine whether it
    /// qualifies, so the extent does not depend on the number of buffered bytes.
    pub fn extent(&self, scanner: &mut Scanner, budget: &mut Budget) -> Extent {
        let line = self.line.filter(|_| !self.in_array);
        if let Some(block) = line.and_then(|end| self.block(end)) {
            let end = block.unwrap_or(self.bytes.len());
            return match self.search(end, block.is_some(), scanner, budget) {
                Search::Found(end) => Extent::Record(end),
                Search::None if block.is_some() => self.all_of(end, scanner),
                Search::NeedsMore | Search::None => Extent::Unknown,
            };
        }
        let end = line.unwrap_or(self.bytes.len());
        let is_bounded = self.last || line.is_some();
        match self.search(end, is_bounded, scanner, budget) {
            Search::Found(end) => Extent::Record(end),
            Search::NeedsMore => Extent::Unknown,
            Search::None if is_bounded => self.all_of(end, scanner),
            Search::None => Extent::Unknown,
        }
    }

    /// Finds the end of a pretty-printed record, whose first line contains only a bracket and ends
    /// at `end`. Returns `None` for any other record, and `Some(None)` if more bytes are needed.
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
            let (stop, found) = match state {
                Some(Matched::Boundary(start)) => {
                    (start, self.up_to_boundary(from, start, scanner, budget))
                }
                Some(Matched::Close(close)) => {
                    let found = self.next_record(from..close, scanner, budget);
                    let is_within = matches!(found, Search::None);
                    let confirmed =
                        is_within.then(|| self.confirm(close, end, is_bounded, scanner, budget));
                    (close, confirmed.unwrap_or(found))
                }
                _ => (to, self.next_record(from..to, scanner, budget)),
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

    /// Searches for the end of an element of an array. Elements of arrays within the record look
    /// like records, so the record's own brackets decide as long as they match.
    fn search_array(&self, scanner: &mut Scanner, budget: &mut Budget) -> Search {
        let end = self.bytes.len();
        let mut brackets = Brackets::default();
        let matched = brackets.advance(self.bytes, end);
        if !budget.spend(brackets.at) {
            return Search::None;
        }
        let confirmed = match matched {
            Matched::Close(close) => self.confirm(close, end, self.last, scanner, budget),
            Matched::Boundary(start) => self.up_to_boundary(1, start, scanner, budget),
            Matched::Open if !self.last && end < MAX_RECORD_BYTES => Search::NeedsMore,
            Matched::Open | Matched::Mismatch => Search::None,
        };
        match confirmed {
            Search::None => self.next_record(1..end, scanner, budget),
            other => other,
        }
    }

    /// Searches `from..start` for the end of the record, which cannot contain the object at
    /// `start`.
    fn up_to_boundary(
        &self,
        from: usize,
        start: usize,
        scanner: &mut Scanner,
        budget: &mut Budget,
    ) -> Search {
        match self.next_record(from..start, scanner, budget) {
            Search::None => {}
            found => return found,
        }
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
        self.try_joined(start, Some(end.max(1)), Separator::Comma, scanner, budget)
    }

    /// Checks whether the bytes after `close`, where the brackets close, confirm that the record
    /// ends there.
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
            Some(b'[') if self.may_precede_array(scanner) => Search::Found(close),
            Some(b',') => {
                let next = skip_whitespace(bytes, next + 1);
                match bytes.get(next) {
                    Some(b'{') => {
                        self.try_joined(next, Some(close), Separator::Comma, scanner, budget)
                    }
                    Some(b'[') if self.may_precede_array(scanner) => Search::Found(close),
                    None if !is_bounded => Search::NeedsMore,
                    _ => Search::None,
                }
            }
            Some(_) => Search::None,
            None if is_bounded => Search::Found(end),
            None => Search::NeedsMore,
        }
    }

    /// Returns `true` if an array after this record is the next record.
    fn may_precede_array(&self, scanner: &Scanner) -> bool {
        !self.in_array && self.bytes[0] == b'[' && scanner.paths().accepts_arrays()
    }

    /// Returns the extent if no record was found before `end`.
    fn all_of(&self, end: usize, scanner: &Scanner) -> Extent {
        let mut brackets = Brackets::default();
        let boundary = match brackets.advance(&self.bytes[..end], end) {
            Matched::Boundary(start) => Some(start),
            _ => None,
        };
        let starts = memchr_iter(b'{', &self.bytes[1..end]).map(|at| at + 1);
        let records = starts.filter(|&start| match find_first_key(self.bytes, start) {
            FirstKey::Span(key) => {
                let key = &self.bytes[key];
                let is_known = !self.is_other_line() && self.is_known(key);
                // Objects separated by commas can also be elements of an array within the record.
                let is_joined = match boundary {
                    Some(first) => start == first || follows_object_and_comma(self.bytes, start),
                    None => self.is_shared(key) && follows_object_and_comma(self.bytes, start),
                };
                self.record_end(start).is_some()
                    || is_known && (is_joined || !self.is_within(start))
            }
            FirstKey::Incomplete | FirstKey::None => false,
        });
        let mut records = records.count() as u64;
        if self.bytes[0] == b'[' && scanner.paths().accepts_arrays() {
            records += joined_arrays(&self.bytes[..end]);
        }
        match 1 + records {
            1 => Extent::Record(end),
            records => Extent::Skipped(end, records),
        }
    }
}
