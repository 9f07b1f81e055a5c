//! Restores an earlier star: publishes it as the star of a new run.

use std::collections::BTreeSet;

use chrono::Utc;

use super::select::find_star;
use crate::error::{Error, Result};
use crate::incremental::{SHOWN_URLS, state_objects};
use crate::publish::{DEFAULT_FILE_BYTES, LockMode, Publication};
use crate::star::{FileRecord, MAX_KEPT, RunRecord, StateRecord, find_files};
use crate::storage::Place;

/// An earlier star and the star that it replaces.
#[derive(Debug)]
pub struct Restored {
    /// ID of the run that built the earlier star.
    pub earlier: String,
    /// ID of the run whose star is replaced.
    pub replaced: String,
    /// Number of partitions that differ; `None` if it is not known.
    pub changed_partitions: Option<u64>,
    /// The record of the restored star; `None` if it is not published, because the star is in place already or
    /// for a dry run.
    pub record: Option<RunRecord>,
}

impl Restored {
    /// Returns `true` if the earlier star is the one that is in place.
    pub fn is_current(&self) -> bool {
        self.earlier == self.replaced
    }

    fn new(earlier: &RunRecord, current: &RunRecord) -> Restored {
        Restored {
            earlier: earlier.run_id.clone(),
            replaced: current.run_id.clone(),
            changed_partitions: earlier.count_changed(current),
            record: None,
        }
    }
}

/// Finds the star of a run, as [`find_star`] selects it, and checks that all of its files exist.
///
/// # Errors
///
/// Returns the errors of [`find_star`], or an error if a file is missing or has another size.
pub async fn find_restorable(out: &Place, run: &str) -> Result<Restored> {
    let current = RunRecord::require(out).await?;
    let earlier = find_star(out, &current, run).await?;
    ensure_complete(out, &earlier).await?;
    state(out, &current, &earlier).await?;
    Ok(Restored::new(&earlier, &current))
}

/// Publishes the star of a run, as [`find_star`] selects it, as the star of a new run. The files of the star that
/// it replaces are kept, so that this can be undone. If `stop` resolves before publishing starts, nothing is changed.
///
/// # Errors
///
/// Returns the errors of [`find_restorable`], or an error if another run holds the output or the star cannot be
/// published. The star that was in place then stays in place, unless the message states otherwise.
pub async fn restore(
    out: Place,
    run: &str,
    lock: LockMode,
    stop: impl Future<Output = ()>,
) -> Result<Restored> {
    let mut stop = std::pin::pin!(stop);
    // From here on, a signal does not end the process while it holds the lock.
    if futures::poll!(&mut stop).is_ready() {
        return Err(Error::Interrupted);
    }
    let current = RunRecord::require(&out).await?;
    let tables = current.tables.keys().cloned().collect();
    let publication = Publication::begin(out, tables, lock, DEFAULT_FILE_BYTES, 1).await?;
    let prepared = tokio::select! {
        prepared = prepare(&publication, run) => prepared,
        () = &mut stop => Err(Error::Interrupted),
        error = publication.lost() => Err(error),
    };
    let (restored, mut record) = match prepared {
        Ok((restored, Some(record))) => (restored, record),
        Ok((restored, None)) => {
            publication.discard().await;
            return Ok(restored);
        }
        Err(error) => {
            publication.rollback().await;
            return Err(error);
        }
    };
    let keep = publication.base().map_or(0, |base| base.kept().count()) + 1;
    publication.complete(&mut record, keep.min(MAX_KEPT)).await?;
    Ok(Restored { record: Some(record), ..restored })
}

/// Returns the record to publish, unless the star is in place already. The output is locked, so no other run can
/// remove the files.
async fn prepare(publication: &Publication, run: &str) -> Result<(Restored, Option<RunRecord>)> {
    let out = &publication.out;
    let current = match publication.base() {
        Some(current) => current,
        None => &RunRecord::require(out).await?,
    };
    let earlier = find_star(out, current, run).await?;
    let restored = Restored::new(&earlier, current);
    if restored.is_current() {
        return Ok((restored, None));
    }
    ensure_complete(out, &earlier).await?;
    let (state, is_own) = state(out, current, &earlier).await?;
    let mut tables = earlier.tables;
    for (name, table) in &mut tables {
        table.manifest = publication.manifest_path(name);
    }
    let record = RunRecord {
        run_id: publication.run_id.clone(),
        started_at: RunRecord::time(publication.started_at),
        finished_at: RunRecord::time(Utc::now()),
        restored: Some(earlier.restored.unwrap_or(earlier.run_id)),
        tables,
        state,
        // If the star is not that of the objects of the state, the next run has to build all tables.
        definition_hash: if is_own { earlier.definition_hash } else { String::new() },
        history: Vec::new(),
        ..earlier
    };
    Ok((restored, Some(record)))
}

/// Returns the state of the restored star, and `true` if it is the star of the state's objects. Usually this is the
/// state of the star that is in place: it describes what is known of the objects, and the next run continues from it.
/// The earlier star has another one if that has rows which exist nowhere else.
///
/// # Errors
///
/// Returns [`Error::KeptObjects`] if both have such rows.
async fn state(
    out: &Place,
    current: &RunRecord,
    earlier: &RunRecord,
) -> Result<(Option<StateRecord>, bool)> {
    let origin = current.state_origin();
    if origin.run_id == earlier.run_id {
        let state = current.state.clone().map(|state| StateRecord { origin: None, ..state });
        return Ok((state, true));
    }
    if let Some(own) = earlier.state.as_ref().filter(|state| state.kept > 0) {
        let theirs = state_objects(out, own).await?;
        let (mut only_current, mut all_current) = (BTreeSet::new(), BTreeSet::new());
        if let Some(state) = &current.state {
            let found = state_objects(out, state).await?;
            only_current = found.kept.difference(&theirs.all).cloned().collect();
            all_current = found.all;
        }
        let lost: Vec<_> = theirs.kept.difference(&all_current).collect();
        if !lost.is_empty() && only_current.is_empty() {
            let files: Vec<FileRecord> = own.files().cloned().collect();
            find_files(out, &files).await?;
            return Ok((Some(own.clone()), own.origin.is_none()));
        }
        if !lost.is_empty() {
            return Err(Error::KeptObjects {
                objects: lost.len() as u64,
                reason: "restoring it would lose rows of other objects that no longer exist"
                    .to_owned(),
                examples: lost.iter().take(SHOWN_URLS).map(|(_, url)| url.clone()).collect(),
            });
        }
    }
    let state = current.state.clone();
    Ok((state.map(|state| StateRecord { origin: Some(origin), ..state }), false))
}

async fn ensure_complete(out: &Place, record: &RunRecord) -> Result<()> {
    let files: Vec<FileRecord> = record.files().cloned().collect();
    find_files(out, &files).await.map(|_| ())
}
