//! Finds the end of JSON strings and resolves their escapes.

use wide::u8x16;

/// The reason why scanning stopped before the end of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// The bytes ended within the value; more bytes may complete it.
    Incomplete,
    /// The bytes are not the start of any valid value.
    Syntax { at: usize, reason: &'static str },
}

impl Stop {
    pub fn syntax(at: usize, reason: &'static str) -> Stop {
        Stop::Syntax { at, reason }
    }
}

/// The end of a string body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StringEnd {
    /// Position of the closing quote.
    pub quote: usize,
    /// `true` if the body contains an escape.
    pub escaped: bool,
}

/// Number of bytes compared in one step.
pub(super) const LANES: usize = 16;

/// Returns a bit mask, one bit per byte, of the bytes that end a run of plain text: quotes,
/// backslashes and control characters.
#[inline]
pub(super) fn special_bytes(block: [u8; LANES]) -> u32 {
    let block = u8x16::new(block);
    let quotes = block.simd_eq(u8x16::splat(b'"'));
    let backslashes = block.simd_eq(u8x16::splat(b'\\'));
    let controls = block.min(u8x16::splat(0x1F)).simd_eq(block);
    (quotes | backslashes | controls).to_bitmask()
}

/// Returns `true` for the bytes that [`special_bytes`] finds.
#[inline]
pub(super) fn is_special(byte: u8) -> bool {
    matches!(byte, b'"' | b'\\' | 0..0x20)
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
        if is_special(byte) {
            break;
        }
        at += 1;
    }
    at
}

/// Checks the escape whose backslash is at `at`, and returns the position of its end.
pub(super) fn scan_escape(bytes: &[u8], at: usize) -> Result<usize, Stop> {
    match bytes.get(at + 1) {
        None => Err(Stop::Incomplete),
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 2),
        // Surrogate pairs are checked where the text is used.
        Some(b'u') => hex4(bytes, at + 2).map(|_| at + 6),
        Some(_) => Err(Stop::syntax(at, "an unknown escape in a string")),
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

/// Appends the text of a string body that [`scan_string`] has accepted. Returns `false` if the body
/// contains an unpaired surrogate, which becomes U+FFFD.
pub(super) fn unescape(body: &[u8], out: &mut Vec<u8>) -> bool {
    let mut is_text = true;
    let mut at = 0;
    while at < body.len() {
        let plain = skip_plain(body, at);
        out.extend_from_slice(&body[at..plain]);
        if plain >= body.len() {
            break;
        }
        at = unescape_one(body, plain, out, &mut is_text);
    }
    is_text
}

fn unescape_one(body: &[u8], at: usize, out: &mut Vec<u8>, is_text: &mut bool) -> usize {
    let byte = match body.get(at + 1) {
        Some(b'u') => {
            let (character, end) = unescape_unicode(body, at);
            *is_text &= character.is_some();
            let character = character.unwrap_or(char::REPLACEMENT_CHARACTER);
            out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            return end;
        }
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

/// Returns the character of the escape or surrogate pair at `at`, and the position of its end. The
/// character is `None` for an unpaired surrogate.
fn unescape_unicode(body: &[u8], at: usize) -> (Option<char>, usize) {
    let unit = |at: usize| match body.get(at..at + 2) {
        Some(b"\\u") => hex4(body, at + 2).ok().map(u32::from),
        _ => None,
    };
    let Some(first) = unit(at) else { return (None, at + 2) };
    match (first, unit(at + 6)) {
        (0xD800..=0xDBFF, Some(second @ 0xDC00..=0xDFFF)) => {
            (char::from_u32(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00)), at + 12)
        }
        _ => (char::from_u32(first), at + 6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the text of a string body, and `false` with it if a surrogate is unpaired.
    fn unescaped(body: &str) -> Result<(String, bool), Stop> {
        let whole = format!("{body}\"");
        let end = scan_string(whole.as_bytes(), 0)?;
        assert_eq!(end.quote, body.len());
        let mut out = Vec::new();
        let is_text = unescape(body.as_bytes(), &mut out);
        Ok((String::from_utf8(out).unwrap(), is_text))
    }

    fn text(body: &str) -> Result<String, Stop> {
        unescaped(body).map(|(text, is_text)| {
            assert!(is_text, "{body}");
            text
        })
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
    fn bad_escapes_are_rejected() {
        for body in [r"\x", r"\u12g4"] {
            assert!(matches!(text(body), Err(Stop::Syntax { .. })), "{body} was accepted");
        }
    }

    #[test]
    fn half_a_surrogate_pair_is_not_text() {
        for (body, replaced) in [
            (r"\ud800", "\u{fffd}"),
            (r"\ud800x", "\u{fffd}x"),
            (r"\ud800\n", "\u{fffd}\n"),
            (r"\udc00", "\u{fffd}"),
            (r"\ud800\ud800", "\u{fffd}\u{fffd}"),
            (r"\ud83c\ud83c\udfb5", "\u{fffd}🎵"),
        ] {
            assert_eq!(unescaped(body).unwrap(), (replaced.to_owned(), false), "{body}");
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
