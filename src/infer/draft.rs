//! A drafted dataset with its table.

use super::columns::{Columns, DraftArray, DraftColumn};
use super::keys::{self, Key};
use super::names::Names;
use super::text::{counted, number};
use super::tree::{Node, Tree};
use crate::model::{
    Column, NameUse, Origin, Path, Required, RowsPath, TableColumn, is_plain, snake_case,
};

/// Number of arrays of a dataset that become datasets of their own.
const MAX_ARRAYS: usize = 10;

/// A dataset and the table of its rows.
#[derive(Debug)]
pub(super) struct DraftDataset {
    /// Name of the dataset.
    pub name: String,
    /// Name of the staging table.
    pub staging: String,
    /// Name of the table of the star.
    pub table: String,
    /// Array whose elements are the rows.
    pub rows: Option<RowsPath>,
    /// Number of rows seen.
    pub seen: u64,
    /// Columns of the record around the element, for a dataset with `rows`.
    pub outer: Vec<DraftColumn>,
    /// Other columns.
    pub columns: Vec<DraftColumn>,
    /// Primary key. The index of a column is that in `columns`.
    pub key: Key,
    /// Names of the columns that could be the key.
    pub candidates: Vec<String>,
    /// Remarks, such as on values without a column.
    pub notes: Vec<String>,
}

/// The names of a model.
#[derive(Debug, Default)]
pub(super) struct ModelNames {
    datasets: Names,
    /// Tables and staging tables.
    tables: Names,
}

/// Drafts the datasets of an input: that of its records, and one for each array of objects. Returns
/// none if the records have no values.
pub(super) fn datasets(name: &str, tree: &Tree, names: &mut ModelNames) -> Vec<DraftDataset> {
    let columns = Columns::of(&tree.root, Origin::Record);
    let mut drafted = Vec::new();
    let mut arrays = Vec::new();
    if let Some((dataset, found)) = dataset(name, None, &tree.root, columns, names) {
        drafted.push(dataset);
        arrays = found;
    }
    for array in arrays.iter().take(MAX_ARRAYS) {
        let child = array_dataset(name, array, drafted.first(), names);
        if let Some(parent) = drafted.first_mut() {
            parent.notes.push(array_note(array, child.as_ref()));
        }
        drafted.extend(child);
    }
    if let (Some(parent), true) = (drafted.first_mut(), arrays.len() > MAX_ARRAYS) {
        let rest = counted(number(arrays.len() - MAX_ARRAYS), "array");
        parent.notes.push(format!("{rest} of objects more, which have no dataset here"));
    }
    drafted
}

/// Drafts a dataset, and returns it with its arrays of objects. `None` if there are no columns.
fn dataset<'t>(
    name: &str,
    rows: Option<RowsPath>,
    root: &Node,
    mut columns: Columns<'t>,
    names: &mut ModelNames,
) -> Option<(DraftDataset, Vec<DraftArray<'t>>)> {
    if columns.columns.is_empty() {
        return None;
    }
    let name = names.datasets.take(name, NameUse::Dataset);
    let seen = root.profile.objects;
    let candidates = keys::candidates(&name, &columns.columns);
    let key = keys::choose(&name, &candidates, seen, &mut columns);
    let named = candidates.iter().map(|index| columns.columns[*index].column.name.clone());
    let candidates = named.collect();
    let staging = names.tables.take(&format!("staging_{name}"), NameUse::StagingTable);
    let table = names.tables.take(&snake_case(&name), NameUse::Table);
    let Columns { columns, arrays, notes, .. } = columns;
    let outer = Vec::new();
    Some((
        DraftDataset { name, staging, table, rows, seen, outer, columns, key, candidates, notes },
        arrays,
    ))
}

/// Drafts the dataset of the elements of an array, with the key of the record around them.
fn array_dataset(
    name: &str,
    array: &DraftArray<'_>,
    parent: Option<&DraftDataset>,
    names: &mut ModelNames,
) -> Option<DraftDataset> {
    let rows = RowsPath { steps: array.steps.clone() };
    let mut columns = Columns::of(array.elements, Origin::Element);
    if columns.columns.is_empty() {
        return None;
    }
    let outer = parent.and_then(|parent| outer_column(parent, &mut columns));
    if let Some(outer) = outer {
        columns.columns.push(outer);
    }
    let path = Path { origin: Origin::Record, steps: array.steps.clone() }.to_string();
    let path = path.trim_start_matches('$').replace(|c: char| !c.is_ascii_alphanumeric(), "_");
    let (mut child, arrays) =
        dataset(&format!("{name}{path}"), Some(rows), array.elements, columns, names)?;
    child.notes.extend(arrays.iter().map(|array| {
        let path = Path { origin: Origin::Element, steps: array.steps.clone() };
        format!("{path}: an array within an array, which has no column")
    }));
    let is_outer = |column: &DraftColumn| column.column.path.origin == Origin::Record;
    // The outer column is the last one, so the indexes of the others stay the same.
    if child.columns.last().is_some_and(is_outer) {
        child.outer.extend(child.columns.pop());
    }
    Some(child)
}

/// Returns the column with the key of the record around an element.
fn outer_column(parent: &DraftDataset, columns: &mut Columns<'_>) -> Option<DraftColumn> {
    let Key::Column(index) = parent.key else { return None };
    let key = &parent.columns[index];
    let is_general = !key.star.name.contains('_');
    let wanted = if is_general {
        format!("{}_{}", parent.name, key.column.name)
    } else {
        key.column.name.clone()
    };
    let name = columns.staging_names.take(&wanted, NameUse::StagingColumn);
    let star_name = columns.star_names.take(&wanted, NameUse::Column);
    Some(DraftColumn {
        column: Column { name, required: Required::Always, ..key.column.clone() },
        star: TableColumn { name: star_name, nullable: false, ..key.star.clone() },
        seen: format!("the key of the record, as in the dataset {}", parent.name),
        is_unique: false,
        longest: key.longest,
    })
}

fn array_note(array: &DraftArray<'_>, dataset: Option<&DraftDataset>) -> String {
    let path = Path { origin: Origin::Record, steps: array.steps.clone() };
    let elements = counted(array.elements.profile.objects, "element");
    match dataset {
        Some(dataset) => {
            format!("{path}: an array of objects ({elements}), see the dataset {}", dataset.name)
        }
        None => format!("{path}: an array of objects ({elements}) without columns"),
    }
}

impl DraftDataset {
    /// Returns all columns that are read from the record, in their order.
    pub fn all_columns(&self) -> impl Iterator<Item = &DraftColumn> {
        self.outer.iter().chain(&self.columns)
    }

    /// Returns the name of the key in the staging table, and in the table of the star.
    pub fn key_names(&self) -> (&str, &str) {
        match &self.key {
            Key::Column(index) => {
                let column = &self.columns[*index];
                (&column.column.name, &column.star.name)
            }
            Key::Fingerprint { derived, star, .. } => (&derived.name, &star.name),
        }
    }

    /// Returns `true` if the name of the staging table is not the default one.
    pub fn has_own_staging_name(&self) -> bool {
        self.staging != format!("staging_{}", self.name)
    }
}

/// Returns `true` if a model accepts the name for a dataset.
pub(super) fn is_dataset_name(name: &str) -> bool {
    is_plain(name) && crate::model::is_allowed(name, NameUse::Dataset)
}
