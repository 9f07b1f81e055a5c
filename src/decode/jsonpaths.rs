//! Parses JSONPaths files as Redshift's COPY accepts them.
//!
//! An example is `{"jsonpaths": ["$['a']", "$.b.c", "$['d'][0]"]}`. The paths are in the order of
//! the staging columns. Source of the accepted forms: the Redshift Developer Guide, "COPY from JSON
//! format", JSONPath options.

use serde::Deserialize;

use super::field_paths::FieldPaths;
use crate::model::{Dataset, Step};

/// An error in a JSONPaths file.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum JsonPathsError {
    /// The file is not JSON of the expected form.
    #[error("not a JSONPaths file: {0}; expected {{\"jsonpaths\": [\"$['key']\", …]}}")]
    Form(String),
    /// The number of paths differs from the number of staging columns.
    #[error(
        "the number of paths is {found}, but {table} has {expected} columns, in this order: {columns}"
    )]
    Count {
        /// Number of paths in the file.
        found: usize,
        /// Number of columns of the staging table.
        expected: usize,
        /// Name of the staging table.
        table: String,
        /// Names of the table's columns, comma-separated.
        columns: String,
    },
    /// The dataset has a row per element of an array, which a JSONPaths file cannot describe.
    #[error(
        "the dataset {dataset} has one row per element of {rows}, which a JSONPaths file cannot \
         describe; set `path` of the columns in model.toml"
    )]
    Rows {
        /// Name of the dataset.
        dataset: String,
        /// Path of the array.
        rows: String,
    },
    /// A path is not of an accepted form.
    #[error(
        "path {number} ({path:?}): {reason}; use $['key'], $.key, paths into nested objects, and array indexes such as [0]"
    )]
    Path {
        /// Position of the path in the list, from 1.
        number: usize,
        /// The path as written.
        path: String,
        /// Reason for rejecting the path.
        reason: &'static str,
    },
}

#[derive(Deserialize)]
struct File {
    jsonpaths: Vec<String>,
}

/// Parses a JSONPaths file for `dataset`.
///
/// # Errors
///
/// Returns an error if the file is not a JSONPaths file, if the number of paths differs from the
/// number of staging columns, or if a path contains a wildcard, a filter or anything else that does
/// not select exactly one value.
pub fn parse(dataset: &Dataset, file: &[u8]) -> Result<FieldPaths, JsonPathsError> {
    let file = file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file);
    let file: File =
        serde_json::from_slice(file).map_err(|e| JsonPathsError::Form(e.to_string()))?;
    if let Some(rows) = &dataset.rows {
        return Err(JsonPathsError::Rows { dataset: dataset.name.clone(), rows: rows.to_string() });
    }
    let columns = &dataset.columns;
    if file.jsonpaths.len() != columns.len() {
        return Err(JsonPathsError::Count {
            found: file.jsonpaths.len(),
            expected: columns.len(),
            table: dataset.table.clone(),
            columns: columns.iter().map(|c| c.name.as_str()).collect::<Vec<_>>().join(", "),
        });
    }
    let paths: Result<Vec<_>, _> = file
        .jsonpaths
        .iter()
        .enumerate()
        .map(|(i, path)| {
            parse_path(path).map_err(|reason| JsonPathsError::Path {
                number: i + 1,
                path: path.clone(),
                reason,
            })
        })
        .collect();
    Ok(FieldPaths::of_steps(paths?.iter().map(|path| path.iter()).enumerate()))
}

fn parse_path(path: &str) -> Result<Vec<Step>, &'static str> {
    let mut rest = path.trim().strip_prefix('$').ok_or("it does not start with $")?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        let (step, after) = if let Some(inner) = rest.strip_prefix('[') {
            bracket_step(inner)?
        } else if let Some(inner) = rest.strip_prefix('.') {
            dot_step(inner)?
        } else {
            return Err("expected . or [ after a step");
        };
        steps.push(step);
        rest = after;
    }
    if steps.is_empty() {
        return Err("it names the whole record");
    }
    Ok(steps)
}

fn dot_step(rest: &str) -> Result<(Step, &str), &'static str> {
    let end = rest.find(['.', '[']).unwrap_or(rest.len());
    match &rest[..end] {
        "" => Err("a key is empty"),
        "*" => Err("wildcards name more than one place"),
        key => Ok((Step::Key(key.to_owned()), &rest[end..])),
    }
}

fn bracket_step(rest: &str) -> Result<(Step, &str), &'static str> {
    if let Some(quote @ ('\'' | '"')) = rest.chars().next() {
        let body = &rest[1..];
        let end = body.find(quote).ok_or("a quote is not closed")?;
        let after = body[end + 1..].strip_prefix(']').ok_or("expected ] after the quote")?;
        return Ok((Step::Key(body[..end].to_owned()), after));
    }
    let end = rest.find(']').ok_or("a bracket is not closed")?;
    let index = rest[..end]
        .trim()
        .parse()
        .map_err(|_| "expected a quoted key or an array index within brackets")?;
    Ok((Step::Index(index), &rest[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Model;

    fn key(k: &str) -> Step {
        Step::Key(k.to_owned())
    }

    #[test]
    fn accepted_forms() {
        assert_eq!(parse_path("$['a']").unwrap(), [key("a")]);
        assert_eq!(parse_path("$[\"a b\"]").unwrap(), [key("a b")]);
        assert_eq!(parse_path("$.a.b").unwrap(), [key("a"), key("b")]);
        assert_eq!(parse_path("$.a['b'][2]").unwrap(), [key("a"), key("b"), Step::Index(2)]);
        assert_eq!(parse_path("$[0].x").unwrap(), [Step::Index(0), key("x")]);
    }

    #[test]
    fn unsupported_forms_are_rejected() {
        for path in ["a", "$", "$.*", "$.", "$['a'", "$[x]", "$..a", "$['a']b", "$[?(@.a)]"] {
            assert!(parse_path(path).is_err(), "{path} was accepted");
        }
    }

    #[test]
    fn the_number_of_paths_must_be_the_number_of_columns() {
        let model = Model::built_in();
        let songs = model.dataset("songs").unwrap();
        let error = parse(songs, br#"{"jsonpaths": ["$.a"]}"#).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("the number of paths is 1, but staging_songs has 10 columns")
        );
        let error = parse(songs, br#"{"paths": []}"#).unwrap_err();
        assert!(matches!(error, JsonPathsError::Form(_)));
    }
}
