//! Restores an earlier star: publishes it as the star of a new run.

use chrono::{SecondsFormat, Utc};

use super::select::find_star;
use crate::error::{Error, Result};
use crate::publish::{DEFAULT_FILE_BYTES, LockMode, Publication, Published};
use crate::star::{FileRecord, RunRecord, StateRecord, find_files};
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
    let current = RunRecord::require(&out).await?;
    let tables = current.tables.keys().cloned().collect();
    let publication = Publication::begin(out, tables, lock, DEFAULT_FILE_BYTES, 1).await?;
    let prepared = tokio::select! {
        prepared = prepare(&publication, run) => prepared,
        () = stop => Err(Error::Interrupted),
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
    let kept = publication.base().map_or(0, |base| base.kept().count()) + 1;
    match publication.publish(&mut record, kept).await {
        Published::Yes(copies) => publication.finish(&record, copies).await?,
        Published::No(error) => {
            publication.rollback().await;
            return Err(error);
        }
        Published::Unknown(error) => {
            publication.release().await;
            return Err(error);
        }
    }
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
    // The state describes what is known of the objects, not the star: the next run continues from it.
    let origin = current.state_origin();
    let state = current.state.clone().map(|state| StateRecord { origin: Some(origin), ..state });
    let mut tables = earlier.tables;
    for (name, table) in &mut tables {
        table.manifest = publication.manifest_path(name);
    }
    let time = |time: chrono::DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Millis, true);
    let record = RunRecord {
        run_id: publication.run_id.clone(),
        started_at: time(publication.started_at),
        finished_at: time(Utc::now()),
        restored: Some(earlier.restored.unwrap_or(earlier.run_id)),
        tables,
        state,
        // The star is not that of the objects of the state, so the next run has to build all tables.
        definition_hash: String::new(),
        history: Vec::new(),
        ..earlier
    };
    Ok((restored, Some(record)))
}

async fn ensure_complete(out: &Place, record: &RunRecord) -> Result<()> {
    let files: Vec<FileRecord> = record.files().cloned().collect();
    find_files(out, &files).await.map(|_| ())
}
