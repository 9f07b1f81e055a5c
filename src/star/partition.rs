//! Partitions: the rows of a table of one day or month have their own files.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Date32Type, TimestampMicrosecondType};
use chrono::{Datelike, Months, NaiveDate, TimeDelta};
use futures::TryStreamExt;
use object_store::ObjectStoreExt;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3;

use super::files_hash::FilesHasher;
use super::model::Table;
use super::record::{FileRecord, RunRecord, TableRecord};
use crate::error::{Error, Result};
use crate::model::ColumnType;
use crate::storage::{Place, StorageError};

/// Microseconds of a day.
pub(crate) const MICROS_PER_DAY: i64 = 86_400_000_000;

/// The partitioning of the tables whose rows are sorted by a time: those whose first column of `sorted_by` is
/// a timestamp or a date that is never null.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Partitioning {
    /// One partition for all rows.
    #[default]
    None,
    /// One partition per day, UTC.
    Day,
    /// One partition per month, UTC.
    Month,
}

/// The rows of a partition of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionRecord {
    /// The first day of the partition, such as `2018-11-01`.
    pub from: String,
    /// Number of rows.
    pub rows: u64,
    /// Size of the files in bytes.
    pub bytes: u64,
    /// Number of files. The files of a table are in the order of its partitions.
    pub files: usize,
    /// Length of the longest value by text column, in bytes of UTF-8.
    pub max_text_bytes: BTreeMap<String, u64>,
    /// Number of nulls by column.
    pub nulls: BTreeMap<String, u64>,
    /// Hash of the bytes of the files: XXH3-128 in hexadecimal.
    pub hash: String,
}

impl Partitioning {
    /// Returns the value of `--partition`: `none`, `day` or `month`.
    pub fn as_str(self) -> &'static str {
        match self {
            Partitioning::None => "none",
            Partitioning::Day => "day",
            Partitioning::Month => "month",
        }
    }

    /// Returns the position of the column that a table is partitioned by, or `None` if it has one partition.
    pub fn column(self, table: &Table) -> Option<usize> {
        let first = table.sorted_by.first()?;
        let at = table.columns.iter().position(|column| column.name == *first)?;
        let column = &table.columns[at];
        let is_time = matches!(column.column_type, ColumnType::Timestamp | ColumnType::Date);
        (self != Partitioning::None && is_time && !column.nullable).then_some(at)
    }

    /// Returns the partitioning with this value of `--partition`, or [`Partitioning::None`] for other texts.
    pub(crate) fn named(name: &str) -> Partitioning {
        match name {
            "day" => Partitioning::Day,
            "month" => Partitioning::Month,
            _ => Partitioning::None,
        }
    }

    /// Returns the first day of the partition that contains `day`.
    pub fn start(self, day: NaiveDate) -> NaiveDate {
        match self {
            Partitioning::None => NaiveDate::MIN,
            Partitioning::Day => day,
            Partitioning::Month => day.with_day(1).unwrap_or(day),
        }
    }

    /// Returns the first day after the partition that begins with `start`.
    pub fn end(self, start: NaiveDate) -> NaiveDate {
        let end = match self {
            Partitioning::None => None,
            Partitioning::Day => start.succ_opt(),
            Partitioning::Month => start.checked_add_months(Months::new(1)),
        };
        end.unwrap_or(NaiveDate::MAX)
    }
}

impl RunRecord {
    /// Returns the hash of the tables, XXH3-128 in hexadecimal, or an empty text if a table lacks its hash.
    pub(crate) fn hash_tables(&self) -> String {
        let mut hasher = Xxh3::new();
        for (name, table) in &self.tables {
            if table.hash.is_empty() {
                return String::new();
            }
            hasher.update(format!("{name}\0{}\0", table.hash).as_bytes());
        }
        format!("{:032x}", hasher.digest128())
    }
}

impl TableRecord {
    /// Returns the record of a table with these partitions and their files, in the order of their rows.
    pub(crate) fn of_partitions(
        partitions: impl IntoIterator<Item = (PartitionRecord, Vec<FileRecord>)>,
    ) -> TableRecord {
        let (mut record, mut hasher) = (TableRecord::default(), Xxh3::new());
        for (partition, files) in partitions {
            hasher.update(format!("{}\0{}\0", partition.from, partition.hash).as_bytes());
            record.rows += partition.rows;
            record.bytes += partition.bytes;
            for (column, nulls) in &partition.nulls {
                *record.nulls.entry(column.clone()).or_default() += nulls;
            }
            for (column, bytes) in &partition.max_text_bytes {
                let longest = record.max_text_bytes.entry(column.clone()).or_default();
                *longest = (*longest).max(*bytes);
            }
            record.files.extend(files);
            record.partitions.push(partition);
        }
        record.hash = format!("{:032x}", hasher.digest128());
        record
    }

    /// Returns the contents of the partitions, or the content of the table if it has none.
    pub(crate) fn contents(&self) -> Vec<Content<'_>> {
        if self.partitions.is_empty() {
            return vec![self.content()];
        }
        let mut rest = &self.files[..];
        let contents = self.partitions.iter().map(|partition| {
            let (files, after) = rest.split_at(partition.files.min(rest.len()));
            rest = after;
            Content { from: &partition.from, rows: partition.rows, hash: &partition.hash, files }
        });
        contents.collect()
    }

    /// Returns the contents by first day, which is empty for the content of the whole table. A table with partitions
    /// that has no rows has none.
    pub(crate) fn contents_by_day(
        &self,
        partitioning: Partitioning,
    ) -> BTreeMap<&str, Content<'_>> {
        let contents = match partitioning {
            Partitioning::None => vec![self.content()],
            Partitioning::Day | Partitioning::Month => {
                let mut contents = self.contents();
                contents.retain(|content| !content.from.is_empty() || content.rows > 0);
                contents
            }
        };
        contents.into_iter().map(|content| (content.from, content)).collect()
    }

    /// Returns the content of the whole table.
    pub(crate) fn content(&self) -> Content<'_> {
        Content { from: "", rows: self.rows, hash: &self.hash, files: &self.files }
    }

    /// Returns the partitions with their files.
    pub(crate) fn split(self) -> Vec<(PartitionRecord, Vec<FileRecord>)> {
        let mut files = self.files.into_iter();
        let partitions = self.partitions.into_iter();
        partitions
            .map(|partition| {
                let own = files.by_ref().take(partition.files).collect();
                (partition, own)
            })
            .collect()
    }
}

/// Returns the date of a day counted from 1970-01-01, or `None` if no date can represent it.
pub(crate) fn date_of(day: i64) -> Option<NaiveDate> {
    NaiveDate::default().checked_add_signed(TimeDelta::try_days(day)?)
}

/// Returns the number of days from 1970-01-01 to a date.
pub(crate) fn day_of(date: NaiveDate) -> i64 {
    date.signed_duration_since(NaiveDate::default()).num_days()
}

/// The content of a partition, or of a table without partitions.
pub(crate) struct Content<'a> {
    /// The first day; empty for a table without partitions.
    pub from: &'a str,
    /// Number of rows.
    pub rows: u64,
    /// Hash of the bytes of the files; empty in records that lack it.
    pub hash: &'a str,
    /// Records of the files, in the order of their rows.
    pub files: &'a [FileRecord],
}

impl Content<'_> {
    /// Reads the files and compares their bytes with the hash, if there is one.
    ///
    /// # Errors
    ///
    /// Returns an error if a file cannot be read, or the bytes are not those that were written.
    pub async fn verify(&self, out: &Place) -> Result<()> {
        let mut hasher = FilesHasher::default();
        for file in self.files {
            let place = out.child(&file.path);
            let failed = |source| StorageError::read(&place.to_string(), source);
            let found = place.store.get(place.path()).await.map_err(failed)?;
            let (mut bytes, mut of_file) = (found.into_stream(), Xxh3::new());
            while let Some(chunk) = bytes.try_next().await.map_err(failed)? {
                of_file.update(&chunk);
            }
            hasher.add(of_file.digest128());
        }
        let found = hasher.finish();
        match self.files.first() {
            Some(first) if !self.hash.is_empty() && found != self.hash => {
                let url = out.child(&first.path).to_string();
                let reason = "its bytes, or those of the next files of the table, have changed";
                Err(Error::StarFile { url, reason: reason.to_owned() })
            }
            _ => Ok(()),
        }
    }
}

/// Times in ascending order: timestamps in microseconds, or dates.
pub(crate) enum Times<'a> {
    Micros(&'a [i64]),
    Days(&'a [i32]),
}

impl<'a> Times<'a> {
    /// Returns the values of a column, or `None` if it has another type or nulls.
    pub fn of(column: &'a dyn Array) -> Option<Times<'a>> {
        if column.null_count() > 0 {
            return None;
        }
        match column.data_type() {
            DataType::Date32 => Some(Times::Days(column.as_primitive::<Date32Type>().values())),
            DataType::Timestamp(..) => {
                let micros = column.as_primitive_opt::<TimestampMicrosecondType>()?;
                Some(Times::Micros(micros.values()))
            }
            _ => None,
        }
    }

    /// Returns the day of the value at `row`, or `None` if there is no such row.
    pub fn day(&self, row: usize) -> Option<NaiveDate> {
        let days = match self {
            Times::Micros(micros) => micros.get(row)?.div_euclid(MICROS_PER_DAY),
            Times::Days(days) => i64::from(*days.get(row)?),
        };
        date_of(days)
    }

    /// Returns the number of values before the day `end`.
    pub fn count_before(&self, end: NaiveDate) -> usize {
        let days = day_of(end);
        match self {
            Times::Micros(micros) => {
                micros.partition_point(|micros| micros.div_euclid(MICROS_PER_DAY) < days)
            }
            Times::Days(values) => values.partition_point(|day| i64::from(*day) < days),
        }
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Date32Array, Int64Array, TimestampMicrosecondArray};

    use super::*;
    use crate::model::Model;

    fn date(year: i32, month: u32, day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(year, month, day).unwrap()
    }

    #[test]
    fn tables_sorted_by_a_time_are_partitioned() {
        let model = Model::built_in();
        let partitioned = |partitioning: Partitioning| {
            let tables = model.tables.iter();
            let tables = tables.filter(|table| partitioning.column(table).is_some());
            tables.map(|table| table.name.as_str()).collect::<Vec<_>>()
        };
        assert_eq!(partitioned(Partitioning::Day), ["songplays", "time"]);
        assert_eq!(partitioned(Partitioning::Month), ["songplays", "time"]);
        assert!(partitioned(Partitioning::None).is_empty());
    }

    #[test]
    fn partitions_are_days_and_months() {
        for (partitioning, day, start, end) in [
            (Partitioning::Day, date(2018, 11, 30), date(2018, 11, 30), date(2018, 12, 1)),
            (Partitioning::Month, date(2018, 11, 30), date(2018, 11, 1), date(2018, 12, 1)),
            (Partitioning::Month, date(2020, 2, 29), date(2020, 2, 1), date(2020, 3, 1)),
            (Partitioning::Day, date(9999, 12, 31), date(9999, 12, 31), date(10000, 1, 1)),
            (Partitioning::Month, date(1, 1, 1), date(1, 1, 1), date(1, 2, 1)),
        ] {
            assert_eq!(partitioning.start(day), start);
            assert_eq!(partitioning.end(start), end);
        }
    }

    #[test]
    fn times_are_divided_by_day() {
        let micros = [-62_135_596_800_000_000, -1, 0, MICROS_PER_DAY - 1, MICROS_PER_DAY];
        let column = TimestampMicrosecondArray::from(micros.to_vec());
        let times = Times::of(&column).unwrap();
        let days: Vec<NaiveDate> = (0..5).map(|row| times.day(row).unwrap()).collect();
        let expected = [(1, 1, 1), (1969, 12, 31), (1970, 1, 1), (1970, 1, 1), (1970, 1, 2)];
        assert_eq!(days, expected.map(|(year, month, day)| date(year, month, day)));
        assert!(times.day(5).is_none());
        assert_eq!(times.count_before(date(1970, 1, 1)), 2);
        assert_eq!(times.count_before(date(1970, 1, 2)), 4);
        assert_eq!(times.count_before(NaiveDate::MAX), 5);
        let column = Date32Array::from(vec![-1, 0, 1]);
        let times = Times::of(&column).unwrap();
        assert_eq!(times.day(0), Some(date(1969, 12, 31)));
        assert_eq!(times.count_before(date(1970, 1, 1)), 1);
        assert!(Times::of(&Date32Array::from(vec![None, Some(1)])).is_none());
        assert!(Times::of(&Int64Array::from(vec![1])).is_none());
    }
}
