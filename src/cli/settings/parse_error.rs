//! Error messages for a configuration file: they name the file, line, column and key, but never quote the
//! line or a value that may be a secret.

use std::ops::Range;
use std::path::Path;

use toml::de::{DeTable, DeValue};

/// Tables in which the values of keys in [`HARMLESS`] may be shown, as they are at the top level.
const TABLES: [&str; 2] = ["transform", "cloud"];

/// Keys whose values are not secret.
const HARMLESS: [&str; 26] = [
    "allow_empty",
    "base_capacity",
    "cidr",
    "color",
    "expires",
    "file_size",
    "include_hidden",
    "log_format",
    "match",
    "max_capacity",
    "max_rejects",
    "memory_limit",
    "name",
    "no_sign_request",
    "nodes",
    "output_format",
    "port",
    "public",
    "quiet",
    "repair_encoding",
    "retries",
    "rpu_limit",
    "serverless",
    "suffix",
    "threads",
    "unmatched",
];

/// Returns the position and the reason of an error in the text of a configuration file.
pub fn describe(path: &Path, text: &str, error: &toml::de::Error) -> String {
    let file = path.display();
    let Some(span) = error.span() else {
        return format!("{file}: {}", without_value(error.message()));
    };
    let (line, column) = position(text, span.start);
    let at = format!("{file}:{line}:{column}");
    let Ok(document) = DeTable::parse(text) else {
        // Messages about syntax contain only the kind of the error.
        return format!("{at}: {}", first_line(error.message()));
    };
    let keys = path_to(document.get_ref(), &span);
    let message = if is_harmless(&keys) {
        first_line(error.message()).to_owned()
    } else {
        without_value(error.message())
    };
    if keys.is_empty() {
        format!("{at}: {message}")
    } else {
        format!("{at}: {}: {message}", keys.join("."))
    }
}

/// Returns the line and the column of a byte offset, both counted from 1.
fn position(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

/// Returns the path of keys to the key or value at `span`.
fn path_to(table: &DeTable<'_>, span: &Range<usize>) -> Vec<String> {
    for (key, value) in table {
        if covers(&key.span(), span) {
            return vec![key.get_ref().to_string()];
        }
        let mut deeper = within(value.get_ref(), span);
        // The span of a table from a header or a dotted key does not cover its values.
        if !deeper.is_empty() || covers(&value.span(), span) {
            deeper.insert(0, key.get_ref().to_string());
            return deeper;
        }
    }
    Vec::new()
}

fn within(value: &DeValue<'_>, span: &Range<usize>) -> Vec<String> {
    match value {
        DeValue::Table(table) => path_to(table, span),
        DeValue::Array(items) => items
            .iter()
            .map(|item| within(item.get_ref(), span))
            .find(|keys| !keys.is_empty())
            .unwrap_or_default(),
        _ => Vec::new(),
    }
}

fn covers(outer: &Range<usize>, inner: &Range<usize>) -> bool {
    outer.start <= inner.start && inner.end <= outer.end
}

fn is_harmless(keys: &[String]) -> bool {
    let is_known = |key: &String| HARMLESS.contains(&key.as_str());
    match keys {
        [key] => is_known(key),
        [table, key] => TABLES.contains(&table.as_str()) && is_known(key),
        _ => false,
    }
}

fn first_line(message: &str) -> &str {
    message.lines().next().unwrap_or_default()
}

/// Returns the message without the value that it may quote.
fn without_value(message: &str) -> String {
    let message = first_line(message);
    // These messages contain only keys, which are not secret.
    let about_keys = ["unknown field ", "missing field ", "duplicate field ", "duplicate key"];
    if about_keys.iter().any(|start| message.starts_with(start))
        || message.starts_with("expected a")
    {
        return message.to_owned();
    }
    let expected = message.rsplit_once(", expected ").map(|(_, expected)| expected);
    let kind = ["invalid type", "invalid value", "unknown variant", "invalid length"]
        .into_iter()
        .find(|kind| message.starts_with(kind));
    match (kind, expected) {
        (Some(kind), Some(expected)) => format!("{kind}, expected {expected}"),
        (Some(kind), None) => kind.to_owned(),
        (None, _) => "the value is not valid for this key".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Settings;
    use super::*;

    /// Returns the error for a file, and asserts that it does not quote `sesame`.
    fn error_of(text: &str) -> String {
        let error = Settings::parse(Path::new("s.toml"), text).unwrap_err().to_string();
        assert!(!error.contains("sesame") && !error.contains('\n'), "{text}\n{error}");
        error
    }

    #[test]
    fn errors_name_the_position_and_the_key_but_no_secrets() {
        let known = "expected one of";
        for (text, expected) in [
            (
                "password = \"sesame\"",
                format!("s.toml:1:1: password: unknown field `password`, {known}"),
            ),
            (
                "\n[warehouse.dwh]\npassword = \"sesame\"",
                format!("s.toml:3:1: warehouse.dwh.password: unknown field `password`, {known}"),
            ),
            (
                "warehouse.dwh.password = \"sesame\"",
                format!("s.toml:1:15: warehouse.dwh.password: unknown field `password`, {known}"),
            ),
            (
                "warehouse = { dwh = { password = \"sesame\" } }",
                format!("s.toml:1:23: warehouse.dwh.password: unknown field `password`, {known}"),
            ),
            (
                "[warehouse.dwh]\nauth = \"sesame\"",
                "s.toml:2:8: warehouse.dwh.auth: unknown variant, expected one of `password`, `iam`, `iam-identity`"
                    .to_owned(),
            ),
            (
                "warehouse = \"sesame\"",
                "s.toml:1:13: warehouse: invalid type, expected a map".to_owned(),
            ),
            (
                "[warehouse]\ndwh = \"sesame, expected x\"",
                "s.toml:2:7: warehouse.dwh: invalid type, expected struct WarehouseSettings"
                    .to_owned(),
            ),
            (
                "[warehouse.dwh]\nstatement_timeout = \"sesame\"",
                "s.toml:2:21: warehouse.dwh.statement_timeout: invalid type, expected u64"
                    .to_owned(),
            ),
        ] {
            let error = error_of(text);
            assert!(error.starts_with(&expected), "{text}\nexpected {expected}\nfound  {error}");
        }
    }

    #[test]
    fn errors_name_the_expected_types() {
        for (text, expected) in [
            ("star = [\"sesame\"]", "s.toml:1:8: star: invalid type, expected a string"),
            ("threads = \"two\"", "s.toml:1:11: threads: invalid type: string \"two\", expected"),
            ("[cloud]\nnodes = \"two\"", "s.toml:2:9: cloud.nodes: invalid type: string \"two\""),
        ] {
            let error = error_of(text);
            assert!(error.starts_with(expected), "{text}\nexpected {expected}\nfound  {error}");
        }
    }

    #[test]
    fn syntax_errors_name_the_position_but_do_not_quote_the_text() {
        for text in [
            "password = sesame",
            "password \"sesame\"",
            "password = \"sesame",
            "sesame",
            "[warehouse.dwh\npassword = \"sesame\"",
            "a = 1\npassword = \"sesame\" x",
            "password = \"sesame\"\npassword = \"sesame\"",
            "password = \"\\sesame\"",
            "password = 2026-13-45sesame",
            "password = '''sesame",
            "warehouse = { dwh = { password = \"sesame\" }",
            "password = [\"sesame\", sesame",
            "\u{1}sesame = 1",
        ] {
            assert!(error_of(text).starts_with("s.toml:"), "{text}");
        }
    }
}
