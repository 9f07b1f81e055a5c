//! The metrics of a run, for the textfile collector of node_exporter.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::exposition::{Exposition, Kind, find};
use crate::cli::json::{
    DatasetResult, LoadResult, PhaseResult, RunResult, TransformResult, TransformStatus, Verdict,
    VerdictOutcome,
};

const LAST_SUCCESS: &str = "starlift_last_success_timestamp_seconds";
const RUNS: &str = "starlift_runs_total";

/// A run that has ended.
#[derive(Debug)]
pub struct Run<'a> {
    /// Name of the metrics file without its suffix.
    pub pipeline: &'a str,
    /// Name of the command.
    pub command: &'static str,
    /// Results of its steps.
    pub results: &'a RunResult,
    /// Exit code.
    pub exit_code: u8,
    /// Time of the end.
    pub ended: DateTime<Utc>,
    /// Duration.
    pub elapsed: Duration,
}

/// Returns `true` if a text contains only metrics of this program.
pub fn is_metrics(text: &str) -> bool {
    let is_ours = |line: &str| {
        let line = line.strip_prefix("# HELP ").or(line.strip_prefix("# TYPE ")).unwrap_or(line);
        line.is_empty() || line.starts_with("starlift_")
    };
    text.lines().all(is_ours)
}

/// Returns the metrics of a run. The sums over all runs and the time of the last success continue those of
/// `earlier`, the metrics of the runs before.
pub fn text(run: &Run<'_>, earlier: Option<&str>) -> String {
    let labels = vec![("pipeline", run.pipeline.to_owned()), ("command", run.command.to_owned())];
    let mut metrics = Exposition::new(labels);
    outcome(&mut metrics, run, earlier.unwrap_or_default());
    if let Some(transform) = &run.results.transform {
        datasets(&mut metrics, transform);
        star(&mut metrics, transform);
    }
    if let Some(load) = &run.results.load {
        loaded(&mut metrics, load);
    }
    steps(&mut metrics, run.results);
    metrics.into_text()
}

fn outcome(metrics: &mut Exposition, run: &Run<'_>, earlier: &str) {
    use Kind::{Counter, Gauge};
    let has_succeeded = run.exit_code == 0;
    let ended = run.ended.timestamp_millis() as f64 / 1000.0;
    let last_success = match has_succeeded {
        true => ended,
        false => find(earlier, LAST_SUCCESS, None).unwrap_or(0.0),
    };
    metrics.value(
        "starlift_last_run_success",
        Gauge,
        "1 if the last run succeeded, 0 if it failed.",
        u8::from(has_succeeded),
    );
    metrics.value(
        "starlift_last_run_exit_code",
        Gauge,
        "Exit code of the last run: 0 success, 1 failure, 2 wrong usage, 3 too many rejects, 4 failed check.",
        run.exit_code,
    );
    metrics.value(
        "starlift_last_run_timestamp_seconds",
        Gauge,
        "Unix time of the end of the last run.",
        ended,
    );
    metrics.value(
        "starlift_last_run_duration_seconds",
        Gauge,
        "Wall-clock time of the last run.",
        run.elapsed.as_secs_f64(),
    );
    metrics.value(
        LAST_SUCCESS,
        Gauge,
        "Unix time of the end of the last successful run; 0 if there was none.",
        last_success,
    );
    let runs = [("success", has_succeeded), ("failure", !has_succeeded)];
    let runs = runs.map(|(name, is_this)| {
        let before = find(earlier, RUNS, Some(("outcome", name))).unwrap_or(0.0);
        ([("outcome", name.to_owned())], before + f64::from(u8::from(is_this)))
    });
    metrics.family(RUNS, Counter, "Number of runs that have written this file.", runs);
    let version = [("version", env!("CARGO_PKG_VERSION").to_owned())];
    metrics.family("starlift_build_info", Gauge, "Version of starlift.", [(version, 1)]);
}

fn datasets(metrics: &mut Exposition, transform: &TransformResult) {
    let of = |label: &str| [("dataset", label.to_owned())];
    let mut family = |name, help, value: fn(&DatasetResult) -> u64| {
        let samples = transform.datasets.iter().map(|found| (of(&found.name), value(found)));
        metrics.family(name, Kind::Gauge, help, samples);
    };
    family("starlift_dataset_objects_listed", "Objects that were listed.", |d| d.objects_listed);
    family("starlift_dataset_objects_read", "Objects that were read.", |d| d.objects_read);
    family("starlift_dataset_stored_bytes", "Bytes read, as stored.", |d| d.stored_bytes);
    family("starlift_dataset_decompressed_bytes", "Bytes read, after decompression.", |d| d.bytes);
    family("starlift_dataset_records_decoded", "Records that became rows.", |d| d.records_decoded);
    family("starlift_dataset_records_rejected", "Records that were rejected.", |d| {
        d.records_rejected
    });
    let accounting = transform.accounting.iter();
    let rates = accounting.flat_map(|found| &found.rates);
    let mut match_rates = rates.filter(|(name, _)| *name == "match_rate");
    if let Some((_, percent)) = match_rates.next() {
        let help = "Share of plays that match a song, from 0 to 1.";
        metrics.value("starlift_match_ratio", Kind::Gauge, help, percent / 100.0);
    }
    let counts = transform.accounting.iter().flat_map(|found| {
        found
            .counts
            .iter()
            .map(|(name, count)| ([("query", found.name.clone()), ("count", name.clone())], *count))
    });
    let help = "Records by their outcome, from the accounting queries of the model.";
    metrics.family("starlift_accounted_records", Kind::Gauge, help, counts);
}

fn star(metrics: &mut Exposition, transform: &TransformResult) {
    use Kind::Gauge;
    let tables = || transform.tables.iter();
    let of = |name: &str| [("table", name.to_owned())];
    let rows = tables().map(|table| (of(&table.name), table.rows));
    metrics.family("starlift_table_rows", Gauge, "Rows of a table of the star.", rows);
    let bytes = tables().map(|table| (of(&table.name), table.bytes));
    metrics.family("starlift_table_size_bytes", Gauge, "Bytes of the files of a table.", bytes);
    let files = tables().map(|table| (of(&table.name), table.files));
    metrics.family("starlift_table_files", Gauge, "Files of a table.", files);
    let is_new = transform.status == TransformStatus::Published;
    let help =
        "1 if the last run published a star, 0 if the star was up to date or the run failed.";
    metrics.value("starlift_last_run_published", Gauge, help, u8::from(is_new));
    if let Some(bytes) = transform.peak_memory_bytes {
        metrics.value("starlift_peak_memory_bytes", Gauge, "Peak memory of the process.", bytes);
    }
}

fn loaded(metrics: &mut Exposition, load: &LoadResult) {
    use Kind::Gauge;
    let rows = load.tables.iter().map(|table| ([("table", table.name.clone())], table.rows));
    metrics.family("starlift_loaded_table_rows", Gauge, "Rows of a table in the warehouse.", rows);
    if let Some(number) = load.load_number {
        let help = "Number of the load in the ledger of the warehouse.";
        metrics.value("starlift_load_number", Gauge, help, number);
    }
}

fn steps(metrics: &mut Exposition, results: &RunResult) {
    let mut phases: Vec<(&str, &[PhaseResult])> = Vec::new();
    let mut checks: Vec<(&str, &[Verdict])> = Vec::new();
    if let Some(transform) = &results.transform {
        phases.push(("transform", &transform.phases));
        checks.push(("transform", &transform.checks));
    }
    if let Some(load) = &results.load {
        phases.push(("load", &load.phases));
    }
    if let Some(verification) = &results.verification {
        checks.push(("verify", &verification.checks));
    }
    // A phase that was repeated has several durations; a metric has only one value for the same labels.
    let mut seconds: BTreeMap<(&str, &str), f64> = BTreeMap::new();
    for (step, phase) in
        phases.iter().flat_map(|(step, all)| all.iter().map(move |one| (*step, one)))
    {
        *seconds.entry((step, &phase.name)).or_default() += phase.seconds;
    }
    let seconds = seconds.into_iter().map(|((step, phase), seconds)| {
        ([("step", step.to_owned()), ("phase", phase.to_owned())], seconds)
    });
    let help = "Wall-clock time of a phase; those of tables overlap.";
    metrics.family("starlift_phase_duration_seconds", Kind::Gauge, help, seconds);
    let outcomes = [("passed", VerdictOutcome::Passed), ("failed", VerdictOutcome::Failed)];
    let counts = checks.iter().flat_map(|(step, checks)| {
        outcomes.iter().map(|(name, outcome)| {
            let count = checks.iter().filter(|check| check.outcome == *outcome).count();
            ([("step", (*step).to_owned()), ("outcome", (*name).to_owned())], count)
        })
    });
    metrics.family("starlift_checks", Kind::Gauge, "Checks of the last run by outcome.", counts);
}
