//! `--env-file`: variables of the environment from a file.

use std::path::{Path, PathBuf};

use crate::cli::error::{Error, Result};

/// The option, which is read before all others, because their values can come from the file.
const OPTION: &str = "--env-file";

/// Sets the variables of the file that the arguments name, if they name one. Variables that are already set win.
/// Call it before other threads exist.
///
/// # Errors
///
/// Returns an error if the file cannot be read, or a line is not of the form `KEY=VALUE`. The error contains no part
/// of the file, which can contain secrets.
pub fn load() -> Result<()> {
    let Some(path) = path_in(std::env::args_os()) else { return Ok(()) };
    let bytes = std::fs::read(&path)
        .map_err(|e| Error::Usage(format!("cannot read {} of {OPTION}: {e}", path.display())))?;
    let text = String::from_utf8(bytes).map_err(|e| {
        let valid = &e.as_bytes()[..e.utf8_error().valid_up_to()];
        let line = 1 + valid.iter().filter(|byte| **byte == b'\n').count();
        malformed(&path, line, "the text is not UTF-8")
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    if let Some(at) = text.find('\0') {
        return Err(malformed(
            &path,
            1 + text[..at].matches('\n').count(),
            "it contains a null character",
        ));
    }
    // All lines are checked before the first variable is set.
    if let Some(line) = malformed_line(text) {
        let reason =
            "expected KEY=VALUE; quote a value that contains spaces or #, and close each quote";
        return Err(malformed(&path, line, reason));
    }
    dotenvy::from_read(text.as_bytes())
        .map_err(|_| Error::Usage(format!("cannot use {} of {OPTION}", path.display())))
}

/// Returns the file that the arguments name. The command line rejects a missing value and a second file later.
fn path_in(arguments: impl IntoIterator<Item = std::ffi::OsString>) -> Option<PathBuf> {
    let mut arguments = arguments.into_iter().skip(1).take_while(|argument| argument != "--");
    while let Some(argument) = arguments.next() {
        if argument == OPTION {
            return arguments.next().map(PathBuf::from);
        }
        let typed = argument.to_str().and_then(|text| text.strip_prefix(OPTION)?.strip_prefix('='));
        if let Some(path) = typed {
            return Some(PathBuf::from(path));
        }
    }
    None
}

/// Returns the number, from 1, of the line at which the first entry begins that cannot be parsed.
fn malformed_line(text: &str) -> Option<usize> {
    let is_valid = |text: &str| dotenvy::from_read_iter(text.as_bytes()).all(|entry| entry.is_ok());
    if is_valid(text) {
        return None;
    }
    // The entries before it are valid, and no text that ends after it is.
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let valid = (0..lines.len()).rev().find(|end| is_valid(&lines[..*end].concat()));
    Some(valid.unwrap_or(0) + 1)
}

fn malformed(path: &Path, line: usize, reason: &str) -> Error {
    Error::Usage(format!("{OPTION} {}:{line}: {reason}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_found_before_other_options_are_parsed() {
        let path = |typed: &[&str]| {
            path_in(std::iter::once("starlift").chain(typed.iter().copied()).map(Into::into))
        };
        assert_eq!(path(&["run", "--env-file", "a b"]), Some(PathBuf::from("a b")));
        assert_eq!(path(&["--env-file=a=b", "run"]), Some(PathBuf::from("a=b")));
        assert_eq!(path(&["run", "--env-files", "x", "--env-file"]), None);
        assert_eq!(path(&["run", "--", "--env-file", "x"]), None);
    }

    #[test]
    fn the_line_of_the_first_mistake_is_found() {
        let valid = "# don't\n\nexport A=1\r\nB='a # b'  # c\nC=\"1\n2\"\nD=\n";
        assert_eq!(malformed_line(valid), None);
        for (mistake, line) in [
            ("E\n", 8),
            ("# E\nE =\n1E=2\nF=\"", 10),
            ("E=a b\n", 8),
            ("E='x\n\nF=1\n", 8),
            ("E=\"1\n2\" 3\n", 8),
        ] {
            assert_eq!(
                malformed_line(&format!("{valid}{mistake}G=1\n")),
                Some(line),
                "{mistake:?}"
            );
        }
    }
}
