//! Keeps one dictionary per column for all batches of a table.
//!
//! Batches from several decoders or query partitions have different dictionaries. Sorting and
//! joining rows of different dictionaries would merge these again and again. Therefore a table
//! stores only keys into its own dictionaries, and returns every batch with these dictionaries.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, DictionaryArray, Int32Array, RecordBatch, RecordBatchOptions,
};
use arrow::datatypes::{DataType, Field, Int32Type, Schema, SchemaRef};
use arrow::error::ArrowError;

use crate::decode::Dictionary;

/// Size of the texts, in bytes, above which a new generation of dictionaries begins. Bounds memory
/// for columns with few repetitions and for runs of any length.
pub(super) const MAX_TEXT_BYTES: usize = 64 * 1024 * 1024;

/// Number of batch dictionaries whose translations are cached: one per decoder or partition is
/// enough.
const MAX_TRANSLATIONS: usize = 64;

/// Marks a key that has not been translated.
const UNTRANSLATED: i32 = -1;

/// The dictionaries of a table, all of one generation.
pub(super) struct TableDictionaries {
    schema: SchemaRef,
    columns: Vec<Column>,
}

struct Column {
    at: usize,
    dictionary: Dictionary,
    translations: Vec<Translation>,
}

/// The keys of a batch's dictionary translated to those of the table's.
struct Translation {
    values: ArrayRef,
    keys: Vec<i32>,
}

/// The texts of a generation, with the column of each array.
pub(super) type Texts = Vec<(usize, ArrayRef)>;

impl TableDictionaries {
    /// Creates empty dictionaries for batches of `schema`.
    pub fn new(schema: &Schema) -> TableDictionaries {
        let fields = schema.fields().iter();
        let dictionaries = fields.clone().enumerate().filter(|(_, f)| is_dictionary(f.data_type()));
        let columns = dictionaries.map(|(at, _)| Column {
            at,
            dictionary: Dictionary::default(),
            translations: Vec::new(),
        });
        let keys = fields.clone().map(|field| match field.data_type() {
            dictionary if is_dictionary(dictionary) => {
                Field::new(field.name(), DataType::Int32, field.is_nullable())
            }
            _ => field.as_ref().clone(),
        });
        TableDictionaries {
            columns: columns.collect(),
            schema: Arc::new(Schema::new(keys.collect::<Vec<_>>())),
        }
    }

    /// Replaces the texts of a batch with the table's keys.
    pub fn encode(&mut self, batch: RecordBatch) -> Result<RecordBatch, ArrowError> {
        let (_, mut columns, rows) = batch.into_parts();
        for column in &mut self.columns {
            columns[column.at] = Arc::new(column.keys(columns[column.at].as_dictionary()));
        }
        rebuild(self.schema.clone(), columns, rows)
    }

    /// Returns the schema of batches of keys.
    pub fn keys_schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Returns the size of all texts, in bytes.
    pub fn bytes(&self) -> usize {
        self.columns.iter().map(|column| column.dictionary.bytes()).sum()
    }

    /// Returns the texts so far. A key has the same text in all batches of the generation.
    pub fn texts(&mut self) -> Texts {
        self.columns.iter_mut().map(|column| (column.at, column.dictionary.array())).collect()
    }
}

impl Column {
    fn keys(&mut self, array: &DictionaryArray<Int32Type>) -> Int32Array {
        let texts = array.values().as_string::<i32>();
        let known = &mut translation(&mut self.translations, array.values()).keys;
        let dictionary = &mut self.dictionary;
        let mut translate = |key: i32| {
            let known = &mut known[key as usize];
            if *known == UNTRANSLATED {
                let text = texts.value(key as usize);
                let found = dictionary.find(text.as_bytes());
                *known = found.unwrap_or_else(|| dictionary.insert(text.as_bytes(), text));
            }
            *known
        };
        let keys = array.keys().values().iter();
        let nulls = array.keys().nulls().filter(|nulls| nulls.null_count() > 0);
        let translated: Vec<i32> = match nulls {
            None => keys.map(|&key| translate(key)).collect(),
            Some(nulls) => keys
                .zip(nulls)
                .map(|(&key, valid)| if valid { translate(key) } else { 0 })
                .collect(),
        };
        Int32Array::new(translated.into(), nulls.cloned())
    }
}

fn translation<'a>(known: &'a mut Vec<Translation>, values: &ArrayRef) -> &'a mut Translation {
    let at =
        known.iter().position(|known| Arc::ptr_eq(&known.values, values)).unwrap_or_else(|| {
            if known.len() == MAX_TRANSLATIONS {
                known.remove(0);
            }
            known.push(Translation {
                values: values.clone(),
                keys: vec![UNTRANSLATED; values.len()],
            });
            known.len() - 1
        });
    &mut known[at]
}

/// Returns `true` for the dictionary type that decoders and queries use for texts.
fn is_dictionary(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(keys, values) => {
            **keys == DataType::Int32 && **values == DataType::Utf8
        }
        _ => false,
    }
}

/// Replaces the keys of a batch with their texts. The batch has the columns `projection` of its
/// table; `schema` is the schema of those columns.
pub(super) fn decode_batch(
    batch: RecordBatch,
    texts: &Texts,
    projection: Option<&[usize]>,
    schema: SchemaRef,
) -> Result<RecordBatch, ArrowError> {
    let (_, mut columns, rows) = batch.into_parts();
    for (at, texts) in texts {
        let at = match projection {
            None => Some(*at),
            Some(projection) => projection.iter().position(|column| column == at),
        };
        if let Some(at) = at {
            let keys: &Int32Array = columns[at].as_primitive();
            columns[at] = Arc::new(DictionaryArray::try_new(keys.clone(), texts.clone())?);
        }
    }
    rebuild(schema, columns, rows)
}

/// Replaces the keys of rows with their texts.
pub struct DictionaryDecoder {
    pub(super) texts: Texts,
    pub(super) schema: SchemaRef,
}

impl DictionaryDecoder {
    /// Returns the batch with texts instead of keys.
    ///
    /// # Errors
    ///
    /// Returns an error if Arrow rejects the batch, which would be a bug in starlift.
    pub fn decode(&self, keys: RecordBatch) -> Result<RecordBatch, ArrowError> {
        self.decode_columns(keys, None)
    }

    /// Returns a batch of some columns with texts instead of keys.
    pub(super) fn decode_columns(
        &self,
        keys: RecordBatch,
        columns: Option<&[usize]>,
    ) -> Result<RecordBatch, ArrowError> {
        let schema = match columns {
            None => self.schema.clone(),
            Some(columns) => Arc::new(self.schema.project(columns)?),
        };
        decode_batch(keys, &self.texts, columns, schema)
    }
}

/// Creates a batch of `rows` rows, which can have no columns.
fn rebuild(
    schema: SchemaRef,
    columns: Vec<ArrayRef>,
    rows: usize,
) -> Result<RecordBatch, ArrowError> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(schema, columns, &options)
}
