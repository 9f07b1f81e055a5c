//! The caller's expectations of the warehouse's tables, and their check against Redshift's limits.

use std::collections::HashSet;

use super::finding::Finding;
use super::rule::Rule;
use crate::star::model::ColumnType;
use crate::warehouse::sql::ddl::TableDesign;
use crate::warehouse::sql::limits::{
    BARE_VARCHAR, MAX_COLUMNS, MAX_NAME, MAX_VARCHAR, SYSTEM_COLUMNS,
};

/// A column as the DDL defines it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedColumn {
    /// Name of the column, unquoted.
    pub name: String,
    /// Type of the column in the warehouse.
    pub column_type: ColumnType,
    /// `true` if the column can be null.
    pub nullable: bool,
    /// The n of VARCHAR(n), in bytes. `None` for text means a bare VARCHAR, which is VARCHAR(256).
    pub max_bytes: Option<u32>,
}

/// A table as the DDL defines it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedTable {
    /// Name of the table, the same in the star and in the warehouse.
    pub name: String,
    /// Columns in the order of the table.
    pub columns: Vec<ExpectedColumn>,
}

/// Amount of data to read from the files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Reading {
    /// Footers, and columns only if the footers are not enough. Text lengths come from the record,
    /// and U+0000 is detected only in the minimum and maximum values.
    #[default]
    Footers,
    /// Also every text column, to check lengths and U+0000.
    Texts,
}

/// Expectations that a star is checked against.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expected {
    /// Tables to load.
    pub tables: Vec<ExpectedTable>,
    /// AWS region of the warehouse. Regions are compared only if both are known.
    pub warehouse_region: Option<String>,
    /// AWS region of the bucket.
    pub bucket_region: Option<String>,
    /// Amount of data to read from the files.
    pub reading: Reading,
}

impl From<&TableDesign> for ExpectedTable {
    fn from(design: &TableDesign) -> ExpectedTable {
        let columns = design.table.columns.iter().map(|column| ExpectedColumn {
            name: column.name.to_owned(),
            column_type: column.column_type,
            nullable: column.nullable,
            max_bytes: design.lengths.get(&*column.name).copied(),
        });
        ExpectedTable { name: design.table.name.to_owned(), columns: columns.collect() }
    }
}

impl ExpectedColumn {
    /// Returns the maximum length in bytes of a text column, or `None` for other types.
    pub(super) fn text_limit(&self) -> Option<u32> {
        let is_text = self.column_type == ColumnType::Text;
        is_text.then(|| self.max_bytes.unwrap_or(BARE_VARCHAR).min(MAX_VARCHAR))
    }
}

/// Checks the tables against the limits that Redshift sets for any table.
pub(super) fn check(tables: &[ExpectedTable]) -> Vec<Finding> {
    let mut findings = Vec::new();
    unique(tables.iter().map(|table| (table.name.clone(), &table.name)), &mut findings);
    for table in tables {
        name_length(&table.name, &table.name, &mut findings);
        let columns = table.columns.len();
        if columns == 0 || columns > MAX_COLUMNS {
            let problem = format!("it has {columns} columns");
            findings.push(Finding::new(Rule::TableColumns, &table.name, problem));
        }
        let place = |column: &ExpectedColumn| format!("{}.{}", table.name, column.name);
        unique(table.columns.iter().map(|c| (place(c), &c.name)), &mut findings);
        for column in &table.columns {
            check_column(&place(column), column, &mut findings);
        }
    }
    findings
}

fn check_column(place: &str, column: &ExpectedColumn, findings: &mut Vec<Finding>) {
    name_length(place, &column.name, findings);
    if SYSTEM_COLUMNS.contains(&column.name.to_lowercase().as_str()) {
        let problem = format!("{} is a system column", column.name);
        findings.push(Finding::new(Rule::SystemColumn, place, problem));
    }
    match column.max_bytes {
        Some(_) if column.column_type != ColumnType::Text => {
            let problem = format!("a length is specified for {}", column.column_type.sql());
            findings.push(Finding::new(Rule::VarcharLength, place, problem));
        }
        Some(bytes) if !(1..=MAX_VARCHAR).contains(&bytes) => {
            let problem = format!("VARCHAR({bytes}) is not valid");
            findings.push(Finding::new(Rule::VarcharLength, place, problem));
        }
        _ => {}
    }
}

fn name_length(place: &str, name: &str, findings: &mut Vec<Finding>) {
    if name.is_empty() || name.len() > MAX_NAME {
        let problem = format!("the name has {} bytes", name.len());
        findings.push(Finding::new(Rule::IdentifierLength, place, problem));
    }
}

fn unique<'a>(names: impl Iterator<Item = (String, &'a String)>, findings: &mut Vec<Finding>) {
    let mut seen = HashSet::new();
    for (place, name) in names {
        if !seen.insert(name.to_lowercase()) {
            let problem = "another one has the same name in lowercase";
            findings.push(Finding::new(Rule::IdentifierUnique, place, problem));
        }
    }
}
