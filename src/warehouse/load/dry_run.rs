//! Shows the statements of a load before it runs.

use super::statements::{
    Names, catalog_path, create, default_path, finish, lock_loads, lock_tables, rename,
    rename_keys, replaced,
};
use super::update::{create as create_partitions, shown as shown_partitions};
use super::verify::stats_queries;
use super::{LoadOptions, Prepared};
use crate::warehouse::Dialect;
use crate::warehouse::connection::session;
use crate::warehouse::copy::{postgres, redshift};
use crate::warehouse::error::Result;
use crate::warehouse::load::ledger::{self, NewEntry};
use crate::warehouse::sql::ddl::TableDesign;
use crate::warehouse::sql::quote::qualified;

/// Returns every statement of a load in order, as SQL with comments. Statements that depend on the
/// state of the warehouse are shown as if all tables existed, without grants and views.
///
/// # Errors
///
/// Returns an error if a name, the role or the URL of a manifest cannot be quoted.
pub fn dry_run(star: &Prepared, options: &LoadOptions) -> Result<String> {
    let names = Names { schema: options.schema.clone(), attempt: "00000000".to_owned() };
    let mut script = Script::default();
    preparation(options, &mut script)?;
    script.note(
        "If at most half of the rows differ from those in the warehouse, only these are deleted and copied, \
         in one transaction. Otherwise all tables are replaced as follows.",
    );
    new_tables(star, options, &names, &mut script)?;
    swap(star, options, &names, &mut script)?;
    Ok(script.text)
}

/// Adds the statements of every session, of the ledger and of the load lock.
fn preparation(options: &LoadOptions, script: &mut Script) -> Result<()> {
    let dialect = options.access.target.dialect;
    script.note(match dialect {
        Dialect::Redshift => "In every session:",
        Dialect::Postgres => "In every transaction:",
    });
    script.add_all(session::shown_settings(dialect, &options.access.limits));
    script.note("If they do not exist:");
    script.add_all(ledger::create(&options.schema)?);
    script.add(&create_partitions(&options.schema)?);
    script.note("In a separate session, until the load ends:");
    script.add("BEGIN");
    script.add(&lock_loads(dialect, &options.schema)?);
    Ok(())
}

/// Adds the transaction that creates, fills and verifies the new tables.
fn new_tables(
    star: &Prepared,
    options: &LoadOptions,
    names: &Names,
    script: &mut Script,
) -> Result<()> {
    let dialect = options.access.target.dialect;
    script.note(match dialect {
        Dialect::Redshift => "The new tables, in one transaction:",
        Dialect::Postgres => {
            "The new tables, in one transaction; text columns get a bytewise collation if the \
             database has another:"
        }
    });
    script.add("BEGIN");
    script.add_some(default_path(dialect));
    script.add_all(create(dialect, names, &star.designs, None)?);
    for design in &star.designs {
        script.add(&copy(star, options, names, design)?);
    }
    script.add_all(finish(dialect, names, &star.designs)?);
    script.add_some(catalog_path(dialect));
    script.note("Compared with the statistics of the files:");
    for design in &star.designs {
        let from = qualified(&names.schema, &names.new_table(&design.table.name))?;
        script.add_all(stats_queries(&design.table, &from, dialect)?);
    }
    script.add("COMMIT");
    Ok(())
}

fn copy(
    star: &Prepared,
    options: &LoadOptions,
    names: &Names,
    design: &TableDesign,
) -> Result<String> {
    let name = names.new_table(&design.table.name);
    match options.access.target.dialect {
        Dialect::Postgres => postgres::copy_statement(design, &names.schema, &name),
        Dialect::Redshift => {
            let table = star.record.tables.get(&design.table.name);
            let url = table.map(|table| redshift::manifest_url(&star.star, table));
            let url = url.unwrap_or_default();
            redshift::copy_statement(
                design,
                &names.schema,
                &name,
                &url,
                &options.copy_auth.shown()?,
            )
        }
    }
}

/// Adds the transactions that replace the existing tables with the new ones.
fn swap(star: &Prepared, options: &LoadOptions, names: &Names, script: &mut Script) -> Result<()> {
    let dialect = options.access.target.dialect;
    let existing: Vec<&str> = star.model.tables.iter().map(|table| &*table.name).collect();
    script.note("Swapped in, in one transaction; existing tables are locked and renamed:");
    script.add("BEGIN");
    if let Some(sql) = lock_tables(dialect, &options.schema, &existing)? {
        script.add(&sql);
    }
    script.add_some(default_path(dialect));
    script.add_all(rename(dialect, names, &star.designs, &existing)?);
    script.note("The grants, owners, comments and views of the old tables are carried over here.");
    if dialect == Dialect::Postgres {
        script.add_all(rename_keys(names, &star.model, &star.designs, &[])?);
    }
    let entry = NewEntry {
        number: 1,
        load_id: "0000000000000000",
        run_id: &star.record.run_id,
        star: &star.star.to_string(),
        designs: &star.designs,
    };
    script.add(&ledger::insert(dialect, &options.schema, &entry, |table| star.rows_of(table))?);
    script.add_all(shown_partitions(star, options)?);
    script.add("COMMIT");
    script.note(
        "The old tables, each in a separate transaction that may fail; the next load retries:",
    );
    for table in replaced(names, &star.designs, &existing) {
        script.add("BEGIN");
        script.add(&format!("DROP TABLE IF EXISTS {}", qualified(&options.schema, &table)?));
        script.add("COMMIT");
    }
    Ok(())
}

#[derive(Default)]
struct Script {
    text: String,
}

impl Script {
    fn note(&mut self, text: &str) {
        self.text += &format!("\n-- {text}\n");
    }

    fn add_all(&mut self, statements: impl IntoIterator<Item = impl AsRef<str>>) {
        for sql in statements {
            self.add(sql.as_ref());
        }
    }

    fn add_some(&mut self, sql: Option<&str>) {
        if let Some(sql) = sql {
            self.add(sql);
        }
    }

    fn add(&mut self, sql: &str) {
        self.text += &format!("{sql};\n");
    }
}
