//! Repairs text that was encoded to UTF-8 twice, such as "BjÃ¶rk" for "Björk".
//!
//! Such text arises when UTF-8 bytes are decoded as Windows-1252 or Latin-1 and the result is
//! encoded as UTF-8 again.

/// Characters of the Windows-1252 bytes 0x80 to 0x9F, which differ from Latin-1. U+FFFD marks an
/// undefined byte.
///
/// Source: Unicode Consortium, mapping table CP1252.TXT.
const WINDOWS_1252: [char; 32] = [
    '€', '\u{fffd}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{fffd}', 'Ž',
    '\u{fffd}', '\u{fffd}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{fffd}',
    'ž', 'Ÿ',
];

/// Returns the original of a text that was encoded twice, or `None` if `text` was not.
///
/// A text was encoded twice if it is not ASCII and its characters, as bytes of Windows-1252 or
/// Latin-1, are valid UTF-8.
pub fn repair_encoding(text: &str) -> Option<String> {
    if text.is_ascii() {
        return None;
    }
    let bytes: Vec<u8> = text.chars().map(byte).collect::<Option<_>>()?;
    String::from_utf8(bytes).ok()
}

/// Returns the byte of a character in Latin-1 or, failing that, in Windows-1252.
fn byte(character: char) -> Option<u8> {
    if let Ok(byte) = u8::try_from(u32::from(character)) {
        return Some(byte);
    }
    let at = WINDOWS_1252.iter().position(|&c| c == character && c != '\u{fffd}')?;
    Some(0x80 + at as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Encodes `text` a second time, decoding its bytes as Latin-1 or as Windows-1252 where that
    /// defines a character.
    fn encode_again(text: &str, latin_1: bool) -> String {
        let character = |byte: u8| match byte {
            0x80..0xA0 if !latin_1 && WINDOWS_1252[usize::from(byte - 0x80)] != '\u{fffd}' => {
                WINDOWS_1252[usize::from(byte - 0x80)]
            }
            byte => char::from(byte),
        };
        text.bytes().map(character).collect()
    }

    #[test]
    fn text_encoded_twice_is_repaired() {
        assert_eq!(repair_encoding("BjÃ¶rk").as_deref(), Some("Björk"));
        assert_eq!(repair_encoding("Donâ€™t").as_deref(), Some("Don’t"));
        for text in ["Björk", "Sigur Rós", "日本語", "🎵 naïve", "Ý à €", "Ñ"] {
            for latin_1 in [false, true] {
                let twice = encode_again(text, latin_1);
                assert_eq!(repair_encoding(&twice).as_deref(), Some(text), "{twice}");
            }
        }
    }

    #[test]
    fn other_text_is_left_alone() {
        for text in ["", "plain", "Björk", "Ã", "Ã tort", "日本", "Ã¶ 日", "naïve café", "€"]
        {
            assert_eq!(repair_encoding(text), None, "{text}");
        }
    }
}
