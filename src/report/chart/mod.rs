//! Charts: rows in, static SVG out.
//!
//! The SVG has no identifiers except that of its title, no fonts, and no colours: every shape has a class of the
//! page's style sheet, which defines the colours for light, dark and print. Labels are exact texts of the rows or
//! rounded numbers with a unit; the table beside each chart has the exact values.

mod bars;
mod calendar;
mod canvas;
mod flow;
mod heatmap;
mod histogram;
mod line;
mod roles;
mod span;

use maud::Markup;

use super::answer::Answer;
use super::declared::{Declared, Form};
use super::error::Result;
use roles::Roles;

pub(super) use flow::{Flow, flow};

/// A chart.
pub(super) struct Chart {
    /// The drawing; `None` if there is nothing to draw.
    pub svg: Option<Markup>,
    /// Sentence that states what the chart shows. It is also the title of the drawing.
    pub finding: String,
    /// Rows that the chart does not show, with the reason.
    pub notes: Vec<String>,
}

impl Chart {
    fn nothing(finding: &str) -> Chart {
        Chart { svg: None, finding: finding.to_owned(), notes: Vec::new() }
    }
}

/// Draws the rows of a figure. Returns `None` for figures without a chart.
///
/// # Errors
///
/// Returns an error if the rows lack a column that the chart needs, or its values are not numbers.
pub(super) fn draw(declared: &Declared, answer: &Answer) -> Result<Option<Chart>> {
    let draw = match declared.form {
        Form::Tiles | Form::Table => return Ok(None),
        Form::Line => line::line,
        Form::Bars => bars::bars,
        Form::Funnel => bars::funnel,
        Form::Heatmap => heatmap::heatmap,
        Form::Calendar => calendar::calendar,
        Form::Histogram => histogram::histogram,
    };
    let roles = Roles::of(declared, answer)?;
    if answer.rows.is_empty() {
        return Ok(Some(Chart::nothing("There is no data: the query returns no rows.")));
    }
    let chart = draw(&roles);
    let is_empty = chart.svg.is_none() && chart.finding.is_empty();
    Ok(Some(if is_empty {
        Chart::nothing("There is no data: all values are null.")
    } else {
        chart
    }))
}

#[cfg(test)]
mod tests;
