//! One bar per range of a number.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::Chart;
use super::canvas::{Anchor, Scale, WIDTH, rect, rule, svg, text, tick_label, ticks};
use super::roles::Roles;
use crate::report::answer::Cell;
use crate::report::format;

/// Maximum number of bars.
const BARS: i64 = 120;

const HEIGHT: f64 = 220.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = WIDTH - 10.0;
const TOP: f64 = 20.0;
const BOTTOM: f64 = HEIGHT - 30.0;

/// Draws a bar per range from the first to the last. Rows have the lower bounds of their ranges.
pub(super) fn histogram(roles: &Roles<'_>) -> Chart {
    let width = roles.declared.width;
    let bar = |row: &'_ Vec<Cell>| {
        let bound = roles.cell(row, 0).number().filter(|bound| bound.abs() < 1e15)?;
        Some(((bound / width as f64).floor() as i64, roles.cell(row, 1).number()?))
    };
    let mut bars: BTreeMap<i64, f64> = BTreeMap::new();
    for (range, value) in roles.answer.rows.iter().filter_map(bar) {
        *bars.entry(range).or_default() += value;
    }
    let most = bars.iter().max_by(|a, b| a.1.total_cmp(b.1).then(b.0.cmp(a.0)));
    let (Some((most, value)), Some(first), Some(last)) =
        (most, bars.keys().next(), bars.keys().next_back())
    else {
        return Chart { svg: None, finding: String::new(), notes: Vec::new() };
    };
    let finding = format!(
        "Most frequent: {} {}, with {} {}.",
        roles.heading(0),
        range_of(roles, *most),
        format::grouped(&value.to_string()),
        format::noun(&value.to_string(), &roles.heading(1)),
    );
    if last - first >= BARS {
        let notes = vec![format!(
            "The ranges are too many to draw: {}",
            format::count((last - first) as u64 + 1)
        )];
        return Chart { svg: None, finding, notes };
    }
    let body = draw(roles, &bars, (*first, *last));
    Chart { svg: Some(svg(HEIGHT, &finding, &body)), finding, notes: Vec::new() }
}

/// Returns the bounds of a range, such as `15 to 29` or `60 and more`.
fn range_of(roles: &Roles<'_>, range: i64) -> String {
    let width = roles.declared.width;
    let low = range * width;
    let text = |bound: i64| format::grouped(&bound.to_string());
    match roles.declared.open {
        Some(open) if low >= open => format!("{} and more", text(low)),
        _ if width == 1 => text(low),
        _ => format!("{} to {}", text(low), text(low + width - 1)),
    }
}

fn draw(roles: &Roles<'_>, bars: &BTreeMap<i64, f64>, (first, last): (i64, i64)) -> Markup {
    let count = (last - first + 1) as f64;
    let width = ((RIGHT - LEFT) / count).min(60.0);
    let ticks = ticks(bars.values().copied());
    let extent = (ticks.first().copied().unwrap_or(0.0), ticks.last().copied().unwrap_or(1.0));
    let y = Scale::new(extent, (BOTTOM, TOP));
    let longest =
        bars.values().map(|value| format::short(*value).chars().count()).max().unwrap_or(0);
    let has_values = longest as f64 * 6.5 <= width;
    let every = (36.0 / width).ceil().max(1.0) as i64;
    let low = |range: i64| {
        let low = range * roles.declared.width;
        let more = if roles.declared.open.is_some_and(|open| low >= open) { "+" } else { "" };
        format!("{}{more}", format::grouped(&low.to_string()))
    };
    html! {
        @for tick in &ticks {
            (rule((LEFT, y.at(*tick)), (RIGHT, y.at(*tick)), "grid"))
            (text(LEFT - 8.0, y.at(*tick) + 4.0, Anchor::End, "tick", &tick_label(roles.name(1), *tick)))
        }
        @for range in first..=last {
            @let x = LEFT + (range - first) as f64 * width;
            @if let Some(value) = bars.get(&range) {
                @let tip = format!("{} {}: {}", roles.heading(0), range_of(roles, range), format::grouped(&value.to_string()));
                @let top = y.at(*value);
                (rect(x + 1.0, top, width - 2.0, y.at(0.0) - top, "c1", &tip))
                @if has_values {
                    (text(x + width / 2.0, top - 4.0, Anchor::Middle, "value", &format::short(*value)))
                }
            }
            @if (range - first) % every == 0 {
                (text(x + width / 2.0, BOTTOM + 18.0, Anchor::Middle, "tick", &low(range)))
            }
        }
        (rule((LEFT, y.at(0.0)), (RIGHT, y.at(0.0)), "axis"))
    }
}
