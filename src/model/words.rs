//! Names in SQL: the words that are not free, and quoting.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// Length in bytes of the longest name that neither warehouse truncates.
///
/// Source: PostgreSQL, Identifiers and Key Words (63); Redshift allows 127 (Developer Guide, Names
/// and identifiers).
pub const MAX_NAME_BYTES: usize = 63;

/// Length in bytes of the longest name of a table of the star: a load creates new tables under a
/// temporary name, which is 22 bytes longer.
pub const MAX_TABLE_BYTES: usize = 41;

/// Prefix of the tables that starlift creates in a warehouse.
pub(super) const OWN_PREFIX: &str = "starlift_";

/// The vendored lists of words.
const WORDS: &str = include_str!("words.txt");

/// A list of words that are not free as names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    PostgreSql,
    Quoted,
    System,
    Redshift,
    Starlift,
}

static ALL: LazyLock<BTreeSet<(Kind, &str)>> = LazyLock::new(|| {
    let lines = WORDS.lines().filter(|line| !line.starts_with('#'));
    let parsed = lines.filter_map(|line| {
        let (kind, words) = line.split_once(": ")?;
        let kind = match kind {
            "postgresql" => Kind::PostgreSql,
            "quoted" => Kind::Quoted,
            "system" => Kind::System,
            "redshift" => Kind::Redshift,
            "starlift" => Kind::Starlift,
            _ => return None,
        };
        Some(words.split_whitespace().map(move |word| (kind, word)))
    });
    parsed.flatten().collect()
});

/// Returns `true` if the lowercase form of `name` is in a list.
pub(super) fn is_in(kind: Kind, name: &str) -> bool {
    ALL.contains(&(kind, name.to_ascii_lowercase().as_str()))
}

/// Returns `true` if `name` consists of ASCII letters, digits and underscores and does not begin
/// with a digit.
pub fn is_plain(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Quotes a name if SQL would otherwise fold its case or read it as a word of the language.
pub fn quoted(name: &str) -> Cow<'_, str> {
    let kinds = [Kind::PostgreSql, Kind::Quoted, Kind::Redshift];
    let is_free = is_plain(name)
        && !name.contains(|c: char| c.is_ascii_uppercase())
        && !kinds.iter().any(|kind| is_in(*kind, name));
    if is_free { Cow::Borrowed(name) } else { Cow::Owned(in_quotes(name)) }
}

/// Quotes a name.
pub fn in_quotes(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_complete() {
        let count = |kind| ALL.iter().filter(|(k, _)| *k == kind).count();
        assert_eq!(count(Kind::PostgreSql), 101);
        assert_eq!(count(Kind::Quoted), 51);
        assert_eq!(count(Kind::Redshift), 156);
        assert!(is_in(Kind::Redshift, "SNAPSHOT") && !is_in(Kind::Redshift, "time"));
        let lines = WORDS.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        assert!(lines.into_iter().all(|line| line.contains(": ")));
    }

    #[test]
    fn names_are_quoted_if_needed() {
        for (name, expected) in [
            ("songs", "songs"),
            ("time", "\"time\""),
            ("userId", "\"userId\""),
            ("order", "\"order\""),
            ("a\"b", "\"a\"\"b\""),
        ] {
            assert_eq!(quoted(name), expected);
        }
    }
}
