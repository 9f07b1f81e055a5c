//! A Parquet file being written, with its columns encoded in parallel.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{FieldRef, SchemaRef};
use futures::stream::{self, StreamExt, TryStreamExt};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{
    ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, ArrowWriterOptions,
    compute_leaves,
};
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::ColumnPath;
use tokio_util::task::AbortOnDropHandle;
use xxhash_rust::xxh3::Xxh3;

use crate::error::{Error, Result};
use crate::star::FileRecord;
use crate::storage::{Place, Upload};

/// Target size of a row group. It must not exceed 128 MB (Redshift Developer Guide, UNLOAD and Spectrum
/// troubleshooting); half of that leaves room for estimation errors.
const ROW_GROUP_BYTES: usize = 64 * 1024 * 1024;

const ROW_GROUP_ROWS: usize = 1024 * 1024;

/// On this data ZSTD at level 1 is half the size of Snappy at the same speed; higher levels cost more
/// than they save.
const ZSTD_LEVEL: i32 = 1;

/// Returns the writer's properties. Disables dictionary encoding for the columns `distinct`: they
/// hardly repeat values, so the writer would fill a dictionary for each row group only to abandon it.
fn properties(distinct: &[String]) -> Result<WriterProperties, ParquetError> {
    let builder = WriterProperties::builder()
        // Redshift documents Parquet v1: data page v1, PLAIN and RLE_DICTIONARY encodings.
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?))
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_bloom_filter_enabled(false);
    let plain = distinct.iter().map(|column| ColumnPath::from(column.as_str()));
    Ok(plain.fold(builder, |b, column| b.set_column_dictionary_enabled(column, false)).build())
}

/// A column of a row group, and its field.
type Column = (FieldRef, ArrowColumnWriter);

/// A file that is written in rounds: while one round is encoded, the next can be collected.
pub(super) struct OpenFile {
    path: String,
    writer: SerializedFileWriter<Vec<u8>>,
    row_groups: ArrowRowGroupWriterFactory,
    upload: Upload,
    schema: SchemaRef,
    threads: usize,
    /// Columns of the current row group; empty while they are being encoded.
    columns: Vec<Column>,
    /// The running encoding of the last round.
    encoding: Option<AbortOnDropHandle<Result<Vec<Column>, ParquetError>>>,
    /// Number of rows in the current row group.
    group_rows: usize,
    rows: u64,
    hasher: Box<Xxh3>,
}

impl OpenFile {
    pub fn create(
        out: &Place,
        path: String,
        schema: &SchemaRef,
        distinct: &[String],
        threads: usize,
    ) -> Result<OpenFile> {
        let place = out.child(&path);
        let failed = |e| parquet_error(&place, e);
        let options = ArrowWriterOptions::new()
            .with_properties(properties(distinct).map_err(failed)?)
            // Omit the Arrow schema: Parquet's own schema describes the file completely.
            .with_skip_arrow_metadata(true);
        let writer = ArrowWriter::try_new_with_options(Vec::new(), schema.clone(), options);
        let (writer, row_groups) =
            writer.and_then(ArrowWriter::into_serialized_writer).map_err(failed)?;
        Ok(OpenFile {
            path,
            writer,
            row_groups,
            upload: Upload::new(place.clone()),
            schema: schema.clone(),
            threads,
            columns: Vec::new(),
            encoding: None,
            group_rows: 0,
            rows: 0,
            hasher: Box::default(),
        })
    }

    /// Starts to encode `round` after the previous round is done.
    pub async fn encode(&mut self, round: Vec<RecordBatch>) -> Result<()> {
        self.await_round().await?;
        let rows: usize = round.iter().map(RecordBatch::num_rows).sum();
        if self.group_bytes() >= ROW_GROUP_BYTES || self.group_rows + rows > ROW_GROUP_ROWS {
            self.close_row_group().await?;
        }
        if self.columns.is_empty() {
            let group = self.writer.flushed_row_groups().len();
            let writers =
                self.row_groups.create_column_writers(group).map_err(|e| self.failed(e))?;
            self.columns = self.schema.fields().iter().cloned().zip(writers).collect();
        }
        self.rows += rows as u64;
        self.group_rows += rows;
        let columns = std::mem::take(&mut self.columns);
        let encoding = tokio::spawn(encode_columns(columns, Arc::new(round), self.threads));
        self.encoding = Some(AbortOnDropHandle::new(encoding));
        Ok(())
    }

    async fn await_round(&mut self) -> Result<()> {
        if let Some(encoding) = self.encoding.take() {
            self.columns = encoding.await?.map_err(|e| self.failed(e))?;
        }
        Ok(())
    }

    /// Returns the estimated size of the file if it were closed at this point.
    pub async fn size(&mut self) -> Result<u64> {
        self.await_round().await?;
        Ok((self.writer.bytes_written() + self.group_bytes()) as u64)
    }

    /// Returns the size of the current row group in bytes.
    fn group_bytes(&self) -> usize {
        self.columns.iter().map(|(_, column)| column.get_estimated_total_bytes()).sum()
    }

    async fn close_row_group(&mut self) -> Result<()> {
        self.group_rows = 0;
        let columns = close_columns(std::mem::take(&mut self.columns), self.threads).await;
        let appended = columns.and_then(|columns| append_row_group(&mut self.writer, columns));
        appended.map_err(|e| parquet_error(&self.path, e))?;
        self.upload().await
    }

    async fn upload(&mut self) -> Result<()> {
        self.hasher.update(self.writer.inner_mut());
        Ok(self.upload.write(self.writer.inner_mut()).await?)
    }

    /// Finishes the file. Returns its record and the hash of its bytes.
    pub async fn close(mut self) -> Result<(FileRecord, u128)> {
        self.await_round().await?;
        if !self.columns.is_empty() {
            self.close_row_group().await?;
        }
        self.writer.finish().map_err(|e| parquet_error(&self.path, e))?;
        self.upload().await?;
        let bytes = self.upload.finish().await?;
        let record = FileRecord { path: self.path, rows: self.rows, bytes };
        Ok((record, self.hasher.digest128()))
    }

    fn failed(&self, error: ParquetError) -> Error {
        parquet_error(&self.path, error)
    }
}

/// Finishes the columns of a row group, with one column per thread at a time.
async fn close_columns(
    columns: Vec<Column>,
    threads: usize,
) -> Result<Vec<ArrowColumnChunk>, ParquetError> {
    let tasks = columns.into_iter().map(|(_, column)| {
        let task = tokio::task::spawn_blocking(move || column.close());
        async { task.await.map_err(|e| ParquetError::External(e.into()))? }
    });
    stream::iter(tasks).buffered(threads).try_collect().await
}

fn append_row_group(
    writer: &mut SerializedFileWriter<Vec<u8>>,
    columns: Vec<ArrowColumnChunk>,
) -> Result<(), ParquetError> {
    let mut group = writer.next_row_group()?;
    for column in columns {
        column.append_to_row_group(&mut group)?;
    }
    group.close()?;
    Ok(())
}

fn parquet_error(url: impl ToString, source: ParquetError) -> Error {
    Error::Parquet { url: url.to_string(), source }
}

/// Encodes the batches of a round, with one column per thread at a time.
async fn encode_columns(
    columns: Vec<Column>,
    round: Arc<Vec<RecordBatch>>,
    threads: usize,
) -> Result<Vec<Column>, ParquetError> {
    let mut columns: Vec<_> = columns.into_iter().enumerate().collect();
    // Text columns take longest: started last, they would run alone at the end.
    columns.sort_by_key(|(_, (field, _))| field.data_type().is_primitive());
    let tasks = columns.into_iter().map(|(at, (field, mut writer))| {
        let arrays: Vec<ArrayRef> = round.iter().map(|batch| batch.column(at).clone()).collect();
        let task = tokio::task::spawn_blocking(move || {
            for array in arrays {
                for leaf in compute_leaves(&field, &array)? {
                    writer.write(&leaf)?;
                }
            }
            Ok::<_, ParquetError>((at, (field, writer)))
        });
        async { task.await.map_err(|e| ParquetError::External(e.into()))? }
    });
    let encoded = stream::iter(tasks).buffer_unordered(threads);
    let mut columns: Vec<(usize, Column)> = encoded.try_collect().await?;
    columns.sort_by_key(|(at, _)| *at);
    Ok(columns.into_iter().map(|(_, column)| column).collect())
}
