//! One JSON value at a time: checks its grammar and notes where the columns' values are.
//!
//! Nothing is copied here. The scanner keeps its place in nested values on a stack of its own, so
//! that no depth of nesting can exhaust the thread's.

use super::number::scan_number;
use super::shape::{NodeId, Shape};
use super::text::{scan_string, unescape};

/// Values may nest this deep; simdjson's default.
pub(super) const MAX_DEPTH: usize = 1024;

/// Why scanning stopped before the end of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// The bytes ended within the value: more may complete it.
    Incomplete,
    /// No continuation can make these bytes a value.
    Syntax { at: usize, reason: &'static str },
}

impl Stop {
    pub fn syntax(at: usize, reason: &'static str) -> Stop {
        Stop::Syntax { at, reason }
    }
}

/// The kind of JSON a column's value is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SlotKind {
    Missing,
    Null,
    Boolean,
    Number,
    /// Text without escapes; the slot spans its body.
    Text,
    /// Text with escapes; the slot spans its body.
    EscapedText,
    Object,
    Array,
}

/// A column's value within the scanned bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot {
    pub kind: SlotKind,
    pub start: usize,
    pub end: usize,
}

pub(super) const MISSING: Slot = Slot { kind: SlotKind::Missing, start: 0, end: 0 };

/// A container being scanned.
struct Frame {
    /// Its node, when columns lie within.
    node: Option<NodeId>,
    is_array: bool,
    /// Elements or members met so far.
    count: usize,
    /// Key expected next: records mostly repeat the order of the columns.
    hint: usize,
    /// Position of its opening bracket.
    start: usize,
}

/// Scans values of one shape; reused from record to record.
pub(super) struct Scanner {
    shape: Shape,
    /// One slot a column, valid after [`Self::scan`].
    pub slots: Vec<Slot>,
    /// Spans of the top-level keys that no column is matched by, quotes left out.
    pub unknown: Vec<(usize, usize)>,
    stack: Vec<Frame>,
    key: Vec<u8>,
}

impl Scanner {
    pub fn new(shape: Shape, columns: usize) -> Scanner {
        Scanner {
            shape,
            slots: vec![MISSING; columns],
            unknown: Vec::new(),
            stack: Vec::new(),
            key: Vec::new(),
        }
    }

    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Scans the object or array that starts at `start` and returns where it ends.
    pub fn scan(&mut self, bytes: &[u8], start: usize) -> Result<usize, Stop> {
        self.slots.fill(MISSING);
        self.unknown.clear();
        self.stack.clear();
        let mut at = self.open(bytes, start, Some(0))?;
        while let Some(frame) = self.stack.last() {
            at = if frame.is_array { self.element(bytes, at)? } else { self.member(bytes, at)? };
        }
        Ok(at)
    }

    /// Enters a container and returns the position after its bracket.
    fn open(&mut self, bytes: &[u8], at: usize, node: Option<NodeId>) -> Result<usize, Stop> {
        if self.stack.len() == MAX_DEPTH {
            return Err(Stop::syntax(at, "values nested more than 1024 deep"));
        }
        let is_array = bytes[at] == b'[';
        self.stack.push(Frame { node, is_array, count: 0, hint: 0, start: at });
        Ok(at + 1)
    }

    /// Leaves the innermost container, whose bracket is at `at`.
    fn close(&mut self, at: usize) -> usize {
        if let Some(frame) = self.stack.pop() {
            let kind = if frame.is_array { SlotKind::Array } else { SlotKind::Object };
            self.fill(frame.node, Slot { kind, start: frame.start, end: at + 1 });
        }
        at + 1
    }

    /// Scans what comes next in an object: its end, or a key and its value.
    fn member(&mut self, bytes: &[u8], at: usize) -> Result<usize, Stop> {
        let Some((at, first)) = self.separator(bytes, at, b'}', "expected ',' or '}'")? else {
            return Ok(self.close(skip_whitespace(bytes, at)));
        };
        match bytes.get(at) {
            Some(b'"') => {}
            None => return Err(Stop::Incomplete),
            Some(_) if first => return Err(Stop::syntax(at, "expected a key or '}'")),
            Some(_) => return Err(Stop::syntax(at, "expected a key")),
        }
        let end = scan_string(bytes, at + 1)?;
        let node = self.key_node(bytes, at + 1, end.quote, end.escaped);
        let at = skip_whitespace(bytes, end.quote + 1);
        match bytes.get(at) {
            Some(b':') => self.value(bytes, skip_whitespace(bytes, at + 1), node),
            None => Err(Stop::Incomplete),
            Some(_) => Err(Stop::syntax(at, "expected ':' after a key")),
        }
    }

    /// Scans what comes next in an array: its end, or an element.
    fn element(&mut self, bytes: &[u8], at: usize) -> Result<usize, Stop> {
        let Some((at, _)) = self.separator(bytes, at, b']', "expected ',' or ']'")? else {
            return Ok(self.close(skip_whitespace(bytes, at)));
        };
        let node = self.stack.last().and_then(|frame| {
            let indexes = &self.shape.node(frame.node?).indexes;
            indexes.iter().find(|(index, _)| *index == frame.count - 1).map(|(_, id)| *id)
        });
        self.value(bytes, at, node)
    }

    /// Steps over the comma between members, or tells (with `None`) that `closer` comes next.
    /// The flag says whether it is the container's first member.
    fn separator(
        &mut self,
        bytes: &[u8],
        at: usize,
        closer: u8,
        reason: &'static str,
    ) -> Result<Option<(usize, bool)>, Stop> {
        let at = skip_whitespace(bytes, at);
        let Some(&byte) = bytes.get(at) else { return Err(Stop::Incomplete) };
        if byte == closer {
            return Ok(None);
        }
        let Some(frame) = self.stack.last_mut() else { return Err(Stop::syntax(at, reason)) };
        frame.count += 1;
        if frame.count == 1 {
            return Ok(Some((at, true)));
        }
        if byte != b',' {
            return Err(Stop::syntax(at, reason));
        }
        Ok(Some((skip_whitespace(bytes, at + 1), false)))
    }

    fn value(&mut self, bytes: &[u8], at: usize, node: Option<NodeId>) -> Result<usize, Stop> {
        self.forget_within(node);
        let (kind, start, end, next) = match bytes.get(at) {
            None => return Err(Stop::Incomplete),
            Some(b'{' | b'[') => return self.open(bytes, at, node),
            Some(b'"') => {
                let end = scan_string(bytes, at + 1)?;
                let kind = if end.escaped { SlotKind::EscapedText } else { SlotKind::Text };
                (kind, at + 1, end.quote, end.quote + 1)
            }
            Some(b't') => literal(bytes, at, b"true", SlotKind::Boolean)?,
            Some(b'f') => literal(bytes, at, b"false", SlotKind::Boolean)?,
            Some(b'n') => literal(bytes, at, b"null", SlotKind::Null)?,
            Some(b'-' | b'0'..=b'9') => number(bytes, at)?,
            Some(_) => return Err(Stop::syntax(at, "expected a value")),
        };
        self.fill(node, Slot { kind, start, end });
        Ok(next)
    }

    /// A key met again replaces all of its earlier value, also what columns took from within.
    fn forget_within(&mut self, node: Option<NodeId>) {
        let mut pending: Vec<NodeId> = Vec::new();
        let children = |id: NodeId, shape: &Shape, pending: &mut Vec<NodeId>| {
            let node = shape.node(id);
            pending.extend(
                node.keys.iter().map(|(_, id)| id).chain(node.indexes.iter().map(|(_, id)| id)),
            );
        };
        let Some(node) = node else { return };
        children(node, &self.shape, &mut pending);
        while let Some(id) = pending.pop() {
            for &column in &self.shape.node(id).columns {
                self.slots[column as usize] = MISSING;
            }
            children(id, &self.shape, &mut pending);
        }
    }

    fn fill(&mut self, node: Option<NodeId>, slot: Slot) {
        let Some(node) = node else { return };
        for &column in &self.shape.node(node).columns {
            self.slots[column as usize] = slot;
        }
    }

    /// The node that the key within `start..end` leads to.
    fn key_node(
        &mut self,
        bytes: &[u8],
        start: usize,
        end: usize,
        escaped: bool,
    ) -> Option<NodeId> {
        let top = self.stack.len() == 1;
        let frame = self.stack.last_mut()?;
        let keys = &self.shape.node(frame.node?).keys;
        let key = if escaped {
            self.key.clear();
            unescape(&bytes[start..end], &mut self.key);
            &self.key[..]
        } else {
            &bytes[start..end]
        };
        let found = match keys.get(frame.hint) {
            Some((expected, _)) if **expected == *key => Some(frame.hint),
            _ => keys.iter().position(|(k, _)| **k == *key),
        };
        let Some(found) = found else {
            if top {
                self.unknown.push((start, end));
            }
            return None;
        };
        frame.hint = found + 1;
        Some(keys[found].1)
    }
}

type ScannedValue = (SlotKind, usize, usize, usize);

fn literal(bytes: &[u8], at: usize, word: &[u8], kind: SlotKind) -> Result<ScannedValue, Stop> {
    let found = &bytes[at..bytes.len().min(at + word.len())];
    if found == word {
        Ok((kind, at, at + word.len(), at + word.len()))
    } else if word.starts_with(found) {
        Err(Stop::Incomplete)
    } else {
        Err(Stop::syntax(at, "expected a value"))
    }
}

fn number(bytes: &[u8], at: usize) -> Result<ScannedValue, Stop> {
    let run = bytes[at..]
        .iter()
        .position(|b| !matches!(b, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'));
    // The bytes end with the number's: the next ones may continue it.
    let Some(length) = run else { return Err(Stop::Incomplete) };
    match scan_number(bytes, at, false) {
        Some(end) if end == at + length => Ok((SlotKind::Number, at, end, end)),
        _ => Err(Stop::syntax(at, "a number that is not written as JSON writes it")),
    }
}

/// The first position from `at` on that is not JSON white space.
pub(super) fn skip_whitespace(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\r' | b'\t') = bytes.get(at) {
        at += 1;
    }
    at
}
