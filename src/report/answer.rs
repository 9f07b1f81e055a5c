//! The rows that a query returns, as the report shows them.

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::{DataType, SchemaRef};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use chrono::{NaiveDate, NaiveDateTime};
use datafusion::execution::SendableRecordBatchStream;
use futures::TryStreamExt;

use super::error::Result;
use super::format;
use crate::error::Error;

/// Maximum number of rows that are held in memory. No chart draws more.
pub(super) const MAX_ROWS: usize = 40_000;

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell {
    /// No value.
    Null,
    /// A number, and its exact decimal text.
    Number(f64, String),
    /// A day.
    Day(NaiveDate),
    /// A time, and its text.
    Time(f64, String),
    /// Text, without characters that change the layout of the page.
    Text(String),
}

/// The rows of a query.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Answer {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// `true` for each column of numbers.
    pub numeric: Vec<bool>,
    /// The first rows, at most [`MAX_ROWS`].
    pub rows: Vec<Vec<Cell>>,
    /// Number of all rows.
    pub total: usize,
}

impl Answer {
    /// Reads the rows of the query `name`.
    ///
    /// # Errors
    ///
    /// Returns an error if the query fails.
    pub async fn read(name: &str, mut rows: SendableRecordBatchStream) -> Result<Answer> {
        let mut answer = Answer::of_schema(&rows.schema());
        while let Some(batch) = rows.try_next().await.map_err(|e| Error::query(name, e))? {
            answer.add(&batch).map_err(Error::from)?;
        }
        Ok(answer)
    }

    fn of_schema(schema: &SchemaRef) -> Answer {
        let fields = schema.fields();
        Answer {
            columns: fields.iter().map(|field| field.name().clone()).collect(),
            numeric: fields.iter().map(|field| field.data_type().is_numeric()).collect(),
            rows: Vec::new(),
            total: 0,
        }
    }

    fn add(&mut self, batch: &RecordBatch) -> Result<(), ArrowError> {
        let wanted = batch.num_rows().min(MAX_ROWS.saturating_sub(self.rows.len()));
        self.total += batch.num_rows();
        let options = FormatOptions::default();
        let columns = batch.columns().iter();
        let columns = columns.map(|column| {
            Ok((column.as_ref(), ArrayFormatter::try_new(column.as_ref(), &options)?))
        });
        let columns: Vec<_> = columns.collect::<Result<_, ArrowError>>()?;
        for row in 0..wanted {
            let cells = columns.iter().map(|(column, shown)| cell(*column, shown, row));
            self.rows.push(cells.collect::<Result<_, _>>()?);
        }
        Ok(())
    }

    /// Returns the position of a column.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column == name)
    }
}

fn cell(column: &dyn Array, shown: &ArrayFormatter<'_>, row: usize) -> Result<Cell, ArrowError> {
    if column.is_null(row) {
        return Ok(Cell::Null);
    }
    let text = shown.value(row).try_to_string()?;
    Ok(match column.data_type() {
        numeric if numeric.is_numeric() => match text.parse::<f64>() {
            Ok(value) => Cell::Number(value, text),
            Err(_) => Cell::Text(text),
        },
        DataType::Date32 => match text.parse() {
            Ok(day) => Cell::Day(day),
            Err(_) => Cell::Text(text),
        },
        DataType::Timestamp(..) => match text.trim_end_matches('Z').parse::<NaiveDateTime>() {
            Ok(time) => Cell::Time(time.and_utc().timestamp_micros() as f64 / 86.4e9, text),
            Err(_) => Cell::Text(text),
        },
        _ => Cell::Text(format::visible(&text)),
    })
}

impl Cell {
    /// Returns the number, if the cell is a finite one.
    pub fn number(&self) -> Option<f64> {
        match self {
            Cell::Number(value, _) => Some(*value).filter(|value| value.is_finite()),
            _ => None,
        }
    }

    /// Returns the position on an axis of time or of numbers.
    pub fn position(&self) -> Option<f64> {
        match self {
            Cell::Number(..) => self.number(),
            Cell::Day(day) => Some(format::days(*day) as f64),
            Cell::Time(days, _) => Some(*days),
            Cell::Null | Cell::Text(_) => None,
        }
    }

    /// Returns the text of the cell of the column `name`.
    pub fn text(&self, name: &str) -> String {
        match self {
            Cell::Null => "none".to_owned(),
            Cell::Number(_, text) => format::number(name, text),
            Cell::Day(day) => day.to_string(),
            Cell::Time(_, text) => text.replace('T', " "),
            Cell::Text(text) => text.clone(),
        }
    }

    /// Returns the text of the cell for a CSV file. A text that a spreadsheet would run as a formula begins with an
    /// apostrophe.
    pub fn csv(&self) -> String {
        match self {
            Cell::Null => String::new(),
            Cell::Number(_, text) | Cell::Time(_, text) => text.clone(),
            Cell::Day(day) => day.to_string(),
            Cell::Text(text) => {
                let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
                let text = format!("{}{text}", if is_formula { "'" } else { "" });
                format!("\"{}\"", text.replace('"', "\"\""))
            }
        }
    }
}
