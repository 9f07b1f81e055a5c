//! Findings of a check, and the report that shows them.

use std::collections::BTreeMap;
use std::fmt::{Display, Formatter, Result as FmtResult};

use super::rule::Rule;
use crate::escape;

/// Maximum number of findings to show per rule; all are kept.
const SHOWN_FINDINGS: usize = 5;

/// A violation of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The violated rule.
    pub rule: Rule,
    /// Location of the problem: a URL, optionally with a column and a row group; `table.column`; or
    /// a line of SQL.
    pub place: String,
    /// Description of the problem.
    pub problem: String,
}

/// Numbers of things that were checked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Checked {
    /// Rules that were applied.
    pub rules: u64,
    /// Manifests that were read.
    pub manifests: u64,
    /// Parquet files whose footers were read.
    pub files: u64,
    /// Columns of those files.
    pub columns: u64,
}

/// Result of checking a star against the contract.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contract {
    /// All violations.
    pub findings: Vec<Finding>,
    /// Numbers of rules, manifests, files and columns checked.
    pub checked: Checked,
}

impl Finding {
    pub(super) fn new(rule: Rule, place: impl Display, problem: impl Into<String>) -> Finding {
        Finding {
            rule,
            place: escape::line(&place.to_string()).into_owned(),
            problem: escape::line(&problem.into()).into_owned(),
        }
    }
}

impl Contract {
    /// Returns `true` if there are no findings.
    pub fn passes(&self) -> bool {
        self.findings.is_empty()
    }

    /// Groups the findings by rule, in the order of [`Rule::ALL`].
    pub fn by_rule(&self) -> BTreeMap<Rule, Vec<&Finding>> {
        let mut rules: BTreeMap<Rule, Vec<&Finding>> = BTreeMap::new();
        for finding in &self.findings {
            rules.entry(finding.rule).or_default().push(finding);
        }
        rules
    }
}

impl Display for Finding {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        write!(f, "{}: {}", self.place, self.problem)
    }
}

impl Display for Contract {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        let rules = self.by_rule();
        for (rule, findings) in &rules {
            let noun = if findings.len() == 1 { "finding" } else { "findings" };
            writeln!(f, "FAIL  {rule:<32} {} {noun}", findings.len())?;
            writeln!(f, "      expected: {}", rule.requirement())?;
            for finding in findings.iter().take(SHOWN_FINDINGS) {
                writeln!(f, "      {finding}")?;
            }
            if findings.len() > SHOWN_FINDINGS {
                writeln!(f, "      … and {} more", findings.len() - SHOWN_FINDINGS)?;
            }
            writeln!(f, "      what to do: {}", rule.advice())?;
        }
        let Checked { manifests, files, columns, .. } = self.checked;
        let satisfied = self.checked.rules.saturating_sub(rules.len() as u64);
        write!(f, "{satisfied} of {} rules satisfied; checked: ", self.checked.rules)?;
        writeln!(f, "manifests {manifests}, files {files}, columns {columns}")
    }
}
