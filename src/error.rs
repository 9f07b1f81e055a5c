//! What can go wrong, as a caller would tell it apart.

mod messages;

use arrow::error::ArrowError;
use datafusion::error::DataFusionError;

use crate::decode::JsonPathsError;
use crate::limits::Rejected;
use crate::stage::StageError;
use crate::storage::{LocationError, StorageError};
pub(crate) use messages::count;
use messages::{earlier, too_many};

/// The outcome of starlift's fallible functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that ends a run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A location was mistyped.
    #[error(transparent)]
    Location(#[from] LocationError),
    /// An option has a value that cannot be.
    #[error("{0}")]
    Usage(String),
    /// A store refused or failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// There is nothing where there should be.
    #[error("{0}")]
    NothingFound(String),
    /// A dataset has objects and no rows.
    #[error(
        "{dataset} are empty: {}, {}, {} and not one row; {}; nothing was published",
        count(*objects as usize, "object"),
        count(*bytes as usize, "byte"),
        count(*rejected as usize, "reject"),
        earlier(out, *earlier_rows)
    )]
    EmptyDataset {
        /// The dataset.
        dataset: &'static str,
        /// Objects read.
        objects: u64,
        /// Their bytes, as stored.
        bytes: u64,
        /// Records that were rejected.
        rejected: u64,
        /// The output.
        out: String,
        /// Rows that the dataset has in the star that is there, if there is one.
        earlier_rows: Option<u64>,
    },
    /// A JSONPaths file cannot be used.
    #[error("{url} cannot be used")]
    JsonPaths {
        /// The file.
        url: String,
        /// Why not.
        source: JsonPathsError,
    },
    /// More records were rejected than allowed.
    #[error("{}; see {file}{}", too_many(*rejected, *read, allowed), partial(*stopped_early))]
    TooManyRejects {
        /// Rejects.
        rejected: Rejected,
        /// Records read.
        read: u64,
        /// The limit, as given.
        allowed: String,
        /// Where the rejects are kept.
        file: String,
        /// True if reading stopped because the limit could no longer be met.
        stopped_early: bool,
    },
    /// Checks found rows that break an invariant.
    #[error("{} failed: {}", count(failed.len(), "check"), failed.join(", "))]
    ChecksFailed {
        /// The checks.
        failed: Vec<String>,
    },
    /// The numbers of a run do not balance.
    #[error("the run's numbers do not balance: {0}; nothing was published")]
    Unbalanced(String),
    /// Another run is writing to the same place.
    #[error("another run is writing to {out}: {holder}")]
    Locked {
        /// The output.
        out: String,
        /// Who holds it.
        holder: String,
    },
    /// Another run has published to the same place since this one began.
    #[error("{url} has changed since this run began: {found}; this run published nothing")]
    Overtaken {
        /// The record.
        url: String,
        /// What is there now.
        found: String,
    },
    /// A star's record cannot be understood.
    #[error("{url} is not the record of a star this version can read: {reason}")]
    Record {
        /// The record.
        url: String,
        /// Why not.
        reason: String,
    },
    /// A file of a star is not as it was written.
    #[error("{url} is part of the star, but {reason}")]
    StarFile {
        /// The file.
        url: String,
        /// What became of it.
        reason: String,
    },
    /// An SQL file or text failed.
    #[error("query {name} failed")]
    Query {
        /// The query's file or name.
        name: String,
        /// Why.
        source: Box<DataFusionError>,
    },
    /// A query does not give what its table needs.
    #[error("query {name} does not give the columns of its table: {reason}")]
    Shape {
        /// The query's file.
        name: String,
        /// What differs.
        reason: String,
    },
    /// Temporary files could not be written or read.
    #[error(transparent)]
    Stage(#[from] StageError),
    /// Parquet could not be written.
    #[error("cannot write {url}")]
    Parquet {
        /// The file.
        url: String,
        /// Why.
        source: parquet::errors::ParquetError,
    },
    /// Arrow data could not be built.
    #[error("cannot build Arrow data")]
    Arrow(#[from] ArrowError),
    /// A local file or stream failed.
    #[error("{action}")]
    Io {
        /// What was being done.
        action: String,
        /// Why it failed.
        source: std::io::Error,
    },
    /// A part of the program ended before its time.
    #[error("a worker stopped unexpectedly; this is a defect of starlift, please report it")]
    Worker(#[from] tokio::task::JoinError),
    /// The run was interrupted.
    #[error("interrupted; nothing was published")]
    Interrupted,
    /// A command that changes nothing was interrupted.
    #[error("interrupted")]
    Stopped,
}

impl Error {
    /// A failure of the query called `name`.
    pub fn query(name: impl Into<String>, source: DataFusionError) -> Error {
        match find_own(source) {
            Ok(own) => own.into(),
            Err(source) => Error::Query { name: name.into(), source: Box::new(source) },
        }
    }

    /// A failed file operation, told as what was being done.
    pub fn io(action: impl Into<String>, source: std::io::Error) -> Error {
        Error::Io { action: action.into(), source }
    }
}

/// The causes of an error, the outer before the inner.
pub fn causes<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(error.source(), |cause| cause.source())
}

/// A staging failure that travelled through DataFusion, brought back as itself.
fn find_own(error: DataFusionError) -> std::result::Result<StageError, DataFusionError> {
    match error {
        DataFusionError::External(external) => match external.downcast::<StageError>() {
            Ok(own) => Ok(*own),
            Err(other) => Err(DataFusionError::External(other)),
        },
        other => Err(other),
    }
}

/// The end of an error whose numbers are of a part of the input.
fn partial(stopped_early: bool) -> &'static str {
    if stopped_early { "; reading stopped early, so the numbers are of what was read" } else { "" }
}
