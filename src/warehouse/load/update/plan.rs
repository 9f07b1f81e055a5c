//! Determines which rows of the tables differ from the files.

use std::collections::BTreeSet;

use chrono::{Datelike, NaiveDate};

use super::partitions::Contents;
use crate::star::{Partitioning, TableRecord};
use crate::warehouse::load::Prepared;

/// The year after which times of a star cannot lie.
const MAX_YEAR: i32 = 9999;

/// The reason why a load replaces all tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SwapReason {
    /// The options demand it.
    Forced,
    /// No load has recorded what the tables contain.
    NoRecord,
    /// The run record of the star has no hashes.
    NoHashes,
    /// A table is missing, or another relation has its name.
    Missing(String),
    /// The definition of a table differs, such as the length of a text.
    Design(String),
    /// A table does not have the expected number of rows after the update.
    Changed(String),
    /// The new rows violate a constraint of the tables.
    Conflict,
    /// Too many rows of a table are gone that others can reference without an index.
    ManyGone(String),
    /// More than half of the rows differ.
    MostRows,
    /// The share of a table's rows that are not sorted, in percent.
    Unsorted(String, u32),
    /// The manifests for COPY cannot be written.
    Manifest(String),
}

impl std::fmt::Display for SwapReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            SwapReason::Forced => f.write_str("--force"),
            SwapReason::NoRecord => f.write_str("no load has recorded their partitions yet"),
            SwapReason::NoHashes => f.write_str("the star was made by a version without hashes"),
            SwapReason::Missing(table) => write!(f, "{table} does not exist"),
            SwapReason::Design(table) => write!(f, "{table} has another definition"),
            SwapReason::Changed(table) => write!(f, "{table} was changed by others"),
            SwapReason::Conflict => {
                f.write_str("the new rows conflict with rows that others have changed")
            }
            SwapReason::ManyGone(table) => {
                write!(f, "many rows of {table} are gone, and references to it have no index")
            }
            SwapReason::MostRows => f.write_str("more than half of the rows differ"),
            SwapReason::Unsorted(table, percent) => {
                write!(f, "{percent} % of the rows of {table} are not sorted")
            }
            SwapReason::Manifest(reason) => write!(f, "a manifest cannot be written: {reason}"),
        }
    }
}

/// The days whose rows differ: from the first day up to but not including the second one, or all later days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Days {
    pub from: NaiveDate,
    pub end: Option<NaiveDate>,
}

/// The rows of a table that differ.
#[derive(Debug, Clone)]
pub(super) struct TableChange {
    /// Position of the table in load order.
    pub at: usize,
    /// The days, and the column of the time; `None` if the table has no partitions.
    pub days: Option<(String, Vec<Days>)>,
    /// Number of rows in the warehouse.
    pub deleted: u64,
    /// The rows to copy.
    pub copied: TableRecord,
}

/// The partitions that differ, and their rows by table.
#[derive(Debug, Clone, Default)]
pub(super) struct Plan {
    pub tables: Vec<TableChange>,
    /// The partitions, as keys of the contents.
    pub keys: Vec<(String, String)>,
    /// Number of all partitions of the star.
    pub partitions: usize,
}

impl Plan {
    /// Compares the partitions in the warehouse with those of the star.
    ///
    /// # Errors
    ///
    /// Returns the reason if all tables are to be replaced.
    pub fn new(star: &Prepared, expected: &Contents, found: &Contents) -> Result<Plan, SwapReason> {
        let names: BTreeSet<&String> = expected.keys().map(|(table, _)| table).collect();
        for ((table, _), partition) in found {
            let design = expected.range((table.clone(), String::new())..).next();
            let is_same = design
                .is_some_and(|((name, _), now)| name == table && now.design == partition.design);
            if !is_same {
                return Err(SwapReason::Design(table.clone()));
            }
        }
        if let Some(missing) =
            names.iter().find(|name| found.keys().all(|(table, _)| table != **name))
        {
            return Err(SwapReason::Missing((**missing).clone()));
        }
        let keys: BTreeSet<&(String, String)> = expected.keys().chain(found.keys()).collect();
        let differs = |key: &&&(String, String)| {
            let hash = |contents: &Contents| contents.get(**key).map(|p| p.hash.clone());
            hash(expected) != hash(found)
        };
        let keys: Vec<(String, String)> =
            keys.iter().filter(differs).map(|k| (*k).clone()).collect();
        let mut plan = Plan { tables: Vec::new(), keys, partitions: expected.len() };
        for (at, design) in star.designs.iter().enumerate() {
            let name = &design.table.name;
            let days = plan.keys.iter().filter(|(table, _)| table == name).map(|(_, day)| &**day);
            let days: BTreeSet<&str> = days.collect();
            if days.is_empty() {
                continue;
            }
            let Some(table) = star.record.tables.get(name) else { continue };
            let rows = |day: &&str| found.get(&(name.clone(), (*day).to_owned())).map(|p| p.rows);
            let deleted = days.iter().filter_map(rows).sum();
            let column = design.table.sorted_by.first().cloned().unwrap_or_default();
            let partitioning = Partitioning::named(&star.record.options.partition);
            let ranges = ranges(partitioning, &days).map(|ranges| (column, ranges));
            let copied = selected(table, &days);
            plan.tables.push(TableChange { at, days: ranges, deleted, copied });
        }
        let changed: u64 = plan.tables.iter().map(|t| t.deleted.max(t.copied.rows)).sum();
        let all: u64 = expected.values().map(|partition| partition.rows).sum();
        if changed * 2 > all && changed > 0 {
            return Err(SwapReason::MostRows);
        }
        Ok(plan)
    }
}

/// Returns the days of the partitions that begin with `days`, as few ranges. `None` if the table has no
/// partitions, before or after.
fn ranges(partitioning: Partitioning, days: &BTreeSet<&str>) -> Option<Vec<Days>> {
    let mut ranges: Vec<Days> = Vec::new();
    for day in days {
        let from = NaiveDate::parse_from_str(day, "%Y-%m-%d").ok()?;
        let end = Some(partitioning.end(from)).filter(|end| end.year() <= MAX_YEAR);
        match ranges.last_mut() {
            Some(last) if last.end == Some(from) => last.end = end,
            _ => ranges.push(Days { from, end }),
        }
    }
    Some(ranges)
}

/// Returns the record of the partitions of a table that begin with `days`, or of the whole table if it has no
/// partitions.
fn selected(table: &TableRecord, days: &BTreeSet<&str>) -> TableRecord {
    if table.partitions.is_empty() {
        return if days.contains("") { table.clone() } else { TableRecord::default() };
    }
    let partitions = table.clone().split().into_iter();
    TableRecord::of_partitions(partitions.filter(|(p, _)| days.contains(p.from.as_str())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(year: i32, month: u32, day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(year, month, day).unwrap()
    }

    #[test]
    fn consecutive_days_are_one_range() {
        let days = ["2018-11-01", "2018-11-02", "2018-11-04", "9999-12-31"];
        let found = ranges(Partitioning::Day, &days.into_iter().collect()).unwrap();
        let days = |from, end| Days { from, end };
        assert_eq!(
            found,
            [
                days(date(2018, 11, 1), Some(date(2018, 11, 3))),
                days(date(2018, 11, 4), Some(date(2018, 11, 5))),
                days(date(9999, 12, 31), None),
            ]
        );
        let months = ["2018-11-01", "2018-12-01"];
        let found = ranges(Partitioning::Month, &months.into_iter().collect()).unwrap();
        assert_eq!(found, [days(date(2018, 11, 1), Some(date(2019, 1, 1)))]);
        assert!(ranges(Partitioning::Day, &[""].into_iter().collect()).is_none());
    }
}
