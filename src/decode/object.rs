//! The state of decoding one object, between two of its chunks.

use std::sync::Arc;

use super::recover::{Budget, MAX_FIRST_KEY, first_key};
use super::reject::{Place, Rejection};
use super::separator::{BYTE_ORDER_MARK, LineCounter};

/// The outcome of decoding an object.
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
    /// Bytes of rejects whose end could not be determined, so that they may hold more than one
    /// record.
    pub skipped_bytes: u64,
    /// An estimate of the records in those bytes.
    pub skipped_records: u64,
}

/// The progress of decoding one object.
#[derive(Debug)]
pub struct ObjectState {
    pub(super) object: Arc<str>,
    /// The start of a record that has not ended yet.
    pub(super) carry: Vec<u8>,
    /// The length of `carry` from which on it is worth scanning again.
    pub(super) retry_at: usize,
    offset: u64,
    line: u64,
    lines: LineCounter,
    /// Bytes at hand whose lines have been counted.
    counted: usize,
    /// The blanks that precede the bytes at hand on their line, if nothing else does.
    indent: Option<usize>,
    /// The place of the bracket of the array whose elements are being read.
    pub(super) array: Option<Place>,
    /// Whether the last thing read was a value, not a separator.
    pub(super) after_value: bool,
    /// Whether the last record was cut short by the end of the object.
    pub(super) truncated: bool,
    /// A reject whose end has not been found yet.
    pub(super) skipping: Option<Skipping>,
    /// The first key of a recent record.
    pub(super) first_key: Vec<u8>,
    pub(super) budget: Budget,
    pub(super) counts: ObjectCounts,
}

/// A reject whose end has not been found yet.
#[derive(Debug)]
pub(super) struct Skipping {
    pub place: Place,
    pub rejection: Rejection,
    /// The first bytes of it.
    pub raw: Vec<u8>,
    /// Its bytes so far.
    pub length: u64,
    /// Records that it seems to hold so far.
    pub records: u64,
}

impl ObjectState {
    /// The state before the first byte of the object called `object`.
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

    /// The place of byte `at` of the bytes at hand.
    pub(super) fn place(&mut self, bytes: &[u8], at: usize) -> Place {
        // Lines are counted only when a reject or the end of the bytes needs them.
        self.line += self.lines.count(bytes, self.counted, at);
        self.counted = at;
        Place { offset: self.offset + at as u64, line: self.line }
    }

    /// Leaves the first `length` of the bytes at hand behind.
    pub(super) fn pass(&mut self, bytes: &[u8], length: usize) {
        self.indent = self.indent(bytes, length);
        let place = self.place(bytes, length);
        self.offset = place.offset;
        self.counted = 0;
    }

    /// The blanks that precede byte `at` of the bytes at hand on its line, if nothing else does.
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

    /// Notes the first key of the record that `record` starts with.
    pub(super) fn note_first_key(&mut self, record: &[u8]) {
        let head = &record[..record.len().min(MAX_FIRST_KEY + 8)];
        if let Some(key) = first_key(head, 0) {
            self.first_key.clear();
            self.first_key.extend_from_slice(&head[key]);
        }
    }
}
