//! The paths of a dataset: a tree of keys with the profile of each.

use std::collections::HashMap;

use super::json::Json;
use super::profile::Profile;

/// Number of keys of the record itself that are profiled.
const MAX_KEYS: usize = 500;

/// Number of paths below the keys of the record that are profiled.
const MAX_PATHS: usize = 500;

/// Number of keys within keys that are followed.
const MAX_DEPTH: usize = 8;

/// Number of keys of an object from which it can be a map with generated keys.
const MAP_KEYS: usize = 100;

/// Share of the objects that have the average key of a map, at most: one in this number.
const MAP_RARITY: u64 = 5;

/// The values at a path and below it.
#[derive(Debug, Default)]
pub(super) struct Node {
    /// Values at the path itself.
    pub profile: Profile,
    /// Keys of the objects at the path, in the order in which they were first seen.
    pub children: Vec<(String, Node)>,
    /// Elements of the arrays at the path.
    pub elements: Option<Box<Node>>,
    /// `true` for objects that are maps: each has other keys.
    pub is_map: bool,
    /// Number of values below the path that were not profiled.
    pub left_out: u64,
    places: HashMap<String, usize>,
    /// Number of values of `children`.
    child_values: u64,
}

/// The profile of the records of a dataset.
#[derive(Debug)]
pub(super) struct Tree {
    /// Profile of the records themselves.
    pub root: Node,
    /// Number of further paths that are profiled.
    room: usize,
}

impl Default for Tree {
    fn default() -> Tree {
        Tree { root: Node::default(), room: MAX_PATHS }
    }
}

impl Tree {
    /// Adds a record.
    pub fn add(&mut self, record: &Json) {
        self.root.add(record, 0, &mut self.room);
    }
}

impl Node {
    fn add(&mut self, value: &Json, depth: usize, room: &mut usize) {
        self.profile.add(value);
        match value {
            Json::Object(entries) if self.is_map || depth >= MAX_DEPTH => {
                self.left_out += u64::from(!entries.is_empty());
            }
            Json::Object(entries) => {
                for (key, value) in entries {
                    self.add_entry(key, value, depth, room);
                }
                if depth > 0 && self.has_rare_keys() {
                    *room += self.paths();
                    (self.children, self.places) = (Vec::new(), HashMap::new());
                    self.is_map = true;
                }
            }
            Json::Array(items) if depth < MAX_DEPTH => {
                let elements = self.elements.get_or_insert_default();
                items.iter().for_each(|item| elements.add(item, depth + 1, room));
            }
            _ => {}
        }
    }

    fn add_entry(&mut self, key: &str, value: &Json, depth: usize, room: &mut usize) {
        if let Some(place) = self.places.get(key) {
            self.child_values += 1;
            return self.children[*place].1.add(value, depth + 1, room);
        }
        let is_full = if depth == 0 { self.children.len() >= MAX_KEYS } else { *room == 0 };
        if is_full {
            self.left_out += 1;
            return;
        }
        if depth > 0 {
            *room -= 1;
        }
        self.child_values += 1;
        self.places.insert(key.to_owned(), self.children.len());
        let mut child = Node::default();
        child.add(value, depth + 1, room);
        self.children.push((key.to_owned(), child));
    }

    /// Returns `true` if there are many keys, and the average one is in few of the objects.
    fn has_rare_keys(&self) -> bool {
        let keys = u64::try_from(self.children.len()).unwrap_or(u64::MAX);
        let possible = keys.saturating_mul(self.profile.objects);
        self.children.len() > MAP_KEYS && self.child_values.saturating_mul(MAP_RARITY) < possible
    }

    /// Returns the number of paths below this one.
    fn paths(&self) -> usize {
        let below: usize = self.children.iter().map(|(_, child)| 1 + child.paths()).sum();
        below + self.elements.as_ref().map_or(0, |elements| elements.paths())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(records: impl IntoIterator<Item = String>) -> Tree {
        let mut tree = Tree::default();
        for record in records {
            tree.add(&serde_json::from_str(&record).unwrap());
        }
        tree
    }

    #[test]
    fn keys_are_in_the_order_in_which_they_were_seen() {
        let records = [r#"{"b": 1, "a": {"x": 2}}"#, r#"{"c": [{"y": 1}, {"y": 2}], "a": null}"#];
        let tree = tree(records.map(str::to_owned));
        let keys: Vec<&str> = tree.root.children.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(keys, ["b", "a", "c"]);
        let (_, a) = &tree.root.children[1];
        assert_eq!((a.profile.objects, a.profile.nulls, a.children[0].0.as_str()), (1, 1, "x"));
        let elements = tree.root.children[2].1.elements.as_ref().unwrap();
        assert_eq!((elements.profile.objects, elements.children[0].1.profile.present), (2, 2));
    }

    #[test]
    fn an_object_with_generated_keys_is_a_map() {
        let counts = |i: usize| format!(r#"{{"counts": {{"id{i}": 1, "id{}": 2}}}}"#, i + 10_000);
        let tree = tree((0..200).map(counts));
        let (_, map) = &tree.root.children[0];
        assert!(map.is_map && map.children.is_empty() && map.profile.objects == 200);
        assert_eq!(tree.room, MAX_PATHS);
    }

    #[test]
    fn a_wide_record_is_not_a_map_and_is_cut() {
        let wide = |_| {
            let keys: Vec<String> = (0..600).map(|i| format!("\"k{i}\": {{\"v\": 1}}")).collect();
            format!("{{{}}}", keys.join(", "))
        };
        let tree = tree((0..2).map(wide));
        assert_eq!((tree.root.children.len(), tree.root.left_out), (500, 200));
        assert!(!tree.root.is_map && tree.room == 0);
    }

    #[test]
    fn deep_values_are_not_followed() {
        let deep = format!("{}1{}", "{\"a\":".repeat(20), "}".repeat(20));
        let mut node = &tree([deep]).root;
        let mut depth = 0;
        while let Some((_, child)) = node.children.first() {
            (node, depth) = (child, depth + 1);
        }
        assert_eq!((depth, node.left_out), (MAX_DEPTH, 1));
    }
}
