//! Compares the decoder with an independent interpretation of random datasets and records.
//!
//! The interpretation knows the values of a record before they are printed; that the printed text
//! means these values is compared with serde_json.

pub(super) mod dataset;
mod expected;
pub(super) mod json;
pub(super) mod records;

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float64Type, Int16Type, Int32Type, Int64Type,
    TimestampMicrosecondType,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::declared::declared;
use super::*;
use crate::model::Column;
use expected::Cell;
use json::Json;
use records::Input;

/// Choices that a random dataset, record or cut depends on. The first alternative of each choice is
/// the simplest one, and follows when the choices are exhausted.
#[derive(Debug)]
pub(super) struct Choices(std::vec::IntoIter<u32>);

impl Choices {
    /// Returns a number below `end`.
    pub(super) fn below(&mut self, end: usize) -> usize {
        self.0.next().unwrap_or(0) as usize % end
    }

    /// Returns `true` in one of `n` cases.
    pub(super) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == n - 1
    }

    pub(super) fn of<T: Clone>(&mut self, alternatives: &[T]) -> T {
        alternatives[self.below(alternatives.len())].clone()
    }
}

pub(super) fn choices() -> impl Strategy<Value = Choices> {
    vec(any::<u32>(), 0..3000).prop_map(|choices| Choices(choices.into_iter()))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn rows_and_rejects_follow_from_the_declaration(mut choices in choices()) {
        let text = dataset::text(&mut choices);
        let dataset = declared(&text);
        let input = records::input(&mut choices, &dataset);
        let kept: Vec<&str> = dataset.column_names().filter(|_| !choices.one_in(6)).collect();
        let found = decode(&mut choices, &dataset, &kept, &input.text);
        let (mut rows, rejects) = expected(&dataset, &kept, &input);
        if dataset.partition.is_some() {
            rows.sort();
        }
        prop_assert_eq!(&found.rows, &rows, "rows of {}\n{}", text, input.text);
        prop_assert_eq!(&found.rejects, &rejects, "rejects of {}\n{}", text, input.text);
        let decoded = (input.records.len() - rejects.len()) as u64;
        let counts = (found.counts.bytes, found.counts.decoded, found.counts.rejected);
        prop_assert_eq!(counts, (input.text.len() as u64, decoded, rejects.len() as u64));
    }

    #[test]
    fn the_text_of_a_record_means_its_values(mut choices in choices()) {
        let dataset = declared(&dataset::text(&mut choices));
        for record in records::records(&mut choices, &dataset) {
            let text = record.print(&mut choices);
            match serde_json::from_str(&text) {
                Ok(read) => prop_assert!(record.is_read_as(&read), "{}", text),
                // serde_json reads numbers as doubles, JSON does not limit them.
                Err(error) => prop_assert!(
                    error.to_string().starts_with("number out of range"), "{} {}", error, text
                ),
            }
        }
    }
}

/// Adds the kinds of values and rejects that an input should have to `counts`.
fn count(counts: &mut BTreeMap<String, u32>, dataset: &Dataset, record: &Json) {
    let mut add = |kind: String| *counts.entry(kind).or_default() += 1;
    let kind = |column: &Column| match column.form {
        Some(form) => form.name().to_owned(),
        None => column.column_type.to_string(),
    };
    match expected::rows(dataset, record) {
        Err(None) => add("reject of record".to_owned()),
        Err(Some(name)) => {
            add(format!("reject of {}", kind(dataset.column(&name).unwrap().1)));
        }
        Ok(rows) => {
            for row in &rows {
                let columns = dataset.columns.iter().map(kind);
                let derived = dataset.derived.iter().map(|_| "fingerprint".to_owned());
                for (kind, cell) in columns.chain(derived).zip(row) {
                    let found = if *cell == Cell::Null { "null" } else { "value" };
                    add(format!("{found} of {kind}"));
                }
            }
            let origin = if dataset.rows.is_some() { "elements" } else { "record" };
            add(format!("{} rows of {origin}", rows.len().min(2)));
        }
    }
}

#[test]
fn random_inputs_have_values_and_rejects_of_every_kind() {
    let mut runner = TestRunner::deterministic();
    let mut counts = BTreeMap::new();
    for _ in 0..400 {
        let mut choices = choices().new_tree(&mut runner).unwrap().current();
        let dataset = declared(&dataset::text(&mut choices));
        for record in records::records(&mut choices, &dataset) {
            count(&mut counts, &dataset, &record);
        }
    }
    let types = dataset::TYPES.iter().filter(|name| **name != "timestamp").chain(&dataset::FORMS);
    let kinds =
        types.flat_map(|name| ["reject", "null", "value"].map(|kind| format!("{kind} of {name}")));
    let others =
        ["reject of record", "null of fingerprint", "value of fingerprint", "1 rows of record"];
    let rows = ["0 rows of elements", "1 rows of elements", "2 rows of elements"];
    for kind in kinds.chain(others.into_iter().chain(rows).map(str::to_owned)) {
        let count = counts.get(&kind).copied().unwrap_or_default();
        assert!(count >= 10, "{kind} occurs {count} times: {counts:#?}");
    }
}

/// The outcome of decoding an object.
struct Found {
    /// The values of each row; sorted if the dataset has a partition.
    rows: Vec<String>,
    /// The column of each reject.
    rejects: Vec<Option<String>>,
    counts: ObjectCounts,
}

/// Decodes `text`, cut anywhere, into the columns called `kept`.
fn decode(choices: &mut Choices, dataset: &Arc<Dataset>, kept: &[&str], text: &str) -> Found {
    let columns = StagedColumns::of(dataset, |name| kept.contains(&name));
    let mut decoder = Decoder::new(columns, FieldPaths::of(dataset));
    let mut object = ObjectState::new("object".into());
    let mut rest = text.as_bytes();
    let longest = choices.of(&[text.len().max(1), 1, 3, 20, 400]);
    while !rest.is_empty() {
        let length = longest - choices.below(longest);
        let (chunk, after) = rest.split_at(length.min(rest.len()));
        decoder.feed(&mut object, chunk).unwrap();
        rest = after;
    }
    let counts = decoder.finish(object).unwrap();
    decoder.flush().unwrap();
    let batches = decoder.take_rows();
    let batches = batches.iter().map(|batch| (0..batch.num_rows()).map(|row| line(batch, row)));
    let mut rows: Vec<String> = batches.flatten().collect();
    if dataset.partition.is_some() {
        rows.sort();
    }
    let rejects = decoder.take_rejects();
    let columns = rejects.iter().flat_map(|batch| {
        let columns = batch.column_by_name("column").unwrap().as_string::<i32>().iter();
        columns.map(|column| column.map(str::to_owned))
    });
    Found { rows, rejects: columns.collect(), counts }
}

/// Returns the row of a batch as the text of its cells.
pub(super) fn line(batch: &RecordBatch, row: usize) -> String {
    format!("{:?}", batch.columns().iter().map(|column| cell(column, row)).collect::<Vec<_>>())
}

fn cell(column: &ArrayRef, row: usize) -> Cell {
    if column.is_null(row) {
        return Cell::Null;
    }
    match column.data_type() {
        DataType::Boolean => Cell::Boolean(column.as_boolean().value(row)),
        DataType::Int16 => Cell::Integer(column.as_primitive::<Int16Type>().value(row).into()),
        DataType::Int32 => Cell::Integer(column.as_primitive::<Int32Type>().value(row).into()),
        DataType::Int64 => Cell::Integer(column.as_primitive::<Int64Type>().value(row)),
        DataType::Date32 => Cell::Integer(column.as_primitive::<Date32Type>().value(row).into()),
        DataType::Timestamp(..) => {
            Cell::Integer(column.as_primitive::<TimestampMicrosecondType>().value(row))
        }
        DataType::Float64 => Cell::Double(column.as_primitive::<Float64Type>().value(row)),
        DataType::Decimal128(..) => {
            Cell::Decimal(column.as_primitive::<Decimal128Type>().value(row))
        }
        _ => {
            Cell::Text(cast(column, &DataType::Utf8).unwrap().as_string::<i32>().value(row).into())
        }
    }
}

/// Returns the rows and the columns of the rejects that an input should have.
fn expected(dataset: &Dataset, kept: &[&str], input: &Input) -> (Vec<String>, Vec<Option<String>>) {
    let names: Vec<&str> = dataset.column_names().collect();
    let (mut rows, mut rejects) = (Vec::new(), Vec::new());
    for (record, is_misplaced) in &input.records {
        let outcome = if *is_misplaced { Err(None) } else { expected::rows(dataset, record) };
        match outcome {
            Err(column) => rejects.push(column),
            Ok(found) => rows.extend(found.iter().map(|row| {
                let cells = names.iter().zip(row).filter(|(name, _)| kept.contains(name));
                format!("{:?}", cells.map(|(_, cell)| cell).collect::<Vec<_>>())
            })),
        }
    }
    (rows, rejects)
}
