//! Coordinates, axes and elements of SVG.

use maud::{Markup, html};

use crate::report::format;

/// Width of a chart in pixels.
pub(super) const WIDTH: f64 = 720.0;

/// Returns a coordinate with at most one decimal.
pub(super) fn at(value: f64) -> String {
    let text = format!("{value:.1}");
    let text = text.strip_suffix(".0").unwrap_or(&text);
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// Returns a drawing with a title.
pub(super) fn svg(height: f64, title: &str, body: &Markup) -> Markup {
    html! {
        svg viewBox=(format!("0 0 {WIDTH} {}", at(height))) width=(WIDTH) height=(at(height)) role="img" aria-label=(title) {
            title { (title) }
            (body)
        }
    }
}

/// Position of a text relative to its coordinate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// Returns a text.
pub(super) fn text(x: f64, y: f64, anchor: Anchor, class: &str, content: &str) -> Markup {
    let anchor = match anchor {
        Anchor::Start => "start",
        Anchor::Middle => "middle",
        Anchor::End => "end",
    };
    html! { text x=(at(x)) y=(at(y)) text-anchor=(anchor) class=(class) { (content) } }
}

/// Returns a rectangle with a tooltip.
pub(super) fn rect(x: f64, y: f64, width: f64, height: f64, class: &str, tip: &str) -> Markup {
    html! {
        rect x=(at(x)) y=(at(y)) width=(at(width.max(0.0))) height=(at(height.max(0.0))) class=(class) {
            @if !tip.is_empty() { title { (tip) } }
        }
    }
}

/// Returns a straight line.
pub(super) fn rule(from: (f64, f64), to: (f64, f64), class: &str) -> Markup {
    html! { line x1=(at(from.0)) y1=(at(from.1)) x2=(at(to.0)) y2=(at(to.1)) class=(class) {} }
}

/// A linear scale from values to pixels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    from: f64,
    to: f64,
    start: f64,
    end: f64,
}

impl Scale {
    /// Maps `from` to `start` and `to` to `end`. A scale without extent maps every value to the middle.
    pub fn new((from, to): (f64, f64), (start, end): (f64, f64)) -> Scale {
        Scale { from, to, start, end }
    }

    pub fn at(&self, value: f64) -> f64 {
        if self.to <= self.from {
            return f64::midpoint(self.start, self.end);
        }
        self.start + (value - self.from) / (self.to - self.from) * (self.end - self.start)
    }
}

/// Returns round values from the smallest of `values` or 0 to the largest, about five. They are whole numbers if
/// the values are.
pub(super) fn ticks(values: impl Iterator<Item = f64> + Clone) -> Vec<f64> {
    let low = values.clone().fold(0.0, f64::min);
    let high = values.clone().fold(0.0, f64::max);
    let is_whole = values.clone().all(|value| value.fract() == 0.0);
    let extent = if high > low { high - low } else { 1.0 };
    let rough = extent / 4.0;
    let power = 10f64.powf(rough.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power);
    let step = steps.into_iter().find(|step| *step >= rough * 0.999).unwrap_or(rough);
    let step = if is_whole { step.max(1.0) } else { step };
    let first = (low / step).floor();
    let last = (high / step).ceil().max(first + 1.0);
    (0..=((last - first) as usize).min(20)).map(|i| (first + i as f64) * step).collect()
}

/// Returns the text of a tick of the axis of the column `name`.
pub(super) fn tick_label(name: &str, value: f64) -> String {
    let short = format::short(value);
    if format::is_percent(name) { format!("{short} %") } else { short }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_cover_the_values() {
        let of = |values: &[f64]| ticks(values.iter().copied());
        assert_eq!(of(&[0.0, 542.0]), [0.0, 200.0, 400.0, 600.0]);
        assert_eq!(of(&[1.0]), [0.0, 1.0]);
        assert_eq!(of(&[]), [0.0, 1.0]);
        assert_eq!(of(&[0.0, 0.0]), [0.0, 1.0]);
        assert_eq!(of(&[-3.0, 4.0]), [-4.0, -2.0, 0.0, 2.0, 4.0]);
        assert_eq!(of(&[0.25]), [0.0, 0.1, 0.2, 0.30000000000000004]);
        assert_eq!(of(&[16_777_217.0]).last(), Some(&20_000_000.0));
        assert!(of(&[1e300]).len() < 20);
    }

    #[test]
    fn a_scale_without_extent_has_a_middle() {
        assert_eq!(Scale::new((5.0, 5.0), (0.0, 10.0)).at(5.0), 5.0);
        assert_eq!(Scale::new((0.0, 10.0), (100.0, 0.0)).at(2.5), 75.0);
        assert_eq!(
            (at(1.0), at(-0.04), at(1.26)),
            ("1".to_owned(), "0".to_owned(), "1.3".to_owned())
        );
    }
}
