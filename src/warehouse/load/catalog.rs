//! Reads the tables that exist in the schema before a load from the catalog.

use crate::model::Model;
use crate::warehouse::Dialect;
use crate::warehouse::connection::session::Session;
use crate::warehouse::error::Result;
use crate::warehouse::load::statements::key_names;
use crate::warehouse::sql::quote::literal;

/// A table that a load replaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Existing {
    /// Name of the table.
    pub table: String,
    /// Name of the owner.
    pub owner: String,
    /// PostgreSQL's letter for the kind of relation: `r` is a table.
    pub kind: String,
    /// `true` if the current user has the rights of the owner. Always `true` for Redshift.
    pub is_owned: bool,
}

/// Returns the names of the model's tables as a comma-separated list of literals.
pub(super) fn star_tables(model: &Model, dialect: Dialect) -> Result<String> {
    let names: Result<Vec<_>, _> =
        model.tables.iter().map(|table| literal(&table.name, dialect)).collect();
    Ok(names?.join(", "))
}

pub(super) fn text(row: &[Option<String>], i: usize) -> String {
    row.get(i).cloned().flatten().unwrap_or_default()
}

/// Returns `true` if the schema exists.
///
/// # Errors
///
/// Returns an error if the catalog cannot be read.
pub async fn has_schema(session: &Session, schema: &str) -> Result<bool> {
    let schema = literal(schema, session.dialect())?;
    let sql = format!("SELECT nspname FROM pg_namespace WHERE nspname = {schema}");
    Ok(!session.rows("check the schema", &sql).await?.is_empty())
}

/// Returns `true` if the schema has a table or view with this name.
///
/// # Errors
///
/// Returns an error if the catalog cannot be read.
pub async fn has_table(session: &Session, schema: &str, table: &str) -> Result<bool> {
    let dialect = session.dialect();
    let (schema, table) = (literal(schema, dialect)?, literal(table, dialect)?);
    let sql = format!(
        "SELECT c.relname FROM pg_class c INNER JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname = {schema} AND c.relname = {table}"
    );
    Ok(!session.rows("check a table", &sql).await?.is_empty())
}

/// Returns the model's tables that exist in the schema.
///
/// # Errors
///
/// Returns an error if the catalog cannot be read.
pub async fn existing(session: &Session, model: &Model, schema: &str) -> Result<Vec<Existing>> {
    let dialect = session.dialect();
    // In Redshift superusers can change tables that they do not own; missing rights show only when
    // a statement runs.
    let is_owned = match dialect {
        Dialect::Redshift => "'true'",
        Dialect::Postgres => "pg_has_role(c.relowner, 'USAGE')::text",
    };
    let sql = format!(
        "SELECT c.relname, pg_get_userbyid(c.relowner), c.relkind, {is_owned} FROM pg_class c \
         INNER JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname = {} AND c.relname IN ({}) ORDER BY c.relname",
        literal(schema, dialect)?,
        star_tables(model, dialect)?
    );
    let rows = session.rows("list the existing tables", &sql).await?;
    let existing = |row: &Vec<Option<String>>| Existing {
        table: text(row, 0),
        owner: text(row, 1),
        kind: text(row, 2),
        is_owned: text(row, 3) == "true",
    };
    Ok(rows.iter().map(existing).collect())
}

/// Returns the tables' indexes whose names the keys of a load need. In PostgreSQL the name of an
/// index is unique within its schema.
///
/// # Errors
///
/// Returns an error if the catalog cannot be read.
pub async fn key_indexes(
    session: &Session,
    model: &Model,
    schema: &str,
    existing: &[&str],
) -> Result<Vec<String>> {
    if existing.is_empty() {
        return Ok(Vec::new());
    }
    let dialect = session.dialect();
    let keys: Result<Vec<_>, _> =
        key_names(model).iter().flatten().map(|key| literal(key, dialect)).collect();
    let sql = format!(
        "SELECT i.relname FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid \
         JOIN pg_class t ON t.oid = x.indrelid JOIN pg_namespace n ON n.oid = t.relnamespace \
         WHERE n.nspname = {} AND t.relname IN ({}) AND i.relname IN ({}) ORDER BY 1",
        literal(schema, dialect)?,
        star_tables(model, dialect)?,
        keys?.join(", ")
    );
    let rows = session.rows("list the existing keys", &sql).await?;
    Ok(rows.iter().map(|row| text(row, 0)).collect())
}
