//! The statements of a load, as text: the same for doing and for showing.

use crate::error::Result;
use crate::star::model::Key;
use crate::warehouse::Dialect;
use crate::warehouse::ledger::LOCK;
use crate::warehouse::quote::{name, qualified};
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

/// Makes the new tables.
///
/// # Errors
///
/// If a name cannot be quoted.
pub fn create(dialect: Dialect, names: &Names, designs: &[TableDesign]) -> Result<Vec<String>> {
    let named = |table: &str| names.new_table(table);
    designs.iter().map(|design| design.create(dialect, &names.schema, named)).collect()
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

/// Puts the new tables in place of the old ones.
///
/// # Errors
///
/// If a name cannot be quoted.
pub fn rename(names: &Names, designs: &[TableDesign], existing: &[&str]) -> Result<Vec<String>> {
    let mut statements = Vec::new();
    let mut rename = |from: &str, to: &str| -> Result<()> {
        let (from, to) = (qualified(&names.schema, from)?, name(to)?);
        statements.push(format!("ALTER TABLE {from} RENAME TO {to}"));
        Ok(())
    };
    for design in designs {
        let table = design.table.name;
        if existing.contains(&table) {
            rename(table, &names.old_table(table))?;
        }
        rename(&names.new_table(table), table)?;
    }
    Ok(statements)
}

/// Drops the tables that were replaced, each before those it references, and gives the keys of the
/// new ones the names that they would have had.
///
/// # Errors
///
/// If a name cannot be quoted.
pub fn drop_old(
    dialect: Dialect,
    names: &Names,
    designs: &[TableDesign],
    existing: &[&str],
    cascade: bool,
) -> Result<Vec<String>> {
    let mut statements = Vec::new();
    let cascade = if cascade { " CASCADE" } else { "" };
    for design in designs.iter().rev().filter(|design| existing.contains(&design.table.name)) {
        let table = qualified(&names.schema, &names.old_table(design.table.name))?;
        statements.push(format!("DROP TABLE {table}{cascade}"));
    }
    if dialect == Dialect::Postgres {
        for design in designs {
            statements.extend(rename_keys(names, design)?);
        }
    }
    Ok(statements)
}

/// PostgreSQL names keys after the table they are added to.
fn rename_keys(names: &Names, design: &TableDesign) -> Result<Vec<String>> {
    let table = design.table.name;
    let qualified = qualified(&names.schema, table)?;
    let suffixes = design.table.columns.iter().filter_map(|column| match column.key {
        Key::Primary => Some("pkey".to_owned()),
        Key::Foreign(_) => Some(format!("{}_fkey", column.name)),
        Key::None => None,
    });
    suffixes
        .map(|suffix| {
            let from = name(&format!("{}_{suffix}", names.new_table(table)))?;
            let to = name(&format!("{table}_{suffix}"))?;
            Ok(format!("ALTER TABLE {qualified} RENAME CONSTRAINT {from} TO {to}"))
        })
        .collect()
}
