//! The statements that delete and merge rows.

use super::plan::{Days, TableChange};
use crate::model::{ColumnType, Table};
use crate::warehouse::error::Result;
use crate::warehouse::load::statements::Names;
use crate::warehouse::sql::ddl::TableDesign;
use crate::warehouse::sql::quote::{name, qualified};

/// Returns a condition for the rows of a change. `prefix` precedes the name of each column. `TRUE` means all rows.
///
/// # Errors
///
/// Returns an error if a column name is not valid.
pub(super) fn condition(table: &Table, change: &TableChange, prefix: &str) -> Result<String> {
    let Some((column, days)) = &change.days else { return Ok("TRUE".to_owned()) };
    let is_date = table.column(column).is_some_and(|c| c.column_type == ColumnType::Date);
    let (kind, column) = (if is_date { "DATE" } else { "TIMESTAMP" }, name(column)?);
    let range = |days: &Days| {
        let from = format!("{prefix}{column} >= {kind} '{}'", days.from.format("%Y-%m-%d"));
        match days.end {
            None => format!("({from})"),
            Some(end) => {
                format!("({from} AND {prefix}{column} < {kind} '{}')", end.format("%Y-%m-%d"))
            }
        }
    };
    Ok(days.iter().map(range).collect::<Vec<_>>().join("\n    OR "))
}

/// Returns the statement that deletes the rows of a change.
///
/// # Errors
///
/// Returns an error if a name is not valid.
pub(super) fn delete(schema: &str, table: &Table, change: &TableChange) -> Result<String> {
    let target = qualified(schema, &table.name)?;
    match &change.days {
        None => Ok(format!("DELETE FROM {target}")),
        Some(_) => {
            let condition = condition(table, change, "")?;
            Ok(format!("DELETE FROM {target}\nWHERE {condition}"))
        }
    }
}

/// Returns a relation with the rows of a change, as it is in the warehouse.
///
/// # Errors
///
/// Returns an error if a name is not valid.
pub(super) fn changed_rows(schema: &str, table: &Table, change: &TableChange) -> Result<String> {
    let target = qualified(schema, &table.name)?;
    match &change.days {
        None => Ok(target),
        Some(_) => {
            let condition = condition(table, change, "")?;
            Ok(format!("(SELECT * FROM {target} WHERE {condition}) AS changed"))
        }
    }
}

/// The statements that merge the rows of a table that others reference. Its rows cannot be deleted and copied
/// again, because references to them are checked after each statement.
pub(super) struct Merge {
    /// Creates an empty table for the new rows.
    pub create: String,
    /// Updates rows whose key exists, and inserts those whose key does not.
    pub upsert: Vec<String>,
    /// Counts the rows to delete.
    pub count_deleted: String,
    /// Deletes the rows that are not among the new ones, then drops the table of the new rows.
    pub delete: Vec<String>,
}

impl Merge {
    /// Returns the statements for PostgreSQL.
    ///
    /// # Errors
    ///
    /// Returns an error if a name is not valid.
    pub fn new(names: &Names, design: &TableDesign, change: &TableChange) -> Result<Merge> {
        let table = &*design.table;
        let target = qualified(&names.schema, &table.name)?;
        let new = qualified(&names.schema, &names.new_table(&table.name))?;
        let equal = |left: &str, right: &str| {
            let columns = table.primary_key.iter();
            let pairs = columns.map(|column| {
                let column = name(column)?;
                Ok(format!("{left}.{column} = {right}.{column}"))
            });
            Ok::<_, crate::warehouse::error::Error>(
                pairs.collect::<Result<Vec<_>>>()?.join(" AND "),
            )
        };
        let others = table.columns.iter().filter(|column| !table.is_primary(&column.name));
        let others: Vec<String> = others.map(|c| name(&c.name)).collect::<Result<_, _>>()?;
        let mut upsert = Vec::new();
        if !others.is_empty() {
            let of = |relation: &str| {
                let columns = others.iter().map(|column| format!("{relation}.{column}"));
                columns.collect::<Vec<_>>().join(", ")
            };
            let sets = others.iter().map(|column| format!("{column} = n.{column}"));
            upsert.push(format!(
                "UPDATE {target} AS o SET {}\nFROM {new} AS n\nWHERE {} AND ROW({}) IS DISTINCT FROM ROW({})",
                sets.collect::<Vec<_>>().join(", "),
                equal("o", "n")?,
                of("o"),
                of("n"),
            ));
        }
        let columns = design.column_list()?;
        upsert.push(format!(
            "INSERT INTO {target} ({columns})\nSELECT {columns} FROM {new} AS n\nWHERE NOT EXISTS \
             (SELECT 1 FROM {target} AS o WHERE {})",
            equal("o", "n")?
        ));
        let gone = format!(
            "FROM {target} AS o\nWHERE ({})\n    AND NOT EXISTS (SELECT 1 FROM {new} AS n WHERE {})",
            condition(table, change, "o.")?,
            equal("n", "o")?
        );
        Ok(Merge {
            create: format!("CREATE TABLE {new} (LIKE {target})"),
            upsert,
            count_deleted: format!("SELECT COUNT(*) {gone}"),
            delete: vec![format!("DELETE {gone}"), format!("DROP TABLE {new}")],
        })
    }
}
