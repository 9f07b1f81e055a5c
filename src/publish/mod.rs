//! Publishing: Parquet files, manifests and the record that makes them a star, all or nothing.
//!
//! In order: take the output's lock; write files under fresh names; let the caller check them;
//! put the manifests; put the record, from which moment on the new star is the star; remove what
//! it supersedes. A run killed before the record's put leaves the old star as it was, files and
//! all; one killed after it leaves files that the next run removes.

mod cleanup;
mod file;
mod lock;
mod manifest;
mod parquet;
mod record;

use arrow::datatypes::SchemaRef;
use chrono::{DateTime, Utc};

pub use self::manifest::manifest;
pub use self::parquet::{DEFAULT_FILE_BYTES, ParquetSink};
pub use self::record::{
    DatasetRecord, FORMAT, FileRecord, PlaysRecord, RECORD, RunOptions, RunRecord, TableRecord,
};

use crate::error::{Error, Result};
use crate::star::model::Table;
use crate::storage::Place;
use lock::OutputLock;

/// Whether a star was published.
pub(crate) enum Published {
    /// It was.
    Yes,
    /// It was not, for this reason.
    No(Error),
    /// The store failed in such a way that it cannot be told.
    Unknown(Error),
}

/// A run's hold on its output, from the lock to the record.
pub(crate) struct Publication {
    /// The output.
    pub out: Place,
    /// The run.
    pub run_id: String,
    /// When it began.
    pub started_at: DateTime<Utc>,
    lock: OutputLock,
    file_bytes: u64,
    threads: usize,
}

impl Publication {
    /// Takes the output for a new run, whose files are to have about `file_bytes` and are encoded on
    /// `threads` threads.
    pub async fn begin(out: Place, file_bytes: u64, threads: usize) -> Result<Publication> {
        let started_at = Utc::now();
        let run_id =
            format!("{}-{:08x}", started_at.format("%Y%m%dT%H%M%SZ"), rand::random::<u32>());
        let lock = OutputLock::acquire(&out, &run_id).await?;
        Ok(Publication { out, run_id, started_at, lock, file_bytes, threads })
    }

    /// A sink for a star table's files.
    pub fn table_sink(&self, table: &Table) -> ParquetSink {
        let stem = format!("{}/{}", table.name, self.run_id);
        // What rows are sorted by tells them apart, or nearly so.
        let (schema, distinct) = (table.schema(), table.sorted_by);
        ParquetSink::numbered(&self.out, stem, schema, distinct, self.file_bytes, self.threads)
    }

    /// A sink for the file of rejects.
    pub fn rejects_sink(&self, schema: SchemaRef) -> ParquetSink {
        let path = format!("{}/{}.parquet", cleanup::REJECTS, self.run_id);
        ParquetSink::single(&self.out, path, schema)
    }

    /// The folder of the files of rejects.
    pub fn rejects_folder(&self) -> Place {
        self.out.child(cleanup::REJECTS)
    }

    /// A sink for the file of inputs.
    pub fn inputs_sink(&self, schema: SchemaRef) -> ParquetSink {
        let path = format!("{}/{}.parquet", cleanup::INPUTS, self.run_id);
        ParquetSink::single(&self.out, path, schema)
    }

    /// Makes the star that `record` describes the star of this output.
    pub async fn publish(&self, record: &RunRecord) -> Published {
        let prepared = async {
            self.lock.verify().await?;
            Ok((RunRecord::read(&self.out).await?, record.to_json()?))
        };
        let (previous, json) = match prepared.await {
            Ok(prepared) => prepared,
            Err(error) => return Published::No(error),
        };
        if let Err(error) = self.put_manifests(record).await {
            self.restore_manifests(previous.as_ref()).await;
            return Published::No(error);
        }
        let Err(error) = self.out.child(RECORD).write(json).await else { return Published::Yes };
        // The put may have been done and only its answer lost.
        match RunRecord::read(&self.out).await {
            Ok(Some(found)) if found.run_id == self.run_id => Published::Yes,
            Ok(_) if error.is_denied() => {
                self.restore_manifests(previous.as_ref()).await;
                Published::No(error.into())
            }
            _ => Published::Unknown(error.into()),
        }
    }

    async fn put_manifests(&self, record: &RunRecord) -> Result<()> {
        for table in record.tables.values() {
            let manifest = manifest(&self.out, table)?;
            self.out.child(&table.manifest).write(manifest).await?;
        }
        Ok(())
    }

    /// Makes the manifests name the files of the star that stays.
    async fn restore_manifests(&self, previous: Option<&RunRecord>) {
        let Some(previous) = previous else { return };
        if let Err(error) = self.put_manifests(previous).await {
            tracing::warn!(%error, "the manifests could not be restored; run again to mend them");
        }
    }

    /// Removes what the new star supersedes, and gives the output back. The star stands: failing
    /// to remove the old files is worth a warning, not a failed run.
    pub async fn end(self, record: &RunRecord) {
        match cleanup::remove_all_but(&self.out, record).await {
            Ok(removed) => tracing::debug!(removed, "removed superseded files"),
            Err(error) => tracing::warn!(%error, "superseded files could not all be removed"),
        }
        self.lock.release().await;
    }

    /// Gives the output back and leaves everything in place: the record may yet turn out to name
    /// this run's files. The next run removes whichever are not named.
    pub async fn leave(self) {
        self.lock.release().await;
    }

    /// Removes what the run has written, rejects apart, and gives the output back.
    pub async fn abandon(self) {
        self.out.settle().await;
        if let Err(error) = cleanup::remove_run(&self.out, &self.run_id).await {
            tracing::warn!(%error, "files of the failed run could not all be removed");
        }
        self.lock.release().await;
    }
}
