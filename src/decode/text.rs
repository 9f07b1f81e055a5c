//! JSON strings: finding their end, and turning escapes into text.

use wide::u8x16;

use super::scan::Stop;

/// What the body of a string holds besides plain bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StringEnd {
    /// Position of the closing quote.
    pub quote: usize,
    /// Whether there is an escape within.
    pub escaped: bool,
}

/// Bytes looked at in one step.
const LANES: usize = 16;

/// Marks, a bit a byte, what ends a run of plain text: quotes, backslashes and control characters.
#[inline]
fn special_bytes(block: [u8; LANES]) -> u32 {
    let block = u8x16::new(block);
    let quotes = block.simd_eq(u8x16::splat(b'"'));
    let backslashes = block.simd_eq(u8x16::splat(b'\\'));
    let controls = block.min(u8x16::splat(0x1F)).simd_eq(block);
    (quotes | backslashes | controls).to_bitmask()
}

/// Finds the end of the string whose first byte after the opening quote is at `at`, and checks
/// its escapes.
#[inline]
pub(super) fn scan_string(bytes: &[u8], mut at: usize) -> Result<StringEnd, Stop> {
    let mut escaped = false;
    loop {
        at = skip_plain(bytes, at);
        match bytes.get(at) {
            None => return Err(Stop::Incomplete),
            Some(b'"') => return Ok(StringEnd { quote: at, escaped }),
            Some(b'\\') => {
                escaped = true;
                at = scan_escape(bytes, at)?;
            }
            Some(b'\n' | b'\r') => return Err(Stop::syntax(at, "a line break within a string")),
            Some(_) => return Err(Stop::syntax(at, "a control character within a string")),
        }
    }
}

#[inline]
fn skip_plain(bytes: &[u8], mut at: usize) -> usize {
    while let Some(block) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
        let special = special_bytes(*block);
        if special != 0 {
            return at + special.trailing_zeros() as usize;
        }
        at += LANES;
    }
    while let Some(&byte) = bytes.get(at) {
        if byte == b'"' || byte == b'\\' || byte < 0x20 {
            break;
        }
        at += 1;
    }
    at
}

/// Checks the escape at `at` (its backslash) and returns where it ends.
fn scan_escape(bytes: &[u8], at: usize) -> Result<usize, Stop> {
    match bytes.get(at + 1) {
        None => Err(Stop::Incomplete),
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 2),
        Some(b'u') => scan_unicode_escape(bytes, at),
        Some(_) => Err(Stop::syntax(at, "an unknown escape in a string")),
    }
}

fn scan_unicode_escape(bytes: &[u8], at: usize) -> Result<usize, Stop> {
    const LONE: &str = "a lone surrogate in a \\u escape";
    match hex4(bytes, at + 2)? {
        0xD800..=0xDBFF => {
            for (i, expected) in [(at + 6, b'\\'), (at + 7, b'u')] {
                match bytes.get(i) {
                    None => return Err(Stop::Incomplete),
                    Some(byte) if *byte == expected => {}
                    Some(_) => return Err(Stop::syntax(at, LONE)),
                }
            }
            match hex4(bytes, at + 8)? {
                0xDC00..=0xDFFF => Ok(at + 12),
                _ => Err(Stop::syntax(at, LONE)),
            }
        }
        0xDC00..=0xDFFF => Err(Stop::syntax(at, LONE)),
        _ => Ok(at + 6),
    }
}

fn hex4(bytes: &[u8], at: usize) -> Result<u16, Stop> {
    let mut value = 0;
    for i in at..at + 4 {
        let digit = match bytes.get(i) {
            None => return Err(Stop::Incomplete),
            Some(b @ b'0'..=b'9') => b - b'0',
            Some(b @ b'a'..=b'f') => b - b'a' + 10,
            Some(b @ b'A'..=b'F') => b - b'A' + 10,
            Some(_) => return Err(Stop::syntax(i, "a \\u escape without four hex digits")),
        };
        value = value << 4 | u16::from(digit);
    }
    Ok(value)
}

/// Appends the text of a string body that [`scan_string`] has accepted.
pub(super) fn unescape(body: &[u8], out: &mut Vec<u8>) {
    let mut at = 0;
    while at < body.len() {
        let plain = skip_plain(body, at);
        out.extend_from_slice(&body[at..plain]);
        if plain >= body.len() {
            return;
        }
        at = unescape_one(body, plain, out);
    }
}

fn unescape_one(body: &[u8], at: usize, out: &mut Vec<u8>) -> usize {
    let byte = match body.get(at + 1) {
        Some(b'u') => return unescape_unicode(body, at, out),
        Some(b'b') => 0x08,
        Some(b'f') => 0x0C,
        Some(b'n') => b'\n',
        Some(b'r') => b'\r',
        Some(b't') => b'\t',
        Some(byte) => *byte,
        None => return body.len(),
    };
    out.push(byte);
    at + 2
}

fn unescape_unicode(body: &[u8], at: usize, out: &mut Vec<u8>) -> usize {
    let unit = |i| u32::from(hex4(body, i).unwrap_or(0xFFFD));
    let high = unit(at + 2);
    let (code, end) = if (0xD800..0xDC00).contains(&high) {
        (0x10000 + ((high - 0xD800) << 10) + (unit(at + 8).wrapping_sub(0xDC00) & 0x3FF), at + 12)
    } else {
        (high, at + 6)
    };
    let character = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
    out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(body: &str) -> Result<String, Stop> {
        let whole = format!("{body}\"");
        let end = scan_string(whole.as_bytes(), 0)?;
        assert_eq!(end.quote, body.len());
        let mut out = Vec::new();
        unescape(body.as_bytes(), &mut out);
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn every_escape() {
        assert_eq!(text(r#"\"\\\/\b\f\n\r\t"#).unwrap(), "\"\\/\u{8}\u{c}\n\r\t");
        assert_eq!(text(r"caf\u00e9 \u65E5\u672c \ud83c\udfb5").unwrap(), "café 日本 🎵");
        assert_eq!(
            text("plain text longer than eight bytes, é").unwrap(),
            "plain text longer than eight bytes, é"
        );
    }

    #[test]
    fn lone_surrogates_and_bad_escapes_are_refused() {
        for body in
            [r"\ud800", r"\ud800x", r"\ud800\n", r"\udc00", r"\ud800\ud800", r"\x", r"\u12g4"]
        {
            assert!(matches!(text(body), Err(Stop::Syntax { .. })), "{body} was taken");
        }
    }

    #[test]
    fn a_special_byte_is_found_at_every_position() {
        for special in [b'"', b'\\', 0x00, 0x1F, b'\n'] {
            for at in 0..40 {
                let mut bytes = vec![b'x'; 40];
                bytes[at] = special;
                assert_eq!(skip_plain(&bytes, 0), at, "{special:#x} at {at}");
            }
        }
        let high = vec![0xFF; 40];
        assert_eq!(skip_plain(&high, 0), 40);
    }
}
