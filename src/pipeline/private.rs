//! Files and folders on local disk that only their owner can read, regardless of the umask.

use std::io;
use std::path::Path;

use crate::error::Result;
use crate::storage::{Place, StorageError};

/// Creates the folder at `place` if it does not exist and sets its mode to `0700`, before anything is written
/// into it. Does nothing for stores other than local disk, which have no modes.
///
/// Logs a warning if the mode cannot be set, for example because another user owns the folder, or if the
/// folder is a symbolic link, whose target keeps its mode.
///
/// # Errors
///
/// Returns an error if the folder cannot be created.
pub(super) fn make_private_folder(place: &Place) -> Result<()> {
    on_disk(place, |path| {
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        match private_builder().create(path) {
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(e),
            _ => {}
        }
        let is_link = std::fs::symlink_metadata(path)?.is_symlink();
        if is_link || restrict(path, 0o700).is_err() {
            tracing::warn!(folder = %path.display(), "others may be able to read this folder");
        }
        Ok(())
    })
}

/// Sets the mode of the file at `place` to `0600`. Does nothing for stores other than local disk.
///
/// # Errors
///
/// Returns an error if the mode cannot be changed.
pub(super) fn make_private_file(place: &Place) -> Result<()> {
    on_disk(place, |path| restrict(path, 0o600))
}

fn on_disk(place: &Place, work: impl FnOnce(&Path) -> io::Result<()>) -> Result<()> {
    let Some(path) = place.location.local_path() else { return Ok(()) };
    Ok(work(&path).map_err(|e| StorageError::write_io(&place.to_string(), e))?)
}

fn private_builder() -> std::fs::DirBuilder {
    #[cfg_attr(not(unix), allow(unused_mut))]
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

#[cfg(unix)]
fn restrict(path: &Path, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    if std::fs::metadata(path)?.permissions().mode() & 0o7777 == mode {
        return Ok(());
    }
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn restrict(_: &Path, _: u32) -> io::Result<()> {
    Ok(())
}
