//! Rules of the rows on which a table depends.

use super::super::Model;
use super::super::column_type::ColumnType;
use super::super::dataset::{Dataset, Required};
use super::super::problem::one_of;
use super::super::report::{Report, join};
use super::super::table::{Join, Table};
use super::known_columns;

/// Reports the violations of the rules of `local_to`, `joins` and `latest_of`.
pub(super) fn validate(report: &mut Report, at: &str, table: &Table, model: &Model) {
    local_to(report, at, table, model);
    for (i, join) in table.joins.iter().enumerate() {
        join_of(report, &format!("{at}.joins[{i}]"), table, join, model);
    }
    latest_of(report, at, table, model);
}

/// Reports a `local_to` that names no time column, or whose table has no days.
fn local_to(report: &mut Report, at: &str, table: &Table, model: &Model) {
    let Some(local) = &table.local_to else { return };
    let at = join(at, "local_to");
    let is_time = |column_type| matches!(column_type, ColumnType::Timestamp | ColumnType::Date);
    let Some(dataset) = model.dataset(&local.dataset) else {
        let names: Vec<&str> = model.datasets.iter().map(|d| d.name.as_str()).collect();
        let reason = format!("there is no dataset {:?}", local.dataset);
        return report.add(&at, reason, one_of(&local.dataset, &names));
    };
    let column = dataset.column(&local.column).map(|(_, column)| column);
    let times = dataset.columns.iter();
    let times = times.filter(|c| is_time(c.column_type) && c.required == Required::Always);
    let times: Vec<String> = times.map(|c| format!("{}.{}", dataset.name, c.name)).collect();
    if !column.is_some_and(|c| is_time(c.column_type) && c.required == Required::Always) {
        let written = format!("{}.{}", local.dataset, local.column);
        let reason = format!("{written:?} is not a required timestamp or date");
        let names: Vec<&str> = times.iter().map(String::as_str).collect();
        return report.add(&at, reason, one_of(&written, &names));
    }
    let first = table.sorted_by.first().and_then(|name| table.column(name));
    if first.is_some_and(|first| !is_time(first.column_type) || first.nullable) {
        let reason = "the first column of sorted_by is not a timestamp or date that is never null";
        report.add(&at, reason, "sort by the time first, or remove local_to");
    }
}

/// Reports a `latest_of` that names no column, or whose dataset has no time.
fn latest_of(report: &mut Report, at: &str, table: &Table, model: &Model) {
    let Some(latest) = &table.latest_of else { return };
    let at = join(at, "latest_of");
    let written = format!("{}.{}", latest.dataset, latest.column);
    let Some(dataset) = model.dataset(&latest.dataset) else {
        let names: Vec<&str> = model.datasets.iter().map(|d| d.name.as_str()).collect();
        let reason = format!("there is no dataset {:?}", latest.dataset);
        return report.add(&at, reason, one_of(&latest.dataset, &names));
    };
    if dataset.column(&latest.column).is_none() {
        let names = dataset.columns.iter().map(|c| format!("{}.{}", dataset.name, c.name));
        let names: Vec<String> = names.collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        return report.add(
            &at,
            format!("there is no column {written:?}"),
            one_of(&written, &names),
        );
    }
    let mut locals = model.tables.iter().filter_map(|table| table.local_to.as_ref());
    if !locals.any(|local| local.dataset == latest.dataset) {
        let reason = format!("no table has local_to with the dataset {:?}", latest.dataset);
        report.add(&at, reason, "add local_to to a table, or remove latest_of");
    }
}

/// Reports a join whose columns do not exist or have no counterpart of the same type.
fn join_of(report: &mut Report, at: &str, table: &Table, join_of: &Join, model: &Model) {
    let Some(local) = &table.local_to else {
        let reason = "the table has no local_to";
        return report.add(at, reason, "add local_to, or remove joins");
    };
    let Some(own) = model.dataset(&local.dataset) else { return };
    let others = model.datasets.iter().filter(|dataset| dataset.name != own.name);
    let Some(other) = others.clone().find(|dataset| dataset.name == join_of.dataset) else {
        let names: Vec<&str> = others.map(|dataset| dataset.name.as_str()).collect();
        let at = join(at, "dataset");
        if report.is_written(&at) && !report.has(&at) {
            let reason = format!("{:?} is not another dataset", join_of.dataset);
            report.add(&at, reason, one_of(&join_of.dataset, &names));
        }
        return;
    };
    let lists = [("columns", &join_of.columns, other), ("equal_to", &join_of.equal_to, own)];
    for (key, list, dataset) in lists {
        let names: Vec<&str> = dataset.columns.iter().map(|column| column.name.as_str()).collect();
        known_columns(report, &join(at, key), list, &names);
    }
    let is_written = |key| report.is_written(&join(at, key)) && !report.has(&join(at, key));
    if !is_written("columns") || !is_written("equal_to") {
        return;
    }
    let (columns, equal_to) = (join_of.columns.len(), join_of.equal_to.len());
    if columns == 0 || columns != equal_to {
        let reason = format!("{columns} columns are compared with {equal_to}");
        return report.add(at, reason, "name at least one column, and as many in equal_to");
    }
    for (column, equal_to) in join_of.columns.iter().zip(&join_of.equal_to) {
        same_type(report, at, (other, column), (own, equal_to));
    }
}

/// Reports two columns whose values cannot be compared: those of different types, and floating-point numbers.
fn same_type(
    report: &mut Report,
    at: &str,
    (dataset, column): (&Dataset, &str),
    (other, equal_to): (&Dataset, &str),
) {
    let (Some((_, one)), Some((_, two))) = (dataset.column(column), other.column(equal_to)) else {
        return;
    };
    if one.column_type == ColumnType::Double && two.column_type == ColumnType::Double {
        let reason = format!(
            "the columns {column:?} and {equal_to:?} are double, which is not compared exactly"
        );
        report.add(at, reason, "remove them from the join");
    } else if one.column_type != two.column_type {
        let reason = format!(
            "{:?} of {:?} is {}, but {:?} of {:?} is {}",
            column, dataset.name, one.column_type, equal_to, other.name, two.column_type
        );
        report.add(at, reason, "use one type for both columns, or remove the join");
    }
}
