//! Rules of the tables of the star.

use super::super::Model;
use super::super::problem::one_of;
use super::super::report::{Report, join};
use super::super::table::{Distribution, Reference, Table, load_order};
use super::names::{self, Use};
use super::{MAX_COLUMNS, known_columns, locality};

/// Reports the violations of the rules of a table.
pub(super) fn validate(report: &mut Report, table: &Table, model: &Model) {
    let at = join("tables", &table.name);
    names::check(report, &at, &table.name, Use::Table);
    if table.grain.is_empty() && report.is_written(&join(&at, "grain")) {
        report.add(&join(&at, "grain"), "the grain is empty", "write \"one row per …\"");
    }
    columns(report, &at, table);
    keys(report, &at, table);
    locality::validate(report, &at, table, model);
    for (i, reference) in table.references.iter().enumerate() {
        let at = reference_at(report, &at, table, i);
        let repeated = table.references[..i].contains(reference);
        if repeated {
            report.add(&at, "the reference is repeated", "remove one of the two");
        } else {
            validate_reference(report, &at, table, reference, model);
        }
    }
}

fn columns(report: &mut Report, at: &str, table: &Table) {
    let columns_at = join(at, "columns");
    if table.columns.is_empty() && !report.has(&columns_at) {
        report.add(&columns_at, "there are no columns", "add a line such as name = \"text\"");
    }
    let count = table.columns.len();
    if count > MAX_COLUMNS {
        let reason = format!("there are {count} columns, {MAX_COLUMNS} are allowed");
        report.add(&columns_at, reason, "divide the table, or remove columns");
    }
    for column in &table.columns {
        names::check(report, &join(&columns_at, &column.name), &column.name, Use::Column);
    }
    let named = table.columns.iter().map(|c| (join(&columns_at, &c.name), c.name.as_str()));
    names::unique_columns(report, named);
}

fn keys(report: &mut Report, at: &str, table: &Table) {
    let names: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
    let primary_at = join(at, "primary_key");
    if table.primary_key.is_empty() && report.is_written(&primary_at) && !report.has(&primary_at) {
        report.add(&primary_at, "the primary key has no columns", "name at least one column");
    }
    known_columns(report, &primary_at, &table.primary_key, &names);
    for (i, name) in table.primary_key.iter().enumerate() {
        if table.column(name).is_some_and(|column| column.nullable) {
            let reason = format!("the column {name:?} is nullable");
            let remedy = "remove nullable = true of the column, or choose another key";
            report.add(&format!("{primary_at}[{i}]"), reason, remedy);
        }
    }
    let sorted_at = join(at, "sorted_by");
    if report.is_written(&sorted_at) {
        if table.sorted_by.is_empty() && !report.has(&sorted_at) {
            report.add(&sorted_at, "the list is empty", "name a column, or remove the key");
        }
        known_columns(report, &sorted_at, &table.sorted_by, &names);
    }
    let redshift_at = join(at, "redshift");
    let sort_key_at = join(&redshift_at, "sort_key");
    if report.is_written(&sort_key_at) {
        known_columns(report, &sort_key_at, &table.redshift.sort_key, &names);
    }
    if let Distribution::Key(column) = &table.redshift.distribution
        && !names.contains(&column.as_str())
    {
        let known = [&["auto", "even", "all"], &names[..]].concat();
        let reason = format!("{column:?} is neither auto, even nor all, and not a column");
        report.add(&join(&redshift_at, "distribution"), reason, one_of(column, &known));
    }
}

/// Returns the key of the reference at `index`: references of columns precede those of the table.
fn reference_at(report: &Report, at: &str, table: &Table, index: usize) -> String {
    let keys = table.columns.iter().map(|column| column_reference_at(at, &column.name));
    let of_columns: Vec<String> = keys.filter(|key| report.is_written(key)).collect();
    match of_columns.get(index) {
        Some(key) => key.clone(),
        None => format!("{}[{}]", join(at, "references"), index - of_columns.len()),
    }
}

fn column_reference_at(at: &str, column: &str) -> String {
    join(&join(&join(at, "columns"), column), "references")
}

fn validate_reference(
    report: &mut Report,
    at: &str,
    table: &Table,
    reference: &Reference,
    model: &Model,
) {
    let names: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
    let list_at = join(at, "columns");
    known_columns(report, &list_at, &reference.columns, &names);
    let Some(target) = model.table(&reference.table) else {
        let tables: Vec<&str> = model.tables.iter().map(|table| table.name.as_str()).collect();
        let reason = format!("there is no table {:?}", reference.table);
        return report.add(at, reason, one_of(&reference.table, &tables));
    };
    let target_at = join("tables", &target.name);
    if report.has(&join(&target_at, "primary_key")) || target.primary_key.is_empty() {
        return;
    }
    let key = target.primary_key.join(", ");
    if reference.columns.len() != target.primary_key.len() {
        let reason = format!(
            "the primary key of {:?} has other columns ({key}) than the reference ({})",
            target.name,
            reference.columns.join(", ")
        );
        let remedy = format!("name {} columns that match {key}", target.primary_key.len());
        return report.add(at, reason, remedy);
    }
    let at_column = |at: &str, name: &str| join(&join(at, "columns"), name);
    let own_at = join("tables", &table.name);
    for (name, key) in reference.columns.iter().zip(&target.primary_key) {
        let (Some(own), Some(other)) = (table.column(name), target.column(key)) else { continue };
        let is_unsure =
            report.has(&at_column(&own_at, name)) || report.has(&at_column(&target_at, key));
        if own.column_type != other.column_type && !is_unsure {
            let reason = format!(
                "the column {name:?} is {}, but {:?} of the table {:?} is {}",
                own.column_type, key, target.name, other.column_type
            );
            report.add(at, reason, "use one type for both columns");
        }
    }
}

/// Reports a cycle of references.
pub(super) fn no_cycles(report: &mut Report, model: &Model) {
    let Err(cycle) = load_order(&model.tables) else { return };
    let Some((first, last)) = cycle.first().zip(cycle.last()) else { return };
    let back = model.table(last).and_then(|table| {
        let index = table.references.iter().position(|r| r.table == *first)?;
        Some(reference_at(report, &join("tables", last), table, index))
    });
    let mut names: Vec<&str> = cycle.iter().map(String::as_str).collect();
    names.push(first);
    let reason = format!("the references form a cycle: {}", names.join(" → "));
    let remedy = "remove one of the references; a query in checks can check it instead";
    report.add(&back.unwrap_or_default(), reason, remedy);
}
