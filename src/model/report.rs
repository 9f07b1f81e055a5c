//! The problems found so far, and the lines of the keys of a file.

use std::collections::HashMap;

use toml::de::{DeTable, DeValue};

use super::problem::{Fault, Problem};
use super::words::is_plain;

/// Collects the problems of a model.
#[derive(Debug)]
pub(super) struct Report {
    /// Path of `model.toml`, as messages show it.
    file: String,
    /// Lines of keys.
    lines: HashMap<String, usize>,
    problems: Vec<Problem>,
}

/// Returns the dotted key of `name` below `at`.
pub(super) fn join(at: &str, name: &str) -> String {
    let is_bare = !name.is_empty() && (is_plain(name) || name.chars().all(is_bare_char));
    let name = if is_bare { name.to_owned() } else { format!("{name:?}") };
    if at.is_empty() { name } else { format!("{at}.{name}") }
}

fn is_bare_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

impl Report {
    /// Creates a report without problems for the file at `file`.
    pub fn new(file: &str) -> Report {
        Report { file: file.to_owned(), lines: HashMap::new(), problems: Vec::new() }
    }

    /// Parses a file and remembers the lines of its keys. Returns `None` if it is not valid TOML.
    pub fn parse<'i>(&mut self, text: &'i str) -> Option<DeTable<'i>> {
        let lines = Lines::new(text);
        let (document, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            self.add_syntax(text, &lines, error);
        }
        self.note(document.get_ref(), "", &lines);
        errors.is_empty().then(|| document.into_inner())
    }

    fn add_syntax(&mut self, text: &str, lines: &Lines, error: &toml::de::Error) {
        let span = error.span().unwrap_or_default();
        let line = lines.at(span.start);
        let reason = error.message().lines().next().unwrap_or_default().to_owned();
        let (key, remedy) = if reason == "duplicate key" {
            let name = text.get(span.clone()).unwrap_or_default().trim();
            let header = text.get(..span.start).unwrap_or_default().lines().rev();
            let header = header.skip(1).map(str::trim).find(|line| line.starts_with('['));
            let header = header.map(|line| line.trim_matches(['[', ']'])).unwrap_or_default();
            (join(header, name), "remove one of the two, or rename it")
        } else {
            (String::new(), "correct the TOML (https://toml.io)")
        };
        self.add_at(line, key, reason, remedy);
    }

    fn note(&mut self, table: &DeTable<'_>, at: &str, lines: &Lines) {
        for (name, value) in table {
            let at = join(at, name.get_ref());
            self.note_value(value.get_ref(), &at, lines);
            self.lines.insert(at, lines.at(name.span().start));
        }
    }

    fn note_value(&mut self, value: &DeValue<'_>, at: &str, lines: &Lines) {
        match value {
            DeValue::Table(table) => self.note(table, at, lines),
            DeValue::Array(items) => {
                for (i, item) in items.iter().enumerate() {
                    let at = format!("{at}[{i}]");
                    self.note_value(item.get_ref(), &at, lines);
                    self.lines.insert(at, lines.at(item.span().start));
                }
            }
            _ => {}
        }
    }

    /// Adds a problem at a key.
    pub fn add(&mut self, key: &str, reason: impl Into<String>, remedy: impl Into<String>) {
        self.add_at(self.line(key), key.to_owned(), reason, remedy);
    }

    /// Adds a fault at a key.
    pub fn add_fault(&mut self, key: &str, fault: Fault) {
        self.add(key, fault.reason, fault.remedy);
    }

    fn add_at(
        &mut self,
        line: usize,
        key: String,
        reason: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let file = self.file.clone();
        self.problems.push(Problem {
            file,
            line,
            key,
            reason: reason.into(),
            remedy: remedy.into(),
        });
    }

    /// Adds a problem of another file.
    pub fn add_of_file(
        &mut self,
        file: String,
        line: usize,
        reason: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let (reason, remedy) = (reason.into(), remedy.into());
        self.problems.push(Problem { file, line, key: String::new(), reason, remedy });
    }

    /// Returns `true` if a problem was added at `key` or below it.
    pub fn has(&self, key: &str) -> bool {
        self.problems.iter().any(|problem| {
            let below = problem.key.strip_prefix(key);
            below.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        })
    }

    /// Returns the line of a key, or of the nearest key above it that is in the file.
    pub fn line(&self, key: &str) -> usize {
        let mut key = key;
        loop {
            if let Some(line) = self.lines.get(key) {
                return *line;
            }
            match key.rfind(['.', '[']) {
                Some(end) => key = &key[..end],
                None => return 1,
            }
        }
    }

    /// Returns `true` if a key is in the file.
    pub fn is_written(&self, key: &str) -> bool {
        self.lines.contains_key(key)
    }

    /// Returns the problems in the order in which they were found.
    pub fn into_problems(self) -> Vec<Problem> {
        self.problems
    }
}

/// The offsets at which the lines of a text begin.
struct Lines(Vec<usize>);

impl Lines {
    fn new(text: &str) -> Lines {
        let ends = text.match_indices('\n').map(|(at, _)| at + 1);
        // A final newline ends the last line and does not begin another.
        Lines(std::iter::once(0).chain(ends.filter(|at| *at < text.len())).collect())
    }

    /// Returns the line of a byte offset, from 1.
    fn at(&self, offset: usize) -> usize {
        self.0.partition_point(|start| *start <= offset)
    }
}
