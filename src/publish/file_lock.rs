//! The lock of an output on local disk: a file that is locked through the operating system.

use std::fs::{File, Metadata, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use super::disk::create_beside;
use super::lock::{LOCK, foreign};
use crate::error::{Error, Result};
use crate::storage::{Place, StorageError};

/// Maximum length of the text that a run writes to its lock file.
const MAX_HOLDER_BYTES: u64 = 200;

/// Beginning of that text.
const HOLDER_START: &str = "run ";

/// A locked file.
pub(crate) struct FileLock {
    out: String,
    path: PathBuf,
    /// The open file, which holds the lock.
    file: File,
}

impl FileLock {
    /// Locks the output `out`, whose local folder is `folder`.
    ///
    /// # Errors
    ///
    /// Returns an error if another run holds the lock, or the lock file was not created by a run.
    pub fn acquire(out: &Place, folder: &Path, run_id: &str) -> Result<FileLock> {
        let path = folder.join(LOCK);
        let failed = |e| Error::from(StorageError::write_io(&path.display().to_string(), e));
        std::fs::create_dir_all(folder).map_err(failed)?;
        loop {
            let mut file = open(&path).map_err(failed)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    // Used only in the message, since the holder may be writing it at the same time.
                    let holder = read_holder(&mut file).unwrap_or_default();
                    let holder = holder.trim().to_owned();
                    return Err(Error::Locked { out: out.to_string(), holder });
                }
                Err(TryLockError::Error(error)) => return Err(failed(error)),
            }
            if !is_at(&file, &path) {
                // The file was replaced before it was locked.
                continue;
            }
            ensure_own(&mut file).map_err(failed)?;
            if file.metadata().map(|meta| links(&meta)).map_err(failed)? > 1 {
                // A copy of an output that consists of hard links shares the lock file, and thus the
                // lock, with the original.
                detach(&path).map_err(failed)?;
                continue;
            }
            write_holder(&mut file, run_id).map_err(failed)?;
            return Ok(FileLock { out: out.to_string(), path, file });
        }
    }

    /// Checks that the locked file is still the one that other runs would find.
    ///
    /// # Errors
    ///
    /// Returns an error if the file was removed or replaced.
    pub fn verify(&self) -> Result<()> {
        if is_at(&self.file, &self.path) {
            return Ok(());
        }
        let holder =
            "its lock file was removed or replaced while this run was in progress".to_owned();
        Err(Error::Locked { out: self.out.clone(), holder })
    }
}

/// Opens the lock file, and creates it if it does not exist. Fails if the path is a symbolic link or
/// not a file.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
    }
    let file = options.open(path).map_err(|error| {
        let is_link = std::fs::symlink_metadata(path).is_ok_and(|meta| meta.is_symlink());
        if is_link { foreign("a symbolic link") } else { error }
    })?;
    let meta = file.metadata()?;
    if !meta.is_file() {
        return Err(foreign("not a file"));
    }
    Ok(file)
}

#[cfg(unix)]
fn links(meta: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::nlink(meta)
}

#[cfg(not(unix))]
fn links(_: &Metadata) -> u64 {
    1
}

/// Returns `true` if `file` is the file at `path`.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let place = |meta: Metadata| (meta.dev(), meta.ino());
    match (file.metadata(), std::fs::symlink_metadata(path)) {
        (Ok(open), Ok(found)) => place(open) == place(found),
        _ => false,
    }
}

#[cfg(not(unix))]
fn is_at(_: &File, path: &Path) -> bool {
    path.exists()
}

fn read_holder(file: &mut File) -> io::Result<String> {
    let mut holder = Vec::new();
    file.rewind()?;
    file.take(MAX_HOLDER_BYTES + 1).read_to_end(&mut holder)?;
    Ok(String::from_utf8_lossy(&holder).into_owned())
}

/// Fails if the content of the file was not written by a run.
fn ensure_own(file: &mut File) -> io::Result<()> {
    let before = read_holder(file)?;
    // A killed run may have written only part of its text.
    let is_ours = before.len() as u64 <= MAX_HOLDER_BYTES
        && (before.starts_with(HOLDER_START) || HOLDER_START.starts_with(&before));
    if is_ours { Ok(()) } else { Err(foreign("not the lock of a run")) }
}

/// Replaces a lock file that has other hard links with a new file; the other names keep the old one.
fn detach(path: &Path) -> io::Result<()> {
    let (_, new) = create_beside(path)?;
    std::fs::rename(&new, path)
}

/// Writes the run's name to the file.
fn write_holder(file: &mut File, run_id: &str) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(format!("run {run_id} in process {}\n", std::process::id()).as_bytes())
}
