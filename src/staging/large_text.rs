//! A staging table with a column of long texts, which are stored separately so that rows are sorted
//! without them.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringBuilder};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use arrow::error::ArrowError;

use super::StagingError;
use super::spill::SpillFile;
use super::table::{StagingSpace, StagingTable};

/// Number of bytes of texts buffered before a write.
const BUFFER_BYTES: usize = 1024 * 1024;

/// A staging table that stores the texts of one column in a file.
///
/// Each text is written once to an unnamed file; the row holds the start and the end of the text in
/// that file.
pub struct LargeTextTable {
    schema: SchemaRef,
    /// Position of the text column.
    at: usize,
    rows: Arc<StagingTable>,
    texts: Mutex<Texts>,
}

struct Texts {
    folder: PathBuf,
    file: Option<Arc<SpillFile>>,
    /// Number of bytes in the file.
    written: u64,
    /// Texts that have not been written.
    buffer: Vec<u8>,
}

impl LargeTextTable {
    /// Creates an empty table of `schema` that stores the texts of `column` separately.
    ///
    /// # Errors
    ///
    /// Returns an error if the schema has no such column.
    pub fn new(
        name: &str,
        schema: SchemaRef,
        column: &str,
        space: StagingSpace,
    ) -> Result<LargeTextTable, StagingError> {
        let at = schema.index_of(column)?;
        let bound = |end: &str| Field::new(format!("{column} {end}"), DataType::Int64, true);
        let others = schema.fields().iter().enumerate().filter(|(other, _)| *other != at);
        let mut fields: Vec<Field> = others.map(|(_, field)| field.as_ref().clone()).collect();
        fields.extend([bound("start"), bound("end")]);
        let texts =
            Texts { folder: space.folder().to_owned(), file: None, written: 0, buffer: Vec::new() };
        let rows = StagingTable::new(name, Arc::new(Schema::new(fields)), space);
        Ok(LargeTextTable { schema, at, rows: Arc::new(rows), texts: Mutex::new(texts) })
    }

    /// Returns the schema of complete rows.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Returns the rows with the positions of their texts, for queries.
    pub fn rows(&self) -> &Arc<StagingTable> {
        &self.rows
    }

    /// Adds a batch of complete rows.
    ///
    /// # Errors
    ///
    /// Returns an error if the batch must be spilled to disk and cannot be written.
    pub fn push(&self, batch: RecordBatch) -> Result<(), StagingError> {
        let (_, mut columns, _) = batch.into_parts();
        let (starts, ends) = self.keep(&columns.remove(self.at))?;
        columns.extend([Arc::new(starts) as ArrayRef, Arc::new(ends)]);
        self.rows.push(RecordBatch::try_new(self.rows.schema().clone(), columns)?)
    }

    /// Stores texts and returns the start and the end of each.
    fn keep(&self, texts: &ArrayRef) -> Result<(Int64Array, Int64Array), StagingError> {
        let texts = texts.as_string::<i32>();
        let offsets = texts.value_offsets();
        let (first, last) = (offsets[0] as usize, offsets[texts.len()] as usize);
        let begin = self.lock().append(&texts.value_data()[first..last])? as i64;
        let position = |row: usize| begin + i64::from(offsets[row]) - first as i64;
        let rows = 0..texts.len();
        let of = |end: usize| {
            rows.clone().map(|row| texts.is_valid(row).then(|| position(row + end))).collect()
        };
        Ok((of(0), of(1)))
    }

    /// Returns the length in bytes of each row's text in a batch of [`LargeTextTable::rows`]; 0 for
    /// null.
    pub fn lengths(&self, batch: &RecordBatch) -> impl Iterator<Item = u64> {
        spans(batch).map(|span| span.map_or(0, |(start, end)| end - start))
    }

    /// Returns the complete rows of a batch of [`LargeTextTable::rows`].
    ///
    /// # Errors
    ///
    /// Returns an error if a text cannot be read back.
    pub fn with_texts(&self, batch: &RecordBatch) -> Result<RecordBatch, StagingError> {
        let mut texts = StringBuilder::new();
        for span in spans(batch) {
            match span {
                None => texts.append_null(),
                Some((start, end)) => texts.append_value(self.read(start, end)?),
            }
        }
        let mut columns = batch.columns().to_vec();
        columns.truncate(columns.len() - 2);
        columns.insert(self.at, Arc::new(texts.finish()));
        Ok(RecordBatch::try_new(self.schema.clone(), columns)?)
    }

    fn read(&self, start: u64, end: u64) -> Result<String, StagingError> {
        let mut text = vec![0; (end - start) as usize];
        self.lock().read(&mut text, start)?;
        String::from_utf8(text).map_err(|e| ArrowError::from_external_error(Box::new(e)).into())
    }

    /// Ignores poisoning: a panic under the lock has already failed the run.
    fn lock(&self) -> std::sync::MutexGuard<'_, Texts> {
        self.texts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the start and the end of each row's text.
fn spans(batch: &RecordBatch) -> impl Iterator<Item = Option<(u64, u64)>> {
    let column = |from_end: usize| batch.column(batch.num_columns() - from_end);
    let starts = column(2).as_primitive::<Int64Type>().iter();
    let ends = column(1).as_primitive::<Int64Type>().iter();
    starts.zip(ends).map(|(start, end)| Some((start? as u64, end? as u64)))
}

impl Texts {
    /// Appends texts and returns their start.
    fn append(&mut self, texts: &[u8]) -> Result<u64, StagingError> {
        let start = self.written + self.buffer.len() as u64;
        self.buffer.extend_from_slice(texts);
        if self.buffer.len() >= BUFFER_BYTES {
            let file = match &self.file {
                Some(file) => file,
                None => self.file.insert(SpillFile::create(&self.folder)?),
            };
            file.append(&self.buffer)?;
            self.written += self.buffer.len() as u64;
            // Free the buffer, which can be large.
            self.buffer = Vec::new();
        }
        Ok(start)
    }

    /// Fills `text` with the text at `start`, which is entirely in the file or entirely in the
    /// buffer.
    fn read(&self, text: &mut [u8], start: u64) -> Result<(), StagingError> {
        match &self.file {
            Some(file) if start < self.written => file.read_exact(text, start),
            _ => {
                let start = (start - self.written) as usize;
                text.copy_from_slice(&self.buffer[start..start + text.len()]);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::StringArray;
    use arrow::array::UInt32Array;
    use arrow::compute::{concat_batches, take_record_batch};
    use datafusion::execution::memory_pool::{MemoryPool, UnboundedMemoryPool};

    use super::super::scan::BatchCursor;
    use super::*;

    fn schema() -> SchemaRef {
        Arc::new(Schema::new(vec![
            Field::new("n", DataType::Int64, false),
            Field::new("text", DataType::Utf8, true),
            Field::new("other", DataType::Utf8, false),
        ]))
    }

    fn batch(numbers: std::ops::Range<i64>) -> RecordBatch {
        let text = |n: i64| (n % 7 != 3).then(|| format!("{n}é").repeat(n as usize % 90));
        let texts: StringArray = numbers.clone().map(text).collect();
        let others: StringArray = numbers.clone().map(|n| Some(format!("o{n}"))).collect();
        let numbers = Int64Array::from_iter_values(numbers);
        RecordBatch::try_new(schema(), vec![Arc::new(numbers), Arc::new(texts), Arc::new(others)])
            .unwrap()
    }

    #[test]
    fn rows_in_any_order_get_their_own_texts_back() {
        let folder = tempfile::tempdir().unwrap();
        let pool: Arc<dyn MemoryPool> = Arc::new(UnboundedMemoryPool::default());
        let space = StagingSpace::new(&pool, 0, folder.path().to_owned());
        let table = LargeTextTable::new("t", schema(), "text", space).unwrap();
        for start in (0..20_000).step_by(1000) {
            table.push(batch(start..start + 1000).slice(3, 900)).unwrap();
        }
        table.push(batch(90_000..90_010)).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "files have no names");
        let batches = Arc::new(table.rows().batches(None).unwrap()).read(BatchCursor::default());
        let batches: Vec<_> = batches.map(Result::unwrap).collect();
        let all = concat_batches(table.rows().schema(), &batches).unwrap();
        assert_eq!(all.num_rows(), 20 * 900 + 10);
        let backwards = UInt32Array::from_iter_values((0..all.num_rows() as u32).rev());
        let all = take_record_batch(&all, &backwards).unwrap();
        let whole = table.with_texts(&all).unwrap();
        assert_eq!(whole.schema(), schema());
        let lengths: Vec<u64> = table.lengths(&all).collect();
        let texts = whole.column(1).as_string::<i32>();
        for (row, n) in whole.column(0).as_primitive::<Int64Type>().values().iter().enumerate() {
            let expected = batch(*n..n + 1);
            assert_eq!(whole.slice(row, 1), expected);
            assert_eq!(lengths[row], texts.value(row).len() as u64);
        }
    }
}
