//! The folder of a demo, and the record of what a demo has made in it.
//!
//! A demo writes over what an earlier demo has made, and over nothing else.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;
use xxhash_rust::xxh3::xxh3_128;

use crate::cli::error::{Error, Result};
use crate::star::RECORD;

/// The file in which a demo records what it has made.
const MARKER: &str = ".starlift-demo";

const DEFAULT_FOLDER: &str = "starlift-demo";

/// Folders of the sample data, below `data`.
const DATA_FOLDERS: [&str; 2] = ["song_data", "log_data"];

/// A folder that holds nothing but what demos have made, where a demo would write.
pub(super) struct DemoFolder {
    folder: PathBuf,
    made: Made,
    /// The files of an earlier demo's sample data that are there.
    found: Vec<PathBuf>,
}

/// What a demo has made.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Made {
    /// A fingerprint of each file's content, by the file's path below `data`.
    files: BTreeMap<String, String>,
    /// The run that made the star.
    star: Option<String>,
}

impl DemoFolder {
    /// Opens the folder `asked`, or else a default one: `starlift-demo` in the current folder, or a
    /// new folder in the temporary one where the current one cannot be written.
    ///
    /// # Errors
    ///
    /// If the folder cannot be made, or holds data or a star that no demo has made.
    pub fn open(asked: Option<&Path>) -> Result<DemoFolder> {
        let wanted = asked.unwrap_or(Path::new(DEFAULT_FOLDER));
        let mut opened = DemoFolder::new(wanted.to_owned(), read_marker(wanted));
        opened.demand_own()?;
        match (create(wanted), asked) {
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
        Ok(DemoFolder::new(folder, Made::default()))
    }

    fn new(folder: PathBuf, made: Made) -> DemoFolder {
        DemoFolder { folder, made, found: Vec::new() }
    }

    /// The folder of the sample data.
    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// The folder of the star.
    pub fn star(&self) -> PathBuf {
        self.folder.join("star")
    }

    /// Removes the sample data of an earlier demo, and records `files` as the demo's own, by their
    /// paths below `data`.
    ///
    /// # Errors
    ///
    /// If a file cannot be removed, or the record not be written.
    pub fn renew<'a>(&mut self, files: impl Iterator<Item = (&'a str, &'a [u8])>) -> Result<()> {
        for path in std::mem::take(&mut self.found) {
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(Error::io(format!("cannot remove {}", path.display()), error));
                }
                _ => {}
            }
        }
        self.made.files =
            files.map(|(path, bytes)| (path.to_owned(), fingerprint(bytes))).collect();
        self.write_marker()
    }

    /// Records the run that made the star.
    ///
    /// # Errors
    ///
    /// If the record cannot be written.
    pub fn note_star(&mut self, run_id: &str) -> Result<()> {
        self.made.star = Some(run_id.to_owned());
        self.write_marker()
    }

    /// Replaces the record in one step; a link at its name is replaced, not followed.
    fn write_marker(&self) -> Result<()> {
        let path = self.folder.join(MARKER);
        let written = NamedTempFile::new_in(&self.folder).and_then(|mut file| {
            serde_json::to_writer_pretty(&mut file, &self.made)?;
            file.write_all(b"\n")?;
            file.persist(&path).map_err(|error| error.error)
        });
        written.map(|_| ()).map_err(|e| Error::io(format!("cannot write {}", path.display()), e))
    }

    /// Fails if there is anything that a demo would write over and no demo has made.
    fn demand_own(&mut self) -> Result<()> {
        let data = self.data();
        for folder in [&self.folder.join("data"), &self.star()] {
            if is_link(folder) {
                return Err(foreign(folder));
            }
        }
        for folder in DATA_FOLDERS {
            self.demand_own_data(&data, folder)?;
        }
        self.demand_own_star()
    }

    /// Fails if there is a file in the folder `relative` below `data`, or in one of its folders, that
    /// is not as a demo has written it.
    fn demand_own_data(&mut self, data: &Path, relative: &str) -> Result<()> {
        let path = data.join(relative);
        let meta = match std::fs::symlink_metadata(&path) {
            Ok(meta) => meta,
            Err(error) if is_absent(&error) => return Ok(()),
            Err(error) => return Err(unreadable(&path, error)),
        };
        if !meta.is_dir() {
            if !meta.is_file() || !self.made_file(&path, relative)? {
                return Err(foreign(&path));
            }
            self.found.push(path);
            return Ok(());
        }
        let entries = std::fs::read_dir(&path).map_err(|e| unreadable(&path, e))?;
        for entry in entries {
            let entry = entry.map_err(|e| unreadable(&path, e))?;
            let name = entry.file_name().into_string().map_err(|_| foreign(&entry.path()))?;
            self.demand_own_data(data, &format!("{relative}/{name}"))?;
        }
        Ok(())
    }

    /// Returns `true` if a demo wrote the file at `path`, which has not changed since.
    fn made_file(&self, path: &Path, relative: &str) -> Result<bool> {
        let Some(wanted) = self.made.files.get(relative) else {
            // A write that was killed leaves `<name>#<n>`.
            let partial = relative.rsplit_once('#').is_some_and(|(name, number)| {
                self.made.files.contains_key(name) && number.bytes().all(|b| b.is_ascii_digit())
            });
            return Ok(partial);
        };
        let bytes = std::fs::read(path).map_err(|e| unreadable(path, e))?;
        Ok(*wanted == fingerprint(&bytes))
    }

    fn demand_own_star(&self) -> Result<()> {
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
            // A demo that was interrupted has left files, and no star.
            Err(error) if is_absent(&error) && self.was_made() => return Ok(()),
            Err(error) if is_absent(&error) => return Err(foreign(&star)),
            Err(error) => return Err(unreadable(&record, error)),
        };
        if run_id.is_some() && run_id == self.made.star { Ok(()) } else { Err(foreign(&star)) }
    }

    fn was_made(&self) -> bool {
        !self.made.files.is_empty()
    }
}

/// The part of a star's record that names its run.
#[derive(Deserialize)]
struct Record {
    run_id: String,
}

/// The record of earlier demos; without one that can be read, nothing was made by a demo.
fn read_marker(folder: &Path) -> Made {
    let path = folder.join(MARKER);
    if is_link(&path) {
        return Made::default();
    }
    let read = std::fs::read(path).ok();
    read.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}

/// Makes the folders that a demo writes to.
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
        "{} was not made by `starlift demo`, which would replace it; name an empty folder with \
         --out, or move it away; nothing was touched",
        path.display()
    ))
}
