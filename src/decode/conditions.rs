//! The conditions of a dataset, compiled to positions of columns.

use super::convert::Value;
use crate::model::{Condition, Dataset, Literal};

/// The distinct conditions of a dataset, and whether the current row satisfies them.
#[derive(Debug, Default)]
pub(super) struct Conditions {
    distinct: Vec<Compiled>,
    holds: Vec<bool>,
}

#[derive(Debug, PartialEq, Eq)]
struct Compiled {
    column: usize,
    equals: Constant,
}

#[derive(Debug, PartialEq, Eq)]
enum Constant {
    Text(Box<str>),
    /// An integer, or a boolean as 0 or 1.
    Integer(i64),
}

impl Conditions {
    /// Adds a condition unless an equal one is known. Returns its index, or `None` if the dataset
    /// lacks the column, which a valid model rules out.
    pub fn add(&mut self, dataset: &Dataset, condition: &Condition) -> Option<usize> {
        let (column, _) = dataset.column(&condition.column)?;
        let equals = match &condition.equals {
            Literal::Text(text) => Constant::Text(text.as_str().into()),
            Literal::Integer(integer) => Constant::Integer(*integer),
            Literal::Boolean(boolean) => Constant::Integer(i64::from(*boolean)),
        };
        let compiled = Compiled { column, equals };
        let known = self.distinct.iter().position(|other| *other == compiled);
        Some(known.unwrap_or_else(|| {
            self.distinct.push(compiled);
            self.holds.push(false);
            self.holds.len() - 1
        }))
    }

    /// Evaluates all conditions for a row. `text` returns the text of a value of a column.
    #[inline]
    pub fn evaluate<'a>(
        &mut self,
        values: &[Value],
        text: impl Fn(usize, Value) -> Option<&'a str>,
    ) {
        for (condition, holds) in self.distinct.iter().zip(&mut self.holds) {
            let value = values[condition.column];
            *holds = match &condition.equals {
                Constant::Text(equals) => {
                    text(condition.column, value).is_some_and(|text| *text == **equals)
                }
                Constant::Integer(equals) => value == Value::Integer(*equals),
            };
        }
    }

    /// Returns `true` if the row satisfies the condition at `index`. Every row satisfies `None`, the
    /// absence of a condition.
    #[inline]
    pub fn holds(&self, index: Option<usize>) -> bool {
        index.is_none_or(|index| self.holds[index])
    }
}
