//! Records out of an object's bytes, in chunks cut anywhere.
//!
//! A record that does not end within the bytes at hand is kept and tried again when they have
//! doubled, so that even a record of many chunks is scanned in linear time.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use memchr::{memchr, memchr_iter};
use simdutf8::compat::Utf8Error;

use super::columns::StagingBuilder;
use super::dataset::StagedColumns;
use super::record::RowMaker;
use super::reject::{Place, Refusal, RejectBuilder};
use super::scan::{Scanner, Stop, skip_whitespace};
use super::shape::Shape;

/// Longer records are rejects: four times the 4 MB that Redshift's own COPY takes.
pub const MAX_RECORD_BYTES: usize = 16 * 1024 * 1024;

/// Distinct unknown keys that are told apart; data with generated keys must not fill the memory.
const MAX_UNKNOWN_KEYS: usize = 1000;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// What came of an object's records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ObjectCounts {
    /// Bytes decoded, after decompression.
    pub bytes: u64,
    /// Records that became rows.
    pub decoded: u64,
    /// Records that became rejects.
    pub rejected: u64,
}

/// How far the decoding of one object has come.
#[derive(Debug)]
pub struct ObjectState {
    object: Arc<str>,
    /// The start of a record that has not ended yet.
    carry: Vec<u8>,
    /// Scanning `carry` again pays from this length on.
    retry_at: usize,
    offset: u64,
    line: u64,
    /// Bytes at hand whose lines have been counted.
    counted: usize,
    started: bool,
    /// Within a reject whose end is not known: drop everything up to the next line.
    discarding: bool,
    counts: ObjectCounts,
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
            counted: 0,
            started: false,
            discarding: false,
            counts: ObjectCounts::default(),
        }
    }

    /// The place of byte `at` of the bytes at hand.
    fn place(&mut self, bytes: &[u8], at: usize) -> Place {
        // Lines are counted only when a reject or the end of the bytes asks for them.
        self.line += memchr_iter(b'\n', &bytes[self.counted..at]).count() as u64;
        self.counted = at;
        Place { offset: self.offset + at as u64, line: self.line }
    }

    /// Leaves the first `length` of the bytes at hand behind.
    fn pass(&mut self, bytes: &[u8], length: usize) {
        let place = self.place(bytes, length);
        self.offset = place.offset;
        self.counted = 0;
    }
}

/// Decodes objects of one dataset into staging batches and rejects.
///
/// Synchronous and free of I/O: chunks go in with [`Decoder::feed`], batches come out with
/// [`Decoder::take_rows`]. Objects may take turns, each with its own [`ObjectState`], and share
/// batches, so that many tiny objects do not make many tiny batches.
pub struct Decoder {
    scanner: Scanner,
    maker: RowMaker,
    rows: StagingBuilder,
    rejects: RejectBuilder,
    full_rows: Vec<RecordBatch>,
    full_rejects: Vec<RecordBatch>,
    unknown: BTreeMap<String, u64>,
}

impl Decoder {
    /// A decoder that fills `columns`, whose values are where `shape` says. A [`Dataset`](super::Dataset) stands
    /// for all of its columns.
    pub fn new(columns: impl Into<StagedColumns>, shape: Shape) -> Decoder {
        let columns = columns.into();
        let dataset = columns.dataset();
        Decoder {
            scanner: Scanner::new(shape, dataset.columns().len()),
            maker: RowMaker::new(dataset),
            rows: StagingBuilder::new(&columns),
            rejects: RejectBuilder::default(),
            full_rows: Vec::new(),
            full_rejects: Vec::new(),
            unknown: BTreeMap::new(),
        }
    }

    /// Decodes the next bytes of an object.
    ///
    /// # Errors
    ///
    /// Only if Arrow refuses a batch, which would be a defect of starlift: bad input makes rejects.
    pub fn feed(&mut self, object: &mut ObjectState, chunk: &[u8]) -> Result<(), ArrowError> {
        object.counts.bytes += chunk.len() as u64;
        let rest = if object.carry.is_empty() { chunk } else { self.extend_carry(object, chunk)? };
        if rest.is_empty() {
            return Ok(());
        }
        let used = self.scan(object, rest, false)?;
        object.carry.extend_from_slice(&rest[used..]);
        object.retry_at = object.carry.len();
        Ok(())
    }

    /// Decodes what is left of an object after its last byte.
    ///
    /// # Errors
    ///
    /// As [`Decoder::feed`].
    pub fn finish(&mut self, mut object: ObjectState) -> Result<ObjectCounts, ArrowError> {
        let carry = std::mem::take(&mut object.carry);
        self.scan(&mut object, &carry, true)?;
        Ok(object.counts)
    }

    /// Batches of the staging table that are full.
    pub fn take_rows(&mut self) -> Vec<RecordBatch> {
        std::mem::take(&mut self.full_rows)
    }

    /// Batches of [`rejects_schema`](super::rejects_schema) that are full.
    pub fn take_rejects(&mut self) -> Vec<RecordBatch> {
        std::mem::take(&mut self.full_rejects)
    }

    /// Closes the batches under way; what they held is then among the full ones.
    ///
    /// # Errors
    ///
    /// As [`Decoder::feed`].
    pub fn flush(&mut self) -> Result<(), ArrowError> {
        self.full_rows.extend(self.rows.flush()?);
        self.full_rejects.extend(self.rejects.flush()?);
        Ok(())
    }

    /// Top-level keys met that no column is filled from, with the number of records they were in.
    pub fn unknown_keys(&self) -> &BTreeMap<String, u64> {
        &self.unknown
    }

    /// Adds `chunk` to the carry, scans it if that pays, and returns the part of `chunk` that is
    /// not in the carry.
    fn extend_carry<'a>(
        &mut self,
        object: &mut ObjectState,
        chunk: &'a [u8],
    ) -> Result<&'a [u8], ArrowError> {
        // Most records end with their line: completing just that one leaves the rest of the chunk
        // where it is.
        let line = line_end(chunk, 0).unwrap_or(chunk.len());
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

    /// Takes records from `bytes` and returns how many bytes they had. Unless they are the `last`,
    /// a record that does not end within them is left.
    fn scan(
        &mut self,
        object: &mut ObjectState,
        bytes: &[u8],
        last: bool,
    ) -> Result<usize, ArrowError> {
        let mut at = 0;
        if !object.started {
            if !last && bytes.len() < BYTE_ORDER_MARK.len() && BYTE_ORDER_MARK.starts_with(bytes) {
                return Ok(0);
            }
            object.started = true;
            at = if bytes.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
        }
        let chunk = Chunk::new(bytes);
        loop {
            let start = if object.discarding { line_end(bytes, at) } else { Some(at) };
            object.discarding = start.is_none();
            at = skip_whitespace(bytes, start.unwrap_or(bytes.len()));
            if at == bytes.len() {
                break;
            }
            let Some(end) = self.record(object, &chunk, at, last)? else { break };
            at = end;
        }
        object.pass(bytes, at);
        Ok(at)
    }

    /// Takes the record at `at` and returns where it ends, or `None` when more bytes must tell.
    fn record(
        &mut self,
        object: &mut ObjectState,
        chunk: &Chunk<'_>,
        at: usize,
        last: bool,
    ) -> Result<Option<usize>, ArrowError> {
        let bytes = chunk.bytes;
        let too_long = bytes.len() - at > MAX_RECORD_BYTES;
        // What a record may not reach is not looked at: how long it may be must not depend on how
        // many bytes are at hand.
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
        let refusal = match stop {
            Stop::Incomplete if too_long => Refusal::of_record("longer than 16 MiB"),
            Stop::Incomplete if last => Refusal::of_record("truncated: the object ends within it"),
            Stop::Incomplete => return Ok(None),
            Stop::Syntax { at: 0, reason } => Refusal::of_record(reason),
            Stop::Syntax { at, reason } => {
                Refusal::of_record(format!("{reason} (byte {} of the record)", at + 1))
            }
        };
        let length = match broken_record_length(rest, last && !too_long) {
            Some(length) => length,
            None if !too_long => return Ok(None),
            None => {
                object.discarding = true;
                rest.len()
            }
        };
        self.reject(object, bytes, at..at + length, &refusal)?;
        Ok(Some(at + length))
    }

    /// Takes a record of known extent: a row, or a reject.
    fn whole_record(
        &mut self,
        object: &mut ObjectState,
        chunk: &Chunk<'_>,
        at: usize,
        length: usize,
    ) -> Result<(), ArrowError> {
        let outcome = match chunk.text(at, length) {
            Err(error) => Err(Refusal::of_record(format!(
                "invalid UTF-8 (byte {} of the record)",
                error.valid_up_to() + 1
            ))),
            Ok(text) if text.starts_with('[') && !self.scanner.shape().takes_arrays() => {
                Err(Refusal::of_record("an array, not a JSON object"))
            }
            Ok(text) => {
                self.note_unknown_keys(text);
                self.maker.append(text, &self.scanner.slots, &mut self.rows)
            }
        };
        if let Err(refusal) = outcome {
            return self.reject(object, chunk.bytes, at..at + length, &refusal);
        }
        object.counts.decoded += 1;
        self.full_rows.extend(self.rows.take_full()?);
        Ok(())
    }

    fn reject(
        &mut self,
        object: &mut ObjectState,
        bytes: &[u8],
        span: Range<usize>,
        refusal: &Refusal,
    ) -> Result<(), ArrowError> {
        object.counts.rejected += 1;
        let place = object.place(bytes, span.start);
        self.rejects.append(&object.object, place, refusal, bytes[span].trim_ascii_end());
        if self.rejects.is_full() {
            self.full_rejects.extend(self.rejects.flush()?);
        }
        Ok(())
    }

    fn note_unknown_keys(&mut self, record: &str) {
        let spans = &mut self.scanner.unknown;
        spans.sort_unstable_by_key(|&(start, end)| &record[start..end]);
        spans.dedup_by_key(|(start, end)| &record[*start..*end]);
        for &(start, end) in &*spans {
            let key = &record[start..end];
            if let Some(count) = self.unknown.get_mut(key) {
                *count += 1;
            } else if self.unknown.len() < MAX_UNKNOWN_KEYS {
                self.unknown.insert(key.to_owned(), 1);
            }
        }
    }
}

/// Bytes at hand, and how far they are UTF-8: checking many records at once is cheaper than each.
struct Chunk<'a> {
    bytes: &'a [u8],
    text: &'a str,
}

impl<'a> Chunk<'a> {
    fn new(bytes: &'a [u8]) -> Chunk<'a> {
        let text = simdutf8::compat::from_utf8(bytes).or_else(|error| {
            let valid = &bytes[..error.valid_up_to()];
            simdutf8::compat::from_utf8(valid)
        });
        Chunk { bytes, text: text.unwrap_or_default() }
    }

    fn text(&self, at: usize, length: usize) -> Result<&'a str, Utf8Error> {
        match self.text.get(at..at + length) {
            Some(text) => Ok(text),
            None => simdutf8::compat::from_utf8(&self.bytes[at..at + length]),
        }
    }
}

/// How much of `rest` a record that is broken takes with it: its line, or, when it stands on many
/// lines as pretty-printers write it, everything up to its closing bracket. `None` when more bytes
/// must tell.
fn broken_record_length(rest: &[u8], last: bool) -> Option<usize> {
    let line = match line_end(rest, 0) {
        Some(end) => end,
        None if last => return Some(rest.len()),
        None => return None,
    };
    match rest[..line].trim_ascii() {
        b"{" => block_end(rest, line, b'}', last),
        b"[" => block_end(rest, line, b']', last),
        _ => Some(line),
    }
}

/// The end of a broken pretty-printed value: a line that starts with its closer belongs to it, one
/// that starts with an opening brace to the next record.
fn block_end(rest: &[u8], mut line: usize, closer: u8, last: bool) -> Option<usize> {
    loop {
        match rest.get(line) {
            Some(b'{') => return Some(line),
            Some(&byte) if byte == closer => return Some(line + 1),
            Some(_) => {}
            None if last => return Some(rest.len()),
            None => return None,
        }
        line = match line_end(rest, line) {
            Some(next) => next,
            None if last => return Some(rest.len()),
            None => return None,
        };
    }
}

/// The position after the first line feed from `at` on.
fn line_end(bytes: &[u8], at: usize) -> Option<usize> {
    memchr(b'\n', &bytes[at..]).map(|i| at + i + 1)
}
