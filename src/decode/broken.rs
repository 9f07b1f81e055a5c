//! Rejects broken records, and skips to the end of those that end beyond the buffered bytes.

use std::ops::Range;

use arrow::error::ArrowError;

use super::decoder::{Decoder, MAX_RECORD_BYTES};
use super::object::{ObjectState, Skipping};
use super::recover::{Broken, Extent, MAX_FIRST_KEY, joined_records, next_end};
use super::reject::{MAX_RAW_BYTES, Rejection};
use super::separator::{line_end, trim_end};

/// Number of bytes collected of a reject: enough to cut the kept part between characters.
const GATHERED_RAW_BYTES: usize = MAX_RAW_BYTES + 4;

impl Decoder {
    /// Rejects the record at the start of `rest`, which is not valid JSON.
    pub(super) fn broken_record(
        &mut self,
        object: &mut ObjectState,
        bytes: &[u8],
        rest: Range<usize>,
        line: Option<usize>,
        last: bool,
        rejection: Rejection,
    ) -> Result<Option<usize>, ArrowError> {
        let at = rest.start;
        object.recovers();
        let broken = Broken {
            bytes: &bytes[rest.clone()],
            line: line.filter(|&end| end <= rest.end).map(|end| end - at),
            last,
            in_array: object.array.is_some(),
            indent: object.indent(bytes, at),
            first_key: &object.first_key,
        };
        let (length, records) = match broken.extent(&mut self.scanner, &mut object.budget) {
            Extent::Record(length) => (length, 1),
            Extent::Skipped(length, records) => (length, records),
            Extent::Unknown if rest.len() < MAX_RECORD_BYTES => return Ok(None),
            Extent::Unknown => {
                let position = object.position(bytes, at);
                object.skipping =
                    Some(Skipping { position, rejection, raw: Vec::new(), length: 0, records: 1 });
                return Ok(Some(at));
            }
        };
        object.truncated = last && at + length == bytes.len();
        self.skipped(object, bytes, at..at + length, rejection, records)?;
        Ok(Some(at + length))
    }

    /// Continues to skip a reject whose end is unknown, and returns the position reached. Adds the
    /// reject when it finds the end.
    pub(super) fn skip(
        &mut self,
        object: &mut ObjectState,
        bytes: &[u8],
        at: usize,
        last: bool,
    ) -> Result<usize, ArrowError> {
        let in_array = object.array.is_some();
        let Some(mut skipping) = object.skipping.take() else { return Ok(at) };
        // Do not find the skipped record itself.
        let from = if skipping.length == 0 { at + 1 } else { at };
        let line = line_end(bytes, at).filter(|_| !in_array);
        let joined =
            next_end(&bytes[..line.unwrap_or(bytes.len())], from.min(bytes.len()), in_array);
        let end = joined.or(line);
        let to = match end {
            Some(end) => end,
            None if last => bytes.len(),
            None => hold_back(bytes, at),
        };
        let room = GATHERED_RAW_BYTES.saturating_sub(skipping.raw.len()).min(to - at);
        skipping.raw.extend_from_slice(&bytes[at..at + room]);
        skipping.length += (to - at) as u64;
        skipping.records += joined_records(&bytes[at..to], in_array);
        if end.is_none() && !last {
            object.skipping = Some(skipping);
            return Ok(to);
        }
        let trimmed = (to - at) - trim_end(&bytes[at..to]).len();
        skipping.length -= trimmed as u64;
        self.add_skipped(object, skipping);
        self.flush_rejects()?;
        Ok(to)
    }

    pub(super) fn reject(
        &mut self,
        object: &mut ObjectState,
        bytes: &[u8],
        span: Range<usize>,
        rejection: Rejection,
    ) -> Result<(), ArrowError> {
        self.skipped(object, bytes, span, rejection, 1)
    }

    /// Adds a reject with an estimated number of records.
    pub(super) fn skipped(
        &mut self,
        object: &mut ObjectState,
        bytes: &[u8],
        span: Range<usize>,
        rejection: Rejection,
        records: u64,
    ) -> Result<(), ArrowError> {
        let position = object.position(bytes, span.start);
        let raw = trim_end(&bytes[span]);
        let kept = raw[..raw.len().min(GATHERED_RAW_BYTES)].to_vec();
        let length = raw.len() as u64;
        self.add_skipped(object, Skipping { position, rejection, raw: kept, length, records });
        self.flush_rejects()
    }

    fn add_skipped(&mut self, object: &mut ObjectState, skipped: Skipping) {
        let Skipping { position, mut rejection, raw, length, records } = skipped;
        object.after_value = true;
        object.counts.rejected += 1;
        object.counts.rejected_bytes += length;
        if records > 1 {
            object.counts.skipped_bytes += length;
            object.counts.skipped_records += records;
            rejection = rejection.skipping(length, records);
        }
        self.rejects.append(&object.object, position, &rejection, &raw, length);
    }

    fn flush_rejects(&mut self) -> Result<(), ArrowError> {
        if self.rejects.is_full() {
            self.full_rejects.extend(self.rejects.flush()?);
        }
        Ok(())
    }
}

/// Returns the position up to which bytes can be skipped if the start of a record may be cut off at
/// their end.
fn hold_back(bytes: &[u8], at: usize) -> usize {
    let tail = at.max(bytes.len().saturating_sub(2 * MAX_FIRST_KEY));
    bytes[tail..].iter().position(|&byte| byte == b'}').map_or(bytes.len(), |found| tail + found)
}
