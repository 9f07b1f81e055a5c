//! Reads the Parquet files of a state.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt, Stream, StreamExt, TryStreamExt};
use object_store::ObjectStoreExt;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::arrow::{ParquetRecordBatchStreamBuilder, ProjectionMask};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData};
use parquet::file::statistics::Statistics;
use tokio_util::task::AbortOnDropHandle;

use super::days::Days;
use crate::error::{Error, Result};
use crate::star::{FileRecord, MICROS_PER_DAY};
use crate::storage::Place;

/// The batches in which a file is read.
#[derive(Clone, Default)]
pub(super) struct Batches {
    /// Maximum number of rows of a batch.
    pub rows: usize,
    /// Number of row groups that are read at the same time.
    pub threads: usize,
    /// Names of the columns to read; `None` for all.
    pub columns: Option<Vec<String>>,
    /// A column of times, and the days of which rows are wanted. Row groups without such days are not read.
    pub days: Option<(String, Arc<Days>)>,
}

/// Reads a file in batches of `schema`, and calls `each` with each batch.
///
/// # Errors
///
/// Returns an error if the file cannot be read or has another schema, or the first error of `each`.
pub(super) async fn read<F>(
    out: &Place,
    file: &FileRecord,
    schema: &SchemaRef,
    batches: Batches,
    each: F,
) -> Result<()>
where
    F: Fn(RecordBatch) -> Result<()> + Clone + Send + 'static,
{
    let place = out.child(&file.path);
    let url = place.to_string();
    let mut reader = StateFile { place, size: file.bytes };
    let options = ArrowReaderOptions::new().with_schema(schema.clone());
    let metadata = ArrowReaderMetadata::load_async(&mut reader, options).await;
    let metadata = metadata.map_err(|error| unreadable(&url, &error))?;
    let groups = metadata.metadata().row_groups().iter().enumerate();
    let groups = groups.filter(|(_, group)| batches.may_have_days(group)).map(|(at, _)| at);
    let mask = match &batches.columns {
        None => ProjectionMask::all(),
        Some(names) => {
            let schema = metadata.metadata().file_metadata().schema_descr();
            ProjectionMask::columns(schema, names.iter().map(String::as_str))
        }
    };
    let tasks = groups.collect::<Vec<_>>().into_iter().map(|group| {
        let opened =
            ParquetRecordBatchStreamBuilder::new_with_metadata(reader.clone(), metadata.clone())
                .with_row_groups(vec![group])
                .with_projection(mask.clone())
                .with_batch_size(batches.rows)
                .build();
        let (url, each) = (url.clone(), each.clone());
        async move {
            let group = opened.map_err(|error| unreadable(&url, &error))?;
            let task = tokio::spawn(read_group(group, url, each));
            AbortOnDropHandle::new(task).await?
        }
    });
    futures::stream::iter(tasks).buffer_unordered(batches.threads.max(1)).try_collect().await
}

impl Batches {
    /// Returns `false` if the statistics of a row group prove that it has no rows of the wanted days.
    fn may_have_days(&self, group: &RowGroupMetaData) -> bool {
        let Some((name, days)) = &self.days else { return true };
        let column = group.columns().iter().find(|column| column.column_path().string() == *name);
        let bounds = match column.and_then(|column| column.statistics()) {
            Some(Statistics::Int64(times)) => times
                .min_opt()
                .zip(times.max_opt())
                .map(|(min, max)| (min.div_euclid(MICROS_PER_DAY), max.div_euclid(MICROS_PER_DAY))),
            Some(Statistics::Int32(dates)) => dates
                .min_opt()
                .zip(dates.max_opt())
                .map(|(min, max)| ((*min).into(), (*max).into())),
            _ => None,
        };
        bounds.is_none_or(|(first, last)| days.has_any(first, last))
    }
}

async fn read_group<F: Fn(RecordBatch) -> Result<()>>(
    batches: impl Stream<Item = Result<RecordBatch, ParquetError>>,
    url: String,
    each: F,
) -> Result<()> {
    let mut batches = std::pin::pin!(batches);
    while let Some(batch) = batches.try_next().await.map_err(|e| unreadable(&url, &e))? {
        each(batch)?;
    }
    Ok(())
}

/// A file that is read in ranges.
#[derive(Clone)]
struct StateFile {
    place: Place,
    size: u64,
}

impl AsyncFileReader for StateFile {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes, ParquetError>> {
        async move {
            let read = self.place.store.get_range(self.place.path(), range).await;
            read.map_err(|e| ParquetError::External(e.into()))
        }
        .boxed()
    }

    fn get_byte_ranges(
        &mut self,
        ranges: Vec<Range<u64>>,
    ) -> BoxFuture<'_, Result<Vec<Bytes>, ParquetError>> {
        async move {
            let read = self.place.store.get_ranges(self.place.path(), &ranges).await;
            read.map_err(|e| ParquetError::External(e.into()))
        }
        .boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        _options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, Result<Arc<ParquetMetaData>, ParquetError>> {
        async move {
            let size = self.size;
            Ok(Arc::new(ParquetMetaDataReader::new().load_and_finish(self, size).await?))
        }
        .boxed()
    }
}

fn unreadable(url: &str, error: &ParquetError) -> Error {
    let reason = format!("it cannot be read: {error}; --full reads all objects again instead");
    Error::StarFile { url: url.to_owned(), reason }
}
