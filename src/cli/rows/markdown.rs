//! Tables in Markdown, in the syntax of GitHub.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::util::display::{ArrayFormatter, FormatOptions};

use crate::cli::error::Result;
use crate::escape;

/// Returns the header of a table. Numbers are aligned to the right.
pub fn header(schema: &SchemaRef) -> String {
    let names = schema.fields().iter().map(|field| cell(field.name()));
    let rules = schema.fields().iter().map(|field| {
        let is_number = field.data_type().is_numeric();
        if is_number { "---:" } else { "---" }.to_owned()
    });
    line(names) + &line(rules)
}

/// Returns the rows of a batch.
///
/// # Errors
///
/// Returns an error if a value cannot be formatted.
pub fn rows(batch: &RecordBatch) -> Result<String> {
    let options = FormatOptions::default();
    let columns = batch.columns().iter();
    let columns = columns.map(|column| ArrayFormatter::try_new(column.as_ref(), &options));
    let columns: Vec<_> = columns.collect::<Result<_, _>>()?;
    let mut text = String::new();
    for row in 0..batch.num_rows() {
        text += &line(columns.iter().map(|column| cell(&column.value(row).to_string())));
    }
    Ok(text)
}

fn line(cells: impl Iterator<Item = String>) -> String {
    let mut line = "|".to_owned();
    for cell in cells {
        line += &format!(" {cell} |");
    }
    line + "\n"
}

/// Returns a value as Markdown that shows its characters. Characters that a terminal would interpret become
/// visible, and line feeds become line breaks.
fn cell(value: &str) -> String {
    let value = value.replace("\r\n", "\n");
    let mut shown = String::with_capacity(value.len());
    let mut before = ' ';
    let mut characters = value.chars().peekable();
    while let Some(c) = characters.next() {
        let after = characters.peek().copied().unwrap_or(' ');
        match c {
            '\n' => shown += "<br>",
            '&' => shown += "&amp;",
            '<' => shown += "&lt;",
            '>' => shown += "&gt;",
            // An underscore within a word has no meaning.
            '_' if before.is_alphanumeric() && after.is_alphanumeric() => shown.push('_'),
            '\\' | '|' | '`' | '*' | '_' | '[' | ']' | '~' | '$' => shown.extend(['\\', c]),
            c => match escape::line(c.encode_utf8(&mut [0; 4])) {
                std::borrow::Cow::Owned(escaped) => shown += &escaped.replace('\\', "\\\\"),
                std::borrow::Cow::Borrowed(_) => shown.push(c),
            },
        }
        before = c;
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_cannot_leave_their_cell() {
        for (value, shown) in [
            ("a|b", r"a\|b"),
            (r"a\|b", r"a\\\|b"),
            ("a\nb\r\nc", "a<br>b<br>c"),
            ("<b>&", "&lt;b&gt;&amp;"),
            ("song_id _x_", r"song_id \_x\_"),
            ("*a* `b` [c](d) ~e~", r"\*a\* \`b\` \[c\](d) \~e\~"),
            ("\u{1b}[31m\u{202e}\t", r"\\u{1b}\[31m\\u{202e}\\t"),
            ("Björk 音楽 👩‍👧", "Björk 音楽 👩‍👧"),
        ] {
            assert_eq!(cell(value), shown);
        }
    }
}
