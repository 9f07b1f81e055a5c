//! Errors of the program: those of each layer and of the commands, with codes, exit codes and advice.

mod cloud;
mod codes;
mod engine;
mod report;
mod server;
mod storage;

use datafusion::error::DataFusionError;

pub use self::codes::Code;

use crate::cloud::error::CloudError;
use crate::error::{Error as StarError, count};
use crate::model::ModelError;
use crate::report::error::ReportError;
use crate::staging::StagingError;
use crate::storage::StorageError;
use crate::warehouse::error::{Cause, Error as WarehouseError};

/// The result of a command.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure of a command.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The objects could not be transformed, or the star could not be read.
    #[error(transparent)]
    Star(StarError),
    /// A warehouse could not be loaded or queried.
    #[error(transparent)]
    Warehouse(WarehouseError),
    /// A resource in the cloud could not be created, found, changed or removed.
    #[error(transparent)]
    Cloud(#[from] Box<CloudError>),
    /// A report could not be made.
    #[error(transparent)]
    Report(ReportError),
    /// An option or setting has an invalid value.
    #[error("{0}")]
    Usage(String),
    /// The model cannot be used.
    #[error("{}", model_message(.0))]
    Model(ModelError),
    /// The files and the warehouse return different answers.
    #[error("the files and the warehouse return different results: {}", names.join(", "))]
    AnswersDiffer {
        /// Names of the queries.
        names: Vec<String>,
    },
    /// `doctor` found a problem that would make a run fail.
    #[error("{} failed: {}", count(failed.len(), "check"), failed.join(", "))]
    DoctorFailed {
        /// Names of the checks.
        failed: Vec<String>,
    },
    /// A name is unknown, and there are similar ones.
    #[error("{error}")]
    UnknownName {
        /// The error of the unknown name.
        #[source]
        error: Box<Error>,
        /// Known names that are similar to it. Never empty.
        similar: Vec<String>,
    },
    /// A statement of a script failed.
    #[error("line {line}: {error}")]
    Line {
        /// Number of the line at which the statement begins.
        line: usize,
        /// The failure.
        #[source]
        error: Box<Error>,
    },
    /// The user did not confirm.
    #[error("not confirmed; nothing was changed")]
    Declined,
    /// A load was interrupted.
    #[error("interrupted; the star is complete, and the warehouse rolls back uncommitted work")]
    LoadInterrupted,
}

impl From<StarError> for Error {
    fn from(error: StarError) -> Error {
        match error {
            StarError::Usage(reason) => Error::Usage(reason),
            error => Error::Star(error),
        }
    }
}

impl From<WarehouseError> for Error {
    fn from(error: WarehouseError) -> Error {
        match error {
            WarehouseError::Star(error) => error.into(),
            WarehouseError::Cloud(error) => Error::Cloud(error),
            WarehouseError::Usage(reason) => Error::Usage(reason),
            error => Error::Warehouse(error),
        }
    }
}

impl From<ReportError> for Error {
    fn from(error: ReportError) -> Error {
        match error {
            ReportError::Star(error) => error.into(),
            ReportError::Warehouse(error) => error.into(),
            error => Error::Report(error),
        }
    }
}

impl From<ModelError> for Error {
    fn from(error: ModelError) -> Error {
        Error::Model(error)
    }
}

impl From<CloudError> for Error {
    fn from(error: CloudError) -> Error {
        Error::Cloud(Box::new(error))
    }
}

/// Converts failures of lower layers to the error of their layer.
macro_rules! from_layers {
    ($($layer:ty: $($source:ty),+;)+) => {
        $($(impl From<$source> for Error {
            fn from(error: $source) -> Error {
                <$layer>::from(error).into()
            }
        })+)+
    };
}

from_layers!(
    StarError:
        crate::pipeline::TransformFailure,
        crate::storage::LocationError,
        StorageError,
        StagingError,
        arrow::error::ArrowError,
        tokio::task::JoinError;
    WarehouseError:
        crate::warehouse::connection::target::TargetError,
        crate::warehouse::sql::quote::QuoteError,
        crate::warehouse::error::WarehouseError;
);

impl Error {
    /// Creates the error for a failed file operation; `action` describes the attempt.
    pub fn io(action: impl Into<String>, source: std::io::Error) -> Error {
        StarError::io(action, source).into()
    }

    /// Creates the error for a failure of the query `name`.
    pub fn query(name: impl Into<String>, source: DataFusionError) -> Error {
        StarError::query(name, source).into()
    }

    /// Returns the exit code of a process that ends with this error: 1 for a failure, 2 for wrong
    /// usage, 3 for too many rejects, 4 for a failed check.
    pub fn exit_code(&self) -> u8 {
        self.code().exit_code()
    }

    /// Returns the stable code of the error.
    pub fn code(&self) -> Code {
        match self {
            Error::Star(error) => star_code(error),
            Error::Warehouse(error) => warehouse_code(error),
            Error::Cloud(error) => cloud::code(error),
            Error::Report(error) => report::code(error),
            Error::Usage(_) => Code::InvalidOption,
            Error::Model(_) => Code::InvalidModel,
            Error::AnswersDiffer { .. } => Code::AnswersDiffer,
            Error::UnknownName { error, .. } | Error::Line { error, .. } => error.code(),
            Error::DoctorFailed { .. } => Code::DoctorFailed,
            Error::Declined => Code::Declined,
            Error::LoadInterrupted => Code::LoadInterrupted,
        }
    }

    /// Returns advice on the error, if available.
    pub fn hint(&self) -> Option<String> {
        match self {
            Error::Star(error) => star_hint(error),
            Error::Warehouse(error) => warehouse_hint(error),
            Error::Cloud(error) => cloud::hint(error),
            Error::UnknownName { error, .. } | Error::Line { error, .. } => error.hint(),
            Error::Report(error) => report::hint(error),
            Error::Usage(_)
            | Error::Model(_)
            | Error::AnswersDiffer { .. }
            | Error::DoctorFailed { .. }
            | Error::Declined
            | Error::LoadInterrupted => None,
        }
    }
}

impl Error {
    /// Returns known names that are similar to an unknown one.
    pub fn similar_names(&self) -> &[String] {
        match self {
            Error::UnknownName { similar, .. } => similar,
            Error::Line { error, .. } => error.similar_names(),
            _ => &[],
        }
    }
}

/// Returns the problems of a model, one per line, or the reason why it cannot be read.
fn model_message(error: &ModelError) -> String {
    match error {
        ModelError::Invalid(problems) => {
            let problems = problems.as_slice();
            let lines: Vec<String> = problems.iter().map(|p| format!("\n  {p}")).collect();
            format!("the model has {}:{}", count(problems.len(), "problem"), lines.concat())
        }
        ModelError::Read { path, source } => {
            format!("cannot read {} of the model: {source}", path.display())
        }
    }
}

fn star_code(error: &StarError) -> Code {
    match error {
        StarError::Location(_) => Code::InvalidLocation,
        StarError::Usage(_) => Code::InvalidOption,
        StarError::Storage(error) => storage::code(error.kind()),
        StarError::NothingFound(_) => Code::NothingFound,
        StarError::EmptyDataset { .. } => Code::EmptyDataset,
        StarError::JsonPaths { .. } => Code::JsonPaths,
        StarError::TooManyRejects { .. } => Code::TooManyRejects,
        StarError::ChecksFailed { .. } => Code::ChecksFailed,
        StarError::ObjectsGone { .. } => Code::ObjectsGone,
        StarError::KeptObjects { .. } => Code::KeptObjects,
        StarError::StarDiffers { .. } => Code::StarDiffers,
        StarError::Unbalanced(_) => Code::Unbalanced,
        StarError::Engine(error) => engine::code(error),
        StarError::Locked { .. } => Code::OutputLocked,
        StarError::Overtaken { .. } => Code::Overtaken,
        StarError::Record { .. } => Code::UnreadableRecord,
        StarError::OtherModel { .. } => Code::OtherModel,
        StarError::OtherModelVersion { .. } => Code::OtherModelVersion,
        StarError::StarFile { .. } | StarError::EarlierStar { .. } => Code::DamagedStar,
        StarError::UnknownRun { .. } => Code::UnknownRun,
        StarError::Query { source, .. } if is_out_of_memory(source) => Code::OutOfMemory,
        StarError::Query { .. } => Code::QueryFailed,
        StarError::WrongColumns { .. } => Code::WrongColumns,
        StarError::Staging(StagingError::File { .. }) => Code::SpillFailed,
        StarError::Parquet { .. } | StarError::Io { .. } => Code::FileFailed,
        StarError::Staging(StagingError::Batch(_)) | StarError::Arrow(_) | StarError::Worker(_) => {
            Code::Internal
        }
        StarError::Interrupted | StarError::Stopped => Code::Interrupted,
    }
}

fn warehouse_code(error: &WarehouseError) -> Code {
    match error {
        WarehouseError::Star(error) => star_code(error),
        WarehouseError::Cloud(error) => cloud::code(error),
        WarehouseError::Usage(_) => Code::InvalidOption,
        WarehouseError::Target(_) => Code::InvalidTarget,
        WarehouseError::Quote(_) => Code::InvalidName,
        WarehouseError::Server(error) => match &error.cause {
            Cause::Server(_) => Code::StatementRejected,
            Cause::Connection(_) => Code::ConnectionFailed,
            Cause::Tls(_) => Code::TlsFailed,
            Cause::Credentials(_) => Code::LoginFailed,
            Cause::Response(_) => Code::UnexpectedAnswer,
        },
        WarehouseError::LoadLocked { .. } => Code::LoadLocked,
        WarehouseError::NotATable { .. } => Code::NotATable,
        WarehouseError::NotOwner { .. } => Code::NotOwner,
        WarehouseError::OutcomeUnknown { .. } => Code::OutcomeUnknown,
        WarehouseError::Dependents { .. } => Code::Dependents,
        WarehouseError::Encoding { .. } => Code::Encoding,
        WarehouseError::Contract { .. } => Code::CopyContract,
        WarehouseError::Mismatch { .. } => Code::TablesDiffer,
        WarehouseError::ChecksFailed { .. } => Code::WarehouseChecksFailed,
    }
}

fn star_hint(error: &StarError) -> Option<String> {
    match error {
        StarError::Engine(error) => engine::hint(error).map(str::to_owned),
        StarError::Storage(error) => storage::hint(error.kind()).map(str::to_owned),
        StarError::TooManyRejects { rejected, .. } => Some(format!(
            "correct the records and run again, or allow them with --max-rejects {}; the previous star, if any, is unchanged",
            if rejected.uncertain > 0 { "BYTES (such as 64KiB) or 100%" } else { "N or P%" },
        )),
        StarError::OtherModel { found, .. } => Some(format!(
            "pass the folder of the model {found:?}, which made the star, with --model DIR; without --model, the built-in model is used"
        )),
        StarError::Query { source, .. } if is_out_of_memory(source) => {
            Some("raise --memory-limit, or lower --threads: each thread needs memory".to_owned())
        }
        error => fixed_star_hint(error).map(str::to_owned),
    }
}

/// Returns the advice on errors for which it does not depend on their values.
fn fixed_star_hint(error: &StarError) -> Option<&'static str> {
    Some(match error {
        StarError::EmptyDataset { .. } => {
            "check the location with --dry-run, or publish an empty star with --allow-empty"
        }
        StarError::ChecksFailed { .. } => "the previous star, if any, is unchanged",
        StarError::Overtaken { .. } => "the other run's star is unchanged; run again to replace it",
        StarError::Record { .. } => {
            "use the version of starlift that wrote it, or write to another location; if it is not the record of a star, move it away and create a star with `starlift run`"
        }
        StarError::OtherModelVersion { .. } => {
            "pass the version of the model that made the star with --model DIR, or run `starlift transform` again"
        }
        StarError::StarFile { .. } => "restore the file, or run `starlift transform` again",
        StarError::EarlierStar { .. } => {
            "restore the file; without it, no superseded files are removed until `--keep` no longer covers that star"
        }
        StarError::UnknownRun { .. } => {
            "`starlift history` lists the runs; `starlift transform --keep N` keeps the files of earlier stars"
        }
        StarError::ObjectsGone { .. } => {
            "check the locations; --removed drop removes their rows from the star, --removed keep keeps the rows"
        }
        StarError::KeptObjects { .. } => {
            "--incremental keeps the rows, --incremental --removed drop removes them"
        }
        StarError::StarDiffers { .. } => {
            "the star is unchanged; --incremental --full builds it again from all objects"
        }
        StarError::Locked { .. } => "wait until it ends, or write to another location",
        StarError::Storage(_)
        | StarError::Engine(_)
        | StarError::TooManyRejects { .. }
        | StarError::OtherModel { .. }
        | StarError::Location(_)
        | StarError::Usage(_)
        | StarError::NothingFound(_)
        | StarError::JsonPaths { .. }
        | StarError::Unbalanced(_)
        | StarError::Query { .. }
        | StarError::WrongColumns { .. }
        | StarError::Staging(_)
        | StarError::Parquet { .. }
        | StarError::Arrow(_)
        | StarError::Io { .. }
        | StarError::Worker(_)
        | StarError::Interrupted
        | StarError::Stopped => return None,
    })
}

fn warehouse_hint(error: &WarehouseError) -> Option<String> {
    let hint = match error {
        WarehouseError::Star(error) => return star_hint(error),
        WarehouseError::Cloud(error) => return cloud::hint(error),
        WarehouseError::Server(error) => return server::hint(error),
        WarehouseError::Encoding { .. } => {
            "load into a database in UTF-8 (CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0), or correct the values in the input"
        }
        WarehouseError::LoadLocked { .. } => "wait until it ends, or raise --lock-timeout",
        WarehouseError::NotATable { .. } => "drop it, or load into another schema with --schema",
        WarehouseError::NotOwner { .. } => {
            "load as their owner, or grant the owner's role to the user; the owner needs CREATE on the schema"
        }
        WarehouseError::OutcomeUnknown { .. } => {
            "run the load again: it reads the ledger first, and does nothing if the run is already loaded"
        }
        WarehouseError::Dependents { .. } => {
            "drop them and create them again afterwards, or let the load drop them with --cascade; in Redshift, views created WITH NO SCHEMA BINDING are kept"
        }
        WarehouseError::Mismatch { .. } => {
            "the existing tables are unchanged; load again, and report it if it happens again"
        }
        WarehouseError::Target(_)
        | WarehouseError::Quote(_)
        | WarehouseError::Usage(_)
        | WarehouseError::Contract { .. }
        | WarehouseError::ChecksFailed { .. } => return None,
    };
    Some(hint.to_owned())
}

fn is_out_of_memory(error: &DataFusionError) -> bool {
    matches!(error.find_root(), DataFusionError::ResourcesExhausted(_))
}
