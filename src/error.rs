//! What can go wrong, as a caller would tell it apart.

mod messages;

use arrow::error::ArrowError;
use datafusion::error::DataFusionError;

use crate::cloud::error::CloudError;
use crate::decode::JsonPathsError;
use crate::limits::Rejected;
use crate::stage::StageError;
use crate::storage::{LocationError, StorageError};
use crate::warehouse::error::WarehouseError;
use crate::warehouse::quote::QuoteError;
use crate::warehouse::target::TargetError;
use messages::{count, earlier, too_many};

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
    /// Checks found rows in a warehouse that break an invariant.
    #[error("{} failed in the warehouse: {}", count(failed.len(), "check"), failed.join(", "))]
    WarehouseChecksFailed {
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
    /// The URL of a warehouse was mistyped.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// A name or value cannot stand in a statement.
    #[error(transparent)]
    Quote(#[from] QuoteError),
    /// A warehouse refused or failed.
    #[error(transparent)]
    Warehouse(#[from] Box<WarehouseError>),
    /// AWS refused or failed.
    #[error(transparent)]
    Cloud(#[from] Box<CloudError>),
    /// Somebody else holds a lock.
    #[error("{who} in schema {schema}; waited for {} s", waited.as_secs())]
    LoadLocked {
        /// Who holds the lock, and what it does.
        who: &'static str,
        /// The schema.
        schema: String,
        /// How long it was waited for.
        waited: std::time::Duration,
    },
    /// What stands under a table's name is no table.
    #[error("in schema {schema} there is something else than a table under the name of {}", names.join(", "))]
    NotATable {
        /// The schema.
        schema: String,
        /// The names.
        names: Vec<String>,
    },
    /// This user may not replace the tables.
    #[error("this user cannot replace the tables of schema {schema}: {}; nothing was touched", reasons.join("; "))]
    NotOwner {
        /// The schema.
        schema: String,
        /// The tables, views and dependents that are in the way, and why.
        reasons: Vec<String>,
    },
    /// The answer to COMMIT was lost, and the ledger could not be asked.
    #[error(
        "whether the new tables stand in schema {schema} is not known: the connection was lost at the end, and the ledger of loads cannot be asked"
    )]
    OutcomeUnknown {
        /// The schema.
        schema: String,
        /// What was lost.
        source: Box<Error>,
    },
    /// The tables that a load replaces have dependents that cannot be carried over.
    #[error("replacing the tables of schema {schema} would lose {}; nothing was touched", names.join(", "))]
    Dependents {
        /// The schema.
        schema: String,
        /// What would be lost.
        names: Vec<String>,
    },
    /// A database's encoding lacks characters of the star.
    #[error(
        "database {database} is encoded in {encoding}, which lacks characters of the star; nothing was touched:\n  {}",
        texts.join("\n  ")
    )]
    Encoding {
        /// The database.
        database: String,
        /// Its encoding, as PostgreSQL names it.
        encoding: String,
        /// A line per column: how many values, and one of them.
        texts: Vec<String>,
    },
    /// Redshift would not take a star's files.
    #[error("Redshift would not take the files: {}; nothing was touched", count(*findings, "finding"))]
    Contract {
        /// How many breaches were found.
        findings: usize,
    },
    /// Tables do not hold what their files do.
    #[error("the tables do not hold what the files do; {}:\n  {}", count(differences.len(), "difference"), differences.join("\n  "))]
    Mismatch {
        /// The differences.
        differences: Vec<String>,
    },
    /// Files and warehouse answer differently.
    #[error("the files and the warehouse answer differently: {}", names.join(", "))]
    AnswersDiffer {
        /// The questions.
        names: Vec<String>,
    },
    /// The doctor found something that a run would fail at.
    #[error("{} failed: {}", count(failed.len(), "check"), failed.join(", "))]
    Unwell {
        /// The checks.
        failed: Vec<String>,
    },
    /// The user was asked, and said no.
    #[error("nothing was changed, as you wish")]
    Declined,
    /// A load was interrupted.
    #[error("interrupted; the star stands, and the warehouse undoes what was not committed")]
    LoadInterrupted,
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

    /// The exit code of a process that ends with this error.
    ///
    /// 1 failed, 2 wrong usage, 3 too many rejects, 4 a check failed.
    pub fn exit_code(&self) -> u8 {
        match self {
            Error::Location(_) | Error::Usage(_) | Error::Target(_) | Error::Quote(_) => 2,
            Error::TooManyRejects { .. } => 3,
            Error::ChecksFailed { .. } | Error::Unbalanced(_) | Error::Unwell { .. } => 4,
            Error::WarehouseChecksFailed { .. } => 4,
            Error::Contract { .. } | Error::Mismatch { .. } | Error::AnswersDiffer { .. } => 4,
            _ => 1,
        }
    }

    /// What to do about it, where there is something to advise.
    pub fn hint(&self) -> Option<String> {
        match self {
            Error::Storage(error) => error.hint().map(str::to_owned),
            Error::EmptyDataset { .. } => Some(
                "look at what the place holds with --dry-run, or publish an empty star with \
                 --allow-empty"
                    .to_owned(),
            ),
            Error::TooManyRejects { rejected, .. } => Some(format!(
                "mend the records and run again, or allow them with --max-rejects {}; the previous \
                 star, if there is one, is as it was",
                if rejected.uncertain > 0 { "BYTES (such as 64KiB) or 100%" } else { "N or P%" },
            )),
            Error::ChecksFailed { .. } => {
                Some("the previous star, if there is one, is as it was".to_owned())
            }
            Error::Overtaken { .. } => Some(
                "the star that is there now was left as it is; run again to replace it".to_owned(),
            ),
            Error::Record { .. } => Some(
                "use the version of starlift that wrote it, or write to another place; if it is not the \
                 record of a star, move it away and make one with `starlift run`"
                    .to_owned(),
            ),
            Error::StarFile { .. } => {
                Some("bring the file back, or make the star anew with `starlift transform`".to_owned())
            }
            Error::Warehouse(error) => error.hint(),
            Error::Cloud(error) => error.hint(),
            Error::Encoding { .. } => Some(
                "load into a database in UTF-8 (CREATE DATABASE … ENCODING 'UTF8' TEMPLATE \
                 template0), or mend the values in the input"
                    .to_owned(),
            ),
            Error::LoadLocked { .. } => {
                Some("wait for it to end, or for longer with --lock-timeout".to_owned())
            }
            Error::NotATable { .. } => {
                Some("drop it, or load into another schema with --schema".to_owned())
            }
            Error::NotOwner { .. } => Some(
                "load as their owner, or have the owner's role granted to the user who loads; the owner \
                 needs CREATE on the schema".to_owned(),
            ),
            Error::OutcomeUnknown { .. } => Some(
                "run the load again: it reads the ledger first, and does nothing if the run stands there"
                    .to_owned(),
            ),
            Error::Dependents { .. } => Some(
                "drop them and make them again afterwards, or let the load drop them with --cascade; \
                 in Redshift, views made WITH NO SCHEMA BINDING stay"
                    .to_owned(),
            ),
            Error::Mismatch { .. } => Some(
                "the tables that stood there before are as they were; load again, and report it if \
                 it happens again"
                    .to_owned(),
            ),
            Error::Locked { .. } => Some("wait for it to end, or write to another place".to_owned()),
            Error::Query { source, .. } if is_out_of_memory(source) => Some(
                "give more memory with --memory-limit, or use fewer --threads: each needs its share"
                    .to_owned(),
            ),
            _ => None,
        }
    }
}

impl From<WarehouseError> for Error {
    fn from(error: WarehouseError) -> Error {
        Error::Warehouse(Box::new(error))
    }
}

impl From<CloudError> for Error {
    fn from(error: CloudError) -> Error {
        Error::Cloud(Box::new(error))
    }
}

/// The causes of an error, the outer before the inner.
pub fn causes<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(error.source(), |cause| cause.source())
}

fn is_out_of_memory(error: &DataFusionError) -> bool {
    matches!(error.find_root(), DataFusionError::ResourcesExhausted(_))
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
