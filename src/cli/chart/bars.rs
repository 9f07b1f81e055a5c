//! One bar per row and series.

use super::text::{cut, padded, width};
use super::{Characters, Chart, Series, Style, Value};

/// Space between the columns of a chart.
const GAP: usize = 2;

/// Eighths of a block, from one to seven.
const EIGHTHS: [char; 7] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/// Returns one block of bars per series. Each series has its own scale.
pub fn draw(chart: &Chart, style: Style) -> String {
    let labels = chart.labels.iter().map(|label| width(label)).max().unwrap_or(0);
    let labels = labels.min(style.width / 3);
    let mut text = String::new();
    for series in &chart.series {
        if !text.is_empty() {
            text.push('\n');
        }
        text += &format!("{}\n", cut(&series.name, style.width, style.characters));
        text += &block(series, &chart.labels, labels, style);
    }
    text
}

fn block(series: &Series, labels: &[String], label_width: usize, style: Style) -> String {
    let widest = style.width / 4;
    let values: Vec<String> = series.values.iter().map(|value| short(value, widest)).collect();
    let value_width = values.iter().map(|value| width(value)).max().unwrap_or(0);
    let used = label_width + GAP + value_width + GAP;
    let scale = Scale::of(series, style.width.saturating_sub(used).max(1));
    let mut text = String::new();
    for ((label, value), shown) in labels.iter().zip(&series.values).zip(values) {
        let label = padded(label, label_width, style.characters);
        let space = " ".repeat(value_width.saturating_sub(width(&shown)));
        let bar = value.number.map(|number| scale.bar(number, style.characters));
        let line = format!("{label}  {space}{shown}  {}", bar.unwrap_or_default());
        text += line.trim_end();
        text.push('\n');
    }
    text
}

/// Returns the text of a value, with fewer digits if it is wider than `widest`.
pub fn short(value: &Value, widest: usize) -> String {
    match value.number {
        Some(number) if width(&value.text) > widest => format!("{number:.3e}"),
        _ => value.text.clone(),
    }
}

/// Scale of the bars of a series: the columns to the left and to the right of zero.
#[derive(Debug, PartialEq)]
struct Scale {
    /// Largest magnitude of a number; numbers are divided by it first, so that no sum overflows.
    largest: f64,
    left: usize,
    right: usize,
    /// Columns per unit of the divided numbers.
    unit: f64,
}

impl Scale {
    fn of(series: &Series, columns: usize) -> Scale {
        let numbers = || series.values.iter().filter_map(|value| value.number);
        let largest = numbers().map(f64::abs).fold(0.0, f64::max);
        let divide = |number: f64| if largest > 0.0 { number / largest } else { 0.0 };
        let low = numbers().map(divide).fold(0.0, f64::min).abs();
        let high = numbers().map(divide).fold(0.0, f64::max);
        let span = if low + high > 0.0 { low + high } else { 1.0 };
        // The line at zero needs a column, and each side that has bars at least one.
        let columns = if low > 0.0 { columns.saturating_sub(1).max(2) } else { columns };
        let left = match low > 0.0 {
            true => ((columns as f64 * low / span).round() as usize)
                .clamp(1, columns - usize::from(high > 0.0)),
            false => 0,
        };
        let right = columns - left;
        let fits = |side: usize, part: f64| if part > 0.0 { side as f64 / part } else { f64::MAX };
        let unit = fits(left, low).min(fits(right, high));
        Scale { largest, left, right, unit: if unit == f64::MAX { 0.0 } else { unit } }
    }

    /// Returns the bar of a number. A number other than zero has at least the thinnest bar.
    fn bar(&self, number: f64, characters: Characters) -> String {
        let length = if self.largest > 0.0 { number / self.largest * self.unit } else { 0.0 };
        let zero = match characters {
            _ if self.left == 0 => "",
            Characters::Unicode => "│",
            Characters::Ascii => "|",
        };
        if length < 0.0 {
            let blocks = (-length).round().max(1.0) as usize;
            let blocks = blocks.min(self.left);
            let block = if characters == Characters::Unicode { "█" } else { "#" };
            return " ".repeat(self.left - blocks) + &block.repeat(blocks) + zero;
        }
        let right = match characters {
            Characters::Unicode => unicode(length, number != 0.0),
            Characters::Ascii => {
                let least = if number != 0.0 { 1.0 } else { 0.0 };
                "#".repeat((length.round().max(least) as usize).min(self.right))
            }
        };
        " ".repeat(self.left) + zero + &right
    }
}

/// Returns a bar in eighths of a column.
fn unicode(length: f64, is_visible: bool) -> String {
    let eighths = (length * 8.0).round() as usize;
    let eighths = if is_visible { eighths.max(1) } else { eighths };
    let mut bar = "█".repeat(eighths / 8);
    bar.extend(eighths.checked_rem(8).filter(|&rest| rest > 0).map(|rest| EIGHTHS[rest - 1]));
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(numbers: &[f64], columns: usize, number: f64, characters: Characters) -> String {
        let value = |number: &f64| Value { text: number.to_string(), number: Some(*number) };
        let values = numbers.iter().map(value).collect();
        Scale::of(&Series { name: "n".to_owned(), values }, columns).bar(number, characters)
    }

    #[test]
    fn the_longest_bar_has_all_columns() {
        let ascii = |number| bar(&[1.0, 8.0], 8, number, Characters::Ascii);
        assert_eq!(ascii(8.0), "########");
        assert_eq!(ascii(4.0), "####");
        assert_eq!(ascii(0.001), "#");
        assert_eq!(ascii(0.0), "");
        let unicode = |number| bar(&[1.0, 8.0], 8, number, Characters::Unicode);
        assert_eq!(unicode(8.0), "████████");
        assert_eq!(unicode(2.5), "██▌");
        assert_eq!(unicode(0.0001), "▏");
    }

    #[test]
    fn negative_numbers_are_to_the_left_of_zero() {
        let ascii = |number| bar(&[-5.0, 5.0], 11, number, Characters::Ascii);
        assert_eq!(ascii(-5.0), "#####|");
        assert_eq!(ascii(-2.0), "   ##|");
        assert_eq!(ascii(5.0), "     |#####");
        assert_eq!(bar(&[-1.0, -4.0], 5, -4.0, Characters::Unicode), "████│");
        assert_eq!(bar(&[-1.0, 1000.0], 5, -1.0, Characters::Ascii), "#|");
    }

    #[test]
    fn extreme_numbers_have_bars() {
        let extremes = [f64::MIN, f64::MAX];
        assert_eq!(bar(&extremes, 5, f64::MAX, Characters::Ascii), "  |##");
        assert_eq!(bar(&extremes, 5, f64::MIN, Characters::Ascii), "##|");
        assert_eq!(bar(&[0.0, 0.0], 5, 0.0, Characters::Ascii), "");
        assert_eq!(bar(&[f64::MIN_POSITIVE], 5, f64::MIN_POSITIVE, Characters::Ascii), "#####");
    }
}
