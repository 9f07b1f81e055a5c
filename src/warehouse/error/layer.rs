//! Everything that ends the work with a warehouse.

use std::time::Duration;

use arrow::error::ArrowError;

use super::super::quote::QuoteError;
use super::super::target::TargetError;
use super::WarehouseError;
use crate::cloud::error::CloudError;

/// The result of a fallible function of this layer.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure to load a warehouse, or to question it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The star could not be read, or a local file or query failed.
    #[error(transparent)]
    Star(#[from] crate::error::Error),
    /// The URL of a warehouse is invalid.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// A name or value cannot be part of a statement.
    #[error(transparent)]
    Quote(#[from] QuoteError),
    /// The warehouse rejected a statement, or the connection failed.
    #[error(transparent)]
    Server(#[from] Box<WarehouseError>),
    /// AWS rejected a request, or could not be reached.
    #[error(transparent)]
    Cloud(#[from] Box<CloudError>),
    /// An option or setting has an invalid value.
    #[error("{0}")]
    Usage(String),
    /// Another session holds a lock.
    #[error("{who} in schema {schema}; waited for {} s", waited.as_secs())]
    LoadLocked {
        /// The holder of the lock and what it does.
        who: &'static str,
        /// The schema.
        schema: String,
        /// The time that was spent waiting.
        waited: Duration,
    },
    /// A relation that has the name of a table is not a table.
    #[error("in schema {schema} there is something else than a table under the name of {}", names.join(", "))]
    NotATable {
        /// The schema.
        schema: String,
        /// The names.
        names: Vec<String>,
    },
    /// The user cannot replace the tables.
    #[error("this user cannot replace the tables of schema {schema}: {}; nothing was touched", reasons.join("; "))]
    NotOwner {
        /// The schema.
        schema: String,
        /// The tables, views and dependents that prevent it, each with the reason.
        reasons: Vec<String>,
    },
    /// The answer to COMMIT was lost, and the ledger could not be read.
    #[error(
        "whether the new tables stand in schema {schema} is not known: the connection was lost at the end, and the ledger of loads cannot be asked"
    )]
    OutcomeUnknown {
        /// The schema.
        schema: String,
        /// The failure of the last statement.
        source: Box<Error>,
    },
    /// The tables that a load replaces have dependents that cannot be carried over.
    #[error("replacing the tables of schema {schema} would lose {}; nothing was touched", names.join(", "))]
    Dependents {
        /// The schema.
        schema: String,
        /// The objects that would be lost.
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
        /// One line per column: the number of values, and one of them.
        texts: Vec<String>,
    },
    /// The loaded tables differ from the files.
    #[error("the tables do not hold what the files do; {}:\n  {}", crate::error::count(differences.len(), "difference"), differences.join("\n  "))]
    Mismatch {
        /// The differences.
        differences: Vec<String>,
    },
    /// Checks found rows in a warehouse that break an invariant.
    #[error("{} failed in the warehouse: {}", crate::error::count(failed.len(), "check"), failed.join(", "))]
    ChecksFailed {
        /// The checks.
        failed: Vec<String>,
    },
}

impl From<WarehouseError> for Error {
    fn from(error: WarehouseError) -> Error {
        Error::Server(Box::new(error))
    }
}

impl From<CloudError> for Error {
    fn from(error: CloudError) -> Error {
        Error::Cloud(Box::new(error))
    }
}

/// Passes failures of lower layers on as [`Error::Star`].
macro_rules! from_star {
    ($($source:ty),*) => {
        $(impl From<$source> for Error {
            fn from(error: $source) -> Error {
                Error::Star(error.into())
            }
        })*
    };
}

from_star!(
    ArrowError,
    crate::stage::StageError,
    crate::storage::LocationError,
    crate::storage::StorageError,
    tokio::task::JoinError
);
