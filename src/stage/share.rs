//! Reads staged batches back.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use super::StageError;
use super::spill::{Segment, SegmentBatches};
use super::unify::{Texts, give_texts};

/// The batches of a table, for a scan to read.
#[derive(Debug)]
pub struct Batches {
    /// Schema of the columns read.
    pub(super) schema: SchemaRef,
    /// Positions of the columns read; `None` for all.
    pub(super) projection: Option<Vec<usize>>,
    pub(super) in_memory: Vec<RecordBatch>,
    pub(super) spilled: Vec<(Arc<Texts>, Segment)>,
}

/// The progress of the partitions of a scan through the shared batches.
///
/// Each partition takes the next batch when it is ready for one. If the batches were divided in
/// advance, partitions that finish early would be idle.
#[derive(Debug, Clone, Default)]
pub struct Turn(Arc<AtomicUsize>);

impl Turn {
    fn take(&self) -> usize {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

impl Batches {
    /// Reads the batches that no other reader with the same `turn` has taken: the batches in memory
    /// first, then the spilled ones, one segment at a time.
    pub fn read(
        self: Arc<Self>,
        turn: Turn,
    ) -> impl Iterator<Item = Result<RecordBatch, StageError>> {
        let mut segment: Option<(Arc<Texts>, SegmentBatches)> = None;
        std::iter::from_fn(move || {
            loop {
                if let Some((texts, batches)) = &mut segment {
                    match batches.next() {
                        Some(batch) => return Some(batch.and_then(|b| self.give(b, texts))),
                        None => segment = None,
                    }
                }
                let next = turn.take();
                if let Some(batch) = self.in_memory.get(next) {
                    return Some(self.project(batch));
                }
                let (texts, spilled) = self.spilled.get(next - self.in_memory.len())?;
                match SegmentBatches::open(spilled, self.projection.clone()) {
                    Ok(batches) => segment = Some((texts.clone(), batches)),
                    Err(error) => return Some(Err(error)),
                }
            }
        })
    }

    fn project(&self, batch: &RecordBatch) -> Result<RecordBatch, StageError> {
        Ok(match &self.projection {
            None => batch.clone(),
            Some(columns) => batch.project(columns)?,
        })
    }

    fn give(&self, batch: RecordBatch, texts: &Texts) -> Result<RecordBatch, StageError> {
        Ok(give_texts(batch, texts, self.projection.as_deref(), self.schema.clone())?)
    }
}
