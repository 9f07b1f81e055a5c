//! Writes the state for the next run.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Int32Type;

use super::entry::{self, Entry};
use super::numbers::filtered;
use super::parts::{kept, live};
use super::{FORMAT, Known, Latest, Update, each_batch};
use crate::engine::Engine;
use crate::error::Result;
use crate::ingest::Staging;
use crate::publish::Publication;
use crate::staging::{BatchCursor, StagingTable};
use crate::star::{DatasetState, FileRecord, PartRecord, StateRecord};

/// Number of objects per batch.
const BATCH_OBJECTS: usize = 4096;

/// The run that writes a state.
struct Writing<'a> {
    publication: &'a Publication,
    engine: &'a Engine,
    first_number: u32,
    /// `true` if all rows are staged.
    has_all_rows: bool,
    longest_text: usize,
}

impl Update {
    /// Writes the state of the run. `staging` has all rows, or at least those that the run has read unless
    /// `has_all_rows`. Texts have at most `longest_text` bytes.
    ///
    /// # Errors
    ///
    /// Returns an error if rows cannot be read or a file cannot be written.
    pub async fn write(
        &self,
        publication: &Publication,
        engine: &Engine,
        staging: &Staging,
        latest: &Latest,
        has_all_rows: bool,
        longest_text: usize,
    ) -> Result<StateRecord> {
        let first_number = self.first_number;
        let run = Writing { publication, engine, first_number, has_all_rows, longest_text };
        let (mut datasets, mut kept) = (BTreeMap::new(), 0);
        let mut sink = publication.objects_sink(entry::schema());
        for (known, table) in self.datasets.iter().zip(&staging.datasets) {
            let unchanged = known.objects.unchanged(self.removed);
            let read = known.objects.read();
            kept += unchanged.iter().filter(|entry| entry.is_kept).count() as u64;
            let parts = known.write_rows(&run, table, &unchanged, &read).await?;
            let name = known.dataset.name.clone();
            let mut all: Vec<&Entry> = unchanged.iter().chain(&read).collect();
            all.sort_by_key(|entry| entry.number);
            for entries in all.chunks(BATCH_OBJECTS) {
                sink.write(entry::to_batch(&name, entries)?).await?;
            }
            let fingerprint = known.fingerprint.clone();
            let latest = known.write_latest(&run, latest).await?;
            datasets.insert(name, DatasetState { fingerprint, parts, latest });
        }
        let objects = sink.finish().await?.files.into_iter().next().unwrap_or_default();
        let (format, next_number) = (FORMAT, self.next_number());
        Ok(StateRecord { format, objects, next_number, kept, datasets, ..StateRecord::default() })
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
        run: &Writing<'_>,
        table: &Arc<StagingTable>,
        unchanged: &[Entry],
        read: &[Entry],
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
            None => run.first_number,
            Some(part) => part.first,
        };
        let merged = unchanged.iter().filter(|entry| entry.number >= first);
        let merged: Vec<&Entry> = merged.collect();
        parts.truncate(kept);
        if records > 0 {
            let rows = match run.has_all_rows || merged.is_empty() {
                true => table.clone(),
                false => self.gather(run, table, &merged).await?,
            };
            let files = self.write_from(run, &self.dataset.name, &rows, first).await?;
            parts.push(PartRecord { first, records, files });
        }
        Ok(parts)
    }

    /// Writes the latest records. Returns their files by column.
    async fn write_latest(
        &self,
        run: &Writing<'_>,
        latest: &Latest,
    ) -> Result<BTreeMap<String, Vec<FileRecord>>> {
        let mut files = BTreeMap::new();
        for column in &self.latest_of {
            let key = (self.dataset.name.clone(), column.clone());
            if let Some(rows) = latest.get(&key) {
                let name = format!("{}-latest-{column}", self.dataset.name);
                files.insert(column.clone(), self.write_from(run, &name, rows, 0).await?);
            }
        }
        Ok(files)
    }

    /// Returns a table of the rows that this run has read, and of those of the objects `merged` in the parts.
    async fn gather(
        &self,
        run: &Writing<'_>,
        table: &Arc<StagingTable>,
        merged: &[&Entry],
    ) -> Result<Arc<StagingTable>> {
        let space = run.engine.staging_space();
        let gathered = Arc::new(StagingTable::new("state", self.schema.clone(), space));
        each_batch(table, |batch| match rows_from(batch, run.first_number)? {
            Some(batch) => Ok(gathered.push(batch)?),
            None => Ok(()),
        })?;
        let (out, threads) = (&run.publication.out, run.engine.threads);
        self.restore(out, merged.iter().copied(), &gathered, threads, None).await?;
        Ok(gathered)
    }

    /// Writes the rows of the objects from number `first` on. Batches are ordered by their earliest time if there
    /// is a time, so that few row groups have rows of a day.
    async fn write_from(
        &self,
        run: &Writing<'_>,
        name: &str,
        rows: &Arc<StagingTable>,
        first: u32,
    ) -> Result<Vec<FileRecord>> {
        let sink = run.publication.files().rows_sink(name, self.schema.clone());
        let mut sink = sink.with_longest_text(run.longest_text);
        let mut staged = rows.batches(None)?;
        if let Some(at) = self.time.as_ref().and_then(|time| self.schema.index_of(time).ok()) {
            staged.order_by(at);
        }
        let mut batches = Arc::new(staged).read(BatchCursor::default());
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
}

/// Returns the rows of the objects from number `first` on, or `None` if there are none.
fn rows_from(batch: RecordBatch, first: u32) -> Result<Option<RecordBatch>> {
    let numbers = batch.column(batch.num_columns() - 1).as_primitive::<Int32Type>();
    let wanted = numbers.values().iter().map(|number| *number as u32 >= first).collect();
    filtered(batch, wanted)
}
