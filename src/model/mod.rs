//! The model: the datasets that are read and the tables of the star, declared in a folder.
//!
//! A folder has `model.toml` and SQL files:
//!
//! ```text
//! model.toml          datasets and tables
//! star/               one query per table
//! intermediate/       tables that several queries read
//! accounting/         counts of the records by their outcome
//! lists/              rows with the largest counts of values that the tables do not have
//! checks/             queries that return the rows that violate an invariant
//! analytics/          queries that answer questions
//! report/             figures of the report on a star
//! ```
//!
//! [`Model::read_dir`] reads a folder, [`Model::built_in`] returns the model that is compiled in.
//! All problems of a folder are reported at once, each with file, line, key, reason and remedy.
//!
//! This module depends on no other. It does not know Arrow, SQL engines or warehouses: those who
//! use a model translate its types.

mod built_in;
mod checks;
mod column_type;
mod dataset;
mod folder;
pub mod init;
mod keys;
mod path;
pub mod print;
mod problem;
mod read;
mod reference;
mod report;
mod schema;
mod shape;
mod table;
mod validate;
mod words;

#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use checks::{Check, CheckRule};
pub use column_type::{ColumnType, MAX_PRECISION, TimestampForm};
pub use dataset::{
    Column, Condition, Dataset, Derived, DerivedRule, FingerprintPart, Literal, Records, Required,
};
pub use folder::{Group, ModelError, SqlFile};
pub use path::{Origin, Path, RowsPath, Step};
pub use problem::{Problem, Problems};
pub use reference::reference;
pub use schema::json_schema;
pub use table::{
    Distribution, Join, KeyRole, LocalTo, RedshiftDesign, Reference, Table, TableColumn,
};
pub use validate::{Use as NameUse, is_allowed, snake_case};
pub use words::{MAX_NAME_BYTES, MAX_TABLE_BYTES, in_quotes, is_plain, quoted};

/// A valid model.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Model {
    /// Name of the model.
    pub name: String,
    /// Datasets, in the order in which they are declared.
    pub datasets: Vec<Arc<Dataset>>,
    /// Tables of the star, in the order in which they are built.
    pub tables: Vec<Arc<Table>>,
    /// SQL files, by group: queries of tables in the order of the tables, others in the declared
    /// order, then in the order of their names.
    pub sql: Vec<SqlFile>,
    /// Hash of the folder's files: XXH3-128 in hexadecimal. Equal files have equal hashes.
    pub hash: String,
    /// Declared order of the queries.
    order: Vec<(Group, Vec<String>)>,
}

impl Model {
    /// Returns the dataset called `name`.
    pub fn dataset(&self, name: &str) -> Option<&Arc<Dataset>> {
        self.datasets.iter().find(|dataset| dataset.name == name)
    }

    /// Returns the dataset whose staging table is `table`.
    pub fn dataset_of_staging(&self, table: &str) -> Option<&Arc<Dataset>> {
        self.datasets.iter().find(|dataset| dataset.table == table)
    }

    /// Returns the table called `name`.
    pub fn table(&self, name: &str) -> Option<&Arc<Table>> {
        self.tables.iter().find(|table| table.name == name)
    }

    /// Returns the tables, each after those it references; tables that are free to come next keep
    /// the order in which they are built.
    pub fn load_order(&self) -> Vec<Arc<Table>> {
        // References of a valid model have no cycle.
        table::load_order(&self.tables).unwrap_or_else(|_| self.tables.clone())
    }

    /// Returns the tables that reference others and that no table references: the facts of the star.
    pub fn facts(&self) -> impl Iterator<Item = &Arc<Table>> {
        let is_referenced = |table: &Table| {
            self.tables.iter().flat_map(|t| &t.references).any(|r| r.table == table.name)
        };
        self.tables.iter().filter(move |t| !t.references.is_empty() && !is_referenced(t))
    }

    /// Returns the SQL files of a group, in the order in which they are used.
    pub fn sql_of(&self, group: Group) -> impl Iterator<Item = &SqlFile> {
        self.sql.iter().filter(move |file| file.group == group)
    }

    /// Returns the checks that follow from the declaration: for each table its primary key, NOT
    /// NULL and references, in the order of the tables, and that no record was lost.
    pub fn generated_checks(&self) -> Vec<Check> {
        checks::of_model(self)
    }

    /// Returns all checks: those that are generated, of which a file of the same name replaces the
    /// SQL, and those of the other files. The declared order comes first, then generated checks,
    /// then files.
    pub fn checks(&self) -> Vec<Check> {
        checks::with_files(self)
    }

    /// Returns the declared order of the queries of a group.
    fn declared_order(&self, group: Group) -> &[String] {
        self.order.iter().find(|(of, _)| *of == group).map_or(&[], |(_, names)| names)
    }

    /// Returns the text of a `model.toml` that declares this model, without comments.
    pub fn to_toml(&self) -> String {
        print::model(self)
    }
}
