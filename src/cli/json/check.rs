//! Results of checks.

use std::time::Duration;

use super::rows::{Row, rows};
use super::schema::{document_enums, document_structs};
use crate::cli::error::Result;
use crate::star::CheckOutcome;
use crate::warehouse::contract::Contract;

document_structs! {
    /// Result of `starlift check`.
    pub struct CheckResult {
        /// Subject of the checks.
        pub subject: Subject,
        /// Location of the star or of the warehouse.
        pub location: String,
        /// The checks, in the order in which they are defined.
        pub checks: Vec<Verdict>,
        /// Number of checks that passed.
        pub passed: u64,
        /// Number of checks that failed.
        pub failed: u64,
        /// Number of checks that did not run.
        pub skipped: u64,
        /// Wall-clock time of all checks.
        pub seconds: f64,
    }
}

document_enums! {
    /// Subject of the checks of `starlift check`.
    pub enum Subject {
        /// The files of a star.
        Star = "star",
        /// The tables in a warehouse.
        Warehouse = "warehouse",
        /// The conditions under which Redshift's COPY accepts the files of a star.
        CopyContract = "copy_contract",
    }
}

document_structs! {
    /// The outcome of one check.
    pub struct Verdict {
        /// Name of the check.
        pub name: String,
        /// Requirement of the check.
        pub requirement: String,
        /// Outcome of the check.
        pub outcome: VerdictOutcome,
        /// Number of rows, or of findings, that violate the requirement.
        pub offending_rows: u64,
        /// The first offending rows, at most five; of the COPY contract, all findings.
        pub first_rows: Vec<Row>,
        /// Wall-clock time of the check. Checks run at the same time.
        pub seconds: f64,
        /// The reason why the check did not run, or the remedy; null if there is neither.
        pub note: Option<String>,
    }
}

document_enums! {
    /// The outcome of a check.
    pub enum VerdictOutcome {
        /// No row violates the requirement.
        Passed = "passed",
        /// Rows violate the requirement.
        Failed = "failed",
        /// The check did not run.
        Skipped = "skipped",
    }
}

document_structs! {
    /// The verification of a load: checks in the warehouse, and queries with the same result as on the files.
    @Default
    pub struct Verification {
        /// The checks that ran in the warehouse.
        pub checks: Vec<Verdict>,
        /// Number of queries whose results in the warehouse equal those on the files.
        pub equal_queries: u64,
        /// The reason why the tables could not be verified again; null if they were. They were verified before they
        /// became visible in any case.
        pub replaced_by: Option<String>,
    }
}

impl Verdict {
    fn skipped(name: &str, reason: &str) -> Verdict {
        Verdict {
            name: name.to_owned(),
            requirement: String::new(),
            outcome: VerdictOutcome::Skipped,
            offending_rows: 0,
            first_rows: Vec::new(),
            seconds: 0.0,
            note: Some(reason.to_owned()),
        }
    }
}

/// Returns the verdicts of outcomes.
///
/// # Errors
///
/// Returns an error if an offending row has no JSON form.
pub fn verdicts(outcomes: &[CheckOutcome]) -> Result<Vec<Verdict>> {
    let verdict = |outcome: &CheckOutcome| {
        Ok(Verdict {
            name: outcome.name.clone(),
            requirement: outcome.invariant.clone(),
            outcome: outcome_of(outcome.offending_rows),
            offending_rows: outcome.offending_rows,
            first_rows: rows(&outcome.first)?,
            seconds: outcome.elapsed.as_secs_f64(),
            note: None,
        })
    };
    outcomes.iter().map(verdict).collect()
}

fn outcome_of(offending_rows: u64) -> VerdictOutcome {
    if offending_rows == 0 { VerdictOutcome::Passed } else { VerdictOutcome::Failed }
}

impl CheckResult {
    /// Returns the result of the checks of a star or a warehouse; `skipped` are the names of those that did not run
    /// because of `reason`.
    ///
    /// # Errors
    ///
    /// Returns an error if an offending row has no JSON form.
    pub fn new(
        subject: Subject,
        location: String,
        outcomes: &[CheckOutcome],
        (skipped, reason): (&[String], &str),
        elapsed: Duration,
    ) -> Result<CheckResult> {
        let mut checks = verdicts(outcomes)?;
        checks.extend(skipped.iter().map(|name| Verdict::skipped(name, reason)));
        Ok(CheckResult::of_verdicts(subject, location, checks, elapsed))
    }

    /// Returns the result of the checks of the COPY contract. Rules without a finding are not listed.
    pub fn of_contract(location: String, contract: &Contract, elapsed: Duration) -> CheckResult {
        let verdicts = contract.by_rule().into_iter().map(|(rule, findings)| Verdict {
            name: rule.id().to_owned(),
            requirement: rule.requirement().to_owned(),
            outcome: VerdictOutcome::Failed,
            offending_rows: findings.len() as u64,
            first_rows: findings
                .iter()
                .map(|finding| {
                    let pairs = [("place", &finding.place), ("problem", &finding.problem)];
                    pairs
                        .map(|(key, text)| (key.to_owned(), text.as_str().into()))
                        .into_iter()
                        .collect()
                })
                .collect(),
            seconds: 0.0,
            note: Some(rule.advice().to_owned()),
        });
        let mut result =
            CheckResult::of_verdicts(Subject::CopyContract, location, verdicts.collect(), elapsed);
        result.passed = contract.checked.rules.saturating_sub(result.failed);
        result
    }

    fn of_verdicts(
        subject: Subject,
        location: String,
        checks: Vec<Verdict>,
        elapsed: Duration,
    ) -> CheckResult {
        let count = |outcome: VerdictOutcome| {
            checks.iter().filter(|verdict| verdict.outcome == outcome).count() as u64
        };
        CheckResult {
            subject,
            location,
            passed: count(VerdictOutcome::Passed),
            failed: count(VerdictOutcome::Failed),
            skipped: count(VerdictOutcome::Skipped),
            checks,
            seconds: elapsed.as_secs_f64(),
        }
    }
}
