//! The columns that a chart draws, by their role.

use crate::report::answer::{Answer, Cell};
use crate::report::declared::{Declared, Form};
use crate::report::error::{ReportError, Result};
use crate::report::format;

/// The rows of a figure and the roles of their columns.
pub(super) struct Roles<'a> {
    pub declared: &'a Declared,
    pub answer: &'a Answer,
    /// Positions of the columns, by role.
    roles: Vec<Vec<usize>>,
}

impl<'a> Roles<'a> {
    /// Finds the columns that the header names, or takes them in their order.
    ///
    /// # Errors
    ///
    /// Returns an error if a column is missing, or the column that is drawn has text.
    pub fn of(declared: &'a Declared, answer: &'a Answer) -> Result<Roles<'a>> {
        let failed = |reason: String| ReportError::figure(&declared.file, reason);
        let returned = || answer.columns.join(", ");
        let wanted = match declared.form {
            Form::Heatmap => 3,
            _ => 2,
        };
        let mut roles: Vec<Vec<usize>> = Vec::new();
        for names in &declared.columns {
            let find = |name: &String| {
                answer.position(name).ok_or_else(|| {
                    failed(format!(
                        "the header names the column {name:?}; the query returns {}",
                        returned()
                    ))
                })
            };
            roles.push(names.iter().map(find).collect::<Result<_>>()?);
        }
        if roles.is_empty() {
            roles = (0..answer.columns.len()).map(|column| vec![column]).collect();
        }
        if roles.len() < wanted {
            let reason =
                format!("the chart needs {wanted} columns; it has {}: {}", roles.len(), returned());
            return Err(failed(reason));
        }
        let drawn =
            if declared.form == Form::Line { &roles[1..] } else { &roles[wanted - 1..wanted] };
        let is_text = |column: &&usize| {
            answer.rows.iter().any(|row| !matches!(row[**column], Cell::Number(..) | Cell::Null))
        };
        if let Some(column) = drawn.iter().flatten().find(is_text) {
            let name = &answer.columns[*column];
            return Err(failed(format!(
                "the chart draws the column {name:?}, which has other values than numbers"
            )));
        }
        Ok(Roles { declared, answer, roles })
    }

    /// Returns the number of roles.
    pub fn len(&self) -> usize {
        self.roles.len()
    }

    /// Returns the first column of a role.
    pub fn column(&self, role: usize) -> usize {
        self.roles[role].first().copied().unwrap_or(0)
    }

    /// Returns the name of the first column of a role.
    pub fn name(&self, role: usize) -> &'a str {
        &self.answer.columns[self.column(role)]
    }

    /// Returns the heading of a role.
    pub fn heading(&self, role: usize) -> String {
        format::heading(self.name(role))
    }

    /// Returns the cell of a role in a row.
    pub fn cell<'r>(&self, row: &'r [Cell], role: usize) -> &'r Cell {
        &row[self.column(role)]
    }

    /// Returns the text of a role in a row, with its unit.
    pub fn text(&self, row: &[Cell], role: usize) -> String {
        let texts =
            self.roles[role].iter().map(|column| row[*column].text(&self.answer.columns[*column]));
        texts.collect::<Vec<_>>().join(" – ")
    }

    /// Returns the value of a role in a row with the heading of its column, such as `542 plays` or `60.44 %`.
    pub fn amount(&self, row: &[Cell], role: usize) -> String {
        let text = self.text(row, role);
        if text.ends_with('%') {
            text
        } else {
            format!("{text} {}", format::noun(&text, &self.heading(role)))
        }
    }

    /// Returns the row with the largest number in a role, the first of several.
    pub fn largest(&self, role: usize) -> Option<&'a [Cell]> {
        let mut largest: Option<(f64, &'a [Cell])> = None;
        for row in &self.answer.rows {
            if let Some(value) = self.cell(row, role).number()
                && largest.is_none_or(|(most, _)| value > most)
            {
                largest = Some((value, row));
            }
        }
        largest.map(|(_, row)| row)
    }
}
