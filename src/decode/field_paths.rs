//! The places of the staging columns in a record: a tree of keys and array indexes.
//!
//! Matching by key is a tree of one level; a JSONPaths file can define deeper ones.

use super::dataset::Dataset;

/// Index of a node in its [`FieldPaths`].
pub(super) type NodeId = u32;

/// The node of a whole record.
pub(super) const ROOT: NodeId = 0;

/// The places of a dataset's columns within a JSON record.
#[derive(Debug, Clone)]
pub struct FieldPaths {
    nodes: Vec<Node>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Node {
    /// Columns filled from the value of this node. Several if a JSONPaths file repeats a path.
    pub columns: Vec<u16>,
    pub keys: Vec<Key>,
    pub indexes: Vec<(usize, NodeId)>,
    /// The column of a leaf that fills exactly one column, as nearly all do.
    pub only_column: Option<u16>,
}

impl Node {
    pub fn is_leaf(&self) -> bool {
        self.keys.is_empty() && self.indexes.is_empty()
    }
}

/// A key and the node of its value.
#[derive(Debug, Clone)]
pub(super) struct Key {
    pub name: Box<[u8]>,
    pub node: NodeId,
    pattern: Option<KeyPattern>,
}

/// One step of a path, from a value to a value within it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Key(String),
    Index(usize),
}

impl FieldPaths {
    /// Matches by key: each column is filled from the top-level key of the same name.
    pub fn by_key(dataset: Dataset) -> FieldPaths {
        let paths = dataset.columns().iter().map(|c| vec![Step::Key(c.name.to_owned())]);
        FieldPaths::from_paths(paths)
    }

    pub(super) fn from_paths(paths: impl IntoIterator<Item = Vec<Step>>) -> FieldPaths {
        let mut tree = FieldPaths { nodes: vec![Node::default()] };
        for (column, path) in paths.into_iter().enumerate() {
            let leaf = path.iter().fold(ROOT, |at, step| tree.child_or_insert(at, step));
            tree.nodes[leaf as usize].columns.push(column as u16);
        }
        for node in &mut tree.nodes {
            node.only_column = match node.columns[..] {
                [column] if node.is_leaf() => Some(column),
                _ => None,
            };
        }
        tree
    }

    /// Returns `true` if a record can be a JSON array, that is, if a path starts with an index.
    pub(super) fn accepts_arrays(&self) -> bool {
        !self.nodes[ROOT as usize].indexes.is_empty()
    }

    pub(super) fn nodes(&self) -> usize {
        self.nodes.len()
    }

    pub(super) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id as usize]
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
