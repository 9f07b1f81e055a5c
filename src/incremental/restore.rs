//! Stages the rows of unchanged objects.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::Int32Type;

use super::entry::Entry;
use super::files::{Batches, read};
use super::open::examples;
use super::{Changes, Known, Removed, Update};
use crate::decode::{BATCH_ROWS, MAX_RAW_BYTES, rejects_schema};
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
    /// the datasets in their order.
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
    ) -> Result<()> {
        let (mut inputs, mut rejected) = (InputsBuilder::default(), HashSet::new());
        for ((known, table), (name, counts)) in
            self.datasets.iter().zip(&staging.datasets).zip(counts)
        {
            let unchanged = known.objects.unchanged(self.removed);
            known.restore(out, &unchanged, table, threads).await?;
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
        let batches = Batches { rows: rows_of(MAX_RAW_BYTES), threads: 1 };
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
    /// Stages the rows of the objects `unchanged`.
    async fn restore(
        &self,
        out: &Place,
        unchanged: &[Entry],
        table: &Arc<StagingTable>,
        threads: usize,
    ) -> Result<()> {
        let with_rows = unchanged.iter().filter(|entry| entry.outcome.counts.decoded > 0);
        let live = Live::new(with_rows.map(|entry| entry.number));
        let longest = unchanged.iter().map(|entry| entry.outcome.notes.longest_text).max();
        let batches = Batches { rows: rows_of(longest.unwrap_or(0)), threads };
        for (at, part) in self.parts.iter().enumerate() {
            let end = self.parts.get(at + 1).map(|next| next.record.first);
            if !live.has_any(part.record.first, end) {
                continue;
            }
            for file in &part.record.files {
                let (live, table) = (live.clone(), table.clone());
                let schema = table.schema().clone();
                let each = move |batch| match live.select(batch)? {
                    Some(batch) => Ok(table.push(batch)?),
                    None => Ok(()),
                };
                read(out, file, &schema, batches, each).await?;
            }
        }
        Ok(())
    }
}

/// The numbers of the objects whose rows are needed.
#[derive(Clone)]
struct Live(Arc<Vec<bool>>);

impl Live {
    fn new(numbers: impl Iterator<Item = u32>) -> Live {
        let mut live = Vec::new();
        for number in numbers {
            let number = number as usize;
            if live.len() <= number {
                live.resize(number + 1, false);
            }
            live[number] = true;
        }
        Live(Arc::new(live))
    }

    fn has(&self, number: i32) -> bool {
        self.0.get(number as usize).copied().unwrap_or(false)
    }

    /// Returns `true` if a number from `first` up to but not including `end` is needed.
    fn has_any(&self, first: u32, end: Option<u32>) -> bool {
        let end = end.map_or(self.0.len(), |end| self.0.len().min(end as usize));
        self.0.get(first as usize..end).is_some_and(|live| live.contains(&true))
    }

    /// Returns the rows of the batch that are needed, or `None` if there are none. The last column has the
    /// numbers of the objects.
    fn select(&self, batch: RecordBatch) -> Result<Option<RecordBatch>> {
        let numbers = batch.column(batch.num_columns() - 1).as_primitive::<Int32Type>();
        let needed = numbers.values().iter().filter(|number| self.has(**number)).count();
        if needed == 0 || needed == batch.num_rows() {
            return Ok((needed > 0).then_some(batch));
        }
        let is_needed: BooleanArray =
            numbers.values().iter().map(|number| Some(self.has(*number))).collect();
        Ok(Some(filter_record_batch(&batch, &is_needed)?))
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Int32Array, Int64Array};
    use arrow::datatypes::{DataType, Field, Schema};

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
        let live = Live::new([3, 7].into_iter());
        let rows = |numbers: &[i32]| {
            let selected = live.select(batch(numbers)).unwrap()?;
            Some(selected.column(0).as_primitive::<arrow::datatypes::Int64Type>().values().to_vec())
        };
        assert_eq!(rows(&[3, 4, 7, 900]), Some(vec![0, 2]));
        assert_eq!(rows(&[3, 3]), Some(vec![0, 1]));
        assert_eq!(rows(&[1, 8]), None);
        assert!(live.has_any(0, Some(4)) && live.has_any(4, None));
        assert!(!live.has_any(4, Some(7)) && !live.has_any(8, None) && !live.has_any(900, None));
    }
}
