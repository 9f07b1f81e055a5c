//! Writes values as JSON text directly into bytes.
//!
//! A general serializer is not suitable: the same text must be escaped in one record and raw in the
//! next, and numbers must be written identically on every machine.

/// The escapes used in a text.
#[derive(Clone, Copy, Default)]
pub(super) struct TextStyle {
    /// Writes non-ASCII characters as `\uXXXX`, in surrogate pairs where needed.
    pub(super) ascii: bool,
    /// Writes slashes as `\/`.
    pub(super) slashes: bool,
}

impl TextStyle {
    fn must_escape(self, byte: u8) -> bool {
        match byte {
            b'"' | b'\\' | 0..0x20 => true,
            b'/' => self.slashes,
            0x80.. => self.ascii,
            _ => false,
        }
    }
}

/// Appends a quoted string.
pub(super) fn text(out: &mut Vec<u8>, value: &str, style: TextStyle) {
    out.push(b'"');
    text_inside(out, value, style);
    out.push(b'"');
}

/// Appends the inside of a quoted string.
pub(super) fn text_inside(out: &mut Vec<u8>, value: &str, style: TextStyle) {
    let mut rest = value;
    while let Some(at) = rest.bytes().position(|byte| style.must_escape(byte)) {
        let (plain, special) = rest.split_at(at);
        out.extend_from_slice(plain.as_bytes());
        let mut characters = special.chars();
        if let Some(character) = characters.next() {
            escape(out, character);
        }
        rest = characters.as_str();
    }
    out.extend_from_slice(rest.as_bytes());
}

fn escape(out: &mut Vec<u8>, character: char) {
    match character {
        '"' => out.extend_from_slice(b"\\\""),
        '\\' => out.extend_from_slice(b"\\\\"),
        '/' => out.extend_from_slice(b"\\/"),
        '\t' => out.extend_from_slice(b"\\t"),
        '\n' => out.extend_from_slice(b"\\n"),
        '\r' => out.extend_from_slice(b"\\r"),
        other => {
            for unit in other.encode_utf16(&mut [0; 2]) {
                escape_unit(out, *unit);
            }
        }
    }
}

fn escape_unit(out: &mut Vec<u8>, unit: u16) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.extend_from_slice(b"\\u");
    for shift in [12, 8, 4, 0] {
        out.push(HEX[usize::from(unit >> shift) & 15]);
    }
}

/// Appends a text, or `null` for `None`.
pub(super) fn text_or_null(out: &mut Vec<u8>, value: Option<&str>, style: TextStyle) {
    match value {
        Some(value) => text(out, value, style),
        None => out.extend_from_slice(b"null"),
    }
}

/// Appends an integer.
pub(super) fn whole(out: &mut Vec<u8>, value: u64) {
    // u64::MAX has 20 digits.
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    let mut rest = value;
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// Appends a number given in hundred-thousandths, as Python prints floats: without trailing zeros,
/// but with at least one digit after the decimal point.
pub(super) fn decimal(out: &mut Vec<u8>, hundred_thousandths: i64) {
    const SCALE: u64 = 100_000;
    if hundred_thousandths < 0 {
        out.push(b'-');
    }
    let magnitude = hundred_thousandths.unsigned_abs();
    whole(out, magnitude / SCALE);
    out.push(b'.');
    let mut fraction = magnitude % SCALE;
    let mut unit = SCALE / 10;
    loop {
        out.push(b'0' + (fraction / unit) as u8);
        fraction %= unit;
        if fraction == 0 {
            break;
        }
        unit /= 10;
    }
}
