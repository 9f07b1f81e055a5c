//! Wording of counts and shares, and comments of TOML and SQL.

use crate::escape;

/// Width of comments in characters.
const WIDTH: usize = 100;

/// Returns a number with a noun, such as `1 row` or `8,056 rows`.
pub(super) fn counted(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", grouped(number))
}

/// Returns a count as a number of 64 bits.
pub(super) fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// Returns a number with commas between groups of three digits.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Returns a share in percent. Only none is `0 %`, and only all is `100 %`.
pub(super) fn share(part: u64, of: u64) -> String {
    if part == 0 {
        return "0 %".to_owned();
    }
    if part >= of {
        return "100 %".to_owned();
    }
    let (part, of) = (u128::from(part), u128::from(of));
    match (part * 1000 + of / 2) / of {
        0 => "under 0.1 %".to_owned(),
        1000 => "over 99.9 %".to_owned(),
        permille => format!("{}.{} %", permille / 10, permille % 10),
    }
}

/// Returns a text as lines of a comment, each with the mark of comments before it.
pub(super) fn comment(mark: &str, text: &str) -> String {
    let text = escape::line(text);
    let mut lines = String::new();
    let mut length = WIDTH;
    for word in text.split(' ') {
        let word_length = word.chars().count() + 1;
        if length + word_length > WIDTH {
            let line_end = if lines.is_empty() { "" } else { "\n" };
            lines += &format!("{line_end}{mark}");
            length = mark.len();
        }
        lines += &format!(" {word}");
        length += word_length;
    }
    lines.push('\n');
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_shares() {
        assert_eq!(counted(1, "row"), "1 row");
        assert_eq!(counted(1_234_567, "row"), "1,234,567 rows");
        assert_eq!(grouped(999), "999");
        for (part, of, text) in [
            (0, 5, "0 %"),
            (5, 5, "100 %"),
            (1, 3, "33.3 %"),
            (1, 100_000, "under 0.1 %"),
            (99_999, 100_000, "over 99.9 %"),
            (u64::MAX - 1, u64::MAX, "over 99.9 %"),
        ] {
            assert_eq!(share(part, of), text);
        }
    }

    #[test]
    fn comments_are_wrapped_and_escaped() {
        assert_eq!(comment("#", "a\nb = 1"), "# a\\nb = 1\n");
        let lines = comment("--", &"word ".repeat(30));
        assert!(lines.lines().all(|line| line.starts_with("-- word") && line.len() <= 100));
        assert_eq!(lines.lines().count(), 2);
    }
}
