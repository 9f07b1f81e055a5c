//! Deterministic Parquet files for Redshift: the same rows produce the same bytes.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::BatchCoalescer;
use arrow::datatypes::{DataType, Int32Type, SchemaRef};

use super::file::OpenFile;
use crate::decode::BATCH_ROWS;
use crate::error::Result;
use crate::star::{FilesHasher, TableRecord};
use crate::storage::Place;

/// Default file size. Redshift splits Parquet files of 128 MB and more by row group across its slices,
/// and recommends files of 64 MB to 1 GB (Redshift Developer Guide, best practices for loading and for
/// Spectrum).
pub const DEFAULT_FILE_BYTES: u64 = 256 * 1024 * 1024;

/// Maximum size of a Parquet file: 64 GiB. S3 accepts at most 10,000 parts per object, and a part is 8
/// MiB.
pub const MAX_FILE_BYTES: u64 = 64 * 1024 * 1024 * 1024;

/// Number of rows, and approximate bytes of values, to encode at once: enough to make one thread per
/// column worthwhile, few enough to hold twice.
const ROUND_ROWS: usize = 16 * BATCH_ROWS;
const ROUND_BYTES: u64 = 16 * 1024 * 1024;

/// Names of a sink's files, relative to the output.
enum Naming {
    /// `<stem>-NNNNN.parquet`; a new file is started when the current one reaches its target size.
    Numbered(String),
    /// A single file of this name.
    Single(String),
}

/// Writes a table's rows to Parquet files.
///
/// Rows are regrouped into batches of fixed length before they are encoded: incoming batch boundaries
/// depend on timing, and pages and row groups must not.
pub struct ParquetSink {
    out: Place,
    naming: Naming,
    schema: SchemaRef,
    distinct: Vec<String>,
    file_bytes: u64,
    coalescer: Option<BatchCoalescer>,
    batch_rows: usize,
    round: Vec<RecordBatch>,
    round_rows: usize,
    round_bytes: u64,
    file: Option<OpenFile>,
    threads: usize,
    record: TableRecord,
    /// Hash of the closed files.
    hasher: FilesHasher,
}

impl ParquetSink {
    /// Creates a sink for files of about `file_bytes`, named `<stem>-NNNNN.parquet` below `out`, that
    /// encodes on `threads` threads. The columns `distinct` hardly repeat values.
    pub fn numbered(
        out: &Place,
        stem: String,
        schema: SchemaRef,
        distinct: &[String],
        file_bytes: u64,
        threads: usize,
    ) -> ParquetSink {
        let naming = Naming::Numbered(stem);
        ParquetSink {
            distinct: distinct.to_vec(),
            ..ParquetSink::new(out, naming, schema, file_bytes, threads)
        }
    }

    /// Creates a sink for a single file.
    pub fn single(out: &Place, path: String, schema: SchemaRef) -> ParquetSink {
        ParquetSink::new(out, Naming::Single(path), schema, u64::MAX, 1)
    }

    fn new(
        out: &Place,
        naming: Naming,
        schema: SchemaRef,
        file_bytes: u64,
        threads: usize,
    ) -> ParquetSink {
        let nulls = schema.fields().iter().map(|field| (field.name().clone(), 0)).collect();
        let texts = schema.fields().iter().filter(|f| *f.data_type() == DataType::Utf8);
        let max_text_bytes = texts.map(|field| (field.name().clone(), 0)).collect();
        ParquetSink {
            out: out.clone(),
            naming,
            file_bytes,
            coalescer: None,
            batch_rows: BATCH_ROWS,
            schema,
            distinct: Vec::new(),
            round: Vec::new(),
            round_rows: 0,
            round_bytes: 0,
            file: None,
            threads,
            record: TableRecord { nulls, max_text_bytes, ..TableRecord::default() },
            hasher: FilesHasher::default(),
        }
    }

    /// Sets the maximum length of a text, in bytes. With long texts, fewer rows are collected at a
    /// time.
    pub fn with_longest_text(self, longest_text: usize) -> ParquetSink {
        ParquetSink { batch_rows: batch_rows(longest_text), ..self }
    }

    /// Adds rows.
    ///
    /// # Errors
    ///
    /// Returns an error if the rows do not match the schema or a file cannot be written.
    pub async fn write(&mut self, batch: RecordBatch) -> Result<()> {
        self.record.rows += batch.num_rows() as u64;
        let coalescer = match &mut self.coalescer {
            Some(coalescer) => coalescer,
            none => {
                // Text may arrive dictionary-encoded; Parquet writes it like plain text.
                self.schema = batch.schema();
                none.insert(BatchCoalescer::new(batch.schema(), self.batch_rows))
            }
        };
        if batch.num_rows() == self.batch_rows && coalescer.is_empty() {
            return self.gather(batch).await;
        }
        coalescer.push_batch(batch)?;
        self.gather_completed().await
    }

    /// Ends the current batch, even if it is short, so that later rows are encoded in another batch.
    ///
    /// # Errors
    ///
    /// Returns an error if a file cannot be written.
    pub async fn end_batch(&mut self) -> Result<()> {
        if let Some(coalescer) = &mut self.coalescer {
            coalescer.finish_buffered_batch()?;
        }
        self.gather_completed().await
    }

    async fn gather_completed(&mut self) -> Result<()> {
        while let Some(batch) =
            self.coalescer.as_mut().and_then(BatchCoalescer::next_completed_batch)
        {
            self.gather(batch).await?;
        }
        Ok(())
    }

    async fn gather(&mut self, batch: RecordBatch) -> Result<()> {
        self.round_rows += batch.num_rows();
        // The size must depend only on the values, since it determines where files end.
        self.round_bytes += measure(&batch, &mut self.record);
        self.round.push(batch);
        let is_full =
            self.round_rows >= ROUND_ROWS || self.round_bytes >= ROUND_BYTES.min(self.file_bytes);
        if is_full { self.encode_round().await } else { Ok(()) }
    }

    async fn encode_round(&mut self) -> Result<()> {
        if let Some(file) = &mut self.file
            && file.size().await? >= self.file_bytes
        {
            self.close_file().await?;
        }
        let file = match &mut self.file {
            Some(file) => file,
            none => {
                let path = match &self.naming {
                    Naming::Single(path) => path.clone(),
                    Naming::Numbered(stem) => {
                        format!("{stem}-{:05}.parquet", self.record.files.len())
                    }
                };
                let (schema, distinct) = (&self.schema, &*self.distinct);
                none.insert(OpenFile::create(&self.out, path, schema, distinct, self.threads)?)
            }
        };
        self.round_rows = 0;
        self.round_bytes = 0;
        file.encode(std::mem::take(&mut self.round)).await
    }

    async fn close_file(&mut self) -> Result<()> {
        if let Some(file) = self.file.take() {
            let (record, hash) = file.close().await?;
            self.record.files.push(record);
            self.hasher.add(hash);
        }
        Ok(())
    }

    /// Writes the remaining rows and returns the record of all files. A table without rows gets one
    /// empty file, so that its columns can be read.
    ///
    /// # Errors
    ///
    /// Returns an error if a file cannot be written.
    pub async fn finish(&mut self) -> Result<TableRecord> {
        if let Some(coalescer) = &mut self.coalescer {
            coalescer.finish_buffered_batch()?;
        }
        self.gather_completed().await?;
        let needs_file = self.record.files.is_empty() && self.file.is_none();
        if !self.round.is_empty() || needs_file {
            self.encode_round().await?;
        }
        self.close_file().await?;
        self.record.bytes = self.record.files.iter().map(|file| file.bytes).sum();
        self.record.hash = self.hasher.finish();
        Ok(std::mem::take(&mut self.record))
    }
}

/// Returns the number of rows that are encoded together, given the length of the longest text in bytes. The bytes
/// of a file depend on it.
pub(crate) fn batch_rows(longest_text: usize) -> usize {
    (ROUND_BYTES as usize / longest_text.max(1)).clamp(1, BATCH_ROWS)
}

/// Records nulls and the longest text of each column. Returns the size of the values in bytes,
/// independent of their memory layout.
fn measure(batch: &RecordBatch, record: &mut TableRecord) -> u64 {
    let mut bytes = 0;
    for (field, column) in batch.schema_ref().fields().iter().zip(batch.columns()) {
        if let Some(count) = record.nulls.get_mut(field.name()) {
            *count += column.null_count() as u64;
        }
        if let Some(width) = column.data_type().primitive_width() {
            bytes += (width * column.len()) as u64;
            continue;
        }
        if *column.data_type() == DataType::Boolean {
            bytes += column.len() as u64;
            continue;
        }
        let Some((longest, total)) = text_lengths(column) else {
            // Tables have no such columns; other files need not depend on the values only.
            bytes += column.get_buffer_memory_size() as u64;
            continue;
        };
        bytes += total;
        if let Some(known) = record.max_text_bytes.get_mut(field.name()) {
            *known = longest.max(*known);
        }
    }
    bytes
}

/// Returns the length of the longest text in a column (plain or dictionary-encoded) and the total
/// length, in bytes. `None` if it is not a column of texts.
fn text_lengths(column: &dyn Array) -> Option<(u64, u64)> {
    let add = |(longest, total): (u64, u64), length: u64| (longest.max(length), total + length);
    let Some(dictionary) = column.as_dictionary_opt::<Int32Type>() else {
        let lengths = column.as_string_opt::<i32>()?.offsets().lengths();
        return Some(lengths.map(|length| length as u64).fold((0, 0), add));
    };
    let offsets = dictionary.values().as_string_opt::<i32>()?.offsets();
    let length = |key: i32| (offsets[key as usize + 1] - offsets[key as usize]) as u64;
    let keys = dictionary.keys();
    Some(match keys.nulls().filter(|nulls| nulls.null_count() > 0) {
        None => keys.values().iter().map(|&key| length(key)).fold((0, 0), add),
        Some(_) => keys.iter().flatten().map(length).fold((0, 0), add),
    })
}
