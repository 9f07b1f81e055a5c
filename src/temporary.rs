//! Private temporary folders. A process removes its own folders when it ends; a later process removes the
//! folders of processes that were killed.
//!
//! A folder is identified by its name and by a file in it that its process keeps locked. The system releases
//! the lock when the process ends for any reason.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

use tempfile::TempDir;

use crate::error::{Error, Result};

/// Folders that this process created, including removed ones.
static CREATED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

const PREFIX: &str = "starlift-";

/// Number of random characters after the prefix.
const RANDOM: usize = 6;

/// Name of the locked file, and its name until it is locked.
const LOCK: &str = ".starlift-lock";
const NEW_LOCK: &str = ".starlift-lock.new";

/// Content of the locked file.
const MARK: &[u8] = b"temporary files of a run of starlift; removed when it ends\n";

/// A private temporary folder.
#[derive(Debug)]
pub struct TemporaryFolder {
    // Fields are dropped in order of declaration: the lock must outlive the folder.
    folder: TempDir,
    _lock: Option<File>,
}

impl TemporaryFolder {
    /// Creates a folder in the system's temporary folder (`TMPDIR`) that only this user can access. The first
    /// call in a process also removes the folders of killed processes of the same user.
    ///
    /// # Errors
    ///
    /// Returns an error if the folder cannot be created.
    pub fn create() -> Result<TemporaryFolder> {
        let parent = std::env::temp_dir();
        let created = TemporaryFolder::create_in(&parent).map_err(|e| {
            Error::io(format!("cannot create a temporary folder in {}", parent.display()), e)
        })?;
        lock(&CREATED).push(created.path().to_owned());
        static SWEPT: Once = Once::new();
        SWEPT.call_once(|| remove_abandoned(&parent, created.path()));
        Ok(created)
    }

    /// Creates a folder in `parent` that only this user can access, and removes the folders of killed processes of the
    /// same user there.
    ///
    /// # Errors
    ///
    /// Returns an error if the folder cannot be created.
    #[cfg(feature = "cluster")]
    pub(crate) fn create_below(parent: &Path) -> Result<TemporaryFolder> {
        let created = TemporaryFolder::create_in(parent).map_err(|e| {
            Error::io(format!("cannot create a temporary folder in {}", parent.display()), e)
        })?;
        lock(&CREATED).push(created.path().to_owned());
        remove_abandoned(parent, created.path());
        Ok(created)
    }

    fn create_in(parent: &Path) -> io::Result<TemporaryFolder> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(PREFIX).rand_bytes(RANDOM);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            builder.permissions(fs::Permissions::from_mode(0o700));
        }
        let folder = builder.tempdir_in(parent)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            // A umask can also remove permissions of the owner.
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700))?;
        }
        let lock = match create_locked(folder.path()) {
            Ok(lock) => Some(lock),
            Err(error) => {
                // The folder is still removed at the end, unless the process is killed.
                tracing::debug!(%error, "the temporary folder cannot be locked");
                None
            }
        };
        Ok(TemporaryFolder { folder, _lock: lock })
    }

    /// Returns the path of the folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Removes all temporary folders of this process. Call it before an exit that does not run destructors.
pub fn remove_all() {
    for folder in lock(&CREATED).iter() {
        // If this fails, the next run removes the rest.
        let _ = fs::remove_dir_all(folder);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Creates the locked file. The file is renamed to its final name after it is locked, so that no other
/// process finds it unlocked while this one runs.
fn create_locked(folder: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(folder.join(NEW_LOCK))?;
    file.write_all(MARK)?;
    file.try_lock().map_err(io::Error::from)?;
    fs::rename(folder.join(NEW_LOCK), folder.join(LOCK))?;
    Ok(file)
}

/// Removes the folders in `parent` whose process has ended. Leaves a folder that cannot be examined or
/// removed in place without an error: it may belong to another program.
fn remove_abandoned(parent: &Path, own: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if !is_name(&entry.file_name()) || path == own {
            continue;
        }
        match remove_if_abandoned(&path, own) {
            Ok(true) => {
                tracing::debug!(folder = %path.display(), "removed the folder of a killed process")
            }
            Ok(false) => {}
            Err(error) => {
                tracing::debug!(folder = %path.display(), %error, "cannot be removed");
            }
        }
    }
}

/// Returns `true` if `name` has the form of the names of [`TemporaryFolder`]s.
fn is_name(name: &std::ffi::OsStr) -> bool {
    let random = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
    random.is_some_and(|random| {
        random.len() == RANDOM && random.bytes().all(|b| b.is_ascii_alphanumeric())
    })
}

/// Removes a folder if a process of this user created it and has ended. Returns `true` if it was removed.
fn remove_if_abandoned(folder: &Path, own: &Path) -> io::Result<bool> {
    let lock = folder.join(LOCK);
    let (found, of_lock) = (fs::symlink_metadata(folder)?, fs::symlink_metadata(&lock)?);
    if !found.is_dir() || !of_lock.is_file() || !is_same_user(&[&found, &of_lock], own)? {
        return Ok(false);
    }
    let file = File::open(&lock)?;
    let mut mark = Vec::new();
    (&file).take(MARK.len() as u64 + 1).read_to_end(&mut mark)?;
    if mark != MARK {
        return Ok(false);
    }
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(false),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    // Remove the locked file last: if this process is killed in between, the next one continues.
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name() == LOCK {
            continue;
        }
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    fs::remove_file(&lock)?;
    fs::remove_dir(folder)?;
    Ok(true)
}

/// Returns `true` if the files have the same owner as the folder `own` of this process.
#[cfg(unix)]
fn is_same_user(files: &[&fs::Metadata], own: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let user = fs::symlink_metadata(own)?.uid();
    Ok(files.iter().all(|file| file.uid() == user))
}

/// Returns `true`: on other systems each user has a separate temporary folder.
#[cfg(not(unix))]
fn is_same_user(_: &[&fs::Metadata], _: &Path) -> io::Result<bool> {
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Creates a folder like one of a killed run: its lock is free.
    fn abandoned(parent: &Path, name: &str) -> std::path::PathBuf {
        let folder = parent.join(name);
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join(LOCK), MARK).unwrap();
        fs::create_dir(folder.join("datafusion-1")).unwrap();
        fs::write(folder.join("datafusion-1/rows"), "rows").unwrap();
        folder
    }

    #[test]
    fn folders_are_private_and_are_removed_with_their_owner() {
        let parent = tempfile::tempdir().unwrap();
        let folder = TemporaryFolder::create_in(parent.path()).unwrap();
        let path = folder.path().to_owned();
        assert!(is_name(path.file_name().unwrap()));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!((mode(&path), mode(&path.join(LOCK))), (0o700, 0o600));
        }
        assert!(!path.join(NEW_LOCK).exists());
        drop(folder);
        assert!(!path.exists());
    }

    #[test]
    fn only_folders_of_ended_processes_are_removed() {
        let parent = tempfile::tempdir().unwrap();
        let at = |name: &str| parent.path().join(name);
        let own = TemporaryFolder::create_in(parent.path()).unwrap();
        let other = TemporaryFolder::create_in(parent.path()).unwrap();
        fs::write(other.path().join("rows"), "rows").unwrap();
        let abandoned_folders =
            ["starlift-aB3dE9", "starlift-000000"].map(|name| abandoned(parent.path(), name));
        let mut kept = ["starlift-demo", "starlift-aB3dE9x", "starlift-a_3dE9", "other-aB3dE9"]
            .map(|name| abandoned(parent.path(), name))
            .to_vec();
        for (name, lock) in
            [("starlift-nolock", None), ("starlift-nolok1", None), ("starlift-other1", Some("x"))]
        {
            fs::create_dir(at(name)).unwrap();
            fs::write(at(name).join("precious"), "p").unwrap();
            if let Some(lock) = lock {
                fs::write(at(name).join(LOCK), lock).unwrap();
            }
            kept.push(at(name));
        }
        fs::write(at("starlift-afile1"), "p").unwrap();
        kept.push(at("starlift-afile1"));
        #[cfg(unix)]
        {
            let elsewhere = tempfile::tempdir().unwrap();
            let target = abandoned(elsewhere.path(), "starlift-target");
            std::os::unix::fs::symlink(&target, at("starlift-alink1")).unwrap();
            fs::create_dir(at("starlift-alock1")).unwrap();
            fs::write(at("mark"), MARK).unwrap();
            std::os::unix::fs::symlink(at("mark"), at("starlift-alock1").join(LOCK)).unwrap();
            remove_abandoned(parent.path(), own.path());
            assert!(target.join("datafusion-1/rows").exists());
            kept.extend([at("starlift-alink1"), at("starlift-alock1")]);
        }
        remove_abandoned(parent.path(), own.path());
        for path in &kept {
            assert!(path.symlink_metadata().is_ok(), "{path:?}");
        }
        assert!(kept[4].join("precious").exists());
        assert!(own.path().exists() && other.path().join("rows").exists());
        for path in abandoned_folders {
            assert!(!path.exists(), "{path:?}");
        }
    }

    #[test]
    fn the_folder_of_a_killed_process_is_removed() {
        let parent = tempfile::tempdir().unwrap();
        let own = TemporaryFolder::create_in(parent.path()).unwrap();
        let other = TemporaryFolder::create_in(parent.path()).unwrap();
        let path = other.path().to_owned();
        // Simulate a killed process: nothing is cleaned up, and the lock is released.
        let TemporaryFolder { folder, _lock } = other;
        let _ = folder.keep();
        drop(_lock);
        remove_abandoned(parent.path(), own.path());
        assert!(!path.exists());
    }
}
