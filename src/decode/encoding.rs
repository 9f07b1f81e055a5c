//! Text that was encoded to UTF-8 twice, such as "BjÃ¶rk" for "Björk".
//!
//! Bytes of UTF-8 were read as characters of Windows-1252 or Latin-1, and these were encoded again.

/// The characters of Windows-1252 whose bytes, from 0x80 on, are not their code points; U+FFFD
/// where there is none.
///
/// Source: Unicode Consortium, mapping table CP1252.TXT.
const WINDOWS_1252: [char; 32] = [
    '€', '\u{fffd}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{fffd}', 'Ž',
    '\u{fffd}', '\u{fffd}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{fffd}',
    'ž', 'Ÿ',
];

/// Returns the text that was encoded twice to make `text`, or `None` if it was not.
///
/// It was if its characters, as bytes of Windows-1252 or Latin-1, are valid UTF-8 of fewer
/// characters.
pub fn repair_encoding(text: &str) -> Option<String> {
    if text.is_ascii() {
        return None;
    }
    let bytes: Vec<u8> = text.chars().map(byte).collect::<Option<_>>()?;
    String::from_utf8(bytes).ok()
}

/// The byte of a character in Windows-1252, or else in Latin-1.
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

    /// `text` encoded once more, its bytes read as Windows-1252 where that has a character.
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
