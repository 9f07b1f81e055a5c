//! Problems of a model: the place, the reason and the remedy of each.

use std::fmt;

// Two swapped neighbours count as one edit.
use strsim::osa_distance as distance;

/// A problem of a model.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Path of the file, such as `queries/model.toml`.
    pub file: String,
    /// Line in the file, from 1.
    pub line: usize,
    /// Dotted key, such as `datasets.events.columns.ts`. Empty if the problem is not at a key.
    pub key: String,
    /// Reason for rejecting it.
    pub reason: String,
    /// Change that resolves the problem.
    pub remedy: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.file, self.line)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        write!(f, "{}; what to do: {}", self.reason, self.remedy)
    }
}

/// All problems of a model, sorted by file and line. Never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Sorts problems. Returns `None` if there are none.
    pub(super) fn new(mut problems: Vec<Problem>) -> Option<Problems> {
        problems.sort();
        problems.dedup();
        (!problems.is_empty()).then_some(Problems(problems))
    }

    /// Returns the problems.
    pub fn as_slice(&self) -> &[Problem] {
        &self.0
    }
}

impl fmt::Display for Problems {
    /// Writes one line per problem.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.0.iter().enumerate() {
            if i > 0 {
                writeln!(f)?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

/// The reason and the remedy of a problem whose place is added by the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub reason: String,
    pub remedy: String,
}

/// Returns the name that was probably meant: the one with the fewest edits, if these change at most
/// a third of it.
pub(super) fn nearest<'a>(written: &str, names: &[&'a str]) -> Option<&'a str> {
    let written = written.to_lowercase();
    let edits = names.iter().map(|name| (distance(&written, &name.to_lowercase()), *name));
    let (edits, name) = edits.min_by_key(|(edits, _)| *edits)?;
    let longest = written.chars().count().max(name.chars().count());
    (edits * 3 <= longest).then_some(name)
}

/// Returns a remedy that names the nearest of the known names, or all of them.
pub(super) fn one_of(written: &str, names: &[&str]) -> String {
    match nearest(written, names) {
        Some(name) => format!("did you mean {name:?}?"),
        None if names.is_empty() => "there are none to choose from".to_owned(),
        None => format!("write one of {}", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (a, b, edits) in
            [("", "", 0), ("", "ab", 2), ("kitten", "sitting", 3), ("tpye", "type", 1)]
        {
            assert_eq!(distance(a, b), edits, "{a} {b}");
            assert_eq!(distance(b, a), edits, "{b} {a}");
        }
    }

    #[test]
    fn a_similar_name_is_suggested() {
        let names = ["primary_key", "columns", "grain"];
        assert_eq!(nearest("primarykey", &names), Some("primary_key"));
        assert_eq!(nearest("Colums", &names), Some("columns"));
        assert_eq!(nearest("size", &names), None);
        assert_eq!(nearest("x", &[]), None);
    }

    #[test]
    fn a_problem_reads_as_one_line() {
        let problem = Problem {
            file: "queries/model.toml".to_owned(),
            line: 12,
            key: "datasets.events.columns.ts".to_owned(),
            reason: "there is no type \"tme\"".to_owned(),
            remedy: "write \"timestamp\"".to_owned(),
        };
        assert_eq!(
            problem.to_string(),
            "queries/model.toml:12: datasets.events.columns.ts: there is no type \"tme\"; what to \
             do: write \"timestamp\""
        );
    }
}
