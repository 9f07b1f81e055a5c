//! The contents of the tables in the warehouse: a table that records the hash of each partition.
//!
//! A load changes it in the transaction that changes the tables, so it describes the tables even if a client
//! has lost the response to the COMMIT, or has missed any number of runs.

use std::collections::BTreeMap;

use xxhash_rust::xxh3::xxh3_128;

use crate::star::RunRecord;
use crate::warehouse::Dialect;
use crate::warehouse::connection::session::Session;
use crate::warehouse::error::Result;
use crate::warehouse::load::catalog;
use crate::warehouse::sql::ddl::TableDesign;
use crate::warehouse::sql::quote::{literal, qualified};

/// Name of the table.
pub const PARTITIONS: &str = "starlift_partitions";

/// Number of rows per INSERT.
const ROWS_PER_INSERT: usize = 500;

/// A partition of a table, as it is in the warehouse or in the files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Partition {
    /// Number of rows.
    pub rows: u64,
    /// Hash of the files.
    pub hash: String,
    /// Hash of the definition of the table.
    pub design: String,
}

/// The partitions of the tables, by table and first day. The first day is empty for a table without
/// partitions.
pub(super) type Contents = BTreeMap<(String, String), Partition>;

/// Returns the statement that creates the table if it does not exist.
///
/// # Errors
///
/// Returns an error if `schema` is not a valid name.
pub(in crate::warehouse::load) fn create(schema: &str) -> Result<String> {
    Ok(format!(
        "CREATE TABLE IF NOT EXISTS {} (\n    \"table_name\" VARCHAR(64) NOT NULL,\n    \
         \"first_day\" VARCHAR(16) NOT NULL,\n    \"row_count\" BIGINT NOT NULL,\n    \
         \"hash\" VARCHAR(64) NOT NULL,\n    \"design\" VARCHAR(64) NOT NULL,\n    \
         \"load_number\" BIGINT NOT NULL\n)",
        qualified(schema, PARTITIONS)?
    ))
}

/// Returns the partitions of a star, or `None` if its record lacks their hashes.
///
/// # Errors
///
/// Returns an error if a name is not valid.
pub(super) fn of_star(
    dialect: Dialect,
    record: &RunRecord,
    designs: &[TableDesign],
) -> Result<Option<Contents>> {
    let mut contents = Contents::new();
    for design in designs {
        let name = &design.table.name;
        let Some(table) = record.tables.get(name) else { return Ok(None) };
        let definition = design_hash(dialect, design, &record.options.partition)?;
        for content in table.contents() {
            if content.hash.is_empty() {
                return Ok(None);
            }
            let (hash, design) = (content.hash.to_owned(), definition.clone());
            let partition = Partition { rows: content.rows, hash, design };
            contents.insert((name.clone(), content.from.to_owned()), partition);
        }
    }
    Ok(Some(contents))
}

/// Returns a hash of all that determines the definition of a table in the warehouse, and of its partitioning.
fn design_hash(dialect: Dialect, design: &TableDesign, partitioning: &str) -> Result<String> {
    let mut text = design.create(dialect, "star", str::to_owned, None)?;
    for key in design.add_keys("star", str::to_owned, &[])? {
        text += &key;
    }
    text += partitioning;
    Ok(format!("{:032x}", xxh3_128(text.as_bytes())))
}

/// Reads the partitions in the warehouse. Returns `None` if no load has recorded them.
///
/// # Errors
///
/// Returns an error if the table cannot be read.
pub(super) async fn read(session: &Session, schema: &str) -> Result<Option<Contents>> {
    let sql = format!(
        "SELECT \"table_name\", \"first_day\", \"row_count\", \"hash\", \"design\" FROM {}",
        qualified(schema, PARTITIONS)?
    );
    let rows = session.rows("read the partitions of the tables", &sql).await?;
    let mut contents = Contents::new();
    for row in &rows {
        let text = |at| catalog::text(row, at);
        let Ok(rows) = text(2).parse() else { return Ok(None) };
        let partition = Partition { rows, hash: text(3), design: text(4) };
        contents.insert((text(0), text(1)), partition);
    }
    Ok((!contents.is_empty()).then_some(contents))
}

/// Returns the statements that replace the rows of the partitions `keys` by those of `contents`, or all rows
/// if `keys` is `None`.
///
/// # Errors
///
/// Returns an error if a value cannot be quoted.
pub(super) fn record(
    dialect: Dialect,
    schema: &str,
    contents: &Contents,
    keys: Option<&[(String, String)]>,
    number: i64,
) -> Result<Vec<String>> {
    let table = qualified(schema, PARTITIONS)?;
    let text = |value: &str| literal(value, dialect);
    let mut statements = Vec::new();
    match keys {
        None => statements.push(format!("DELETE FROM {table}")),
        Some(keys) => {
            for keys in keys.chunks(ROWS_PER_INSERT) {
                let conditions = keys.iter().map(|(name, day)| {
                    let (name, day) = (text(name)?, text(day)?);
                    Ok(format!("(\"table_name\" = {name} AND \"first_day\" = {day})"))
                });
                let conditions = conditions.collect::<Result<Vec<_>>>()?.join(" OR ");
                statements.push(format!("DELETE FROM {table} WHERE {conditions}"));
            }
        }
    }
    let is_due = |key: &(String, String)| keys.is_none_or(|keys| keys.contains(key));
    let lines = contents.iter().filter(|(key, _)| is_due(key)).map(|((name, day), partition)| {
        let (name, day, hash) = (text(name)?, text(day)?, text(&partition.hash)?);
        let (rows, design) = (partition.rows, text(&partition.design)?);
        Ok(format!("({name}, {day}, {rows}, {hash}, {design}, {number})"))
    });
    for lines in lines.collect::<Result<Vec<_>>>()?.chunks(ROWS_PER_INSERT) {
        statements.push(format!(
            "INSERT INTO {table} (\"table_name\", \"first_day\", \"row_count\", \"hash\", \"design\", \
             \"load_number\") VALUES\n    {}",
            lines.join(",\n    ")
        ));
    }
    Ok(statements)
}
