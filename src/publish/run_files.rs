//! The Parquet files that a run writes, on any machine.

use arrow::datatypes::SchemaRef;

use super::names;
use super::parquet::{DEFAULT_FILE_BYTES, ParquetSink};
use super::table_sink::TableSink;
use crate::star::Partitioning;
use crate::star::model::{Table, table_schema};
use crate::storage::Place;

/// The place, the names and the size of the files of a run.
#[derive(Debug, Clone)]
pub(crate) struct RunFiles {
    /// Location that the run writes to.
    pub out: Place,
    /// ID of the run.
    pub run_id: String,
    /// Text that distinguishes the files of an attempt to write them from those of others: empty, or eight
    /// hexadecimal digits.
    pub attempt: String,
    /// Target size of the files of tables in bytes.
    pub file_bytes: u64,
    /// Threads that encode a file.
    pub threads: usize,
}

impl RunFiles {
    /// Returns a sink for the rows of a star table, whose texts have at most `longest_text` bytes.
    pub fn table_sink(
        &self,
        table: &Table,
        partitioning: Partitioning,
        longest_text: usize,
    ) -> TableSink {
        let stem = format!("{}/{}", table.name, self.run_id);
        // The columns that rows are sorted by are unique or nearly so.
        let (schema, distinct) = (table_schema(table), table.sorted_by.clone());
        let files = self.clone();
        TableSink::new(partitioning, partitioning.column(table), move |partition| {
            let stem = format!("{stem}{partition}{}", files.suffix());
            let (bytes, threads) = (files.file_bytes, files.threads);
            ParquetSink::numbered(&files.out, stem, schema.clone(), &distinct, bytes, threads)
                .with_longest_text(longest_text)
        })
    }

    /// Returns a sink for decoded rows of a dataset, which are kept for incremental runs.
    pub fn rows_sink(&self, dataset: &str, schema: SchemaRef) -> ParquetSink {
        let stem = format!("{}/{}-{dataset}", names::STATE, self.run_id);
        ParquetSink::numbered(&self.out, stem, schema, &[], DEFAULT_FILE_BYTES, self.threads)
    }

    /// Returns a sink for rows called `name`, which are needed until the run ends.
    #[cfg(feature = "cluster")]
    pub fn work_sink(&self, name: &str, schema: SchemaRef) -> ParquetSink {
        let stem = format!("{}/{}-{name}{}", names::WORK, self.run_id, self.suffix());
        ParquetSink::numbered(&self.out, stem, schema, &[], DEFAULT_FILE_BYTES, self.threads)
    }

    /// Returns the same place with names that no other attempt uses.
    #[cfg(feature = "cluster")]
    pub fn new_attempt(&self) -> RunFiles {
        RunFiles { attempt: format!("{:08x}", rand::random::<u32>()), ..self.clone() }
    }

    /// Returns the attempt as part of a name.
    fn suffix(&self) -> String {
        match &*self.attempt {
            "" => String::new(),
            attempt => format!("-{attempt}"),
        }
    }
}
