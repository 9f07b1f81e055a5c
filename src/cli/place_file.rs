//! Files that a command writes beside its result, each with a temporary file and a rename.

use std::fs::Metadata;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::cli::error::{Error, Result};

/// Writes a file atomically; replaces an existing one if `replaces`.
///
/// # Errors
///
/// Returns an error of kind `AlreadyExists` if the file exists and must not be replaced, or an error if it cannot be
/// written.
pub fn place_file(path: &Path, text: &str, replaces: bool) -> io::Result<()> {
    let mut file = temporary_beside(path)?;
    file.write_all(text.as_bytes()).and_then(|()| file.as_file().sync_all())?;
    let placed = if replaces { file.persist(path) } else { file.persist_noclobber(path) };
    placed.map(|_| ()).map_err(|e| e.error)
}

/// Creates a temporary file in the folder of `path`.
///
/// # Errors
///
/// Returns an error if the folder does not exist or is not writable.
pub fn temporary_beside(path: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".starlift-").suffix(".tmp");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // Like any new file: the umask determines who else can read it.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder_of(path))
}

/// Returns the folder of a file.
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A file that is replaced at the end of a command. It is checked when the command begins, so that a mistake in its
/// path does not become known only after hours.
#[derive(Debug)]
pub struct OutputFile {
    path: PathBuf,
    option: &'static str,
    earlier: Option<String>,
}

impl OutputFile {
    /// Checks that the file of `option` can be written, and reads its earlier content. `is_ours` returns `true` for
    /// content that the program can have written: other files are not replaced.
    ///
    /// # Errors
    ///
    /// Returns an error if the folder does not exist or is not writable, or another file is in the place.
    pub fn open(
        path: &Path,
        option: &'static str,
        is_ours: impl Fn(&str) -> bool,
    ) -> Result<OutputFile> {
        let shown = path.display();
        let reject = |reason: &str| Err(Error::Usage(format!("{option} {shown}: {reason}")));
        let failed = |e| Error::io(format!("cannot write {shown}"), e);
        // A link keeps its target: the file behind it is replaced.
        let path = match path.symlink_metadata() {
            Ok(found) if found.is_symlink() => path.canonicalize().map_err(failed)?,
            _ => path.to_owned(),
        };
        if !folder_of(&path).is_dir() {
            return reject("the folder does not exist");
        }
        let earlier = match path.metadata() {
            Err(e) if e.kind() == ErrorKind::NotFound => None,
            Err(e) => return Err(failed(e)),
            Ok(found) if !is_small_file(&found) => return reject("it is not a file of starlift"),
            Ok(_) => Some(std::fs::read(&path).map_err(failed)?),
        };
        let earlier = earlier.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        if earlier.as_deref().is_some_and(|text| !text.is_empty() && !is_ours(text)) {
            return reject("it exists and is not a file of starlift; specify another one");
        }
        temporary_beside(&path).map_err(failed)?;
        Ok(OutputFile { path, option, earlier })
    }

    /// Returns the content of the file when the command began.
    pub fn earlier(&self) -> Option<&str> {
        self.earlier.as_deref()
    }

    /// Replaces the file.
    ///
    /// # Errors
    ///
    /// Returns an error if it cannot be written.
    pub fn replace(&self, text: &str) -> Result<()> {
        place_file(&self.path, text, true).map_err(|e| {
            Error::io(format!("cannot write {} of {}", self.path.display(), self.option), e)
        })
    }
}

/// Returns `true` for a regular file that is not too large to have been written by this program.
fn is_small_file(found: &Metadata) -> bool {
    found.is_file() && found.len() < 64 * 1024 * 1024
}
