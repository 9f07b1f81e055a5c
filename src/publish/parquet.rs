//! Parquet as Redshift takes it, the same bytes for the same rows.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::BatchCoalescer;
use arrow::datatypes::{DataType, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};

use super::record::{FileRecord, TableRecord};
use crate::decode::BATCH_ROWS;
use crate::error::{Error, Result};
use crate::storage::{Place, Upload};

/// Files are closed at about this size, unless told otherwise. Redshift splits Parquet of 128 MB
/// and more by row group across its slices, and advises files of 64 MB to 1 GB (Redshift Developer
/// Guide, best practices for loading and for Spectrum).
pub const DEFAULT_FILE_BYTES: u64 = 256 * 1024 * 1024;

/// A row group must not pass 128 MB (Redshift Developer Guide, UNLOAD and Spectrum
/// troubleshooting); half of it leaves room for what the estimate misses.
const ROW_GROUP_BYTES: usize = 64 * 1024 * 1024;

const ROW_GROUP_ROWS: usize = 1024 * 1024;

/// ZSTD at 1 is half the size of Snappy here at the same speed; higher levels cost more than they
/// save.
const ZSTD_LEVEL: i32 = 1;

fn properties() -> Result<WriterProperties, ParquetError> {
    Ok(WriterProperties::builder()
        // Redshift documents Parquet v1: data page v1, PLAIN and RLE_DICTIONARY encodings.
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_max_row_group_bytes(Some(ROW_GROUP_BYTES))
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_bloom_filter_enabled(false)
        .build())
}

/// How a sink's files are called, relative to the output.
enum Naming {
    /// `<stem>-NNNNN.parquet`, a new one whenever a file has reached its size.
    Numbered(String),
    /// One file of this name.
    Single(String),
}

/// Writes one table's rows to Parquet files.
///
/// Rows are regrouped to batches of a fixed length before they are encoded: the cuts between the
/// batches that come in depend on timing, and pages and row groups must not.
pub struct ParquetSink {
    out: Place,
    naming: Naming,
    schema: SchemaRef,
    file_bytes: u64,
    coalescer: BatchCoalescer,
    file: Option<OpenFile>,
    record: TableRecord,
}

struct OpenFile {
    path: String,
    writer: ArrowWriter<Vec<u8>>,
    upload: Upload,
    rows: u64,
}

impl ParquetSink {
    /// A sink for files of about `file_bytes`, called `<stem>-NNNNN.parquet` below `out`.
    pub fn numbered(out: &Place, stem: String, schema: SchemaRef, file_bytes: u64) -> ParquetSink {
        ParquetSink::new(out, Naming::Numbered(stem), schema, file_bytes)
    }

    /// A sink for one file.
    pub fn single(out: &Place, path: String, schema: SchemaRef) -> ParquetSink {
        ParquetSink::new(out, Naming::Single(path), schema, u64::MAX)
    }

    fn new(out: &Place, naming: Naming, schema: SchemaRef, file_bytes: u64) -> ParquetSink {
        let nulls = schema.fields().iter().map(|field| (field.name().clone(), 0)).collect();
        let texts = schema.fields().iter().filter(|f| *f.data_type() == DataType::Utf8);
        let max_text_bytes = texts.map(|field| (field.name().clone(), 0)).collect();
        ParquetSink {
            out: out.clone(),
            naming,
            file_bytes,
            coalescer: BatchCoalescer::new(schema.clone(), BATCH_ROWS),
            schema,
            file: None,
            record: TableRecord { nulls, max_text_bytes, ..TableRecord::default() },
        }
    }

    /// Adds rows.
    ///
    /// # Errors
    ///
    /// If they are not of the schema, or a file cannot be written.
    pub async fn write(&mut self, batch: RecordBatch) -> Result<()> {
        self.record.rows += batch.num_rows() as u64;
        measure(&batch, &mut self.record.nulls, &mut self.record.max_text_bytes);
        self.coalescer.push_batch(batch)?;
        while let Some(batch) = self.coalescer.next_completed_batch() {
            self.encode(&batch).await?;
        }
        Ok(())
    }

    async fn encode(&mut self, batch: &RecordBatch) -> Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => {
                let path = match &self.naming {
                    Naming::Single(path) => path.clone(),
                    Naming::Numbered(stem) => {
                        format!("{stem}-{:05}.parquet", self.record.files.len())
                    }
                };
                none.insert(OpenFile::create(&self.out, path, &self.schema)?)
            }
        };
        file.encode(batch).await?;
        if file.size() >= self.file_bytes {
            self.close_file().await?;
        }
        Ok(())
    }

    async fn close_file(&mut self) -> Result<()> {
        if let Some(file) = self.file.take() {
            self.record.files.push(file.close().await?);
        }
        Ok(())
    }

    /// Writes what is left and returns what has been written. A table without rows has one file
    /// without rows: its columns are still to be found.
    ///
    /// # Errors
    ///
    /// If a file cannot be written.
    pub async fn finish(&mut self) -> Result<TableRecord> {
        self.coalescer.finish_buffered_batch()?;
        while let Some(batch) = self.coalescer.next_completed_batch() {
            self.encode(&batch).await?;
        }
        if self.record.files.is_empty() && self.file.is_none() {
            self.encode(&RecordBatch::new_empty(self.schema.clone())).await?;
        }
        self.close_file().await?;
        self.record.bytes = self.record.files.iter().map(|file| file.bytes).sum();
        Ok(std::mem::take(&mut self.record))
    }
}

impl OpenFile {
    fn create(out: &Place, path: String, schema: &SchemaRef) -> Result<OpenFile> {
        let place = out.child(&path);
        let failed = |e| parquet_error(&place, e);
        let options = ArrowWriterOptions::new()
            .with_properties(properties().map_err(failed)?)
            // Without the Arrow schema the file says nothing that Parquet's own does not.
            .with_skip_arrow_metadata(true);
        let writer = ArrowWriter::try_new_with_options(Vec::new(), schema.clone(), options);
        Ok(OpenFile {
            path,
            writer: writer.map_err(failed)?,
            upload: Upload::new(place.clone()),
            rows: 0,
        })
    }

    async fn encode(&mut self, batch: &RecordBatch) -> Result<()> {
        self.rows += batch.num_rows() as u64;
        self.writer.write(batch).map_err(|e| parquet_error(&self.path, e))?;
        self.upload.write(self.writer.inner_mut()).await
    }

    /// Its size if it were closed now, by the writer's estimate.
    fn size(&self) -> u64 {
        (self.writer.bytes_written() + self.writer.in_progress_size()) as u64
    }

    async fn close(mut self) -> Result<FileRecord> {
        self.writer.finish().map_err(|e| parquet_error(&self.path, e))?;
        self.upload.write(self.writer.inner_mut()).await?;
        let bytes = self.upload.finish().await?;
        Ok(FileRecord { path: self.path, rows: self.rows, bytes })
    }
}

fn parquet_error(url: impl ToString, source: ParquetError) -> Error {
    Error::Parquet { url: url.to_string(), source }
}

/// Notes nulls and the longest text of each column.
fn measure(
    batch: &RecordBatch,
    nulls: &mut BTreeMap<String, u64>,
    max_text_bytes: &mut BTreeMap<String, u64>,
) {
    for (field, column) in batch.schema_ref().fields().iter().zip(batch.columns()) {
        if let Some(count) = nulls.get_mut(field.name()) {
            *count += column.null_count() as u64;
        }
        if let Some(longest) = max_text_bytes.get_mut(field.name()) {
            let lengths = column.as_string::<i32>().offsets().lengths();
            *longest = lengths.fold(*longest, |longest, length| longest.max(length as u64));
        }
    }
}
