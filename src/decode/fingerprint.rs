//! Fingerprints: hashes of the values of several columns, which serve as keys.

use xxhash_rust::xxh3::xxh3_64;

use super::convert::Value;
use crate::model::{ColumnType, Dataset, Derived};

/// Computes a derived column. [`Dataset::fingerprint_parts`] defines the bytes that are hashed.
#[derive(Debug)]
pub(super) struct Fingerprint {
    parts: Vec<Part>,
    /// Index of the condition of the column among the conditions of the dataset.
    pub when: Option<usize>,
    /// The bytes that are hashed. If no part is text, the parts have fixed places.
    key: Vec<u8>,
    has_texts: bool,
}

#[derive(Debug)]
struct Part {
    column: usize,
    nullable: bool,
    column_type: ColumnType,
    /// Place of the value in the key, if no part is text.
    at: usize,
}

impl Part {
    /// Returns the number of bytes of a value that is not text.
    fn size(&self) -> usize {
        match self.column_type {
            ColumnType::Boolean => 1,
            ColumnType::Decimal { .. } => 16,
            _ => 8,
        }
    }
}

/// The texts and decimals that values refer to.
pub(super) trait Referents {
    /// Returns the text of a value of `column`.
    fn text(&self, column: usize, value: Value) -> Option<&str>;
    /// Returns a decimal, multiplied by ten to the power of its scale.
    fn decimal(&self, index: u32) -> i128;
}

impl Fingerprint {
    pub fn new(dataset: &Dataset, derived: &Derived, when: Option<usize>) -> Fingerprint {
        let parts = dataset.fingerprint_parts(derived).into_iter();
        let mut length = 0;
        let parts = parts.map(|part| {
            let column_type = dataset.columns[part.column].column_type;
            let at = length + usize::from(part.nullable);
            let part = Part { column: part.column, nullable: part.nullable, column_type, at };
            length = at + part.size();
            part
        });
        let parts: Vec<Part> = parts.collect();
        let has_texts = parts.iter().any(|part| part.column_type == ColumnType::Text);
        Fingerprint { parts, when, key: vec![0; length], has_texts }
    }

    /// Returns the fingerprint of a row. Returns `None` if a value is null that cannot be, which the
    /// conditions of a valid model rule out.
    #[inline]
    pub fn of(&mut self, values: &[Value], referents: &impl Referents) -> Option<i64> {
        if self.has_texts {
            self.key.clear();
        }
        for part in &self.parts {
            let value = values[part.column];
            let is_null = matches!(value, Value::Null);
            if is_null && !part.nullable {
                return None;
            }
            if self.has_texts {
                if part.nullable {
                    self.key.push(u8::from(!is_null));
                }
                append(&mut self.key, part, value, referents);
                continue;
            }
            if part.nullable {
                self.key[part.at - 1] = u8::from(!is_null);
            }
            let place = &mut self.key[part.at..part.at + part.size()];
            match part.column_type {
                ColumnType::Boolean => place[0] = u8::from(value == Value::Integer(1)),
                ColumnType::Decimal { .. } => {
                    place.copy_from_slice(&decimal(value, referents).to_le_bytes());
                }
                _ => place.copy_from_slice(&integer(value).to_le_bytes()),
            }
        }
        Some((xxh3_64(&self.key) >> 1) as i64)
    }
}

#[inline]
fn integer(value: Value) -> i64 {
    if let Value::Integer(integer) = value { integer } else { 0 }
}

fn decimal(value: Value, referents: &impl Referents) -> i128 {
    if let Value::Decimal(index) = value { referents.decimal(index) } else { 0 }
}

/// Appends the bytes of a value. Null is a zero of the same size.
fn append(key: &mut Vec<u8>, part: &Part, value: Value, referents: &impl Referents) {
    match part.column_type {
        ColumnType::Text => {
            let text = referents.text(part.column, value).unwrap_or_default();
            key.extend_from_slice(&(text.len() as u64).to_le_bytes());
            key.extend_from_slice(text.as_bytes());
        }
        ColumnType::Boolean => key.push(u8::from(value == Value::Integer(1))),
        ColumnType::Decimal { .. } => {
            key.extend_from_slice(&decimal(value, referents).to_le_bytes());
        }
        _ => key.extend_from_slice(&integer(value).to_le_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Model;

    struct Nothing;

    impl Referents for Nothing {
        fn text(&self, _: usize, _: Value) -> Option<&str> {
            None
        }

        fn decimal(&self, _: u32) -> i128 {
            0
        }
    }

    fn play(ts: i64, user: i64, session: i64, item: Option<i64>) -> i64 {
        let model = Model::built_in();
        let events = model.dataset("logs").unwrap();
        let mut values = vec![Value::Null; events.columns.len()];
        let mut set = |name: &str, value: i64| {
            values[events.column(name).unwrap().0] = Value::Integer(value);
        };
        set("ts", ts);
        set("userId", user);
        set("sessionId", session);
        if let Some(item) = item {
            set("itemInSession", item);
        }
        Fingerprint::new(events, &events.derived[0], None).of(&values, &Nothing).unwrap()
    }

    #[test]
    fn the_value_never_changes() {
        assert_eq!(play(1_541_106_106_796, 8, 139, Some(1)), 4_453_858_089_891_510_293);
        assert_ne!(play(1, 2, 3, None), play(1, 2, 3, Some(0)));
        assert!((0..1000).all(|i| play(i, 2, 3, None) >= 0));
    }
}
