//! Scans one JSON value at a time: checks its grammar and finds the values of the columns.
//!
//! The scanner copies no values. It tracks nested values on its own stack, so that deep nesting
//! cannot overflow the thread's.

use super::field_paths::{FieldPaths, NodeId, ROOT};
use super::number::scan_number;
use super::text::{Stop, scan_string, unescape};

/// Maximum nesting depth of values; simdjson's default.
pub(super) const MAX_DEPTH: usize = 1024;

/// The JSON type of a column's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FieldKind {
    Missing,
    Null,
    Boolean,
    Number,
    /// Text without escapes; the span covers its body.
    Text,
    /// Text with escapes; the span covers its body.
    EscapedText,
    Object,
    Array,
}

/// The position of a column's value within the scanned bytes, which are shorter than 4 GiB.
#[derive(Debug, Clone, Copy)]
pub(super) struct FieldSpan {
    pub kind: FieldKind,
    pub start: u32,
    pub end: u32,
}

impl FieldSpan {
    #[inline(always)]
    pub fn new(kind: FieldKind, start: usize, end: usize) -> FieldSpan {
        FieldSpan { kind, start: start as u32, end: end as u32 }
    }
}

pub(super) const MISSING: FieldSpan = FieldSpan { kind: FieldKind::Missing, start: 0, end: 0 };

/// A container being scanned.
struct Container {
    /// Node of the container, if columns lie within it.
    node: Option<NodeId>,
    is_array: bool,
    /// Number of elements or members so far.
    count: usize,
    /// Index into [`Scanner::predicted_next`] for the key last matched in this container.
    last: usize,
    /// Position of the opening bracket.
    start: usize,
}

impl Container {
    fn open(bytes: &[u8], at: usize, node: Option<NodeId>) -> Container {
        let last = node.map_or(0, opening);
        Container { node, is_array: bytes[at] == b'[', count: 0, last, start: at }
    }

    fn closer(&self) -> u8 {
        if self.is_array { b']' } else { b'}' }
    }
}

/// Returns the index into [`Scanner::predicted_next`] of the first key of the container at `node`.
fn opening(node: NodeId) -> usize {
    node as usize * 2
}

/// Returns the index into [`Scanner::predicted_next`] of the key that follows the one of `node`.
fn after(node: NodeId) -> usize {
    node as usize * 2 + 1
}

/// Scans the values of one set of paths; reused from record to record.
pub(super) struct Scanner {
    paths: FieldPaths,
    /// One span per column, valid after [`Self::scan`].
    pub spans: Vec<FieldSpan>,
    /// Span of the array of rows, if the paths have one.
    pub rows: FieldSpan,
    /// Spans of the elements of the array of rows.
    pub elements: Vec<FieldSpan>,
    /// Spans of the top-level keys that match no column, without their quotes.
    pub unknown: Vec<(usize, usize)>,
    /// The key last seen first in each container and after each key, as a position among the keys
    /// of the container. Predicts the next key, because a writer repeats the order of keys in every
    /// record.
    predicted_next: Vec<u16>,
    /// The containers that enclose the innermost one.
    outer: Vec<Container>,
    key: Vec<u8>,
}

impl Scanner {
    pub fn new(paths: FieldPaths, columns: usize) -> Scanner {
        Scanner {
            spans: vec![MISSING; columns],
            rows: MISSING,
            elements: Vec::new(),
            unknown: Vec::new(),
            predicted_next: vec![0; paths.nodes() * 2],
            outer: Vec::new(),
            key: Vec::new(),
            paths,
        }
    }

    pub fn paths(&self) -> &FieldPaths {
        &self.paths
    }

    /// Scans the object or array at the start of `bytes` and returns the position of its end.
    pub fn scan(&mut self, bytes: &[u8]) -> Result<usize, Stop> {
        self.spans.fill(MISSING);
        self.rows = MISSING;
        self.elements.clear();
        self.unknown.clear();
        self.outer.clear();
        let mut container = Container::open(bytes, 0, Some(ROOT));
        let mut at = 1;
        loop {
            at = skip_whitespace(bytes, at);
            let Some(&byte) = bytes.get(at) else { return Err(Stop::Incomplete) };
            if byte == container.closer() {
                at += 1;
                let kind = if container.is_array { FieldKind::Array } else { FieldKind::Object };
                self.fill(container.node, kind, container.start, at);
                match self.outer.pop() {
                    Some(outer) => container = outer,
                    None => return Ok(at),
                }
                continue;
            }
            if container.count > 0 {
                at = after_comma(bytes, at, &container)?;
            }
            let node = if container.is_array {
                self.element_node(&container)
            } else {
                let key = self.key(bytes, at, &mut container)?;
                at = key.1;
                key.0
            };
            container.count += 1;
            match self.value(bytes, at, node)? {
                Some(end) => at = end,
                None if self.outer.len() + 1 == MAX_DEPTH => {
                    return Err(Stop::syntax(at, "values nested more than 1024 levels deep"));
                }
                None => {
                    self.outer.push(container);
                    container = Container::open(bytes, at, node);
                    at += 1;
                }
            }
        }
    }

    /// Scans a value and returns the position of its end, or `None` if it is an object or array.
    #[inline]
    fn value(
        &mut self,
        bytes: &[u8],
        at: usize,
        node: Option<NodeId>,
    ) -> Result<Option<usize>, Stop> {
        let only_column = node.and_then(|node| self.paths.node(node).only_column);
        if only_column.is_none() {
            self.clear_within(node);
        }
        let (kind, start, end, next) = match bytes.get(at) {
            None => return Err(Stop::Incomplete),
            Some(b'{' | b'[') => return Ok(None),
            Some(b'"') => {
                let end = scan_string(bytes, at + 1)?;
                let kind = if end.escaped { FieldKind::EscapedText } else { FieldKind::Text };
                (kind, at + 1, end.quote, end.quote + 1)
            }
            Some(b't') => literal(bytes, at, b"true", FieldKind::Boolean)?,
            Some(b'f') => literal(bytes, at, b"false", FieldKind::Boolean)?,
            Some(b'n') => literal(bytes, at, b"null", FieldKind::Null)?,
            Some(b'-' | b'0'..=b'9') => number(bytes, at)?,
            Some(_) => return Err(Stop::syntax(at, "expected a value")),
        };
        match only_column {
            Some(column) => {
                self.spans[column as usize] = FieldSpan::new(kind, start, end);
            }
            None => self.fill(node, kind, start, end),
        }
        Ok(Some(next))
    }

    /// Clears the columns within `node`: a repeated key replaces its earlier value completely,
    /// including the values that columns took from within it.
    #[inline]
    fn clear_within(&mut self, node: Option<NodeId>) {
        let Some(node) = node else { return };
        if self.paths.node(node).is_leaf() {
            return;
        }
        let mut pending = self.children(node);
        while let Some(id) = pending.pop() {
            if Some(id) == self.paths.rows() {
                self.rows = MISSING;
            }
            if Some(id) == self.paths.element() {
                self.elements.clear();
            }
            for &column in &self.paths.node(id).columns {
                self.spans[column as usize] = MISSING;
            }
            pending.extend(self.children(id));
        }
    }

    fn children(&self, node: NodeId) -> Vec<NodeId> {
        let node = self.paths.node(node);
        let keys = node.keys.iter().map(|key| key.node);
        keys.chain(node.indexes.iter().map(|(_, id)| *id)).chain(node.each).collect()
    }

    #[inline]
    fn fill(&mut self, node: Option<NodeId>, kind: FieldKind, start: usize, end: usize) {
        let Some(node) = node else { return };
        let span = FieldSpan::new(kind, start, end);
        for &column in &self.paths.node(node).columns {
            self.spans[column as usize] = span;
        }
        if self.paths.element().is_some() {
            if Some(node) == self.paths.element() {
                self.elements.push(span);
            } else if Some(node) == self.paths.rows() {
                self.rows = span;
            }
        }
    }

    fn element_node(&self, array: &Container) -> Option<NodeId> {
        self.paths.child_at(array.node?, array.count)
    }

    /// Scans a key and its colon. Returns the node of the key, if any, and the start of the value.
    #[inline]
    fn key(
        &mut self,
        bytes: &[u8],
        at: usize,
        object: &mut Container,
    ) -> Result<(Option<NodeId>, usize), Stop> {
        if let Some(node) = object.node {
            let expected = self.predicted_next[object.last];
            if let Some(key) = self.paths.node(node).keys.get(expected as usize)
                && let Some(end) = key.end(bytes, at)
            {
                object.last = after(key.node);
                return Ok((Some(key.node), skip_whitespace(bytes, end)));
            }
        }
        self.unpredicted_key(bytes, at, object)
    }

    #[cold]
    fn unpredicted_key(
        &mut self,
        bytes: &[u8],
        at: usize,
        object: &mut Container,
    ) -> Result<(Option<NodeId>, usize), Stop> {
        match bytes.get(at) {
            Some(b'"') => {}
            None => return Err(Stop::Incomplete),
            Some(_) if object.count == 0 => return Err(Stop::syntax(at, "expected a key or '}'")),
            Some(_) => return Err(Stop::syntax(at, "expected a key")),
        }
        let end = scan_string(bytes, at + 1)?;
        let node = self.find_key(bytes, at + 1, end.quote, end.escaped, object);
        let at = skip_whitespace(bytes, end.quote + 1);
        match bytes.get(at) {
            Some(b':') => Ok((node, skip_whitespace(bytes, at + 1))),
            None => Err(Stop::Incomplete),
            Some(_) => Err(Stop::syntax(at, "expected ':' after a key")),
        }
    }

    /// Returns the node of the key at `start..end`, if it has one.
    fn find_key(
        &mut self,
        bytes: &[u8],
        start: usize,
        end: usize,
        escaped: bool,
        object: &mut Container,
    ) -> Option<NodeId> {
        let keys = &self.paths.node(object.node?).keys;
        let mut is_text = true;
        let name = if escaped {
            self.key.clear();
            is_text = unescape(&bytes[start..end], &mut self.key);
            &self.key[..]
        } else {
            &bytes[start..end]
        };
        let found = keys.iter().position(|key| is_text && *key.name == *name);
        let Some(found) = found else {
            if self.outer.is_empty() {
                self.unknown.push((start, end));
            }
            return None;
        };
        let node = keys[found].node;
        self.predicted_next[object.last] = found as u16;
        object.last = after(node);
        Some(node)
    }
}

/// Skips the comma before the next member or element.
#[inline]
fn after_comma(bytes: &[u8], at: usize, container: &Container) -> Result<usize, Stop> {
    if bytes[at] == b',' {
        return Ok(skip_whitespace(bytes, at + 1));
    }
    let array = "expected ',' or ']'";
    Err(Stop::syntax(at, if container.is_array { array } else { "expected ',' or '}'" }))
}

type ScannedValue = (FieldKind, usize, usize, usize);

#[inline]
fn literal(bytes: &[u8], at: usize, word: &[u8], kind: FieldKind) -> Result<ScannedValue, Stop> {
    let found = &bytes[at..bytes.len().min(at + word.len())];
    if found == word {
        Ok((kind, at, at + word.len(), at + word.len()))
    } else if word.starts_with(found) {
        Err(Stop::Incomplete)
    } else {
        Err(Stop::syntax(at, "expected a value"))
    }
}

#[inline]
fn number(bytes: &[u8], at: usize) -> Result<ScannedValue, Stop> {
    let continues = |b: &u8| matches!(b, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
    let end = scan_number(bytes, at, false);
    if let Some(end) = end
        && bytes.get(end).is_some_and(|next| !continues(next))
    {
        return Ok((FieldKind::Number, at, end, end));
    }
    // The number extends to the end of the bytes; the next bytes may continue it.
    if bytes[at..].iter().all(continues) {
        return Err(Stop::Incomplete);
    }
    Err(Stop::syntax(at, "a number that is not valid JSON"))
}

/// Returns the first position from `at` on that is not JSON white space.
#[inline]
pub(super) fn skip_whitespace(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\r' | b'\t') = bytes.get(at) {
        at += 1;
    }
    at
}
