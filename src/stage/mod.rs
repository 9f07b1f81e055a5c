//! Staging: decoded batches wait here, decoded once, for the star queries to read them as often as
//! they like.

mod provider;
mod share;
mod sorted;
mod table;
mod unify;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use arrow::error::ArrowError;

pub use provider::SortedTable;
pub use share::{Batches, Turn};
pub use sorted::Sorted;
pub use table::{GiveTexts, Sortable, StagingSpace, StagingTable};

/// Why staged batches could not be kept or read back.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// A spill file fails.
    #[error("cannot {action} the spill file {}; is the disk of the temporary folder full?", path.display())]
    File {
        /// What was to be done with it.
        action: &'static str,
        /// Its path.
        path: PathBuf,
        /// Why that failed.
        source: ArrowError,
    },
    /// Arrow refuses a batch, which would be a defect of starlift.
    #[error("cannot stage a batch")]
    Batch(#[from] ArrowError),
}

impl StageError {
    fn write(path: &Path, source: ArrowError) -> StageError {
        StageError::File { action: "write", path: path.to_owned(), source }
    }

    fn read(path: &Path, source: ArrowError) -> StageError {
        StageError::File { action: "read", path: path.to_owned(), source }
    }
}
