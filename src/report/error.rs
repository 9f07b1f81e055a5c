//! Errors of a report.

use crate::error::Error as StarError;
use crate::warehouse::error::Error as WarehouseError;

/// The result of a step of a report.
pub type Result<T, E = ReportError> = std::result::Result<T, E>;

/// A failure to make a report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The star cannot be read, or a query on it failed.
    #[error(transparent)]
    Star(#[from] StarError),
    /// The warehouse cannot be read, or a query on it failed.
    #[error(transparent)]
    Warehouse(#[from] WarehouseError),
    /// The header of a figure is not valid, or its query does not return what the header says.
    #[error("{file}: {reason}")]
    Figure {
        /// The file of the figure, relative to the folder of queries.
        file: String,
        /// Description of the mistake.
        reason: String,
    },
    /// The page is larger than mail servers and browsers handle well.
    #[error(
        "the report has {bytes} bytes, more than {limit}; the largest figure is {largest}, with {largest_bytes} bytes"
    )]
    TooLarge {
        /// Size of the page.
        bytes: usize,
        /// The largest size that is allowed.
        limit: usize,
        /// File of the largest figure.
        largest: String,
        /// Size of the largest figure.
        largest_bytes: usize,
    },
}

impl ReportError {
    /// Creates the error for a figure in `file`.
    pub fn figure(file: &str, reason: impl Into<String>) -> ReportError {
        ReportError::Figure { file: file.to_owned(), reason: reason.into() }
    }
}
