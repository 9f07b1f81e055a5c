//! One line per column over a time or a number.

use maud::{Markup, html};

use super::Chart;
use super::canvas::{Anchor, Scale, WIDTH, at, rule, svg, text, tick_label, ticks};
use super::roles::Roles;
use super::span;
use crate::report::answer::Cell;
use crate::report::format;

/// Maximum number of lines.
const LINES: usize = 3;

/// Maximum number of points that have a marker.
const MARKERS: usize = 100;

const HEIGHT: f64 = 250.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = WIDTH - 96.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = HEIGHT - 30.0;

/// Minimum distance between the names of two lines.
const NAME_DISTANCE: f64 = 15.0;

/// A point of a line: its place on the axis, and its row.
struct Point<'a> {
    x: f64,
    row: &'a [Cell],
}

/// Draws a line per column. Missing days interrupt the lines.
pub(super) fn line(roles: &Roles<'_>) -> Chart {
    let lines = drawn_lines(roles);
    let Some((&first, most)) = lines.first().and_then(|line| Some((line, roles.largest(*line)?)))
    else {
        return Chart { svg: None, finding: String::new(), notes: Vec::new() };
    };
    let mut all: Vec<Point<'_>> =
        roles.answer.rows.iter().filter_map(|row| point(roles, row)).collect();
    all.sort_by(|a, b| a.x.total_cmp(&b.x));
    let weights: Vec<(f64, f64)> = all.iter().map(|point| (point.x, weight(point.row))).collect();
    let Some((from, to)) = span::drawn(&weights) else {
        return Chart { svg: None, finding: String::new(), notes: Vec::new() };
    };
    let mut notes = Vec::new();
    let unplaced = roles.answer.rows.len() - all.len();
    if unplaced > 0 {
        notes.push(format!(
            "{} without {}",
            format::counted(unplaced as u64, "row"),
            roles.heading(0)
        ));
    }
    let is_drawn = |point: &Point<'_>| point.x >= from && point.x <= to;
    let (points, outside): (Vec<_>, Vec<_>) = all.into_iter().partition(is_drawn);
    if !outside.is_empty() {
        notes.push(outside_note(roles, &outside, first));
    }
    let finding = format!("Highest: {} on {}.", roles.amount(most, first), roles.text(most, 0));
    let svg = svg(HEIGHT, &finding, &draw(roles, &lines, &points, (from, to)));
    Chart { svg: Some(svg), finding, notes }
}

fn point<'a>(roles: &Roles<'_>, row: &'a [Cell]) -> Option<Point<'a>> {
    Some(Point { x: roles.cell(row, 0).position()?, row })
}

/// Returns the number of values that a point represents: the first number of the row after the position.
fn weight(row: &[Cell]) -> f64 {
    row.iter().skip(1).find_map(Cell::number).map_or(1.0, |number| number.max(0.0))
}

/// Returns the roles that have values. Lines that are 0 throughout are left out if there are others.
fn drawn_lines(roles: &Roles<'_>) -> Vec<usize> {
    let has = |role: &usize, wanted: fn(f64) -> bool| {
        roles.answer.rows.iter().any(|row| roles.cell(row, *role).number().is_some_and(wanted))
    };
    let with_values: Vec<usize> = (1..roles.len()).filter(|role| has(role, |_| true)).collect();
    let above: Vec<usize> =
        with_values.iter().copied().filter(|role| has(role, |n| n != 0.0)).collect();
    let mut lines = if above.is_empty() { with_values } else { above };
    lines.truncate(LINES);
    lines
}

fn outside_note(roles: &Roles<'_>, outside: &[Point<'_>], line: usize) -> String {
    let shown = outside
        .iter()
        .take(3)
        .map(|point| format!("{} ({})", roles.text(point.row, 0), roles.amount(point.row, line)));
    let shown: Vec<String> = shown.collect();
    let more = if outside.len() > 3 { ", …" } else { "" };
    format!(
        "Not drawn, outside of the span of 99.8 % of the values: {}: {}{more}",
        format::counted(outside.len() as u64, "row"),
        shown.join(", "),
    )
}

fn draw(roles: &Roles<'_>, lines: &[usize], points: &[Point<'_>], span: (f64, f64)) -> Markup {
    let values = lines
        .iter()
        .flat_map(|line| points.iter().filter_map(|p| roles.cell(p.row, *line).number()));
    let ticks = ticks(values.collect::<Vec<_>>().into_iter());
    let extent = (ticks.first().copied().unwrap_or(0.0), ticks.last().copied().unwrap_or(1.0));
    let (x, y) = (Scale::new(span, (LEFT, RIGHT)), Scale::new(extent, (BOTTOM, TOP)));
    let name = lines.first().map_or("", |line| roles.name(*line));
    html! {
        @for tick in &ticks {
            (rule((LEFT, y.at(*tick)), (RIGHT, y.at(*tick)), "grid"))
            (text(LEFT - 8.0, y.at(*tick) + 4.0, Anchor::End, "tick", &tick_label(name, *tick)))
        }
        @for (at, label) in positions(roles, span) {
            (rule((x.at(at), BOTTOM), (x.at(at), BOTTOM + 5.0), "axis"))
            (text(x.at(at), BOTTOM + 20.0, Anchor::Middle, "tick", &label))
        }
        @for (at, line) in lines.iter().enumerate() {
            (series(roles, *line, at + 1, points, x, y))
        }
        @for (line, at, y) in names(roles, lines, points, y) {
            (text(RIGHT + 10.0, y + 4.0, Anchor::Start, &format!("name t{}", at + 1), &format::cut_label(&roles.heading(line))))
        }
    }
}

/// Returns the places of the axis that have a label.
fn positions(roles: &Roles<'_>, (from, to): (f64, f64)) -> Vec<(f64, String)> {
    let first = roles.answer.rows.first().map(|row| roles.cell(row, 0));
    let is_time = !matches!(first, Some(Cell::Number(..)));
    let step = ((to - from) / 5.0).ceil().max(1.0);
    let count = ((to - from) / step).floor() as usize;
    let places = (0..=count.min(10)).map(|i| from + i as f64 * step);
    let label = |at: f64| {
        if is_time { format::day(at.floor() as i64) } else { tick_label(roles.name(0), at) }
    };
    places.map(|at| (at, label(at))).collect()
}

/// Returns the line of a column, interrupted where a value or a step is missing.
fn series(
    roles: &Roles<'_>,
    line: usize,
    number: usize,
    points: &[Point<'_>],
    x: Scale,
    y: Scale,
) -> Markup {
    let places: Vec<(f64, f64, &[Cell])> = points
        .iter()
        .filter_map(|p| Some((p.x, roles.cell(p.row, line).number()?, p.row)))
        .collect();
    let steps = places.windows(2).map(|pair| pair[1].0 - pair[0].0).filter(|step| *step > 0.0);
    let step = steps.fold(f64::INFINITY, f64::min);
    let mut path = String::new();
    let mut before: Option<f64> = None;
    for (at_x, value, _) in &places {
        let is_next = before.is_some_and(|before| at_x - before <= step * 1.5);
        path +=
            &format!("{}{} {}", if is_next { "L" } else { "M" }, at(x.at(*at_x)), at(y.at(*value)));
        before = Some(*at_x);
    }
    let tip = |row: &[Cell]| format!("{}: {}", roles.text(row, 0), roles.amount(row, line));
    html! {
        path d=(path) class=(format!("line s{number}")) {}
        @if places.len() <= MARKERS {
            @for (at_x, value, row) in &places {
                circle cx=(at(x.at(*at_x))) cy=(at(y.at(*value))) r="3" class=(format!("c{number}")) {
                    title { (tip(row)) }
                }
            }
        }
    }
}

/// Returns the lines with the heights of their names, which do not overlap, and their numbers.
fn names(
    roles: &Roles<'_>,
    lines: &[usize],
    points: &[Point<'_>],
    y: Scale,
) -> Vec<(usize, usize, f64)> {
    let last = |line: usize| points.iter().rev().find_map(|p| roles.cell(p.row, line).number());
    let named = lines.iter().enumerate();
    let mut names: Vec<_> =
        named.filter_map(|(at, line)| Some((*line, at, y.at(last(*line)?)))).collect();
    names.sort_by(|a, b| a.2.total_cmp(&b.2));
    for at in 1..names.len() {
        names[at].2 = names[at].2.max(names[at - 1].2 + NAME_DISTANCE);
    }
    names
}
