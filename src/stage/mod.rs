//! Staging: decoded batches wait here, decoded once, for the star queries to read them as often as
//! they like.

mod provider;
mod table;

use std::path::{Path, PathBuf};

use arrow::error::ArrowError;

pub use table::{Share, StagingSpace, StagingTable};

/// Why staged batches could not be kept or read back.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} the spill file {}; is the disk of the temporary folder full?", path.display())]
pub struct StageError {
    action: &'static str,
    path: PathBuf,
    source: ArrowError,
}

impl StageError {
    fn write(path: &Path, source: ArrowError) -> StageError {
        StageError { action: "write", path: path.to_owned(), source }
    }

    /// A column asked for that no batch has: the planner knows better.
    fn project(source: ArrowError) -> StageError {
        StageError { action: "take the columns of", path: PathBuf::new(), source }
    }

    fn read(path: &Path, source: ArrowError) -> StageError {
        StageError { action: "read", path: path.to_owned(), source }
    }
}
