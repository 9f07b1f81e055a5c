//! Writes the rows of a table, divided into partitions if it is partitioned.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use chrono::NaiveDate;
use tokio_util::task::AbortOnDropHandle;

use super::parquet::ParquetSink;
use crate::error::Result;
use crate::star::{FileRecord, PartitionRecord, Partitioning, TableRecord, Times};

/// Maximum number of partitions that are finished at the same time, while the next one is written.
const CLOSING: usize = 8;

/// Returns a new sink for files with these characters before their number.
type NewSink = Arc<dyn Fn(&str) -> ParquetSink + Send + Sync>;

/// Writes the sorted rows of a table.
pub enum TableSink {
    /// One partition.
    Whole(Box<ParquetSink>),
    /// A partition per day or month.
    Partitioned(Box<PartitionedSink>),
}

impl TableSink {
    /// Creates a sink of sinks that `new` returns. `column` is the position of the column that the rows are
    /// sorted and partitioned by, if they are partitioned.
    pub(super) fn new(
        partitioning: Partitioning,
        column: Option<usize>,
        new: impl Fn(&str) -> ParquetSink + Send + Sync + 'static,
    ) -> TableSink {
        match column {
            None => TableSink::Whole(Box::new(new(""))),
            Some(column) => TableSink::Partitioned(Box::new(PartitionedSink {
                partitioning,
                column,
                new: Arc::new(new),
                current: None,
                closing: VecDeque::new(),
                written: Vec::new(),
            })),
        }
    }

    /// Adds rows, which follow the earlier ones in the order of the table.
    ///
    /// # Errors
    ///
    /// Returns an error if the rows do not match the schema or the order, or a file cannot be written.
    pub async fn write(&mut self, batch: RecordBatch) -> Result<()> {
        match self {
            TableSink::Whole(sink) => sink.write(batch).await,
            TableSink::Partitioned(sink) => sink.write(batch).await,
        }
    }

    /// Writes the remaining rows and returns the record of all files. A table without rows gets one empty
    /// file, so that its columns can be read.
    ///
    /// # Errors
    ///
    /// Returns an error if a file cannot be written.
    pub async fn finish(self) -> Result<TableRecord> {
        match self {
            TableSink::Whole(mut sink) => sink.finish().await,
            TableSink::Partitioned(sink) => sink.finish().await,
        }
    }
}

/// Writes each partition with its own sink.
pub struct PartitionedSink {
    partitioning: Partitioning,
    column: usize,
    new: NewSink,
    /// The partition that rows are added to, and its first day.
    current: Option<(NaiveDate, ParquetSink)>,
    /// Partitions that are being finished, in their order.
    closing: VecDeque<(NaiveDate, AbortOnDropHandle<Result<TableRecord>>)>,
    written: Vec<(PartitionRecord, Vec<FileRecord>)>,
}

impl PartitionedSink {
    async fn write(&mut self, batch: RecordBatch) -> Result<()> {
        let mut rest = batch;
        while rest.num_rows() > 0 {
            let column = rest.column(self.column).clone();
            let unsorted = || ArrowError::InvalidArgumentError("the rows have no order".to_owned());
            let times = Times::of(&column).ok_or_else(unsorted)?;
            let start = self.partitioning.start(times.day(0).ok_or_else(unsorted)?);
            let rows = times.count_before(self.partitioning.end(start));
            if self.current.as_ref().is_some_and(|(current, _)| *current > start) || rows == 0 {
                return Err(unsorted().into());
            }
            if self.current.as_ref().is_none_or(|(current, _)| *current != start) {
                self.close_current().await?;
                self.current = Some((start, (self.new)(&format!("-{}", start.format("%Y%m%d")))));
            }
            if let Some((_, sink)) = &mut self.current {
                sink.write(rest.slice(0, rows)).await?;
            }
            rest = rest.slice(rows, rest.num_rows() - rows);
        }
        Ok(())
    }

    async fn close_current(&mut self) -> Result<()> {
        let Some((start, mut sink)) = self.current.take() else { return Ok(()) };
        if self.closing.len() >= CLOSING {
            self.await_closed().await?;
        }
        let closing = tokio::spawn(async move { sink.finish().await });
        self.closing.push_back((start, AbortOnDropHandle::new(closing)));
        Ok(())
    }

    async fn await_closed(&mut self) -> Result<()> {
        if let Some((start, closing)) = self.closing.pop_front() {
            let written = closing.await??;
            self.add(start, written);
        }
        Ok(())
    }

    fn add(&mut self, start: NaiveDate, written: TableRecord) {
        let partition = PartitionRecord {
            from: start.format("%Y-%m-%d").to_string(),
            rows: written.rows,
            bytes: written.bytes,
            files: written.files.len(),
            max_text_bytes: written.max_text_bytes,
            nulls: written.nulls,
            hash: written.hash,
        };
        self.written.push((partition, written.files));
    }

    async fn finish(mut self) -> Result<TableRecord> {
        self.close_current().await?;
        while !self.closing.is_empty() {
            self.await_closed().await?;
        }
        if self.written.is_empty() {
            return (self.new)("").finish().await;
        }
        Ok(TableRecord::of_partitions(self.written))
    }
}
