//! Tables of the star: columns, keys, order, and their design in a warehouse.

use std::sync::Arc;

use super::column_type::ColumnType;

/// A table of the star.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Name of the table.
    pub name: String,
    /// Description of what one row represents.
    pub grain: String,
    /// Columns, in the order of the Parquet files and the warehouse tables.
    pub columns: Vec<TableColumn>,
    /// Names of the columns of the primary key. Never empty.
    pub primary_key: Vec<String>,
    /// References to the primary keys of other tables.
    pub references: Vec<Reference>,
    /// Names of the columns that the rows are sorted by, ascending. Never empty. See [`Table::order`].
    pub sorted_by: Vec<String>,
    /// Time column of a dataset that divides the table into days, if it is local to them.
    pub local_to: Option<LocalTo>,
    /// Joins with other datasets, if the table is local.
    pub joins: Vec<Join>,
    /// Column of a dataset, if the table depends only on the latest records of each of its values.
    pub latest_of: Option<LocalTo>,
    /// Design of the table in Redshift.
    pub redshift: RedshiftDesign,
}

/// The statement that the rows of a table on a day depend only on the rows of a dataset on that day, and on all
/// rows of the other datasets. The day of a row of the table is that of its first column in `sorted_by`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LocalTo {
    /// Name of the dataset.
    pub dataset: String,
    /// Column of the dataset with the time.
    pub column: String,
}

/// The statement that a row of a dataset affects the rows of a table only through rows with equal values in the
/// dataset to which the table is local.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Join {
    /// Name of the dataset.
    pub dataset: String,
    /// Columns of the dataset.
    pub columns: Vec<String>,
    /// Columns of the dataset to which the table is local, one for each of `columns`.
    pub equal_to: Vec<String>,
}

/// A column of a table of the star.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableColumn {
    /// Name of the column, unique within its table.
    pub name: String,
    /// Type of its values in Parquet and in the warehouse.
    pub column_type: ColumnType,
    /// `true` if the column can contain nulls.
    pub nullable: bool,
    /// Description for people, such as `length in seconds`.
    pub meaning: String,
}

/// A reference: the values of the columns are a primary key of the other table, or one of them is
/// null.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Reference {
    /// Names of the referencing columns, in the order of the primary key of `table`.
    pub columns: Vec<String>,
    /// Name of the referenced table.
    pub table: String,
}

/// The design of a table in Redshift.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedshiftDesign {
    /// Distribution style.
    pub distribution: Distribution,
    /// Names of the columns of the sort key; an empty list leaves the choice to Redshift.
    pub sort_key: Vec<String>,
}

/// The distribution style of a table: how Redshift spreads its rows over a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Distribution {
    /// Chosen by Redshift, which can change it as the table grows.
    Auto,
    /// Round robin.
    Even,
    /// A full copy on every node.
    All,
    /// By the hash of a column.
    Key(String),
}

/// The role of a column in keys, as diagrams show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyRole {
    /// Not part of a key.
    None,
    /// Part of the primary key.
    Primary,
    /// Part of a reference, but not of the primary key.
    Foreign,
}

impl Table {
    /// Returns the names of the columns that determine the order of the rows: those of `sorted_by`, then the other ones
    /// of the primary key, so that the order does not depend on the run.
    pub fn order(&self) -> impl Iterator<Item = &String> {
        let others = self.primary_key.iter().filter(|column| !self.sorted_by.contains(column));
        self.sorted_by.iter().chain(others)
    }

    /// Returns the column called `name`.
    pub fn column(&self, name: &str) -> Option<&TableColumn> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Returns `true` if the column called `name` is part of the primary key.
    pub fn is_primary(&self, name: &str) -> bool {
        self.primary_key.iter().any(|key| key == name)
    }

    /// Returns the reference that consists of the column called `name` alone.
    pub fn reference_of(&self, name: &str) -> Option<&Reference> {
        self.references.iter().find(|reference| reference.columns == [name])
    }

    /// Returns the role of the column called `name`.
    pub fn key_role(&self, name: &str) -> KeyRole {
        let is_part = |reference: &Reference| reference.columns.iter().any(|key| key == name);
        if self.is_primary(name) {
            KeyRole::Primary
        } else if self.references.iter().any(is_part) {
            KeyRole::Foreign
        } else {
            KeyRole::None
        }
    }
}

impl Distribution {
    /// Parses a distribution style; any other text is the name of a column.
    pub fn parse(text: &str) -> Distribution {
        match text {
            "auto" => Distribution::Auto,
            "even" => Distribution::Even,
            "all" => Distribution::All,
            column => Distribution::Key(column.to_owned()),
        }
    }

    /// Returns the distribution style as `model.toml` and `starlift.toml` spell it.
    pub fn name(&self) -> &str {
        match self {
            Distribution::Auto => "auto",
            Distribution::Even => "even",
            Distribution::All => "all",
            Distribution::Key(column) => column,
        }
    }
}

/// Returns the tables, each after those it references; tables that are free to come next are in
/// their order in `tables`. If references form a cycle, returns the names of its tables, beginning
/// with the first in `tables`.
pub(super) fn load_order(tables: &[Arc<Table>]) -> Result<Vec<Arc<Table>>, Vec<String>> {
    let mut waiting: Vec<&Arc<Table>> = tables.iter().collect();
    let mut ordered: Vec<Arc<Table>> = Vec::new();
    while !waiting.is_empty() {
        let is_ready = |table: &&Arc<Table>| {
            table.references.iter().all(|r| !waiting.iter().any(|other| other.name == r.table))
        };
        let Some(next) = waiting.iter().position(is_ready) else {
            return Err(cycle(&waiting));
        };
        ordered.push(waiting.remove(next).clone());
    }
    Ok(ordered)
}

/// Returns a cycle among tables each of which references one of them.
fn cycle(tables: &[&Arc<Table>]) -> Vec<String> {
    let mut walk: Vec<usize> = vec![0];
    loop {
        let last = walk[walk.len() - 1];
        let targets = tables[last].references.iter();
        let next =
            targets.filter_map(|r| tables.iter().position(|table| table.name == r.table)).next();
        let Some(next) = next else { return Vec::new() };
        if let Some(start) = walk.iter().position(|seen| *seen == next) {
            let round = &mut walk[start..];
            let first = (0..round.len()).min_by_key(|i| round[*i]).unwrap_or(0);
            round.rotate_left(first);
            return round.iter().map(|index| tables[*index].name.clone()).collect();
        }
        walk.push(next);
    }
}
