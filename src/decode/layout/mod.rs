//! Reads records whose structure is known from an earlier record.
//!
//! A writer repeats the keys, their order and the white space in every record. A [`Layout`] holds these bytes
//! of a record that the scanner has accepted: everything between its scalar values. If another record has the
//! same bytes between its values, it has the same structure, and its keys and punctuation need no further
//! check. Only the values remain to be read.
//!
//! This path never decides alone that a record is bad. If anything about a record is unexpected, it is left
//! to the scanner, as if it had not been tried.

mod digits;
mod learn;
mod marks;
mod read;

use wide::u8x16;

use super::columns::StagingBuilder;
use super::convert::{Converter, Value};
use super::dataset::{ColumnKind, StagingColumn};
use super::field_paths::FieldPaths;
use super::notes::Notes;
use crate::model::TimestampForm;

pub(super) use marks::Marks;

/// Maximum number of layouts known at a time. A writer has few: optional keys and different services make
/// some.
const MAX_LAYOUTS: usize = 4;

/// Number of misses in a row after which records are passed to the scanner without a try, and the
/// largest number of those records. Bounds the cost for data without a regular structure.
const MISSES_BEFORE_PAUSE: u32 = 16;
const MAX_PAUSE: u32 = 1024;

/// Number of records whose layouts are learned without a limit, and the number of records per further one.
/// Learning takes longer than scanning.
const LEARNED_AT_FIRST: u64 = 16;
const RECORDS_PER_LEARNED: u64 = 64;

/// The bytes between the scalar values of a record, and what the values are.
#[derive(Debug)]
struct Layout {
    /// The values in the order of the record.
    fields: Vec<Field>,
    /// The bytes after the last value.
    tail: Gap,
    /// Columns without a value.
    absent: Vec<u16>,
    /// Top-level keys that fill no column.
    unknown: Vec<Box<str>>,
    /// Number of records read with this layout.
    records: u64,
}

/// A scalar value and the bytes before it.
#[derive(Debug)]
struct Field {
    gap: Gap,
    value: FieldValue,
}

/// The column that a value fills, and the way it is usually written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FieldValue {
    /// No column.
    None,
    /// A column of text.
    Text(u16),
    /// A column of whole numbers, or times since 1970.
    Whole(u16),
    /// A column of doubles.
    Double(u16),
    /// A column of another type.
    Other(u16),
}

impl FieldValue {
    fn of(column: Option<u16>, columns: &[StagingColumn]) -> FieldValue {
        let Some(at) = column else { return FieldValue::None };
        match columns[at as usize].kind {
            ColumnKind::Text | ColumnKind::RepetitiveText => FieldValue::Text(at),
            ColumnKind::Float64 => FieldValue::Double(at),
            ColumnKind::Int16 | ColumnKind::Int32 | ColumnKind::Int64 => FieldValue::Whole(at),
            ColumnKind::Timestamp(form) if form != TimestampForm::Rfc3339 => FieldValue::Whole(at),
            ColumnKind::Timestamp(_)
            | ColumnKind::Boolean
            | ColumnKind::Date
            | ColumnKind::Decimal { .. } => FieldValue::Other(at),
        }
    }

    /// Returns the column that the value fills.
    fn column(self) -> Option<u16> {
        match self {
            FieldValue::None => None,
            FieldValue::Text(at)
            | FieldValue::Whole(at)
            | FieldValue::Double(at)
            | FieldValue::Other(at) => Some(at),
        }
    }
}

/// Number of bytes of a gap that are compared in one step.
const STEP: usize = 16;

/// Bytes between two values.
#[derive(Debug)]
struct Gap {
    /// The first bytes, and a mask of them.
    head: u8x16,
    mask: u8x16,
    /// The bytes after these, and a mask of them.
    next: u8x16,
    next_mask: u8x16,
    bytes: Box<[u8]>,
}

impl Gap {
    fn new(bytes: &[u8]) -> Gap {
        let step = |from: usize| {
            let step = bytes.iter().skip(from).take(STEP);
            let (mut value, mut mask) = ([0; STEP], [0; STEP]);
            for (at, byte) in step.enumerate() {
                (value[at], mask[at]) = (*byte, 0xFF);
            }
            (u8x16::new(value), u8x16::new(mask))
        };
        let ((head, mask), (next, next_mask)) = (step(0), step(STEP));
        Gap { head, mask, next, next_mask, bytes: bytes.into() }
    }

    /// Returns the position after the gap if `bytes` has it at `at`.
    #[inline(always)]
    fn end(&self, bytes: &[u8], at: usize) -> Option<usize> {
        let rest = bytes.get(at..)?;
        let is_here = match rest.first_chunk::<{ 2 * STEP }>() {
            Some(first) => {
                let (steps, _) = first.as_chunks::<STEP>();
                let head = (u8x16::new(steps[0]) & self.mask).simd_eq(self.head);
                let next = (u8x16::new(steps[1]) & self.next_mask).simd_eq(self.next);
                (head & next).all()
                    && (self.bytes.len() <= 2 * STEP || rest.starts_with(&self.bytes))
            }
            None => rest.starts_with(&self.bytes),
        };
        is_here.then_some(at + self.bytes.len())
    }
}

/// The layouts of a decoder's recent records.
#[derive(Debug, Default)]
pub(super) struct Layouts {
    known: Vec<Layout>,
    /// The layout of the last record that had a known one.
    last: usize,
    /// The layout to replace next.
    oldest: usize,
    /// Number of records in a row without a known layout.
    misses: u32,
    /// Number of records that are not tried, and the length of the pause that they belong to.
    paused: u32,
    pause: u32,
    /// Number of records that could have been tried, and of layouts learned.
    offered: u64,
    learned: u64,
    /// Notes on the records of layouts that have been replaced.
    replaced: Notes,
}

/// The records to read: valid UTF-8, with the marks of its special bytes.
#[derive(Clone, Copy)]
pub(super) struct Records<'a> {
    pub text: &'a str,
    pub marks: &'a Marks,
}

/// The destination of the values of a record.
pub(super) struct Target<'a> {
    pub columns: &'a [StagingColumn],
    pub converter: &'a mut Converter,
    pub rows: &'a mut StagingBuilder,
    /// One value per column.
    pub values: &'a mut [Value],
}

impl Layouts {
    /// Returns `true` if the next record should be tried.
    #[inline]
    pub fn is_ready(&mut self) -> bool {
        self.offered += 1;
        if self.paused > 0 {
            self.paused -= 1;
            return false;
        }
        !self.known.is_empty()
    }

    /// Reads the values of the record at `at` and returns the position of its end. Returns `None` if its
    /// structure is not known or one of its values is unusual or wrong.
    #[inline]
    pub fn read(
        &mut self,
        records: Records<'_>,
        at: usize,
        target: &mut Target<'_>,
    ) -> Option<usize> {
        let counts = target.converter.counts();
        for turn in 0..self.known.len() {
            let candidate = (self.last + turn) % self.known.len();
            if let Some(end) = self.known[candidate].read(records, at, target) {
                self.last = candidate;
                return Some(end);
            }
            target.converter.restore(counts);
        }
        None
    }

    /// Counts a record that was read and accepted.
    #[inline]
    pub fn hit(&mut self) {
        self.known[self.last].records += 1;
        (self.misses, self.pause) = (0, 0);
    }

    /// Counts a record that was tried and left to the scanner.
    pub fn missed(&mut self) {
        self.misses += 1;
        if self.misses >= MISSES_BEFORE_PAUSE {
            self.pause = (self.pause * 2).clamp(MISSES_BEFORE_PAUSE, MAX_PAUSE);
            self.paused = self.pause;
        }
    }

    /// Learns the layout of a record that the scanner has accepted. `unknown` are the spans of its top-level
    /// keys that fill no column.
    pub fn learn(
        &mut self,
        record: &str,
        paths: &FieldPaths,
        columns: &[StagingColumn],
        unknown: &[(usize, usize)],
    ) {
        if self.paused > 0 || self.learned > LEARNED_AT_FIRST + self.offered / RECORDS_PER_LEARNED {
            return;
        }
        self.learned += 1;
        let Some(layout) = Layout::of(record, paths, columns, unknown) else { return };
        if self.known.contains(&layout) {
            return;
        }
        if self.known.len() < MAX_LAYOUTS {
            self.known.push(layout);
            return;
        }
        let replaced = std::mem::replace(&mut self.known[self.oldest], layout);
        replaced.add_to(&mut self.replaced);
        self.oldest = (self.oldest + 1) % MAX_LAYOUTS;
    }

    /// Returns the number of records read with the layouts that are known now.
    #[cfg(test)]
    pub fn records(&self) -> u64 {
        self.known.iter().map(|layout| layout.records).sum()
    }

    /// Forgets the records read.
    pub fn clear_notes(&mut self) {
        self.replaced = Notes::default();
        self.known.iter_mut().for_each(|layout| layout.records = 0);
    }

    /// Adds the unknown keys of the records read to `notes`.
    pub fn add_to(&self, notes: &mut Notes) {
        for (key, records) in &self.replaced.unknown_keys {
            notes.add_unknown_key(key, *records);
        }
        self.known.iter().for_each(|layout| layout.add_to(notes));
    }
}

impl Layout {
    fn add_to(&self, notes: &mut Notes) {
        for key in &self.unknown {
            notes.add_unknown_key(key, self.records);
        }
    }
}

impl PartialEq for Layout {
    fn eq(&self, other: &Layout) -> bool {
        let gaps = |layout: &Layout| -> Vec<Box<[u8]>> {
            let gaps = layout.fields.iter().map(|field| &field.gap).chain([&layout.tail]);
            gaps.map(|gap| gap.bytes.clone()).collect()
        };
        gaps(self) == gaps(other)
    }
}
