//! The ledger of loads: a table in the star's schema that records which run's tables are loaded
//! there.
//!
//! A load inserts its rows in the same transaction that swaps the tables in, so a client that lost
//! the response to the COMMIT can look up the outcome here.

use crate::warehouse::Dialect;
use crate::warehouse::connection::session::Session;
use crate::warehouse::error::Cause;
use crate::warehouse::error::Result;
use crate::warehouse::load::catalog;
use crate::warehouse::sql::ddl::TableDesign;
use crate::warehouse::sql::quote::{literal, name, qualified};

/// Name of the ledger table.
pub const LEDGER: &str = "starlift_loads";

/// Name of an empty table that loads lock to exclude each other.
pub const LOCK: &str = "starlift_lock";

/// A load, as recorded in the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Sequence number of the load, from 1.
    pub number: i64,
    /// Unique identifier of the load.
    pub load_id: String,
    /// Identifier of the run whose star was loaded.
    pub run_id: String,
    /// Time of the load, by the warehouse's clock.
    pub loaded_at: String,
}

/// A load of all tables of a star.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastLoad {
    /// Sequence number of the load, from 1.
    pub number: i64,
    /// Identifier of the run whose star was loaded.
    pub run_id: String,
    /// Time of the load in UTC, by the warehouse's clock.
    pub loaded_at: String,
    /// Number of rows of all tables.
    pub rows: i64,
    /// Location of the star.
    pub star: String,
}

/// Maximum number of loads that [`loads`] returns.
const MAX_LOADS: usize = 100;

/// Returns the latest loads, latest first; none if nothing was loaded into the schema yet.
///
/// # Errors
///
/// Returns an error if the ledger cannot be read.
pub async fn loads(session: &Session, schema: &str) -> Result<Vec<PastLoad>> {
    if !catalog::has_table(session, schema, LEDGER).await? {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT \"load_number\", \"run_id\", MAX(\"loaded_at\"), SUM(\"row_count\"), \
         MAX(\"star\") FROM {} \
         GROUP BY \"load_number\", \"run_id\" ORDER BY \"load_number\" DESC LIMIT {MAX_LOADS}",
        qualified(schema, LEDGER)?
    );
    let rows = session.rows("read the ledger of loads", &sql).await?;
    let load = |row: &Vec<Option<String>>| PastLoad {
        number: catalog::text(row, 0).parse().unwrap_or_default(),
        run_id: catalog::text(row, 1),
        loaded_at: catalog::text(row, 2),
        rows: catalog::text(row, 3).parse().unwrap_or_default(),
        star: catalog::text(row, 4),
    };
    Ok(rows.iter().map(load).collect())
}

/// Returns the statements that create the schema, the ledger and the lock table if they do not
/// exist.
///
/// # Errors
///
/// Returns an error if `schema` is not a valid name.
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

/// Returns the statement that inserts a load into the ledger, one row per table. `rows` returns the
/// row count of a table.
///
/// # Errors
///
/// Returns an error if a value cannot be quoted.
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
        let table = &design.table.name;
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

/// A load to insert into the ledger.
pub struct NewEntry<'a> {
    /// Sequence number, one more than that of the previous load.
    pub number: i64,
    /// Unique identifier of the load.
    pub load_id: &'a str,
    /// Identifier of the run whose star is loaded.
    pub run_id: &'a str,
    /// Location of the star, such as its URL.
    pub star: &'a str,
    /// Tables of the load.
    pub designs: &'a [TableDesign],
}

/// Returns the query for the latest load.
///
/// # Errors
///
/// Returns an error if `schema` is not a valid name.
pub fn last_query(schema: &str) -> Result<String> {
    let ledger = qualified(schema, LEDGER)?;
    Ok(format!(
        "SELECT \"load_number\", \"load_id\", \"run_id\", \"loaded_at\", \"table_name\", \"row_count\" \
         FROM {ledger} WHERE \"load_number\" = (SELECT MAX(\"load_number\") FROM {ledger})"
    ))
}

/// Returns the number of the latest load, or 0 if there is none.
///
/// # Errors
///
/// Returns an error if the ledger cannot be read or parsed.
pub async fn last_number(session: &Session, schema: &str) -> Result<i64> {
    let action = "read the ledger of loads";
    let sql = format!("SELECT MAX(\"load_number\") FROM {}", qualified(schema, LEDGER)?);
    match session.value(action, &sql).await? {
        None => Ok(0),
        Some(number) => number
            .parse()
            .map_err(|_| session.fail(action, Cause::Response(format!("load {number:?}"))).into()),
    }
}

/// Returns `true` if the ledger contains the load `load_id`.
///
/// # Errors
///
/// Returns an error if the ledger cannot be read.
pub async fn has(session: &Session, schema: &str, load_id: &str) -> Result<bool> {
    let sql = format!(
        "SELECT COUNT(*) FROM {} WHERE \"load_id\" = {}",
        qualified(schema, LEDGER)?,
        literal(load_id, session.dialect())?
    );
    let count = session.value("read the ledger of loads", &sql).await?;
    Ok(count.is_some_and(|count| count != "0"))
}

/// Returns the latest load with the row count of each table.
///
/// # Errors
///
/// Returns an error if the ledger cannot be read.
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
    Ok(entry.map(|entry| (entry, counts)))
}
