//! The statements of a load, as text: the same for doing and for showing.

use crate::star::model::{Key, Table};
use crate::warehouse::Dialect;
use crate::warehouse::error::Result;
use crate::warehouse::ledger::LOCK;
use crate::warehouse::quote::{literal, name, qualified};
use crate::warehouse::tables::TableDesign;

/// What new and replaced tables are called while a load is under way. Thirteen characters each.
pub const NEW: &str = "starlift_new_";
/// See [`NEW`].
pub const OLD: &str = "starlift_old_";

/// The names of one attempt's tables. Each attempt has its own: one that has lost its lock to
/// another loader must not find the other's tables under the names of its own.
#[derive(Debug, Clone)]
pub struct Names {
    /// The schema.
    pub schema: String,
    /// The attempt.
    pub attempt: String,
}

impl Names {
    /// The new table that is to become `table`.
    pub fn new_table(&self, table: &str) -> String {
        format!("{NEW}{}_{table}", self.attempt)
    }

    /// What the table that is replaced is called in passing.
    pub fn old_table(&self, table: &str) -> String {
        format!("{OLD}{}_{table}", self.attempt)
    }
}

/// Takes the lock that keeps loaders apart; it is held until the transaction ends.
///
/// # Errors
///
/// If the schema cannot be a name.
pub fn lock_loaders(dialect: Dialect, schema: &str) -> Result<String> {
    let lock = qualified(schema, LOCK)?;
    Ok(match dialect {
        Dialect::Redshift => format!("LOCK {lock}"),
        // Against itself only: whoever looks at the table need not wait.
        Dialect::Postgres => format!("LOCK TABLE {lock} IN EXCLUSIVE MODE"),
    })
}

/// Makes the new tables, their texts with a quoted collation where it is not the database's own.
///
/// # Errors
///
/// If a name cannot be quoted.
pub fn create(
    dialect: Dialect,
    names: &Names,
    designs: &[TableDesign],
    collation: Option<&str>,
) -> Result<Vec<String>> {
    let named = |table: &str| names.new_table(table);
    designs.iter().map(|design| design.create(dialect, &names.schema, named, collation)).collect()
}

/// What remains to be done to the new tables when their rows are in.
///
/// # Errors
///
/// If a name cannot be quoted.
pub fn finish(dialect: Dialect, names: &Names, designs: &[TableDesign]) -> Result<Vec<String>> {
    let named = |table: &str| names.new_table(table);
    let mut statements = Vec::new();
    for design in designs {
        let table = names.new_table(design.table.name);
        if dialect == Dialect::Postgres {
            statements.extend(design.add_keys(&names.schema, named)?);
            // A COPY into Redshift gathers statistics by itself when the table was empty.
            statements.push(format!("ANALYZE {}", qualified(&names.schema, &table)?));
        }
        statements.extend(design.comments(dialect, &names.schema, &table)?);
    }
    Ok(statements)
}

/// Locks the tables that are replaced, in one order for all.
///
/// # Errors
///
/// If a name cannot be quoted.
pub fn lock_tables(dialect: Dialect, schema: &str, tables: &[&str]) -> Result<Option<String>> {
    if tables.is_empty() {
        return Ok(None);
    }
    let names: Result<Vec<_>, _> = tables.iter().map(|table| qualified(schema, table)).collect();
    let names = names?.join(", ");
    Ok(Some(match dialect {
        Dialect::Redshift => format!("LOCK {names}"),
        Dialect::Postgres => format!("LOCK TABLE {names} IN ACCESS EXCLUSIVE MODE"),
    }))
}

/// What a replaced table's comment says: proof for the next load that it may drop the table.
pub const REPLACED: &str = "Replaced by a load of starlift, which drops it";

/// Puts the new tables in place of the old ones, which stay beside them: a reader that has found an
/// old table by its name may still be waiting for it.
///
/// # Errors
///
/// If a name cannot be quoted.
pub fn rename(
    dialect: Dialect,
    names: &Names,
    designs: &[TableDesign],
    existing: &[&str],
) -> Result<Vec<String>> {
    let mut statements = Vec::new();
    for design in designs {
        let table = design.table.name;
        let (current, new) =
            (qualified(&names.schema, table)?, qualified(&names.schema, &names.new_table(table))?);
        if existing.contains(&table) {
            let old = names.old_table(table);
            statements.push(format!("ALTER TABLE {current} RENAME TO {}", name(&old)?));
            let (old, comment) = (qualified(&names.schema, &old)?, literal(REPLACED, dialect)?);
            statements.push(format!("COMMENT ON TABLE {old} IS {comment}"));
        }
        statements.push(format!("ALTER TABLE {new} RENAME TO {}", name(table)?));
    }
    Ok(statements)
}

/// The names of the tables that are replaced, each before those it references.
pub fn replaced(names: &Names, designs: &[TableDesign], existing: &[&str]) -> Vec<String> {
    let tables = designs.iter().rev().map(|design| design.table.name);
    tables.filter(|table| existing.contains(table)).map(|table| names.old_table(table)).collect()
}

/// Names the keys of the tables in place as if they had been made under the tables' names. PostgreSQL
/// names keys after the table that they are added to; Redshift leaves them unnamed.
///
/// `taken` are names of indexes of the replaced tables that are in the way.
///
/// # Errors
///
/// If a name cannot be quoted.
pub fn rename_keys(
    names: &Names,
    designs: &[TableDesign],
    taken: &[String],
) -> Result<Vec<String>> {
    let mut statements = Vec::new();
    for index in taken {
        let (from, to) = (qualified(&names.schema, index)?, name(&names.old_table(index))?);
        statements.push(format!("ALTER INDEX {from} RENAME TO {to}"));
    }
    for design in designs {
        let (table, new) = (design.table.name, names.new_table(design.table.name));
        let qualified = qualified(&names.schema, table)?;
        for suffix in key_suffixes(design.table) {
            let (from, to) =
                (name(&format!("{new}_{suffix}"))?, name(&format!("{table}_{suffix}"))?);
            statements.push(format!("ALTER TABLE {qualified} RENAME CONSTRAINT {from} TO {to}"));
        }
    }
    Ok(statements)
}

/// The names of a table's keys, once it is in place.
pub fn key_names(table: &Table) -> Vec<String> {
    key_suffixes(table).map(|suffix| format!("{}_{suffix}", table.name)).collect()
}

fn key_suffixes(table: &Table) -> impl Iterator<Item = String> + '_ {
    table.columns.iter().filter_map(|column| match column.key {
        Key::Primary => Some("pkey".to_owned()),
        Key::Foreign(_) => Some(format!("{}_fkey", column.name)),
        Key::None => None,
    })
}

/// Lets the statements that follow in the transaction find unqualified names as the user's own
/// sessions do: event triggers and their like run within them. Catalogs are read without it, so that
/// nothing of a user's can stand in for them, and definitions have all names in full.
pub fn default_path(dialect: Dialect) -> Option<&'static str> {
    (dialect == Dialect::Postgres).then_some("SET LOCAL search_path TO DEFAULT")
}

/// Ends the effect of [`default_path`].
pub fn catalog_path(dialect: Dialect) -> Option<&'static str> {
    (dialect == Dialect::Postgres).then_some("SET LOCAL search_path TO pg_catalog")
}
