//! A count that is the sum of others, as a flow.

use maud::{Markup, html};

use super::canvas::{Anchor, WIDTH, at, rect, svg, text};
use crate::report::format;

const LEFT: f64 = 170.0;
const RIGHT: f64 = WIDTH - 290.0;
const BAR: f64 = 14.0;
const HEIGHT: f64 = 150.0;
/// Distance between two parts.
const GAP: f64 = 26.0;
/// Height of a part that is not 0, however small.
const THIN: f64 = 1.5;

/// A total and the parts that it is the sum of, each with its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Flow {
    pub total: (String, u64),
    pub parts: Vec<(String, u64)>,
}

impl Flow {
    /// Returns `true` if the parts add up to the total.
    pub fn balances(&self) -> bool {
        self.parts.iter().try_fold(0u64, |sum, (_, count)| sum.checked_add(*count))
            == Some(self.total.1)
    }

    /// Returns the equation, such as `121 records read = 121 decoded + 0 rejected`.
    pub fn equation(&self) -> String {
        let shown = |(name, count): &(String, u64)| format!("{} {name}", format::count(*count));
        let parts: Vec<String> = self.parts.iter().map(shown).collect();
        let sign = if self.balances() { "=" } else { "≠" };
        format!("{} {sign} {}", shown(&self.total), parts.join(" + "))
    }
}

/// Draws a flow from the total on the left to the parts on the right. Heights are in proportion to the counts.
pub(crate) fn flow(flow: &Flow) -> Markup {
    let all = flow
        .parts
        .iter()
        .map(|(_, count)| *count as f64)
        .sum::<f64>()
        .max(flow.total.1 as f64)
        .max(1.0);
    let tall = |count: u64| if count == 0 { 0.0 } else { (count as f64 / all * HEIGHT).max(THIN) };
    let mut places = Vec::new();
    let (mut from, mut to) = (20.0, 20.0);
    for (number, (name, count)) in flow.parts.iter().enumerate() {
        places.push((number, name, *count, from, to));
        from += tall(*count);
        to += tall(*count) + GAP;
    }
    let share = |count: u64| {
        format::percent(count, flow.total.1).map_or(String::new(), |p| format!(" ({p})"))
    };
    let label = |count: u64, name: &str| format!("{} {name}{}", format::count(count), share(count));
    let middle = 20.0 + HEIGHT / 2.0;
    let body = html! {
        (text(LEFT - 10.0, middle, Anchor::End, "label strong", &format::count(flow.total.1)))
        (text(LEFT - 10.0, middle + 16.0, Anchor::End, "label", &format::cut_label(&flow.total.0)))
        (rect(LEFT, 20.0, BAR, tall(flow.total.1), "axisbar", ""))
        @for (number, name, count, from, to) in &places {
            @let class = number % 3 + 1;
            path d=(ribbon(*from, *to, tall(*count))) class=(format!("ribbon c{class}")) {}
            (rect(RIGHT, *to, BAR, tall(*count), &format!("c{class}"), &label(*count, name)))
            (text(RIGHT + BAR + 8.0, to + tall(*count) / 2.0 + 4.0, Anchor::Start, "label", &label(*count, &format::cut_label(name))))
        }
    };
    svg((to + 4.0).max(HEIGHT + 30.0), &flow.equation(), &body)
}

/// Returns the path of a band of the height `tall` between two heights.
fn ribbon(from: f64, to: f64, tall: f64) -> String {
    let (start, end) = (LEFT + BAR, RIGHT);
    let middle = at(f64::midpoint(start, end));
    format!(
        "M{} {}C{middle} {} {middle} {} {} {}V{}C{middle} {} {middle} {} {} {}z",
        at(start),
        at(from),
        at(from),
        at(to),
        at(end),
        at(to),
        at(to + tall),
        at(to + tall),
        at(from + tall),
        at(start),
        at(from + tall),
    )
}
