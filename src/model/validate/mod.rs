//! Rules of a model beyond the types of its keys.

mod datasets;
mod locality;
mod names;
mod paths;
mod tables;

use super::Model;
use super::problem::one_of;
use super::report::Report;

pub(super) use names::fault;
pub use names::{Use, is_allowed, snake_case};

/// Maximum number of columns of a table.
///
/// Source: Redshift Developer Guide, CREATE TABLE. PostgreSQL allows as many (appendix K, Limits).
const MAX_COLUMNS: usize = 1600;

/// Reports every violation of the rules.
pub(super) fn validate(report: &mut Report, model: &Model) {
    if model.name.is_empty() && report.is_written("name") && !report.has("name") {
        report.add("name", "the name is empty", "write a name such as \"sales\"");
    }
    if model.datasets.is_empty() && report.is_written("datasets") && !report.has("datasets") {
        report.add("datasets", "there are no datasets", "add [datasets.NAME]");
    }
    if model.tables.is_empty() && report.is_written("tables") && !report.has("tables") {
        report.add("tables", "there are no tables", "add [tables.NAME]");
    }
    names::unique_tables(report, model);
    for dataset in &model.datasets {
        datasets::validate(report, dataset);
    }
    for table in &model.tables {
        tables::validate(report, table, model);
    }
    tables::no_cycles(report, model);
}

/// Reports each name in a list that is not a column, or that the list repeats.
fn known_columns(report: &mut Report, at: &str, list: &[String], columns: &[&str]) {
    for (i, name) in list.iter().enumerate() {
        // A reference of one column has no list in the file.
        let item = format!("{at}[{i}]");
        let at = if report.is_written(&item) { item.as_str() } else { at };
        if !columns.contains(&name.as_str()) {
            report.add(at, format!("there is no column {name:?}"), one_of(name, columns));
        } else if list[..i].contains(name) {
            report.add(at, format!("the column {name:?} is repeated"), "remove one of the two");
        }
    }
}
