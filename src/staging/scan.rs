//! Reads staged batches back.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{DataType, Int64Type, SchemaRef};

use super::StagingError;
use super::dictionary::{Texts, decode_batch};
use super::spill::{Segment, SegmentBatches};

/// The batches of a table, for a scan to read.
#[derive(Debug)]
pub struct StagedBatches {
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
pub struct BatchCursor(Arc<AtomicUsize>);

impl BatchCursor {
    fn advance(&self) -> usize {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

impl StagedBatches {
    /// Orders the batches in memory by their smallest value of a column of integers, dates or timestamps.
    pub fn order_by(&mut self, column: usize) {
        let smallest = |batch: &RecordBatch| {
            let values = arrow::compute::cast(batch.column(column), &DataType::Int64).ok()?;
            arrow::compute::min(values.as_primitive::<Int64Type>())
        };
        self.in_memory.sort_by_cached_key(smallest);
    }

    /// Reads the batches that no other reader with the same `cursor` has taken: the batches in memory
    /// first, then the spilled ones, one segment at a time.
    pub fn read(
        self: Arc<Self>,
        cursor: BatchCursor,
    ) -> impl Iterator<Item = Result<RecordBatch, StagingError>> {
        let mut segment: Option<(Arc<Texts>, SegmentBatches)> = None;
        std::iter::from_fn(move || {
            loop {
                if let Some((texts, batches)) = &mut segment {
                    match batches.next() {
                        Some(batch) => return Some(batch.and_then(|b| self.decode(b, texts))),
                        None => segment = None,
                    }
                }
                let next = cursor.advance();
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

    fn project(&self, batch: &RecordBatch) -> Result<RecordBatch, StagingError> {
        Ok(match &self.projection {
            None => batch.clone(),
            Some(columns) => batch.project(columns)?,
        })
    }

    fn decode(&self, batch: RecordBatch, texts: &Texts) -> Result<RecordBatch, StagingError> {
        Ok(decode_batch(batch, texts, self.projection.as_deref(), self.schema.clone())?)
    }
}
