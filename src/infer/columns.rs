//! Columns drafted from the paths of a dataset.

use super::distinct::MAX_DISTINCT;
use super::names::Names;
use super::profile::Profile;
use super::text::{counted, grouped, number, share};
use super::tree::Node;
use super::types::{Typed, choose, is_repetitive};
use crate::model::{Column, ColumnType, NameUse, Origin, Path, Required, Step, TableColumn};

/// A column of a staging table, with that of the star.
#[derive(Debug)]
pub(super) struct DraftColumn {
    /// Column of the dataset.
    pub column: Column,
    /// Column of the table.
    pub star: TableColumn,
    /// Description of the values seen.
    pub seen: String,
    /// `true` if each row has a value, and no value was seen twice.
    pub is_unique: bool,
    /// Length of the longest text, in bytes.
    pub longest: usize,
}

/// An array whose elements are objects.
#[derive(Debug)]
pub(super) struct DraftArray<'t> {
    /// Steps from the record to the array.
    pub steps: Vec<Step>,
    /// Profile of the elements of all arrays at this path.
    pub elements: &'t Node,
}

/// The columns of a dataset, and what is not a column.
#[derive(Debug)]
pub(super) struct Columns<'t> {
    pub columns: Vec<DraftColumn>,
    /// Arrays of objects.
    pub arrays: Vec<DraftArray<'t>>,
    /// Values without a column, with the reason.
    pub notes: Vec<String>,
    /// Names of the staging columns.
    pub staging_names: Names,
    /// Names of the columns of the table.
    pub star_names: Names,
    origin: Origin,
    rows: u64,
}

impl<'t> Columns<'t> {
    /// Drafts the columns of the objects at `root`, whose paths begin at `origin`.
    pub fn of(root: &'t Node, origin: Origin) -> Columns<'t> {
        let mut columns = Columns {
            columns: Vec::new(),
            arrays: Vec::new(),
            notes: Vec::new(),
            staging_names: Names::default(),
            star_names: Names::default(),
            origin,
            rows: root.profile.objects,
        };
        columns.visit(root, &mut Vec::new());
        columns
    }

    fn visit(&mut self, node: &'t Node, steps: &mut Vec<Step>) {
        if node.left_out > 0 {
            let path = self.path(steps);
            let values = counted(node.left_out, "value");
            self.notes.push(format!("{path}: {values} below it were not examined"));
        }
        for (key, child) in &node.children {
            steps.push(Step::Key(key.clone()));
            self.visit_child(key, child, steps);
            steps.pop();
        }
    }

    fn visit_child(&mut self, key: &str, node: &'t Node, steps: &mut Vec<Step>) {
        let seen = &node.profile;
        let scalars = seen.booleans + seen.numbers + seen.texts + seen.empty;
        match (seen.objects > 0, seen.arrays > 0, scalars > 0) {
            (true, false, false) if node.is_map => {
                self.note(steps, "an object with other keys in each record, which have no columns")
            }
            (true, false, false) if node.children.is_empty() && node.left_out == 0 => {
                self.note(steps, "an object without keys")
            }
            (true, false, false) => self.visit(node, steps),
            (false, true, false) => self.visit_array(node, steps),
            (false, false, _) => match choose(key, seen) {
                Some(typed) => self.add(typed, seen, steps),
                None => self.note_mixed(seen, steps),
            },
            _ => self.note_mixed(seen, steps),
        }
    }

    fn visit_array(&mut self, node: &'t Node, steps: &[Step]) {
        let arrays = share(node.profile.arrays, self.rows);
        let elements = node.elements.as_deref();
        let only_objects = |node: &&Node| {
            let seen = &node.profile;
            seen.objects > 0 && seen.objects == seen.present && !node.is_map
        };
        match elements.filter(only_objects) {
            Some(elements) if self.origin == Origin::Record => {
                self.arrays.push(DraftArray { steps: steps.to_vec(), elements });
            }
            Some(_) => self.note(steps, "an array within an array, which has no column"),
            None => {
                let elements = elements.map_or(0, |elements| elements.profile.present);
                let elements = counted(elements, "element");
                self.note(
                    steps,
                    &format!(
                        "an array in {arrays} of the rows ({elements}), which has no column; a \
                         dataset with rows = \"{}[*]\" reads its elements",
                        self.path(steps)
                    ),
                );
            }
        }
    }

    fn add(&mut self, typed: Typed, seen: &Profile, steps: &[Step]) {
        let keys: Vec<&str> = steps
            .iter()
            .filter_map(|step| match step {
                Step::Key(key) => Some(key.as_str()),
                Step::Index(_) => None,
            })
            .collect();
        let wanted = keys.join("_");
        let name = self.staging_names.take(&wanted, NameUse::StagingColumn);
        let star_name = self.star_names.take(&wanted, NameUse::Column);
        let is_text = typed.column_type == ColumnType::Text;
        let is_complete = seen.values() == self.rows;
        self.columns.push(DraftColumn {
            seen: describe(seen, self.rows, &typed.notes),
            is_unique: is_complete && !seen.distinct.is_repeated(),
            longest: seen.longest,
            star: TableColumn {
                name: star_name,
                column_type: typed.column_type,
                nullable: true,
                meaning: String::new(),
            },
            column: Column {
                name,
                path: Path { origin: self.origin, steps: steps.to_vec() },
                column_type: typed.column_type,
                form: typed.form,
                required: Required::Never,
                null_if: vec![String::new()],
                repetitive: is_text && is_repetitive(seen, self.rows),
            },
        });
    }

    fn note_mixed(&mut self, seen: &Profile, steps: &[Step]) {
        let kinds = [
            (seen.booleans, "boolean"),
            (seen.numbers, "number"),
            (seen.texts + seen.empty, "text"),
            (seen.objects, "object"),
            (seen.arrays, "array"),
        ];
        let kinds = kinds.iter().filter(|(count, _)| *count > 0);
        let kinds: Vec<String> = kinds.map(|(count, kind)| counted(*count, kind)).collect();
        let mut note = format!("no type accepts all values ({})", kinds.join(", "));
        if let Some(column_type) = most_frequent(seen) {
            let path = self.path(steps);
            note += &format!(
                "; a column {{ type = \"{column_type}\", path = \"{path}\" }} would reject the others"
            );
        }
        self.note(steps, &note);
    }

    fn note(&mut self, steps: &[Step], what: &str) {
        self.notes.push(format!("{}: {what}", self.path(steps)));
    }

    fn path(&self, steps: &[Step]) -> String {
        Path { origin: self.origin, steps: steps.to_vec() }.to_string()
    }
}

/// Returns the type that accepts most of the values, if it accepts at least nine in ten.
fn most_frequent(seen: &Profile) -> Option<ColumnType> {
    let texts = seen.numbers + seen.texts;
    [
        (seen.integers, ColumnType::BigInt),
        (seen.numeric, ColumnType::Double),
        (seen.booleans, ColumnType::Boolean),
        (texts, ColumnType::Text),
    ]
    .into_iter()
    .find(|(accepted, _)| *accepted > 0 && accepted.saturating_mul(10) >= seen.values() * 9)
    .map(|(_, column_type)| column_type)
}

/// Describes the values of a column, without showing any.
fn describe(seen: &Profile, rows: u64, notes: &[String]) -> String {
    let missing = rows.saturating_sub(seen.present);
    let without = [(missing, "missing"), (seen.nulls, "null"), (seen.empty, "\"\"")];
    let without = without.iter().filter(|(count, _)| *count > 0);
    let mut parts: Vec<String> =
        without.map(|(count, what)| format!("{} {what}", share(*count, rows))).collect();
    if parts.is_empty() {
        parts.push("0 % null".to_owned());
    }
    parts.push(match seen.distinct.count() {
        Some(count) => format!("{} distinct", grouped(number(count))),
        None => format!("more than {} distinct", grouped(number(MAX_DISTINCT))),
    });
    parts.extend(notes.iter().cloned());
    parts.join("; ")
}
