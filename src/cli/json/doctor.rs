//! Results of `doctor`.

use super::schema::{document_enums, document_structs};

document_structs! {
    /// Result of `starlift doctor`.
    @Default
    pub struct DoctorResult {
        /// The checks, in the order in which they ran.
        pub checks: Vec<DoctorCheck>,
        /// Number of checks that passed.
        pub passed: u64,
        /// Number of checks that failed.
        pub failed: u64,
        /// Number of checks that did not run.
        pub skipped: u64,
    }

    /// A check of `starlift doctor`.
    pub struct DoctorCheck {
        /// Name of the check.
        pub name: String,
        /// Outcome of the check.
        pub outcome: DoctorOutcome,
        /// Description of the finding, or the reason why the check did not run.
        pub message: String,
        /// The remedy of a failed check; null otherwise.
        pub advice: Option<String>,
    }
}

document_enums! {
    /// The outcome of a check of `starlift doctor`.
    pub enum DoctorOutcome {
        /// The check passed.
        Passed = "passed",
        /// The check failed.
        Failed = "failed",
        /// The check did not run.
        Skipped = "skipped",
    }
}

impl DoctorResult {
    /// Adds a check.
    pub fn add(&mut self, check: DoctorCheck) {
        match check.outcome {
            DoctorOutcome::Passed => self.passed += 1,
            DoctorOutcome::Failed => self.failed += 1,
            DoctorOutcome::Skipped => self.skipped += 1,
        }
        self.checks.push(check);
    }
}
