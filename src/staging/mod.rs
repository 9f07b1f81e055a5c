//! Staging tables: they hold the decoded batches so that star queries can read them repeatedly
//! without decoding the input again.

mod dictionary;
mod large_text;
mod provider;
mod scan;
mod sort;
mod sorted;
mod spill;
mod table;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use arrow::error::ArrowError;

pub use large_text::LargeTextTable;
pub use provider::SortedTable;
pub use scan::BatchCursor;
pub use sort::SortStrategy;
pub use sorted::SortedRows;
pub use table::{StagingSpace, StagingTable};

/// An error in keeping staged batches or reading them back.
#[derive(Debug, thiserror::Error)]
pub enum StagingError {
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

impl StagingError {
    fn write(folder: &Path, source: ArrowError) -> StagingError {
        StagingError::File { action: "write to", folder: folder.to_owned(), source }
    }

    fn read(folder: &Path, source: ArrowError) -> StagingError {
        StagingError::File { action: "read", folder: folder.to_owned(), source }
    }
}
