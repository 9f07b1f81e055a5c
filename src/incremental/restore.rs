//! Stages the rows of unchanged objects.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;

use super::days::Days;
use super::entry::Entry;
use super::files::{Batches, read};
use super::numbers::{Numbers, Wanted};
use super::open::examples;
use super::{Changes, Known, Removed, Touched, Update};
use crate::decode::{BATCH_ROWS, MAX_RAW_BYTES, rejects_schema};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ingest::{DatasetCounts, InputsBuilder, KnownObjects, Staging};
use crate::staging::StagingTable;
use crate::storage::Place;

/// Maximum size of a batch of texts in bytes, except that a batch has at least [`MIN_BATCH_ROWS`].
const BATCH_BYTES: usize = 8 * 1024 * 1024;

const MIN_BATCH_ROWS: usize = 16;

impl Update {
    /// Returns the known objects of a dataset, for the readers.
    pub fn known(&self, dataset: usize) -> Arc<dyn KnownObjects> {
        self.datasets[dataset].objects.clone()
    }

    /// Returns the changes, once all objects have been listed and read.
    ///
    /// # Errors
    ///
    /// Returns an error if objects are gone and the options do not say what to do with their rows, or if their
    /// rows cannot be kept.
    pub fn changes(&self) -> Result<Changes> {
        let mut changes = Changes { reasons: self.reasons.clone(), ..Changes::default() };
        let mut gone = Vec::new();
        for Known { objects, .. } in &self.datasets {
            changes += objects.changes();
            changes.unchanged += objects.unchanged(self.removed).len() as u64;
            gone.extend(objects.gone(self.removed));
        }
        let (objects, examples) = (gone.len() as u64, examples(&gone));
        changes.gone = objects;
        if objects > 0 && self.removed == Removed::Stop {
            return Err(Error::ObjectsGone { objects, examples });
        }
        if self.removed == Removed::Keep
            && !self.datasets.iter().all(|known| known.objects.can_keep())
        {
            let reason = self.reasons.first().map_or("they are missing", String::as_str).to_owned();
            return Err(Error::KeptObjects { objects, reason, examples });
        }
        Ok(changes)
    }

    /// Stages the rows, the inputs and the rejects of unchanged objects, and adds them to `counts`, which has
    /// the datasets in their order. With `only`, stages only the rows of these days.
    ///
    /// # Errors
    ///
    /// Returns an error if a file of the state cannot be read, or the rows cannot be staged.
    pub async fn restore(
        &self,
        out: &Place,
        staging: &Staging,
        counts: &mut [(String, DatasetCounts)],
        threads: usize,
        only: Option<&Touched>,
    ) -> Result<()> {
        let (mut inputs, mut rejected) = (InputsBuilder::default(), HashSet::new());
        for ((known, table), (name, counts)) in
            self.datasets.iter().zip(&staging.datasets).zip(counts)
        {
            let unchanged = known.objects.unchanged(self.removed);
            let days = only.and_then(|only| only.of(&known.dataset.name));
            known.restore(out, unchanged.iter(), table, threads, days).await?;
            for Entry { url, size, etag, is_kept, outcome, .. } in unchanged {
                counts.add(size, &outcome.counts, outcome.notes);
                counts.objects_listed += u64::from(is_kept);
                let row = inputs.append(name, &url, size, etag.as_deref(), &outcome.counts)?;
                row.map_or(Ok(()), |batch| staging.inputs.push(batch))?;
                if outcome.counts.rejected > 0 {
                    rejected.insert((name.clone(), url.to_string()));
                }
            }
        }
        inputs.flush()?.map_or(Ok(()), |batch| staging.inputs.push(batch))?;
        self.restore_rejects(out, rejected, staging).await
    }

    /// Returns the tables of the datasets as they were before this run, with only the rows of the days in `only`. Those
    /// of datasets that have not changed are those of `staging`.
    ///
    /// # Errors
    ///
    /// Returns an error if a file of the state cannot be read, or the rows cannot be staged.
    pub async fn restore_before(
        &self,
        out: &Place,
        staging: &Staging,
        engine: &Engine,
        only: &Touched,
    ) -> Result<Vec<Arc<StagingTable>>> {
        let mut tables = staging.datasets.clone();
        for (known, table) in self.datasets.iter().zip(&mut tables) {
            let days = only.of(&known.dataset.name);
            if days.is_none() && !known.objects.has_changed(self.removed) {
                continue;
            }
            let before =
                StagingTable::new("before", table.schema().clone(), engine.staging_space());
            *table = Arc::new(before);
            let earlier: Vec<&Entry> = known.objects.earlier().collect();
            known.restore(out, earlier.iter().copied(), table, engine.threads, days).await?;
        }
        Ok(tables)
    }

    /// Stages the rejects of the objects in `rejected`, each with its dataset.
    async fn restore_rejects(
        &self,
        out: &Place,
        rejected: HashSet<(String, String)>,
        staging: &Staging,
    ) -> Result<()> {
        if rejected.is_empty() {
            return Ok(());
        }
        let (rejected, table) = (Arc::new(rejected), staging.rejects.clone());
        let each = move |batch: RecordBatch| {
            let kept = filter_record_batch(&batch, &are_of(&batch, &rejected))?;
            Ok(table.push(kept)?)
        };
        let batches = Batches { rows: rows_of(MAX_RAW_BYTES), threads: 1, ..Batches::default() };
        read(out, &self.rejects, &rejects_schema(), batches, each).await
    }
}

/// Returns for each reject whether its dataset and object are in `objects`.
fn are_of(rejects: &RecordBatch, objects: &HashSet<(String, String)>) -> BooleanArray {
    let text = |name: &str| rejects.column_by_name(name).map(|c| c.as_string::<i32>());
    let (Some(datasets), Some(urls)) = (text("dataset"), text("object")) else {
        return BooleanArray::from(vec![false; rejects.num_rows()]);
    };
    let keys = datasets.iter().zip(urls).map(|(dataset, url)| {
        let key = (dataset.unwrap_or_default().to_owned(), url.unwrap_or_default().to_owned());
        Some(objects.contains(&key))
    });
    keys.collect()
}

/// Returns the number of rows of a batch whose longest text has `longest_text` bytes.
fn rows_of(longest_text: usize) -> usize {
    (BATCH_BYTES / longest_text.max(1)).clamp(MIN_BATCH_ROWS, BATCH_ROWS)
}

impl Known {
    /// Stages the rows of `objects` in the parts, or those of some days.
    pub(super) async fn restore<'e>(
        &self,
        out: &Place,
        objects: impl Iterator<Item = &'e Entry> + Clone,
        table: &Arc<StagingTable>,
        threads: usize,
        days: Option<(String, Arc<Days>)>,
    ) -> Result<()> {
        let with_rows = objects.clone().filter(|entry| entry.outcome.counts.decoded > 0);
        let numbers = Numbers::new(with_rows.map(|entry| entry.number));
        let longest = objects.map(|entry| entry.outcome.notes.longest_text).max().unwrap_or(0);
        let batches =
            Batches { rows: rows_of(longest), threads, columns: None, days: days.clone() };
        for (at, part) in self.parts.iter().enumerate() {
            let end = self.parts.get(at + 1).map(|next| next.record.first);
            if !numbers.has_any(part.record.first, end) {
                continue;
            }
            for file in &part.record.files {
                let wanted = Wanted { numbers: numbers.clone(), days: days.clone() };
                let table = table.clone();
                let each = move |batch| match wanted.select(batch)? {
                    Some(batch) => Ok(table.push(batch)?),
                    None => Ok(()),
                };
                read(out, file, &self.schema, batches.clone(), each).await?;
            }
        }
        Ok(())
    }
}
