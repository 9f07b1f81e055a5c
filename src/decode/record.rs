//! One scanned record to a row: every value converted, the required ones demanded, then appended.

use super::columns::StagingBuilder;
use super::convert::{Converter, Value, text_of};
use super::dataset::{Dataset, PLAY_PAGE, Required, event};
use super::reject::Refusal;
use super::scan::Slot;

/// Turns scanned records into rows of a staging table.
pub(super) struct RowMaker {
    dataset: Dataset,
    converter: Converter,
    values: Vec<Value>,
}

impl RowMaker {
    pub fn new(dataset: Dataset) -> RowMaker {
        RowMaker { dataset, converter: Converter::default(), values: Vec::new() }
    }

    /// Appends the record to `rows`, or says why it is a reject and appends nothing.
    pub fn append(
        &mut self,
        record: &str,
        slots: &[Slot],
        rows: &mut StagingBuilder,
    ) -> Result<(), Refusal> {
        self.converter.clear();
        self.values.clear();
        for ((at, column), &slot) in self.dataset.columns().iter().enumerate().zip(slots) {
            let dictionary = rows.dictionary(at);
            self.values.push(self.converter.convert(column, dictionary, record, slot)?);
        }
        let is_play = self.is_play(record, rows);
        self.demand_required(is_play)?;
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

    fn demand_required(&self, is_play: bool) -> Result<(), Refusal> {
        for (column, value) in self.dataset.columns().iter().zip(&self.values) {
            let why = match column.required {
                Required::Always => "a required value is missing",
                Required::ForPlays if is_play => "a NextSong event needs it, and it is missing",
                Required::Never | Required::ForPlays => continue,
            };
            if *value == Value::Null {
                return Err(Refusal::of(column, why));
            }
        }
        Ok(())
    }
}
