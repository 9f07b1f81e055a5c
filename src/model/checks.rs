//! Checks that follow from the declaration of a model.
//!
//! The SQL runs unchanged on DataFusion, PostgreSQL and Redshift. Each check returns the rows that
//! violate it.

use std::collections::BTreeSet;

use super::words::quoted;
use super::{Group, Model, Reference, Table};

/// A check as a file in `checks` would contain it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Name, such as `songplays_primary_key`.
    pub name: String,
    /// SQL text, including the header comment, which states the requirement.
    pub sql: String,
    /// Requirement.
    pub rule: CheckRule,
}

/// Requirement of a check. Tables are referred to by their names.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CheckRule {
    /// The primary key of a table is unique and never null.
    PrimaryKey(String),
    /// The other columns of a table that are not nullable contain no nulls.
    NotNull(String),
    /// The values of a reference of a table are in the referenced table.
    Reference(String, Reference),
    /// A requirement that only the SQL states.
    Other,
}

/// Name of the check that no record was lost. It reads only the tables that every star has.
const RECORDS_ACCOUNTED: &str = "records_accounted";

/// Returns the checks of all tables, and that of the records read.
pub(super) fn of_model(model: &Model) -> Vec<Check> {
    let mut names = BTreeSet::new();
    let mut checks: Vec<Check> = Vec::new();
    for table in &model.tables {
        checks.extend([primary_key(table), not_null(table)].into_iter().flatten());
    }
    for table in &model.tables {
        let referenced = table
            .references
            .iter()
            .filter_map(|reference| Some((reference, model.table(&reference.table)?)));
        checks.extend(referenced.map(|(reference, target)| references(table, reference, target)));
    }
    let sql = include_str!("records_accounted.sql").to_owned();
    checks.push(Check { name: RECORDS_ACCOUNTED.to_owned(), sql, rule: CheckRule::Other });
    for check in &mut checks {
        // Table `a` with column `b_c` and table `a_b` with column `c` lead to one name.
        let first = check.name.clone();
        let mut count = 1;
        while !names.insert(check.name.clone()) {
            count += 1;
            check.name = format!("{first}_{count}");
        }
    }
    checks
}

/// Returns the generated checks and those of files, in the declared order.
pub(super) fn with_files(model: &Model) -> Vec<Check> {
    let mut checks = of_model(model);
    for file in model.sql_of(Group::Check) {
        let sql = file.sql.to_string();
        match checks.iter_mut().find(|check| check.name == file.name) {
            Some(check) => (check.sql, check.rule) = (sql, CheckRule::Other),
            None => checks.push(Check { name: file.name.clone(), sql, rule: CheckRule::Other }),
        }
    }
    let order = model.declared_order(Group::Check);
    let place = |check: &Check| order.iter().position(|name| *name == check.name);
    checks.sort_by_key(|check| place(check).unwrap_or(order.len()));
    checks
}

/// Returns the check that the primary key is unique and not null.
fn primary_key(table: &Table) -> Option<Check> {
    let keys: Vec<_> = table.primary_key.iter().map(|key| quoted(key)).collect();
    let list = keys.join(", ");
    let count = free_name(table, "rows_with_this_key");
    let nulls: Vec<String> = keys.iter().map(|key| format!("{key} IS NULL")).collect();
    let requirement = match &table.primary_key[..] {
        [] => return None,
        [key] => format!("{}.{key} is unique and never null.", table.name),
        keys => format!("({}) of {} is unique and never null.", keys.join(", "), table.name),
    };
    let sql = format!(
        "-- {requirement}\nSELECT {list}, COUNT(*) AS {count}\nFROM {}\nGROUP BY {list}\nHAVING \
         COUNT(*) > 1 OR {}\nORDER BY {list}\n",
        quoted(&table.name),
        nulls.join(" OR "),
    );
    let rule = CheckRule::PrimaryKey(table.name.clone());
    Some(Check { name: format!("{}_primary_key", table.name), sql, rule })
}

/// Returns the check that the other columns that are not nullable contain no nulls. It returns the number of
/// nulls per column.
fn not_null(table: &Table) -> Option<Check> {
    let columns = table.columns.iter().filter(|c| !c.nullable && !table.is_primary(&c.name));
    let names: Vec<&str> = columns.map(|column| column.name.as_str()).collect();
    if names.is_empty() {
        return None;
    }
    let counts: Vec<String> = names
        .iter()
        .map(|name| format!("        COUNT(*) - COUNT({0}) AS {0}", quoted(name)))
        .collect();
    let violated: Vec<String> = names.iter().map(|name| format!("{} > 0", quoted(name))).collect();
    let list: Vec<_> = names.iter().map(|name| quoted(name)).collect();
    let requirement = match &names[..] {
        [name] => format!("{}.{name} is never null.", table.name),
        names => format!("{} of {} are never null.", names.join(", "), table.name),
    };
    let sql = format!(
        "{}\nSELECT {}\nFROM (\n    SELECT\n{}\n    \
         FROM {}\n) nulls_per_column\nWHERE {}\n",
        comment(&requirement),
        list.join(", "),
        counts.join(",\n"),
        quoted(&table.name),
        violated.join(" OR "),
    );
    let rule = CheckRule::NotNull(table.name.clone());
    Some(Check { name: format!("{}_not_null", table.name), sql, rule })
}

/// Returns the check that each value of a reference is in the referenced table.
fn references(table: &Table, reference: &Reference, target: &Table) -> Check {
    let own: Vec<String> = reference.columns.iter().map(|c| format!("c.{}", quoted(c))).collect();
    let keys: Vec<String> =
        target.primary_key.iter().map(|key| format!("p.{}", quoted(key))).collect();
    let joined: Vec<String> =
        keys.iter().zip(&own).map(|(key, own)| format!("{key} = {own}")).collect();
    let known: Vec<String> = own.iter().map(|own| format!("{own} IS NOT NULL")).collect();
    let requirement = match &reference.columns[..] {
        [column] => format!("Every non-null {}.{column} is in {}.", table.name, target.name),
        columns => {
            let columns = columns.join(", ");
            format!("Every ({columns}) of {} without nulls is in {}.", table.name, target.name)
        }
    };
    let list = own.join(", ");
    let sql = format!(
        "-- {requirement}\nSELECT {list}, COUNT(*) AS {}\nFROM {} c\nLEFT JOIN {} p ON {}\nWHERE \
         {} AND {} IS NULL\nGROUP BY {list}\nORDER BY {list}\n",
        free_name(table, "orphans"),
        quoted(&table.name),
        quoted(&target.name),
        joined.join(" AND "),
        known.join(" AND "),
        keys.first().map(String::as_str).unwrap_or_default(),
    );
    let name = format!("{}_{}_in_{}", table.name, reference.columns.join("_"), target.name);
    Check { name, sql, rule: CheckRule::Reference(table.name.clone(), reference.clone()) }
}

/// Returns `name`, or a variation that is not a column of the table.
fn free_name(table: &Table, name: &str) -> String {
    let mut free = name.to_owned();
    while table.column(&free).is_some() {
        free.push('_');
    }
    free
}

/// Returns a text as the lines of a comment of at most 100 characters.
fn comment(text: &str) -> String {
    let mut lines = vec![String::from("--")];
    for word in text.split(' ') {
        let last = lines.len() - 1;
        if lines[last].len() + word.len() >= 100 && lines[last] != "--" {
            lines.push(String::from("--"));
        }
        let last = lines.len() - 1;
        lines[last] += &format!(" {word}");
    }
    lines.join("\n")
}
