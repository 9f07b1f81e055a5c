//! The primary key of a drafted table.

use super::columns::{Columns, DraftColumn};
use super::names::is_key_name;
use crate::model::{
    Column, ColumnType, Derived, DerivedRule, NameUse, Required, TableColumn, snake_case,
};

/// Number of rows from which any column without repetitions can be the key. In fewer rows, the key of
/// another table is often not repeated.
const MIN_ROWS: u64 = 1000;

/// The same for columns that are named like the dataset's own key.
const MIN_ROWS_OF_OWN: u64 = 2;

/// Length in bytes of the longest text of a key.
const MAX_KEY_BYTES: usize = 255;

/// Name of the fingerprint that serves as a key.
const FINGERPRINT: &str = "record_id";

/// The primary key of a table.
#[derive(Debug)]
pub(super) enum Key {
    /// A column, by its index.
    Column(usize),
    /// A fingerprint of the columns that have one.
    Fingerprint {
        /// Derived column of the dataset.
        derived: Derived,
        /// Columns that are read again as text, since their own type has no fingerprint.
        texts: Vec<Column>,
        /// Column of the table.
        star: TableColumn,
    },
}

/// Returns the indexes of the columns that can be the key, the best one first.
pub(super) fn candidates(dataset: &str, columns: &[DraftColumn]) -> Vec<usize> {
    let mut found: Vec<usize> = (0..columns.len()).filter(|i| is_candidate(&columns[*i])).collect();
    found.sort_by_key(|index| (rank(dataset, &columns[*index].star.name), *index));
    found
}

fn is_candidate(column: &DraftColumn) -> bool {
    let is_short = column.longest <= MAX_KEY_BYTES;
    let column_type = column.column.column_type;
    column.is_unique
        && is_short
        && matches!(
            column_type,
            ColumnType::Text | ColumnType::SmallInt | ColumnType::Integer | ColumnType::BigInt
        )
}

/// The last rank of columns that are named like the dataset's own key.
const OWN: u8 = 1;

/// Returns the order of a candidate: the name of the dataset with `_id`, `id`, other names of keys,
/// other names.
fn rank(dataset: &str, name: &str) -> u8 {
    let dataset = snake_case(dataset);
    let is_of_dataset = name
        .strip_suffix("_id")
        .is_some_and(|stem| dataset == stem || dataset.strip_suffix('s') == Some(stem));
    match name {
        _ if is_of_dataset => 0,
        "id" | "uuid" | "guid" => 1,
        _ if is_key_name(name) => 2,
        _ => 3,
    }
}

/// Chooses the key of a dataset with `rows` rows, and makes its column required.
pub(super) fn choose(
    dataset: &str,
    candidates: &[usize],
    rows: u64,
    drafted: &mut Columns<'_>,
) -> Key {
    let is_sure = |index: &usize| {
        let is_own = rank(dataset, &drafted.columns[*index].star.name) <= OWN;
        rows >= if is_own { MIN_ROWS_OF_OWN } else { MIN_ROWS }
    };
    match candidates.first().copied().filter(is_sure) {
        Some(index) => {
            let column = &mut drafted.columns[index];
            column.column.required = Required::Always;
            column.star.nullable = false;
            Key::Column(index)
        }
        None => fingerprint(drafted),
    }
}

fn fingerprint(drafted: &mut Columns<'_>) -> Key {
    let read = || drafted.columns.iter().map(|column| &column.column);
    let mut names: Vec<String> = read()
        .filter(|column| column.column_type.is_hashable())
        .map(|column| column.name.clone())
        .collect();
    let mut texts = Vec::new();
    if names.is_empty() {
        let doubles: Vec<Column> = read().cloned().collect();
        for double in doubles {
            let wanted = format!("{}_text", double.name);
            let name = drafted.staging_names.take(&wanted, NameUse::StagingColumn);
            names.push(name.clone());
            texts.push(Column { name, column_type: ColumnType::Text, ..double });
        }
    }
    let derived = Derived {
        name: drafted.staging_names.take(FINGERPRINT, NameUse::StagingColumn),
        rule: DerivedRule::Fingerprint(names),
        when: None,
    };
    let star = TableColumn {
        name: drafted.star_names.take(FINGERPRINT, NameUse::Column),
        column_type: derived.column_type(),
        nullable: false,
        meaning: "fingerprint of the record".to_owned(),
    };
    Key::Fingerprint { derived, texts, star }
}
