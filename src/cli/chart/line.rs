//! One line per series: the height of each character is a value.

use super::bars::short;
use super::columns::rows;
use super::text::{padded, width};
use super::{Characters, Chart, Series, Style, Value};

/// Space after the names of series.
const GAP: usize = 2;

/// Characters from low to high.
const UNICODE: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const ASCII: [char; 8] = ['_', '.', ':', '-', '=', '+', '*', '#'];

/// Returns one line per series, each with its own scale, its smallest and its largest value.
pub fn draw(chart: &Chart, style: Style) -> String {
    let names = chart.series.iter().map(|series| width(&series.name));
    let names = names.chain([width(&chart.label)]).max().unwrap_or(0).min(style.width / 3);
    let columns = style.width.saturating_sub(names + GAP).max(1);
    let mut text = span(chart, names, columns, style);
    let per_column = chart.labels.len().div_ceil(columns).max(1);
    for series in &chart.series {
        text += &row(&series.name, &line(series, per_column, style.characters), names, style);
        text += &indented(&extremes(series, &chart.labels, columns), names, columns);
    }
    if per_column > 1 {
        text += &format!("Each character is the mean of {}.\n", rows(per_column));
    }
    text
}

fn row(name: &str, content: &str, names: usize, style: Style) -> String {
    let line = format!("{}  {content}", padded(name, names, style.characters));
    format!("{}\n", line.trim_end())
}

/// Returns the parts in one line, or in one line each if it would be too wide.
fn indented(parts: &[String], names: usize, columns: usize) -> String {
    let space = " ".repeat(names + GAP);
    let line = parts.join(", ");
    if width(&line) <= columns {
        return format!("{space}{line}\n");
    }
    parts.iter().map(|part| format!("{space}{part}\n")).collect()
}

/// Returns the first and the last label, and the number of rows: in one line, or in one line each.
fn span(chart: &Chart, names: usize, columns: usize, style: Style) -> String {
    let count = rows(chart.labels.len());
    let (first, last) = match (chart.labels.first(), chart.labels.last()) {
        (Some(first), Some(last)) => (first.as_str(), last.as_str()),
        _ => ("", ""),
    };
    let line = if first == last {
        format!("{first}, {count}")
    } else {
        format!("{first} to {last}, {count}")
    };
    if width(&line) <= columns {
        return row(&chart.label, &line, names, style);
    }
    let rest = [format!("to {last}"), count].map(|part| row("", &part, names, style));
    row(&chart.label, first, names, style) + &rest.concat()
}

/// Returns the smallest and the largest value with their labels, and the number of rows without a number.
fn extremes(series: &Series, labels: &[String], columns: usize) -> Vec<String> {
    let numbers = || {
        let values = series.values.iter().zip(labels);
        values.filter_map(|(value, label)| Some((value.number?, value, label)))
    };
    let text = |(_, value, label): (f64, &Value, &String)| {
        format!("{} ({label})", short(value, columns / 3))
    };
    // The first of equal values.
    let low = numbers().min_by(|a, b| a.0.total_cmp(&b.0));
    let high = numbers().max_by(|a, b| a.0.total_cmp(&b.0).then(std::cmp::Ordering::Greater));
    let missing = series.values.iter().filter(|value| value.number.is_none()).count();
    let mut parts = Vec::new();
    parts.extend(low.map(|found| format!("min {}", text(found))));
    parts.extend(high.map(|found| format!("max {}", text(found))));
    if missing > 0 {
        parts.push(format!("{} without a number", rows(missing)));
    }
    parts
}

/// Returns one character per `per_column` values: their mean, or a space if none is a number.
fn line(series: &Series, per_column: usize, characters: Characters) -> String {
    let numbers = || series.values.iter().filter_map(|value| value.number);
    let largest = numbers().map(f64::abs).fold(0.0, f64::max);
    // Divided first, so that no difference overflows.
    let divide = |number: f64| if largest > 0.0 { number / largest } else { 0.0 };
    let cells: Vec<Option<f64>> = series
        .values
        .chunks(per_column)
        .map(|values| {
            let numbers: Vec<f64> =
                values.iter().filter_map(|value| value.number).map(divide).collect();
            (!numbers.is_empty()).then(|| numbers.iter().sum::<f64>() / numbers.len() as f64)
        })
        .collect();
    let low = cells.iter().flatten().fold(f64::MAX, |low, cell| low.min(*cell));
    let high = cells.iter().flatten().fold(f64::MIN, |high, cell| high.max(*cell));
    let levels = if characters == Characters::Unicode { UNICODE } else { ASCII };
    let level = |cell: f64| match high - low {
        span if span > 0.0 => ((cell - low) / span * (levels.len() - 1) as f64).round() as usize,
        _ => levels.len() / 2,
    };
    let character = |cell: &Option<f64>| cell.map_or(' ', |cell| levels[level(cell)]);
    cells.iter().map(character).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(numbers: &[Option<f64>]) -> Series {
        let value = |number: &Option<f64>| Value { text: format!("{number:?}"), number: *number };
        Series { name: "n".to_owned(), values: numbers.iter().map(value).collect() }
    }

    fn drawn(numbers: &[f64], per_column: usize) -> String {
        let numbers: Vec<_> = numbers.iter().copied().map(Some).collect();
        line(&series(&numbers), per_column, Characters::Unicode)
    }

    #[test]
    fn heights_are_between_the_smallest_and_the_largest_value() {
        assert_eq!(drawn(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0], 1), "▁▂▃▄▅▆▇█");
        assert_eq!(drawn(&[-1.0, 0.0, 1.0], 1), "▁▅█");
        assert_eq!(drawn(&[3.0, 3.0], 1), "▅▅");
        assert_eq!(drawn(&[f64::MIN, f64::MAX], 1), "▁█");
        assert_eq!(line(&series(&[Some(1.0), None, Some(2.0)]), 1, Characters::Ascii), "_ #");
    }

    #[test]
    fn several_values_share_a_character() {
        assert_eq!(drawn(&[0.0, 2.0, 9.0, 11.0, 5.0], 2), "▁█▄");
    }

    #[test]
    fn extremes_name_their_labels() {
        let labels: Vec<String> = ["a", "b", "c", "d"].map(str::to_owned).to_vec();
        let series = series(&[Some(2.0), Some(1.0), Some(2.0), None]);
        let parts = extremes(&series, &labels, 60);
        assert_eq!(parts, ["min Some(1.0) (b)", "max Some(2.0) (a)", "1 row without a number"]);
    }
}
