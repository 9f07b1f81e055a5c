//! The part on the quality of the data that every report has.

use maud::{Markup, html};

use super::figure::{drawing, figure};
use super::table::texts;
use crate::report::chart::{Flow, flow};
use crate::report::facts::Facts;
use crate::report::format::{count, percent, visible};

/// Maximum number of rows of a table.
const ROWS: usize = 50;

/// Returns the accounting, the checks, the rejects, the nulls and the unknown keys.
pub(super) fn quality(facts: &Facts<'_>) -> Vec<Markup> {
    let mut parts: Vec<Markup> = facts
        .flows
        .iter()
        .enumerate()
        .map(|(number, flow)| accounting(facts, number, flow))
        .collect();
    parts.push(checks(facts));
    parts.push(match &facts.rejects {
        Ok(rejects) => figure(facts, rejects),
        Err(reason) => {
            html! { p class="note" { "The rejected records cannot be read: " (visible(reason)) } }
        }
    });
    parts.push(nulls(facts));
    parts.push(unknown_keys(facts));
    parts
}

/// Returns a part with a heading.
pub(super) fn part(id: &str, title: &str, content: &Markup) -> Markup {
    html! {
        figure id=(id) role="group" aria-labelledby=(format!("{id}-title")) {
            h3 id=(format!("{id}-title")) { (title) }
            (content)
        }
    }
}

fn accounting(facts: &Facts<'_>, number: usize, counts: &Flow) -> Markup {
    let title = format!("Accounting of {}", visible(&counts.total.0));
    let all = counts.total.1;
    let row = |(name, number): &(String, u64)| {
        vec![
            name.clone(),
            count(*number),
            percent(*number, all).unwrap_or_else(|| "none".to_owned()),
        ]
    };
    let rows: Vec<Vec<String>> =
        [&counts.total].into_iter().chain(&counts.parts).map(row).collect();
    let content = html! {
        p class="finding" {
            (visible(&counts.equation())) ": "
            @if counts.balances() { span class="good" { "✓ adds up" } } @else { span class="bad" { "✗ does not add up" } }
        }
        (drawing(&title, &flow(counts)))
        details class="table" {
            summary { "Table" span class="sr" { ": " (title) } }
            (texts(&title, &["count", "records", "share"], &[false, true, true], &rows))
        }
        p class="source" { "_starlift.json, the record of run " (visible(&facts.record.run_id)) }
    };
    part(&format!("accounting-{}", number + 1), &title, &content)
}

fn checks(facts: &Facts<'_>) -> Markup {
    let row = |check: &crate::star::CheckOutcome| {
        let outcome = match check.offending_rows {
            0 => "passed".to_owned(),
            rows => format!("FAILED: {} offending rows", count(rows)),
        };
        vec![check.name.clone(), outcome, check.invariant.clone()]
    };
    let skipped = facts.skipped_checks.iter().map(|name| {
        let why = "reads data that only the files of the star have";
        vec![name.clone(), "did not run".to_owned(), why.to_owned()]
    });
    let rows: Vec<Vec<String>> = facts.checks.iter().map(row).chain(skipped).collect();
    let rows = cleaned(rows);
    let table = texts(
        "Checks, as they ran for this report",
        &["check", "outcome", "what must hold"],
        &[false; 3],
        &rows,
    );
    part("checks", "Checks", &table)
}

fn nulls(facts: &Facts<'_>) -> Markup {
    let mut rows = Vec::new();
    for table in &facts.star.model().tables {
        let Some(found) = facts.record.tables.get(&table.name) else { continue };
        for column in &table.columns {
            let nulls = found.nulls.get(&column.name).copied().unwrap_or(0);
            if nulls > 0 {
                let share = percent(nulls, found.rows).unwrap_or_default();
                rows.push(vec![
                    table.name.clone(),
                    column.name.clone(),
                    count(nulls),
                    count(found.rows),
                    share,
                ]);
            }
        }
    }
    let title = match rows.len() {
        0 => "Columns with nulls: none",
        _ => "Columns with nulls",
    };
    let content = table_or_sentence(
        "No column of the star has a null.",
        title,
        &["table", "column", "nulls", "rows", "share"],
        &[false, false, true, true, true],
        rows,
    );
    part("nulls", "Nulls", &content)
}

fn unknown_keys(facts: &Facts<'_>) -> Markup {
    let mut rows = Vec::new();
    for (dataset, read) in &facts.record.datasets {
        let keys = read.unknown_keys.iter();
        rows.extend(keys.map(|(key, records)| vec![dataset.clone(), key.clone(), count(*records)]));
    }
    let content = table_or_sentence(
        "Every key of the records is a column or is named by the model.",
        "Keys that correspond to no column",
        &["dataset", "key", "records"],
        &[false, false, true],
        rows,
    );
    part("unknown-keys", "Unknown keys", &content)
}

/// Returns a table of the first rows, or a sentence if there are none.
fn table_or_sentence(
    sentence: &str,
    title: &str,
    columns: &[&str],
    numeric: &[bool],
    rows: Vec<Vec<String>>,
) -> Markup {
    if rows.is_empty() {
        return html! { p { (sentence) } };
    }
    let all = rows.len();
    let rows = cleaned(rows.into_iter().take(ROWS).collect());
    let title = if all > rows.len() {
        format!("{title}: the first {} of {all}", rows.len())
    } else {
        title.to_owned()
    };
    texts(&title, columns, numeric, &rows)
}

/// Returns the rows with characters that change the layout of the page escaped.
pub(super) fn cleaned(rows: Vec<Vec<String>>) -> Vec<Vec<String>> {
    rows.into_iter().map(|row| row.iter().map(|text| visible(text)).collect()).collect()
}
