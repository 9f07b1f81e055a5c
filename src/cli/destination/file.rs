//! A file that is replaced only when its new content is complete.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::cli::error::{Error, Result};
use crate::cli::place_file::temporary_beside;

/// A file being written.
pub struct OutputFile {
    /// Path as the user specified it, for messages.
    path: PathBuf,
    content: Content,
}

/// Content of the file so far.
enum Content {
    /// A temporary file in the folder of the target.
    Temporary { file: BufWriter<NamedTempFile>, target: PathBuf },
    /// A pipe or device, which cannot be replaced.
    Device(BufWriter<File>),
}

impl OutputFile {
    /// Creates a temporary file beside `path`, or opens `path` if it is a pipe or a device.
    ///
    /// # Errors
    ///
    /// Returns an error if `path` is a URL or a folder, or its folder does not exist or cannot be written.
    pub fn create(path: &Path) -> Result<OutputFile> {
        let shown = path.display();
        if path.to_str().is_some_and(|text| text.contains("://")) {
            return Err(Error::Usage(format!(
                "--output writes local files, and {shown} is a URL; write a local file and copy it"
            )));
        }
        let content = match std::fs::metadata(path) {
            Ok(found) if found.is_dir() => {
                return Err(Error::Usage(format!(
                    "--output needs the name of a file, and {shown} is a folder"
                )));
            }
            Ok(found) if found.is_file() => create_beside(path, Some(found.permissions())),
            Ok(_) => open_device(path),
            Err(e) if e.kind() == ErrorKind::NotFound => create_beside(path, None),
            Err(e) => Err(e),
        };
        let content = content.map_err(|e| failed(path, e))?;
        Ok(OutputFile { path: path.to_owned(), content })
    }

    /// Returns the path as the user specified it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends bytes.
    ///
    /// # Errors
    ///
    /// Returns an error if the write fails.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let written = match &mut self.content {
            Content::Temporary { file, .. } => file.write_all(bytes),
            Content::Device(file) => file.write_all(bytes),
        };
        written.map_err(|e| failed(&self.path, e))
    }

    /// Replaces the target with the content. Without this call, the target stays as it is.
    ///
    /// # Errors
    ///
    /// Returns an error if a write fails; the target then stays as it is, unless it is a pipe or a device.
    pub fn publish(self) -> Result<()> {
        let OutputFile { path, content } = self;
        let published = match content {
            Content::Temporary { file, target } => replace(file, &target),
            Content::Device(mut file) => file.flush(),
        };
        published.map_err(|e| failed(&path, e))
    }
}

fn failed(path: &Path, error: io::Error) -> Error {
    Error::io(format!("cannot write {}", path.display()), error)
}

/// Creates a temporary file beside the target. A link is followed, so that it stays a link.
fn create_beside(path: &Path, permissions: Option<Permissions>) -> io::Result<Content> {
    let target = if permissions.is_some() { path.canonicalize()? } else { path.to_owned() };
    let file = temporary_beside(&target)?;
    if let Some(permissions) = permissions {
        file.as_file().set_permissions(permissions)?;
    }
    Ok(Content::Temporary { file: BufWriter::new(file), target })
}

fn open_device(path: &Path) -> io::Result<Content> {
    Ok(Content::Device(BufWriter::new(OpenOptions::new().write(true).open(path)?)))
}

fn replace(file: BufWriter<NamedTempFile>, target: &Path) -> io::Result<()> {
    let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.as_file().sync_all()?;
    file.persist(target).map(drop).map_err(|e| e.error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_changes_only_when_the_file_is_published() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        std::fs::write(&path, "old").unwrap();
        let mut file = OutputFile::create(&path).unwrap();
        file.write(b"new").unwrap();
        drop(file);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");
        let mut file = OutputFile::create(&path).unwrap();
        file.write(b"new").unwrap();
        file.publish().unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_a_link_and_its_target_keeps_its_mode() {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("a.csv"), folder.path().join("link"));
        std::fs::write(&path, "old").unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        let mut file = OutputFile::create(&link).unwrap();
        file.write(b"new").unwrap();
        file.publish().unwrap();
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    }

    #[test]
    fn folders_urls_and_missing_folders_are_rejected() {
        let folder = tempfile::tempdir().unwrap();
        let message = |path: &Path| OutputFile::create(path).err().map(|e| e.to_string());
        assert!(message(folder.path()).unwrap().contains("is a folder"));
        assert!(message(Path::new("s3://b/a.csv")).unwrap().contains("is a URL"));
        let missing = folder.path().join("none/a.csv");
        assert!(message(&missing).unwrap().contains("cannot write"));
    }
}
