//! The origin of each number: query, tables, files, input objects and options.

use maud::{Markup, html};

use super::anchor;
use super::figure::figure;
use super::quality::{cleaned, part};
use super::table::texts;
use crate::report::facts::{Facts, Figure};
use crate::report::format::{bytes, count, visible};

/// Maximum number of files that are named per table.
const FILES: usize = 5;

pub(super) fn lineage(facts: &Facts<'_>) -> Markup {
    html! {
        (part("lineage-figures", "Figures", &figures(facts)))
        (part("lineage-tables", "Tables and files", &tables(facts)))
        (figure(facts, &facts.inputs))
        (part("lineage-options", "Options of the run", &options(facts)))
    }
}

/// Returns one row per figure.
fn figures(facts: &Facts<'_>) -> Markup {
    let own = facts.rejects.iter().chain([&facts.inputs]);
    let all: Vec<&Figure> = facts.figures.iter().chain(own).collect();
    html! {
        div class="scroll" tabindex="0" role="region" aria-label="Table: lineage of the figures" {
            table {
                caption { "The query of each figure, the tables that it reads, and the columns that it returns" }
                thead { tr { @for name in ["figure", "query", "tables", "columns", "rows"] {
                    th scope="col" class=[(name == "rows").then_some("n")] { (name) }
                } } }
                tbody {
                    @for one in all {
                        @let id = anchor(&one.declared.name);
                        tr id=(format!("lineage-{id}")) {
                            th scope="row" { a href=(format!("#{id}")) { (visible(&one.declared.title)) } }
                            td { (visible(&one.declared.file)) }
                            td { (visible(&one.tables.join(", "))) }
                            td { (visible(&one.answer.columns.join(", "))) }
                            td class="n" { (count(one.answer.total as u64)) }
                        }
                    }
                }
            }
        }
        p class="note" { "Counts of the accounting, nulls and unknown keys come from _starlift.json, the record of the run." }
    }
}

fn tables(facts: &Facts<'_>) -> Markup {
    let tables = facts.star.model().tables.iter().filter_map(|table| {
        let found = facts.record.tables.get(&table.name)?;
        let mut files: Vec<&str> =
            found.files.iter().take(FILES).map(|file| file.path.as_str()).collect();
        let more = format!("and {} more", found.files.len().saturating_sub(FILES));
        if found.files.len() > FILES {
            files.push(&more);
        }
        let files = files.join(", ");
        Some(vec![
            table.name.clone(),
            count(found.rows),
            bytes(found.bytes),
            found.hash.clone(),
            files,
        ])
    });
    let lists = facts.record.lists.iter().map(|(name, list)| {
        let file = &list.file;
        let (rows, size) = (count(file.rows), bytes(file.bytes));
        vec![format!("{name} (list)"), rows, size, list.hash.clone(), file.path.clone()]
    });
    let beside = [("inputs", &facts.record.inputs), ("rejects", &facts.record.rejects)];
    let beside = beside.map(|(name, file)| {
        vec![name.to_owned(), count(file.rows), bytes(file.bytes), String::new(), file.path.clone()]
    });
    let rows: Vec<Vec<String>> = tables.chain(lists).chain(beside).collect();
    texts(
        "Files below the location of the star; hash is XXH3-128 of the bytes of all files of a table",
        &["table", "rows", "size", "hash", "files"],
        &[false, true, true, false, false],
        &cleaned(rows),
    )
}

fn options(facts: &Facts<'_>) -> Markup {
    let record = facts.record;
    let options = &record.options;
    let mut rows: Vec<(String, String)> = Vec::new();
    let mut add = |name: String, value: &str| rows.push((name, value.to_owned()));
    for (dataset, locations) in &options.inputs {
        add(format!("input {dataset}"), &locations.join(", "));
    }
    for (dataset, location) in &options.jsonpaths {
        add(format!("JSONPaths of {dataset}"), location);
    }
    if let Some(model) = &record.model {
        add("model".to_owned(), &format!("{} {}", model.name, model.hash));
    }
    add("queries".to_owned(), options.queries.as_deref().unwrap_or("those of the model"));
    for (name, value) in [
        ("match", &options.match_rule),
        ("unmatched", &options.unmatched),
        ("repair-encoding", &options.repair_encoding),
        ("max-rejects", &options.max_rejects),
        ("partition", &options.partition),
        ("definition hash", &record.definition_hash),
        ("checks hash", &record.checks_hash),
    ] {
        if !value.is_empty() {
            add(name.to_owned(), value);
        }
    }
    let rows = rows.into_iter().map(|(name, value)| vec![name, value]).collect();
    texts(
        "Options that the result depends on",
        &["option", "value"],
        &[false, false],
        &cleaned(rows),
    )
}
