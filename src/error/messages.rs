//! Parts of error messages.

use crate::escape;
use crate::limits::Rejected;

pub(super) fn too_many(rejected: Rejected, read: u64, allowed: &str) -> String {
    let Rejected { records, bytes, uncertain } = rejected;
    let read = count(read as usize, "record");
    let text = format!("{records} of {read} rejected; the limit is {allowed}");
    if uncertain == 0 {
        return text;
    }
    format!(
        "{text}; the number is uncertain: some rejects seem to contain several records, about \
         {uncertain} in total ({bytes} bytes rejected)"
    )
}

pub(super) fn earlier(out: &str, rows: Option<u64>) -> String {
    match rows {
        Some(rows) => format!("the star at {out} was built from {}", count(rows as usize, "row")),
        None => format!("there is no star at {out} yet"),
    }
}

/// Returns the difference between the tables and columns of a star and those of a model.
pub(super) fn tables(missing: &[String], extra: &[String]) -> String {
    let parts = [("the star lacks", missing), ("the model does not declare", extra)];
    let parts = parts.iter().filter(|(_, tables)| !tables.is_empty());
    let parts: Vec<String> =
        parts.map(|(what, tables)| format!("{what} {}", tables.join(", "))).collect();
    parts.join("; ")
}

/// Returns names separated by commas, and the number of those that are missing from `count` names.
pub(super) fn listed(names: &[String], count: u64) -> String {
    let names_shown: Vec<_> = names.iter().map(|name| escape::line(name)).collect();
    let shown = names_shown.join(", ");
    match count.saturating_sub(names.len() as u64) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// Returns the names after a colon, or nothing if there are none.
pub(super) fn listed_after_colon(names: &[String], count: u64) -> String {
    if names.is_empty() { String::new() } else { format!(": {}", listed(names, count)) }
}

/// Formats a number with its noun: `1 check`, `2 checks`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}
