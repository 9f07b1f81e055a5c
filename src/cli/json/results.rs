//! Collects what a command reports while it runs, so that a failed command reports it too.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::command::Report;
use super::{LoadResult, ReportResult, RunResult, TransformResult, Verification};
use crate::cli::args::OutputFormat;

/// The results of the steps of a command. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Results(Arc<Mutex<Collected>>);

#[derive(Debug, Default)]
struct Collected {
    format: OutputFormat,
    run: RunResult,
    report: Option<Report>,
    completed_changes: Vec<String>,
}

impl Results {
    fn lock(&self) -> MutexGuard<'_, Collected> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the format of the result.
    pub fn set_format(&self, format: OutputFormat) {
        self.lock().format = format;
    }

    /// Returns the format of the result.
    pub fn format(&self) -> OutputFormat {
        self.lock().format
    }

    /// Stores the result of a transform.
    pub fn set_transform(&self, result: TransformResult) {
        self.lock().run.transform = Some(result);
    }

    /// Adds the report on the star to the result of a transform.
    pub fn set_transform_report(&self, result: ReportResult) {
        if let Some(transform) = &mut self.lock().run.transform {
            transform.report = Some(result);
        }
    }

    /// Stores the result of a load.
    pub fn set_load(&self, result: LoadResult) {
        self.lock().run.load = Some(result);
    }

    /// Stores the result of the verification of a load.
    pub fn set_verification(&self, result: Verification) {
        self.lock().run.verification = Some(result);
    }

    /// Stores the result of another command.
    pub fn set(&self, report: Report) {
        self.lock().report = Some(report);
    }

    /// Stores the changes that were completed before a failure.
    pub fn set_completed_changes(&self, changes: Vec<String>) {
        self.lock().completed_changes = changes;
    }

    /// Returns the changes that were completed before a failure.
    pub fn completed_changes(&self) -> Vec<String> {
        self.lock().completed_changes.clone()
    }

    /// Returns the results of the steps of a run; a step that has not completed has none.
    pub fn run(&self) -> RunResult {
        self.lock().run.clone()
    }

    /// Returns the stored result of another command.
    pub fn report(&self) -> Option<Report> {
        self.lock().report.clone()
    }
}
