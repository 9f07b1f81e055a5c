//! Listings of local folders.
//!
//! The local store of object_store looks up every file by name. Walking the folders directly is faster
//! for hundreds of thousands of files.

use std::fs::{DirEntry, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use futures::stream::{self, Stream};
use tokio::sync::mpsc;

use super::paths::shown;
use super::select::Kind;
use super::{ListOptions, Location, StorageError};

/// Number of files per batch.
const FILES_PER_BATCH: usize = 512;

/// Maximum number of batches that wait for the receiver.
const MAX_BATCHES: usize = 16;

/// A file found below a folder.
#[derive(Debug)]
pub(super) struct LocalFile {
    /// Path as text, for display.
    pub shown: String,
    /// Path, if it is not valid UTF-8.
    pub path: Option<PathBuf>,
    pub size: u64,
    pub etag: Option<String>,
    /// Reason why the file is not data, regardless of its name.
    pub kind: Option<Kind>,
}

type Found = Result<Vec<LocalFile>, StorageError>;

/// Files and folders to exclude from the input.
#[derive(Debug)]
pub(super) struct Exclusions {
    /// Folder of the output, with symbolic links resolved.
    output: Option<PathBuf>,
    /// Names in the output folder that a run creates.
    names: Vec<String>,
    /// Files that are read for another purpose, with symbolic links resolved.
    files: Vec<PathBuf>,
    /// `true` if names that begin with `_` or `.` are skipped.
    passes_hidden: bool,
}

impl Exclusions {
    /// Returns the exclusions for the options. `has_glob` means that a pattern may match hidden
    /// folders.
    pub fn new(options: &ListOptions, has_glob: bool) -> Exclusions {
        let resolved = |location: &Location| location.local_path()?.canonicalize().ok();
        let output = options.output.as_ref();
        Exclusions {
            output: output.and_then(|output| resolved(&output.location)),
            names: output.map(|output| output.names.clone()).unwrap_or_default(),
            files: options.excluded.iter().filter_map(resolved).collect(),
            passes_hidden: !options.include_hidden && !has_glob,
        }
    }
}

/// Lists all files below `folder`, following symbolic links.
pub(super) fn walk(folder: PathBuf, exclusions: Exclusions) -> impl Stream<Item = Found> {
    let (sender, receiver) = mpsc::channel(MAX_BATCHES);
    tokio::task::spawn_blocking(move || {
        let mut walk = Walk { followed: Vec::new(), exclusions, found: Vec::new(), sender };
        let walked = walk.root(folder);
        walk.send_found();
        if let Err(error) = walked {
            let _ = walk.sender.blocking_send(Err(error));
        }
    });
    stream::unfold(receiver, |mut receiver| async { Some((receiver.recv().await?, receiver)) })
}

/// Returns the file at `path`, which the user named.
pub(super) fn single(path: &Path, metadata: &Metadata) -> Result<LocalFile, StorageError> {
    let is_file = metadata.is_file();
    if !is_file && !is_descriptor(path) {
        return Err(special(path));
    }
    let etag = if is_file { etag(metadata) } else { None };
    Ok(local_file(path.to_owned(), metadata.len(), etag, None))
}

/// Returns `true` for a file descriptor that is already open, such as the shell creates for
/// `<(command)`. Such a pipe ends with its command, while opening a named pipe can block forever.
pub(super) fn is_descriptor(path: &Path) -> bool {
    ["/dev/fd/", "/dev/stdin", "/proc/self/fd/"].iter().any(|folder| path.starts_with(folder))
}

/// Returns the error for a path that is neither a file nor a folder.
pub(super) fn special(path: &Path) -> StorageError {
    let reason = "it is a pipe, a socket or a device, not a file; write what it holds to a file";
    let error = io::Error::new(io::ErrorKind::InvalidInput, reason);
    StorageError::read_io(&shown(path), error)
}

fn local_file(path: PathBuf, size: u64, etag: Option<String>, kind: Option<Kind>) -> LocalFile {
    match path.into_os_string().into_string() {
        Ok(shown) => LocalFile { shown, path: None, size, etag, kind },
        Err(path) => {
            let path = PathBuf::from(path);
            LocalFile { shown: shown(&path), path: Some(path), size, etag, kind }
        }
    }
}

struct Walk {
    /// Targets of the symbolic links followed so far.
    followed: Vec<PathBuf>,
    exclusions: Exclusions,
    found: Vec<LocalFile>,
    sender: mpsc::Sender<Found>,
}

/// A folder during the walk.
struct Folder {
    path: PathBuf,
    /// Path with all links resolved.
    real: PathBuf,
    kind: Option<Kind>,
}

impl Walk {
    fn root(&mut self, path: PathBuf) -> Result<(), StorageError> {
        let real = path.canonicalize().map_err(|e| StorageError::list_io(&shown(&path), e))?;
        self.entries(&Folder { path, real, kind: None }, true)
    }

    fn folder(&mut self, mut folder: Folder) -> Result<(), StorageError> {
        if self.exclusions.output.as_ref() == Some(&folder.real) {
            folder.kind = Some(Kind::Output);
        }
        self.entries(&folder, false)
    }

    fn entries(&mut self, folder: &Folder, is_root: bool) -> Result<(), StorageError> {
        let failed = |error| StorageError::list_io(&shown(&folder.path), error);
        // Inputs may be in the same folder as the tables of a star, whose names are known.
        let is_output = is_root && self.exclusions.output.as_ref() == Some(&folder.real);
        // Visit subfolders after closing this one, so that the number of open folders does not depend
        // on the depth.
        let mut folders = Vec::new();
        let entries = match std::fs::read_dir(&folder.path) {
            Ok(entries) => entries,
            // Nothing in this folder is read; it is listed only to count its files.
            Err(error) if !is_root && self.is_skipped(folder) => {
                tracing::debug!(folder = %shown(&folder.path), %error, "skipped a folder that cannot be listed");
                return Ok(());
            }
            Err(error) => return Err(failed(error)),
        };
        for entry in entries {
            let entry = entry.map_err(failed)?;
            let is_created =
                is_output && self.exclusions.names.iter().any(|name| *entry.file_name() == **name);
            let kind = if is_created { Some(Kind::Output) } else { folder.kind };
            if entry.file_type().map_err(failed)?.is_dir() {
                let real = folder.real.join(entry.file_name());
                folders.push(Folder { path: entry.path(), real, kind });
            } else {
                self.file(folder, &entry, kind)?;
            }
            if self.sender.is_closed() {
                return Ok(());
            }
        }
        folders.into_iter().try_for_each(|folder| self.folder(folder))
    }

    fn is_skipped(&self, folder: &Folder) -> bool {
        let name = folder.path.file_name().map(|name| name.as_encoded_bytes());
        let is_hidden = name.is_some_and(|name| name.starts_with(b"_") || name.starts_with(b"."));
        folder.kind.is_some() || (self.exclusions.passes_hidden && is_hidden)
    }

    /// Handles a file or the target of a link. A dangling link counts as a file, so that reading it
    /// reports the error.
    fn file(
        &mut self,
        folder: &Folder,
        entry: &DirEntry,
        mut kind: Option<Kind>,
    ) -> Result<(), StorageError> {
        let path = entry.path();
        let failed = |error| StorageError::list_io(&shown(&path), error);
        let mut metadata = entry.metadata().map_err(failed)?;
        let is_link = metadata.is_symlink();
        if is_link {
            match std::fs::metadata(&path) {
                Ok(target) if target.is_dir() => return self.follow(&path, kind),
                Ok(target) => metadata = target,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                // A link to itself is dangling, too.
                Err(error) if error.raw_os_error() == Some(libc::ELOOP) => {}
                Err(error) => return Err(failed(error)),
            }
        }
        if !metadata.is_file() && !metadata.is_symlink() {
            // Opening a pipe waits for its writer, and a device may never end.
            kind = kind.or(Some(Kind::Special));
        }
        if !self.exclusions.files.is_empty() {
            let real = match is_link {
                true => path.canonicalize().ok(),
                false => Some(folder.real.join(entry.file_name())),
            };
            if real.is_some_and(|real| self.exclusions.files.contains(&real)) {
                kind = kind.or(Some(Kind::JsonPaths));
            }
        }
        self.found.push(local_file(path, metadata.len(), etag(&metadata), kind));
        if self.found.len() >= FILES_PER_BATCH {
            self.send_found();
        }
        Ok(())
    }

    /// Follows a link to a folder, unless the link leads back to a folder that is being walked.
    fn follow(&mut self, link: &Path, kind: Option<Kind>) -> Result<(), StorageError> {
        let failed = |error| StorageError::list_io(&shown(link), error);
        let target = link.canonicalize().map_err(failed)?;
        let here = link.parent().unwrap_or(link).canonicalize().map_err(failed)?;
        if here.starts_with(&target) || self.followed.contains(&target) {
            return Err(failed(io::Error::other("the link leads back to a folder around it")));
        }
        self.followed.push(target.clone());
        self.folder(Folder { path: link.to_owned(), real: target, kind })?;
        self.followed.pop();
        Ok(())
    }

    fn send_found(&mut self) {
        if !self.found.is_empty() {
            // The receiver is dropped when the run ends.
            let _ = self.sender.blocking_send(Ok(std::mem::take(&mut self.found)));
        }
    }
}

/// Period for which a file may change without a change of its time of modification. File systems of the FAT
/// family store times in units of 2 s; others have finer units.
const CLOCK_GRAIN: Duration = Duration::from_secs(2);

/// Returns `true` if a file with this tag, which was listed at `time` or later, has another tag whenever its
/// content is another.
pub(super) fn is_settled(tag: &str, time: SystemTime) -> bool {
    let micros = tag.split('-').next().and_then(|hex| u64::from_str_radix(hex, 16).ok());
    // Files from before 1970 have a sign.
    let Some(micros) = micros else { return tag.starts_with('-') };
    let modified = SystemTime::UNIX_EPOCH.checked_add(Duration::from_micros(micros));
    modified.and_then(|modified| modified.checked_add(CLOCK_GRAIN)).is_some_and(|end| end < time)
}

/// Returns a tag that identifies a version of a file.
pub(crate) fn etag(metadata: &Metadata) -> Option<String> {
    let modified = metadata.modified().ok()?;
    let (sign, distance) = match modified.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => ("", after),
        Err(before) => ("-", before.duration()),
    };
    Some(format!("{sign}{:x}-{:x}", distance.as_micros(), metadata.len()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use futures::{StreamExt, TryStreamExt};

    use super::*;

    async fn found(folder: &Path) -> Result<Vec<String>, StorageError> {
        let exclusions = Exclusions::new(&ListOptions::default(), false);
        let files: Vec<Vec<LocalFile>> = walk(folder.to_owned(), exclusions).try_collect().await?;
        let below = |file: LocalFile| file.shown[folder.as_os_str().len() + 1..].to_owned();
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
        for i in 0..2 * FILES_PER_BATCH {
            std::fs::write(root.join(format!("data/a/b/{i:05}")), "x").unwrap();
        }
        std::fs::write(root.join("elsewhere/file"), "x").unwrap();
        symlink(root.join("elsewhere"), root.join("data/link")).unwrap();
        symlink(root.join("nowhere"), root.join("data/dangling")).unwrap();
        let found = found(&root.join("data")).await.unwrap();
        assert_eq!(found.len(), 2 * FILES_PER_BATCH + 2);
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
    async fn dropping_the_stream_stops_the_walk() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), "x").unwrap();
        let mut files = std::pin::pin!(walk(
            folder.path().to_owned(),
            Exclusions::new(&ListOptions::default(), false)
        ));
        assert_eq!(files.next().await.unwrap().unwrap().len(), 1);
        assert!(files.next().await.is_none());
    }

    #[test]
    fn a_file_of_any_time_has_a_tag() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let file = std::fs::File::create(&path).unwrap();
        let hour = std::time::Duration::from_secs(3600);
        let tags = [SystemTime::UNIX_EPOCH - hour, SystemTime::UNIX_EPOCH + hour].map(|time| {
            file.set_modified(time).unwrap();
            etag(&path.metadata().unwrap()).unwrap()
        });
        assert_ne!(tags[0], tags[1]);
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_link_to_itself_leads_nowhere() {
        let folder = tempfile::tempdir().unwrap();
        symlink("self", folder.path().join("self")).unwrap();
        assert_eq!(found(folder.path()).await.unwrap(), ["self"]);
    }
}
