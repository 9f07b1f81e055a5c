//! Names of datasets, tables and columns that a model accepts.

use std::collections::HashSet;

use crate::model::{MAX_NAME_BYTES, MAX_TABLE_BYTES, NameUse, is_allowed, snake_case};

/// The last words of names of keys.
const KEY_WORDS: [&str; 7] = ["id", "uid", "uuid", "guid", "key", "sku", "code"];

/// Words in names of times.
const TIME_WORDS: [&str; 18] = [
    "at",
    "created",
    "date",
    "datetime",
    "epoch",
    "expires",
    "expiry",
    "modified",
    "registered",
    "registration",
    "since",
    "time",
    "timestamp",
    "ts",
    "until",
    "updated",
    "utc",
    "when",
];

/// Names that are used side by side. Names that differ only in case are the same name.
#[derive(Debug, Default)]
pub(super) struct Names(HashSet<String>);

impl Names {
    /// Takes a name as near to `wanted` as the model accepts.
    pub fn take(&mut self, wanted: &str, used: NameUse) -> String {
        let is_table = matches!(used, NameUse::Table | NameUse::StagingTable);
        let is_lower = matches!(used, NameUse::Table | NameUse::Column);
        let base = if is_lower { plain(&snake_case(wanted)) } else { plain(wanted) };
        let most = if used == NameUse::Table { MAX_TABLE_BYTES } else { MAX_NAME_BYTES };
        let with =
            |base: &str, suffix: &str| format!("{}{suffix}", clip(base, most - suffix.len()));
        // No suffix frees a name with a prefix that is not allowed.
        let base = if is_allowed(&with(&base, "_2"), used) { base } else { format!("t_{base}") };
        let suffixes = if is_table { ["", "s", "_table"] } else { ["", "_", "_value"] };
        // The star has no names that end in an underscore.
        let suffixes = suffixes.iter().filter(|suffix| !(is_lower && **suffix == "_"));
        let numbers = (2_u64..).map(|number| format!("_{number}"));
        let mut names = suffixes
            .map(|suffix| (*suffix).to_owned())
            .chain(numbers)
            .map(|suffix| with(&base, &suffix));
        let is_free =
            |name: &String| is_allowed(name, used) && !self.0.contains(&name.to_ascii_lowercase());
        // One of the numbers is free.
        let name = names.find(is_free).unwrap_or_default();
        self.0.insert(name.to_ascii_lowercase());
        name
    }
}

/// Replaces the characters that SQL accepts only in quotes.
fn plain(name: &str) -> String {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let name: String = name.chars().map(|c| if is_word(c) { c } else { '_' }).collect();
    if !name.contains(|c: char| c.is_ascii_alphanumeric()) {
        return "column".to_owned();
    }
    if name.starts_with(|c: char| c.is_ascii_digit()) { format!("_{name}") } else { name }
}

/// Returns the first `bytes` bytes of an ASCII text.
fn clip(name: &str, bytes: usize) -> &str {
    name.get(..bytes).unwrap_or(name)
}

/// Returns `true` if a name ends like that of a key, such as `userId`.
pub(super) fn is_key_name(name: &str) -> bool {
    words(name).last().is_some_and(|word| KEY_WORDS.contains(&word.as_str()))
}

/// Returns `true` if a name is that of a time, such as `created_at`.
pub(super) fn is_time_name(name: &str) -> bool {
    words(name).iter().any(|word| {
        TIME_WORDS.contains(&word.as_str()) || word.ends_with("time") || word.ends_with("date")
    })
}

fn words(name: &str) -> Vec<String> {
    let snake = snake_case(name);
    let words = snake.split(|c: char| !c.is_ascii_alphanumeric());
    words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_keys_if_the_model_accepts_them() {
        let mut names = Names::default();
        for (wanted, used, name) in [
            ("userId", NameUse::StagingColumn, "userId"),
            ("userid", NameUse::StagingColumn, "userid_"),
            ("order", NameUse::StagingColumn, "order_"),
            ("a b", NameUse::StagingColumn, "a_b"),
            ("2nd", NameUse::StagingColumn, "_2nd"),
            ("名前", NameUse::StagingColumn, "column_"),
            ("", NameUse::StagingColumn, "column_value"),
            ("", NameUse::StagingColumn, "column_2"),
        ] {
            assert_eq!(names.take(wanted, used), name, "{wanted}");
        }
        let mut names = Names::default();
        for (wanted, used, name) in [
            ("userId", NameUse::Column, "user_id"),
            ("user_id", NameUse::Column, "user_id_value"),
            ("userID", NameUse::Column, "user_id_2"),
            ("order", NameUse::Table, "orders"),
            ("inputs", NameUse::Table, "inputss"),
        ] {
            assert_eq!(names.take(wanted, used), name, "{wanted}");
        }
        for (wanted, name) in [("starlift_events", "t_starlift_events"), ("_hidden", "t__hidden")] {
            assert_eq!(names.take(wanted, NameUse::Table), name);
        }
        let long = "x".repeat(100);
        assert_eq!(names.take(&long, NameUse::Table).len(), 41);
        assert_eq!(names.take(&long, NameUse::Table), format!("{}s", "x".repeat(40)));
        assert_eq!(names.take(&long, NameUse::Column).len(), 63);
        assert_eq!(names.take(&long, NameUse::Column), format!("{}_value", "x".repeat(57)));
    }

    #[test]
    fn names_suggest_keys_and_times() {
        for name in ["id", "userId", "song_id", "SKU", "order-key"] {
            assert!(is_key_name(name), "{name}");
        }
        for name in ["idea", "paid", "title", ""] {
            assert!(!is_key_name(name), "{name}");
        }
        for name in ["ts", "created_at", "createdAt", "registration", "startTime", "birthdate"] {
            assert!(is_time_name(name), "{name}");
        }
        for name in ["status", "length", "atlas", "tsunami"] {
            assert!(!is_time_name(name), "{name}");
        }
    }
}
