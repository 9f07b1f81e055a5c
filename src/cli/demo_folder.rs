//! The folder of a demo, and the record of the files that a demo wrote in it.
//!
//! A demo overwrites only the files of an earlier demo.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;
use xxhash_rust::xxh3::xxh3_128;

use crate::cli::error::{Error, Result};
use crate::star::RECORD;

/// Name of the file in which a demo records the files it wrote.
const MARKER: &str = ".starlift-demo";

const DEFAULT_FOLDER: &str = "starlift-demo";

/// Folders of the sample data, relative to `data`.
const DATA_FOLDERS: [&str; 2] = ["song_data", "log_data"];

/// A folder that contains only files of demos in the places where a demo writes.
pub(super) struct DemoFolder {
    folder: PathBuf,
    record: DemoRecord,
    /// Existing sample files of an earlier demo.
    found: Vec<PathBuf>,
}

/// The record of the files that a demo wrote, stored as JSON in [`MARKER`].
#[derive(Debug, Default, Serialize, Deserialize)]
struct DemoRecord {
    /// XXH3 hash of each file's content, by path relative to `data`.
    files: BTreeMap<String, String>,
    /// ID of the run that created the star.
    star: Option<String>,
}

impl DemoFolder {
    /// Opens the folder `requested`, or the default: `starlift-demo` in the current folder, or a new
    /// temporary folder if the current folder is not writable.
    ///
    /// # Errors
    ///
    /// Returns an error if the folder cannot be created, or contains data or a star that no demo wrote.
    pub fn open(requested: Option<&Path>) -> Result<DemoFolder> {
        let path = requested.unwrap_or(Path::new(DEFAULT_FOLDER));
        let mut opened = DemoFolder::new(path.to_owned(), read_marker(path));
        opened.ensure_own()?;
        match (create(path), requested) {
            (Ok(()), _) => return Ok(opened),
            (Err(error), Some(folder)) => {
                return Err(Error::io(format!("cannot create {}", folder.display()), error));
            }
            (Err(_), None) => {}
        }
        let failed = |e| Error::io("cannot create a temporary folder", e);
        let prefix = format!("{DEFAULT_FOLDER}-");
        let folder = tempfile::Builder::new().prefix(&prefix).tempdir().map_err(failed)?.keep();
        create(&folder).map_err(failed)?;
        Ok(DemoFolder::new(folder, DemoRecord::default()))
    }

    fn new(folder: PathBuf, record: DemoRecord) -> DemoFolder {
        DemoFolder { folder, record, found: Vec::new() }
    }

    /// Returns the path of the sample data.
    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Returns the path of the star.
    pub fn star(&self) -> PathBuf {
        self.folder.join("star")
    }

    /// Returns the path of the report.
    pub fn report(&self) -> PathBuf {
        self.folder.join("report.html")
    }

    /// Removes the sample data of an earlier demo, and records `files`, pairs of path (relative to
    /// `data`) and content, as files of this demo.
    ///
    /// # Errors
    ///
    /// Returns an error if a file cannot be removed, or the record cannot be written.
    pub fn renew<'a>(&mut self, files: impl Iterator<Item = (&'a str, &'a [u8])>) -> Result<()> {
        for path in std::mem::take(&mut self.found) {
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(Error::io(format!("cannot remove {}", path.display()), error));
                }
                _ => {}
            }
        }
        self.record.files =
            files.map(|(path, bytes)| (path.to_owned(), fingerprint(bytes))).collect();
        self.write_marker()
    }

    /// Records the run that created the star.
    ///
    /// # Errors
    ///
    /// Returns an error if the record cannot be written.
    pub fn note_star(&mut self, run_id: &str) -> Result<()> {
        self.record.star = Some(run_id.to_owned());
        self.write_marker()
    }

    /// Replaces the record atomically. A symbolic link at its path is replaced, not followed.
    fn write_marker(&self) -> Result<()> {
        let path = self.folder.join(MARKER);
        let written = NamedTempFile::new_in(&self.folder).and_then(|mut file| {
            serde_json::to_writer_pretty(&mut file, &self.record)?;
            file.write_all(b"\n")?;
            file.persist(&path).map_err(|error| error.error)
        });
        written.map(|_| ()).map_err(|e| Error::io(format!("cannot write {}", path.display()), e))
    }

    /// Fails if a demo would overwrite files that no demo wrote.
    fn ensure_own(&mut self) -> Result<()> {
        let data = self.data();
        for folder in [&self.folder.join("data"), &self.star()] {
            if is_link(folder) {
                return Err(foreign(folder));
            }
        }
        for folder in DATA_FOLDERS {
            self.ensure_own_data(&data, folder)?;
        }
        self.ensure_own_star()
    }

    /// Fails if a file in the folder `relative` of `data`, at any depth, is not one that a demo wrote, or
    /// has been changed since.
    fn ensure_own_data(&mut self, data: &Path, relative: &str) -> Result<()> {
        let path = data.join(relative);
        let meta = match std::fs::symlink_metadata(&path) {
            Ok(meta) => meta,
            Err(error) if is_absent(&error) => return Ok(()),
            Err(error) => return Err(unreadable(&path, error)),
        };
        if !meta.is_dir() {
            if !meta.is_file() || !self.is_own_file(&path, relative)? {
                return Err(foreign(&path));
            }
            self.found.push(path);
            return Ok(());
        }
        let entries = std::fs::read_dir(&path).map_err(|e| unreadable(&path, e))?;
        for entry in entries {
            let entry = entry.map_err(|e| unreadable(&path, e))?;
            let name = entry.file_name().into_string().map_err(|_| foreign(&entry.path()))?;
            self.ensure_own_data(data, &format!("{relative}/{name}"))?;
        }
        Ok(())
    }

    /// Returns `true` if a demo wrote the file at `path`, and it has not changed since.
    fn is_own_file(&self, path: &Path, relative: &str) -> Result<bool> {
        let Some(recorded) = self.record.files.get(relative) else {
            // A killed write leaves `<name>#<n>`.
            let partial = relative.rsplit_once('#').is_some_and(|(name, number)| {
                self.record.files.contains_key(name) && number.bytes().all(|b| b.is_ascii_digit())
            });
            return Ok(partial);
        };
        let bytes = std::fs::read(path).map_err(|e| unreadable(path, e))?;
        Ok(*recorded == fingerprint(&bytes))
    }

    fn ensure_own_star(&self) -> Result<()> {
        let star = self.star();
        let mut entries = match std::fs::read_dir(&star) {
            Ok(entries) => entries,
            Err(error) if is_absent(&error) => return Ok(()),
            Err(error) => return Err(unreadable(&star, error)),
        };
        if entries.next().is_none() {
            return Ok(());
        }
        let record = star.join(RECORD);
        let run_id = match std::fs::read(&record) {
            Ok(bytes) => serde_json::from_slice::<Record>(&bytes).ok().map(|found| found.run_id),
            // An interrupted demo leaves files without a star.
            Err(error) if is_absent(&error) && self.has_record() => return Ok(()),
            Err(error) if is_absent(&error) => return Err(foreign(&star)),
            Err(error) => return Err(unreadable(&record, error)),
        };
        if run_id.is_some() && run_id == self.record.star { Ok(()) } else { Err(foreign(&star)) }
    }

    fn has_record(&self) -> bool {
        !self.record.files.is_empty()
    }
}

/// The part of a star's record that contains the ID of its run.
#[derive(Deserialize)]
struct Record {
    run_id: String,
}

/// Returns the record of earlier demos, or an empty record if there is none that can be read.
fn read_marker(folder: &Path) -> DemoRecord {
    let path = folder.join(MARKER);
    if is_link(&path) {
        return DemoRecord::default();
    }
    let read = std::fs::read(path).ok();
    read.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}

/// Creates the folders that a demo writes to.
fn create(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder.join("data"))?;
    std::fs::create_dir_all(folder.join("star"))
}

fn fingerprint(bytes: &[u8]) -> String {
    format!("{:032x}", xxh3_128(bytes))
}

fn is_link(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|meta| meta.is_symlink())
}

fn is_absent(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

fn unreadable(path: &Path, error: std::io::Error) -> Error {
    Error::io(format!("cannot read {}", path.display()), error)
}

fn foreign(path: &Path) -> Error {
    Error::Usage(format!(
        "{} was not created by `starlift demo`, which would replace it; specify an empty folder with --out, or move it away; nothing was changed",
        path.display()
    ))
}
