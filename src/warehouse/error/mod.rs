//! Failures of a warehouse, classified by how a load handles them.

mod layer;
#[cfg(test)]
mod tests;

pub use self::layer::{Error, Result};

use std::fmt;

use tokio_postgres::error::{DbError, SqlState};

use crate::warehouse::connection::session::ServerLimit;

/// A failure of a warehouse or of the connection to it.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} at {target}")]
pub struct WarehouseError {
    /// Description of the operation that failed.
    pub action: String,
    /// Name or address of the warehouse.
    pub target: String,
    /// Response or failure that ended the operation.
    #[source]
    pub cause: Cause,
}

/// The reason why an operation of a warehouse failed.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    /// The server returned an error.
    #[error(transparent)]
    Server(#[from] Box<ServerError>),
    /// The connection broke or could not be established.
    #[error("{0}")]
    Connection(String),
    /// The certificates cannot be used.
    #[error("{0}")]
    Tls(String),
    /// Credentials could not be obtained.
    #[error("{0}")]
    Credentials(String),
    /// The server's response has an unexpected form.
    #[error("unexpected response: {0}")]
    Response(String),
}

/// An error response of a server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerError {
    /// SQLSTATE; empty where the service reports none and the message does not imply one.
    pub code: String,
    /// The message of the server.
    pub message: String,
    /// Details, as the server sent them.
    pub detail: String,
    /// Advice of the server.
    pub hint: String,
    /// Name of the constraint that a row violates; empty if there is none.
    pub constraint: String,
    /// Redshift's error number, from the detail's `code:` line.
    pub engine_code: Option<i64>,
    /// Redshift's query number, from the detail's `query:` line.
    pub query: Option<i64>,
    /// Redshift's explanation, from the detail's `context:` line.
    pub context: String,
    /// The matching row of Redshift's load errors, if they were queried.
    pub load_error: Option<LoadErrorRow>,
    /// The time limit of the server, the database or the role that has expired.
    pub limit: Option<ServerLimit>,
}

/// A row of Redshift's load errors. Unknown fields are empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoadErrorRow {
    /// URL of the file.
    pub file: String,
    /// Name of the column.
    pub column: String,
    /// Declared type of the column, as Redshift spells it.
    pub column_type: String,
    /// Reason that Redshift reports.
    pub message: String,
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = (!self.code.is_empty()).then(|| format!("SQLSTATE {}", self.code));
        let number = self.engine_code.map(|code| format!("code {code}"));
        let codes: Vec<String> = state.into_iter().chain(number).collect();
        f.write_str(&self.message)?;
        if !codes.is_empty() {
            write!(f, " ({})", codes.join(", "))?;
        }
        if self.context.is_empty() {
            if !self.detail.is_empty() {
                write!(f, ": {}", one_line(&self.detail))?;
            }
        } else if !self.message.contains(&self.context) {
            write!(f, ": {}", one_line(&self.context))?;
        }
        if let Some(error) = &self.load_error {
            let message = format!("{} {}", self.message, one_line(&self.detail));
            for (label, value) in [
                ("file", &error.file),
                ("column", &error.column),
                ("type", &error.column_type),
                ("reason", &error.message),
            ] {
                let value = one_line(value);
                if !value.is_empty() && !message.contains(&value) {
                    write!(f, "; {label} {value}")?;
                }
            }
        }
        if let Some(limit) = &self.limit {
            write!(f, "; {limit}")?;
        }
        if !self.hint.is_empty() {
            write!(f, " ({})", one_line(&self.hint))?;
        }
        Ok(())
    }
}

impl std::error::Error for ServerError {}

impl From<&DbError> for ServerError {
    fn from(error: &DbError) -> ServerError {
        ServerError {
            hint: error.hint().unwrap_or_default().to_owned(),
            constraint: error.constraint().unwrap_or_default().to_owned(),
            ..ServerError::new(
                error.code().code(),
                error.message().trim(),
                error.detail().unwrap_or_default(),
            )
        }
    }
}

impl ServerError {
    /// Creates an error response; Redshift's own numbers are parsed from its detail.
    pub(super) fn new(code: &str, message: &str, detail: &str) -> ServerError {
        ServerError {
            code: code.to_owned(),
            message: message.to_owned(),
            detail: detail.to_owned(),
            engine_code: detail_entry(detail, "code").and_then(|code| code.parse().ok()),
            query: detail_entry(detail, "query").and_then(|query| query.parse().ok()),
            context: detail_entry(detail, "context").unwrap_or_default(),
            ..ServerError::default()
        }
    }
}

/// Returns a value of the block that Redshift sends as detail, with the labels `error:`, `code:`,
/// `context:`, `query:`, `location:` and `process:` (as seen in aws-lambda-redshift-loader issue 221).
/// A value may continue on lines without a label.
fn detail_entry(detail: &str, label: &str) -> Option<String> {
    const LABELS: [&str; 6] = ["error", "code", "context", "query", "location", "process"];
    let labelled = |line: &str| {
        let (found, value) = line.trim().split_once(':')?;
        LABELS.contains(&found.trim()).then(|| (found.trim().to_owned(), value.trim().to_owned()))
    };
    let mut lines =
        detail.lines().skip_while(|line| labelled(line).is_none_or(|(found, _)| found != label));
    let (_, first) = labelled(lines.next()?)?;
    let rest =
        lines.take_while(|line| labelled(line).is_none() && !line.trim_start().starts_with("---"));
    Some(rest.fold(first, |text, line| format!("{text} {}", line.trim())).trim().to_owned())
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl WarehouseError {
    /// Applies `map` to each text of the server in the error.
    #[must_use]
    pub fn map_texts(mut self, map: impl Fn(&str) -> String) -> WarehouseError {
        match &mut self.cause {
            Cause::Server(error) => {
                let ServerError { message, detail, hint, context, .. } = &mut **error;
                for text in [message, detail, hint, context] {
                    *text = map(text);
                }
            }
            Cause::Connection(text)
            | Cause::Tls(text)
            | Cause::Credentials(text)
            | Cause::Response(text) => *text = map(text),
        }
        self
    }

    /// Returns the server's error response, if there was one.
    pub fn server_error(&self) -> Option<&ServerError> {
        if let Cause::Server(error) = &self.cause { Some(error) } else { None }
    }

    /// Returns `true` if the connection is lost, so that the outcome of the statement is unknown.
    pub fn is_lost(&self) -> bool {
        match &self.cause {
            Cause::Connection(_) => true,
            // The server reports it when it shuts down or ends a session.
            Cause::Server(error) => {
                // 25P03 and 25P04: a transaction time limit, which also ends the session.
                ["57P", "08", "25P03", "25P04"].iter().any(|code| error.code.starts_with(code))
            }
            _ => false,
        }
    }

    /// Returns `true` if the statement failed because of another transaction.
    pub fn is_conflict(&self) -> bool {
        self.server_error().is_some_and(is_conflict)
    }

    /// Returns `true` if the error is transient, so that rerunning the whole transaction may succeed.
    pub fn is_transient(&self) -> bool {
        self.is_lost()
            || self
                .server_error()
                .is_some_and(|r| is_conflict(r) || r.code == SqlState::LOCK_NOT_AVAILABLE.code())
    }

    /// Returns `true` if the object to create exists, for example because two sessions create it at the
    /// same time. PostgreSQL then reports a conflict in the catalog that it reaches first, even with IF
    /// NOT EXISTS.
    pub fn already_exists(&self) -> bool {
        let codes = [
            SqlState::DUPLICATE_SCHEMA,
            SqlState::DUPLICATE_TABLE,
            // The row type of a table.
            SqlState::DUPLICATE_OBJECT,
            SqlState::UNIQUE_VIOLATION,
        ];
        self.server_error().is_some_and(|r| codes.iter().any(|code| r.code == code.code()))
    }

    /// Returns the name of the key or reference that a row violates.
    pub fn violated_key(&self) -> Option<&str> {
        let codes = [SqlState::UNIQUE_VIOLATION, SqlState::FOREIGN_KEY_VIOLATION];
        let response = self.server_error()?;
        let is_key = codes.iter().any(|code| response.code == code.code());
        is_key.then_some(response.constraint.as_str())
    }

    /// Returns `true` if a lock could not be acquired in time.
    pub fn is_lock_timeout(&self) -> bool {
        self.server_error().is_some_and(|r| r.code == SqlState::LOCK_NOT_AVAILABLE.code())
    }
}

/// Returns `true` if the statement failed because of another transaction, so that rerunning the whole
/// transaction may succeed.
///
/// Sources: Redshift Developer Guide, Serializable isolation (1023, 1018); PostgreSQL, Error Codes.
/// Redshift reports other conflicts as XX000, and PostgreSQL uses it for conflicts in its catalogs:
/// only the text distinguishes them.
fn is_conflict(error: &ServerError) -> bool {
    let is_engine = |number: i64| {
        error.engine_code == Some(number)
            || error.message.trim_start().starts_with(&number.to_string())
    };
    if error.code.starts_with("40") || is_engine(1023) || is_engine(1018) {
        return true;
    }
    // 42P01: the table was dropped after its name was resolved but before it was locked. The Data API
    // reports no code at all.
    let says_little = matches!(error.code.as_str(), "XX000" | "42P01" | "34510" | "");
    let text = format!("{} {}", error.message, error.detail).to_lowercase();
    says_little && CONFLICTS.iter().any(|words| text.contains(words))
}

/// Parts of the messages of conflicts, in lowercase.
const CONFLICTS: [&str; 7] = [
    // "could not complete because of conflict with concurrent transaction"
    "conflict with concurrent transaction",
    // "table 100123 dropped by concurrent transaction", and "modified", "altered", "truncated"
    "by concurrent transaction",
    "by another transaction",
    // "Concurrent DDL committed to table t between Prepare and Execute"
    "concurrent ddl",
    // "tuple concurrently updated", "tuple concurrently deleted"
    "concurrently",
    "serializable isolation violation",
    // "could not open relation with OID 100123", "relation with OID 100123 does not exist"
    "relation with oid",
];

impl Cause {
    /// Converts an error of the driver.
    pub(super) fn driver(error: &tokio_postgres::Error) -> Cause {
        if let Some(response) = error.as_db_error() {
            return Cause::Server(Box::new(response.into()));
        }
        let mut text = error.to_string();
        let mut source = std::error::Error::source(error);
        while let Some(cause) = source {
            let more = cause.to_string();
            if !text.contains(&more) {
                text += &format!(": {more}");
            }
            source = cause.source();
        }
        if text.contains("password missing") || text.contains("authentication") {
            return Cause::Credentials(text);
        }
        if text.contains("certificate")
            || text.contains("TLS handshake")
            || text.contains("support TLS")
        {
            return Cause::Tls(text);
        }
        Cause::Connection(text)
    }
}
