//! Converts failures of the Data API to those of a connection.
//!
//! The service reports the server's message without its SQLSTATE. For messages that decide what a
//! load does next, the code is inferred from the text.

use crate::cloud::error::ApiError;
use crate::warehouse::error::{Cause, ServerError};

/// Parts of messages in lowercase, with the SQLSTATE that servers send with them.
///
/// Sources: PostgreSQL, Error Codes; Redshift Developer Guide for the cancelled query.
const CODES: [(&str, &str); 13] = [
    ("terminating connection", "57P01"),
    ("current transaction is aborted", "25P02"),
    ("permission denied", "42501"),
    ("must be owner", "42501"),
    ("not authorized", "42501"),
    ("cancelled on user's request", "57014"),
    ("canceling statement", "57014"),
    ("password authentication failed", "28000"),
    ("syntax error", "42601"),
    ("already exists", "42P07"),
    ("duplicate key", "23505"),
    ("relation", "42P01"),
    ("database", "3D000"),
];

/// Codes of [`CODES`] that apply only if the message says that something does not exist.
const MISSING: [&str; 2] = ["42P01", "3D000"];

/// Converts the error text that the service reports for a statement.
pub(super) fn from_statement(text: &str, query: i64) -> Cause {
    let text = text.split("[ErrorId:").next().unwrap_or(text).trim();
    let (message, rest) = text.split_once('\n').unwrap_or((text, ""));
    let severities = ["ERROR:", "FATAL:", "PANIC:"];
    let Some(message) = severities.iter().find_map(|severity| message.strip_prefix(severity))
    else {
        // The message is from the service itself, so the outcome of the statement is unknown.
        return Cause::Connection(text.to_owned());
    };
    let message = message.trim();
    let detail = rest.trim().strip_prefix("Detail:").unwrap_or(rest).trim_end();
    let mut error = ServerError::new(code_of(message), message, detail);
    if query > 0 {
        error.query.get_or_insert(query);
    }
    Cause::Server(Box::new(error))
}

fn code_of(message: &str) -> &'static str {
    let message = message.to_lowercase();
    let is_missing = message.contains("does not exist");
    let found = CODES
        .iter()
        .find(|(part, code)| message.contains(part) && (is_missing || !MISSING.contains(code)));
    found.map_or("", |(_, code)| code)
}

/// Converts the failure of a request.
pub(super) fn from_api(error: &ApiError) -> Cause {
    let message = format!("{}: {}", error.operation, error.message);
    // An ended session is reported with one of these codes. Its transaction has been rolled back.
    let is_of_session = error.message.to_lowercase().contains("session");
    match error.code.as_deref() {
        Some("AccessDeniedException") => Cause::Credentials(format!(
            "{}; the caller needs permission for {}",
            error.message, error.operation
        )),
        Some("ValidationException" | "ResourceNotFoundException") if !is_of_session => {
            Cause::Server(Box::new(ServerError::new("", &message, "")))
        }
        _ => Cause::Connection(message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server_error(text: &str) -> ServerError {
        match from_statement(text, 7) {
            Cause::Server(error) => *error,
            other => panic!("{other}"),
        }
    }

    #[test]
    fn the_code_is_inferred_from_the_message() {
        for (text, code) in [
            ("ERROR: permission denied for schema star", "42501"),
            ("ERROR: must be owner of relation songs", "42501"),
            ("ERROR: relation \"star.songs\" does not exist", "42P01"),
            ("ERROR: Query (12) cancelled on user's request", "57014"),
            ("FATAL: password authentication failed for user \"ann\"", "28000"),
            ("ERROR: Relation \"songs\" already exists", "42P07"),
            ("ERROR: syntax error at or near \"SELEC\"\n  Position: 1", "42601"),
            ("ERROR: cannot drop a relation that others depend on", ""),
            ("ERROR: 1023", ""),
        ] {
            assert_eq!(server_error(text).code, code, "{text}");
        }
    }

    #[test]
    fn message_detail_and_query_are_distinguished() {
        let text = "ERROR: Spectrum Scan Error\n  Detail: \n  ---\n  error:  x\n  code:      15007\n  \
                    query:     99\n  --- [ErrorId: 1-2-3]";
        let error = server_error(text);
        assert_eq!(error.message, "Spectrum Scan Error");
        assert_eq!((error.engine_code, error.query), (Some(15_007), Some(99)));
        assert_eq!(super::tests::server_error("ERROR: x").query, Some(7));
    }

    #[test]
    fn a_session_that_has_ended_is_a_lost_connection() {
        let api = |code: Option<&str>, message: &str| {
            let (code, message) = (code.map(str::to_owned), message.to_owned());
            from_api(&ApiError { operation: "redshift-data:BatchExecuteStatement", code, message })
        };
        let lost = |cause| matches!(cause, Cause::Connection(_));
        assert!(lost(api(None, "timed out")));
        assert!(lost(api(Some("ValidationException"), "Session is not available")));
        assert!(lost(api(Some("ActiveSessionsExceededException"), "too many")));
        assert!(!lost(api(Some("ValidationException"), "Cluster x does not exist")));
        assert!(matches!(api(Some("AccessDeniedException"), "no"), Cause::Credentials(_)));
    }
}
