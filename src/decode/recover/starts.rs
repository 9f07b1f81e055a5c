//! Finds possible starts of records: braces, the keys after them, and the bytes before them.

use std::ops::Range;

use memchr::{memchr, memchr_iter};

use crate::decode::scan::skip_whitespace;

/// Maximum length in bytes of a key that is compared to recognize the start of a record.
pub(in crate::decode) const MAX_FIRST_KEY: usize = 128;

/// Counts the positions in `bytes` where one record ends and another starts: a closing brace, then
/// an opening one with a key after it; in an array, also with a comma between them.
pub(in crate::decode) fn joined_records(bytes: &[u8], in_array: bool) -> u64 {
    let starts = memchr_iter(b'{', bytes);
    let joined = starts.filter(|&start| {
        let key = skip_whitespace(bytes, start + 1);
        bytes.get(key) == Some(&b'"')
            && (record_end(bytes, start).is_some()
                || in_array && element_end(bytes, start).is_some())
    });
    joined.count() as u64
}

/// Counts the positions in `bytes` where one array ends and another starts, with or without a comma
/// between them.
pub(in crate::decode) fn joined_arrays(bytes: &[u8]) -> u64 {
    let starts = memchr_iter(b'[', bytes);
    let joined = starts.filter(|&start| {
        let before = bytes[..start].trim_ascii_end();
        let before = before.strip_suffix(b",").unwrap_or(before);
        before.trim_ascii_end().ends_with(b"]")
    });
    joined.count() as u64
}

/// Returns `true` if an object and a comma precede the brace at `start`.
pub(super) fn follows_object_and_comma(bytes: &[u8], start: usize) -> bool {
    let before = bytes[..start].trim_ascii_end().strip_suffix(b",");
    before.is_some_and(|before| before.trim_ascii_end().ends_with(b"}"))
}

/// Returns the end of the first record from `at` on that is followed by another one.
pub(in crate::decode) fn next_end(bytes: &[u8], at: usize, in_array: bool) -> Option<usize> {
    let mut starts = memchr_iter(b'{', &bytes[at..]).map(|found| at + found);
    starts.find_map(|start| {
        let end = if in_array { element_end(bytes, start) } else { record_end(bytes, start) };
        end.filter(|_| first_key(bytes, start).is_some())
    })
}

/// Returns the end of the record before the brace at `start`, if only blanks are between them.
pub(super) fn record_end(bytes: &[u8], start: usize) -> Option<usize> {
    let before = bytes[..start].trim_ascii_end();
    (before.last() == Some(&b'}')).then_some(start)
}

/// Returns the end of the array element before the brace at `start`, if only a comma or the end of
/// the array is between them.
pub(super) fn element_end(bytes: &[u8], start: usize) -> Option<usize> {
    let (last, before) = bytes[..start].trim_ascii_end().split_last()?;
    let ends_object = before.trim_ascii_end().last() == Some(&b'}');
    let is_end = match last {
        // If no object ends before the comma, the element before it is truncated.
        b',' => true,
        b']' => ends_object,
        _ => false,
    };
    is_end.then_some(before.len())
}

/// Returns the number of blanks before `at` on its line, or `None` if anything else precedes it
/// there.
pub(super) fn indent(bytes: &[u8], at: usize) -> Option<usize> {
    let blanks = bytes[..at].iter().rev().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    let before = bytes[..at - blanks].last();
    matches!(before, Some(b'\n' | b'\r')).then_some(blanks)
}

/// The result of looking for the first key of an object.
pub(super) enum FirstKey {
    /// Span of the key, which is followed by a colon.
    Span(Range<usize>),
    /// The bytes end before the colon after the first key.
    Incomplete,
    /// The object has no usable first key.
    None,
}

/// Returns the span of the first key of the object at `start`, if a colon follows it. Ignores keys
/// that contain escapes or are longer than [`MAX_FIRST_KEY`].
pub(in crate::decode) fn first_key(bytes: &[u8], start: usize) -> Option<Range<usize>> {
    match find_first_key(bytes, start) {
        FirstKey::Span(span) => Some(span),
        FirstKey::Incomplete | FirstKey::None => None,
    }
}

pub(super) fn find_first_key(bytes: &[u8], start: usize) -> FirstKey {
    if bytes[start] != b'{' {
        return FirstKey::None;
    }
    let quote = skip_whitespace(bytes, start + 1);
    match bytes.get(quote) {
        Some(b'"') => {}
        Some(_) => return FirstKey::None,
        None => return FirstKey::Incomplete,
    }
    let start = quote + 1;
    let available = &bytes[start..bytes.len().min(start + MAX_FIRST_KEY + 1)];
    let length = memchr(b'"', available);
    let key = &available[..length.unwrap_or(available.len())];
    let is_plain = key.iter().all(|&byte| byte >= 0x20 && byte != b'\\');
    if !is_plain || key.len() > MAX_FIRST_KEY {
        return FirstKey::None;
    }
    let end = start + key.len();
    match bytes.get(skip_whitespace(bytes, end + 1)) {
        Some(b':') if length.is_some() => FirstKey::Span(start..end),
        None => FirstKey::Incomplete,
        Some(_) => FirstKey::None,
    }
}
