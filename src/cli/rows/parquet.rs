//! Rows as a Parquet file.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use crate::cli::destination::{BytesWriter, Destination};
use crate::cli::error::{Error, Result};

/// Writes batches to a Parquet file.
pub struct ParquetRows<'d> {
    writer: ArrowWriter<BytesWriter<'d>>,
}

impl<'d> ParquetRows<'d> {
    /// Begins a file with the columns of `schema`.
    ///
    /// # Errors
    ///
    /// Returns an error if the destination is a terminal, two columns have the same name, or a type does not
    /// exist in Parquet.
    pub fn begin(schema: SchemaRef, destination: &'d mut Destination) -> Result<ParquetRows<'d>> {
        ensure_distinct(&schema)?;
        let properties = ZstdLevel::try_new(1).map(|level| {
            WriterProperties::builder().set_compression(Compression::ZSTD(level)).build()
        });
        let properties = properties.map_err(failed)?;
        let bytes = destination.bytes()?;
        let writer = ArrowWriter::try_new(bytes, schema, Some(properties)).map_err(failed)?;
        Ok(ParquetRows { writer })
    }

    /// Returns `true` if the reader of the output has closed it.
    pub fn is_closed(&self) -> bool {
        self.writer.inner().is_closed()
    }

    /// Adds rows.
    ///
    /// # Errors
    ///
    /// Returns an error if a write fails.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.writer.write(batch).map_err(failed)
    }

    /// Completes the file.
    ///
    /// # Errors
    ///
    /// Returns an error if a write fails.
    pub fn finish(self) -> Result<()> {
        self.writer.close().map(drop).map_err(failed)
    }
}

fn failed(error: ParquetError) -> Error {
    Error::io("cannot write the result as Parquet", std::io::Error::other(error))
}

/// Checks that no two columns have the same name: readers select columns by name.
fn ensure_distinct(schema: &SchemaRef) -> Result<()> {
    let mut names = std::collections::HashSet::new();
    match schema.fields().iter().find(|field| !names.insert(field.name())) {
        None => Ok(()),
        Some(field) => Err(Error::Usage(format!(
            "the columns of a Parquet file need distinct names, and the result has several called {:?}; \
             rename them with AS",
            field.name()
        ))),
    }
}
