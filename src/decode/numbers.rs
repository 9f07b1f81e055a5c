//! The values of a column of numbers in an unfinished batch.

use arrow::array::PrimitiveArray;
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer, ScalarBuffer};
use arrow::datatypes::ArrowPrimitiveType;

use super::columns::BATCH_ROWS;

/// Number of rows per word of the validity.
const WORD_ROWS: usize = u64::BITS as usize;

/// Collects numbers. Unlike Arrow's builder, it is small enough to be inlined where rows
/// are appended.
pub(super) struct Numbers<T: ArrowPrimitiveType> {
    values: Vec<T::Native>,
    /// One bit per row, set if the row has a value.
    validity: Vec<u64>,
    nulls: usize,
}

impl<T: ArrowPrimitiveType> Default for Numbers<T> {
    fn default() -> Self {
        // Growing to the capacity of a batch would copy the values many times.
        Numbers {
            values: Vec::with_capacity(BATCH_ROWS),
            validity: Vec::with_capacity(BATCH_ROWS / WORD_ROWS),
            nulls: 0,
        }
    }
}

impl<T: ArrowPrimitiveType> Numbers<T> {
    /// Appends a value or null.
    #[inline(always)]
    pub fn append(&mut self, value: Option<T::Native>) {
        let row = self.values.len();
        if row.is_multiple_of(WORD_ROWS) {
            self.validity.push(0);
        }
        if let Some(word) = self.validity.last_mut() {
            *word |= u64::from(value.is_some()) << (row % WORD_ROWS);
        }
        self.nulls += usize::from(value.is_none());
        self.values.push(value.unwrap_or_default());
    }

    /// Returns the values so far, in memory of about their size, and removes them.
    pub fn take(&mut self) -> PrimitiveArray<T> {
        let taken = std::mem::take(self);
        let rows = taken.values.len();
        let nulls = (taken.nulls > 0)
            .then(|| NullBuffer::new(BooleanBuffer::new(Buffer::from(taken.validity), 0, rows)));
        let mut values = taken.values;
        if rows < BATCH_ROWS {
            values.shrink_to_fit();
        }
        PrimitiveArray::new(ScalarBuffer::from(values), nulls)
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::Array;
    use arrow::datatypes::Int32Type;

    use super::*;

    #[test]
    fn numbers_and_nulls_are_those_appended() {
        for rows in [0, 1, 63, 64, 65, BATCH_ROWS] {
            for nulls_every in [1, 3, usize::MAX] {
                let mut numbers = Numbers::<Int32Type>::default();
                let value =
                    |row: usize| (row % nulls_every != nulls_every - 1).then_some(row as i32);
                for _ in 0..2 {
                    (0..rows).for_each(|row| numbers.append(value(row)));
                    let array = numbers.take();
                    assert_eq!(array.len(), rows);
                    assert_eq!(
                        array.iter().collect::<Vec<_>>(),
                        (0..rows).map(value).collect::<Vec<_>>()
                    );
                    assert_eq!(array.nulls().is_some(), (0..rows).any(|row| value(row).is_none()));
                }
            }
        }
    }
}
