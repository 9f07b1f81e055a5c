//! Widths of text on a terminal.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::Characters;

/// Maximum number of characters per column of a label: combining characters have no width.
const CHARACTERS_PER_COLUMN: usize = 4;

/// Returns the width of text on a terminal. Very long text is wider than any terminal.
pub fn width(text: &str) -> usize {
    text.width()
}

/// Returns text with spaces up to a width, or cut to it.
pub fn padded(text: &str, width: usize, characters: Characters) -> String {
    let text = cut(text, width, characters);
    let spaces = width.saturating_sub(text.width());
    text + &" ".repeat(spaces)
}

/// Returns the beginning of text that does not fit into a width, with a mark at its end, or the text.
pub fn cut(text: &str, width: usize, characters: Characters) -> String {
    let most = width * CHARACTERS_PER_COLUMN;
    if text.len() <= most * 4 && text.width() <= width && text.chars().count() <= most {
        return text.to_owned();
    }
    let mark = match characters {
        Characters::Unicode => "…",
        Characters::Ascii => "...",
    };
    let room = width.saturating_sub(mark.width());
    let mut shown = String::new();
    let mut used = 0;
    for c in text.chars().take(most) {
        used += c.width().unwrap_or(0);
        if used > room {
            break;
        }
        shown.push(c);
    }
    shown + mark
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_by_its_width() {
        let unicode = |text, width| cut(text, width, Characters::Unicode);
        assert_eq!(unicode("Björk", 5), "Björk");
        assert_eq!(unicode("Björks", 5), "Björ…");
        assert_eq!(unicode("音楽音楽", 5), "音楽…");
        assert_eq!(unicode("音楽音楽", 4), "音…");
        assert_eq!(cut("abcdefgh", 6, Characters::Ascii), "abc...");
        assert_eq!(padded("音", 4, Characters::Ascii), "音  ");
    }

    #[test]
    fn long_text_is_cut_fast() {
        for long in ["x".repeat(65_536), format!("e{}", "\u{301}".repeat(65_536))] {
            let shown = cut(&long, 20, Characters::Unicode);
            assert!(shown.width() <= 20, "{}", shown.width());
            assert!(shown.chars().count() <= 20 * CHARACTERS_PER_COLUMN + 1);
        }
    }
}
