//! The state of decoding one object, kept between its chunks.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::recover::{Budget, MAX_FIRST_KEY, first_key};
use super::reject::{Position, Rejection};
use super::separator::{BYTE_ORDER_MARK, LineCounter};

/// Byte and record counts of one decoded object.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectCounts {
    /// Bytes decoded, after decompression.
    pub bytes: u64,
    /// Records that became rows.
    pub decoded: u64,
    /// Records that became rejects.
    pub rejected: u64,
    /// Bytes of the rejects.
    pub rejected_bytes: u64,
    /// Bytes of rejects whose end could not be determined and which can therefore contain more than
    /// one record.
    pub skipped_bytes: u64,
    /// Estimated number of records in `skipped_bytes`.
    pub skipped_records: u64,
}

/// The progress of decoding one object.
#[derive(Debug)]
pub struct ObjectState {
    pub(super) object: Arc<str>,
    /// Number of the object, for the column of object numbers.
    pub(super) number: u32,
    /// Bytes of a record whose end has not arrived.
    pub(super) carry: Vec<u8>,
    /// Length of `carry` at which it is scanned again.
    pub(super) retry_at: usize,
    offset: u64,
    line: u64,
    lines: LineCounter,
    /// Number of buffered bytes whose lines have been counted.
    counted: usize,
    /// Number of blanks before the buffered bytes on their line; `None` if anything else precedes
    /// them.
    indent: Option<usize>,
    /// Position of the opening bracket of the array that is being read.
    pub(super) array: Option<Position>,
    /// `true` if the last token was a value, not a separator.
    pub(super) after_value: bool,
    /// `true` if the end of the object truncated the last record.
    pub(super) truncated: bool,
    /// A reject whose end has not been found yet.
    pub(super) skipping: Option<Skipping>,
    /// First key of a recent record; empty if none is known.
    pub(super) first_key: Vec<u8>,
    pub(super) budget: Budget,
    /// `true` if the end of a broken record has been searched for, which depends on earlier records.
    has_recovered: bool,
    /// `true` if it has been searched for before a first key was known.
    has_recovered_without_key: bool,
    pub(super) counts: ObjectCounts,
}

/// A reject whose end has not been found yet.
#[derive(Debug)]
pub(super) struct Skipping {
    pub position: Position,
    pub rejection: Rejection,
    /// First bytes of the reject.
    pub raw: Vec<u8>,
    /// Length of the reject so far, in bytes.
    pub length: u64,
    /// Estimated number of records in the reject so far.
    pub records: u64,
}

impl ObjectState {
    /// Creates the state before the first byte of the object named `object`.
    pub fn new(object: Arc<str>) -> ObjectState {
        ObjectState {
            object,
            number: 0,
            carry: Vec::new(),
            retry_at: 0,
            offset: 0,
            line: 1,
            lines: LineCounter::default(),
            counted: 0,
            indent: Some(0),
            array: None,
            after_value: false,
            truncated: false,
            skipping: None,
            first_key: Vec::new(),
            budget: Budget::default(),
            has_recovered: false,
            has_recovered_without_key: false,
            counts: ObjectCounts::default(),
        }
    }

    /// Sets the number of the object, for staged columns with object numbers; 0 by default.
    pub fn with_number(self, number: u32) -> ObjectState {
        ObjectState { number, ..self }
    }

    /// Creates the state before byte `offset` of the object, at which a line begins, as if a record began
    /// there. Lines are counted from there.
    pub fn at(object: Arc<str>, offset: u64) -> ObjectState {
        ObjectState { offset, ..ObjectState::new(object) }
    }

    /// Returns `true` if decoding in order from `earlier` on would have the same outcome as decoding from
    /// [`ObjectState::at`] to this state, given that `earlier` ends there.
    pub fn can_follow(&self, earlier: &ObjectState) -> bool {
        let is_between_records =
            earlier.carry.is_empty() && earlier.skipping.is_none() && earlier.array.is_none();
        let shares_first_key = earlier.first_key.is_empty()
            || (self.first_key == earlier.first_key && !self.has_recovered_without_key);
        let recovers_alike =
            shares_first_key && !self.budget.is_overdrawn() && earlier.budget.covers_default();
        is_between_records && (!self.has_recovered || recovers_alike)
    }

    /// Returns the state of decoding in order, given the state before the start of this one, which
    /// [`ObjectState::can_follow`].
    pub fn after(self, earlier: ObjectState) -> ObjectState {
        let (mut counts, more) = (earlier.counts, self.counts);
        counts.bytes += more.bytes;
        counts.decoded += more.decoded;
        counts.rejected += more.rejected;
        counts.rejected_bytes += more.rejected_bytes;
        counts.skipped_bytes += more.skipped_bytes;
        counts.skipped_records += more.skipped_records;
        let is_first = earlier.first_key.is_empty();
        ObjectState {
            line: earlier.line + self.line - 1,
            first_key: if is_first { self.first_key } else { earlier.first_key },
            budget: self.budget.after(earlier.budget),
            counts,
            ..self
        }
    }

    /// Notes that the end of a broken record is searched for.
    pub(super) fn recovers(&mut self) {
        self.has_recovered = true;
        self.has_recovered_without_key |= self.first_key.is_empty();
    }

    /// Returns the number of lines before the bytes that have not been decoded.
    pub fn lines(&self) -> u64 {
        self.line - 1
    }

    /// Returns the position of byte `at` of the buffered bytes.
    pub(super) fn position(&mut self, bytes: &[u8], at: usize) -> Position {
        // Lines are counted only when a reject or the end of the bytes needs them.
        self.line += self.lines.count(bytes, self.counted, at);
        self.counted = at;
        Position { offset: self.offset + at as u64, line: self.line }
    }

    /// Advances past the first `length` buffered bytes.
    pub(super) fn pass(&mut self, bytes: &[u8], length: usize) {
        self.indent = self.indent(bytes, length);
        let position = self.position(bytes, length);
        self.offset = position.offset;
        self.counted = 0;
    }

    /// Returns the number of blanks before byte `at` of the buffered bytes on its line, or `None`
    /// if anything else precedes it there.
    pub(super) fn indent(&self, bytes: &[u8], at: usize) -> Option<usize> {
        let before = &bytes[..at];
        let blanks = before.iter().rev().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let before = &before[..at - blanks];
        match before.last() {
            None => self.indent.map(|indent| indent + blanks),
            Some(b'\n' | b'\r') => Some(blanks),
            Some(_) => (before == BYTE_ORDER_MARK && self.offset == 0).then_some(blanks),
        }
    }

    /// Moves past a whole record.
    #[inline]
    pub(super) fn follows_value(&mut self, record: &[u8]) {
        self.after_value = true;
        if self.first_key.is_empty() {
            self.note_first_key(record);
        }
    }

    /// Records the first key of the record at the start of `record`.
    fn note_first_key(&mut self, record: &[u8]) {
        let head = &record[..record.len().min(MAX_FIRST_KEY + 8)];
        if let Some(key) = first_key(head, 0) {
            self.first_key.clear();
            self.first_key.extend_from_slice(&head[key]);
        }
    }
}
