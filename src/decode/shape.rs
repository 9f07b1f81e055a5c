//! Where in a record the staging columns are: a tree of keys and array indexes.
//!
//! Matching by key is the one-level tree; a JSONPaths file makes deeper ones.

use super::dataset::Dataset;

/// Index of a node in its [`Shape`].
pub(super) type NodeId = u32;

/// The places of a dataset's columns within a JSON record.
#[derive(Debug, Clone)]
pub struct Shape {
    nodes: Vec<Node>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Node {
    /// Columns filled from the value here; several when a JSONPaths file names one place twice.
    pub columns: Vec<u16>,
    pub keys: Vec<(Box<[u8]>, NodeId)>,
    pub indexes: Vec<(usize, NodeId)>,
}

/// One step from a value to a value within it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Key(String),
    Index(usize),
}

impl Shape {
    /// Matching by key: each column is the value of the top-level key with its name.
    pub fn by_key(dataset: Dataset) -> Shape {
        let paths = dataset.columns().iter().map(|c| vec![Step::Key(c.name.to_owned())]);
        Shape::from_paths(paths)
    }

    pub(super) fn from_paths(paths: impl IntoIterator<Item = Vec<Step>>) -> Shape {
        let mut shape = Shape { nodes: vec![Node::default()] };
        for (column, path) in paths.into_iter().enumerate() {
            let leaf = path.iter().fold(0, |at, step| shape.child_or_insert(at, step));
            shape.nodes[leaf as usize].columns.push(column as u16);
        }
        shape
    }

    /// Whether a record may be a JSON array: some path starts with an index.
    pub(super) fn takes_arrays(&self) -> bool {
        !self.nodes[0].indexes.is_empty()
    }

    pub(super) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id as usize]
    }

    fn child_or_insert(&mut self, at: NodeId, step: &Step) -> NodeId {
        let next = self.nodes.len() as NodeId;
        let node = &mut self.nodes[at as usize];
        let found = match step {
            Step::Key(key) => {
                node.keys.iter().find(|(k, _)| **k == *key.as_bytes()).map(|(_, id)| *id)
            }
            Step::Index(index) => node.indexes.iter().find(|(i, _)| i == index).map(|(_, id)| *id),
        };
        if let Some(id) = found {
            return id;
        }
        match step {
            Step::Key(key) => node.keys.push((key.as_bytes().into(), next)),
            Step::Index(index) => node.indexes.push((*index, next)),
        }
        self.nodes.push(Node::default());
        next
    }
}
