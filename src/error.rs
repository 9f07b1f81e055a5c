//! Errors of the library, distinguished as callers need to handle them.

mod engine;
mod messages;

use arrow::error::ArrowError;
use datafusion::error::DataFusionError;

use crate::decode::JsonPathsError;
use crate::limits::Rejected;
use crate::staging::StagingError;
use crate::storage::{LocationError, StorageError};
pub use engine::EngineError;
pub(crate) use messages::count;
use messages::{earlier, listed, listed_after_colon, tables, too_many};

/// The result of starlift's fallible functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The error that ends a run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A location cannot be parsed.
    #[error(transparent)]
    Location(#[from] LocationError),
    /// An option has an invalid value.
    #[error("{0}")]
    Usage(String),
    /// A store rejected a request or failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The input or star does not exist.
    #[error("{0}")]
    NothingFound(String),
    /// A dataset has objects but no rows.
    #[error(
        "dataset {dataset} has no rows: {}, {}, {}; {}; nothing was published",
        count(*objects as usize, "object"),
        count(*bytes as usize, "byte"),
        count(*rejected as usize, "reject"),
        earlier(out, *earlier_rows)
    )]
    EmptyDataset {
        /// Name of the dataset.
        dataset: String,
        /// Number of objects read.
        objects: u64,
        /// Stored size of the objects in bytes.
        bytes: u64,
        /// Number of rejected records.
        rejected: u64,
        /// Location of the output.
        out: String,
        /// Number of rows of the dataset in the existing star, if there is one.
        earlier_rows: Option<u64>,
    },
    /// A JSONPaths file cannot be used.
    #[error("{url} cannot be used")]
    JsonPaths {
        /// URL of the file.
        url: String,
        /// Failure to read or parse the file.
        source: JsonPathsError,
    },
    /// More records were rejected than allowed.
    #[error("{}; see {file}{}", too_many(*rejected, *read, allowed), partial(*stopped_early))]
    TooManyRejects {
        /// Counts of rejected records.
        rejected: Rejected,
        /// Number of records read.
        read: u64,
        /// The limit as specified by the user.
        allowed: String,
        /// Location of the rejects file.
        file: String,
        /// `true` if reading stopped early because the rejects were certain to exceed the limit.
        stopped_early: bool,
    },
    /// Checks found rows that violate an invariant.
    #[error("{} failed: {}", count(failed.len(), "check"), failed.join(", "))]
    ChecksFailed {
        /// Names of the checks.
        failed: Vec<String>,
    },
    /// Objects that the previous run has read are no longer listed.
    #[error(
        "{} of the last run are no longer listed: {}; nothing was published",
        count(*objects as usize, "object"),
        listed(examples, *objects)
    )]
    ObjectsGone {
        /// Number of objects.
        objects: u64,
        /// URLs of the first objects.
        examples: Vec<String>,
    },
    /// The star has rows of objects that no longer exist, and the run would lose them.
    #[error(
        "the star has rows of {} that no longer exist{}; {reason}; nothing was published",
        count(*objects as usize, "object"),
        listed_after_colon(examples, *objects)
    )]
    KeptObjects {
        /// Number of objects.
        objects: u64,
        /// Reason why the run would lose their rows.
        reason: String,
        /// URLs of the first objects, if known.
        examples: Vec<String>,
    },
    /// A star that was built again differs from the existing one.
    #[error("a rebuild from all objects differs from the star of run {run_id}: {}", tables.join(", "))]
    StarDiffers {
        /// ID of the run that published the star.
        run_id: String,
        /// Names of the tables that differ.
        tables: Vec<String>,
    },
    /// The row counts of a run do not balance.
    #[error("the counts of the run do not balance: {0}; nothing was published")]
    Unbalanced(String),
    /// The engine that carries out the run on other machines failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// Another run is writing to the same output.
    #[error("another run is writing to {out}: {holder}")]
    Locked {
        /// Location of the output.
        out: String,
        /// Description of the holder of the lock.
        holder: String,
    },
    /// Another run has published to the same output since this one began.
    #[error("{url} has changed since this run began: {found}; this run published nothing")]
    Overtaken {
        /// URL of the record.
        url: String,
        /// Description of the record found.
        found: String,
    },
    /// The record of a star cannot be parsed.
    #[error("{url} is not a record that this version of starlift can read: {reason}")]
    Record {
        /// URL of the record.
        url: String,
        /// Problem that prevents parsing.
        reason: String,
    },
    /// The star was made with a model of another name.
    #[error(
        "the star at {star} was made with the model {found:?}, and this command uses the model {model:?}"
    )]
    OtherModel {
        /// Location of the star.
        star: String,
        /// Name of the model that made it.
        found: String,
        /// Name of the model in use.
        model: String,
    },
    /// The star was made with another version of the model, which has other tables or columns.
    #[error(
        "the star at {star} was made with another version of the model {model:?}: {}",
        tables(missing, extra)
    )]
    OtherModelVersion {
        /// Location of the star.
        star: String,
        /// Name of the model.
        model: String,
        /// Tables of the model that the star lacks, and such columns as `table.column`.
        missing: Vec<String>,
        /// Tables and columns of the star that the model does not declare.
        extra: Vec<String>,
    },
    /// The record of an earlier star, whose files are kept, cannot be used.
    #[error("{url} is the record of an earlier star, but {reason}")]
    EarlierStar {
        /// URL of the record.
        url: String,
        /// Problem of the record or of its file.
        reason: String,
    },
    /// A run is unknown, or its star cannot be used.
    #[error("cannot find the star of run {run:?}: {reason}")]
    UnknownRun {
        /// The run as specified by the user.
        run: String,
        /// Problem of the run or of its files.
        reason: String,
    },
    /// A file of a star has changed since it was written.
    #[error("{url} is part of the star, but {reason}")]
    StarFile {
        /// URL of the file.
        url: String,
        /// Difference from the file that was written.
        reason: String,
    },
    /// An SQL file or text failed.
    #[error("query {name} failed")]
    Query {
        /// File or name of the query.
        name: String,
        /// Error of DataFusion.
        source: Box<DataFusionError>,
    },
    /// The result of a query does not match its table.
    #[error("query {name} does not return the columns of its table: {reason}")]
    WrongColumns {
        /// File of the query.
        name: String,
        /// Difference from the columns of the table.
        reason: String,
    },
    /// Temporary files could not be written or read.
    #[error(transparent)]
    Staging(#[from] StagingError),
    /// Parquet could not be written.
    #[error("cannot write {url}")]
    Parquet {
        /// URL of the file.
        url: String,
        /// Error of the Parquet writer.
        source: parquet::errors::ParquetError,
    },
    /// Arrow data could not be built.
    #[error("cannot build Arrow data")]
    Arrow(#[from] ArrowError),
    /// A local file or stream operation failed.
    #[error("{action}")]
    Io {
        /// Description of the operation.
        action: String,
        /// Error of the operating system.
        source: std::io::Error,
    },
    /// A task panicked or was cancelled.
    #[error("a worker stopped unexpectedly; this is a defect of starlift, please report it")]
    Worker(#[from] tokio::task::JoinError),
    /// The run was interrupted.
    #[error("interrupted; nothing was published")]
    Interrupted,
    /// A read-only command was interrupted.
    #[error("interrupted")]
    Stopped,
}

impl Error {
    /// Creates the error for a failure of the query `name`.
    pub fn query(name: impl Into<String>, source: DataFusionError) -> Error {
        match find_own(source) {
            Ok(own) => own.into(),
            Err(source) => Error::Query { name: name.into(), source: Box::new(source) },
        }
    }

    /// Creates the error for a failed file operation; `action` describes the operation.
    pub fn io(action: impl Into<String>, source: std::io::Error) -> Error {
        Error::Io { action: action.into(), source }
    }
}

/// Returns the causes of an error, outermost first.
pub fn causes<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(error.source(), |cause| cause.source())
}

/// Recovers a staging failure that DataFusion has wrapped.
fn find_own(error: DataFusionError) -> std::result::Result<StagingError, DataFusionError> {
    match error {
        DataFusionError::External(external) => match external.downcast::<StagingError>() {
            Ok(own) => Ok(*own),
            Err(other) => Err(DataFusionError::External(other)),
        },
        other => Err(other),
    }
}

/// Returns the ending of a message whose counts cover only part of the input.
fn partial(stopped_early: bool) -> &'static str {
    if stopped_early {
        "; reading stopped early, so the counts cover only what was read"
    } else {
        ""
    }
}
