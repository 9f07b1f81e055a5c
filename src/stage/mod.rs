//! Staging: decoded batches wait here, decoded once, for the star queries to read them as often as
//! they like.

mod aside;
mod provider;
mod share;
mod sorted;
mod spill;
mod table;
mod unify;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use arrow::error::ArrowError;

pub use aside::AsideTable;
pub use provider::SortedTable;
pub use share::{Batches, Turn};
pub use sorted::Sorted;
pub use table::{GiveTexts, Sortable, StagingSpace, StagingTable};

/// Why staged batches could not be kept or read back.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// A spill file fails.
    #[error("cannot {action} a spill file in {}; is the disk of the temporary folder full?", folder.display())]
    File {
        /// What was to be done with it.
        action: &'static str,
        /// The temporary folder.
        folder: PathBuf,
        /// Why that failed.
        source: ArrowError,
    },
    /// Arrow refuses a batch, which would be a defect of starlift.
    #[error("cannot stage a batch")]
    Batch(#[from] ArrowError),
}

impl StageError {
    fn write(folder: &Path, source: ArrowError) -> StageError {
        StageError::File { action: "write to", folder: folder.to_owned(), source }
    }

    fn read(folder: &Path, source: ArrowError) -> StageError {
        StageError::File { action: "read", folder: folder.to_owned(), source }
    }
}
