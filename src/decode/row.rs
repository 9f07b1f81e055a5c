//! Turns a scanned record into rows: converts every value, checks the required ones and appends the
//! rows.

use std::ops::Range;
use std::sync::Arc;

use arrow::error::ArrowError;

use super::columns::StagingBuilder;
use super::conditions::Conditions;
use super::convert::{Converter, Value, Values, text_of};
use super::dataset::{StagedColumns, StagingColumn};
use super::decoder::MAX_RECORD_BYTES;
use super::dictionary::Dictionary;
use super::elements::Elements;
use super::fingerprint::{Fingerprint, Referents};
use super::layout::{Layouts, Records, Target};
use super::notes::{Notes, Times};
use super::reject::Rejection;
use super::scan::{FieldSpan, Scanner};
use crate::model::{Condition, Dataset, Origin, Required};

/// Limit on the memory of the rows of one record, in bytes. Each row repeats the texts of the record around its
/// element.
const MAX_ROWS_BYTES: usize = 512 * 1024 * 1024;

/// Turns scanned records into rows of a staging table.
pub(super) struct RowBuilder {
    columns: Arc<[StagingColumn]>,
    converter: Converter,
    /// One value per column, for one row after the other.
    values: Vec<Value>,
    /// Columns that are required, with the index of their condition.
    required: Vec<(usize, Option<usize>)>,
    conditions: Conditions,
    /// Index of the condition of the dataset's partition.
    partition: Option<usize>,
    /// Derived columns that are kept.
    fingerprints: Vec<Fingerprint>,
    /// One value per derived column that is kept.
    derived: Vec<Option<i64>>,
    elements: Option<Elements>,
    dataset: Arc<Dataset>,
}

/// The reason why a record has no rows.
pub(super) enum RowError {
    /// The record breaks a rule.
    Rejected(Rejection),
    /// Arrow rejects a batch, which would be a bug in starlift.
    Arrow(ArrowError),
}

impl From<Rejection> for RowError {
    fn from(rejection: Rejection) -> Self {
        RowError::Rejected(rejection)
    }
}

impl From<ArrowError> for RowError {
    fn from(error: ArrowError) -> Self {
        RowError::Arrow(error)
    }
}

/// The texts and decimals of a row.
struct Row<'a> {
    values: Values<'a>,
    dictionaries: &'a [Option<Dictionary>],
}

impl Referents for Row<'_> {
    #[inline]
    fn text(&self, column: usize, value: Value) -> Option<&str> {
        text_of(value, &self.values, self.dictionaries[column].as_ref())
    }

    fn decimal(&self, index: u32) -> i128 {
        self.values.decimals.get(index as usize).copied().unwrap_or_default()
    }
}

impl RowBuilder {
    pub fn new(staged: &StagedColumns) -> RowBuilder {
        let dataset = staged.dataset().clone();
        let mut conditions = Conditions::default();
        let mut add = |when: &Condition| conditions.add(&dataset, when);
        let partition = dataset.partition.as_ref().and_then(&mut add);
        let required =
            dataset.columns.iter().enumerate().filter_map(|(at, column)| match &column.required {
                Required::Never => None,
                Required::Always => Some((at, None)),
                Required::When(when) => Some((at, Some(add(when)?))),
            });
        let required = required.collect();
        let kept = dataset.derived.iter().filter(|derived| staged.has(&derived.name));
        let fingerprints: Vec<Fingerprint> = kept
            .map(|derived| {
                Fingerprint::new(&dataset, derived, derived.when.as_ref().and_then(&mut add))
            })
            .collect();
        RowBuilder {
            columns: staged.columns().clone(),
            converter: Converter::new(staged.repairs_encoding()),
            values: Vec::new(),
            required,
            conditions,
            partition,
            derived: vec![None; fingerprints.len()],
            fingerprints,
            elements: Elements::of(&dataset),
            dataset,
        }
    }

    /// Returns the columns of the dataset.
    pub fn columns(&self) -> &[StagingColumn] {
        &self.columns
    }

    /// Copies the converter's observations to `notes`.
    pub fn add_to(&self, notes: &mut Notes) {
        notes.times = self.converter.times;
        notes.encoded_twice = self.converter.encoded_twice;
        notes.longest_text = self.converter.longest_text;
    }

    /// Resets the converter's observations.
    pub fn clear_notes(&mut self) {
        self.converter.restore((Times::default(), 0, 0));
    }

    /// Appends the rows of a record to `rows`, or returns the reason for rejecting it and appends
    /// nothing.
    #[inline]
    pub fn append(
        &mut self,
        record: &str,
        scanner: &Scanner,
        rows: &mut StagingBuilder,
    ) -> Result<(), RowError> {
        self.converter.clear();
        if self.elements.is_some() {
            return self.append_elements(record, scanner, rows);
        }
        self.values.resize(self.columns.len(), Value::Null);
        let fields = scanner.spans.iter().zip(&mut self.values);
        for ((at, column), (span, value)) in self.columns.iter().enumerate().zip(fields) {
            self.converter.convert(column, rows.dictionary(at), record, span, value)?;
        }
        let row = 0..self.columns.len();
        self.evaluate(&row, record, rows);
        self.ensure_required(&row)?;
        self.append_row(row, record, record.len(), rows);
        Ok(())
    }

    /// Appends the row of the record at `at` if its layout is known. Returns the position of the record's
    /// end, or `None` if the record was not appended and must be scanned.
    #[inline]
    pub fn append_known(
        &mut self,
        layouts: &mut Layouts,
        records: Records<'_>,
        at: usize,
        rows: &mut StagingBuilder,
    ) -> Option<usize> {
        self.converter.clear();
        self.values.resize(self.columns.len(), Value::Null);
        let counts = self.converter.counts();
        let (columns, converter, values) = (&self.columns, &mut self.converter, &mut self.values);
        let mut target = Target { columns, converter, rows, values };
        let end = layouts.read(records, at, &mut target);
        let end = end.filter(|end| end - at <= MAX_RECORD_BYTES).filter(|_| {
            let row = 0..self.columns.len();
            self.evaluate(&row, records.text, rows);
            self.ensure_required(&row).is_ok()
        });
        let Some(end) = end else {
            self.converter.restore(counts);
            return None;
        };
        self.append_row(0..self.columns.len(), records.text, end - at, rows);
        Some(end)
    }

    /// Evaluates the conditions for the row with these values.
    #[inline]
    fn evaluate(&mut self, row: &Range<usize>, record: &str, rows: &StagingBuilder) {
        let (values, dictionaries) = (self.converter.values(record), rows.dictionaries());
        self.conditions.evaluate(&self.values[row.clone()], |column, value| {
            text_of(value, &values, dictionaries[column].as_ref())
        });
    }

    #[inline]
    fn append_row(
        &mut self,
        row: Range<usize>,
        record: &str,
        bytes: usize,
        rows: &mut StagingBuilder,
    ) {
        let (row, values) = (&self.values[row], self.converter.values(record));
        if !self.fingerprints.is_empty() {
            let referents = Row { values, dictionaries: rows.dictionaries() };
            for (fingerprint, derived) in self.fingerprints.iter_mut().zip(&mut self.derived) {
                let has_one = self.conditions.holds(fingerprint.when);
                *derived = if has_one { fingerprint.of(row, &referents) } else { None };
            }
        }
        let is_selected = self.partition.is_some() && self.conditions.holds(self.partition);
        rows.append(row, &self.derived, &values, bytes, is_selected);
    }

    #[inline]
    fn ensure_required(&self, row: &Range<usize>) -> Result<(), Rejection> {
        let row = &self.values[row.clone()];
        let is_missing = |(at, when): &&(usize, Option<usize>)| {
            matches!(row[*at], Value::Null) && self.conditions.holds(*when)
        };
        match self.required.iter().find(is_missing) {
            None => Ok(()),
            Some((at, _)) => Err(self.missing(*at)),
        }
    }

    #[cold]
    fn missing(&self, at: usize) -> Rejection {
        let column = &self.columns[at];
        match &self.dataset.columns[at].required {
            Required::When(when) => Rejection::of(
                column,
                format!("missing; required if {} is {}", when.column, when.equals),
            ),
            Required::Always | Required::Never => {
                Rejection::of(column, "a required value is missing")
            }
        }
    }
}

/// Fails if this many rows of `bytes` each exceed the limit.
fn ensure_few(rows: usize, bytes: usize) -> Result<(), Rejection> {
    if rows.saturating_mul(bytes) <= MAX_ROWS_BYTES {
        return Ok(());
    }
    let limit = MAX_ROWS_BYTES / (1024 * 1024);
    Err(Rejection::of_record(format!("its {rows} rows would take more than {limit} MiB")))
}

/// Rows of elements of an array within the record.
impl RowBuilder {
    /// Appends one row per element of the array of rows. If an element is rejected, so is the
    /// record, because its rows belong together.
    fn append_elements(
        &mut self,
        record: &str,
        scanner: &Scanner,
        rows: &mut StagingBuilder,
    ) -> Result<(), RowError> {
        let Some(mut elements) = self.elements.take() else { return Ok(()) };
        let outcome = self.convert_elements(&mut elements, record, scanner, rows);
        self.elements = Some(elements);
        outcome
    }

    fn convert_elements(
        &mut self,
        elements: &mut Elements,
        record: &str,
        scanner: &Scanner,
        rows: &mut StagingBuilder,
    ) -> Result<(), RowError> {
        let width = self.columns.len();
        elements.ensure_array(scanner)?;
        self.values.clear();
        self.values.resize(width, Value::Null);
        // The first row holds the values of the record around the array.
        self.convert_columns(0, Origin::Record, &scanner.spans, record, rows)?;
        self.ensure_required_of_record()?;
        let shared = self.text_bytes();
        ensure_few(scanner.elements.len(), shared + width * size_of::<Value>())?;
        self.values.resize(width * (scanner.elements.len() + 1), Value::Null);
        for (at, element) in scanner.elements.iter().enumerate() {
            let (first, row) = (0..width, (at + 1) * width..(at + 2) * width);
            self.values.copy_within(first, row.start);
            let spans = elements.scan(record, element, at)?;
            self.convert_columns(row.start, Origin::Element, spans, record, rows)
                .map_err(|rejection| elements.within(rejection, at))?;
            self.evaluate(&row, record, rows);
            self.ensure_required(&row).map_err(|rejection| elements.within(rejection, at))?;
        }
        for (at, element) in scanner.elements.iter().enumerate() {
            let row = (at + 1) * width..(at + 2) * width;
            self.evaluate(&row, record, rows);
            let bytes = shared + (element.end - element.start) as usize;
            self.append_row(row, record, bytes, rows);
            // A record can have millions of elements.
            rows.close_full()?;
        }
        Ok(())
    }

    /// Returns the length of the texts converted so far that have no dictionary.
    fn text_bytes(&self) -> usize {
        let lengths = self.values.iter().map(|value| match value {
            Value::Text(start, end) | Value::Unescaped(start, end) => (end - start) as usize,
            _ => 0,
        });
        lengths.sum()
    }

    /// Fails if a column of the record around the array lacks a value that every row requires, also if
    /// there are no rows.
    fn ensure_required_of_record(&self) -> Result<(), Rejection> {
        let is_missing = |(at, when): &&(usize, Option<usize>)| {
            let is_of_record = self.dataset.columns[*at].path.origin == Origin::Record;
            when.is_none() && is_of_record && matches!(self.values[*at], Value::Null)
        };
        match self.required.iter().find(is_missing) {
            None => Ok(()),
            Some((at, _)) => Err(self.missing(*at)),
        }
    }

    /// Converts the columns that begin at `origin`, into the row that begins at `row`.
    fn convert_columns(
        &mut self,
        row: usize,
        origin: Origin,
        spans: &[FieldSpan],
        record: &str,
        rows: &mut StagingBuilder,
    ) -> Result<(), Rejection> {
        for (at, column) in self.columns.iter().enumerate() {
            if self.dataset.columns[at].path.origin == origin {
                let value = &mut self.values[row + at];
                let dictionary = rows.dictionary(at);
                self.converter.convert(column, dictionary, record, &spans[at], value)?;
            }
        }
        Ok(())
    }
}
