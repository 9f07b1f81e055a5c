//! The error of a command.

use super::schema::document_structs;
use crate::cli::error::Error;
use crate::error::causes;

document_structs! {
    /// The error that ended a command.
    pub struct Failure {
        /// Stable code; docs/errors.md lists all codes.
        pub code: String,
        /// Description of the failure. The wording can change between versions.
        pub message: String,
        /// Causes, from the nearest to the root.
        pub causes: Vec<String>,
        /// The remedy for this error; null if only the general remedy of its code applies.
        pub advice: Option<String>,
        /// Exit code of the process.
        pub exit_code: u8,
        /// Changes that were completed before the failure, in the cloud.
        pub completed_changes: Vec<String>,
    }
}

impl Failure {
    /// Returns the document of an error. A cause that a message repeats is left out.
    pub fn new(error: &Error, completed_changes: Vec<String>) -> Failure {
        let message = error.to_string();
        let mut last = message.clone();
        let mut reasons = Vec::new();
        for cause in causes(error) {
            let reason = cause.to_string();
            if !last.contains(&reason) {
                reasons.push(reason.clone());
                last = reason;
            }
        }
        Failure {
            code: error.code().as_str().to_owned(),
            message,
            causes: reasons,
            advice: error.hint(),
            exit_code: error.exit_code(),
            completed_changes,
        }
    }
}
