//! Sets of numbers of objects.

use std::sync::Arc;

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::Int32Type;

use super::days::{Days, each_day};
use crate::error::Result;

/// A set of numbers of objects. Clones share the memory.
#[derive(Clone, Default)]
pub(super) struct Numbers(Arc<Vec<bool>>);

impl Numbers {
    /// Creates a set.
    pub fn new(numbers: impl Iterator<Item = u32>) -> Numbers {
        let mut set = Vec::new();
        for number in numbers {
            let number = number as usize;
            if set.len() <= number {
                set.resize(number + 1, false);
            }
            set[number] = true;
        }
        Numbers(Arc::new(set))
    }

    /// Returns `true` if the set is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns `true` if the set has a number.
    pub fn has(&self, number: u32) -> bool {
        self.0.get(number as usize).copied().unwrap_or(false)
    }

    /// Returns `true` if the set has a number from `first` up to but not including `end`.
    pub fn has_any(&self, first: u32, end: Option<u32>) -> bool {
        let end = end.map_or(self.0.len(), |end| self.0.len().min(end as usize));
        self.0.get(first as usize..end).is_some_and(|numbers| numbers.contains(&true))
    }
}

/// The rows that are wanted of decoded rows.
#[derive(Clone)]
pub(super) struct Wanted {
    /// The objects.
    pub numbers: Numbers,
    /// A column of times and the days; `None` for all days.
    pub days: Option<(String, Arc<Days>)>,
}

impl Wanted {
    /// Returns the rows of the batch that are wanted, or `None` if there are none. The last column has the
    /// numbers of the objects.
    pub fn select(&self, batch: RecordBatch) -> Result<Option<RecordBatch>> {
        let numbers = batch.column(batch.num_columns() - 1).as_primitive::<Int32Type>();
        let numbers = numbers.values().iter().map(|number| self.numbers.has(*number as u32));
        let mut wanted: Vec<bool> = numbers.collect();
        if let Some((name, days)) = &self.days
            && let Some(times) = batch.column_by_name(name)
        {
            // Other columns have no days, so all of their rows would be wanted.
            let _ = each_day(times, |row, day| wanted[row] = wanted[row] && days.has(day));
        }
        filtered(batch, wanted)
    }
}

/// Returns the rows whose time is not on one of `days`, or `None` if there are none.
pub(super) fn on_other_days(
    batch: RecordBatch,
    time: &str,
    days: &Days,
) -> Result<Option<RecordBatch>> {
    let mut wanted = vec![true; batch.num_rows()];
    if let Some(times) = batch.column_by_name(time) {
        // Other columns have no days, so all of their rows would be wanted.
        let _ = each_day(times, |row, day| wanted[row] = !days.has(day));
    }
    filtered(batch, wanted)
}

/// Returns the rows that are wanted, or `None` if there are none.
pub(super) fn filtered(batch: RecordBatch, wanted: Vec<bool>) -> Result<Option<RecordBatch>> {
    let count = wanted.iter().filter(|is_wanted| **is_wanted).count();
    if count == 0 || count == batch.num_rows() {
        return Ok((count > 0).then_some(batch));
    }
    Ok(Some(filter_record_batch(&batch, &BooleanArray::from(wanted))?))
}

#[cfg(test)]
mod tests {
    use arrow::array::{Int32Array, Int64Array};
    use arrow::datatypes::{DataType, Field, Int64Type, Schema};

    use super::*;
    use crate::decode::OBJECT_NUMBER;

    #[test]
    fn rows_of_other_objects_are_left_out() {
        let schema = Arc::new(Schema::new(vec![
            Field::new("x", DataType::Int64, false),
            Field::new(OBJECT_NUMBER, DataType::Int32, false),
        ]));
        let batch = |numbers: &[i32]| {
            let values = Int64Array::from_iter_values(0..numbers.len() as i64);
            let numbers = Int32Array::from(numbers.to_vec());
            RecordBatch::try_new(schema.clone(), vec![Arc::new(values), Arc::new(numbers)]).unwrap()
        };
        let numbers = Numbers::new([3, 7].into_iter());
        let wanted = Wanted { numbers: numbers.clone(), days: None };
        let rows = |numbers: &[i32]| {
            let selected = wanted.select(batch(numbers)).unwrap()?;
            Some(selected.column(0).as_primitive::<Int64Type>().values().to_vec())
        };
        assert_eq!(rows(&[3, 4, 7, 900]), Some(vec![0, 2]));
        assert_eq!(rows(&[3, 3]), Some(vec![0, 1]));
        assert_eq!(rows(&[1, 8]), None);
        assert!(numbers.has_any(0, Some(4)) && numbers.has_any(4, None));
        assert!(!numbers.has_any(4, Some(7)) && !numbers.has_any(8, None));
        assert!(!numbers.has_any(900, None) && Numbers::default().is_empty());
    }
}
