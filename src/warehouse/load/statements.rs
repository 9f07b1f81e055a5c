//! The SQL statements of a load, shared by the load and its dry run.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::model::{MAX_NAME_BYTES, Model, Table};
use crate::warehouse::Dialect;
use crate::warehouse::error::Result;
use crate::warehouse::load::ledger::LOCK;
use crate::warehouse::sql::ddl::{TableDesign, time_index};
use crate::warehouse::sql::quote::{literal, name, qualified};

/// Name prefix of new tables during a load. Has 13 characters, as [`OLD`] has.
pub const NEW: &str = "starlift_new_";
/// Name prefix of replaced tables. See [`NEW`].
pub const OLD: &str = "starlift_old_";

/// Name suffix of the index by time. PostgreSQL chooses another one for indexes that users create.
const INDEX: &str = "range";

/// Name prefix of the keys of new and replaced tables.
const KEY: &str = "starlift_key_";

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

    /// Returns the temporary names of the keys of each new table: its primary key, its references, and the index by
    /// time if it has one. They are numbered, because names made of those of the tables can be too long.
    pub fn new_keys(&self, designs: &[TableDesign]) -> Vec<Vec<String>> {
        let mut count = 0;
        let mut next = || {
            count += 1;
            format!("{KEY}{}_{count}", self.attempt)
        };
        let keys = designs.iter().map(|design| {
            let indexes = usize::from(time_index(&design.table).is_some());
            1 + design.table.references.len() + indexes
        });
        keys.map(|keys| (0..keys).map(|_| next()).collect()).collect()
    }

    /// Returns the temporary name of the primary key of the new table that will become `table`.
    pub fn new_key(&self, designs: &[TableDesign], table: &str) -> String {
        let position = designs.iter().position(|design| design.table.name == table);
        let keys = position.and_then(|at| self.new_keys(designs).into_iter().nth(at));
        keys.and_then(|keys| keys.into_iter().next()).unwrap_or_default()
    }

    /// Returns the name of the index `number` of a replaced table until it is dropped.
    fn old_key(&self, number: usize) -> String {
        format!("{KEY}{}_old_{number}", self.attempt)
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
    for (design, keys) in designs.iter().zip(names.new_keys(designs)) {
        let table = names.new_table(&design.table.name);
        if dialect == Dialect::Postgres {
            statements.extend(design.add_keys(&names.schema, named, &keys)?);
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

/// Returns the statements that rename the keys of the new tables to their final names. Redshift leaves keys
/// unnamed.
///
/// `taken` are conflicting names of indexes of the replaced tables, which are renamed first.
///
/// # Errors
///
/// Returns an error if a name cannot be quoted.
pub fn rename_keys(
    names: &Names,
    model: &Model,
    designs: &[TableDesign],
    taken: &[String],
) -> Result<Vec<String>> {
    let mut statements = Vec::new();
    for (number, index) in taken.iter().enumerate() {
        let (from, to) = (qualified(&names.schema, index)?, name(&names.old_key(number + 1))?);
        statements.push(format!("ALTER INDEX {from} RENAME TO {to}"));
    }
    let all = key_names(model);
    for (design, keys) in designs.iter().zip(names.new_keys(designs)) {
        let table = &design.table.name;
        let of_table = qualified(&names.schema, table)?;
        let position = model.tables.iter().position(|other| other.name == *table);
        let finals = position.and_then(|at| all.get(at)).into_iter().flatten();
        for (at, (from, to)) in keys.iter().zip(finals).enumerate() {
            let to = name(to)?;
            statements.push(if at > design.table.references.len() {
                let from = qualified(&names.schema, from)?;
                format!("ALTER INDEX {from} RENAME TO {to}")
            } else {
                let from = name(from)?;
                format!("ALTER TABLE {of_table} RENAME CONSTRAINT {from} TO {to}")
            });
        }
    }
    Ok(statements)
}

/// Returns the names of the keys of each table of a model after the swap: its primary key, its references, and the
/// index by time if it has one. They are those that PostgreSQL chooses for unnamed keys, and differ from each other even if they are
/// shortened.
pub fn key_names(model: &Model) -> Vec<Vec<String>> {
    let mut used = BTreeSet::new();
    let mut free = |table: &str, columns: Option<String>, kind: &str| {
        let mut number = 0_usize;
        loop {
            let suffix = if number == 0 { String::new() } else { number.to_string() };
            let name = key_name(table, columns.as_deref(), &format!("{kind}{suffix}"));
            if used.insert(name.clone()) {
                return name;
            }
            number += 1;
        }
    };
    let names = |table: &Arc<Table>| {
        let mut names = vec![free(&table.name, None, "pkey")];
        for reference in &table.references {
            names.push(free(&table.name, Some(reference.columns.join("_")), "fkey"));
        }
        let index = time_index(table);
        names.extend(index.map(|column| free(&table.name, Some(column.to_owned()), INDEX)));
        names
    };
    model.tables.iter().map(names).collect()
}

/// Returns the name `table_columns_kind`, with the longer of table and columns shortened until the name fits.
///
/// Source: PostgreSQL, makeObjectName in `src/backend/commands/indexcmds.c`.
fn key_name(table: &str, columns: Option<&str>, kind: &str) -> String {
    let separators = 1 + usize::from(columns.is_some());
    let room = MAX_NAME_BYTES.saturating_sub(kind.len() + separators);
    let (mut first, mut second) = (table.len(), columns.map_or(0, str::len));
    while first + second > room {
        if first > second { first -= 1 } else { second -= 1 }
    }
    // The names of a model are ASCII.
    let clipped = |text: &str, length: usize| text.chars().take(length).collect::<String>();
    match columns {
        Some(columns) => format!("{}_{}_{kind}", clipped(table, first), clipped(columns, second)),
        None => format!("{}_{kind}", clipped(table, first)),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_the_names_that_postgresql_chooses() {
        let names = key_names(&Model::built_in());
        assert_eq!(names[0], ["songs_pkey", "songs_artist_id_fkey"]);
        assert_eq!(names[3].last().unwrap(), "songplays_start_time_range");
        assert_eq!(names[4], ["time_pkey"]);
    }

    #[test]
    fn long_names_of_keys_are_shortened_and_distinct() {
        let (table, column) = ("t".repeat(41), "c".repeat(40));
        let name = key_name(&table, Some(&column), "fkey");
        assert_eq!(name, format!("{}_{}_fkey", &table[..29], &column[..28]));
        assert_eq!(key_name(&table, None, "pkey"), format!("{table}_pkey"));
        assert_eq!(key_name("a", Some("b_c"), "fkey1"), "a_b_c_fkey1");
    }
}
