//! One horizontal bar per row.

use maud::{Markup, html};

use super::Chart;
use super::canvas::{Anchor, Scale, WIDTH, rect, svg, text};
use super::roles::Roles;
use crate::report::answer::Cell;
use crate::report::format;

/// Maximum number of bars of a figure that names none.
const BARS: usize = 30;

const ROW: f64 = 26.0;
const LEFT: f64 = 312.0;
const RIGHT: f64 = WIDTH - 110.0;

/// Draws a bar per row, the first ones if there are many.
pub(super) fn bars(roles: &Roles<'_>) -> Chart {
    let Some(largest) = roles.largest(1) else { return empty() };
    let rows = &roles.answer.rows;
    let shown = &rows[..rows.len().min(roles.declared.top.unwrap_or(BARS))];
    let finding = format!("Most: {}, {}.", roles.text(largest, 0), roles.amount(largest, 1));
    let label = |row: &[Cell]| roles.text(row, 1);
    Chart {
        svg: Some(draw(roles, shown, &finding, label)),
        finding,
        notes: more(roles, shown.len()),
    }
}

/// Draws a bar per step, with its share of the first.
pub(super) fn funnel(roles: &Roles<'_>) -> Chart {
    let rows = &roles.answer.rows[..roles.answer.rows.len().min(BARS)];
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return empty() };
    let Some(all) = roles.cell(first, 1).number() else { return empty() };
    let share = |row: &[Cell]| match roles.cell(row, 1).number() {
        Some(value) if all > 0.0 => format!(" ({:.1} %)", value * 100.0 / all),
        _ => String::new(),
    };
    let finding = format!(
        "{}: {}; {}: {}{}.",
        roles.text(first, 0),
        roles.amount(first, 1),
        roles.text(last, 0),
        roles.amount(last, 1),
        share(last),
    );
    let label = |row: &[Cell]| roles.text(row, 1) + &share(row);
    Chart { svg: Some(draw(roles, rows, &finding, label)), finding, notes: more(roles, rows.len()) }
}

fn empty() -> Chart {
    Chart { svg: None, finding: String::new(), notes: Vec::new() }
}

/// Returns a note on the rows that are not drawn.
fn more(roles: &Roles<'_>, shown: usize) -> Vec<String> {
    let answer = roles.answer;
    let left = answer.total - shown;
    if left == 0 {
        return Vec::new();
    }
    let last = shown.checked_sub(1).map(|last| roles.cell(&answer.rows[last], 1));
    let rest = &answer.rows[shown..];
    let are_ties = rest.len() == left && rest.iter().all(|row| Some(roles.cell(row, 1)) == last);
    let left = format::count(left as u64);
    vec![match answer.rows.get(shown) {
        Some(next) if are_ties => format!("and {left} more with {}", roles.amount(next, 1)),
        _ => format!("and {left} more rows"),
    }]
}

fn draw(
    roles: &Roles<'_>,
    rows: &[Vec<Cell>],
    finding: &str,
    label: impl Fn(&[Cell]) -> String,
) -> Markup {
    let values = rows.iter().filter_map(|row| roles.cell(row, 1).number());
    let most = values.fold(0.0, f64::max);
    let scale = Scale::new((0.0, if most > 0.0 { most } else { 1.0 }), (LEFT, RIGHT));
    let body = html! {
        @for (at, row) in rows.iter().enumerate() {
            @let y = at as f64 * ROW;
            @let name = roles.text(row, 0);
            @let end = scale.at(roles.cell(row, 1).number().unwrap_or(0.0).max(0.0));
            (text(LEFT - 8.0, y + 17.0, Anchor::End, "label", &format::cut_label(&name)))
            (rect(LEFT, y + 4.0, end - LEFT, ROW - 8.0, "c1", &tip(&name, &label(row))))
            (text(end + 6.0, y + 17.0, Anchor::Start, "value", &label(row)))
        }
    };
    svg(rows.len() as f64 * ROW + 4.0, finding, &body)
}

/// Returns a tooltip, with a long name cut.
fn tip(name: &str, value: &str) -> String {
    format!("{}: {value}", format::cut_cell(name))
}
