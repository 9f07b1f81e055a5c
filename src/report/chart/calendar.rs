//! One cell per day.

use std::collections::BTreeMap;
use std::fmt::Write;

use maud::{Markup, html};

use super::Chart;
use super::canvas::{Anchor, at, svg, text};
use super::heatmap::{CLASSES, class, legend};
use super::roles::Roles;
use super::span;
use crate::report::answer::Cell;
use crate::report::format;

/// Number of weeks in a row of the chart.
const WEEKS: i64 = 53;

/// Maximum number of rows of the chart.
const BLOCKS: i64 = 3;

/// Days between two labels, so that they do not overlap.
const LABEL_DAYS: i64 = 4 * 7;

const LEFT: f64 = 44.0;
const TOP: f64 = 20.0;
/// Distance between two cells.
const STEP: f64 = 12.5;
const CELL: f64 = 10.5;
const BLOCK: f64 = 7.0 * STEP + 28.0;

/// Draws a cell per day from the first to the last, with empty cells for days without a row.
pub(super) fn calendar(roles: &Roles<'_>) -> Chart {
    let value = |row: &Vec<Cell>| match roles.cell(row, 0) {
        Cell::Day(day) => Some((format::days(*day), roles.cell(row, 1).number()?)),
        _ => None,
    };
    let days: BTreeMap<i64, f64> = roles.answer.rows.iter().filter_map(value).collect();
    let weights: Vec<(f64, f64)> = days.iter().map(|(day, value)| (*day as f64, *value)).collect();
    let (Some((from, to)), Some(most)) = (span::drawn(&weights), roles.largest(1)) else {
        return Chart { svg: None, finding: String::new(), notes: Vec::new() };
    };
    let to = to as i64;
    let first = (from as i64).max(monday(to) - (WEEKS * BLOCKS - 1) * 7);
    let drawn = days.range(first..=to).count();
    let empty = to - first + 1 - drawn as i64;
    let finding = format!(
        "{} from {} to {}: {} with {heading}, {empty} without. Most: {} on {}.",
        format::counted((to - first + 1) as u64, "day"),
        format::day(first),
        format::day(to),
        format::count(drawn as u64),
        roles.amount(most, 1),
        roles.text(most, 0),
        heading = roles.heading(1),
    );
    let left = days.len() - drawn;
    let notes = match left {
        0 => Vec::new(),
        _ => vec![format!("Not drawn: {} before or after", format::counted(left as u64, "day"))],
    };
    let (height, body) = draw(&days, first, to);
    Chart { svg: Some(svg(height, &finding, &body)), finding, notes }
}

/// Returns the Monday of the week of a day.
fn monday(day: i64) -> i64 {
    // 1970-01-01 was a Thursday.
    day - (day + 3).rem_euclid(7)
}

fn draw(days: &BTreeMap<i64, f64>, first: i64, last: i64) -> (f64, Markup) {
    let start = monday(first);
    let most = days.range(first..=last).map(|(_, value)| *value).fold(0.0, f64::max);
    // One path per class is ten times smaller than one element per day.
    let mut paths = vec![String::new(); CLASSES + 1];
    let place = |day: i64| {
        let week = (day - start) / 7;
        let (block, week) = (week / WEEKS, week % WEEKS);
        let y = TOP + block as f64 * BLOCK + (day - monday(day)) as f64 * STEP;
        (LEFT + week as f64 * STEP, y)
    };
    for day in first..=last {
        let (x, y) = place(day);
        let class = days.get(&day).map_or(0, |value| class(*value, most));
        let _ = write!(paths[class], "M{} {}h{CELL}v{CELL}h-{CELL}z", at(x), at(y));
    }
    let blocks = (last - start) / 7 / WEEKS + 1;
    let bottom = TOP + blocks as f64 * BLOCK;
    let body = html! {
        @for block in 0..blocks {
            @for (name, weekday) in [("Mon", 0.0), ("Wed", 2.0), ("Fri", 4.0), ("Sun", 6.0)] {
                (text(LEFT - 8.0, TOP + block as f64 * BLOCK + weekday * STEP + 9.5, Anchor::End, "tick", name))
            }
        }
        @for (day, name) in months(first, last) {
            @let (x, y) = place(day);
            (text(x, y - (day - monday(day)) as f64 * STEP - 7.0, Anchor::Start, "tick", &name))
        }
        @for (class, path) in paths.iter().enumerate().filter(|(_, path)| !path.is_empty()) {
            path d=(path) class=(format!("h{class}")) {}
        }
        (legend(LEFT, bottom - 14.0, most))
    };
    (bottom + 8.0, body)
}

/// Returns the days that have a label, the first one and the first of each month, with the month.
fn months(first: i64, last: i64) -> Vec<(i64, String)> {
    let mut labels: Vec<(i64, String)> = Vec::new();
    for at in first..=last {
        let day = format::day(at);
        let is_labelled = at == first || day.ends_with("-01");
        let has_space =
            labels.last().is_none_or(|(before, _)| monday(at) - monday(*before) >= LABEL_DAYS);
        if let Some((month, _)) = day.rsplit_once('-').filter(|_| is_labelled && has_space) {
            labels.push((at, month.to_owned()));
        }
    }
    labels
}
