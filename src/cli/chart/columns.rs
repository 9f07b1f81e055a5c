//! Selects the labels and the series of a result.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::{cast, sort_to_indices, take_record_batch};
use arrow::datatypes::{DataType, Float64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use indicatif::HumanCount;

use super::{Chart, Form, Series, Value};
use crate::cli::error::Result;
use crate::escape;

/// Maximum number of rows that are drawn as bars.
const MAX_BARS: usize = 100;

/// Separator of the labels of a row.
const SEPARATOR: &str = ", ";

/// Text of a null.
const NULL: &str = "null";

/// End of the text of a time at midnight.
const MIDNIGHT: &str = "T00:00:00";

/// Returns the chart of a result, or a sentence with the reason why it has none.
pub fn chart(batch: &RecordBatch) -> Result<Result<Chart, String>> {
    let roles = Roles::of(batch);
    if batch.num_rows() == 0 {
        return Ok(Err("There is no chart, because the result has no rows.".to_owned()));
    }
    if roles.series.is_empty() {
        return Ok(Err("There is no chart, because the result has no numeric column.".to_owned()));
    }
    let mut notes = Vec::new();
    let form = roles.form(batch);
    let drawn = match form {
        Form::Line => by_time(batch, roles.labels[0], &mut notes)?,
        Form::Bars => first_rows(batch, &mut notes),
    };
    let series: Vec<Series> =
        roles.series.iter().map(|&column| series(&drawn, column)).collect::<Result<_>>()?;
    if !series.iter().flat_map(|series| &series.values).any(|value| value.number.is_some()) {
        return Ok(Err("There is no chart, because no row has a finite number.".to_owned()));
    }
    if !roles.ignored.is_empty() {
        let names: Vec<String> = roles.ignored.iter().map(|&column| name(batch, column)).collect();
        notes.push(format!("Not shown: {}.", names.join(SEPARATOR)));
    }
    let label: Vec<String> = roles.labels.iter().map(|&column| name(batch, column)).collect();
    let labels = labels(&drawn, &roles.labels)?;
    Ok(Ok(Chart { form, label: label.join(SEPARATOR), labels, series, notes }))
}

/// Roles of the columns, by their positions.
#[derive(Debug, Default, PartialEq, Eq)]
struct Roles {
    labels: Vec<usize>,
    series: Vec<usize>,
    ignored: Vec<usize>,
}

impl Roles {
    fn of(batch: &RecordBatch) -> Roles {
        let schema = batch.schema();
        let kinds: Vec<Kind> = schema.fields().iter().map(|f| Kind::of(f.data_type())).collect();
        let has_number_after_first = kinds.iter().skip(1).any(|kind| kind.is_number());
        let mut roles = Roles::default();
        for (column, kind) in kinds.iter().enumerate() {
            let is_first_label = column == 0 && *kind == Kind::Integer && has_number_after_first;
            let list = match kind {
                _ if is_first_label => &mut roles.labels,
                Kind::Integer | Kind::Number => &mut roles.series,
                Kind::Text | Kind::Time if roles.series.is_empty() => &mut roles.labels,
                Kind::Text | Kind::Time | Kind::Other => &mut roles.ignored,
            };
            list.push(column);
        }
        roles.leave_out_ids(batch);
        roles
    }

    /// Leaves identifiers out of the labels if there are other labels.
    fn leave_out_ids(&mut self, batch: &RecordBatch) {
        let schema = batch.schema();
        let is_id = |column: usize| {
            let name = schema.field(column).name().to_ascii_lowercase();
            name == "id" || name.ends_with("_id")
        };
        let (ids, others): (Vec<usize>, Vec<usize>) =
            self.labels.iter().partition(|&&column| is_id(column));
        if !ids.is_empty() && !others.is_empty() {
            self.labels = others;
            self.ignored.splice(0..0, ids);
        }
    }

    fn form(&self, batch: &RecordBatch) -> Form {
        let is_time = |column: usize| Kind::of(batch.column(column).data_type()) == Kind::Time;
        match self.labels[..] {
            [label] if is_time(label) => Form::Line,
            _ => Form::Bars,
        }
    }
}

/// Kind of the values of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Text, booleans or times of day.
    Text,
    /// Dates or times.
    Time,
    Integer,
    /// Numbers that are not integers.
    Number,
    /// Values of other types, such as lists.
    Other,
}

impl Kind {
    fn of(data_type: &DataType) -> Kind {
        match data_type {
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Kind::Text,
            DataType::Boolean | DataType::Time32(_) | DataType::Time64(_) => Kind::Text,
            DataType::Dictionary(_, values) => Kind::of(values),
            DataType::Date32 | DataType::Date64 | DataType::Timestamp(_, _) => Kind::Time,
            found if found.is_integer() => Kind::Integer,
            found if found.is_numeric() => Kind::Number,
            _ => Kind::Other,
        }
    }

    fn is_number(self) -> bool {
        matches!(self, Kind::Integer | Kind::Number)
    }
}

/// Returns the name of a column, without characters that a terminal interprets.
fn name(batch: &RecordBatch, column: usize) -> String {
    escape::line(batch.schema().field(column).name()).into_owned()
}

/// Returns the rows in the order of a date or time, without those that have none.
fn by_time(batch: &RecordBatch, column: usize, notes: &mut Vec<String>) -> Result<RecordBatch> {
    let times = batch.column(column);
    let nulls = times.null_count();
    if nulls > 0 {
        let rows = rows(nulls);
        notes.push(format!("Not shown: {rows} without {}.", name(batch, column)));
    }
    let order = sort_to_indices(times, None, None)?;
    // Nulls are first.
    let order = order.slice(nulls, batch.num_rows() - nulls);
    Ok(take_record_batch(batch, &order)?)
}

fn first_rows(batch: &RecordBatch, notes: &mut Vec<String>) -> RecordBatch {
    let count = batch.num_rows();
    if count > MAX_BARS {
        let all = HumanCount(count as u64);
        notes.push(format!("The chart shows the first {MAX_BARS} of {all} rows."));
    }
    batch.slice(0, count.min(MAX_BARS))
}

/// Returns a number of rows with its noun.
pub fn rows(count: usize) -> String {
    format!("{} {}", HumanCount(count as u64), if count == 1 { "row" } else { "rows" })
}

/// Returns the label of each row: its number if there are no label columns.
fn labels(batch: &RecordBatch, columns: &[usize]) -> Result<Vec<String>> {
    if columns.is_empty() {
        return Ok((1..=batch.num_rows()).map(|row| row.to_string()).collect());
    }
    let parts: Vec<Vec<String>> =
        columns.iter().map(|&column| label_texts(batch.column(column))).collect::<Result<_>>()?;
    let row = |row: usize| {
        let parts: Vec<&str> = parts.iter().map(|column| column[row].as_str()).collect();
        parts.join(SEPARATOR)
    };
    Ok((0..batch.num_rows()).map(row).collect())
}

/// Returns the values of a label column as text: times that are all at midnight as dates.
fn label_texts(column: &ArrayRef) -> Result<Vec<String>> {
    let mut texts = texts(column)?;
    let is_time = Kind::of(column.data_type()) == Kind::Time;
    if is_time && texts.iter().all(|text| text.ends_with(MIDNIGHT) || text == NULL) {
        texts.iter_mut().for_each(|text| {
            if let Some(date) = text.strip_suffix(MIDNIGHT) {
                *text = date.to_owned();
            }
        });
    }
    Ok(texts)
}

fn series(batch: &RecordBatch, column: usize) -> Result<Series> {
    let values = batch.column(column);
    let numbers = cast(values, &DataType::Float64)?;
    let numbers = numbers.as_primitive::<Float64Type>().iter();
    let values = texts(values)?.into_iter().zip(numbers);
    let values = values
        .map(|(text, number)| Value { text, number: number.filter(|number| number.is_finite()) });
    Ok(Series { name: name(batch, column), values: values.collect() })
}

/// Returns the values of a column as text, without characters that a terminal interprets.
fn texts(column: &ArrayRef) -> Result<Vec<String>> {
    let options = FormatOptions::default().with_null(NULL);
    let formatter = ArrayFormatter::try_new(column.as_ref(), &options)?;
    let text = |row| escape::line(&formatter.value(row).to_string()).into_owned();
    Ok((0..column.len()).map(text).collect())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Date32Array, Float64Array, Int64Array, StringArray};

    use super::*;

    fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
        RecordBatch::try_from_iter_with_nullable(
            columns.into_iter().map(|(name, values)| (name, values, true)),
        )
        .unwrap()
    }

    fn texts(values: [&str; 2]) -> ArrayRef {
        Arc::new(StringArray::from(values.to_vec()))
    }

    fn integers(values: [i64; 2]) -> ArrayRef {
        Arc::new(Int64Array::from(values.to_vec()))
    }

    #[test]
    fn columns_before_the_numbers_are_labels() {
        let songs = batch(vec![
            ("song_id", texts(["S1", "S2"])),
            ("title", texts(["T", "U"])),
            ("plays", integers([1, 2])),
            ("artist", texts(["A", "B"])),
            ("listeners", integers([1, 1])),
        ]);
        let chart = chart(&songs).unwrap().unwrap();
        assert_eq!((chart.form, chart.label.as_str()), (Form::Bars, "title"));
        assert_eq!(chart.labels, ["T", "U"]);
        let names: Vec<&str> = chart.series.iter().map(|series| series.name.as_str()).collect();
        assert_eq!(names, ["plays", "listeners"]);
        assert_eq!(chart.notes, ["Not shown: song_id, artist."]);
    }

    #[test]
    fn a_first_integer_is_a_label_if_numbers_follow() {
        let hours = batch(vec![("hour", integers([7, 8])), ("plays", integers([1, 2]))]);
        assert_eq!(chart(&hours).unwrap().unwrap().labels, ["7", "8"]);
        let counts = batch(vec![("plays", integers([1, 2]))]);
        assert_eq!(chart(&counts).unwrap().unwrap().labels, ["1", "2"]);
    }

    #[test]
    fn dates_are_sorted_and_make_lines() {
        let days: ArrayRef = Arc::new(Date32Array::from(vec![Some(17_838), None, Some(17_837)]));
        let numbers: ArrayRef = Arc::new(Float64Array::from(vec![1.0, 2.0, f64::NAN]));
        let chart = chart(&batch(vec![("day", days), ("n", numbers)])).unwrap().unwrap();
        assert_eq!(chart.form, Form::Line);
        assert_eq!(chart.labels, ["2018-11-02", "2018-11-03"]);
        let numbers: Vec<_> = chart.series[0].values.iter().map(|value| value.number).collect();
        assert_eq!(numbers, [None, Some(1.0)]);
        assert_eq!(chart.notes, ["Not shown: 1 row without day."]);
    }

    #[test]
    fn results_without_numbers_have_no_chart() {
        let names = batch(vec![("name", texts(["a", "b"]))]);
        assert!(chart(&names).unwrap().unwrap_err().contains("no numeric column"));
        let none = batch(vec![("n", integers([1, 2]))]).slice(0, 0);
        assert!(chart(&none).unwrap().unwrap_err().contains("no rows"));
    }
}
