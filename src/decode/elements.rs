//! The elements of the array whose elements become rows.

use super::field_paths::FieldPaths;
use super::reject::Rejection;
use super::scan::{FieldKind, FieldSpan, MISSING, Scanner};
use crate::model::{Dataset, Origin, RowsPath};

/// Finds the values of columns within the elements of an array of rows.
pub(super) struct Elements {
    path: RowsPath,
    /// Columns that are filled from the element itself.
    whole: Vec<usize>,
    /// Scans elements that are objects or arrays.
    scanner: Scanner,
    /// `true` if a column lies within the element.
    has_members: bool,
    /// Spans within the record, one per column.
    spans: Vec<FieldSpan>,
}

impl Elements {
    /// Returns `None` if each record of the dataset is one row.
    pub fn of(dataset: &Dataset) -> Option<Elements> {
        let path = dataset.rows.clone()?;
        let columns = dataset.columns.iter().enumerate();
        let of_element = columns.filter(|(_, column)| column.path.origin == Origin::Element);
        let (whole, members): (Vec<_>, Vec<_>) =
            of_element.partition(|(_, column)| column.path.steps.is_empty());
        let paths = members.iter().map(|(at, column)| (*at, column.path.steps.iter()));
        let width = dataset.columns.len();
        Some(Elements {
            path,
            whole: whole.into_iter().map(|(at, _)| at).collect(),
            has_members: !members.is_empty(),
            scanner: Scanner::new(FieldPaths::of_steps(paths), width),
            spans: vec![MISSING; width],
        })
    }

    /// Fails if the value at the path of rows is neither an array nor missing or null.
    pub fn ensure_array(&self, scanner: &Scanner) -> Result<(), Rejection> {
        let found = match scanner.rows.kind {
            FieldKind::Missing | FieldKind::Null | FieldKind::Array => return Ok(()),
            FieldKind::Boolean => "a boolean",
            FieldKind::Number => "a number",
            FieldKind::Text | FieldKind::EscapedText => "text",
            FieldKind::Object => "an object",
        };
        Err(Rejection::of_record(format!("{}: {found} is not an array", self.path)))
    }

    /// Returns the spans of the columns within the element at position `at`. The spans of other
    /// columns are missing.
    pub fn scan(
        &mut self,
        record: &str,
        element: &FieldSpan,
        at: usize,
    ) -> Result<&[FieldSpan], Rejection> {
        self.spans.fill(MISSING);
        if self.has_members {
            if element.kind != FieldKind::Object && element.kind != FieldKind::Array {
                let place = self.place(at);
                return Err(Rejection::of_record(format!("{place}: not a JSON object")));
            }
            if element.kind == FieldKind::Array && !self.scanner.paths().accepts_arrays() {
                let place = self.place(at);
                return Err(Rejection::of_record(format!("{place}: an array, not a JSON object")));
            }
            let text = &record.as_bytes()[element.start as usize..element.end as usize];
            // The record has been scanned, so the element is valid.
            if self.scanner.scan(text).is_err() {
                return Err(Rejection::of_record(format!("{}: not valid JSON", self.place(at))));
            }
            let shift = |span: &FieldSpan| match span.kind {
                FieldKind::Missing => MISSING,
                kind => FieldSpan {
                    kind,
                    start: span.start + element.start,
                    end: span.end + element.start,
                },
            };
            for (span, found) in self.spans.iter_mut().zip(&self.scanner.spans) {
                *span = shift(found);
            }
        }
        for &column in &self.whole {
            self.spans[column] = *element;
        }
        Ok(&self.spans)
    }

    /// Adds the place of an element to a reason.
    pub fn within(&self, rejection: Rejection, at: usize) -> Rejection {
        let Rejection { column, reason } = rejection;
        Rejection { column, reason: format!("{reason} (in {})", self.place(at)).into() }
    }

    /// Returns the place of the element at a position, such as `$.items[2]`.
    fn place(&self, at: usize) -> String {
        let path = self.path.to_string();
        format!("{}[{at}]", path.trim_end_matches("[*]"))
    }
}
