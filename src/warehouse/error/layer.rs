//! Errors of loading and querying a warehouse.

use std::time::Duration;

use arrow::error::ArrowError;

use super::WarehouseError;
use crate::cloud::error::CloudError;
use crate::warehouse::connection::target::TargetError;
use crate::warehouse::contract::Finding;
use crate::warehouse::sql::quote::QuoteError;

/// The result of a fallible function of this layer.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure to load or query a warehouse.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The star could not be read, or a local file or query failed.
    #[error(transparent)]
    Star(#[from] crate::error::Error),
    /// The URL of a warehouse is invalid.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// A name or value cannot be used in a statement.
    #[error(transparent)]
    Quote(#[from] QuoteError),
    /// The warehouse rejected a statement, or the connection failed.
    #[error(transparent)]
    Server(#[from] Box<WarehouseError>),
    /// AWS rejected a request or could not be reached.
    #[error(transparent)]
    Cloud(#[from] Box<CloudError>),
    /// An option or setting has an invalid value.
    #[error("{0}")]
    Usage(String),
    /// Another session holds a lock.
    #[error("{who} in schema {schema}; waited for {} s", waited.as_secs())]
    LoadLocked {
        /// The holder of the lock and its activity.
        who: &'static str,
        /// Name of the schema.
        schema: String,
        /// Time spent waiting.
        waited: Duration,
    },
    /// A relation with the name of a table is not a table.
    #[error("schema {schema} contains relations that are not tables: {}", names.join(", "))]
    NotATable {
        /// Name of the schema.
        schema: String,
        /// Names of the relations.
        names: Vec<String>,
    },
    /// The user is not allowed to replace the tables.
    #[error("this user cannot replace the tables of schema {schema}: {}; nothing was changed", reasons.join("; "))]
    NotOwner {
        /// Name of the schema.
        schema: String,
        /// The tables, views and dependents that prevent the replacement, each with the reason.
        reasons: Vec<String>,
    },
    /// The response to COMMIT was lost and the ledger could not be read, so the outcome is unknown.
    #[error(
        "it is unknown whether schema {schema} contains the new tables: the connection was lost during COMMIT, and the ledger of loads cannot be read"
    )]
    OutcomeUnknown {
        /// Name of the schema.
        schema: String,
        /// The failure of the last statement.
        source: Box<Error>,
    },
    /// The tables to replace have dependents that cannot be preserved.
    #[error("replacing the tables of schema {schema} would lose {}; nothing was changed", names.join(", "))]
    Dependents {
        /// Name of the schema.
        schema: String,
        /// Names of the objects that would be lost.
        names: Vec<String>,
    },
    /// The encoding of a database lacks characters of the star.
    #[error(
        "database {database} is encoded in {encoding}, which lacks characters of the star; nothing was changed:\n  {}",
        texts.join("\n  ")
    )]
    Encoding {
        /// Name of the database.
        database: String,
        /// Encoding of the database, as PostgreSQL names it.
        encoding: String,
        /// One line per column: the number of affected values, and an example.
        texts: Vec<String>,
    },
    /// Redshift would reject the files of the star.
    #[error(
        "Redshift would reject the files: {}; nothing was changed",
        crate::error::count(findings.len(), "finding")
    )]
    Contract {
        /// Rules that the files break, each with its place.
        findings: Vec<Finding>,
    },
    /// The loaded tables differ from the files.
    #[error("the tables differ from the files: {}:\n  {}", crate::error::count(differences.len(), "difference"), differences.join("\n  "))]
    Mismatch {
        /// One line per statistic that differs.
        differences: Vec<String>,
    },
    /// Checks found rows in a warehouse that violate an invariant.
    #[error("{} failed in the warehouse: {}", crate::error::count(failed.len(), "check"), failed.join(", "))]
    ChecksFailed {
        /// Names of the checks.
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

/// Converts failures of lower layers to [`Error::Star`].
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
    crate::pipeline::TransformFailure,
    crate::staging::StagingError,
    crate::storage::LocationError,
    crate::storage::StorageError,
    tokio::task::JoinError
);
