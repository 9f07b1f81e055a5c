//! Listing local folders.
//!
//! Object stores list by name what they hold; a folder of hundreds of thousands of files is walked
//! faster by one who knows that it is a folder.

use std::fs::{DirEntry, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use futures::stream::{self, Stream};
use tokio::sync::mpsc;

use super::StorageError;

/// Files handed on at once.
const FILES_AT_ONCE: usize = 512;

/// Hand-overs that may wait to be taken.
const WAITING: usize = 16;

/// A file found below a folder.
#[derive(Debug)]
pub(super) struct LocalFile {
    pub path: String,
    pub size: u64,
    pub etag: Option<String>,
}

type Found = Result<Vec<LocalFile>, StorageError>;

/// All files below `folder`, links followed.
pub(super) fn walk(folder: PathBuf) -> impl Stream<Item = Found> {
    let (sender, receiver) = mpsc::channel(WAITING);
    tokio::task::spawn_blocking(move || {
        let mut walk = Walk { followed: Vec::new(), found: Vec::new(), sender };
        let walked = walk.folder(&folder);
        walk.hand_on();
        if let Err(error) = walked {
            let _ = walk.sender.blocking_send(Err(error));
        }
    });
    stream::unfold(receiver, |mut receiver| async { Some((receiver.recv().await?, receiver)) })
}

struct Walk {
    /// Where the links lead that have been followed to get here.
    followed: Vec<PathBuf>,
    found: Vec<LocalFile>,
    sender: mpsc::Sender<Found>,
}

impl Walk {
    fn folder(&mut self, folder: &Path) -> Result<(), StorageError> {
        let failed = |error| StorageError::list_io(&folder.to_string_lossy(), error);
        // Folders wait until this one is closed: how many are open must not depend on the depth.
        let mut folders = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if entry.file_type().map_err(failed)?.is_dir() {
                folders.push(entry.path());
            } else {
                self.file(&entry)?;
            }
            if self.sender.is_closed() {
                return Ok(());
            }
        }
        folders.iter().try_for_each(|folder| self.folder(folder))
    }

    /// Takes a file, or what a link leads to. A link that leads nowhere is taken for a file: whoever
    /// reads it is to be told.
    fn file(&mut self, entry: &DirEntry) -> Result<(), StorageError> {
        let path = entry.path();
        let failed = |error| StorageError::list_io(&path.to_string_lossy(), error);
        let mut metadata = entry.metadata().map_err(failed)?;
        if metadata.is_symlink() {
            match std::fs::metadata(&path) {
                Ok(target) if target.is_dir() => return self.follow(&path),
                Ok(target) => metadata = target,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(failed(error)),
            }
        }
        let etag = etag(&metadata);
        let path = path.into_os_string().into_string().map_err(|path| {
            let error = io::Error::new(io::ErrorKind::InvalidInput, "its name is not UTF-8");
            StorageError::list_io(&path.to_string_lossy(), error)
        })?;
        self.found.push(LocalFile { path, size: metadata.len(), etag });
        if self.found.len() >= FILES_AT_ONCE {
            self.hand_on();
        }
        Ok(())
    }

    /// Follows a link to a folder, unless it leads back to one that is being walked.
    fn follow(&mut self, link: &Path) -> Result<(), StorageError> {
        let failed = |error| StorageError::list_io(&link.to_string_lossy(), error);
        let target = link.canonicalize().map_err(failed)?;
        let here = link.parent().unwrap_or(link).canonicalize().map_err(failed)?;
        if here.starts_with(&target) || self.followed.contains(&target) {
            return Err(failed(io::Error::other("the link leads back to a folder around it")));
        }
        self.followed.push(target);
        self.folder(link)?;
        self.followed.pop();
        Ok(())
    }

    fn hand_on(&mut self) {
        if !self.found.is_empty() {
            // Nobody waits for more when the run has ended.
            let _ = self.sender.blocking_send(Ok(std::mem::take(&mut self.found)));
        }
    }
}

/// What tells a version of a file from another.
fn etag(metadata: &Metadata) -> Option<String> {
    let modified = metadata.modified().ok()?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Some(format!("{:x}-{:x}", modified.as_micros(), metadata.len()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use futures::{StreamExt, TryStreamExt};

    use super::*;

    async fn found(folder: &Path) -> Result<Vec<String>, StorageError> {
        let files: Vec<Vec<LocalFile>> = walk(folder.to_owned()).try_collect().await?;
        let below = |file: LocalFile| file.path[folder.as_os_str().len() + 1..].to_owned();
        let mut paths: Vec<_> = files.into_iter().flatten().map(below).collect();
        paths.sort();
        Ok(paths)
    }

    #[tokio::test]
    async fn every_file_is_found_and_links_are_followed() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        std::fs::create_dir_all(root.join("data/a/b")).unwrap();
        std::fs::create_dir_all(root.join("elsewhere")).unwrap();
        for i in 0..2 * FILES_AT_ONCE {
            std::fs::write(root.join(format!("data/a/b/{i:05}")), "x").unwrap();
        }
        std::fs::write(root.join("elsewhere/file"), "x").unwrap();
        symlink(root.join("elsewhere"), root.join("data/link")).unwrap();
        symlink(root.join("nowhere"), root.join("data/dangling")).unwrap();
        let found = found(&root.join("data")).await.unwrap();
        assert_eq!(found.len(), 2 * FILES_AT_ONCE + 2);
        assert!(found.contains(&"link/file".to_owned()) && found.contains(&"dangling".to_owned()));
    }

    #[tokio::test]
    async fn links_that_go_round_are_refused() {
        for (link, target) in [("a/up", "."), ("a/b/up", "a"), ("a/b/self", "a/b")] {
            let folder = tempfile::tempdir().unwrap();
            std::fs::create_dir_all(folder.path().join("a/b")).unwrap();
            symlink(folder.path().join(target), folder.path().join(link)).unwrap();
            let error = found(folder.path()).await.unwrap_err().to_string();
            assert!(error.contains(link), "{error}");
        }
        let folder = tempfile::tempdir().unwrap();
        for (here, there) in [("a", "b"), ("b", "a")] {
            std::fs::create_dir_all(folder.path().join(here)).unwrap();
            symlink(folder.path().join(there), folder.path().join(here).join("to")).unwrap();
        }
        found(folder.path()).await.unwrap_err();
    }

    #[tokio::test]
    async fn who_stops_listening_stops_the_walk() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), "x").unwrap();
        let mut files = std::pin::pin!(walk(folder.path().to_owned()));
        assert_eq!(files.next().await.unwrap().unwrap().len(), 1);
        assert!(files.next().await.is_none());
    }
}
