//! The file of earlier statements.

use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// Maximum number of statements that are kept.
pub const MAX_STATEMENTS: usize = 1000;

/// Returns the path of the history below the user's folder of state, according to the XDG Base Directory
/// Specification: `XDG_STATE_HOME`, else `~/.local/state`. Returns `None` if neither is an absolute path.
pub fn path() -> Option<PathBuf> {
    path_of(std::env::var_os("XDG_STATE_HOME").as_deref(), std::env::var_os("HOME").as_deref())
}

fn path_of(state: Option<&std::ffi::OsStr>, home: Option<&std::ffi::OsStr>) -> Option<PathBuf> {
    let absolute = |path: &std::ffi::OsStr| Some(PathBuf::from(path)).filter(|p| p.is_absolute());
    let state = state.and_then(absolute);
    let state = state.or_else(|| Some(home.and_then(absolute)?.join(".local/state")))?;
    Some(state.join("starlift/history"))
}

/// Creates the file if it does not exist, and makes it private: statements can contain personal data.
///
/// # Errors
///
/// Returns an error if the file cannot be created or its permissions cannot be changed.
pub fn create(path: &Path) -> io::Result<()> {
    let mut folder = DirBuilder::new();
    folder.recursive(true);
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
        folder.mode(0o700);
        options.mode(0o600);
    }
    if let Some(parent) = path.parent() {
        folder.create(parent)?;
    }
    let file = options.open(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
    }
    drop(file);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_below_the_state_folder_or_home() {
        let path = |state: &str, home: &str| {
            let some = |text: &str| (!text.is_empty()).then(|| std::ffi::OsString::from(text));
            path_of(some(state).as_deref(), some(home).as_deref())
        };
        assert_eq!(path("/s", "/h").unwrap(), Path::new("/s/starlift/history"));
        assert_eq!(path("", "/h").unwrap(), Path::new("/h/.local/state/starlift/history"));
        assert_eq!(path("relative", "/h").unwrap(), Path::new("/h/.local/state/starlift/history"));
        assert_eq!(path("", ""), None);
        assert_eq!(path("", "relative"), None);
    }

    #[cfg(unix)]
    #[test]
    fn the_file_is_private() {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state/starlift/history");
        create(&path).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        create(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
