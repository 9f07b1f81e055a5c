//! Decodes what is between the records of an object: separators, and the brackets of arrays of records.

use arrow::error::ArrowError;
use memchr::memchr3;

use super::chunk::Chunk;
use super::decoder::{Decoder, MAX_RECORD_BYTES};
use super::object::ObjectState;
use super::reject::Rejection;
use super::scan::skip_whitespace;
use super::separator::{BYTE_ORDER_MARK, is_stray_separator, skip_blank};
use crate::model::Records;

impl Decoder {
    /// Decodes a separator, an array or any other bytes that are not an object, starting at `at`.
    /// Returns the position of the end, or `None` if more bytes are needed.
    pub(super) fn other(
        &mut self,
        object: &mut ObjectState,
        chunk: &Chunk<'_>,
        at: usize,
        last: bool,
    ) -> Result<Option<usize>, ArrowError> {
        let bytes = chunk.bytes;
        match bytes[at] {
            byte if is_stray_separator(byte) => Ok(Some(skip_blank(bytes, at))),
            0xEF if bytes[at..].starts_with(BYTE_ORDER_MARK) => {
                Ok(Some(at + BYTE_ORDER_MARK.len()))
            }
            0xEF if !last && BYTE_ORDER_MARK.starts_with(&bytes[at..]) => Ok(None),
            b',' => {
                object.after_value = false;
                Ok(Some(at + 1))
            }
            b']' if object.array.is_some() => {
                object.array = None;
                object.after_value = true;
                Ok(Some(at + 1))
            }
            b'[' if self.opens_arrays() => self.array(object, chunk, at, last),
            _ => self.record(object, chunk, at, last),
        }
    }

    /// Returns `true` if the elements of an array are records. Otherwise an array is a record itself,
    /// or not allowed.
    pub(super) fn opens_arrays(&self) -> bool {
        self.records != Records::Lines && !self.scanner.paths().accepts_arrays()
    }

    /// Opens the array at `at`, whose elements are records. A line in brackets without an object in
    /// it is a single reject.
    fn array(
        &mut self,
        object: &mut ObjectState,
        chunk: &Chunk<'_>,
        at: usize,
        last: bool,
    ) -> Result<Option<usize>, ArrowError> {
        let bytes = chunk.bytes;
        if object.array.is_some() && !object.after_value {
            // An array within the array is an element that is not an object.
            return self.record(object, chunk, at, last);
        }
        let first = skip_whitespace(bytes, at + 1);
        let opens = match bytes.get(first) {
            Some(b']') => {
                object.after_value = true;
                return Ok(Some(first + 1));
            }
            Some(_) => match memchr3(b'{', b'\n', b'\r', &bytes[at + 1..]) {
                Some(found) => bytes[at + 1 + found] == b'{' || first > at + 1 + found,
                None if last || bytes.len() - at > MAX_RECORD_BYTES => false,
                None => return Ok(None),
            },
            None if last => true,
            None => return Ok(None),
        };
        if !opens {
            return self.record(object, chunk, at, last);
        }
        self.close_array(object, bytes, at, "another array starts within this array")?;
        object.array = Some(object.position(bytes, at));
        object.after_value = false;
        Ok(Some(at + 1))
    }

    /// Rejects the missing rest of the array that is open at `at`, if any.
    pub(super) fn close_array(
        &mut self,
        object: &mut ObjectState,
        bytes: &[u8],
        at: usize,
        reason: &'static str,
    ) -> Result<(), ArrowError> {
        let Some(position) = object.array.take() else { return Ok(()) };
        if object.truncated {
            return Ok(());
        }
        let reason = format!("truncated: {reason}, which starts at byte {}", position.offset);
        self.reject(object, bytes, at..at, Rejection::of_record(reason))
    }
}
