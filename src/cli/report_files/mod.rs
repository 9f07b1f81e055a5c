//! Files about a command for other programs: `--metrics-file` and `--junit`.

mod exposition;
mod junit;
mod metrics;

use std::path::Path;
use std::time::Instant;

use chrono::Utc;

use super::args::Command;
use super::json::{Report, Results};
use super::output::print_error;
use super::place_file::OutputFile;
use crate::cli::error::Result;

/// The files that a command writes at its end, whether it succeeds or fails.
#[derive(Debug)]
pub struct ReportFiles {
    metrics: Option<OutputFile>,
    junit: Option<OutputFile>,
    begun: Instant,
}

impl ReportFiles {
    /// Checks the files of a command before it begins.
    ///
    /// # Errors
    ///
    /// Returns an error if a file cannot be written.
    pub fn open(command: &Command) -> Result<ReportFiles> {
        let metrics = metrics_file(command)
            .map(|path| OutputFile::open(path, "--metrics-file", metrics::is_metrics));
        let junit =
            junit_file(command).map(|path| OutputFile::open(path, "--junit", junit::is_junit));
        let begun = Instant::now();
        Ok(ReportFiles { metrics: metrics.transpose()?, junit: junit.transpose()?, begun })
    }

    /// Writes the files of a command that has ended with `outcome`, and returns the final outcome.
    ///
    /// # Errors
    ///
    /// Returns the error of the command, or else the error of a file. If both have failed, the error of the file is
    /// only printed.
    pub fn write(&self, command: &Command, results: &Results, outcome: Result<()>) -> Result<()> {
        let report = Report::new(command, results);
        let metrics = self.metrics.as_ref().map_or(Ok(()), |file| {
            let run = metrics::Run {
                pipeline: &pipeline(command),
                command: name(command),
                results: &results.run(),
                exit_code: outcome.as_ref().err().map_or(0, |error| error.exit_code()),
                ended: Utc::now(),
                elapsed: self.begun.elapsed(),
            };
            file.replace(&metrics::text(&run, file.earlier()))
        });
        let junit = self.junit.as_ref().map_or(Ok(()), |file| {
            file.replace(&junit::text(&report, outcome.as_ref().err(), self.begun.elapsed()))
        });
        match (outcome, metrics.and(junit)) {
            (Err(error), Err(of_file)) => {
                print_error(&of_file);
                Err(error)
            }
            (outcome, written) => outcome.and(written),
        }
    }
}

fn metrics_file(command: &Command) -> Option<&Path> {
    match command {
        Command::Transform(args) if !args.dry_run => args.metrics_file.as_deref(),
        Command::Run(args) if !args.transform.dry_run => args.transform.metrics_file.as_deref(),
        Command::Load(args) if !args.dry_run => args.metrics_file.as_deref(),
        _ => None,
    }
}

fn junit_file(command: &Command) -> Option<&Path> {
    match command {
        Command::Check(args) => args.junit.as_deref(),
        _ => None,
    }
}

fn name(command: &Command) -> &'static str {
    match command {
        Command::Transform(_) => "transform",
        Command::Load(_) => "load",
        _ => "run",
    }
}

/// Returns the name of the metrics file without its suffix. It distinguishes the metrics of several files in one
/// folder, and does not depend on the outcome of the run.
fn pipeline(command: &Command) -> String {
    let stem = metrics_file(command).and_then(Path::file_stem).unwrap_or_default();
    stem.to_string_lossy().into_owned()
}
