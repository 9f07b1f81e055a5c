//! Staging tables: they hold the decoded batches so that star queries can read them repeatedly
//! without decoding the input again.

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

/// An error in keeping staged batches or reading them back.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// A spill file cannot be written or read.
    #[error("cannot {action} a spill file in {}; is the disk of the temporary folder full?", folder.display())]
    File {
        /// The failed action, such as `read`.
        action: &'static str,
        /// The temporary folder.
        folder: PathBuf,
        /// Cause of the failure.
        source: ArrowError,
    },
    /// Arrow rejects a batch, which would be a bug in starlift.
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
