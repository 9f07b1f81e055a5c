//! Sets of days.

use std::collections::BTreeSet;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Date32Type, TimestampMicrosecondType};
use chrono::NaiveDate;

use crate::star::{MICROS_PER_DAY, Partitioning, date_of, day_of};

/// The days of some partitions. Days are counted from 1970-01-01.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Days {
    partitioning: Partitioning,
    /// The first day of each partition, and the day after its last one.
    partitions: BTreeSet<(i64, i64)>,
}

impl Days {
    /// Creates the empty set.
    pub fn new(partitioning: Partitioning) -> Days {
        Days { partitioning, partitions: BTreeSet::new() }
    }

    /// Returns the partitioning.
    pub fn partitioning(&self) -> Partitioning {
        self.partitioning
    }

    /// Adds the partition of a day. Returns `false` if it is in the set.
    pub fn add(&mut self, day: i64) -> bool {
        if self.has(day) {
            return false;
        }
        let Some(date) = date_of(day) else { return false };
        let start = self.partitioning.start(date);
        let end = self.partitioning.end(start);
        self.partitions.insert((day_of(start), day_of(end)));
        true
    }

    /// Returns `true` if the set has a day.
    pub fn has(&self, day: i64) -> bool {
        self.has_any(day, day)
    }

    /// Returns `true` if the set has a day from `first` to `last`.
    pub fn has_any(&self, first: i64, last: i64) -> bool {
        let before = self.partitions.range(..=(last, i64::MAX)).next_back();
        before.is_some_and(|(_, end)| *end > first)
    }

    /// Returns the number of partitions.
    pub fn len(&self) -> usize {
        self.partitions.len()
    }

    /// Returns `true` if the set has the partition that begins with the day `from`, such as `2018-11-01`.
    pub fn has_partition(&self, from: &str) -> bool {
        let day = NaiveDate::parse_from_str(from, "%Y-%m-%d");
        day.is_ok_and(|day| self.has(day_of(day)))
    }
}

/// Calls `each` with every row and its day. Returns `None` if the column has no times.
pub(super) fn each_day(column: &dyn Array, mut each: impl FnMut(usize, i64)) -> Option<()> {
    match column.data_type() {
        DataType::Date32 => {
            let days = column.as_primitive::<Date32Type>().values();
            days.iter().enumerate().for_each(|(row, day)| each(row, (*day).into()));
        }
        DataType::Timestamp(..) => {
            let micros = column.as_primitive_opt::<TimestampMicrosecondType>()?.values();
            let days = micros.iter().map(|micros| micros.div_euclid(MICROS_PER_DAY));
            days.enumerate().for_each(|(row, day)| each(row, day));
        }
        _ => return None,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_all_days_of_its_partitions() {
        let mut days = Days::new(Partitioning::Month);
        // 1970-02-10 and 1969-12-31.
        assert!(days.add(40) && days.add(-1));
        assert!(!days.add(31));
        assert!(days.has(31) && days.has(58) && days.has(-31));
        assert!(!days.has(30) && !days.has(59) && !days.has(-32) && !days.has(0));
        assert!(days.has_any(0, 31) && days.has_any(58, 90) && days.has_any(-100, 100));
        assert!(!days.has_any(0, 30) && !days.has_any(59, 1000));
        assert_eq!(days.len(), 2);
        assert!(days.has_partition("1970-02-01") && !days.has_partition("1970-03-01"));
    }
}
