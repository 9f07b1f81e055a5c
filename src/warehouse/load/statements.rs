//! The SQL statements of a load, shared by the load and its dry run.

use crate::star::model::Table;
use crate::warehouse::Dialect;
use crate::warehouse::error::Result;
use crate::warehouse::load::ledger::LOCK;
use crate::warehouse::sql::ddl::TableDesign;
use crate::warehouse::sql::quote::{literal, name, qualified};

/// Name prefix of new tables during a load. Has 13 characters, as [`OLD`] has.
pub const NEW: &str = "starlift_new_";
/// Name prefix of replaced tables. See [`NEW`].
pub const OLD: &str = "starlift_old_";

/// The table names of one attempt. Each attempt has its own: an attempt that has lost its lock to
/// another load must not find that load's tables under its own names.
#[derive(Debug, Clone)]
pub struct Names {
    /// Schema of the tables.
    pub schema: String,
    /// Number of the attempt, 8 hexadecimal digits.
    pub attempt: String,
}

impl Names {
    /// Returns the name of the new table that will become `table`.
    pub fn new_table(&self, table: &str) -> String {
        format!("{NEW}{}_{table}", self.attempt)
    }

    /// Returns the name of the replaced `table` until it is dropped.
    pub fn old_table(&self, table: &str) -> String {
        format!("{OLD}{}_{table}", self.attempt)
    }
}

/// Returns the statement that locks out other loads until the transaction ends.
///
/// # Errors
///
/// Returns an error if the schema is not a valid name.
pub fn lock_loads(dialect: Dialect, schema: &str) -> Result<String> {
    let lock = qualified(schema, LOCK)?;
    Ok(match dialect {
        Dialect::Redshift => format!("LOCK {lock}"),
        // Queries that read the table do not wait for this lock mode.
        Dialect::Postgres => format!("LOCK TABLE {lock} IN EXCLUSIVE MODE"),
    })
}

/// Returns the statements that create the new tables. `collation` is the quoted collation of text
/// columns, if it differs from that of the database.
///
/// # Errors
///
/// Returns an error if a name cannot be quoted.
pub fn create(
    dialect: Dialect,
    names: &Names,
    designs: &[TableDesign],
    collation: Option<&str>,
) -> Result<Vec<String>> {
    let named = |table: &str| names.new_table(table);
    designs.iter().map(|design| design.create(dialect, &names.schema, named, collation)).collect()
}

/// Returns the statements that finish the new tables after their rows are loaded: keys, statistics
/// and comments.
///
/// # Errors
///
/// Returns an error if a name cannot be quoted.
pub fn finish(dialect: Dialect, names: &Names, designs: &[TableDesign]) -> Result<Vec<String>> {
    let named = |table: &str| names.new_table(table);
    let mut statements = Vec::new();
    for design in designs {
        let table = names.new_table(&design.table.name);
        if dialect == Dialect::Postgres {
            statements.extend(design.add_keys(&names.schema, named)?);
            // Redshift's COPY collects statistics itself if the table was empty.
            statements.push(format!("ANALYZE {}", qualified(&names.schema, &table)?));
        }
        statements.extend(design.comments(dialect, &names.schema, &table)?);
    }
    Ok(statements)
}

/// Returns the statement that locks the existing tables, in the given order, or `None` if there are
/// none.
///
/// # Errors
///
/// Returns an error if a name cannot be quoted.
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

/// Comment of a replaced table. It proves to the next load that it can drop the table.
pub const REPLACED: &str = "Replaced by a load of starlift, which drops it";

/// Returns the statements that swap in the new tables. The old tables are kept under other names,
/// because a reader that has resolved the name of an old table may still be waiting for it.
///
/// # Errors
///
/// Returns an error if a name cannot be quoted.
pub fn rename(
    dialect: Dialect,
    names: &Names,
    designs: &[TableDesign],
    existing: &[&str],
) -> Result<Vec<String>> {
    let mut statements = Vec::new();
    for design in designs {
        let table = &*design.table.name;
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

/// Returns the names of the replaced tables, each before those it references.
pub fn replaced(names: &Names, designs: &[TableDesign], existing: &[&str]) -> Vec<String> {
    let tables = designs.iter().rev().map(|design| &*design.table.name);
    tables.filter(|table| existing.contains(table)).map(|table| names.old_table(table)).collect()
}

/// Returns the statements that rename the keys of the new tables as if they had been created under
/// the final table names. PostgreSQL names keys after the table that they are added to; Redshift
/// leaves them unnamed.
///
/// `taken` are conflicting names of indexes of the replaced tables, which are renamed first.
///
/// # Errors
///
/// Returns an error if a name cannot be quoted.
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
        let (table, new) = (&*design.table.name, names.new_table(&design.table.name));
        let qualified = qualified(&names.schema, table)?;
        for suffix in key_suffixes(design.table) {
            let (from, to) =
                (name(&format!("{new}_{suffix}"))?, name(&format!("{table}_{suffix}"))?);
            statements.push(format!("ALTER TABLE {qualified} RENAME CONSTRAINT {from} TO {to}"));
        }
    }
    Ok(statements)
}

/// Returns the names of a table's keys after the swap.
pub fn key_names(table: &Table) -> Vec<String> {
    key_suffixes(table).map(|suffix| format!("{}_{suffix}", table.name)).collect()
}

fn key_suffixes(table: &Table) -> impl Iterator<Item = String> + '_ {
    let foreign = table.references.iter();
    let foreign = foreign.map(|reference| format!("{}_fkey", reference.columns.join("_")));
    std::iter::once("pkey".to_owned()).chain(foreign)
}

/// Returns the statement that makes the rest of the transaction resolve unqualified names as the
/// user's own sessions do, for event triggers and other code that runs within it. Catalogs are read
/// without it, so that no user's object can shadow them and view definitions have qualified names.
pub fn default_path(dialect: Dialect) -> Option<&'static str> {
    (dialect == Dialect::Postgres).then_some("SET LOCAL search_path TO DEFAULT")
}

/// Returns the statement that undoes [`default_path`].
pub fn catalog_path(dialect: Dialect) -> Option<&'static str> {
    (dialect == Dialect::Postgres).then_some("SET LOCAL search_path TO pg_catalog")
}
