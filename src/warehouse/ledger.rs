//! The ledger of loads: a table beside the star that says which run's tables stand there.
//!
//! A load writes its rows in the transaction that puts the tables in place, so whoever has lost
//! the answer to that COMMIT finds it here.

use super::error::Cause;
use super::quote::{literal, name, qualified};
use super::session::Session;
use super::{Dialect, tables::TableDesign};
use crate::star::model::TABLES;
use crate::warehouse::error::Result;

/// The ledger.
pub const LEDGER: &str = "starlift_loads";

/// An empty table that loaders lock to keep one another out.
pub const LOCK: &str = "starlift_lock";

/// A load, as the ledger has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Counts up from 1.
    pub number: i64,
    /// The load.
    pub load_id: String,
    /// The run whose star was loaded.
    pub run_id: String,
    /// When, by the warehouse's clock.
    pub loaded_at: String,
}

/// The statements that make the bookkeeping tables where there are none.
///
/// # Errors
///
/// If `schema` cannot be a name.
pub fn create(schema: &str) -> Result<[String; 3]> {
    Ok([
        format!("CREATE SCHEMA IF NOT EXISTS {}", name(schema)?),
        format!(
            "CREATE TABLE IF NOT EXISTS {} (\n    \"load_number\" BIGINT NOT NULL,\n    \
             \"load_id\" VARCHAR(64) NOT NULL,\n    \"run_id\" VARCHAR(64) NOT NULL,\n    \
             \"table_name\" VARCHAR(64) NOT NULL,\n    \"row_count\" BIGINT NOT NULL,\n    \
             \"star\" VARCHAR(4096) NOT NULL,\n    \"starlift_version\" VARCHAR(64) NOT NULL,\n    \
             \"loaded_at\" TIMESTAMP NOT NULL\n)",
            qualified(schema, LEDGER)?
        ),
        format!("CREATE TABLE IF NOT EXISTS {} (\"holder\" VARCHAR(64))", qualified(schema, LOCK)?),
    ])
}

/// The statement that enters a load.
///
/// # Errors
///
/// If a value cannot be quoted.
pub fn insert(
    dialect: Dialect,
    schema: &str,
    entry: &NewEntry<'_>,
    rows: impl Fn(&str) -> u64,
) -> Result<String> {
    let now = match dialect {
        Dialect::Redshift => "GETDATE()",
        Dialect::Postgres => "LOCALTIMESTAMP",
    };
    let text = |value: &str| literal(value, dialect);
    let (load_id, run_id) = (text(entry.load_id)?, text(entry.run_id)?);
    let (star, version) = (text(entry.star)?, text(env!("CARGO_PKG_VERSION"))?);
    let mut lines = Vec::new();
    for design in entry.designs {
        let table = design.table.name;
        lines.push(format!(
            "({}, {load_id}, {run_id}, {}, {}, {star}, {version}, {now})",
            entry.number,
            text(table)?,
            rows(table)
        ));
    }
    Ok(format!(
        "INSERT INTO {} (\"load_number\", \"load_id\", \"run_id\", \"table_name\", \"row_count\", \
         \"star\", \"starlift_version\", \"loaded_at\") VALUES\n    {}",
        qualified(schema, LEDGER)?,
        lines.join(",\n    ")
    ))
}

/// A load that is to be entered.
pub struct NewEntry<'a> {
    /// One more than the last.
    pub number: i64,
    /// The load.
    pub load_id: &'a str,
    /// The run whose star is loaded.
    pub run_id: &'a str,
    /// Where the star is.
    pub star: &'a str,
    /// Its tables.
    pub designs: &'a [TableDesign],
}

/// The query for the last load.
///
/// # Errors
///
/// If `schema` cannot be a name.
pub fn last_query(schema: &str) -> Result<String> {
    let ledger = qualified(schema, LEDGER)?;
    Ok(format!(
        "SELECT \"load_number\", \"load_id\", \"run_id\", \"loaded_at\", \"table_name\", \"row_count\" \
         FROM {ledger} WHERE \"load_number\" = (SELECT MAX(\"load_number\") FROM {ledger})"
    ))
}

/// The number of the last load; 0 before the first.
///
/// # Errors
///
/// If the ledger cannot be read or understood.
pub async fn last_number(session: &Session, schema: &str) -> Result<i64> {
    let action = "read the ledger of loads";
    let sql = format!("SELECT MAX(\"load_number\") FROM {}", qualified(schema, LEDGER)?);
    match session.value(action, &sql).await? {
        None => Ok(0),
        Some(number) => number
            .parse()
            .map_err(|_| session.fail(action, Cause::Answer(format!("load {number:?}"))).into()),
    }
}

/// Whether a load is in the ledger.
///
/// # Errors
///
/// If the ledger cannot be read.
pub async fn has(session: &Session, schema: &str, load_id: &str) -> Result<bool> {
    let sql = format!(
        "SELECT COUNT(*) FROM {} WHERE \"load_id\" = {}",
        qualified(schema, LEDGER)?,
        literal(load_id, session.dialect())?
    );
    let count = session.value("read the ledger of loads", &sql).await?;
    Ok(count.is_some_and(|count| count != "0"))
}

/// The last load, and the rows it put into each table.
///
/// # Errors
///
/// If the ledger cannot be read.
pub async fn last(session: &Session, schema: &str) -> Result<Option<(Entry, Vec<(String, u64)>)>> {
    let rows = session.rows("read the ledger of loads", &last_query(schema)?).await?;
    let mut entry = None;
    let mut counts = Vec::new();
    for row in rows {
        let text = |i: usize| row.get(i).cloned().flatten().unwrap_or_default();
        entry = Some(Entry {
            number: text(0).parse().unwrap_or_default(),
            load_id: text(1),
            run_id: text(2),
            loaded_at: text(3),
        });
        counts.push((text(4), text(5).parse().unwrap_or_default()));
    }
    // A ledger whose last load lacks a table was edited by hand; it proves nothing.
    Ok(entry.filter(|_| counts.len() == TABLES.len()).map(|entry| (entry, counts)))
}
