//! Charts of results, drawn with characters.
//!
//! The columns decide the chart:
//!
//! - Text, boolean, date and time columns before the first series are the label of a row, and so is an integer
//!   column at the beginning. Columns called `id` or `…_id` are left out if there are others.
//! - Each numeric column after the labels is a series.
//! - A single label that is a date or a time makes a line per series, in the order of time. Other labels make
//!   one bar per row and series.

mod bars;
mod columns;
mod line;
mod text;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use datafusion::execution::SendableRecordBatchStream;
use futures::TryStreamExt;

use super::destination::{DEFAULT_WIDTH, Destination, width};
use super::output::TextFormat;
use super::rows;
use crate::cli::error::{Error, Result};

/// Shortest width of a chart in characters. Narrower terminals wrap its lines.
const MIN_WIDTH: usize = 30;

/// Characters of a chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Characters {
    /// Block elements and other characters of Unicode.
    Unicode,
    /// ASCII alone.
    Ascii,
}

/// Size and characters of a chart.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// Width in characters.
    pub width: usize,
    /// Characters.
    pub characters: Characters,
}

/// A result as labels and series of numbers.
#[derive(Debug, PartialEq)]
pub struct Chart {
    /// Form of the chart.
    form: Form,
    /// Names of the label columns.
    label: String,
    /// Label of each row.
    labels: Vec<String>,
    series: Vec<Series>,
    /// Sentences about rows and columns that the chart does not show.
    notes: Vec<String>,
}

/// Form of a chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// One bar per row and series.
    Bars,
    /// One line per series.
    Line,
}

/// A column of numbers.
#[derive(Debug, PartialEq)]
struct Series {
    name: String,
    values: Vec<Value>,
}

/// A value of a series.
#[derive(Debug, Clone, PartialEq)]
struct Value {
    /// The value as tables show it; `null` for nulls.
    text: String,
    /// The number, unless it is null, infinite or not a number.
    number: Option<f64>,
}

/// Draws the rows of the query `name`, and returns their number. A result without a chart is shown as a table,
/// below a sentence with the reason.
///
/// # Errors
///
/// Returns an error if the query or a write fails.
pub async fn write(
    name: &str,
    rows: SendableRecordBatchStream,
    to: &mut Destination,
) -> Result<u64> {
    let schema = rows.schema();
    let rows = rows::detached(rows);
    let batches: Vec<RecordBatch> = rows.try_collect().await.map_err(|e| Error::query(name, e))?;
    let batch = concat_batches(&schema, &batches)?;
    let count = batch.num_rows() as u64;
    let text = match columns::chart(&batch)? {
        Ok(chart) => draw(&chart, style(to)),
        Err(reason) => format!("{reason}\n{}", rows::grid(&schema, &[batch])?),
    };
    to.text(&text, TextFormat::Text).await?;
    Ok(count)
}

/// Returns the style for a destination: Unicode on a terminal with colours, ASCII elsewhere.
fn style(to: &Destination) -> Style {
    let is_plain = to.path().is_some()
        || anstream::AutoStream::choice(&std::io::stdout()) == anstream::ColorChoice::Never;
    let characters = if is_plain { Characters::Ascii } else { Characters::Unicode };
    Style { width: if to.path().is_some() { DEFAULT_WIDTH } else { width() }, characters }
}

/// Returns a chart as text.
fn draw(chart: &Chart, style: Style) -> String {
    let style = Style { width: style.width.max(MIN_WIDTH), ..style };
    let mut text = match chart.form {
        Form::Bars => bars::draw(chart, style),
        Form::Line => line::draw(chart, style),
    };
    for note in &chart.notes {
        text += &format!("{note}\n");
    }
    text
}
