//! Assertions on errors by their stable codes, so that tests do not depend on the wording of messages.

use super::Outcome;

/// The reference of error codes: a table whose first columns are the code and the exit code.
const REFERENCE: &str = include_str!("../../../docs/errors.md");

impl Outcome {
    /// Fails the test unless the program ended with the error of this code, and with its exit code in
    /// the reference.
    #[track_caller]
    pub fn fails_with(&self, code: &str) -> &Outcome {
        assert!(self.error_code() == Some(code), "wanted the error {code}\n{self}");
        self.exits(exit_code(code))
    }

    /// Fails the test unless the message of the error, its causes or its advice contain all of these
    /// facts, such as names, places and values.
    #[track_caller]
    pub fn naming(&self, facts: &[&str]) -> &Outcome {
        let error = self.printed_error().unwrap_or_else(|| panic!("wanted an error\n{self}"));
        for fact in facts {
            assert!(error.contains(fact), "wanted in the error: {fact:?}\n{self}");
        }
        self
    }

    /// Returns the error with its causes and its advice, which the program prints last.
    fn printed_error(&self) -> Option<&str> {
        self.stderr.rfind("error[").map(|at| &self.stderr[at..])
    }

    fn error_code(&self) -> Option<&str> {
        let (code, _) = self.printed_error()?.strip_prefix("error[")?.split_once("]: ")?;
        Some(code)
    }
}

/// Returns the exit code of an error code according to the reference.
#[track_caller]
fn exit_code(code: &str) -> i32 {
    let start = format!("| `{code}` | ");
    let row = REFERENCE.lines().find_map(|line| line.strip_prefix(&start));
    let (exit_code, _) = row.and_then(|row| row.split_once(' ')).expect(code);
    exit_code.parse().unwrap()
}
