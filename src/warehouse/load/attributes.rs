//! Carries properties that an administrator has set on tables over to the tables that replace them.

use super::catalog::{star_tables, text};
use crate::model::Model;
use crate::warehouse::Dialect;
use crate::warehouse::connection::session::Session;
use crate::warehouse::error::Result;
use crate::warehouse::sql::quote::{literal, name, principal, qualified};

/// An ALTER TABLE clause that sets a property of the replaced table on the new one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// Name of the star table.
    pub table: String,
    clause: String,
    /// `true` if the clause requires the table's keys to exist.
    pub needs_keys: bool,
}

impl Attribute {
    /// Returns the statement that sets the property on a table named `new`, whose primary key is called `key`.
    ///
    /// # Errors
    ///
    /// Returns an error if a name cannot be quoted.
    pub fn set(&self, schema: &str, new: &str, key: &str) -> Result<String> {
        let key = name(key)?;
        Ok(format!(
            "ALTER TABLE {} {}",
            qualified(schema, new)?,
            self.clause.replace("{key}", &key)
        ))
    }
}

/// Returns the storage properties in which the tables differ from PostgreSQL's defaults:
/// tablespaces, storage parameters, replica identities, clustering, and the columns' statistics
/// targets, options, storage and compression. Empty for Redshift, which has none of them.
///
/// # Errors
///
/// Returns an error if the catalog cannot be read.
pub async fn attributes(session: &Session, model: &Model, schema: &str) -> Result<Vec<Attribute>> {
    let dialect = session.dialect();
    if dialect == Dialect::Redshift {
        return Ok(Vec::new());
    }
    let sql = POSTGRES_ATTRIBUTES
        .replace("{schema}", &literal(schema, dialect)?)
        .replace("{tables}", &star_tables(model, dialect)?);
    let rows = session.rows("list the storage of the tables", &sql).await?;
    let is_kept = |table: &str, column: &str| {
        let table = model.table(table);
        column.is_empty() || table.is_some_and(|t| t.columns.iter().any(|c| c.name == column))
    };
    let kept = rows.iter().filter(|row| is_kept(&text(row, 0), &text(row, 1)));
    Ok(kept
        .map(|row| Attribute {
            table: text(row, 0),
            clause: text(row, 2),
            needs_keys: text(row, 2).contains("{key}"),
        })
        .collect())
}

const POSTGRES_ATTRIBUTES: &str = "WITH star AS ( \
    SELECT t.* FROM pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace \
    WHERE n.nspname = {schema} AND t.relname IN ({tables}) AND t.relkind = 'r' \
), columns AS ( \
    SELECT star.relname, a.* FROM star JOIN pg_attribute a ON a.attrelid = star.oid \
    WHERE a.attnum > 0 AND NOT a.attisdropped \
) \
SELECT relname, NULL AS attname, 'SET TABLESPACE ' || quote_ident(s.spcname) \
    FROM star JOIN pg_tablespace s ON s.oid = star.reltablespace \
UNION ALL SELECT relname, NULL, \
    'SET (' || string_agg(format('%I = %L', option_name, option_value), ', ') || ')' \
    FROM star, pg_options_to_table(star.reloptions) GROUP BY relname \
UNION ALL SELECT star.relname, NULL, \
    'SET (' || string_agg(format('toast.%I = %L', option_name, option_value), ', ') || ')' \
    FROM star JOIN pg_class toast ON toast.oid = star.reltoastrelid, \
    pg_options_to_table(toast.reloptions) GROUP BY star.relname \
UNION ALL SELECT relname, attname, format('ALTER COLUMN %I SET STATISTICS %s', attname, attstattarget) \
    FROM columns WHERE attstattarget >= 0 \
UNION ALL SELECT relname, attname, \
    format('ALTER COLUMN %I SET (%I = %L)', attname, option_name, option_value) \
    FROM columns, pg_options_to_table(attoptions) \
UNION ALL SELECT relname, attname, format('ALTER COLUMN %I SET STORAGE %s', attname, \
    CASE attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'm' THEN 'MAIN' ELSE 'EXTENDED' END) \
    FROM columns JOIN pg_type t ON t.oid = atttypid WHERE attstorage <> t.typstorage \
UNION ALL SELECT relname, attname, format('ALTER COLUMN %I SET COMPRESSION %s', attname, \
    CASE attcompression WHEN 'l' THEN 'lz4' ELSE 'pglz' END) \
    FROM columns WHERE attcompression IN ('l', 'p') \
UNION ALL SELECT relname, NULL, 'REPLICA IDENTITY ' \
    || CASE relreplident WHEN 'f' THEN 'FULL' ELSE 'NOTHING' END \
    FROM star WHERE relreplident IN ('f', 'n') \
UNION ALL SELECT star.relname, NULL, use.clause \
    FROM star JOIN pg_index i ON i.indrelid = star.oid AND i.indisprimary, LATERAL ( \
        SELECT 'REPLICA IDENTITY USING INDEX {key}' AS clause WHERE i.indisreplident \
        UNION ALL SELECT 'CLUSTER ON {key}' WHERE i.indisclustered \
    ) use \
ORDER BY 1, 2 NULLS FIRST, 3";

/// Returns the statements that restore comments which a user has changed on the replaced tables.
///
/// # Errors
///
/// Returns an error if the catalog cannot be read or a name cannot be quoted.
pub async fn comments(session: &Session, model: &Model, schema: &str) -> Result<Vec<String>> {
    let dialect = session.dialect();
    let sql = format!(
        "SELECT c.relname, a.attname, d.description FROM pg_description d \
         INNER JOIN pg_class k ON k.oid = d.classoid AND k.relname = 'pg_class' \
         INNER JOIN pg_class c ON c.oid = d.objoid AND c.relkind = 'r' \
         INNER JOIN pg_namespace n ON n.oid = c.relnamespace \
         LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.objsubid AND d.objsubid > 0 \
         WHERE n.nspname = {} AND c.relname IN ({}) ORDER BY 1, 2",
        literal(schema, dialect)?,
        star_tables(model, dialect)?
    );
    let mut statements = Vec::new();
    for row in session.rows("list the comments of the tables", &sql).await? {
        let [table, column, comment] = [0, 1, 2].map(|i| text(&row, i));
        let Some(own_table) = model.table(&table) else { continue };
        let qualified = qualified(schema, &table)?;
        let (own, on) = match column.as_str() {
            "" => (Some(&*own_table.grain), format!("TABLE {qualified}")),
            column => (
                own_table.column(column).map(|c| &*c.meaning),
                format!("COLUMN {qualified}.{}", principal(column)?),
            ),
        };
        if own.is_some_and(|own| own != comment) {
            statements.push(format!("COMMENT ON {on} IS {}", literal(&comment, dialect)?));
        }
    }
    Ok(statements)
}
