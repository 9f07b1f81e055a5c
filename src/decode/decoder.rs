//! Finds the records in an object's bytes, which arrive in chunks cut at any position.
//!
//! A record that does not end within the buffered bytes is kept and scanned again once the buffer
//! has doubled, so that even a record of many chunks is scanned in linear time.

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use memchr::memchr;

use super::chunk::Chunk;
use super::columns::StagingBuilder;
use super::dataset::StagedColumns;
use super::field_paths::FieldPaths;
use super::layout::{self, Layouts, Marks};
use super::notes::Notes;
use super::object::{ObjectCounts, ObjectState};
use super::recover::{joined_arrays, joined_records};
use super::reject::{RejectBuilder, Rejection};
use super::row::{RowBuilder, RowError};
use super::scan::{FieldKind, FieldSpan, Scanner, skip_whitespace};
use super::text::Stop;
use crate::model::Records;

/// Size limit of a record, in bytes; longer records are rejected. Four times the 4 MB that
/// Redshift's COPY accepts.
pub const MAX_RECORD_BYTES: usize = 16 * 1024 * 1024;

/// Decodes objects of one dataset into staging batches and rejects.
///
/// Synchronous and free of I/O: [`Decoder::feed`] accepts chunks, [`Decoder::take_rows`] returns
/// batches. Objects can be interleaved, each with its own [`ObjectState`], and share batches, so
/// that many tiny objects do not make many tiny batches.
pub struct Decoder {
    pub(super) scanner: Scanner,
    pub(super) records: Records,
    row_builder: RowBuilder,
    /// The layouts of recent records; `None` if records have several rows.
    pub(super) layouts: Option<Layouts>,
    /// Marks of the bytes that are being scanned, once they are needed.
    marks: Marks,
    rows: StagingBuilder,
    pub(super) rejects: RejectBuilder,
    full_rows: Vec<RecordBatch>,
    pub(super) full_rejects: Vec<RecordBatch>,
    notes: Notes,
}

impl Decoder {
    /// Creates a decoder that fills `columns` with the values at `paths`.
    pub fn new(columns: StagedColumns, paths: FieldPaths) -> Decoder {
        Decoder {
            scanner: Scanner::new(paths, columns.columns().len()),
            records: columns.dataset().records,
            row_builder: RowBuilder::new(&columns),
            layouts: columns.dataset().rows.is_none().then(Layouts::default),
            marks: Marks::default(),
            rows: StagingBuilder::new(&columns),
            rejects: RejectBuilder::new(&columns.dataset().name),
            full_rows: Vec::new(),
            full_rejects: Vec::new(),
            notes: Notes::default(),
        }
    }

    /// Decodes the next bytes of an object.
    ///
    /// # Errors
    ///
    /// Returns an error only if Arrow rejects a batch, which would be a bug in starlift. Bad input
    /// produces rejects instead.
    pub fn feed(&mut self, object: &mut ObjectState, chunk: &[u8]) -> Result<(), ArrowError> {
        self.rows.set_object(object.number);
        object.counts.bytes += chunk.len() as u64;
        object.budget.earn(chunk.len());
        let rest = if object.carry.is_empty() { chunk } else { self.extend_carry(object, chunk)? };
        if rest.is_empty() {
            return Ok(());
        }
        let used = self.scan(object, rest, false)?;
        object.carry.extend_from_slice(&rest[used..]);
        object.retry_at = object.carry.len();
        Ok(())
    }

    /// Decodes the remaining bytes of an object after its last chunk.
    ///
    /// # Errors
    ///
    /// See [`Decoder::feed`].
    pub fn finish(&mut self, mut object: ObjectState) -> Result<ObjectCounts, ArrowError> {
        self.rows.set_object(object.number);
        let carry = std::mem::take(&mut object.carry);
        self.scan(&mut object, &carry, true)?;
        Ok(object.counts)
    }

    /// Removes and returns the full batches of the staging table.
    pub fn take_rows(&mut self) -> Vec<RecordBatch> {
        std::mem::take(&mut self.full_rows)
    }

    /// Removes and returns the full batches of [`rejects_schema`](super::rejects_schema).
    pub fn take_rejects(&mut self) -> Vec<RecordBatch> {
        std::mem::take(&mut self.full_rejects)
    }

    /// Closes the partial batches and adds them to the full ones.
    ///
    /// # Errors
    ///
    /// See [`Decoder::feed`].
    pub fn flush(&mut self) -> Result<(), ArrowError> {
        self.full_rows.extend(self.rows.flush()?);
        self.full_rejects.extend(self.rejects.flush()?);
        Ok(())
    }

    /// Returns the observations on the records decoded so far.
    pub fn notes(&self) -> Notes {
        let mut notes = self.notes.clone();
        self.row_builder.add_to(&mut notes);
        self.layouts.iter().for_each(|layouts| layouts.add_to(&mut notes));
        notes
    }

    /// Removes and returns the observations on the records decoded so far.
    pub fn take_notes(&mut self) -> Notes {
        let notes = self.notes();
        self.notes = Notes::default();
        self.row_builder.clear_notes();
        self.layouts.iter_mut().for_each(Layouts::clear_notes);
        notes
    }

    /// Adds `chunk` to the carry, scans the carry if it is long enough, and returns the part of
    /// `chunk` that was not added.
    fn extend_carry<'a>(
        &mut self,
        object: &mut ObjectState,
        chunk: &'a [u8],
    ) -> Result<&'a [u8], ArrowError> {
        // Most records end with their line. Completing only that line avoids copying the rest of
        // the chunk.
        let line = memchr(b'\n', chunk).map_or(chunk.len(), |feed| feed + 1);
        object.carry.extend_from_slice(&chunk[..line]);
        self.retry_carry(object)?;
        if object.carry.is_empty() {
            return Ok(&chunk[line..]);
        }
        object.carry.extend_from_slice(&chunk[line..]);
        self.retry_carry(object)?;
        Ok(&[])
    }

    fn retry_carry(&mut self, object: &mut ObjectState) -> Result<(), ArrowError> {
        if object.carry.len() < object.retry_at {
            return Ok(());
        }
        let mut carry = std::mem::take(&mut object.carry);
        let used = self.scan(object, &carry, false)?;
        carry.drain(..used);
        object.retry_at = (carry.len() * 2).min(MAX_RECORD_BYTES + 1);
        object.carry = carry;
        Ok(())
    }

    /// Decodes records from `bytes` and returns the number of bytes consumed. Unless `last` is set,
    /// an incomplete record at the end is not consumed.
    fn scan(
        &mut self,
        object: &mut ObjectState,
        bytes: &[u8],
        last: bool,
    ) -> Result<usize, ArrowError> {
        let chunk = Chunk::new(bytes);
        self.marks.clear();
        let mut at = 0;
        loop {
            if object.skipping.is_some() {
                at = self.skip(object, bytes, at, last)?;
                if object.skipping.is_some() {
                    break;
                }
            }
            at = skip_whitespace(bytes, at);
            let next = match bytes.get(at) {
                None => break,
                Some(b'{') => match self.known_record(object, &chunk, at)? {
                    Some(end) => Some(end),
                    None => self.record(object, &chunk, at, last)?,
                },
                Some(_) => self.other(object, &chunk, at, last)?,
            };
            match next {
                Some(end) => at = end,
                None => break,
            }
        }
        if last {
            self.close_array(object, bytes, at, "the object ends within this array")?;
        }
        object.pass(bytes, at);
        Ok(at)
    }

    /// Decodes the record at `at` if its layout is known, and returns the position of its end. Returns `None`
    /// if the record must be scanned.
    #[inline]
    fn known_record(
        &mut self,
        object: &mut ObjectState,
        chunk: &Chunk<'_>,
        at: usize,
    ) -> Result<Option<usize>, ArrowError> {
        if self.demands_array(object) {
            return Ok(None);
        }
        let Some(layouts) = &mut self.layouts else { return Ok(None) };
        let text = chunk.valid_text();
        if !layouts.is_ready() || at >= text.len() {
            return Ok(None);
        }
        if !self.marks.is_marked() {
            self.marks.mark(text.as_bytes());
        }
        let records = layout::Records { text, marks: &self.marks };
        let end = self.row_builder.append_known(layouts, records, at, &mut self.rows);
        let Some(end) = end else {
            layouts.missed();
            return Ok(None);
        };
        layouts.hit();
        self.accepted(object, &chunk.bytes[at..end])?;
        Ok(Some(end))
    }

    /// Decodes the record at `at` and returns the position of its end, or `None` if more bytes are
    /// needed.
    pub(super) fn record(
        &mut self,
        object: &mut ObjectState,
        chunk: &Chunk<'_>,
        at: usize,
        last: bool,
    ) -> Result<Option<usize>, ArrowError> {
        let bytes = chunk.bytes;
        let too_long = bytes.len() - at > MAX_RECORD_BYTES;
        // Ignore bytes beyond the length limit: the limit must not depend on the number of buffered
        // bytes.
        let rest = if too_long { &bytes[at..at + MAX_RECORD_BYTES] } else { &bytes[at..] };
        let stop = match rest[0] {
            b'{' | b'[' => match self.scanner.scan(rest) {
                Ok(length) => {
                    self.whole_record(object, chunk, at, length)?;
                    return Ok(Some(at + length));
                }
                Err(stop) => stop,
            },
            _ => Stop::syntax(0, "not a JSON object"),
        };
        let rejection = match stop {
            Stop::Incomplete if too_long => Rejection::of_record("longer than 16 MiB"),
            Stop::Incomplete if last => {
                Rejection::of_record("truncated: the object ends within the record")
            }
            Stop::Incomplete => return Ok(None),
            Stop::Syntax { at: 0, reason } => Rejection::of_record(reason),
            Stop::Syntax { at, reason } => {
                Rejection::of_record(format!("{reason} (byte {} of the record)", at + 1))
            }
        };
        let line = chunk.line_end(at);
        self.broken_record(object, bytes, at..at + rest.len(), line, last && !too_long, rejection)
    }

    /// Decodes a record whose length is known: appends a row or a reject.
    fn whole_record(
        &mut self,
        object: &mut ObjectState,
        chunk: &Chunk<'_>,
        at: usize,
        length: usize,
    ) -> Result<(), ArrowError> {
        let outcome = match chunk.text(at, length) {
            Err(error) => Err(Rejection::of_record(format!(
                "invalid UTF-8 (byte {} of the record)",
                error.valid_up_to() + 1
            ))),
            Ok(text) if text.starts_with('[') && !self.scanner.paths().accepts_arrays() => {
                Err(Rejection::of_record("an array, not a JSON object"))
            }
            Ok(_) if self.demands_array(object) => Err(Rejection::of_record(
                "not within an array, although the model sets records = \"array\"",
            )),
            Ok(text) => {
                self.notes.add_unknown_keys(text, &mut self.scanner.unknown);
                match self.row_builder.append(text, &self.scanner, &mut self.rows) {
                    Ok(()) => {
                        self.learn(text);
                        Ok(())
                    }
                    Err(RowError::Rejected(rejection)) => Err(rejection),
                    Err(RowError::Arrow(error)) => return Err(error),
                }
            }
        };
        let record = &chunk.bytes[at..at + length];
        if let Err(rejection) = outcome {
            object.follows_value(record);
            let span = at..at + length;
            let in_array = object.array.is_some();
            let records = self.records_within(&chunk.bytes[span.clone()], in_array);
            self.full_rows.extend(self.rows.take_overgrown()?);
            return self.skipped(object, chunk.bytes, span, rejection, records);
        }
        self.accepted(object, record)
    }

    /// Counts a record whose rows have been appended, and removes the full batches.
    #[inline]
    fn accepted(&mut self, object: &mut ObjectState, record: &[u8]) -> Result<(), ArrowError> {
        object.follows_value(record);
        object.counts.decoded += 1;
        self.full_rows.extend(self.rows.take_full()?);
        Ok(())
    }

    fn learn(&mut self, record: &str) {
        let Some(layouts) = &mut self.layouts else { return };
        let (paths, unknown) = (self.scanner.paths(), &self.scanner.unknown);
        layouts.learn(record, paths, self.row_builder.columns(), unknown);
    }

    /// Returns `true` if a record that is not in an array is rejected.
    fn demands_array(&self, object: &ObjectState) -> bool {
        object.array.is_none() && self.records == Records::Array && self.opens_arrays()
    }

    /// Estimates the number of records in a rejected value that the scanner has just scanned: an
    /// array, or an object that wraps the records and fills no column itself.
    fn records_within(&self, value: &[u8], in_array: bool) -> u64 {
        let is_missing = |span: &FieldSpan| span.kind == FieldKind::Missing;
        match value[0] {
            b'[' if self.scanner.paths().accepts_arrays() => 1 + joined_arrays(value),
            b'[' => 1 + joined_records(value, in_array),
            _ if self.scanner.spans.iter().all(is_missing) => 1 + joined_records(value, true),
            _ => 1,
        }
    }
}
