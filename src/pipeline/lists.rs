//! Counts and writes the lists of a star.
//!
//! A run that builds only the days that have changed counts only their rows. So incremental runs keep the counts of
//! all rows of a list, not only of the largest ones: the next run subtracts the counts that these days had, and adds
//! those that they have.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use arrow::array::RecordBatch;
use datafusion::common::TableReference;
use datafusion::prelude::SessionContext;

use super::run::Run;
use crate::error::{Error, Result};
use crate::publish::ParquetSink;
use crate::staging::{BatchCursor, StagingSpace, StagingTable};
use crate::star::{
    FileRecord, Group, ListRecord, Partitioning, RunRecord, StateRecord, register_files,
};
use crate::transform::{ListRows, count_list};

/// Lists with their rows, in the order of the model.
pub(super) type Lists = Vec<ListRows>;

/// Maximum number of files with the counts of a list. Each run reads all of them.
const MAX_FILES: usize = 16;

impl Run<'_> {
    /// Runs the queries of the lists that `is_wanted` selects on the tables of `session`.
    pub(super) async fn count_lists(
        &self,
        session: &SessionContext,
        space: &StagingSpace,
        is_wanted: impl Fn(&str) -> bool,
    ) -> Result<Lists> {
        let mut lists = Lists::new();
        for query in self.queries.of(Group::List).filter(|query| is_wanted(&query.name)) {
            let all = self.keeps_counts(&query.name);
            lists.push(count_list(session, query, self.options.rules, space, all).await?);
        }
        Ok(lists)
    }

    /// Returns `true` if the counts of all rows of a list are kept, because a later run may count only some days.
    pub(super) fn keeps_counts(&self, name: &str) -> bool {
        self.update.is_some()
            && !self.options.verify
            && self.options.queries.is_none()
            && self.options.partitioning != Partitioning::None
            && self.locality.as_ref().is_some_and(|locality| locality.lists.contains(name))
    }

    /// Returns `true` if the previous run has kept the counts of all lists that this run would keep.
    pub(super) fn has_list_counts(&self, base: &RunRecord) -> bool {
        let lists = self.locality.iter().flat_map(|locality| &locality.lists);
        let is_kept =
            |name| base.state.as_ref().is_some_and(|state| state.lists.contains_key(name));
        lists.into_iter().all(is_kept)
    }

    /// Writes the lists, and to `state` the counts of all rows for the next run. `before` has the counts of the days
    /// that have changed, as they were before the run.
    pub(super) async fn write_lists(
        &mut self,
        before: &Lists,
        state: &mut Option<StateRecord>,
    ) -> Result<BTreeMap<String, ListRecord>> {
        let begun = Instant::now();
        let (mut records, mut kept) = (BTreeMap::new(), BTreeMap::new());
        for mut list in std::mem::take(&mut self.lists) {
            let session = self.engine.session_for(self.longest_text());
            if self.keeps_counts(&list.name) {
                let before = before.iter().find(|before| before.name == list.name);
                let files = match (before, self.touched.is_some()) {
                    (Some(before), true) => self.add_change(&mut list, before, &session).await?,
                    _ => self.write_counts(&list, &list.rows).await?,
                };
                kept.insert(list.name.clone(), files);
            }
            let rows = list.sorted(&session).await?;
            let mut sink = self.publication.list_sink(&list.name, list.schema.clone());
            let (file, hash) = write(&mut sink, rows).await?;
            let columns = ListRecord::columns_of(&list.schema);
            records.insert(list.name, ListRecord { file, columns, hash });
        }
        if let Some(state) = state {
            state.lists = kept;
        }
        self.report.timed("write lists", begun, None);
        Ok(records)
    }

    /// Replaces the rows of a list, those of the days that have changed, by those of all days. Returns the files with
    /// their counts: those of the previous run and one with the differences, or a new one.
    async fn add_change(
        &self,
        list: &mut ListRows,
        before: &ListRows,
        session: &SessionContext,
    ) -> Result<Vec<FileRecord>> {
        let space = self.engine.staging_space();
        let state = self.publication.base().and_then(|base| base.state.as_ref());
        let earlier = state.and_then(|state| state.lists.get(&list.name));
        let mut files = earlier.cloned().unwrap_or_default();
        let change = list.minus(before, session, &space).await?;
        let (name, out) = ("starlift_list", &self.publication.out);
        register_files(session, out, name, list.schema.clone(), &files, vec![]).await?;
        let stored = session.table(TableReference::bare(name)).await;
        let stored = stored.map_err(|e| Error::query(&*list.file, e))?;
        list.rows = list.plus(stored, &change, session, &space).await?;
        let changes: u64 = files.iter().skip(1).map(|file| file.rows).sum();
        let is_small = (changes + change.rows() as u64) * 4 <= list.rows.rows() as u64;
        match change.rows() {
            0 => {}
            _ if is_small && files.len() < MAX_FILES => {
                files.extend(self.write_counts(list, &change).await?);
            }
            _ => files = self.write_counts(list, &list.rows).await?,
        }
        Ok(files)
    }

    /// Writes counts of a list for the next run.
    async fn write_counts(
        &self,
        list: &ListRows,
        rows: &Arc<StagingTable>,
    ) -> Result<Vec<FileRecord>> {
        let sink = self.publication.list_counts_sink(&list.name, list.schema.clone());
        let mut sink = sink.with_longest_text(self.longest_text());
        let mut batches = Arc::new(rows.batches(None)?).read(BatchCursor::default());
        loop {
            // Spilled batches are read from disk.
            let next = tokio::task::spawn_blocking(move || (batches.next(), batches)).await?;
            batches = next.1;
            let Some(batch) = next.0 else { break };
            sink.write(batch?).await?;
        }
        Ok(sink.finish().await?.files)
    }
}

/// Writes the rows of a list. Returns their file and its hash.
async fn write(sink: &mut ParquetSink, rows: Vec<RecordBatch>) -> Result<(FileRecord, String)> {
    for batch in rows {
        sink.write(batch).await?;
    }
    let record = sink.finish().await?;
    Ok((record.files.into_iter().next().unwrap_or_default(), record.hash))
}
