//! Temporary folders: private to the user, removed with the run that made them, and removed by a later
//! run where that one was killed.
//!
//! A folder is known by its name and by a file in it, which the run keeps locked. The system gives the
//! lock back when the process ends, however it ends.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Once;

use tempfile::TempDir;

use crate::error::{Error, Result};

const PREFIX: &str = "starlift-";

/// Characters of the random end of a name.
const RANDOM: usize = 6;

/// The locked file, and what it is called until it is locked.
const LOCK: &str = ".starlift-lock";
const NEW_LOCK: &str = ".starlift-lock.new";

/// What the locked file holds.
const MARK: &[u8] = b"temporary files of a run of starlift; removed when it ends\n";

/// A private temporary folder.
#[derive(Debug)]
pub struct TemporaryFolder {
    // Dropped first: the lock must outlive what it protects.
    folder: TempDir,
    _lock: Option<File>,
}

impl TemporaryFolder {
    /// Creates a folder in the system's temporary folder (`TMPDIR`), which only this user may enter. The
    /// first one of a process also removes what killed runs of the same user have left there.
    ///
    /// # Errors
    ///
    /// If it cannot be created.
    pub fn create() -> Result<TemporaryFolder> {
        let parent = std::env::temp_dir();
        let created = TemporaryFolder::create_in(&parent).map_err(|e| {
            Error::io(format!("cannot create a temporary folder in {}", parent.display()), e)
        })?;
        static SWEPT: Once = Once::new();
        SWEPT.call_once(|| remove_abandoned(&parent, created.path()));
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
            // A umask can take rights from the user, too.
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700))?;
        }
        let lock = match create_locked(folder.path()) {
            Ok(lock) => Some(lock),
            Err(error) => {
                // It is removed all the same, unless the run is killed.
                tracing::debug!(%error, "the temporary folder cannot be locked");
                None
            }
        };
        Ok(TemporaryFolder { folder, _lock: lock })
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Creates the locked file. Under its name it is never seen unlocked while the run lives.
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

/// Removes the folders in `parent` whose run is gone. What cannot be looked at or removed stays: it may
/// not be ours, and it is no reason to fail.
fn remove_abandoned(parent: &Path, own: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if !is_name(&entry.file_name()) || path == own {
            continue;
        }
        match remove_if_abandoned(&path, own) {
            Ok(true) => {
                tracing::debug!(folder = %path.display(), "removed what a killed run has left")
            }
            Ok(false) => {}
            Err(error) => {
                tracing::debug!(folder = %path.display(), %error, "cannot be removed");
            }
        }
    }
}

/// Whether a name is one that [`TemporaryFolder`] gives.
fn is_name(name: &std::ffi::OsStr) -> bool {
    let random = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
    random.is_some_and(|random| {
        random.len() == RANDOM && random.bytes().all(|b| b.is_ascii_alphanumeric())
    })
}

/// Removes a folder if it was made by a run of this user that is gone.
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
    // The lock goes last: if this run is killed now, the next one goes on.
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

/// Whether files belong to the user whom the folder `own` of this process belongs to.
#[cfg(unix)]
fn is_same_user(files: &[&fs::Metadata], own: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let user = fs::symlink_metadata(own)?.uid();
    Ok(files.iter().all(|file| file.uid() == user))
}

/// Temporary folders are each user's own.
#[cfg(not(unix))]
fn is_same_user(_: &[&fs::Metadata], _: &Path) -> io::Result<bool> {
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder as a killed run leaves it: its lock is free.
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
    fn only_folders_of_runs_that_are_gone_are_removed() {
        let parent = tempfile::tempdir().unwrap();
        let at = |name: &str| parent.path().join(name);
        let own = TemporaryFolder::create_in(parent.path()).unwrap();
        let other = TemporaryFolder::create_in(parent.path()).unwrap();
        fs::write(other.path().join("rows"), "rows").unwrap();
        let gone =
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
        for path in gone {
            assert!(!path.exists(), "{path:?}");
        }
        let path = other.path().to_owned();
        // As if the process were killed: nothing is cleaned up, and the lock is given back.
        let TemporaryFolder { folder, _lock } = other;
        let _ = folder.keep();
        drop(_lock);
        remove_abandoned(parent.path(), own.path());
        assert!(!path.exists());
    }
}
