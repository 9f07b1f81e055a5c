//! Resolution and display of local paths.

use std::io;
use std::path::{Component, Path, PathBuf};

/// Returns the absolute path. `..` is resolved as the file system does: after a symbolic link it means
/// the parent of the link's target, not the folder that contains the link.
pub(super) fn absolute(path: &str) -> io::Result<PathBuf> {
    let mut absolute = PathBuf::new();
    for part in std::path::absolute(path)?.components() {
        match part {
            Component::ParentDir => absolute = parent(&absolute)?,
            part => absolute.push(part),
        }
    }
    Ok(absolute)
}

fn parent(folder: &Path) -> io::Result<PathBuf> {
    let by_name = folder.parent().unwrap_or(folder);
    let target = match folder.canonicalize() {
        Ok(target) => target,
        // A path that does not exist is not a link.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(by_name.to_owned()),
        Err(error) => return Err(error),
    };
    let real = target.parent().unwrap_or(&target);
    // Keep the name as typed if both are the same folder.
    let is_same = by_name.canonicalize().is_ok_and(|by_name| by_name == real);
    Ok(if is_same { by_name.to_owned() } else { real.to_owned() })
}

/// Returns the path with all symbolic links in its existing part resolved.
pub(super) fn resolved(path: &Path) -> PathBuf {
    for ancestor in path.ancestors() {
        if let Ok(real) = ancestor.canonicalize() {
            return match path.strip_prefix(ancestor) {
                Ok(rest) if !rest.as_os_str().is_empty() => real.join(rest),
                _ => real,
            };
        }
    }
    path.to_owned()
}

/// Returns the path as text, with bytes that are not UTF-8 as `\xNN`.
pub(super) fn shown(path: impl AsRef<Path>) -> String {
    let mut shown = String::new();
    for chunk in path.as_ref().as_os_str().as_encoded_bytes().utf8_chunks() {
        shown += chunk.valid();
        for byte in chunk.invalid() {
            shown += &format!("\\x{byte:02X}");
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn parents_are_those_of_the_file_system() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        std::fs::create_dir_all(root.join("real/inner")).unwrap();
        std::fs::create_dir_all(root.join("plain")).unwrap();
        std::os::unix::fs::symlink(root.join("real/inner"), root.join("link")).unwrap();
        std::os::unix::fs::symlink(&root, root.join("plain/loop")).unwrap();
        let at = |path: &str| absolute(root.join(path).to_str().unwrap()).unwrap();
        assert_eq!(at("link/../x"), root.join("real/x"));
        assert_eq!(at("plain/../x"), root.join("x"));
        assert_eq!(at("nothing/../x"), root.join("x"));
        assert_eq!(at("plain/loop/plain/../x"), root.join("plain/loop/x"));
        assert_eq!(at("a/./b//c"), root.join("a/b/c"));
        assert_eq!(absolute("/../x").unwrap(), Path::new("/x"));
    }

    #[cfg(unix)]
    #[test]
    fn names_that_are_not_utf8_are_shown() {
        use std::os::unix::ffi::OsStrExt;
        let name = std::ffi::OsStr::from_bytes(b"a\xff\xc3\xa9.json");
        assert_eq!(shown(Path::new(name)), "a\\xFF\u{e9}.json");
    }
}
