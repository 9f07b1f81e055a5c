//! Writes the state for the next run.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::Int32Type;

use super::entry::{self, Entry};
use super::parts::{kept, live};
use super::{FORMAT, Known, Update};
use crate::error::{Error, Result};
use crate::ingest::Staging;
use crate::publish::Publication;
use crate::staging::{BatchCursor, StagingTable};
use crate::star::{DatasetState, FileRecord, PartRecord, StateRecord};

/// Number of objects per batch.
const BATCH_OBJECTS: usize = 4096;

impl Update {
    /// Writes the state of the run, whose rows are all in `staging`.
    ///
    /// # Errors
    ///
    /// Returns an error if the staged rows cannot be read or a file cannot be written.
    pub async fn write(&self, publication: &Publication, staging: &Staging) -> Result<StateRecord> {
        let (mut datasets, mut kept) = (BTreeMap::new(), 0);
        let mut sink = publication.objects_sink(entry::schema());
        for (known, table) in self.datasets.iter().zip(&staging.datasets) {
            let unchanged = known.objects.unchanged(self.removed);
            let read = known.objects.read();
            kept += unchanged.iter().filter(|entry| entry.is_kept).count() as u64;
            let parts =
                known.write_rows(publication, table, &unchanged, &read, self.first_number).await?;
            let name = known.dataset.name.clone();
            let mut all: Vec<&Entry> = unchanged.iter().chain(&read).collect();
            all.sort_by_key(|entry| entry.number);
            for entries in all.chunks(BATCH_OBJECTS) {
                sink.write(entry::to_batch(&name, entries)?).await?;
            }
            datasets.insert(name, DatasetState { fingerprint: known.fingerprint.clone(), parts });
        }
        let objects = sink.finish().await?.files.into_iter().next().unwrap_or_default();
        Ok(StateRecord { format: FORMAT, objects, next_number: self.next_number(), kept, datasets })
    }

    fn next_number(&self) -> u32 {
        let numbers = self.datasets.iter().map(|known| known.objects.next_number());
        numbers.max().unwrap_or(self.first_number)
    }
}

impl Known {
    /// Writes the rows that no part to be kept has. Returns the parts of the new state.
    async fn write_rows(
        &self,
        publication: &Publication,
        table: &Arc<StagingTable>,
        unchanged: &[Entry],
        read: &[Entry],
        first_number: u32,
    ) -> Result<Vec<PartRecord>> {
        let records = |entry: &Entry| entry.outcome.counts.decoded;
        let mut parts: Vec<PartRecord> =
            self.parts.iter().map(|part| part.record.clone()).collect();
        let needed = unchanged.iter().map(|entry| (entry.number, records(entry)));
        let live = live(&parts, needed);
        let added: u64 = read.iter().map(records).sum();
        let kept = kept(&parts, &live, added);
        let records = added + live[kept..].iter().sum::<u64>();
        let first = match parts.get(kept) {
            _ if kept == 0 => 0,
            None => first_number,
            Some(part) => part.first,
        };
        parts.truncate(kept);
        if records > 0 {
            let files = write_from(publication, &self.dataset.name, table, first).await?;
            parts.push(PartRecord { first, records, files });
        }
        Ok(parts)
    }
}

/// Writes the staged rows of the objects from number `first` on.
async fn write_from(
    publication: &Publication,
    dataset: &str,
    table: &Arc<StagingTable>,
    first: u32,
) -> Result<Vec<FileRecord>> {
    let mut sink = publication.rows_sink(dataset, table.schema().clone());
    let mut batches = Arc::new(table.batches(None)?).read(BatchCursor::default());
    loop {
        // Spilled batches are read from disk.
        let next = tokio::task::spawn_blocking(move || (batches.next(), batches)).await?;
        batches = next.1;
        let Some(batch) = next.0 else { break };
        if let Some(batch) = rows_from(batch?, first)? {
            sink.write(batch).await?;
        }
    }
    Ok(sink.finish().await?.files)
}

/// Returns the rows of the objects from number `first` on, or `None` if there are none.
fn rows_from(batch: RecordBatch, first: u32) -> Result<Option<RecordBatch>> {
    let numbers = batch.column(batch.num_columns() - 1).as_primitive::<Int32Type>();
    let is_wanted = |number: &i32| *number as u32 >= first;
    let wanted = numbers.values().iter().filter(|number| is_wanted(number)).count();
    if wanted == 0 || wanted == batch.num_rows() {
        return Ok((wanted > 0).then_some(batch));
    }
    let are_wanted: BooleanArray = numbers.values().iter().map(|n| Some(is_wanted(n))).collect();
    Ok(Some(filter_record_batch(&batch, &are_wanted).map_err(Error::from)?))
}
