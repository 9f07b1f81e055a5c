//! One cell per row, by two columns.

use maud::{Markup, html};

use super::Chart;
use super::canvas::{Anchor, WIDTH, rect, svg, text};
use super::roles::Roles;
use crate::report::answer::Cell;
use crate::report::format;

/// Number of classes of values.
pub(super) const CLASSES: usize = 5;

/// Maximum number of columns of a chart.
const COLUMNS: usize = 60;

/// Maximum number of rows of a chart.
const ROWS: usize = 40;

const LEFT: f64 = 110.0;
const TOP: f64 = 24.0;
const ROW: f64 = 26.0;

/// Width of a digit in a cell.
const DIGIT: f64 = 6.4;

/// Draws a cell per row. Cells without a row are empty.
pub(super) fn heatmap(roles: &Roles<'_>) -> Chart {
    let Some(largest) = roles.largest(2) else {
        return Chart { svg: None, finding: String::new(), notes: Vec::new() };
    };
    let (columns, more_columns) = categories(roles, 0, COLUMNS);
    let (rows, more_rows) = categories(roles, 1, ROWS);
    let place = |row: &[Cell], role: usize| {
        if roles.answer.numeric[roles.column(role)] {
            return format!("{} {}", roles.heading(role), roles.text(row, role));
        }
        roles.text(row, role)
    };
    let finding = format!(
        "Most: {}, {}, {}.",
        place(largest, 1),
        place(largest, 0),
        roles.amount(largest, 2)
    );
    let mut notes = Vec::new();
    for (more, role) in [(more_columns, 0), (more_rows, 1)] {
        if more > 0 {
            notes.push(format!(
                "Not drawn: {} more values of {}",
                format::count(more as u64),
                roles.heading(role)
            ));
        }
    }
    let most = roles.cell(largest, 2).number().unwrap_or(0.0);
    let body = draw(roles, &columns, &rows, most);
    let height = TOP + rows.len() as f64 * ROW + 40.0;
    Chart { svg: Some(svg(height, &finding, &body)), finding, notes }
}

/// Returns the values of a role in the order of the rows, and the number of those that are left out. Whole numbers
/// are complete from the smallest to the largest.
fn categories(roles: &Roles<'_>, role: usize, limit: usize) -> (Vec<String>, usize) {
    let mut found: Vec<String> = Vec::new();
    let whole = roles.answer.rows.iter().map(|row| {
        roles.cell(row, role).number().filter(|number| number.fract() == 0.0 && number.abs() < 1e9)
    });
    if let Some(numbers) = whole.collect::<Option<Vec<f64>>>() {
        let low = numbers.iter().copied().fold(f64::INFINITY, f64::min) as i64;
        let high = numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max) as i64;
        if ((high - low) as usize) < limit {
            let name = roles.name(role);
            return ((low..=high).map(|n| format::number(name, &n.to_string())).collect(), 0);
        }
    }
    for row in &roles.answer.rows {
        let text = roles.text(row, role);
        if !found.contains(&text) {
            found.push(text);
        }
        if found.len() > limit * 10 {
            break;
        }
    }
    let more = found.len().saturating_sub(limit);
    found.truncate(limit);
    (found, more)
}

/// Returns the class of a value: 0 for none, else 1 to [`CLASSES`].
pub(super) fn class(value: f64, most: f64) -> usize {
    if value <= 0.0 || most <= 0.0 {
        return 0;
    }
    ((value / most * CLASSES as f64).ceil() as usize).clamp(1, CLASSES)
}

fn draw(roles: &Roles<'_>, columns: &[String], rows: &[String], most: f64) -> Markup {
    let width = ((WIDTH - LEFT - 4.0) / columns.len() as f64).min(90.0);
    let find = |all: &[String], text: &str| all.iter().position(|one| one == text);
    let cells = roles.answer.rows.iter().filter_map(|row| {
        let (x, y) = (find(columns, &roles.text(row, 0))?, find(rows, &roles.text(row, 1))?);
        Some((x, y, roles.cell(row, 2).number()?, row))
    });
    let cells: Vec<_> = cells.collect();
    let longest = cells.iter().map(|(_, _, value, _)| format::short(*value).chars().count()).max();
    let has_texts = longest.unwrap_or(0) as f64 * DIGIT + 4.0 <= width;
    // Labels of narrow columns would overlap.
    let label_width =
        columns.iter().map(|c| format::cut_label(c).chars().count()).max().unwrap_or(1) as f64
            * 7.0;
    let every = (label_width / width).ceil().max(1.0) as usize;
    html! {
        @for (at, column) in columns.iter().enumerate().filter(|(at, _)| at.is_multiple_of(every)) {
            (text(LEFT + (at as f64 + 0.5) * width, TOP - 8.0, Anchor::Middle, "tick", &format::cut_label(column)))
        }
        @for (at, row) in rows.iter().enumerate() {
            (text(LEFT - 8.0, TOP + at as f64 * ROW + 17.0, Anchor::End, "label", &cut_row(row)))
        }
        @for (x, y, value, row) in &cells {
            @let class = class(*value, most);
            @let (left, top) = (LEFT + *x as f64 * width, TOP + *y as f64 * ROW);
            @let tip = format!("{}, {}: {}", format::cut_label(&rows[*y]), format::cut_label(&columns[*x]), roles.text(row, 2));
            (rect(left + 1.0, top + 1.0, width - 2.0, ROW - 2.0, &format!("h{class}"), &tip))
            @if has_texts {
                (text(left + width / 2.0, top + 17.0, Anchor::Middle, &format!("cell n{class}"), &format::short(*value)))
            }
        }
        (legend(LEFT, TOP + rows.len() as f64 * ROW + 12.0, most))
    }
}

/// Returns a label that fits on the left of the cells.
fn cut_row(text: &str) -> String {
    const FITS: usize = 15;
    match text.char_indices().nth(FITS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Returns the classes with their upper bounds.
pub(super) fn legend(x: f64, y: f64, most: f64) -> Markup {
    let bound = |class: usize| format::short((most * class as f64 / CLASSES as f64).floor());
    html! {
        @for class in 1..=CLASSES {
            @let left = x + (class - 1) as f64 * 96.0;
            (rect(left, y, 18.0, 14.0, &format!("h{class}"), ""))
            (text(left + 24.0, y + 11.0, Anchor::Start, "tick", &format!("to {}", bound(class))))
        }
    }
}
