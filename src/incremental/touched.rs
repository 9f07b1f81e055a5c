//! Determines the partitions whose rows can differ from those of the previous run.
//!
//! The rows of a day depend only on the records of that day, with one exception: two records with equal
//! fingerprints but different values. Which of them keeps its fingerprint as its id depends on both. So the days
//! that share a fingerprint with a day that has changed, now or before, are touched as well, and so on.

use std::collections::{BTreeSet, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Int32Type, Int64Type};

use super::days::{Days, each_day};
use super::files::{Batches, read};
use super::numbers::Numbers;
use super::prints::Prints;
use super::{Known, Update, each_batch};
use crate::decode::{BATCH_ROWS, OBJECT_NUMBER};
use crate::error::{Error, Result};
use crate::ingest::Staging;
use crate::model::LocalTo;
use crate::storage::Place;

/// A column of a row that is scanned.
struct Row {
    day: i64,
    number: u32,
}

/// The columns that are scanned.
#[derive(Clone)]
struct Columns {
    time: String,
    fingerprints: Vec<String>,
}

impl Update {
    /// Returns the position of a dataset.
    pub(super) fn position(&self, name: &str) -> Option<usize> {
        self.datasets.iter().position(|known| known.dataset.name == name)
    }

    /// Returns `true` if the state of the previous run is usable as a whole, and has the time of the days.
    pub fn continues(&self, local: &LocalTo) -> bool {
        let known = self.position(&local.dataset).map(|at| &self.datasets[at]);
        self.reasons.is_empty() && known.is_some_and(|k| k.time.as_ref() == Some(&local.column))
    }

    /// Returns the names of the datasets that have changed, or `None` if rows of their objects before the change
    /// are missing.
    pub fn changed_datasets(&self) -> Option<BTreeSet<&str>> {
        let changed = |known: &&Known| known.objects.has_changed(self.removed);
        let changed = self.datasets.iter().filter(changed);
        changed.map(|known| known.objects.has_all_rows().then_some(&*known.dataset.name)).collect()
    }

    /// Returns the partitions whose rows can differ from those of the previous run. Beside those of changed records
    /// of the dataset in `local`, these are `joined` and those that share a fingerprint with one of them.
    ///
    /// # Errors
    ///
    /// Returns an error if rows cannot be read.
    pub async fn touched(
        &self,
        out: &Place,
        staging: &Staging,
        local: &LocalTo,
        joined: Days,
        threads: usize,
    ) -> Result<Days> {
        let mut days = joined;
        let Some(at) = self.position(&local.dataset) else { return Ok(days) };
        let (known, table) = (&self.datasets[at], &staging.datasets[at]);
        let fingerprints = known.dataset.derived.iter().map(|derived| derived.name.clone());
        let staged = |name: &String| table.schema().index_of(name).is_ok();
        let fingerprints = fingerprints.filter(staged).collect();
        let columns = Columns { time: local.column.clone(), fingerprints };
        let mut shared = HashSet::new();
        each_batch(table, |batch| {
            columns.each(&batch, |row, prints| {
                days.add(row.day);
                shared.extend(prints);
            })
        })?;
        let (live, dead) = known.objects.before(self.removed);
        if !dead.is_empty() {
            let found =
                known.scan(out, &columns, None, threads, move |row, _| dead.has(row.number));
            for (day, prints) in found.await? {
                days.add(day);
                shared.extend(prints);
            }
        }
        if columns.fingerprints.is_empty() {
            return Ok(days);
        }
        self.close(out, known, &columns, (days, shared), &live, threads).await
    }

    /// Adds the partitions that share a fingerprint with one in `days`, until there are no more.
    async fn close(
        &self,
        out: &Place,
        known: &Known,
        columns: &Columns,
        (mut days, mut shared): (Days, HashSet<i64>),
        live: &Numbers,
        threads: usize,
    ) -> Result<Days> {
        let mut added = days.clone();
        while added.len() > 0 {
            let (wanted, live_rows) = (Arc::new(added), live.clone());
            let is_wanted = wanted.clone();
            let found = known.scan(out, columns, Some(wanted), threads, move |row, _| {
                is_wanted.has(row.day) && live_rows.has(row.number)
            });
            for (_, prints) in found.await? {
                shared.extend(prints);
            }
            let prints = Arc::new(Prints::new(shared));
            // The usual case: the days are new, and share no fingerprint with others.
            if !known.has_any(out, columns, &prints, threads).await? {
                break;
            }
            let (inside, live_rows, known_prints) = (days.clone(), live.clone(), prints.clone());
            let found = known.scan(out, columns, None, threads, move |row, own| {
                own.iter().any(|print| known_prints.has(*print))
                    && live_rows.has(row.number)
                    && !inside.has(row.day)
            });
            let found = found.await?;
            shared = prints.all().clone();
            added = Days::new(days.partitioning());
            for (day, _) in found {
                if days.add(day) {
                    added.add(day);
                }
            }
        }
        Ok(days)
    }
}

impl Known {
    /// Returns `true` if a row in the parts has one of the fingerprints.
    async fn has_any(
        &self,
        out: &Place,
        columns: &Columns,
        prints: &Arc<Prints>,
        threads: usize,
    ) -> Result<bool> {
        let found = Arc::new(AtomicBool::new(false));
        let names = columns.fingerprints.clone();
        let batches =
            Batches { rows: BATCH_ROWS, threads, columns: Some(names), ..Batches::default() };
        for file in self.parts.iter().flat_map(|part| &part.record.files) {
            let (found, prints) = (found.clone(), prints.clone());
            let each = move |batch: RecordBatch| {
                for column in batch.columns() {
                    let values = column.as_primitive::<Int64Type>().values();
                    if values.iter().any(|print| prints.has(*print)) {
                        found.store(true, Ordering::Relaxed);
                    }
                }
                Ok(())
            };
            read(out, file, &self.schema, batches.clone(), each).await?;
        }
        Ok(found.load(Ordering::Relaxed))
    }

    /// Returns the days and fingerprints of the rows in the parts that `is_wanted` selects.
    async fn scan(
        &self,
        out: &Place,
        columns: &Columns,
        days: Option<Arc<Days>>,
        threads: usize,
        is_wanted: impl Fn(&Row, &[i64]) -> bool + Send + Sync + 'static,
    ) -> Result<Vec<(i64, Vec<i64>)>> {
        let found = Arc::<Mutex<Vec<(i64, Vec<i64>)>>>::default();
        let is_wanted = Arc::new(is_wanted);
        let names =
            [vec![columns.time.clone(), OBJECT_NUMBER.to_owned()], columns.fingerprints.clone()];
        let batches = Batches {
            rows: BATCH_ROWS,
            threads,
            columns: Some(names.concat()),
            days: days.map(|days| (columns.time.clone(), days)),
        };
        for file in self.parts.iter().flat_map(|part| &part.record.files) {
            let (found, columns, is_wanted) = (found.clone(), columns.clone(), is_wanted.clone());
            let each = move |batch: RecordBatch| {
                let mut own = Vec::new();
                columns.each(&batch, |row, prints| {
                    if is_wanted(&row, prints) {
                        own.push((row.day, prints.to_vec()));
                    }
                })?;
                found.lock().unwrap_or_else(PoisonError::into_inner).append(&mut own);
                Ok(())
            };
            read(out, file, &self.schema, batches.clone(), each).await?;
        }
        Ok(std::mem::take(&mut *found.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl Columns {
    /// Calls `each` with the rows of a batch and their fingerprints.
    fn each(&self, batch: &RecordBatch, mut each: impl FnMut(Row, &[i64])) -> Result<()> {
        let missing = || Error::query("days that have changed", missing_column());
        let numbers = batch.column_by_name(OBJECT_NUMBER).ok_or_else(missing)?;
        let numbers = numbers.as_primitive::<Int32Type>().values();
        let time = batch.column_by_name(&self.time).ok_or_else(missing)?;
        let prints = self.fingerprints.iter().filter_map(|name| batch.column_by_name(name));
        let prints: Vec<_> = prints.map(|column| column.as_primitive::<Int64Type>()).collect();
        let mut own = Vec::with_capacity(prints.len());
        each_day(time, |row, day| {
            own.clear();
            let of_row = prints.iter().filter(|prints| prints.is_valid(row));
            own.extend(of_row.map(|prints| prints.value(row)));
            each(Row { day, number: numbers[row] as u32 }, &own);
        })
        .ok_or_else(missing)
    }
}

fn missing_column() -> datafusion::error::DataFusionError {
    datafusion::common::internal_datafusion_err!("a column of the state is missing")
}
