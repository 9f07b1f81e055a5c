//! Adds up what executors report, and compares it with the listing.

use crate::cluster::nodes::Outcome;
use crate::decode::ObjectCounts;
use crate::error::{EngineError, Result};
use crate::ingest::{DatasetCounts, InputsBuilder, Staging};
use crate::limits::Rejected;
use crate::model::Dataset;
use crate::star::FileRecord;
use crate::storage::ListedObject;

/// The reported outcomes of a dataset.
pub(super) struct Settlement<'a> {
    dataset: &'a Dataset,
    objects: &'a [ListedObject],
    /// `true` for each object that was read.
    seen: Vec<bool>,
    inputs: InputsBuilder,
    /// Counts of the objects so far.
    pub counts: DatasetCounts,
    /// Number of rows that the decoders have made.
    decoded_rows: u64,
    /// Rejects since they were last taken.
    rejected: Rejected,
    /// Files of decoded rows.
    pub rows: Vec<FileRecord>,
    /// Files of rejects.
    pub rejects: Vec<FileRecord>,
}

impl<'a> Settlement<'a> {
    /// Creates a settlement for the objects of a dataset.
    pub fn new(dataset: &'a Dataset, objects: &'a [ListedObject]) -> Settlement<'a> {
        Settlement {
            dataset,
            objects,
            seen: vec![false; objects.len()],
            inputs: InputsBuilder::default(),
            counts: DatasetCounts::default(),
            decoded_rows: 0,
            rejected: Rejected::default(),
            rows: Vec::new(),
            rejects: Vec::new(),
        }
    }

    /// Adds an outcome, and the row of an object to the inputs of `staging`.
    ///
    /// # Errors
    ///
    /// Returns an error if an object was read twice, or was not listed.
    pub fn add(&mut self, outcome: Outcome, staging: &Staging) -> Result<()> {
        match outcome {
            Outcome::Decoded(rows) => self.decoded_rows += rows,
            Outcome::Rows(file) => self.rows.push(file),
            Outcome::Rejects(file) => self.rejects.push(file),
            Outcome::Object { number, size, counts, notes } => {
                let object = self.mark(number)?;
                let (records, bytes) = (counts.rejected, counts.rejected_bytes);
                self.rejected = self.rejected + Rejected { records, bytes, uncertain: 0 };
                self.counts.add(size, &counts, notes);
                self.stage(object, size, &counts, staging)?;
            }
        }
        Ok(())
    }

    /// Returns the rejects that were added since the last call.
    pub fn take_rejected(&mut self) -> Rejected {
        std::mem::take(&mut self.rejected)
    }

    /// Marks an object as read.
    fn mark(&mut self, number: u32) -> Result<&'a ListedObject> {
        let at = number as usize;
        let (Some(object), Some(seen)) = (self.objects.get(at), self.seen.get_mut(at)) else {
            return Err(self.miscounted(&format!("object {number} was not listed")));
        };
        if std::mem::replace(seen, true) {
            return Err(self.miscounted(&format!("{} was counted twice", object.url)));
        }
        Ok(object)
    }

    fn stage(
        &mut self,
        object: &ListedObject,
        size: u64,
        counts: &ObjectCounts,
        staging: &Staging,
    ) -> Result<()> {
        let (url, etag) = (&object.url, object.etag.as_deref());
        if let Some(batch) = self.inputs.append(&self.dataset.name, url, size, etag, counts)? {
            staging.inputs.push(batch)?;
        }
        Ok(())
    }

    /// Adds the last rows to the inputs, and compares the sums with each other. If reading was stopped, objects can be
    /// missing.
    ///
    /// # Errors
    ///
    /// Returns an error if an object is missing, or if the files have more or fewer rows than the objects.
    pub fn finish(&mut self, staging: &Staging) -> Result<()> {
        if let Some(batch) = self.inputs.flush()? {
            staging.inputs.push(batch)?;
        }
        let missing = self.seen.iter().position(|seen| !seen);
        if let Some(missing) = missing.filter(|_| !self.counts.is_partial) {
            let url = self.objects.get(missing).map_or("", |object| &object.url);
            return Err(self.miscounted(&format!("{url} was listed, and not read")));
        }
        self.counts.objects_listed = self.objects.len() as u64;
        let rows = |files: &[FileRecord]| files.iter().map(|file| file.rows).sum::<u64>();
        let mut sums = vec![
            ("rows were decoded", self.decoded_rows, rows(&self.rows)),
            ("records were rejected", self.counts.rejected, rows(&self.rejects)),
        ];
        // A record with an array of rows makes any number of them.
        if self.dataset.rows.is_none() {
            sums.push(("records were decoded", self.counts.decoded, rows(&self.rows)));
        }
        for (what, counted, stored) in sums {
            if counted != stored {
                return Err(self.miscounted(&format!("{counted} {what}, and {stored} were stored")));
            }
        }
        Ok(())
    }

    fn miscounted(&self, reason: &str) -> crate::error::Error {
        EngineError::Miscounted(format!("dataset {}: {reason}", self.dataset.name)).into()
    }
}

#[cfg(test)]
mod tests {
    use datafusion::execution::memory_pool::{MemoryPool, UnboundedMemoryPool};
    use std::sync::Arc;

    use super::*;
    use crate::decode::Notes;
    use crate::limits::MaxRejects;
    use crate::model::Model;
    use crate::staging::StagingSpace;

    fn staging() -> Staging {
        let pool: Arc<dyn MemoryPool> = Arc::new(UnboundedMemoryPool::default());
        let space = StagingSpace::new(&pool, 1 << 20, std::env::temp_dir());
        Staging::new(space, [], MaxRejects::default()).unwrap()
    }

    fn objects() -> Vec<ListedObject> {
        let object = |number: u32| ListedObject {
            url: format!("s3://b/{number}").as_str().into(),
            path: None,
            size: 9,
            etag: None,
            number,
        };
        (0..3).map(object).collect()
    }

    fn read(number: u32) -> Outcome {
        let counts = ObjectCounts { decoded: 2, rejected: 1, ..ObjectCounts::default() };
        Outcome::Object { number, size: 9, counts, notes: Notes::default() }
    }

    fn file(rows: u64) -> FileRecord {
        FileRecord { path: "_work/x".to_owned(), rows, bytes: 1 }
    }

    fn settle(outcomes: Vec<Outcome>) -> Result<DatasetCounts> {
        let (objects, staging) = (objects(), staging());
        let model = Model::built_in();
        let mut settlement = Settlement::new(&model.datasets[1], &objects);
        for outcome in outcomes {
            settlement.add(outcome, &staging)?;
        }
        settlement.finish(&staging)?;
        assert_eq!(staging.inputs.rows(), objects.len());
        Ok(settlement.counts)
    }

    #[test]
    fn sums_that_agree_are_accepted() {
        let (rows, rejects) = (Outcome::Rows(file(6)), Outcome::Rejects(file(3)));
        let decoded = Outcome::Decoded(6);
        let counts = settle(vec![read(2), rows, read(0), rejects, read(1), decoded]).unwrap();
        assert_eq!((counts.objects_read, counts.decoded, counts.rejected), (3, 6, 3));
    }

    #[test]
    fn every_difference_is_an_error() {
        let (rows, rejects) = (|n| Outcome::Rows(file(n)), |n| Outcome::Rejects(file(n)));
        let decoded = Outcome::Decoded;
        let all = || vec![read(0), read(1), read(2)];
        for (objects, files, reason) in [
            (vec![read(0), read(1)], vec![decoded(4), rows(4), rejects(2)], "s3://b/2 was listed"),
            (vec![read(0), read(1), read(1)], vec![], "s3://b/1 was counted twice"),
            (vec![read(0), read(3)], vec![], "object 3 was not listed"),
            (all(), vec![decoded(7), rows(7), rejects(3)], "6 records were decoded"),
            (all(), vec![decoded(6), rows(5), rejects(3)], "6 rows were decoded"),
            (all(), vec![decoded(6), rows(6), rows(6), rejects(3)], "12 were stored"),
            (all(), vec![decoded(6), rows(6)], "3 records were rejected"),
        ] {
            let outcomes = objects.into_iter().chain(files).collect();
            let error = settle(outcomes).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }
    #[test]
    fn objects_can_be_missing_if_reading_was_stopped() {
        let (objects, staging) = (objects(), staging());
        let model = Model::built_in();
        let mut settlement = Settlement::new(&model.datasets[1], &objects);
        let files = [Outcome::Decoded(2), Outcome::Rows(file(2)), Outcome::Rejects(file(1))];
        for outcome in std::iter::once(read(1)).chain(files) {
            settlement.add(outcome, &staging).unwrap();
        }
        assert_eq!(settlement.take_rejected().records, 1);
        assert_eq!(settlement.take_rejected().records, 0);
        settlement.counts.is_partial = true;
        settlement.finish(&staging).unwrap();
        assert_eq!((settlement.counts.objects_listed, settlement.counts.objects_read), (3, 1));
    }
}
