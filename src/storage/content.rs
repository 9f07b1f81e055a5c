//! Detection of an object's format from its first bytes.
//!
//! Names are not reliable: tools and web servers compress or decompress data in transit and keep the
//! name. Names decide only which objects are read; the bytes decide how.

/// The format of a sequence of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// Text, or anything else that is left to the decoder.
    Plain,
    /// gzip.
    Gzip,
    /// Zstandard, or a skippable frame before it.
    Zstd,
    /// UTF-16 with a byte order mark.
    Utf16 {
        /// `true` if the more significant byte comes first.
        big_endian: bool,
    },
    /// An unsupported format, by its name in messages.
    Foreign(&'static str),
}

/// Number of bytes that suffice to recognise every format.
pub(super) const SNIFF_BYTES: usize = 24;

/// Signatures; each comes before its own prefixes.
const SIGNATURES: &[(&[u8], Format)] = &[
    (b"\x1f\x8b", Format::Gzip),
    (b"\x28\xb5\x2f\xfd", Format::Zstd),
    (b"\xff\xfe\0\0", Format::Foreign("UTF-32 text")),
    (b"\0\0\xfe\xff", Format::Foreign("UTF-32 text")),
    (b"\xff\xfe", Format::Utf16 { big_endian: false }),
    (b"\xfe\xff", Format::Utf16 { big_endian: true }),
    (b"\xff\x06\0\0sNaPpY", Format::Foreign("compressed with Snappy")),
    (b"BZh", Format::Foreign("compressed with bzip2")),
    (b"\xfd7zXZ\0", Format::Foreign("compressed with xz")),
    (b"\x04\x22\x4d\x18", Format::Foreign("compressed with LZ4")),
    (b"\x02\x21\x4c\x18", Format::Foreign("compressed with LZ4")),
    (b"\x1f\x9d", Format::Foreign("compressed with compress (.Z)")),
    (b"\x89LZO\0\r\n\x1a\n", Format::Foreign("compressed with lzop")),
    (b"LZIP", Format::Foreign("compressed with lzip")),
    (b"7z\xbc\xaf\x27\x1c", Format::Foreign("a 7z archive")),
    (b"PK\x03\x04", Format::Foreign("a zip archive")),
    (b"PK\x05\x06", Format::Foreign("a zip archive")),
    (b"PAR1", Format::Foreign("a Parquet file")),
    (b"PARE", Format::Foreign("an encrypted Parquet file")),
    (b"ORC", Format::Foreign("an ORC file")),
    (b"Obj\x01", Format::Foreign("an Avro file")),
];

/// Signatures that are also valid text. They count only if the bytes after them are not text.
const PRINTABLE: &[&[u8]] = &[b"BZh", b"LZIP", b"PAR1", b"PARE", b"ORC"];

/// Returns the format of data that begins with `start`, or `None` if more bytes are needed. `whole`
/// means that `start` is all of the data.
pub(super) fn recognise(start: &[u8], whole: bool) -> Option<Format> {
    // Fast path: almost every input begins with a JSON object or array.
    if matches!(start.first(), Some(b'{' | b'[' | b' ' | b'\n' | b'"')) {
        return Some(Format::Plain);
    }
    // The result must not depend on how the bytes are cut.
    let start = &start[..start.len().min(SNIFF_BYTES)];
    let undecided = |signature: &[u8]| !whole && signature.starts_with(start);
    if let Some(skippable) = skippable_frame(start, whole) {
        return skippable;
    }
    for (signature, format) in SIGNATURES {
        if undecided(signature) && start.len() < signature.len() {
            return None;
        }
        if !start.starts_with(signature) {
            continue;
        }
        // The decoder of Zstandard needs the whole header of the first frame.
        let is_printable = PRINTABLE.contains(signature);
        let needs_more = is_printable || *format == Format::Zstd;
        if needs_more && start.len() < SNIFF_BYTES && !whole {
            return None;
        }
        if !is_printable {
            return Some(*format);
        }
        let after = &start[signature.len()..];
        return Some(if is_text(after) { Format::Plain } else { *format });
    }
    Some(Format::Plain)
}

/// Recognises skippable Zstandard frames, which may come first. Their signature is a range of values.
fn skippable_frame(start: &[u8], whole: bool) -> Option<Option<Format>> {
    const AFTER_FIRST: &[u8] = b"\x2a\x4d\x18";
    let (first, rest) = start.split_first()?;
    if first & 0xf0 != 0x50 {
        return None;
    }
    if rest.starts_with(AFTER_FIRST) {
        return Some(Some(Format::Zstd));
    }
    (!whole && AFTER_FIRST.starts_with(rest)).then_some(None)
}

/// Returns `true` if the bytes can be part of a line of text: UTF-8, possibly cut off at the end,
/// without control characters except tabs and line ends.
fn is_text(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte >= b' ' && *byte != 0x7f || matches!(byte, b'\t' | b'\n' | b'\r'))
        && std::str::from_utf8(bytes).map_or_else(|e| e.error_len().is_none(), |_| true)
}

/// Returns the window size of a Zstandard frame in bytes, which is the memory its decoder allocates, or
/// `None` if `start` does not contain a frame header.
///
/// Source: RFC 8878, 3.1.1.1.
pub(super) fn zstd_window(start: &[u8]) -> Option<u64> {
    let header = start.strip_prefix(b"\x28\xb5\x2f\xfd")?;
    let descriptor = *header.first()?;
    let is_single_segment = descriptor & 0x20 != 0;
    if !is_single_segment {
        let window = header.get(1)?;
        let base = 1_u64 << (10 + (window >> 3));
        return Some(base + base / 8 * u64::from(window & 7));
    }
    let dictionary_bytes = [0, 1, 2, 4][usize::from(descriptor & 3)];
    let (size_bytes, offset) = [(1, 0), (2, 256), (4, 0), (8, 0)][usize::from(descriptor >> 6)];
    let size = header.get(1 + dictionary_bytes..1 + dictionary_bytes + size_bytes)?;
    let size = size.iter().rev().fold(0_u64, |size, byte| size << 8 | u64::from(*byte));
    Some(size.saturating_add(offset))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_recognised_regardless_of_cuts() {
        for (bytes, wanted) in [
            (&b"{\"a\":1}"[..], Format::Plain),
            (b"", Format::Plain),
            (b"\xef\xbb\xbf{}", Format::Plain),
            (b"\0\0\0\0\0", Format::Plain),
            (b"P", Format::Plain),
            (b"PARIS is not Parquet, it is a line", Format::Plain),
            (b"PAR1 is not Parquet either, but text", Format::Plain),
            (b"ORCHESTRA\tand more of the same line", Format::Plain),
            (b"ORCHESTRA\tand more text than is inspected, then \x1f\x8b\xff", Format::Plain),
            (b"BZh is text", Format::Plain),
            (b"\x1f\x8b\x08\0", Format::Gzip),
            (b"\x28\xb5\x2f\xfd\0", Format::Zstd),
            (b"\x5a\x2a\x4d\x18\0\0\0\0", Format::Zstd),
            (b"\xff\xfe{\0", Format::Utf16 { big_endian: false }),
            (b"\xff\xfe", Format::Utf16 { big_endian: false }),
            (b"\xfe\xff\0{", Format::Utf16 { big_endian: true }),
            (b"\xff\xfe\0\0{\0\0\0", Format::Foreign("UTF-32 text")),
            (b"\0\0\xfe\xff\0\0\0{", Format::Foreign("UTF-32 text")),
            (b"PK\x03\x04\x14\0", Format::Foreign("a zip archive")),
            (b"BZh91AY&SY\x01\x02\x03", Format::Foreign("compressed with bzip2")),
            (b"\xfd7zXZ\0\0", Format::Foreign("compressed with xz")),
            (b"\x04\x22\x4d\x18\x60", Format::Foreign("compressed with LZ4")),
            (b"\xff\x06\0\0sNaPpY\x01", Format::Foreign("compressed with Snappy")),
            (b"PAR1\x15\x04\x15\x10", Format::Foreign("a Parquet file")),
            (b"ORC\x08\x03\x10\x01", Format::Foreign("an ORC file")),
            (b"Obj\x01\x04\x14avro.codec", Format::Foreign("an Avro file")),
        ] {
            assert_eq!(recognise(bytes, true), Some(wanted), "{bytes:?}");
            for end in 0..bytes.len() {
                if let Some(early) = recognise(&bytes[..end], false) {
                    assert_eq!(early, wanted, "{bytes:?} by its first {end} bytes");
                }
            }
            let padded = [bytes, &[b' '; SNIFF_BYTES]].concat();
            assert!(recognise(&padded, false).is_some(), "{bytes:?}");
        }
    }

    #[test]
    fn windows_are_those_of_the_frame_headers() {
        let plain = vec![7_u8; 300_000];
        for size in [200, 300, 70_000, 300_000] {
            let single = zstd::bulk::compress(&plain[..size], 1).unwrap();
            assert_eq!(zstd_window(&single), Some(size as u64));
        }
        let mut long = zstd::Encoder::new(Vec::new(), 1).unwrap();
        long.window_log(27).unwrap();
        std::io::Write::write_all(&mut long, &plain).unwrap();
        assert_eq!(zstd_window(&long.finish().unwrap()), Some(1 << 27));
        assert_eq!(zstd_window(b"\x28\xb5\x2f\xfd"), None);
        assert_eq!(zstd_window(b"{}"), None);
    }
}
