//! Copies of a star's manifests under fixed names.
//!
//! Each run writes its own manifests before its record, which names them. `<table>.manifest` is a copy
//! for users who run COPY by hand, written after the record. A run killed in between leaves the
//! previous star's copies; the next run rewrites them.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures::future::try_join_all;
use object_store::UpdateVersion;

use super::conditional::{self, Replaced};
use super::current::CurrentRecord;
use super::disk::StagedFile;
use super::lock::OutputLock;
use super::{disk, manifest, names};
use crate::error::{Error, Result};
use crate::star::RunRecord;
use crate::storage::{Place, StorageError};

/// Number of attempts to write a copy that changes concurrently.
const TRIES: usize = 3;

/// The copies at an output, as the run found or wrote them.
pub(crate) struct Copies {
    out: Place,
    /// Version of each copy; `None` if it does not exist.
    versions: BTreeMap<String, Option<UpdateVersion>>,
    /// The next copies on local disk, written in advance so that a full disk cannot cause a failure
    /// after the record is written.
    staged: Vec<StagedFile>,
}

impl Copies {
    /// Rewrites the copies of the star at `out`. That repairs copies left by a killed run, and a store
    /// that rejects the writes does so before the star is replaced.
    ///
    /// # Errors
    ///
    /// Returns an error if a copy cannot be written.
    pub(super) async fn prepare(
        out: &Place,
        lock: &OutputLock,
        current: &CurrentRecord,
        next: &RunRecord,
    ) -> Result<Copies> {
        let found = try_join_all(next.tables.keys().map(|table| Copy::find(out, table))).await?;
        // These copies predate any run that publishes or takes the lock from here on.
        let verify = || async {
            lock.verify().await?;
            current.verify().await.map(|()| true)
        };
        verify().await?;
        let prepared = next.tables.keys().zip(found).map(|(table, copy)| async move {
            let record = current.record.as_ref();
            let version = match record.and_then(|record| record.tables.get(table)) {
                Some(current) => {
                    let bytes = Bytes::from(manifest(out, current)?);
                    copy.write(&bytes, verify).await?
                }
                None => copy.version,
            };
            Ok::<_, Error>((table.clone(), version))
        });
        let versions = try_join_all(prepared).await?.into_iter().collect();
        Ok(Copies { out: out.clone(), versions, staged: Vec::new() })
    }

    /// On local disk, stages the copies of the star that `record` describes beside the files that they
    /// will replace.
    ///
    /// # Errors
    ///
    /// Returns an error if a copy cannot be written.
    pub(super) async fn stage(&mut self, record: &RunRecord) -> Result<()> {
        let out = &self.out;
        let staged = record.tables.iter().filter_map(|(table, files)| {
            let path = out.child(&names::fixed_manifest(table)).location.local_path()?;
            Some(async move { StagedFile::write(path, manifest(out, files)?).await })
        });
        self.staged = try_join_all(staged).await?;
        Ok(())
    }

    /// Writes the copies of the star that `record` describes, unless another star has replaced it.
    ///
    /// # Errors
    ///
    /// Returns an error if a copy cannot be written.
    pub(super) async fn write(self, record: &RunRecord) -> Result<()> {
        if !self.staged.is_empty() {
            return try_join_all(self.staged.into_iter().map(StagedFile::put)).await.map(|_| ());
        }
        let (out, versions) = (&self.out, &self.versions);
        let written = record.tables.iter().map(|(table, files)| async move {
            let bytes = Bytes::from(manifest(out, files)?);
            let version = versions.get(table).cloned().flatten();
            let place = out.child(&names::fixed_manifest(table));
            let copy = Copy { place, version, bytes: None };
            copy.write(&bytes, || is_still(out, record)).await
        });
        try_join_all(written).await.map(|_| ())
    }
}

/// Returns `true` if the star at `out` is the one that `record` describes.
async fn is_still(out: &Place, record: &RunRecord) -> Result<bool> {
    Ok(RunRecord::read(out).await?.is_some_and(|found| found.run_id == record.run_id))
}

/// A copy, and the version to replace.
struct Copy {
    place: Place,
    version: Option<UpdateVersion>,
    /// Content of the copy, if known.
    bytes: Option<Bytes>,
}

impl Copy {
    async fn find(out: &Place, table: &str) -> Result<Copy> {
        let place = out.child(&names::fixed_manifest(table));
        if place.location.local_path().is_some_and(|path| path.is_dir()) {
            let error = std::io::ErrorKind::IsADirectory.into();
            return Err(StorageError::write_io(&place.to_string(), error).into());
        }
        let found = conditional::read(&place).await?;
        let (version, bytes) = found.map(|found| (found.version, found.bytes)).unzip();
        Ok(Copy { place, version, bytes })
    }

    /// Replaces the copy. If its version has changed, `is_wanted` decides if it is replaced anyway.
    async fn write<F: Future<Output = Result<bool>>>(
        mut self,
        bytes: &Bytes,
        is_wanted: impl Fn() -> F,
    ) -> Result<Option<UpdateVersion>> {
        if let Some(path) = self.place.location.local_path() {
            if self.bytes.as_ref() != Some(bytes) {
                disk::replace(path, bytes.to_vec()).await?;
            }
            return Ok(None);
        }
        for _ in 0..TRIES {
            match conditional::replace(&self.place, bytes, self.version.as_ref()).await? {
                Replaced::Done(version) => return Ok(Some(version)),
                Replaced::Unsupported => {
                    self.place.write(bytes.clone()).await?;
                    return Ok(None);
                }
                Replaced::Refused(_) if !is_wanted().await? => return Ok(None),
                Replaced::Refused(found) => self.version = found.map(|found| found.version),
            }
        }
        let holder = format!("{} is being written at the same time", self.place);
        Err(Error::Locked { out: self.place.to_string(), holder })
    }
}

/// Returns `true` if the manifests at `out` are those of its star.
///
/// # Errors
///
/// Returns an error if a manifest cannot be read.
pub(super) async fn agree(out: &Place, record: &RunRecord) -> Result<bool> {
    let compared = record.tables.iter().map(|(name, table)| async move {
        let expected = manifest(out, table)?;
        for path in [&names::fixed_manifest(name), &table.manifest] {
            let found = out.child(path).read().await?;
            if found.is_none_or(|found| found != expected) {
                return Ok(false);
            }
        }
        Ok::<_, Error>(true)
    });
    Ok(try_join_all(compared).await?.into_iter().all(|agrees| agrees))
}

/// Writes the manifests that the record of a star names.
///
/// # Errors
///
/// Returns an error if a manifest cannot be written.
pub(super) async fn write_own(out: &Place, record: &RunRecord) -> Result<()> {
    let written = record.tables.values().map(|table| async move {
        Ok::<_, Error>(out.child(&table.manifest).write(manifest(out, table)?).await?)
    });
    try_join_all(written).await.map(|_| ())
}
