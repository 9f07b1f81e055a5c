//! Staging tables from outside: batches in, the same rows out, from memory and from disk.

use std::sync::Arc;

use arrow::array::{AsArray, DictionaryArray, Int64Array, RecordBatch, StringArray};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Field, Int32Type, Int64Type, Schema, SchemaRef};
use datafusion::execution::memory_pool::{MemoryPool, UnboundedMemoryPool};

use super::*;

fn schema() -> SchemaRef {
    let text = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let fields = [Field::new("n", DataType::Int64, false), Field::new("text", text, true)];
    Arc::new(Schema::new(fields.to_vec()))
}

/// A batch with a dictionary of its own.
fn batch(rows: &[(i64, Option<&str>)]) -> RecordBatch {
    let numbers = Int64Array::from_iter_values(rows.iter().map(|row| row.0));
    let texts: DictionaryArray<Int32Type> = rows.iter().map(|row| row.1).collect();
    RecordBatch::try_new(schema(), vec![Arc::new(numbers), Arc::new(texts)]).unwrap()
}

fn rows(batches: impl IntoIterator<Item = RecordBatch>) -> Vec<(i64, Option<String>)> {
    let batches: Vec<_> = batches.into_iter().collect();
    let row = |batch: &RecordBatch| {
        let texts = cast(batch.column(1), &DataType::Utf8).unwrap();
        let texts: &StringArray = texts.as_string();
        let numbers = batch.column(0).as_primitive::<Int64Type>().values().iter();
        let texts = texts.iter().map(|text| text.map(str::to_owned));
        numbers.copied().zip(texts).collect::<Vec<_>>()
    };
    batches.iter().flat_map(row).collect()
}

/// A table of three batches, of which `bytes` fit into memory.
fn table(bytes: usize, folder: &std::path::Path) -> StagingTable {
    let pool: Arc<dyn MemoryPool> = Arc::new(UnboundedMemoryPool::default());
    let space = StagingSpace::new(&pool, bytes, folder.to_owned());
    fill(StagingTable::new("made_up", schema(), space))
}

fn fill(table: StagingTable) -> StagingTable {
    table.push(batch(&[(3, Some("b")), (1, None)])).unwrap();
    table.push(batch(&[(2, Some("a")), (5, Some("b"))])).unwrap();
    table.push(batch(&[(4, Some(r"a\b")), (0, Some("a"))])).unwrap();
    table
}

fn read(
    table: &StagingTable,
    projection: Option<&Vec<usize>>,
) -> impl Iterator<Item = RecordBatch> {
    let batches = Arc::new(table.batches(projection).unwrap());
    batches.read(Turn::default()).map(Result::unwrap)
}

fn wanted() -> Vec<(i64, Option<String>)> {
    let texts = [Some("a"), None, Some("a"), Some("b"), Some(r"a\b"), Some("b")];
    (0..).zip(texts.map(|text| text.map(str::to_owned))).collect()
}

#[test]
fn what_is_pushed_is_read_back_from_memory_and_from_disk() {
    for bytes in [usize::MAX, 0] {
        let folder = tempfile::tempdir().unwrap();
        let table = table(bytes, folder.path());
        let (batches, turn) = (Arc::new(table.batches(None).unwrap()), Turn::default());
        let mut partitions = [batches.clone().read(turn.clone()), batches.read(turn)];
        let first = partitions[1].next().unwrap().unwrap();
        let rest = partitions.into_iter().flat_map(|batches| batches.map(Result::unwrap));
        let mut found = rows([first].into_iter().chain(rest));
        found.sort();
        assert_eq!(found, wanted());
        let columns = vec![1];
        let texts = read(&table, Some(&columns));
        let texts: Vec<_> = texts.collect();
        let values = |batch: &RecordBatch| batch.column(0).as_any_dictionary().values().clone();
        assert!(texts.iter().all(|batch| Arc::ptr_eq(&values(batch), &values(&texts[0]))));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), usize::from(bytes == 0));
        drop(table);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "files are removed");
    }
}

#[test]
fn rows_in_memory_are_sorted_by_integers() {
    let folder = tempfile::tempdir().unwrap();
    let Sortable::Sorted(sorted) = table(usize::MAX, folder.path()).into_sortable(&[0], 2).unwrap()
    else {
        panic!("not sorted");
    };
    assert_eq!(sorted.rows(), 6);
    let halves = [0..2, 2..6].map(|range| sorted.batch(range).unwrap());
    assert_eq!(rows(halves), wanted());
}

#[test]
fn rows_on_disk_are_left_to_another_sort_as_keys() {
    let folder = tempfile::tempdir().unwrap();
    let Sortable::Keys { table, texts } = table(0, folder.path()).into_sortable(&[0], 2).unwrap()
    else {
        panic!("no keys");
    };
    assert_eq!(*table.schema().field(1).data_type(), DataType::Int32);
    assert_eq!(table.rows(), 6);
    let keys: Vec<_> = read(&table, None).collect();
    let keys = concat_batches(table.schema(), &keys).unwrap();
    let mut found = rows([texts.give(keys).unwrap()]);
    found.sort();
    assert_eq!(found, wanted());
}

#[test]
fn keys_say_nothing_of_the_order_of_texts() {
    let folder = tempfile::tempdir().unwrap();
    let sortable = table(usize::MAX, folder.path()).into_sortable(&[1], 2).unwrap();
    assert!(matches!(sortable, Sortable::Texts(table) if *table.schema() == schema()));
}

#[test]
fn memory_is_given_back() {
    let folder = tempfile::tempdir().unwrap();
    let pool: Arc<dyn MemoryPool> = Arc::new(UnboundedMemoryPool::default());
    let space = StagingSpace::new(&pool, usize::MAX, folder.path().to_owned());
    let table = fill(StagingTable::new("made_up", schema(), space.clone()));
    let staged = space.used();
    assert!(staged > 0);
    let Sortable::Sorted(sorted) = table.into_sortable(&[0], 2).unwrap() else {
        panic!("not sorted");
    };
    assert!(space.used() > staged, "sorting takes memory too");
    drop(sorted);
    assert_eq!(space.used(), 0);
}

#[test]
fn dictionaries_that_grow_too_large_begin_anew() {
    for bytes in [usize::MAX, 0] {
        let folder = tempfile::tempdir().unwrap();
        let pool: Arc<dyn MemoryPool> = Arc::new(UnboundedMemoryPool::default());
        let space = StagingSpace::new(&pool, bytes, folder.path().to_owned());
        let table = StagingTable::new("made_up", schema(), space).with_max_text_bytes(1);
        let table = fill(table);
        let mut found = rows(read(&table, None));
        found.sort();
        assert_eq!(found, wanted());
        let Sortable::Texts(table) = table.into_sortable(&[0], 2).unwrap() else {
            panic!("keys of several dictionaries");
        };
        let mut found = rows(read(&table, None));
        found.sort();
        assert_eq!(found, wanted());
    }
}
