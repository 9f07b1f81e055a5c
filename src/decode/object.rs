//! The state of decoding one object, kept between its chunks.

use std::sync::Arc;

use super::recover::{Budget, MAX_FIRST_KEY, first_key};
use super::reject::{Position, Rejection};
use super::separator::{BYTE_ORDER_MARK, LineCounter};

/// Byte and record counts of one decoded object.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
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
            counts: ObjectCounts::default(),
        }
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

    /// Records the first key of the record at the start of `record`.
    pub(super) fn note_first_key(&mut self, record: &[u8]) {
        let head = &record[..record.len().min(MAX_FIRST_KEY + 8)];
        if let Some(key) = first_key(head, 0) {
            self.first_key.clear();
            self.first_key.extend_from_slice(&head[key]);
        }
    }
}
