//! Destinations of results: standard output, a pager, or a file.

mod file;
mod pager;
mod screen;

use std::io::{self, IsTerminal, Write};
use std::path::Path;

use file::OutputFile;
use pager::Paged;

pub use screen::{DEFAULT_WIDTH, width};

use super::args::PagerArgs;
use super::output::{TextFormat, escaped, print_bytes, print_exact, reader_has_gone};
use crate::cli::error::{Error, Result};

/// Destination of a result.
pub struct Destination(Kind);

enum Kind {
    Standard,
    Paged(Box<Paged>),
    File(OutputFile),
}

impl Destination {
    /// Returns standard output, without a pager.
    pub fn standard() -> Destination {
        Destination(Kind::Standard)
    }

    /// Returns standard output, with a pager if it is a terminal and `pager` allows one.
    pub fn paged(pager: PagerArgs) -> Destination {
        let paged = if pager.no_pager { None } else { Paged::open() };
        Destination(paged.map_or(Kind::Standard, |paged| Kind::Paged(Box::new(paged))))
    }

    /// Returns the file at `path`, or standard output if it is `-` or `None`.
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be created.
    pub fn open(path: Option<&Path>, pager: PagerArgs) -> Result<Destination> {
        match path {
            Some(path) if path.as_os_str() != "-" => {
                Ok(Destination(Kind::File(OutputFile::create(path)?)))
            }
            _ => Ok(Destination::paged(pager)),
        }
    }

    /// Returns the path of the file, if the destination is one.
    pub fn path(&self) -> Option<&Path> {
        match &self.0 {
            Kind::File(file) => Some(file.path()),
            Kind::Standard | Kind::Paged(_) => None,
        }
    }

    /// Returns `true` if the destination is a terminal.
    pub fn is_terminal(&self) -> bool {
        self.path().is_none() && io::stdout().is_terminal()
    }

    /// Returns `true` if further output would be dropped, because the reader of the pipe has closed it or the
    /// user has quit the pager.
    pub fn is_closed(&self) -> bool {
        match &self.0 {
            Kind::Standard => reader_has_gone(),
            Kind::Paged(paged) => paged.has_quit(),
            Kind::File(_) => false,
        }
    }

    /// Writes text: exactly, except that unsafe characters are escaped on a terminal.
    ///
    /// # Errors
    ///
    /// Returns an error if a write fails.
    pub async fn text(&mut self, text: &str, format: TextFormat) -> Result<()> {
        match &mut self.0 {
            Kind::Standard => print_exact(text, format),
            Kind::Paged(paged) => paged.write(&escaped(text, format)).await,
            Kind::File(file) => file.write(text.as_bytes()),
        }
    }

    /// Returns a writer of binary output.
    ///
    /// # Errors
    ///
    /// Returns an error if the destination is a terminal.
    pub fn bytes(&mut self) -> Result<BytesWriter<'_>> {
        if self.is_terminal() {
            return Err(Error::Usage(
                "Parquet is a binary format, which a terminal cannot show; write it to a file with \
                 --output FILE"
                    .to_owned(),
            ));
        }
        Ok(BytesWriter(self))
    }

    /// Completes the output: waits for the pager, or replaces the file if `outcome` is a success. Returns
    /// `outcome`, or the failure to complete the output.
    ///
    /// # Errors
    ///
    /// Returns the error of `outcome`, or an error if the output cannot be completed.
    pub async fn finish<T>(self, outcome: Result<T>) -> Result<T> {
        match self.0 {
            Kind::Standard => outcome,
            Kind::Paged(paged) => {
                let finished = paged.finish().await;
                let value = outcome?;
                finished.map(|()| value)
            }
            Kind::File(file) => {
                let value = outcome?;
                file.publish().map(|()| value)
            }
        }
    }
}

/// Writes bytes to a [`Destination`].
pub struct BytesWriter<'d>(&'d mut Destination);

impl BytesWriter<'_> {
    /// Returns `true` under the conditions of [`Destination::is_closed`].
    pub fn is_closed(&self) -> bool {
        self.0.is_closed()
    }
}

impl Write for BytesWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = match &mut self.0.0 {
            Kind::Standard | Kind::Paged(_) => print_bytes(bytes),
            Kind::File(file) => file.write(bytes),
        };
        written.map(|()| bytes.len()).map_err(io::Error::other)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
