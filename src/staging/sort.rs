//! Chooses how a staging table is sorted: in memory if its rows fit, or by a sort that can spill.

use std::sync::Mutex;

use super::StagingError;
use super::dictionary::{DictionaryDecoder, TableDictionaries};
use super::sorted::SortedRows;
use super::table::{Contents, StagingTable, lock};

/// The way to sort a table.
pub enum SortStrategy {
    /// In memory: the rows are sorted.
    InMemory(SortedRows),
    /// By a sort that can spill. The rows have dictionary keys instead of texts, which `texts` restores
    /// afterwards.
    SpillingKeys {
        /// The rows, with keys.
        table: StagingTable,
        /// Restores the texts of the sorted rows.
        texts: DictionaryDecoder,
    },
    /// By a sort that can spill, with the texts of the rows: either they are sorted by texts, or their
    /// keys belong to several dictionaries, which could not be distinguished after sorting.
    SpillingTexts(StagingTable),
}

impl StagingTable {
    /// Sorts the rows on `threads` threads if they fit in memory, or prepares them for a sort that
    /// can spill.
    ///
    /// # Errors
    ///
    /// Returns an error if the last segment of the spill file cannot be written.
    pub fn sort(self, by: &[usize], threads: usize) -> Result<SortStrategy, StagingError> {
        let mut contents = lock(&self.contents);
        self.close_segment(&mut contents)?;
        let keys_schema = contents.dictionaries.keys_schema().clone();
        let by_text = by.iter().any(|&at| keys_schema.field(at) != self.schema.field(at));
        if by_text || !contents.generations.is_empty() {
            drop(contents);
            return Ok(SortStrategy::SpillingTexts(self));
        }
        let texts =
            DictionaryDecoder { texts: contents.dictionaries.texts(), schema: self.schema.clone() };
        let bytes = contents.rows * SortedRows::BYTES_PER_ROW;
        let fits = contents.spilled.is_empty()
            && SortedRows::can_sort(&self.schema, by)
            && self.space.try_reserve(bytes);
        if fits {
            contents.reserved += bytes;
            let batches = std::mem::take(&mut contents.batches);
            contents.decoded = Vec::new();
            contents.dictionaries = TableDictionaries::new(&self.schema);
            drop(contents);
            return Ok(SortStrategy::InMemory(SortedRows::new(self, texts, batches, by, threads)));
        }
        let keys = Contents {
            dictionaries: TableDictionaries::new(&keys_schema),
            decoded: Vec::new(),
            ..std::mem::replace(&mut *contents, Contents::new(&self.schema))
        };
        drop(contents);
        let table = StagingTable {
            name: self.name.clone(),
            schema: keys_schema,
            space: self.space.clone(),
            max_text_bytes: self.max_text_bytes,
            contents: Mutex::new(keys),
        };
        Ok(SortStrategy::SpillingKeys { table, texts })
    }
}
