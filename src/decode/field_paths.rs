//! The places of the staging columns in a record: a tree of keys and array indexes.
//!
//! Matching by key is a tree of one level; a JSONPaths file can define deeper ones.

use crate::model::{Dataset, Origin, Step};

/// Index of a node in its [`FieldPaths`].
pub(super) type NodeId = u32;

/// The node of a whole record.
pub(super) const ROOT: NodeId = 0;

/// The places of a dataset's columns within a JSON record.
#[derive(Debug, Clone)]
pub struct FieldPaths {
    nodes: Vec<Node>,
    /// Nodes of the array of rows and of its elements.
    rows: Option<(NodeId, NodeId)>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Node {
    /// Columns filled from the value of this node. Several if a JSONPaths file repeats a path.
    pub columns: Vec<u16>,
    pub keys: Vec<Key>,
    pub indexes: Vec<(usize, NodeId)>,
    /// Node of the elements that have none of their own, in the array of rows.
    pub each: Option<NodeId>,
    /// The column of a leaf that fills exactly one column, as nearly all do.
    pub only_column: Option<u16>,
}

impl Node {
    pub fn is_leaf(&self) -> bool {
        self.keys.is_empty() && self.indexes.is_empty() && self.each.is_none()
    }
}

/// A key and the node of its value.
#[derive(Debug, Clone)]
pub(super) struct Key {
    pub name: Box<[u8]>,
    pub node: NodeId,
    pattern: Option<KeyPattern>,
}

impl FieldPaths {
    /// Returns the paths that the dataset declares.
    pub fn of(dataset: &Dataset) -> FieldPaths {
        let columns = dataset.columns.iter().enumerate();
        let of_record = columns.filter(|(_, column)| column.path.origin == Origin::Record);
        let steps = of_record.map(|(at, column)| (at, column.path.steps.iter()));
        let mut tree = FieldPaths::tree(steps);
        if let Some(rows) = &dataset.rows {
            let array = rows.steps.iter().fold(ROOT, |at, step| tree.child_or_insert(at, step));
            let element = tree.nodes.len() as NodeId;
            tree.nodes.push(Node::default());
            tree.nodes[array as usize].each = Some(element);
            tree.rows = Some((array, element));
        }
        tree.find_only_columns();
        tree
    }

    /// Returns the tree of the columns at the given positions.
    pub(super) fn of_steps<'a, S: Iterator<Item = &'a Step>>(
        paths: impl Iterator<Item = (usize, S)>,
    ) -> FieldPaths {
        let mut tree = FieldPaths::tree(paths);
        tree.find_only_columns();
        tree
    }

    fn tree<'a, S: Iterator<Item = &'a Step>>(
        paths: impl Iterator<Item = (usize, S)>,
    ) -> FieldPaths {
        let mut tree = FieldPaths { nodes: vec![Node::default()], rows: None };
        for (column, path) in paths {
            let leaf = path.fold(ROOT, |at, step| tree.child_or_insert(at, step));
            tree.nodes[leaf as usize].columns.push(column as u16);
        }
        tree
    }

    fn find_only_columns(&mut self) {
        let rows = self.rows;
        for (id, node) in self.nodes.iter_mut().enumerate() {
            let id = id as NodeId;
            let has_rows = rows.is_some_and(|(array, element)| id == array || id == element);
            node.only_column = match node.columns[..] {
                [column] if node.is_leaf() && !has_rows => Some(column),
                _ => None,
            };
        }
    }

    /// Returns the node of the array of rows.
    #[inline]
    pub(super) fn rows(&self) -> Option<NodeId> {
        self.rows.map(|(array, _)| array)
    }

    /// Returns the node of the elements of the array of rows.
    #[inline]
    pub(super) fn element(&self) -> Option<NodeId> {
        self.rows.map(|(_, element)| element)
    }

    /// Returns `true` if a record can be a JSON array, that is, if a path starts with an index.
    pub(super) fn accepts_arrays(&self) -> bool {
        let root = &self.nodes[ROOT as usize];
        !root.indexes.is_empty() || root.each.is_some()
    }

    pub(super) fn nodes(&self) -> usize {
        self.nodes.len()
    }

    pub(super) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id as usize]
    }

    /// Returns the node of the element of `array` at this position, if any.
    pub(super) fn child_at(&self, array: NodeId, position: usize) -> Option<NodeId> {
        let node = self.node(array);
        let index = node.indexes.iter().find(|(index, _)| *index == position);
        index.map(|(_, id)| *id).or(node.each)
    }

    fn child_or_insert(&mut self, at: NodeId, step: &Step) -> NodeId {
        let next = self.nodes.len() as NodeId;
        let node = &mut self.nodes[at as usize];
        let found = match step {
            Step::Key(key) => node.keys.iter().find(|k| *k.name == *key.as_bytes()).map(|k| k.node),
            Step::Index(index) => node.indexes.iter().find(|(i, _)| i == index).map(|(_, id)| *id),
        };
        if let Some(id) = found {
            return id;
        }
        match step {
            Step::Key(key) => node.keys.push(Key::new(key, next)),
            Step::Index(index) => node.indexes.push((*index, next)),
        }
        self.nodes.push(Node::default());
        next
    }
}

impl Key {
    fn new(name: &str, node: NodeId) -> Key {
        Key { name: name.as_bytes().into(), node, pattern: KeyPattern::new(name) }
    }

    /// Returns the position after the key and its colon if `bytes` has it at `at` in the usual
    /// spelling, without escapes or blanks.
    #[inline]
    pub fn end(&self, bytes: &[u8], at: usize) -> Option<usize> {
        let pattern = self.pattern.as_ref()?;
        pattern.is_at(&bytes[at..]).then(|| at + pattern.length)
    }
}

/// Number of bytes of a key compared in one step.
const HEAD: usize = 16;

/// A quoted key and its colon.
#[derive(Debug, Clone)]
struct KeyPattern {
    /// First bytes, as a little-endian integer.
    head: u128,
    /// Mask of the bytes that `head` uses.
    mask: u128,
    tail: Box<[u8]>,
    length: usize,
}

impl KeyPattern {
    /// Returns `None` for a name that JSON can only spell with escapes.
    fn new(name: &str) -> Option<KeyPattern> {
        if name.bytes().any(|byte| matches!(byte, b'"' | b'\\' | 0..0x20)) {
            return None;
        }
        let pattern = format!("\"{name}\":").into_bytes();
        let filled = pattern.len().min(HEAD);
        let mut head = [0; HEAD];
        head[..filled].copy_from_slice(&pattern[..filled]);
        let mut mask = [0; HEAD];
        mask[..filled].fill(0xFF);
        Some(KeyPattern {
            head: u128::from_le_bytes(head),
            mask: u128::from_le_bytes(mask),
            tail: pattern[filled..].into(),
            length: pattern.len(),
        })
    }

    #[inline]
    fn is_at(&self, bytes: &[u8]) -> bool {
        // Near the end of the bytes, where a whole head cannot be read, the caller falls back to
        // the slow path.
        bytes.first_chunk::<HEAD>().is_some_and(|head| {
            u128::from_le_bytes(*head) & self.mask == self.head
                && (self.tail.is_empty() || bytes[HEAD..].starts_with(&self.tail))
        })
    }
}
