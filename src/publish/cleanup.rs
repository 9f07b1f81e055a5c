//! Removal of files that no star needs: superseded files and those of runs that died.
//!
//! Only files directly in a folder of the output whose names are those of a run's files are removed.
//! Stars below the output and the targets of symbolic links are left alone.

use std::collections::HashSet;
use std::path::Path as FsPath;

use futures::future::{join_all, try_join_all};
use futures::{StreamExt, TryStreamExt, stream};
use object_store::path::Path;

use super::names::{self, TableNames};
use crate::error::{Error, Result};
use crate::star::{HISTORY, RunRecord, read_earlier};
use crate::storage::{Place, StorageError};

/// Files to remove, by their paths relative to the output.
pub(super) type ObsoleteFiles = Vec<String>;

/// Lists the files at `out` that are not part of the star of `keep` or of the earlier stars that it keeps, and
/// that belong to `previous`, to a star that `previous` kept, or to a run that did not begin after that of
/// `keep`. If not `exclusive`, other runs may be active, and files of other runs are not listed.
///
/// # Errors
///
/// Returns an error if a folder cannot be listed, or the record of a kept star cannot be read.
pub(super) async fn superseded(
    out: &Place,
    keep: &RunRecord,
    previous: Option<&RunRecord>,
    exclusive: bool,
) -> Result<ObsoleteFiles> {
    let kept_stars = kept_stars(out, keep).await?;
    let previous = replaced(out, keep, previous).await;
    let kept = kept_stars.iter().flat_map(RunRecord::restorable_paths);
    let kept: HashSet<String> = kept.chain(keep.paths()).collect();
    let earlier: HashSet<String> = previous.iter().flat_map(RunRecord::paths).collect();
    let now = names::time_of(&keep.run_id);
    let tables = TableNames::of_records(kept_stars.iter().chain([keep]).chain(&previous));
    let listed = tables.folders().map(|folder| {
        let (kept, earlier, tables) = (&kept, &earlier, &tables);
        async move {
            let is_old = |name: &str| {
                let run_id = tables.run_of(folder, name).filter(|_| exclusive);
                run_id.is_some_and(|run_id| names::time_of(run_id) <= now)
            };
            let mut obsolete = unfinished(out, folder, is_old).await?;
            for name in list(out, folder).await? {
                let path = format!("{folder}/{name}");
                let ours = tables.run_of(folder, &name).is_some();
                // A run does not keep all files that it has written: unchanged tables keep their old files.
                let is_own =
                    folder != HISTORY && tables.run_of(folder, &name) == Some(keep.run_id.as_str());
                let gone = is_old(&name) || is_own || earlier.contains(&path);
                if ours && gone && !kept.contains(&path) {
                    obsolete.push(path);
                }
            }
            Ok::<_, Error>(obsolete)
        }
    });
    let mut obsolete = unfinished(out, "", |name| exclusive && tables.is_published(name)).await?;
    // The previous star can be of a model with other tables.
    let gone = previous.iter().flat_map(|previous| previous.tables.keys());
    let gone = gone.filter(|table| !keep.tables.contains_key(*table));
    obsolete.extend(gone.map(|table| names::fixed_manifest(table)));
    obsolete.extend(try_join_all(listed).await?.into_iter().flatten());
    Ok(obsolete)
}

/// Returns the record of the star that that of `keep` replaces, and those of the stars that it no longer keeps. Records
/// that cannot be read are left out, because the files of their stars are removed.
async fn replaced(out: &Place, keep: &RunRecord, previous: Option<&RunRecord>) -> Vec<RunRecord> {
    let Some(previous) = previous else { return Vec::new() };
    let dropped = previous.kept().filter(|star| keep.kept().all(|other| other != *star));
    let dropped: Vec<_> = dropped.map(|star| read_earlier(out, star)).collect();
    let dropped = join_all(dropped).await.into_iter().flatten();
    dropped.chain([previous.clone()]).collect()
}

/// Returns the records of the earlier stars that `record` keeps.
///
/// # Errors
///
/// Returns an error if a record cannot be read: the files of its star are then not known.
async fn kept_stars(out: &Place, record: &RunRecord) -> Result<Vec<RunRecord>> {
    let stars: Vec<_> = record.kept().map(|star| read_earlier(out, star)).collect();
    try_join_all(stars).await
}

/// Lists the files of `tables` that the run `run_id` has written, except its rejects if `keeps_rejects`, because
/// they explain why it failed.
///
/// # Errors
///
/// Returns an error if a folder cannot be listed.
pub(super) async fn of_run(
    out: &Place,
    tables: &TableNames,
    run_id: &str,
    keeps_rejects: bool,
) -> Result<ObsoleteFiles> {
    let mut obsolete = Vec::new();
    for folder in tables.folders() {
        let is_own = |name: &str| tables.run_of(folder, name) == Some(run_id);
        obsolete.extend(unfinished(out, folder, is_own).await?);
        if folder != names::REJECTS || !keeps_rejects {
            let own = list(out, folder).await?.into_iter().filter(|name| is_own(name));
            obsolete.extend(own.map(|name| format!("{folder}/{name}")));
        }
    }
    Ok(obsolete)
}

/// Removes the files and returns their number, including files that are missing already.
///
/// # Errors
///
/// Returns an error if a file cannot be removed.
pub(super) async fn remove(out: &Place, obsolete: ObsoleteFiles) -> Result<usize> {
    let count = obsolete.len();
    if let Some(folder) = out.location.local_path() {
        let removed = tokio::task::spawn_blocking(move || {
            obsolete.into_iter().try_for_each(|path| remove_file(&folder.join(path)))
        });
        removed.await??;
        return Ok(count);
    }
    let paths: Vec<Path> = obsolete.iter().map(|path| out.child(path).location.path).collect();
    let paths = stream::iter(paths.into_iter().map(Ok)).boxed();
    let gone = out.store.delete_stream(paths).filter_map(|removed| async move {
        match removed {
            Err(object_store::Error::NotFound { .. }) | Ok(_) => None,
            Err(error) => Some(Err(StorageError::delete(&out.to_string(), error))),
        }
    });
    gone.try_collect::<()>().await?;
    Ok(count)
}

fn remove_file(path: &FsPath) -> Result<(), StorageError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(StorageError::delete_io(&path.display().to_string(), error))
        }
        _ => Ok(()),
    }
}

/// Returns the names of the files directly in a folder of the output.
async fn list(out: &Place, folder: &str) -> Result<Vec<String>> {
    if let Some(local) = out.location.local_path() {
        return list_folder(&local.join(folder)).await;
    }
    let place = out.child(folder);
    let listed = place.store.list_with_delimiter(Some(place.path())).await;
    let listed = listed.map_err(|e| StorageError::list(&place.to_string(), e))?;
    let names = listed.objects.into_iter().map(|meta| meta.location);
    Ok(names.filter_map(|path| path.filename().map(str::to_owned)).collect())
}

/// Lists the unfinished writes of `wanted` files in a local folder. The store itself never lists them.
async fn unfinished(
    out: &Place,
    folder: &str,
    wanted: impl Fn(&str) -> bool,
) -> Result<ObsoleteFiles> {
    let Some(local) = out.location.local_path() else { return Ok(Vec::new()) };
    let found = list_folder(&local.join(folder)).await?;
    let ours = found.into_iter().filter(|name| names::unfinished(name).is_some_and(&wanted));
    let path = |name| if folder.is_empty() { name } else { format!("{folder}/{name}") };
    Ok(ours.map(path).collect())
}

/// Returns the names of the files in a local folder. Symbolic links are skipped, and a folder that is
/// itself a link is not listed, since it may be part of another star.
async fn list_folder(folder: &FsPath) -> Result<Vec<String>> {
    let failed = |e| StorageError::list_io(&folder.display().to_string(), e);
    let mut entries = match tokio::fs::symlink_metadata(folder).await {
        Ok(meta) if meta.is_dir() => tokio::fs::read_dir(folder).await.map_err(failed)?,
        _ => return Ok(Vec::new()),
    };
    let mut names = Vec::new();
    while let Some(entry) = entries.next_entry().await.map_err(failed)? {
        if entry.file_type().await.map_err(failed)?.is_file() {
            names.extend(entry.file_name().into_string());
        }
    }
    Ok(names)
}
