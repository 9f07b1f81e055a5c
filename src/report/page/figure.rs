//! A figure: its finding, its chart, its table, and how its numbers were made.

use maud::{Markup, html};

use super::anchor;
use super::table::table;
use crate::report::answer::Cell;
use crate::report::declared::Form;
use crate::report::facts::{Facts, Figure, LeftOut};
use crate::report::format::{counted, cut_cell, heading, visible};

pub(super) fn figure(facts: &Facts<'_>, figure: &Figure) -> Markup {
    let Figure { declared, answer, chart, .. } = figure;
    let id = anchor(&declared.name);
    let title = visible(&declared.title);
    let has_drawing = declared.form != Form::Table && !answer.rows.is_empty();
    html! {
        figure id=(id) role="group" aria-labelledby=(format!("{id}-title")) {
            h3 id=(format!("{id}-title")) { (title) }
            @if let Some(question) = &declared.question { p class="question" { (visible(question)) } }
            @if declared.form == Form::Tiles { (tiles(figure)) }
            @if let Some(chart) = chart {
                p class="finding" { (cut_cell(&chart.finding)) }
                @if let Some(svg) = &chart.svg { (drawing(&title, svg)) }
                @for note in &chart.notes { p class="note" { (note) } }
            }
            @if has_drawing {
                details class="table" {
                    summary { "Table" span class="sr" { ": " (title) } }
                    (table(&title, &declared.name, answer))
                }
            } @else {
                (table(&title, &declared.name, answer))
            }
            (how(facts, figure, &title))
        }
    }
}

/// Returns the heading of a figure that the report does not have, with the reason.
pub(super) fn left_out(one: &LeftOut) -> Markup {
    let id = anchor(&one.declared.name);
    html! {
        figure id=(id) role="group" aria-labelledby=(format!("{id}-title")) {
            h3 id=(format!("{id}-title")) { (visible(&one.declared.title)) }
            @if let Some(question) = &one.declared.question { p class="question" { (visible(question)) } }
            p class="note" { "Left out: " (visible(&one.reason)) "." }
            p class="source" { (visible(&one.declared.file)) }
        }
    }
}

/// Returns a drawing in a box that scrolls on narrow screens.
pub(super) fn drawing(title: &str, svg: &Markup) -> Markup {
    html! { div class="chart" tabindex="0" role="region" aria-label=(format!("Chart: {title}")) { (svg) } }
}

/// Returns the values of the first row as tiles.
fn tiles(figure: &Figure) -> Markup {
    let answer = &figure.answer;
    let cells = answer.rows.first().into_iter().flat_map(|row| answer.columns.iter().zip(row));
    html! {
        dl class="tiles" {
            @for (column, cell) in cells {
                div {
                    dt { (heading(column)) }
                    dd { @if *cell == Cell::Null { "none" } @else { (cut_cell(&cell.text(column))) } }
                }
            }
        }
    }
}

fn how(facts: &Facts<'_>, figure: &Figure, title: &str) -> Markup {
    let declared = &figure.declared;
    let source = match &facts.warehouse {
        Some(warehouse) if figure.in_warehouse => format!("the tables in {}", warehouse.shown),
        _ => "the files of the star".to_owned(),
    };
    let rows = counted(figure.answer.total as u64, "row");
    html! {
        p class="source" {
            (visible(&declared.file)) ", " (rows) " from " (visible(&source)) ", run " (visible(&facts.record.run_id)) "; "
            a href=(format!("#lineage-{}", anchor(&declared.name))) { "lineage" span class="sr" { " of " (title) } }
        }
        @if facts.warehouse.is_some() && !figure.lists.is_empty() {
            p class="note" {
                "From the files, because the list " (visible(&figure.lists.join(", "))) " is not loaded into warehouses."
            }
        }
        details class="how" {
            summary { "How?" span class="sr" { " " (title) } }
            dl {
                @if let Some(grain) = &declared.grain { dt { "Grain" } dd { (visible(grain)) } }
                @if let Some(units) = &declared.units { dt { "Units" } dd { (visible(units)) } }
            }
            pre tabindex="0" role="region" aria-label=(format!("SQL: {title}")) { code { (sql(&declared.sql)) } }
        }
    }
}

/// Returns SQL with characters that change the layout of the page escaped.
fn sql(text: &str) -> String {
    crate::escape::lines(text).into_owned()
}
