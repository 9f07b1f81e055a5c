//! Reads Parquet footers from a store, with a single request if the footer is small.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use object_store::ObjectStoreExt;
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::errors::ParquetError;
use parquet::file::FOOTER_SIZE;
use parquet::file::metadata::{
    FooterTail, ParquetMetaData, ParquetMetaDataOptions, ParquetMetaDataReader,
};

use super::rule::Rule;
use crate::storage::{Place, StorageError};
use crate::warehouse::error::Result;

/// Number of bytes to read from the end of a file; most footers are smaller.
const TAIL_BYTES: u64 = 64 * 1024;

/// An object of known size that is read in ranges.
#[derive(Clone)]
pub(super) struct Object {
    pub place: Place,
    pub size: u64,
}

/// A footer, or the rule that the file breaks with a description of the problem.
pub(super) type Footer = std::result::Result<Arc<ParquetMetaData>, (Rule, String)>;

impl Object {
    /// Reads a range, which must be within the object.
    pub async fn range(&self, range: Range<u64>) -> Result<Bytes> {
        let read = self.place.store.get_range(self.place.path(), range).await;
        Ok(read.map_err(|source| StorageError::read(&self.place.to_string(), source))?)
    }

    /// Reads the footer. A missing or damaged footer is an outcome, not an error.
    pub async fn footer(&self) -> Result<Footer> {
        let unreadable = |problem: String| Ok(Err((Rule::ParquetReadable, problem)));
        if self.size < FOOTER_SIZE as u64 {
            return unreadable(format!("it has {} bytes, too few for a footer", self.size));
        }
        let mut tail = self.range(self.size.saturating_sub(TAIL_BYTES)..self.size).await?;
        match FooterTail::try_from(&tail[tail.len() - FOOTER_SIZE..]) {
            Ok(end) if end.is_encrypted_footer() => {
                let problem = "its footer is encrypted".to_owned();
                return Ok(Err((Rule::ParquetEncryption, problem)));
            }
            Ok(end) => {
                let wanted = (end.metadata_length() + FOOTER_SIZE) as u64;
                if wanted > self.size {
                    return unreadable("its footer is truncated".to_owned());
                }
                if wanted > tail.len() as u64 {
                    tail = self.range(self.size - wanted..self.size).await?;
                }
            }
            Err(_) => return unreadable("it does not end like a Parquet file".to_owned()),
        }
        // A mask of encodings would not distinguish data pages of version 1 from those of version
        // 2.
        let options = ParquetMetaDataOptions::new().with_encoding_stats_as_mask(false);
        let mut reader = ParquetMetaDataReader::new().with_metadata_options(Some(options));
        let parsed = reader.try_parse_sized(&tail, self.size).and_then(|()| reader.finish());
        match parsed {
            Ok(footer) => Ok(Ok(Arc::new(footer))),
            Err(error) => unreadable(format!("its footer cannot be read: {error}")),
        }
    }
}

impl AsyncFileReader for Object {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes, ParquetError>> {
        async move {
            if range.end > self.size {
                // Only a damaged footer leads here; report the file, not the store.
                let problem = format!("it has {} bytes; its footer says more", self.size);
                return Err(ParquetError::General(problem));
            }
            self.range(range).await.map_err(|e| ParquetError::External(e.into()))
        }
        .boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        _options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, Result<Arc<ParquetMetaData>, ParquetError>> {
        async move {
            let footer = self.footer().await.map_err(|e| ParquetError::External(e.into()))?;
            footer.map_err(|(_, problem)| ParquetError::General(problem))
        }
        .boxed()
    }
}
