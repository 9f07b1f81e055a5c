//! Texts of numbers, days and names.

use chrono::NaiveDate;

use crate::escape;

/// Maximum number of characters of a text in a table.
const TABLE_CHARACTERS: usize = 200;

/// Maximum width of a label in a chart, in narrow characters.
const LABEL_WIDTH: usize = 40;

/// Returns the text with control characters and those that change the direction of the text escaped.
pub(super) fn visible(text: &str) -> String {
    escape::line(text).into_owned()
}

/// Returns the text for a table: long texts are cut, and their length is stated.
pub(super) fn cut_cell(text: &str) -> String {
    match cut(text, TABLE_CHARACTERS) {
        None => text.to_owned(),
        Some(kept) => {
            format!("{kept}… ({} characters)", grouped(&text.chars().count().to_string()))
        }
    }
}

/// Returns the text for a chart.
pub(super) fn cut_label(text: &str) -> String {
    let mut width = 0;
    for (at, c) in text.char_indices() {
        // Letters of Asian scripts and symbols are about twice as wide.
        width += if c < '\u{1100}' { 1 } else { 2 };
        if width > LABEL_WIDTH {
            return format!("{}…", &text[..at]);
        }
    }
    text.to_owned()
}

/// Returns the first `limit` characters of a text that has more.
fn cut(text: &str, limit: usize) -> Option<&str> {
    text.char_indices().nth(limit).map(|(end, _)| &text[..end])
}

/// Returns the number of days since 1970.
pub(super) fn days(day: NaiveDate) -> i64 {
    (day - NaiveDate::default()).num_days()
}

/// Returns the day that is `days` after 1970-01-01.
pub(super) fn day(days: i64) -> String {
    let day =
        chrono::TimeDelta::try_days(days).and_then(|d| NaiveDate::default().checked_add_signed(d));
    day.map_or_else(|| days.to_string(), |day| day.to_string())
}

/// Returns `true` if the values of the column `name` are percentages.
pub(super) fn is_percent(name: &str) -> bool {
    name.ends_with("_percent") || name.starts_with("percent_")
}

/// Returns the heading of the column `name`.
pub(super) fn heading(name: &str) -> String {
    let name = name.strip_suffix("_percent").unwrap_or(name);
    visible(&name.replace('_', " "))
}

/// Returns the exact text of a number of the column `name`, with its unit if it is a percentage, and with commas
/// unless it is a year or a key.
pub(super) fn number(name: &str, text: &str) -> String {
    let is_key = ["year", "id"].iter().any(|word| {
        name == *word || name.strip_suffix(word).is_some_and(|rest| rest.ends_with('_'))
    });
    let text = if is_key { text.to_owned() } else { grouped(text) };
    if is_percent(name) { format!("{text} %") } else { text }
}

/// Returns a decimal number with commas between groups of three digits.
pub(super) fn grouped(text: &str) -> String {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
    let (whole, fraction) = digits.split_at(digits.find('.').unwrap_or(digits.len()));
    if whole.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return text.to_owned();
    }
    let mut shown = sign.to_owned();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown + fraction
}

/// Returns a count with commas.
pub(super) fn count(count: u64) -> String {
    grouped(&count.to_string())
}

/// Returns a count with its noun.
pub(super) fn counted(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(number), if number == 1 { "" } else { "s" })
}

/// Returns the noun for a count: without its last letter if that is the plural and the count is 1.
pub(super) fn noun<'n>(count: &str, plural: &'n str) -> &'n str {
    let singular = plural.strip_suffix('s').filter(|word| !word.ends_with(['s', 'u', 'i']));
    singular.filter(|_| count == "1").unwrap_or(plural)
}

/// Returns the number of bytes with a decimal unit.
pub(super) fn bytes(bytes: u64) -> String {
    bytesize::ByteSize(bytes).display().si().to_string()
}

/// Returns `part` of `all` in percent with two decimals, rounded half up; `None` if `all` is 0.
pub(super) fn percent(part: u64, all: u64) -> Option<String> {
    let hundredths =
        (u128::from(part) * 20_000 + u128::from(all)).checked_div(2 * u128::from(all))?;
    Some(format!("{}.{:02} %", hundredths / 100, hundredths % 100))
}

/// Returns a short text of a number for an axis or a cell, such as `1.2 M`. Tables have the exact number.
pub(super) fn short(value: f64) -> String {
    for (unit, size) in [("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)] {
        if value.abs() >= size * 10.0 {
            let scaled = value / size;
            let decimals =
                usize::from(scaled.abs() < 100.0 && (scaled * 10.0).round() % 10.0 != 0.0);
            return format!("{scaled:.decimals$} {unit}");
        }
    }
    if value.fract() == 0.0 {
        return grouped(&format!("{value:.0}"));
    }
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_commas_unless_they_are_years_or_keys() {
        assert_eq!(grouped("1234567"), "1,234,567");
        assert_eq!(grouped("-1234.5"), "-1,234.5");
        assert_eq!(grouped("9223372036854775807"), "9,223,372,036,854,775,807");
        assert_eq!(grouped("NaN"), "NaN");
        assert_eq!(number("year", "2018"), "2018");
        assert_eq!(number("user_id", "1234"), "1234");
        assert_eq!(number("paid", "1234"), "1,234");
        assert_eq!(number("match_rate_percent", "60.44"), "60.44 %");
    }

    #[test]
    fn percentages_are_rounded_half_up_and_need_a_whole() {
        assert_eq!(percent(1, 8).as_deref(), Some("12.50 %"));
        assert_eq!(percent(1, 3).as_deref(), Some("33.33 %"));
        assert_eq!(percent(2, 3).as_deref(), Some("66.67 %"));
        assert_eq!(percent(u64::MAX, u64::MAX).as_deref(), Some("100.00 %"));
        assert_eq!(percent(0, 0), None);
    }

    #[test]
    fn short_numbers_have_units() {
        for (value, text) in [
            (0.0, "0"),
            (2.5, "2.5"),
            (9999.0, "9,999"),
            (12_340.0, "12.3 k"),
            (20_000.0, "20 k"),
            (16_777_217.0, "16.8 M"),
            (-123_456_789.0, "-123 M"),
        ] {
            assert_eq!(short(value), text);
        }
    }

    #[test]
    fn long_texts_are_cut_with_their_length() {
        let long = "é".repeat(65_536);
        assert!(cut_cell(&long).ends_with("… (65,536 characters)"));
        assert_eq!(cut_label(&long).chars().count(), LABEL_WIDTH + 1);
        assert_eq!(cut_label(&"愛".repeat(40)).chars().count(), LABEL_WIDTH / 2 + 1);
        assert_eq!(cut_label("short"), "short");
        assert_eq!(visible("a\u{202e}b"), r"a\u{202e}b");
        assert_eq!(
            (day(17_836).as_str(), days("2018-11-01".parse().unwrap())),
            ("2018-11-01", 17_836)
        );
    }
}
