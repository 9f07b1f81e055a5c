//! Sorts staged batches by integers, in memory.
//!
//! DataFusion's sort moves every column through a sort of each batch and two merges. This sort
//! orders only the keys and moves every other value once. It also exploits existing order: logs are
//! nearly sorted by time.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch, RecordBatchOptions};
use arrow::compute::interleave_record_batch;
use arrow::datatypes::{
    DataType, Int64Type, Schema, SchemaRef, TimeUnit, TimestampMicrosecondType,
};
use arrow::error::ArrowError;

use super::dictionary::DictionaryDecoder;
use super::table::StagingTable;

/// A row's first key, and its position among all rows of all batches.
///
/// The other keys are looked up if the first ones are equal, which is rare. A row of 16 bytes sorts
/// faster than one with all keys.
#[derive(Clone, Copy)]
struct Row {
    key: i64,
    batch: u32,
    row: u32,
}

/// Batches, and the order of their rows.
pub struct SortedRows {
    /// Holds the memory reservation of the batches.
    table: StagingTable,
    texts: DictionaryDecoder,
    /// Batches of keys. If they had dictionaries, Arrow would concatenate the texts of all of them
    /// when it gathers rows, even if they are the same dictionary.
    batches: Vec<RecordBatch>,
    rows: Vec<Row>,
    by: Vec<usize>,
}

impl SortedRows {
    /// Memory needed for sorting besides the batches, in bytes per row: the row, and half as much
    /// for merging.
    pub(super) const BYTES_PER_ROW: usize = size_of::<Row>() * 3 / 2;

    /// Returns `true` if rows of `schema` can be sorted by these columns: integers or timestamps
    /// without nulls.
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
        texts: DictionaryDecoder,
        batches: Vec<(usize, RecordBatch)>,
        by: &[usize],
        threads: usize,
    ) -> SortedRows {
        let batches = batches.into_iter().map(|(_, batch)| batch);
        let mut batches: Vec<_> = batches.filter(|batch| batch.num_rows() > 0).collect();
        // Ordering the batches by their first rows makes long runs, which the sort only merges.
        batches.sort_by_key(|batch| by.first().map(|&at| integers(batch.column(at))[0]));
        let begun = std::time::Instant::now();
        let rows = sort_rows(&batches, by, threads);
        tracing::debug!("sorted {} rows in {:?}", rows.len(), begun.elapsed());
        SortedRows { table, texts, batches, rows, by: by.to_vec() }
    }

    /// Returns the schema of the rows.
    pub fn schema(&self) -> &SchemaRef {
        self.table.schema()
    }

    /// Returns the positions of the columns that the rows are sorted by.
    pub fn by(&self) -> &[usize] {
        &self.by
    }

    /// Returns the number of rows.
    pub fn rows(&self) -> usize {
        self.rows.len()
    }

    /// Returns the rows in this range of the order, with all columns or with the given ones.
    ///
    /// # Errors
    ///
    /// Returns an error if Arrow rejects the batch, which would be a bug in starlift.
    pub fn batch(
        &self,
        range: Range<usize>,
        columns: Option<&[usize]>,
    ) -> Result<RecordBatch, ArrowError> {
        // A range of the order has rows of few batches. Pass only those to Arrow, which inspects
        // every batch that it receives.
        let rows = &self.rows[range];
        let mut used: Vec<Cow<'_, RecordBatch>> = Vec::new();
        let mut position = vec![usize::MAX; self.batches.len()];
        let mut from = Vec::with_capacity(rows.len());
        for row in rows {
            let position = &mut position[row.batch as usize];
            if *position == usize::MAX {
                *position = used.len();
                let batch = &self.batches[row.batch as usize];
                used.push(match columns {
                    None => Cow::Borrowed(batch),
                    Some(columns) => Cow::Owned(batch.project(columns)?),
                });
            }
            from.push((*position, row.row as usize));
        }
        let used: Vec<&RecordBatch> = used.iter().map(AsRef::as_ref).collect();
        let gathered = match used.first() {
            None => return self.empty(columns),
            // Without columns, there is nothing to gather.
            Some(batch) if batch.num_columns() == 0 => {
                let options = RecordBatchOptions::new().with_row_count(Some(from.len()));
                RecordBatch::try_new_with_options(batch.schema(), Vec::new(), &options)?
            }
            Some(_) => interleave_record_batch(&used, &from)?,
        };
        self.texts.decode_columns(gathered, columns)
    }

    fn empty(&self, columns: Option<&[usize]>) -> Result<RecordBatch, ArrowError> {
        Ok(RecordBatch::new_empty(match columns {
            None => self.schema().clone(),
            Some(columns) => Arc::new(self.schema().project(columns)?),
        }))
    }
}

impl fmt::Debug for SortedRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SortedRows").field("table", &self.table).finish_non_exhaustive()
    }
}

/// Sorts the rows of all batches by the columns `by`: first ranges of batches in parallel, then the
/// whole, which only merges them.
fn sort_rows(batches: &[RecordBatch], by: &[usize], threads: usize) -> Vec<Row> {
    let mut keys: Vec<Vec<&[i64]>> = Vec::with_capacity(batches.len());
    for batch in batches {
        keys.push(by.iter().map(|&at| integers(batch.column(at))).collect());
    }
    let compare = |a: &Row, b: &Row| {
        let later = |row: &Row| {
            let (columns, at) = (&keys[row.batch as usize][1..], row.row as usize);
            columns.iter().map(move |column| column[at])
        };
        a.key.cmp(&b.key).then_with(|| later(a).cmp(later(b)))
    };
    let all = batches.iter().map(RecordBatch::num_rows).sum();
    let mut rows = vec![Row { key: 0, batch: 0, row: 0 }; all];
    std::thread::scope(|scope| {
        let (mut rest, mut at) = (&mut rows[..], 0);
        let rows_per_thread = all.div_ceil(threads.max(1));
        while at < batches.len() {
            let first = at;
            let mut length = 0;
            while at < batches.len() && length < rows_per_thread {
                length += batches[at].num_rows();
                at += 1;
            }
            let (range, others) = std::mem::take(&mut rest).split_at_mut(length);
            rest = others;
            let (keys, compare) = (&keys[first..at], &compare);
            let mut sort = move || {
                let from = keys.iter().enumerate().flat_map(|(batch, columns)| {
                    let batch = (first + batch) as u32;
                    let rows = columns[0].iter().enumerate();
                    rows.map(move |(row, &key)| Row { key, batch, row: row as u32 })
                });
                range.iter_mut().zip(from).for_each(|(position, row)| *position = row);
                range.sort_by(compare);
            };
            // Sort the last range on this thread, which would otherwise only wait.
            if at < batches.len() {
                scope.spawn(sort);
            } else {
                sort();
            }
        }
    });
    rows.sort_by(compare);
    rows
}

fn integers(column: &dyn Array) -> &[i64] {
    match column.data_type() {
        DataType::Int64 => column.as_primitive::<Int64Type>().values(),
        _ => column.as_primitive::<TimestampMicrosecondType>().values(),
    }
}
