//! Turns a scanned record into a row: converts every value, checks the required ones and appends
//! the row.

use super::columns::StagingBuilder;
use super::convert::{Converter, Value, text_of};
use super::dataset::{Dataset, PLAY_PAGE, Required, StagedColumns, event};
use super::notes::Notes;
use super::reject::Rejection;
use super::scan::FieldSpan;

/// Turns scanned records into rows of a staging table.
pub(super) struct RowBuilder {
    dataset: Dataset,
    converter: Converter,
    /// One value per column.
    values: Vec<Value>,
    /// Positions of the columns required of every record, and of those required of plays.
    required: Vec<usize>,
    required_of_plays: Vec<usize>,
}

impl RowBuilder {
    pub fn new(staged: &StagedColumns) -> RowBuilder {
        let dataset = staged.dataset();
        let columns = dataset.columns();
        let positions = |is_required: fn(Required) -> bool| {
            let all = columns.iter().enumerate().filter(|(_, column)| is_required(column.required));
            all.map(|(at, _)| at).collect()
        };
        RowBuilder {
            dataset,
            converter: Converter::new(staged.repairs_encoding()),
            values: vec![Value::Null; columns.len()],
            required: positions(|required| required == Required::Always),
            required_of_plays: positions(|required| required != Required::Never),
        }
    }

    /// Copies the converter's observations to `notes`.
    pub fn add_to(&self, notes: &mut Notes) {
        notes.times = self.converter.times;
        notes.encoded_twice = self.converter.encoded_twice;
        notes.longest_text = self.converter.longest_text;
    }

    /// Appends the record to `rows`, or returns the reason for rejecting it and appends nothing.
    pub fn append(
        &mut self,
        record: &str,
        spans: &[FieldSpan],
        rows: &mut StagingBuilder,
    ) -> Result<(), Rejection> {
        self.converter.clear();
        let fields = spans.iter().zip(&mut self.values);
        for ((at, column), (span, value)) in self.dataset.columns().iter().enumerate().zip(fields) {
            self.converter.convert(column, rows.dictionary(at), record, span, value)?;
        }
        let is_play = self.is_play(record, rows);
        self.ensure_required(is_play)?;
        rows.append(&self.values, record, &self.converter.unescaped, is_play);
        Ok(())
    }

    fn is_play(&self, record: &str, rows: &mut StagingBuilder) -> bool {
        if self.dataset != Dataset::Events {
            return false;
        }
        let dictionary = rows.dictionary(event::PAGE);
        let unescaped = &self.converter.unescaped;
        text_of(self.values[event::PAGE], record, unescaped, dictionary.as_deref())
            == Some(PLAY_PAGE)
    }

    fn ensure_required(&self, is_play: bool) -> Result<(), Rejection> {
        let required = if is_play { &self.required_of_plays } else { &self.required };
        let missing = required.iter().find(|&&at| matches!(self.values[at], Value::Null));
        let Some(&missing) = missing else { return Ok(()) };
        let column = &self.dataset.columns()[missing];
        Err(Rejection::of(
            column,
            match column.required {
                Required::ForPlays => "missing; a NextSong event requires it",
                Required::Always | Required::Never => "a required value is missing",
            },
        ))
    }
}
