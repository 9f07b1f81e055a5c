//! Escapes characters that a terminal would interpret.

use std::borrow::Cow;

/// Returns `true` for control characters (C0, DEL, C1), line and paragraph separators, interlinear annotation
/// characters, and characters that change the direction of the surrounding text.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fff9}'..='\u{fffb}')
}

/// Returns `text` with every unsafe character escaped, including line feeds and tabs.
pub fn line(text: &str) -> Cow<'_, str> {
    replace(text, is_unsafe, |c, shown| shown.extend(c.escape_default()))
}

/// Returns `text` with every unsafe character escaped except line feeds and tabs.
pub fn lines(text: &str) -> Cow<'_, str> {
    let is_escaped = |c| is_unsafe(c) && !matches!(c, '\n' | '\t');
    replace(text, is_escaped, |c, shown| shown.extend(c.escape_default()))
}

/// Returns JSON with every unsafe character except line feeds escaped as `\uXXXX`. These characters occur
/// only within strings, so the value of the document does not change.
pub fn json(text: &str) -> Cow<'_, str> {
    let is_escaped = |c| is_unsafe(c) && c != '\n';
    replace(text, is_escaped, |c, shown| *shown += &format!("\\u{:04x}", u32::from(c)))
}

/// Returns `text` with every unsafe character escaped except line feeds, tabs and the escape sequences that
/// set colours. Use it for text that a library has coloured.
pub fn coloured(text: &str) -> String {
    let mut pieces = text.split('\u{1b}');
    let mut shown = lines(pieces.next().unwrap_or_default()).into_owned();
    for piece in pieces {
        let (sequence, rest) = piece.split_at(colour_length(piece));
        shown += if sequence.is_empty() { "\\u{1b}" } else { "\u{1b}" };
        shown += sequence;
        shown += &lines(rest);
    }
    shown
}

/// Returns the length of the part of a colour sequence after the escape character, such as `[1;32m`, or 0 if
/// the text does not begin with one.
fn colour_length(after_escape: &str) -> usize {
    let Some(codes) = after_escape.strip_prefix('[') else { return 0 };
    let length = codes.bytes().take_while(|b| b.is_ascii_digit() || *b == b';').count();
    if codes.as_bytes().get(length) == Some(&b'm') { length + 2 } else { 0 }
}

fn replace(
    text: &str,
    is_escaped: impl Fn(char) -> bool,
    escape: impl Fn(char, &mut String),
) -> Cow<'_, str> {
    if !text.contains(&is_escaped) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_escaped(c) { escape(c, &mut shown) } else { shown.push(c) }
    }
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = "a\u{1b}]0;x\u{7}\u{9b}31m\u{7f}\u{202e}\u{2066}\u{0}\r";

    #[test]
    fn unsafe_characters_become_visible() {
        let shown = r"a\u{1b}]0;x\u{7}\u{9b}31m\u{7f}\u{202e}\u{2066}\u{0}\r";
        assert_eq!(line(HOSTILE), shown);
        assert_eq!(lines(HOSTILE), shown);
        assert_eq!(coloured(HOSTILE), shown);
        assert_eq!(line("a\nb\tc"), r"a\nb\tc");
        assert_eq!(lines("a\nb\tc"), "a\nb\tc");
        assert_eq!(line("Björk 音楽 👩‍👧"), "Björk 音楽 👩‍👧");
    }

    #[test]
    fn escaped_json_means_the_same() {
        let value = serde_json::json!({ "k": HOSTILE, "é": "\u{2069}\u{85}" });
        let shown = json(&value.to_string()).into_owned();
        assert!(!shown.contains(is_unsafe), "{shown}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
    }

    #[test]
    fn of_the_sequences_only_colours_pass() {
        assert_eq!(coloured("\u{1b}[1m\u{1b}[31mred\u{1b}[0m"), "\u{1b}[1m\u{1b}[31mred\u{1b}[0m");
        assert_eq!(coloured("\u{1b}[2Jx\u{1b}[1"), r"\u{1b}[2Jx\u{1b}[1");
        assert_eq!(coloured("\u{1b}"), r"\u{1b}");
    }
}
