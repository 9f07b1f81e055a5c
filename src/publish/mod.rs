//! Atomic publication of a star: Parquet files, manifests, and the record that makes them a star.
//!
//! The steps are: lock the output and read its record; write files under new names; let the caller
//! check them; write a manifest for each table; replace the record that was read, which publishes the
//! new star; copy the manifests to their fixed names; remove what the new star supersedes, except the files of
//! earlier stars that are kept: the record names them, and `_history` has their records. A run killed
//! before it replaces the record leaves the old star and its files untouched. A run killed afterwards
//! leaves files and copies that the next run repairs.
//!
//! A run that was suspended, or whose lease was taken over, harms no other run: its record replaces
//! only the record that it read, and it removes only files that existed while it held the lock.

mod cleanup;
mod conditional;
mod copies;
mod current;
mod disk;
mod file;
mod file_lock;
mod holder;
mod lease;
mod lock;
mod manifest;
mod names;
mod parquet;
mod probe;
mod run_files;
mod table_sink;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::path::PathBuf;

use arrow::datatypes::SchemaRef;
use chrono::{DateTime, Utc};

pub use self::lock::LockMode;
pub use self::manifest::manifest;
pub(crate) use self::names::{OWN_FOLDERS, fixed_manifest};
pub(crate) use self::parquet::batch_rows;
pub use self::parquet::{DEFAULT_FILE_BYTES, MAX_FILE_BYTES, ParquetSink};
pub(crate) use self::probe::{Outcome, probe_store};
pub(crate) use self::run_files::RunFiles;
pub use self::table_sink::TableSink;

use crate::error::{Error, Result};
use crate::star::RunRecord;
use crate::storage::Place;
use cleanup::ObsoleteFiles;
use copies::Copies;
use current::{CurrentRecord, NotReplaced};
use lock::OutputLock;
use names::TableNames;

/// The outcome of publishing a star.
enum Published {
    /// The star is published; these copies of its manifests are still to be written.
    Yes(Box<Copies>),
    /// The star is not published, for this reason.
    No(Error),
    /// The store failed, and the outcome is unknown.
    Unknown(Error),
}

/// A run's exclusive use of its output, from the lock to the record.
pub(crate) struct Publication {
    /// Location that the run writes to.
    pub out: Place,
    /// ID of the run.
    pub run_id: String,
    /// Start time of the run.
    pub started_at: DateTime<Utc>,
    tables: TableNames,
    lock: OutputLock,
    current: CurrentRecord,
    /// Folders that did not exist when the run began, and the existing folder that contains them.
    new_folders: Vec<PathBuf>,
    file_bytes: u64,
    threads: usize,
}

/// A star that is complete except for its record.
struct Prepared {
    json: Vec<u8>,
    copies: Copies,
}

/// Returns an ID for a run that begins at `now`.
fn new_run_id(now: DateTime<Utc>) -> String {
    format!("{}-{:08x}", now.format("%Y%m%dT%H%M%SZ"), rand::random::<u32>())
}

impl Publication {
    /// Acquires the output for a new run that writes `tables`. Its files have about `file_bytes` and are encoded on
    /// `threads` threads.
    ///
    /// # Errors
    ///
    /// Returns an error if another run holds the output, or this version cannot replace its record.
    pub async fn begin(
        out: Place,
        tables: Vec<String>,
        lock: LockMode,
        file_bytes: u64,
        threads: usize,
    ) -> Result<Publication> {
        let started_at = Utc::now();
        let run_id = new_run_id(started_at);
        let new_folders = out.location.local_path().map(|folder| disk::missing_folders(&folder));
        let lock = OutputLock::acquire(&out, &run_id, lock).await?;
        let current = match CurrentRecord::read(&out).await {
            Ok(current) => current,
            Err(error) => {
                lock.release().await;
                return Err(error);
            }
        };
        let new_folders = new_folders.unwrap_or_default();
        let tables = TableNames::new(tables);
        Ok(Publication {
            out,
            run_id,
            started_at,
            tables,
            lock,
            current,
            new_folders,
            file_bytes,
            threads,
        })
    }

    /// Resolves when another run is known to have taken over the output.
    pub async fn lost(&self) -> Error {
        self.lock.lost().await;
        match self.lock.verify().await {
            Err(error) => error,
            Ok(()) => std::future::pending().await,
        }
    }

    /// Returns the path of a table's manifest, relative to the output.
    pub fn manifest_path(&self, table: &str) -> String {
        names::manifest(&self.run_id, table)
    }

    /// Returns the files that the run writes.
    pub fn files(&self) -> RunFiles {
        RunFiles {
            out: self.out.clone(),
            run_id: self.run_id.clone(),
            attempt: String::new(),
            file_bytes: self.file_bytes,
            threads: self.threads,
        }
    }

    /// Returns a sink for the rejects file.
    pub fn rejects_sink(&self, schema: SchemaRef) -> ParquetSink {
        let path = format!("{}/{}.parquet", names::REJECTS, self.run_id);
        ParquetSink::single(&self.out, path, schema)
    }

    /// Returns the folder of the rejects files.
    pub fn rejects_folder(&self) -> Place {
        self.out.child(names::REJECTS)
    }

    /// Returns a sink for the inputs file.
    pub fn inputs_sink(&self, schema: SchemaRef) -> ParquetSink {
        let path = format!("{}/{}.parquet", names::INPUTS, self.run_id);
        ParquetSink::single(&self.out, path, schema)
    }

    /// Returns a sink for the list `name`.
    pub fn list_sink(&self, name: &str, schema: SchemaRef) -> ParquetSink {
        let path = format!("{}/{}-{name}.parquet", names::LISTS, self.run_id);
        ParquetSink::single(&self.out, path, schema)
    }

    /// Returns a sink for the counts of the list `name`, which are kept for incremental runs.
    pub fn list_counts_sink(&self, name: &str, schema: SchemaRef) -> ParquetSink {
        self.files().rows_sink(&format!("list-{name}"), schema)
    }

    /// Returns a sink for the objects of the run, which are kept for incremental runs.
    pub fn objects_sink(&self, schema: SchemaRef) -> ParquetSink {
        let path = format!("{}/{}-{}.parquet", names::STATE, self.run_id, names::OBJECTS);
        ParquetSink::single(&self.out, path, schema)
    }

    /// Returns the record that the run will replace.
    pub fn base(&self) -> Option<&RunRecord> {
        self.current.record.as_ref()
    }

    /// Publishes the star that `record` describes, as the successor of the star that the run found, and releases the
    /// output. The files of the `keep` latest of the earlier stars are kept.
    ///
    /// # Errors
    ///
    /// Returns an error if the star is not published, if this is not known, or if a manifest cannot be written after
    /// it was published.
    pub async fn complete(self, record: &mut RunRecord, keep: usize) -> Result<()> {
        match self.publish(record, keep).await {
            Published::Yes(copies) => self.finish(record, copies).await,
            Published::No(error) => {
                self.rollback().await;
                Err(error)
            }
            Published::Unknown(error) => {
                self.release().await;
                Err(error)
            }
        }
    }

    /// Publishes the star, but does not remove what it supersedes.
    async fn publish(&self, record: &mut RunRecord, keep: usize) -> Published {
        record.succeed(self.base(), keep);
        let Prepared { json, copies } = match self.prepare(record).await {
            Ok(prepared) => prepared,
            Err(error) => return Published::No(error),
        };
        match self.current.replace(&self.run_id, json).await {
            Ok(()) => {
                tracing::debug!(run_id = self.run_id, "put the record");
                Published::Yes(Box::new(copies))
            }
            Err(NotReplaced::Known(error)) => Published::No(error),
            Err(NotReplaced::Unknown(error)) => Published::Unknown(error),
        }
    }

    async fn prepare(&self, record: &RunRecord) -> Result<Prepared> {
        tracing::debug!(run_id = self.run_id, "write the manifests");
        copies::write_own(&self.out, record).await?;
        self.current.keep(&self.out, record).await?;
        self.sync(record).await?;
        let mut copies = Copies::prepare(&self.out, &self.lock, &self.current, record).await?;
        copies.stage(record).await?;
        let json = record.to_json()?;
        self.lock.verify().await?;
        Ok(Prepared { json, copies })
    }

    /// Syncs local files of the star to disk, so that a power failure cannot leave the record without
    /// them. Those of the star that the run found were synced when it was published.
    async fn sync(&self, record: &RunRecord) -> Result<()> {
        let Some(out) = self.out.location.local_path() else { return Ok(()) };
        let synced: HashSet<String> = self.base().into_iter().flat_map(RunRecord::paths).collect();
        let files = record.paths().filter(|path| !synced.contains(path));
        disk::sync(files.map(|path| out.join(path)).collect()).await?;
        disk::sync_folders([vec![out], self.new_folders.clone()].concat()).await
    }

    /// Writes the fixed-name manifests, removes what the new star supersedes, and releases the output.
    /// The star is published by then: failing to remove old files causes a warning, not a failed run.
    ///
    /// # Errors
    ///
    /// Returns an error if a manifest cannot be written; the old star's files are then kept, since its
    /// manifests still name them.
    async fn finish(self, record: &RunRecord, copies: Box<Copies>) -> Result<()> {
        let copied = copies.write(record).await;
        if copied.is_ok() {
            match self.remove_superseded(record).await {
                Ok(removed) => tracing::debug!(removed, "removed superseded files"),
                Err(error) => tracing::warn!(%error, "not all superseded files could be removed"),
            }
        } else {
            tracing::warn!(
                "the star of run {} is published, but not all manifests name its files; run again",
                self.run_id
            );
        }
        self.lock.release().await;
        copied
    }

    /// Removes superseded files. Only files that existed while this run still held the lock are
    /// removed, since none of them can belong to a later run.
    async fn remove_superseded(&self, record: &RunRecord) -> Result<usize> {
        let previous = self.current.record.as_ref();
        let exclusive = self.lock.excludes_others();
        let obsolete: ObsoleteFiles =
            cleanup::superseded(&self.out, record, previous, exclusive).await?;
        self.lock.verify().await?;
        cleanup::remove(&self.out, obsolete).await
    }

    /// Releases the output and leaves all files in place, since the record may still turn out to name
    /// them. The next run removes those that it does not name.
    async fn release(self) {
        self.lock.release().await;
    }

    /// Removes the files of the run except its rejects, and releases the output.
    pub async fn rollback(self) {
        self.remove_own(true).await;
    }

    /// Rewrites the manifests of the existing star if a killed run has left those of another one.
    ///
    /// # Errors
    ///
    /// Returns an error if a manifest cannot be read or written.
    pub async fn repair(&self) -> Result<()> {
        match &self.current.record {
            Some(found) if !copies::agree(&self.out, found).await? => {
                rewrite(&self.out, found, &self.current, &self.lock).await
            }
            _ => Ok(()),
        }
    }

    /// Removes the files of the run, which has not failed, and releases the output.
    pub async fn discard(self) {
        self.remove_own(false).await;
    }

    async fn remove_own(self, keeps_rejects: bool) {
        self.out.settle().await;
        let removed = async {
            let (tables, run_id) = (&self.tables, &self.run_id);
            let obsolete = cleanup::of_run(&self.out, tables, run_id, keeps_rejects).await?;
            cleanup::remove(&self.out, obsolete).await
        };
        if let Err(error) = removed.await {
            tracing::warn!(%error, "not all files of the run could be removed");
        }
        self.lock.release().await;
    }
}

/// Rewrites the manifests of the star at `out` if they differ from those of `record`, as a killed run
/// may leave them. Returns `false` if another star has replaced it.
///
/// # Errors
///
/// Returns an error if another run holds the output, or a manifest cannot be read or written.
pub(crate) async fn repair_manifests(
    out: &Place,
    record: &RunRecord,
    lock: LockMode,
) -> Result<bool> {
    if copies::agree(out, record).await? {
        return Ok(true);
    }
    let lock = OutputLock::acquire(out, &new_run_id(Utc::now()), lock).await?;
    let repaired = repair(out, record, &lock).await;
    lock.release().await;
    repaired
}

async fn repair(out: &Place, record: &RunRecord, lock: &OutputLock) -> Result<bool> {
    let current = CurrentRecord::read(out).await?;
    let Some(found) = current.record.as_ref().filter(|found| found.run_id == record.run_id) else {
        return Ok(false);
    };
    rewrite(out, found, &current, lock).await?;
    Ok(true)
}

/// Writes the manifests of the star of `found`, and removes the files that it supersedes.
async fn rewrite(
    out: &Place,
    found: &RunRecord,
    current: &CurrentRecord,
    lock: &OutputLock,
) -> Result<()> {
    tracing::warn!(%out, "the manifests were not those of the star; writing them again");
    copies::write_own(out, found).await?;
    Copies::prepare(out, lock, current, found).await?;
    lock.verify().await?;
    let removed = async {
        let obsolete = cleanup::superseded(out, found, None, lock.excludes_others()).await?;
        lock.verify().await?;
        cleanup::remove(out, obsolete).await
    };
    if let Err(error) = removed.await {
        tracing::warn!(%error, "not all superseded files could be removed");
    }
    Ok(())
}
