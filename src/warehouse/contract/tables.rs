//! What the caller expects the warehouse's tables to be, held against Redshift's own limits.

use std::collections::HashSet;

use super::finding::Finding;
use super::rule::Rule;
use crate::star::model::ColumnType;

/// Redshift Developer Guide, r_CREATE_TABLE_NEW.
const MAX_COLUMNS: usize = 1600;
/// In bytes. Redshift Developer Guide, r_names.
const MAX_NAME: usize = 127;
/// In bytes. Redshift Developer Guide, r_Character_types.
const MAX_VARCHAR: u32 = 65_535;
/// What VARCHAR without a length is. Redshift Developer Guide, r_Character_types.
const BARE_VARCHAR: u32 = 256;

/// Columns that every table has by itself. Redshift Developer Guide,
/// c_unsupported-postgresql-features.
const SYSTEM_COLUMNS: [&str; 7] = ["oid", "tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"];

/// A column as the DDL makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedColumn {
    /// Its name.
    pub name: String,
    /// Its type.
    pub column_type: ColumnType,
    /// Whether it may be null.
    pub nullable: bool,
    /// The n of VARCHAR(n), in bytes. Text without it is bare VARCHAR, which is VARCHAR(256).
    pub max_bytes: Option<u32>,
}

/// A table as the DDL makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedTable {
    /// Its name, which is also that of the star's table.
    pub name: String,
    /// Its columns, in order.
    pub columns: Vec<ExpectedColumn>,
}

/// How much of the files is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Reading {
    /// Footers; columns only where nothing else tells. The lengths of texts are the record's, and
    /// U+0000 is seen only in the smallest and greatest values.
    #[default]
    Footers,
    /// Also every text column, for lengths and U+0000.
    Texts,
}

/// What a star is held against.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expected {
    /// The tables to be loaded.
    pub tables: Vec<ExpectedTable>,
    /// The warehouse's region; unless both regions are given they are not compared.
    pub warehouse_region: Option<String>,
    /// The bucket's region.
    pub bucket_region: Option<String>,
    /// How much of the files is read.
    pub reading: Reading,
}

impl ExpectedColumn {
    /// The bytes that a text may have, when it is text.
    pub(super) fn text_limit(&self) -> Option<u32> {
        let is_text = self.column_type == ColumnType::Text;
        is_text.then(|| self.max_bytes.unwrap_or(BARE_VARCHAR).min(MAX_VARCHAR))
    }
}

/// Holds the tables against what Redshift allows of any table.
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
            let problem = format!("a length is given for {}", column.column_type.sql());
            findings.push(Finding::new(Rule::VarcharLength, place, problem));
        }
        Some(bytes) if !(1..=MAX_VARCHAR).contains(&bytes) => {
            let problem = format!("VARCHAR({bytes}) cannot be");
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
            let problem = "another one has the same name in lower case";
            findings.push(Finding::new(Rule::IdentifierUnique, place, problem));
        }
    }
}
