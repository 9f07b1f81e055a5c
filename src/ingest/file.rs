//! Reads local files and detects changes since the listing.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};

use crate::storage::{InputObject, file_etag};

/// Returns the error of a read that was stopped.
pub(super) fn interrupted() -> io::Error {
    io::ErrorKind::Interrupted.into()
}

/// A local file that must not change while it is read.
///
/// On S3 a request names the listed version of an object, but a local file has no versions. A
/// truncated or replaced file would be read in part, and a growing file can end within a record.
/// Both are errors that end the run.
pub(super) struct ListedFile<'a> {
    file: File,
    object: &'a InputObject,
    done: u64,
    at_end: bool,
}

impl ListedFile<'_> {
    pub fn open(object: &InputObject) -> io::Result<ListedFile<'_>> {
        let path = object.file().ok_or(io::ErrorKind::Unsupported)?;
        let mut options = OpenOptions::new();
        options.read(true);
        // Do not block if a pipe has replaced the listed file.
        #[cfg(unix)]
        if object.etag.is_some() {
            use std::os::unix::fs::OpenOptionsExt;
            options.custom_flags(libc::O_NONBLOCK);
        }
        Ok(ListedFile { file: options.open(path)?, object, done: 0, at_end: false })
    }

    /// Opens the file to read it from byte `start` on.
    pub fn open_at(object: &InputObject, start: u64) -> io::Result<ListedFile<'_>> {
        let mut file = ListedFile::open(object)?;
        file.file.seek(SeekFrom::Start(start))?;
        file.done = start;
        Ok(file)
    }

    /// Reads the next bytes of the file before byte `end`, which is within the listed size. Returns `None` at
    /// `end`.
    pub fn read_before(&mut self, end: u64, block: &mut [u8]) -> io::Result<Option<usize>> {
        let room = block.len().min((end - self.done) as usize);
        if room == 0 {
            return Ok(None);
        }
        match self.file.read(&mut block[..room])? {
            0 => Err(self.changed()),
            length => {
                self.done += length as u64;
                Ok(Some(length))
            }
        }
    }

    /// Fails unless the file is as it was listed.
    pub fn ensure_unchanged(object: &InputObject) -> io::Result<()> {
        let mut file = ListedFile::open(object)?;
        file.done = object.size;
        file.check_unchanged()
    }

    /// Reads the next bytes of the file into `block`. Returns `None` at the end of the file.
    pub fn read(&mut self, block: &mut [u8]) -> io::Result<Option<usize>> {
        let length = if self.at_end { 0 } else { self.file.read(block)? };
        self.done += length as u64;
        if length == 0 {
            self.check_unchanged()?;
            return Ok(None);
        }
        let is_listed = self.object.etag.is_some();
        if is_listed && self.done > self.object.size {
            return Err(self.changed());
        }
        // A short read that reaches the listed size is the end of the file. Another read to confirm
        // it would double the reads of small files.
        self.at_end = is_listed && length < block.len() && self.done == self.object.size;
        Ok(Some(length))
    }

    fn check_unchanged(&self) -> io::Result<()> {
        let Some(listed) = &self.object.etag else { return Ok(()) };
        let is_same = self.done == self.object.size
            && file_etag(&self.file.metadata()?).as_ref() == Some(listed);
        if is_same { Ok(()) } else { Err(self.changed()) }
    }

    fn changed(&self) -> io::Error {
        let now = match self.file.metadata() {
            Ok(metadata) => format!("{} now", metadata.len()),
            Err(error) => error.to_string(),
        };
        io::Error::other(format!(
            "it changed while it was read: {} bytes when it was listed, {now}; run again when nothing \
             writes to it, or leave it out with a glob",
            self.object.size
        ))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::path::Path;

    use super::*;
    use crate::storage::{Compression, Source};

    fn listed(path: &Path) -> InputObject {
        let metadata = path.metadata().unwrap();
        InputObject {
            url: path.to_str().unwrap().into(),
            source: Source::File(None),
            size: metadata.len(),
            etag: file_etag(&metadata),
            compression: Compression::None,
            number: 0,
        }
    }

    /// Reads a file in blocks of four bytes, and changes it after the first block.
    fn read(content: &[u8], change: impl FnOnce(&Path)) -> io::Result<Vec<u8>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, content).unwrap();
        let object = listed(&path);
        let mut file = ListedFile::open(&object)?;
        let (mut block, mut all, mut change) = ([0; 4], Vec::new(), Some(change));
        while let Some(length) = file.read(&mut block)? {
            all.extend_from_slice(&block[..length]);
            if let Some(change) = change.take() {
                change(&path);
            }
        }
        Ok(all)
    }

    #[test]
    fn a_file_that_does_not_change_is_read_whole() {
        for content in [&b""[..], b"abc", b"abcd", b"abcdefghi"] {
            assert_eq!(read(content, |_| {}).unwrap(), content);
        }
    }

    #[test]
    fn a_range_is_read_whole_unless_the_file_has_become_shorter() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "abcdefghi").unwrap();
        let object = listed(&path);
        let range = |start: u64, end: u64| -> io::Result<String> {
            let mut file = ListedFile::open_at(&object, start)?;
            let (mut block, mut all) = ([0; 3], Vec::new());
            while let Some(length) = file.read_before(end, &mut block)? {
                all.extend_from_slice(&block[..length]);
            }
            Ok(String::from_utf8(all).unwrap())
        };
        assert_eq!(range(0, 9).unwrap(), "abcdefghi");
        assert_eq!(range(2, 7).unwrap(), "cdefg");
        assert_eq!(range(9, 9).unwrap(), "");
        ListedFile::ensure_unchanged(&object).unwrap();
        OpenOptions::new().write(true).open(&path).unwrap().set_len(6).unwrap();
        assert_eq!(range(2, 6).unwrap(), "cdef");
        assert!(range(2, 7).unwrap_err().to_string().contains("changed while it was read"));
        ListedFile::ensure_unchanged(&object).unwrap_err();
    }

    #[test]
    fn a_file_that_changes_is_an_error() {
        let open = |path: &Path| OpenOptions::new().append(true).open(path).unwrap();
        let shrinks = |path: &Path| open(path).set_len(6).unwrap();
        let empties = |path: &Path| open(path).set_len(0).unwrap();
        let grows = |path: &Path| open(path).write_all(b"more").unwrap();
        let later = std::time::SystemTime::now() + std::time::Duration::from_secs(9);
        let touched = |path: &Path| open(path).set_modified(later).unwrap();
        for outcome in [
            read(b"abcdefghi", shrinks),
            read(b"abcdefghi", empties),
            read(b"abcdefghi", grows),
            read(b"ab", grows),
            read(b"abcdefghi", touched),
        ] {
            let error = outcome.unwrap_err().to_string();
            assert!(error.contains("changed while it was read"), "{error}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_in_place_of_a_file_is_an_error_and_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "abc").unwrap();
        let object = listed(&path);
        std::fs::remove_file(&path).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        ListedFile::open(&object).unwrap().read(&mut [0; 9]).unwrap_err();
    }
}
