//! The top of the page: which star, and whether its numbers can be relied on.

use maud::{Markup, html};

use crate::report::facts::Facts;
use crate::report::format::{count, counted, percent, visible};

/// Returns the name of the model.
pub(super) fn model(facts: &Facts<'_>) -> String {
    visible(&facts.star.model().name)
}

pub(super) fn head(facts: &Facts<'_>) -> Markup {
    let record = facts.record;
    let source = match &facts.warehouse {
        Some(warehouse) => format!("tables in {}", warehouse.shown),
        None => "files of the star".to_owned(),
    };
    let mut entries = vec![
        ("Star", facts.star.location()),
        ("Run", record.run_id.clone()),
        ("Run finished", time(&record.finished_at)),
        ("Figures from", source),
        (
            "Made by",
            format!("starlift {}; run by version {}", env!("CARGO_PKG_VERSION"), record.version),
        ),
    ];
    if !record.star_hash.is_empty() {
        entries.push(("Hash of the star", record.star_hash.clone()));
    }
    html! {
        header {
            p class="brand" { "starlift report" }
            h1 { (model(facts)) }
            dl class="facts" {
                @for (name, value) in &entries {
                    div { dt { (name) } dd { (visible(value)) } }
                }
                div { dt { "Times" } dd { "All times are UTC" } }
            }
            ul class="verdict" aria-label="Verdict" {
                @for (is_good, word, text) in verdict(facts) {
                    li {
                        span class=(if is_good { "good" } else { "bad" }) { (if is_good { "✓ " } else { "✗ " }) (word) }
                        ": " (text)
                    }
                }
            }
        }
    }
}

/// Returns an RFC 3339 time as a person reads it.
fn time(text: &str) -> String {
    text.replace('T', " ").replace('Z', " UTC")
}

/// Returns the statements on the quality of the star: whether each is good, its subject, and its text.
fn verdict(facts: &Facts<'_>) -> Vec<(bool, &'static str, String)> {
    let failed: Vec<&str> = facts
        .checks
        .iter()
        .filter(|check| check.offending_rows > 0)
        .map(|check| check.name.as_str())
        .collect();
    let checks = match failed.len() {
        0 => format!("all {} passed", count(facts.checks.len() as u64)),
        number => format!("{} of {} failed: {}", number, facts.checks.len(), failed.join(", ")),
    };
    let skipped = match facts.skipped_checks.len() {
        0 => String::new(),
        number => format!("; {} read the files and did not run", count(number as u64)),
    };
    let wrong = facts.flows.iter().filter(|flow| !flow.balances()).count();
    let counts = match wrong {
        0 => format!("all {} balances add up", count(facts.flows.len() as u64)),
        _ => format!("{wrong} of {} balances do not add up", facts.flows.len()),
    };
    let sum =
        |of: fn(&crate::star::DatasetRecord) -> u64| facts.record.datasets.values().map(of).sum();
    let (rejected, records): (u64, u64) = (sum(|d| d.rejected), sum(|d| d.records));
    let share = percent(rejected, records).map_or(String::new(), |share| format!(" ({share})"));
    let rejects = match rejected {
        0 => format!("none of {}", counted(records, "record")),
        _ => format!("{} of {}{share}", count(rejected), counted(records, "record")),
    };
    let mut verdict = vec![
        (failed.is_empty(), "Checks", visible(&(checks + &skipped))),
        (wrong == 0, "Accounting", counts),
        (rejected == 0, "Rejected records", rejects),
    ];
    verdict.extend(facts.warehouse.as_ref().map(|warehouse| {
        let (is_good, text) = match &warehouse.run_id {
            Some(loaded) if *loaded == facts.record.run_id => {
                (true, "has the star of this run".to_owned())
            }
            Some(loaded) => (false, of_another_run(&visible(loaded))),
            None => {
                (false, "its ledger names no run; the figures can be of another star".to_owned())
            }
        };
        (is_good, "Warehouse", text)
    }));
    verdict
}

fn of_another_run(run: &str) -> String {
    format!("has the star of run {run}, not of this run; its figures are those of run {run}")
}
