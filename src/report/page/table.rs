//! Tables of rows.

use maud::{Markup, html};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::report::answer::{Answer, Cell};
use crate::report::format::{counted, cut_cell, heading};

/// Maximum number of rows of a table.
const ROWS: usize = 50;

/// Maximum size of a file that a link contains.
const DOWNLOAD_BYTES: usize = 10_000;

/// Returns the rows as a table in a box that scrolls, and a link that saves all rows if they are few.
pub(super) fn table(title: &str, name: &str, answer: &Answer) -> Markup {
    let shown = answer.rows.len().min(ROWS);
    let caption = match answer.total {
        total if total > shown => {
            format!("{title}: the first {shown} of {}", counted(total as u64, "row"))
        }
        total => format!("{title}: {}", counted(total as u64, "row")),
    };
    html! {
        div class="scroll" tabindex="0" role="region" aria-label=(format!("Table: {title}")) {
            table {
                caption { (caption) }
                thead {
                    tr {
                        @for (column, numeric) in answer.columns.iter().zip(&answer.numeric) {
                            th scope="col" class=[numeric.then_some("n")] { (heading(column)) }
                        }
                    }
                }
                tbody {
                    @for row in &answer.rows[..shown] {
                        tr { @for (at, cell) in row.iter().enumerate() { (self::cell(answer, at, cell)) } }
                    }
                }
            }
        }
        @if let Some(csv) = csv(answer) {
            a download=(format!("{name}.csv")) href=(csv) { "Save as CSV" span class="sr" { ": " (title) } }
        }
    }
}

/// Returns a cell. The first one of a row is its heading.
fn cell(answer: &Answer, at: usize, cell: &Cell) -> Markup {
    let class = match cell {
        Cell::Null => Some("null"),
        Cell::Number(..) => Some("n"),
        Cell::Day(_) | Cell::Time(..) | Cell::Text(_) => None,
    };
    let text = cell.text(&answer.columns[at]);
    let content = html! {
        @match cell {
            Cell::Text(_) => bdi { (cut_cell(&text)) },
            _ => (text),
        }
    };
    html! {
        @if at == 0 { th scope="row" class=[class] { (content) } } @else { td class=[class] { (content) } }
    }
}

/// Returns the rows as a link, if all rows are few enough.
fn csv(answer: &Answer) -> Option<String> {
    if answer.total > answer.rows.len() || answer.rows.is_empty() {
        return None;
    }
    let header: Vec<String> =
        answer.columns.iter().map(|name| Cell::Text(name.clone()).csv()).collect();
    let mut lines = header.join(",") + "\n";
    for row in &answer.rows {
        let cells: Vec<String> = row.iter().map(Cell::csv).collect();
        lines += &(cells.join(",") + "\n");
        if lines.len() > DOWNLOAD_BYTES {
            return None;
        }
    }
    Some(format!("data:text/csv;charset=utf-8,{}", utf8_percent_encode(&lines, NON_ALPHANUMERIC)))
}

/// Returns a table of texts. `numeric` has `true` for each column of numbers.
pub(super) fn texts(
    title: &str,
    columns: &[&str],
    numeric: &[bool],
    rows: &[Vec<String>],
) -> Markup {
    html! {
        div class="scroll" tabindex="0" role="region" aria-label=(format!("Table: {title}")) {
            table {
                caption { (title) }
                thead {
                    tr {
                        @for (column, numeric) in columns.iter().zip(numeric) {
                            th scope="col" class=[numeric.then_some("n")] { (column) }
                        }
                    }
                }
                tbody {
                    @for row in rows {
                        tr {
                            @for (at, text) in row.iter().enumerate() {
                                @let class = numeric.get(at).copied().unwrap_or(false).then_some("n");
                                @if at == 0 {
                                    th scope="row" class=[class] { bdi { (cut_cell(text)) } }
                                } @else {
                                    td class=[class] { bdi { (cut_cell(text)) } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
