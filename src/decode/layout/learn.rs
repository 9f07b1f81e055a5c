//! Learns the layout of a record.

use super::{Field, FieldValue, Gap, Layout};
use crate::decode::dataset::StagingColumn;
use crate::decode::field_paths::{FieldPaths, NodeId, ROOT};
use crate::decode::scan::skip_whitespace;
use crate::decode::text::scan_string;

/// Limits of a layout, in values and in bytes between them. A record beyond them is not worth the memory.
const MAX_FIELDS: usize = 1024;
const MAX_GAP_BYTES: usize = 64 * 1024;

/// An object or array that the learner is in.
struct Container {
    /// Node of the container, if columns lie within it.
    node: Option<NodeId>,
    is_array: bool,
    /// Number of elements or members so far.
    count: usize,
}

/// The state of learning one record.
struct Learner<'a> {
    bytes: &'a [u8],
    paths: &'a FieldPaths,
    columns: &'a [StagingColumn],
    /// Position of the end of the last value.
    from: usize,
    containers: Vec<Container>,
    /// Nodes that have a value. A repeated key would replace it.
    has_value: Vec<bool>,
    fields: Vec<Field>,
    gap_bytes: usize,
}

impl Layout {
    /// Returns the layout of a record that the scanner has accepted, an object. Returns `None` if it repeats a
    /// key, spells one with escapes, or exceeds the limits.
    pub(super) fn of(
        record: &str,
        paths: &FieldPaths,
        columns: &[StagingColumn],
        unknown: &[(usize, usize)],
    ) -> Option<Layout> {
        let learner = Learner {
            bytes: record.as_bytes(),
            paths,
            columns,
            from: 0,
            containers: Vec::new(),
            has_value: vec![false; paths.nodes()],
            fields: Vec::new(),
            gap_bytes: 0,
        };
        let (fields, tail) = learner.learn()?;
        let is_absent = |column: &u16| !fields.iter().any(|f| f.value.column() == Some(*column));
        Some(Layout {
            absent: (0..columns.len() as u16).filter(is_absent).collect(),
            fields,
            tail,
            unknown: unknown.iter().map(|&(start, end)| record[start..end].into()).collect(),
            records: 0,
        })
    }
}

impl Learner<'_> {
    /// Returns the values of the record and the bytes after them.
    fn learn(mut self) -> Option<(Vec<Field>, Gap)> {
        let mut at = self.open(0, Some(ROOT))?;
        loop {
            at = skip_whitespace(self.bytes, at);
            let container = self.containers.last_mut()?;
            match self.bytes.get(at)? {
                b'}' | b']' => {
                    self.containers.pop();
                    at += 1;
                    if self.containers.is_empty() {
                        let tail = self.gap(at)?;
                        return Some((self.fields, tail));
                    }
                    continue;
                }
                b',' => at = skip_whitespace(self.bytes, at + 1),
                _ => {}
            }
            let node = if container.is_array {
                let index = container.count;
                container.node.and_then(|node| self.paths.child_at(node, index))
            } else {
                let (node, end) = key(self.bytes, at, container.node, self.paths)?;
                at = end;
                node
            };
            container.count += 1;
            if let Some(node) = node {
                let has_value = &mut self.has_value[node as usize];
                if std::mem::replace(has_value, true) {
                    return None;
                }
            }
            at = match self.bytes.get(at)? {
                b'{' | b'[' => self.open(at, node)?,
                _ => self.scalar(at, node)?,
            };
        }
    }

    /// Enters the container at `at` and returns the position after its bracket.
    fn open(&mut self, at: usize, node: Option<NodeId>) -> Option<usize> {
        // No column accepts an object or array, so this is a path that a scalar can also be at.
        if node.is_some_and(|node| !self.paths.node(node).columns.is_empty()) {
            return None;
        }
        self.containers.push(Container { node, is_array: self.bytes[at] == b'[', count: 0 });
        Some(at + 1)
    }

    /// Adds the scalar at `at` and returns the position of its end.
    fn scalar(&mut self, at: usize, node: Option<NodeId>) -> Option<usize> {
        let gap = self.gap(at)?;
        let column = match node.map(|node| &self.paths.node(node).columns[..]) {
            None | Some([]) => None,
            Some([column]) => Some(*column),
            Some(_) => return None,
        };
        self.fields.push(Field { gap, value: FieldValue::of(column, self.columns) });
        self.from = match self.bytes[at] {
            b'"' => scan_string(self.bytes, at + 1).ok()?.quote + 1,
            _ => {
                let is_end =
                    |byte: &u8| matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\r' | b'\n');
                at + self.bytes[at..].iter().position(is_end)?
            }
        };
        (self.fields.len() <= MAX_FIELDS).then_some(self.from)
    }

    /// Returns the bytes between the last value and `to`.
    fn gap(&mut self, to: usize) -> Option<Gap> {
        self.gap_bytes += to - self.from;
        (self.gap_bytes <= MAX_GAP_BYTES).then(|| Gap::new(&self.bytes[self.from..to]))
    }
}

/// Returns the node of the key at `at` and the position of its value.
fn key(
    bytes: &[u8],
    at: usize,
    object: Option<NodeId>,
    paths: &FieldPaths,
) -> Option<(Option<NodeId>, usize)> {
    let end = scan_string(bytes, at + 1).ok()?;
    if end.escaped {
        return None;
    }
    let name = &bytes[at + 1..end.quote];
    let found = object.and_then(|node| paths.node(node).keys.iter().find(|key| *key.name == *name));
    let colon = skip_whitespace(bytes, end.quote + 1);
    Some((found.map(|key| key.node), skip_whitespace(bytes, colon + 1)))
}
