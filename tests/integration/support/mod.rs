//! Helpers for every integration test: a temporary folder, the program run in a clean environment,
//! and failure messages that show the whole run.

pub mod aws;
pub mod dice;
mod errors;
pub mod golden;
pub mod objects;
pub mod pgbouncer;
pub mod postgres;
pub mod redshift;
pub mod s3;
pub mod small_disk;
pub mod stub;
pub mod terminal;
pub mod tls;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A temporary folder for one test, and the program run in it.
pub struct Workspace {
    folder: tempfile::TempDir,
}

/// Result of a run of the program.
pub struct Outcome {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    command: String,
    listing: String,
}

impl Workspace {
    pub fn new() -> Workspace {
        Workspace { folder: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn join(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    /// Writes a file and creates the folders above it.
    pub fn write(&self, relative: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.join(relative);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    /// Sets the times of modification of all files in a folder to earlier ones: an incremental run reads files that
    /// were just written again.
    pub fn age(&self, folder: &str) {
        for file in files(&self.join(folder)) {
            let path = self.join(folder).join(file);
            let file = std::fs::File::options().write(true).open(path).unwrap();
            let modified = file.metadata().unwrap().modified().unwrap();
            file.set_modified(modified - std::time::Duration::from_secs(60)).unwrap();
        }
    }

    pub fn read(&self, relative: &str) -> String {
        std::fs::read_to_string(self.join(relative)).unwrap()
    }

    /// Returns a command that runs the program in this folder, without the variables of the
    /// developer's environment that could affect it.
    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_starlift"));
        command.current_dir(self.path()).env("AWS_EC2_METADATA_DISABLED", "true");
        for (name, _) in std::env::vars() {
            if name.starts_with("AWS_") || name.starts_with("STARLIFT_") || name == "NO_COLOR" {
                command.env_remove(name);
            }
        }
        command
    }

    /// Returns a command that transforms the generated data in `data` to `out`.
    pub fn transform(&self, out: &str, more: &[&str]) -> Command {
        let mut command = self.command();
        command.args(["transform", "--songs", "data/song_data", "--logs", "data/log_data"]);
        command.args(["--out", out]).args(more);
        command
    }

    /// Runs the program with these arguments.
    pub fn run<S: AsRef<std::ffi::OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Outcome {
        let mut command = self.command();
        command.args(args);
        self.outcome(&mut command)
    }

    /// Runs a command created with [`Workspace::command`].
    pub fn outcome(&self, command: &mut Command) -> Outcome {
        let output = command.output().unwrap();
        Outcome::new(format!("{command:?}"), output, self.path())
    }
}

impl Outcome {
    /// Creates the result of a command that ran in `folder`.
    pub fn new(command: String, output: Output, folder: &Path) -> Outcome {
        Outcome {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            command,
            listing: files(folder).join("\n"),
        }
    }

    /// Fails the test unless the program exited with `code`.
    #[track_caller]
    pub fn exits(&self, code: i32) -> &Outcome {
        assert!(self.code == Some(code), "wanted exit code {code}\n{self}");
        self
    }

    /// Fails the test unless standard output contains `text`.
    #[track_caller]
    pub fn says(&self, text: &str) -> &Outcome {
        assert!(self.stdout.contains(text), "wanted on standard output: {text:?}\n{self}");
        self
    }

    /// Fails the test unless standard error contains `text`.
    #[track_caller]
    pub fn complains(&self, text: &str) -> &Outcome {
        assert!(self.stderr.contains(text), "wanted on standard error: {text:?}\n{self}");
        self
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "--- command\n{}\n--- exit code {:?}\n--- stdout\n{}\n--- stderr\n{}\n--- files\n{}",
            self.command, self.code, self.stdout, self.stderr, self.listing
        )
    }
}

/// Returns the writing end of a pipe whose reader is already closed.
pub fn closed_pipe() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

/// Runs a program whose standard output and, if `both`, standard error have no reader, and returns
/// its exit code.
pub fn exit_code_unread(command: &mut Command, both: bool) -> Option<i32> {
    command.stdin(Stdio::null()).stdout(closed_pipe());
    if both {
        command.stderr(closed_pipe());
    } else {
        command.stderr(Stdio::piped());
    }
    command.spawn().unwrap().wait_with_output().unwrap().status.code()
}

/// Returns all files below a folder, as sorted relative paths.
pub fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut pending = vec![folder.to_owned()];
    while let Some(next) = pending.pop() {
        let Ok(entries) = std::fs::read_dir(&next) else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() {
                pending.push(path);
            } else {
                found.push(path.strip_prefix(folder).unwrap().to_string_lossy().into_owned());
            }
        }
    }
    found.sort();
    found
}

/// Returns the folder of the real data beside the project, or `None`, with a message, if there is
/// none.
pub fn real_data() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/sparkify-2018-11");
    if beside.is_dir() {
        return Some(beside);
    }
    eprintln!("skipped: the real data is not at {}", beside.display());
    None
}

/// Returns the Python to compare with, or `None` to skip the test. Panics in CI, where the test
/// must not be skipped.
pub fn python() -> Option<PathBuf> {
    let python = std::env::var_os("STARLIFT_PYTHON").filter(|python| !python.is_empty());
    if python.is_none() {
        assert!(std::env::var_os("CI").is_none(), "STARLIFT_PYTHON must be set where CI is");
        eprintln!("skipped: STARLIFT_PYTHON names no Python with what tests/reference needs");
    }
    python.map(PathBuf::from)
}
