//! What a warehouse refuses, told as the situations that a loader treats differently.

mod layer;

pub use self::layer::{Error, Result};

use std::fmt;

use tokio_postgres::error::{DbError, SqlState};

use super::session::ServerLimit;

/// A failure of a warehouse, or of the way to it.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} at {target}")]
pub struct WarehouseError {
    /// What was being done.
    pub action: String,
    /// The warehouse.
    pub target: String,
    /// Why it failed.
    #[source]
    pub cause: Cause,
}

/// Why a warehouse did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    /// The server answered with an error.
    #[error(transparent)]
    Refused(#[from] Box<Refusal>),
    /// The connection broke, or never came to be.
    #[error("{0}")]
    Connection(String),
    /// Certificates that cannot be used.
    #[error("{0}")]
    Tls(String),
    /// Credentials could not be had.
    #[error("{0}")]
    Credentials(String),
    /// The server answered in a form that is not understood.
    #[error("the answer is not understood: {0}")]
    Answer(String),
}

/// An error answer of a server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refusal {
    /// SQLSTATE; empty where the service reports none and the message does not imply one.
    pub code: String,
    /// The message.
    pub message: String,
    /// More about it, as the server sent it.
    pub detail: String,
    /// What the server advises.
    pub hint: String,
    /// Redshift's own error number, from the detail's `code:` line.
    pub engine_code: Option<i64>,
    /// Redshift's number of the query, from the detail's `query:` line.
    pub query: Option<i64>,
    /// Redshift's own explanation, from the detail's `context:` line.
    pub context: String,
    /// What Redshift's load errors say of it, when they were asked.
    pub load_error: Option<LoadError>,
    /// The time limit of the server, the database or the role that has expired.
    pub limit: Option<ServerLimit>,
}

/// A row of Redshift's load errors. What it does not say is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoadError {
    /// The file.
    pub file: String,
    /// The column.
    pub column: String,
    /// The column's type.
    pub column_type: String,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for Refusal {
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
            let said = format!("{} {}", self.message, one_line(&self.detail));
            for (label, value) in [
                ("file", &error.file),
                ("column", &error.column),
                ("type", &error.column_type),
                ("reason", &error.message),
            ] {
                let value = one_line(value);
                if !value.is_empty() && !said.contains(&value) {
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

impl std::error::Error for Refusal {}

impl From<&DbError> for Refusal {
    fn from(error: &DbError) -> Refusal {
        Refusal {
            hint: error.hint().unwrap_or_default().to_owned(),
            ..Refusal::new(
                error.code().code(),
                error.message().trim(),
                error.detail().unwrap_or_default(),
            )
        }
    }
}

impl Refusal {
    /// An error answer; Redshift's own numbers are read from its detail.
    pub(super) fn new(code: &str, message: &str, detail: &str) -> Refusal {
        Refusal {
            code: code.to_owned(),
            message: message.to_owned(),
            detail: detail.to_owned(),
            engine_code: detail_entry(detail, "code").and_then(|code| code.parse().ok()),
            query: detail_entry(detail, "query").and_then(|query| query.parse().ok()),
            context: detail_entry(detail, "context").unwrap_or_default(),
            ..Refusal::default()
        }
    }
}

/// A line of the block that Redshift sends as detail: `error:`, `code:`, `context:`, `query:`,
/// `location:`, `process:` (as seen in aws-lambda-redshift-loader issue 221). A value may go on
/// over lines that have no label.
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
    /// The error with each text of the server replaced.
    #[must_use]
    pub fn map_texts(mut self, map: impl Fn(&str) -> String) -> WarehouseError {
        match &mut self.cause {
            Cause::Refused(refusal) => {
                let Refusal { message, detail, hint, context, .. } = &mut **refusal;
                for text in [message, detail, hint, context] {
                    *text = map(text);
                }
            }
            Cause::Connection(text)
            | Cause::Tls(text)
            | Cause::Credentials(text)
            | Cause::Answer(text) => *text = map(text),
        }
        self
    }

    /// The server's answer, when it was one.
    pub fn refusal(&self) -> Option<&Refusal> {
        if let Cause::Refused(refusal) = &self.cause { Some(refusal) } else { None }
    }

    /// Whether the connection is gone, and with it the knowledge of what became of the statement.
    pub fn is_lost(&self) -> bool {
        match &self.cause {
            Cause::Connection(_) => true,
            // The server says so itself when it is being stopped or ends a session.
            Cause::Refused(refusal) => {
                // 25P03 and 25P04: a time limit of transactions, which ends the session, too.
                ["57P", "08", "25P03", "25P04"].iter().any(|code| refusal.code.starts_with(code))
            }
            _ => false,
        }
    }

    /// Whether the transaction may succeed when it is run again as a whole.
    pub fn is_passing(&self) -> bool {
        self.is_lost()
            || self
                .refusal()
                .is_some_and(|r| is_conflict(r) || r.code == SqlState::LOCK_NOT_AVAILABLE.code())
    }

    /// Whether what was to be made exists, as when two make it at once: PostgreSQL then trips over
    /// whichever of its catalogs it reaches first, IF NOT EXISTS or not.
    pub fn is_there_already(&self) -> bool {
        let codes = [
            SqlState::DUPLICATE_SCHEMA,
            SqlState::DUPLICATE_TABLE,
            // A table's row type.
            SqlState::DUPLICATE_OBJECT,
            SqlState::UNIQUE_VIOLATION,
        ];
        self.refusal().is_some_and(|r| codes.iter().any(|code| r.code == code.code()))
    }

    /// Whether a lock was not to be had in time.
    pub fn is_lock_timeout(&self) -> bool {
        self.refusal().is_some_and(|r| r.code == SqlState::LOCK_NOT_AVAILABLE.code())
    }
}

/// Whether the statement failed because of another transaction, in which case the whole transaction
/// may succeed when it is run again.
///
/// Sources: Redshift Developer Guide, Serializable isolation (1023, 1018); PostgreSQL, Error Codes.
/// Redshift reports other conflicts as XX000, and PostgreSQL those of its catalogs: only the text
/// tells them apart.
fn is_conflict(refusal: &Refusal) -> bool {
    let is_engine = |number: i64| {
        refusal.engine_code == Some(number)
            || refusal.message.trim_start().starts_with(&number.to_string())
    };
    if refusal.code.starts_with("40") || is_engine(1023) || is_engine(1018) {
        return true;
    }
    // 42P01: a table whose name was resolved and that was dropped before it was locked.
    // The Data API reports no code at all.
    let says_little = matches!(refusal.code.as_str(), "XX000" | "42P01" | "34510" | "");
    let text = format!("{} {}", refusal.message, refusal.detail).to_lowercase();
    says_little && CONFLICTS.iter().any(|words| text.contains(words))
}

/// Parts of the messages of conflicts, in lower case.
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
    /// What the driver reports.
    pub(super) fn driver(error: &tokio_postgres::Error) -> Cause {
        if let Some(refused) = error.as_db_error() {
            return Cause::Refused(Box::new(refused.into()));
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

#[cfg(test)]
mod tests {
    use super::*;

    const DETAIL: &str = "\n  -----------------------------------------------\n  error:  Spectrum \
        Scan Error\n  code:      15007\n  context:   The length of the data column title is longer than\n\
        the length defined in the table. Table: 200, Data: 300\n  query:     1234\n  location:  \
        dory_util.cpp:1495\n  process:   worker_thread [pid=1]\n  -------";

    #[test]
    fn the_detail_block_is_taken_apart() {
        assert_eq!(detail_entry(DETAIL, "code").unwrap(), "15007");
        assert_eq!(
            detail_entry(DETAIL, "context").unwrap(),
            "The length of the data column title is longer than the length defined in the table. \
             Table: 200, Data: 300"
        );
        assert_eq!(detail_entry("Key (a)=(1) is duplicated.", "code"), None);
    }

    #[test]
    fn file_column_and_reason_are_told_once() {
        let refusal = Refusal {
            code: "XX000".to_owned(),
            message: "Spectrum Scan Error".to_owned(),
            engine_code: Some(15_007),
            context: detail_entry(DETAIL, "context").unwrap(),
            detail: DETAIL.to_owned(),
            load_error: Some(LoadError {
                file: "s3://b/x.parquet".to_owned(),
                column: "artist_name".to_owned(),
                column_type: "varchar(200)".to_owned(),
                message: "Table: 200, Data: 300".to_owned(),
            }),
            ..Refusal::default()
        };
        assert_eq!(
            refusal.to_string(),
            "Spectrum Scan Error (SQLSTATE XX000, code 15007): The length of the data column title is \
             longer than the length defined in the table. Table: 200, Data: 300; file s3://b/x.parquet; \
             column artist_name; type varchar(200)"
        );
    }

    fn refused(code: &str, message: &str) -> WarehouseError {
        let refusal =
            Refusal { code: code.to_owned(), message: message.to_owned(), ..Refusal::default() };
        let cause = Cause::Refused(Box::new(refusal));
        WarehouseError { action: "load".to_owned(), target: "x".to_owned(), cause }
    }

    #[test]
    fn conflicts_and_lost_connections_pass_and_refusals_do_not() {
        let lost = Cause::Connection("closed".to_owned());
        let lost =
            WarehouseError { action: "load".to_owned(), target: "x".to_owned(), cause: lost };
        assert!(lost.is_passing() && lost.is_lost());
        assert!(refused("57P01", "terminating connection").is_lost());
        for (code, message) in [
            ("XX000", "1023"),
            ("40001", "could not serialize"),
            ("40P01", "deadlock"),
            ("XX000", "1018"),
            ("55P03", "lock timeout"),
            ("XX000", "could not complete because of conflict with concurrent transaction"),
            ("XX000", "could not open relation with OID 100123"),
            ("XX000", "table 100123 dropped by concurrent transaction"),
            ("XX000", "Serializable isolation violation on table - 100123"),
            ("34510", "Concurrent DDL committed to table between Prepare and Execute"),
            ("42P01", "relation with OID 16500 does not exist"),
            ("XX000", "tuple concurrently updated"),
        ] {
            let error = refused(code, message);
            assert!(error.is_passing() && !error.is_lost(), "{message}");
        }
        for (code, message) in [
            ("42501", "permission denied"),
            ("XX000", "Spectrum Scan Error"),
            ("42P01", "relation \"star.songs\" does not exist"),
            ("XX000", "Relation songs does not exist in the database."),
            ("42601", "syntax error at or near \"concurrently\""),
        ] {
            assert!(!refused(code, message).is_passing(), "{message}");
        }
    }
}
