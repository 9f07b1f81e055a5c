//! One dictionary a column for all batches of a table.
//!
//! Batches from several decoders or query partitions come with dictionaries of their own. Sorting
//! and joining rows of different dictionaries means merging these over and over. So a table keeps
//! keys alone, of dictionaries of its own, and hands these out with every batch.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, DictionaryArray, Int32Array, RecordBatch, RecordBatchOptions,
};
use arrow::datatypes::{DataType, Field, Int32Type, Schema, SchemaRef};
use arrow::error::ArrowError;

use crate::decode::Dictionary;

/// Bytes of texts beyond which a new generation of dictionaries begins, so that neither a column
/// that hardly repeats nor a run without end can fill the memory with them.
pub(super) const MAX_TEXT_BYTES: usize = 64 * 1024 * 1024;

/// Dictionaries whose keys have been translated lately: one for each decoder or partition is
/// enough.
const REMEMBERED: usize = 64;

/// A key that no row has needed yet.
const UNTRANSLATED: i32 = -1;

/// The dictionaries of a table, all of one generation.
pub(super) struct Unifier {
    schema: SchemaRef,
    columns: Vec<Column>,
}

struct Column {
    at: usize,
    dictionary: Dictionary,
    translations: Vec<Translation>,
}

/// What keys of a batch's dictionary are in the table's.
struct Translation {
    values: ArrayRef,
    keys: Vec<i32>,
}

/// The texts of a generation, by column.
pub(super) type Texts = Vec<(usize, ArrayRef)>;

impl Unifier {
    /// For batches of `schema`.
    pub fn new(schema: &Schema) -> Unifier {
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
        Unifier {
            columns: columns.collect(),
            schema: Arc::new(Schema::new(keys.collect::<Vec<_>>())),
        }
    }

    /// The batch with the table's keys in place of texts.
    pub fn take_keys(&mut self, batch: RecordBatch) -> Result<RecordBatch, ArrowError> {
        let (_, mut columns, rows) = batch.into_parts();
        for column in &mut self.columns {
            columns[column.at] = Arc::new(column.keys(columns[column.at].as_dictionary()));
        }
        rebuild(self.schema.clone(), columns, rows)
    }

    /// The schema of batches of keys.
    pub fn keys_schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Bytes of all texts.
    pub fn bytes(&self) -> usize {
        self.columns.iter().map(|column| column.dictionary.bytes()).sum()
    }

    /// The texts so far: each key means what it meant in every batch before.
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
            if known.len() == REMEMBERED {
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

/// Whether a column is one that decoders and queries keep as keys into texts.
fn is_dictionary(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(keys, values) => {
            **keys == DataType::Int32 && **values == DataType::Utf8
        }
        _ => false,
    }
}

/// Gives a batch of keys, which has the columns `projection` of its table, the texts back.
/// `schema` is the one of those columns.
pub(super) fn give_texts(
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

/// A batch of `rows`, also when it has no column.
fn rebuild(
    schema: SchemaRef,
    columns: Vec<ArrayRef>,
    rows: usize,
) -> Result<RecordBatch, ArrowError> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(schema, columns, &options)
}
