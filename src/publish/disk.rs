//! Durable writes of local files that do not follow symbolic links.
//!
//! The local store of `object_store` never syncs a file to disk.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::error::{Error, Result};
use crate::storage::StorageError;

/// Returns the missing folders of a path, innermost first, and then the nearest existing folder.
pub(super) fn missing_folders(folder: &Path) -> Vec<PathBuf> {
    let mut missing = Vec::new();
    for folder in folder.ancestors() {
        missing.push(folder.to_owned());
        if folder.exists() {
            break;
        }
    }
    missing
}

/// Syncs the files and the folders that contain them to disk.
///
/// # Errors
///
/// Returns an error if a file cannot be synced.
pub(super) async fn sync(files: Vec<PathBuf>) -> Result<()> {
    blocking(move || {
        let begun = Instant::now();
        let folders: BTreeSet<&Path> = files.iter().filter_map(|file| file.parent()).collect();
        for file in &files {
            sync_file(file).map_err(|e| write_error(file, e))?;
        }
        for folder in &folders {
            sync_folder(folder).map_err(|e| write_error(folder, e))?;
        }
        let elapsed = begun.elapsed();
        tracing::debug!(files = files.len(), folders = folders.len(), ?elapsed, "synced the star");
        Ok(())
    })
    .await
}

/// Syncs the folders' entries to disk; skips folders that cannot be read.
pub(super) async fn sync_folders(folders: Vec<PathBuf>) -> Result<()> {
    blocking(move || {
        for folder in folders {
            if let Err(error) = sync_folder(&folder) {
                tracing::debug!(folder = %folder.display(), %error, "the folder could not be synced");
            }
        }
        Ok(())
    })
    .await
}

/// Replaces the file at `path` atomically and durably. A symbolic link at `path` is replaced, not
/// followed.
///
/// # Errors
///
/// Returns an error if the file cannot be written.
pub(super) async fn replace(path: PathBuf, bytes: Vec<u8>) -> Result<()> {
    StagedFile::write(path, bytes).await?.put().await
}

/// A file on disk beside the path that it will replace. The remaining rename needs no disk space.
/// Dropping the value removes the file.
pub(super) struct StagedFile {
    path: PathBuf,
    /// Temporary path; `None` after the rename.
    staged: Option<PathBuf>,
}

impl StagedFile {
    /// Writes the file and syncs it to disk.
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be written.
    pub async fn write(path: PathBuf, bytes: Vec<u8>) -> Result<StagedFile> {
        let written =
            move || StagedFile::write_now(&path, &bytes).map_err(|error| write_error(&path, error));
        blocking(written).await
    }

    fn write_now(path: &Path, bytes: &[u8]) -> io::Result<StagedFile> {
        let (mut file, staged) = create_beside(path)?;
        let staged = StagedFile { path: path.to_owned(), staged: Some(staged) };
        file.write_all(bytes)?;
        file.sync_all()?;
        Ok(staged)
    }

    /// Renames the file to its final path.
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be renamed.
    pub async fn put(mut self) -> Result<()> {
        blocking(move || self.put_now().map_err(|error| write_error(&self.path, error))).await
    }

    fn put_now(&mut self) -> io::Result<()> {
        if let Some(staged) = &self.staged {
            std::fs::rename(staged, &self.path)?;
            self.staged = None;
        }
        self.path.parent().map_or(Ok(()), sync_folder)
    }
}

impl Drop for StagedFile {
    fn drop(&mut self) {
        if let Some(staged) = &self.staged
            && let Err(error) = std::fs::remove_file(staged)
        {
            tracing::warn!(path = %staged.display(), %error, "cannot remove an unfinished file");
        }
    }
}

/// Creates a file with the name pattern that the store uses for unfinished files.
pub(super) fn create_beside(path: &Path) -> io::Result<(File, PathBuf)> {
    for number in 1_u64.. {
        let mut beside = path.as_os_str().to_owned();
        beside.push(format!("#{number}"));
        let beside = PathBuf::from(beside);
        match OpenOptions::new().write(true).create_new(true).open(&beside) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            opened => return Ok((opened?, beside)),
        }
    }
    Err(ErrorKind::AlreadyExists.into())
}

fn sync_file(path: &Path) -> io::Result<()> {
    // Windows can sync a file only through a writable handle.
    OpenOptions::new().read(true).write(cfg!(windows)).open(path)?.sync_all()
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    match File::open(folder)?.sync_all() {
        // Some network file systems cannot sync folders.
        Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => {
            Ok(())
        }
        synced => synced,
    }
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work).await?
}

fn write_error(path: &Path, error: io::Error) -> Error {
    StorageError::write_io(&path.display().to_string(), error).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_is_replaced_whatever_is_in_its_way() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("record");
        std::fs::write(folder.path().join("record#1"), "unfinished").unwrap();
        for content in ["one", "two"] {
            replace(path.clone(), content.into()).await.unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), content);
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
        replace(folder.path().join("no/record"), vec![]).await.unwrap_err();
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_link_is_replaced_and_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (mine, path) = (folder.path().join("mine"), folder.path().join("record"));
        std::fs::write(&mine, "mine").unwrap();
        std::os::unix::fs::symlink(&mine, &path).unwrap();
        replace(path.clone(), "new".into()).await.unwrap();
        assert_eq!(std::fs::read_to_string(&mine).unwrap(), "mine");
        assert!(std::fs::symlink_metadata(&path).unwrap().is_file());
    }

    #[tokio::test]
    async fn a_staged_file_is_put_in_place_or_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users.manifest");
        std::fs::write(&path, "old").unwrap();
        let stage = || StagedFile::write(path.clone(), "new".into());
        drop(stage().await.unwrap());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        stage().await.unwrap().put().await.unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[tokio::test]
    async fn a_failed_sync_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "x").unwrap();
        sync(vec![file.clone()]).await.unwrap();
        sync(vec![file, folder.path().join("gone")]).await.unwrap_err();
        let new = folder.path().join("a/b");
        assert_eq!(missing_folders(&new), [new.as_path(), &folder.path().join("a"), folder.path()]);
    }
}
