//! Tests staging tables through their public interface: batches read back from memory and from disk
//! have the rows that were added.

use std::sync::Arc;

use arrow::array::{AsArray, DictionaryArray, Int64Array, RecordBatch, StringArray};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Field, Int32Type, Int64Type, Schema, SchemaRef};
use datafusion::execution::memory_pool::{MemoryPool, UnboundedMemoryPool};
use datafusion::physical_plan::{collect, displayable};
use datafusion::prelude::{SessionConfig, SessionContext};

use super::scan::BatchCursor;
use super::*;

fn schema() -> SchemaRef {
    let text = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let fields = [Field::new("n", DataType::Int64, false), Field::new("text", text, true)];
    Arc::new(Schema::new(fields.to_vec()))
}

/// Returns a batch with its own dictionary.
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

/// Returns a table of three batches, of which `bytes` bytes fit in memory.
fn table(bytes: usize, folder: &std::path::Path) -> StagingTable {
    let pool: Arc<dyn MemoryPool> = Arc::new(UnboundedMemoryPool::default());
    let space = StagingSpace::new(&pool, bytes, folder.to_owned());
    fill(StagingTable::new("filled", schema(), space))
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
    batches.read(BatchCursor::default()).map(Result::unwrap)
}

fn expected() -> Vec<(i64, Option<String>)> {
    let texts = [Some("a"), None, Some("a"), Some("b"), Some(r"a\b"), Some("b")];
    (0..).zip(texts.map(|text| text.map(str::to_owned))).collect()
}

#[test]
fn batches_are_read_back_from_memory_and_from_disk() {
    for bytes in [usize::MAX, 0] {
        let folder = tempfile::tempdir().unwrap();
        let table = table(bytes, folder.path());
        let (batches, cursor) = (Arc::new(table.batches(None).unwrap()), BatchCursor::default());
        let mut partitions = [batches.clone().read(cursor.clone()), batches.read(cursor)];
        let first = partitions[1].next().unwrap().unwrap();
        let rest = partitions.into_iter().flat_map(|batches| batches.map(Result::unwrap));
        let mut found = rows([first].into_iter().chain(rest));
        found.sort();
        assert_eq!(found, expected());
        let columns = vec![1];
        let texts = read(&table, Some(&columns));
        let texts: Vec<_> = texts.collect();
        let values = |batch: &RecordBatch| batch.column(0).as_any_dictionary().values().clone();
        assert!(texts.iter().all(|batch| Arc::ptr_eq(&values(batch), &values(&texts[0]))));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "files have no names");
    }
}

#[test]
fn rows_in_memory_are_sorted_by_integers() {
    let folder = tempfile::tempdir().unwrap();
    let SortStrategy::InMemory(sorted) = table(usize::MAX, folder.path()).sort(&[0], 2).unwrap()
    else {
        panic!("not sorted");
    };
    assert_eq!(sorted.rows(), 6);
    let halves = [0..2, 2..6].map(|range| sorted.batch(range, None).unwrap());
    assert_eq!(rows(halves), expected());
}

#[tokio::test]
async fn sorted_rows_are_a_table_in_that_order() {
    let folder = tempfile::tempdir().unwrap();
    let sorted = table(usize::MAX, folder.path()).sort(&[0], 3).unwrap();
    let SortStrategy::InMemory(sorted) = sorted else { panic!("not sorted") };
    let session = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(3));
    session.register_table("t", Arc::new(SortedTable(Arc::new(sorted)))).unwrap();
    let whole = session.sql("SELECT * FROM t ORDER BY n").await.unwrap();
    let plan = whole.clone().create_physical_plan().await.unwrap();
    let plan = displayable(&*plan).indent(false).to_string();
    assert!(!plan.contains("SortExec"), "{plan}");
    assert_eq!(rows(whole.collect().await.unwrap()), expected());
    let reordered = session.sql("SELECT n, text FROM (SELECT text, n FROM t) ORDER BY n").await;
    assert_eq!(rows(reordered.unwrap().collect().await.unwrap()), expected());
    let count = session.sql("SELECT COUNT(*) AS n, 'b' AS text FROM t WHERE text = 'b'").await;
    let count = rows(count.unwrap().collect().await.unwrap());
    assert_eq!(count, [(2, Some("b".to_owned()))]);
    let count = session.sql("SELECT COUNT(*) AS n, 'all' AS text FROM t").await;
    let count = rows(count.unwrap().collect().await.unwrap());
    assert_eq!(count, [(6, Some("all".to_owned()))]);
}

#[tokio::test]
async fn a_scan_that_is_run_again_returns_all_rows_again() {
    let folder = tempfile::tempdir().unwrap();
    let session = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(2));
    for (name, bytes) in [("in_memory", usize::MAX), ("on_disk", 0)] {
        session.register_table(name, Arc::new(table(bytes, folder.path()))).unwrap();
        let scan = session.table(name).await.unwrap().create_physical_plan().await.unwrap();
        for _ in 0..2 {
            let mut found = rows(collect(scan.clone(), session.task_ctx()).await.unwrap());
            found.sort();
            assert_eq!(found, expected(), "{name}");
        }
    }
}

#[test]
fn many_rows_are_sorted_alike_on_any_number_of_threads() {
    let order = |threads: usize| {
        let folder = tempfile::tempdir().unwrap();
        let pool: Arc<dyn MemoryPool> = Arc::new(UnboundedMemoryPool::default());
        let space = StagingSpace::new(&pool, usize::MAX, folder.path().to_owned());
        let table = StagingTable::new("t", schema(), space);
        for batch_at in 0..7 {
            let row = |i: i64| ((i * 7919 + batch_at * 31) % 101, Some("x"));
            table.push(batch(&(0..50 + batch_at).map(row).collect::<Vec<_>>())).unwrap();
        }
        let SortStrategy::InMemory(sorted) = table.sort(&[0], threads).unwrap() else {
            panic!("not sorted");
        };
        rows([sorted.batch(0..sorted.rows(), None).unwrap()])
    };
    let one = order(1);
    assert_eq!(one.len(), 371);
    assert!(one.is_sorted());
    for threads in [2, 3, 64] {
        assert_eq!(order(threads), one);
    }
}

#[test]
fn rows_on_disk_are_left_to_another_sort_as_keys() {
    let folder = tempfile::tempdir().unwrap();
    let SortStrategy::SpillingKeys { table, texts } =
        table(0, folder.path()).sort(&[0], 2).unwrap()
    else {
        panic!("no keys");
    };
    assert_eq!(*table.schema().field(1).data_type(), DataType::Int32);
    assert_eq!(table.rows(), 6);
    let keys: Vec<_> = read(&table, None).collect();
    let keys = concat_batches(table.schema(), &keys).unwrap();
    let mut found = rows([texts.decode(keys).unwrap()]);
    found.sort();
    assert_eq!(found, expected());
}

#[test]
fn a_sort_by_text_uses_texts_instead_of_keys() {
    let folder = tempfile::tempdir().unwrap();
    let strategy = table(usize::MAX, folder.path()).sort(&[1], 2).unwrap();
    assert!(matches!(strategy, SortStrategy::SpillingTexts(table) if *table.schema() == schema()));
}

#[test]
fn memory_is_released() {
    let folder = tempfile::tempdir().unwrap();
    let pool: Arc<dyn MemoryPool> = Arc::new(UnboundedMemoryPool::default());
    let space = StagingSpace::new(&pool, usize::MAX, folder.path().to_owned());
    let table = fill(StagingTable::new("t", schema(), space.clone()));
    let staged = space.used();
    assert!(staged > 0);
    let SortStrategy::InMemory(sorted) = table.sort(&[0], 2).unwrap() else {
        panic!("not sorted");
    };
    assert!(space.used() > staged, "sorting takes memory too");
    drop(sorted);
    assert_eq!(space.used(), 0);
}

#[test]
fn dictionaries_that_grow_too_large_start_again() {
    for bytes in [usize::MAX, 0] {
        let folder = tempfile::tempdir().unwrap();
        let pool: Arc<dyn MemoryPool> = Arc::new(UnboundedMemoryPool::default());
        let space = StagingSpace::new(&pool, bytes, folder.path().to_owned());
        let table = StagingTable::new("t", schema(), space).with_max_text_bytes(1);
        let table = fill(table);
        let mut found = rows(read(&table, None));
        found.sort();
        assert_eq!(found, expected());
        let SortStrategy::SpillingTexts(table) = table.sort(&[0], 2).unwrap() else {
            panic!("keys of several dictionaries");
        };
        let mut found = rows(read(&table, None));
        found.sort();
        assert_eq!(found, expected());
    }
}
