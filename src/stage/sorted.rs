//! Sorting staged batches by integers, in memory.
//!
//! DataFusion's sort carries every column through a sort of each batch and two merges. Here the
//! keys are sorted alone and every other value is moved once. It also gains from order that is
//! there already: logs come nearly sorted by time.

use std::ops::Range;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::interleave_record_batch;
use arrow::datatypes::{DataType, Int64Type, Schema, TimeUnit, TimestampMicrosecondType};
use arrow::error::ArrowError;

use super::table::{GiveTexts, StagingTable};

/// A row's first key, and its place among all rows of all batches.
///
/// The other keys are looked up where the first ones are equal, which is seldom; a row of 16 bytes
/// sorts faster than one that carries them.
#[derive(Clone, Copy)]
struct Row {
    key: i64,
    batch: u32,
    row: u32,
}

/// Batches and the order of their rows.
pub struct Sorted {
    /// Holds the memory that the batches are in.
    table: StagingTable,
    texts: GiveTexts,
    /// Batches of keys: what Arrow gathers from several dictionaries, even if they are one and the
    /// same, has the texts of all of them.
    batches: Vec<RecordBatch>,
    rows: Vec<Row>,
}

impl Sorted {
    /// Memory that sorting takes besides the batches: the rows, and half as much for merging them.
    pub(super) const BYTES_PER_ROW: usize = size_of::<Row>() * 3 / 2;

    /// Whether rows of `schema` can be sorted by these columns.
    pub(super) fn can_sort(schema: &Schema, by: &[usize]) -> bool {
        let is_key = |&at: &usize| {
            let field = schema.field(at);
            let types = [DataType::Int64, DataType::Timestamp(TimeUnit::Microsecond, None)];
            !field.is_nullable() && types.contains(field.data_type())
        };
        !by.is_empty() && by.iter().all(is_key)
    }

    pub(super) fn new(
        table: StagingTable,
        texts: GiveTexts,
        batches: Vec<(usize, RecordBatch)>,
        by: &[usize],
    ) -> Sorted {
        let batches = batches.into_iter().map(|(_, batch)| batch);
        let mut batches: Vec<_> = batches.filter(|batch| batch.num_rows() > 0).collect();
        // Batches in the order of their first rows make long runs, which the sort only merges.
        batches.sort_by_key(|batch| by.first().map(|&at| integers(batch.column(at))[0]));
        let mut rows = Vec::with_capacity(batches.iter().map(RecordBatch::num_rows).sum());
        let mut later_keys: Vec<Vec<&[i64]>> = Vec::with_capacity(batches.len());
        for (at, batch) in batches.iter().enumerate() {
            let mut keys = by.iter().map(|&at| integers(batch.column(at)));
            let first = keys.next().unwrap_or_default();
            let row = |(row, &key)| Row { key, batch: at as u32, row: row as u32 };
            rows.extend(first.iter().enumerate().map(row));
            later_keys.push(keys.collect());
        }
        let begun = std::time::Instant::now();
        rows.sort_by(|a, b| {
            let later = |row: Row| {
                later_keys[row.batch as usize].iter().map(move |column| column[row.row as usize])
            };
            a.key.cmp(&b.key).then_with(|| later(*a).cmp(later(*b)))
        });
        drop(later_keys);
        tracing::debug!("sorted {} rows in {:?}", rows.len(), begun.elapsed());
        Sorted { table, texts, batches, rows }
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.rows.len()
    }

    /// The rows at these places of the order.
    ///
    /// # Errors
    ///
    /// If Arrow refuses the batch, which would be a defect of starlift.
    pub fn batch(&self, range: Range<usize>) -> Result<RecordBatch, ArrowError> {
        // Few batches meet in a stretch of the order: Arrow looks at each that it is given.
        let rows = &self.rows[range];
        let mut met: Vec<&RecordBatch> = Vec::new();
        let mut place = vec![usize::MAX; self.batches.len()];
        let from = rows.iter().map(|row| {
            let place = &mut place[row.batch as usize];
            if *place == usize::MAX {
                *place = met.len();
                met.push(&self.batches[row.batch as usize]);
            }
            (*place, row.row as usize)
        });
        let from: Vec<(usize, usize)> = from.collect();
        if met.is_empty() {
            return Ok(RecordBatch::new_empty(self.table.schema().clone()));
        }
        self.texts.give(interleave_record_batch(&met, &from)?)
    }
}

fn integers(column: &dyn Array) -> &[i64] {
    match column.data_type() {
        DataType::Int64 => column.as_primitive::<Int64Type>().values(),
        _ => column.as_primitive::<TimestampMicrosecondType>().values(),
    }
}
