//! Files that no star consists of any more: superseded ones, and those of runs that died.

use std::collections::HashSet;
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;

use super::record::{RECORD, RunRecord};
use crate::error::Result;
use crate::star::model::{TABLES, Table};
use crate::storage::{Place, StorageError};

/// Folder of the inputs files.
pub(super) const INPUTS: &str = "_inputs";
/// Folder of the rejects files.
pub(super) const REJECTS: &str = "_rejects";

/// Removes every file of a run that the star at `out` does not consist of. Whoever calls it holds
/// the lock, so no other run is under way. Files that no run of starlift made are left alone.
pub(super) async fn remove_all_but(out: &Place, keep: &RunRecord) -> Result<u64> {
    let kept: HashSet<Path> = keep.files().map(|f| out.child(&f.path).location.path).collect();
    let kept = Arc::new(kept);
    let mut removed = remove_partial_files(out, is_published_file);
    for folder in TABLES.iter().map(|table| table.name).chain([INPUTS, REJECTS]) {
        let kept = kept.clone();
        removed += remove_partial_files(&out.child(folder), is_run_file);
        removed += remove_where(&out.child(folder), move |path, name| {
            is_run_file(name) && !kept.contains(path)
        })
        .await?;
    }
    Ok(removed)
}

/// Removes the files of one run that failed, except its rejects: they say why.
pub(super) async fn remove_run(out: &Place, run_id: &str) -> Result<()> {
    for folder in TABLES.iter().map(|table| table.name).chain([INPUTS]) {
        let run_id = run_id.to_owned();
        remove_partial_files(&out.child(folder), is_run_file);
        remove_where(&out.child(folder), move |_, name| name.starts_with(&run_id)).await?;
    }
    Ok(())
}

async fn remove_where(
    folder: &Place,
    unwanted: impl Fn(&Path, &str) -> bool + Send + 'static,
) -> Result<u64> {
    if folder.location.local_path().is_some_and(|path| !path.exists()) {
        return Ok(0);
    }
    let unwanted = folder.store.list(Some(folder.path())).try_filter_map(move |meta| {
        let unwanted = unwanted(&meta.location, meta.location.filename().unwrap_or_default());
        futures::future::ready(Ok(unwanted.then_some(meta.location)))
    });
    let mut gone = folder.store.delete_stream(unwanted.boxed());
    let mut removed = 0;
    let failed = |e| StorageError::delete(&folder.to_string(), e);
    while gone.try_next().await.map_err(failed)?.is_some() {
        removed += 1;
    }
    Ok(removed)
}

/// Whether a name is `<run-id>.parquet` or `<run-id>-NNNNN.parquet`.
fn is_run_file(name: &str) -> bool {
    let Some(stem) = name.strip_suffix(".parquet") else { return false };
    let mut parts = stem.split('-');
    let (Some(time), Some(random)) = (parts.next(), parts.next()) else { return false };
    let number = parts.next();
    let digits =
        |text: &str, length| text.len() == length && text.bytes().all(|b| b.is_ascii_digit());
    time.len() == 16
        && time.ends_with('Z')
        && digits(&time[..8], 8)
        && time.as_bytes()[8] == b'T'
        && digits(&time[9..15], 6)
        && random.len() == 8
        && random.bytes().all(|b| b.is_ascii_hexdigit())
        && number.is_none_or(|number| digits(number, 5))
        && parts.next().is_none()
}

/// Whether a name is that of a manifest or of the record.
fn is_published_file(name: &str) -> bool {
    name == RECORD
        || name.strip_suffix(".manifest").is_some_and(|name| Table::named(name).is_some())
}

/// Removes what writes that were killed left on local disk: `<name>#<n>`, which the store itself
/// never lists.
fn remove_partial_files(folder: &Place, is_ours: fn(&str) -> bool) -> u64 {
    let Some(folder) = folder.location.local_path() else { return 0 };
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let partial = entries.filter_map(|entry| {
        let entry = entry.ok()?;
        let name = entry.file_name().into_string().ok()?;
        let (name, number) = name.split_once('#')?;
        let ours = is_ours(name) && number.bytes().all(|b| b.is_ascii_digit());
        ours.then(|| entry.path())
    });
    partial.filter(|path| std::fs::remove_file(path).is_ok()).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_runs_are_ours() {
        assert!(is_run_file("20181112T030405Z-0a1b2c3d-00000.parquet"));
        assert!(is_run_file("20181112T030405Z-0a1b2c3d.parquet"));
        for name in [
            "part-00000.parquet",
            "20181112T030405Z-0a1b2c3d-00000.csv",
            "20181112T030405Z-0a1b2c3x.parquet",
            "2018111ZT030405Z-0a1b2c3d-00000.parquet",
            "20181112T030405Z-0a1b2c3d-00000-x.parquet",
            "é0181112T030405Z-0a1b2c3d.parquet",
        ] {
            assert!(!is_run_file(name), "{name}");
        }
    }
}
