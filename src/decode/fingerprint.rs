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
    key: Vec<u8>,
}

#[derive(Debug)]
struct Part {
    column: usize,
    nullable: bool,
    column_type: ColumnType,
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
        let parts = parts.map(|part| Part {
            column: part.column,
            nullable: part.nullable,
            column_type: dataset.columns[part.column].column_type,
        });
        Fingerprint { parts: parts.collect(), when, key: Vec::new() }
    }

    /// Returns the fingerprint of a row. Returns `None` if a value is null that cannot be, which the
    /// conditions of a valid model rule out.
    #[inline]
    pub fn of(&mut self, values: &[Value], referents: &impl Referents) -> Option<i64> {
        self.key.clear();
        for part in &self.parts {
            let value = values[part.column];
            let is_null = matches!(value, Value::Null);
            if part.nullable {
                self.key.push(u8::from(!is_null));
            } else if is_null {
                return None;
            }
            append(&mut self.key, part, value, referents);
        }
        Some((xxh3_64(&self.key) >> 1) as i64)
    }
}

/// Appends the bytes of a value. Null is a zero of the same size.
#[inline]
fn append(key: &mut Vec<u8>, part: &Part, value: Value, referents: &impl Referents) {
    match part.column_type {
        ColumnType::Text => {
            let text = referents.text(part.column, value).unwrap_or_default();
            key.extend_from_slice(&(text.len() as u64).to_le_bytes());
            key.extend_from_slice(text.as_bytes());
        }
        ColumnType::Boolean => key.push(u8::from(value == Value::Integer(1))),
        ColumnType::Decimal { .. } => {
            let decimal = match value {
                Value::Decimal(index) => referents.decimal(index),
                _ => 0,
            };
            key.extend_from_slice(&decimal.to_le_bytes());
        }
        _ => {
            let integer = match value {
                Value::Integer(integer) => integer,
                _ => 0,
            };
            key.extend_from_slice(&integer.to_le_bytes());
        }
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
