//! Rules of datasets.

use super::super::column_type::ColumnType;
use super::super::dataset::{Column, Condition, Dataset, Derived, DerivedRule, Literal, Required};
use super::super::problem::one_of;
use super::super::report::{Report, join};
use super::names::{self, Use};
use super::{MAX_COLUMNS, known_columns, paths};

/// Reports the violations of the rules of a dataset.
pub(super) fn validate(report: &mut Report, dataset: &Dataset) {
    let at = join("datasets", &dataset.name);
    let table_at = join(&at, "table");
    names::check(report, &at, &dataset.name, Use::Dataset);
    if report.is_written(&table_at) || !report.has(&at) {
        names::check(report, &table_at, &dataset.table, Use::StagingTable);
    }
    let (columns_at, derived_at) = (join(&at, "columns"), join(&at, "derived"));
    let count = dataset.column_names().count();
    if dataset.columns.is_empty() && !report.has(&columns_at) {
        report.add(&columns_at, "there are no columns", "add a line such as name = \"text\"");
    }
    if count > MAX_COLUMNS {
        let reason = format!("there are {count} columns, {MAX_COLUMNS} are allowed");
        report.add(&columns_at, reason, "divide the dataset, or remove columns");
    }
    let read = dataset.columns.iter().map(|c| (join(&columns_at, &c.name), c.name.as_str()));
    let derived = dataset.derived.iter().map(|d| (join(&derived_at, &d.name), d.name.as_str()));
    let all: Vec<(String, &str)> = read.chain(derived).collect();
    for (at, name) in &all {
        names::check(report, at, name, Use::StagingColumn);
    }
    names::unique_columns(report, all.into_iter());
    for column in &dataset.columns {
        validate_column(report, &join(&columns_at, &column.name), column, dataset);
    }
    for derived in &dataset.derived {
        validate_derived(report, &join(&derived_at, &derived.name), derived, dataset);
    }
    if let Some(partition) = &dataset.partition {
        condition(report, &join(&at, "partition"), partition, dataset);
    }
    paths::validate(report, &at, dataset);
}

fn validate_column(report: &mut Report, at: &str, column: &Column, dataset: &Dataset) {
    if !report.has(&join(at, "type")) && !report.has(at) {
        let form_at = join(at, "form");
        match (column.column_type, column.form) {
            (ColumnType::Timestamp, None) => report.add(
                &form_at,
                "a timestamp needs the form of its times",
                "add form = \"rfc3339\", \"epoch_seconds\", \"epoch_milliseconds\" or \
                 \"epoch_microseconds\"",
            ),
            (ColumnType::Timestamp, Some(_)) | (_, None) => {}
            (other, Some(_)) => report.add(
                &form_at,
                format!("a column of the type {other} has no form"),
                "remove the form, or write type = \"timestamp\"",
            ),
        }
        if column.repetitive && column.column_type != ColumnType::Text {
            report.add(
                &join(at, "repetitive"),
                format!("a column of the type {} is not dictionary-encoded", column.column_type),
                "remove the key",
            );
        }
    }
    if let Required::When(when) = &column.required {
        let at = join(at, "required");
        if when.column == column.name {
            report.add(
                &join(&at, "column"),
                "the condition compares the column itself, which then has a value",
                "compare another column, or write required = true",
            );
        } else {
            condition(report, &at, when, dataset);
        }
    }
}

/// Reports a condition on an unknown column, or with a value that the column cannot have.
fn condition(report: &mut Report, at: &str, condition: &Condition, dataset: &Dataset) {
    let Some((_, column)) = dataset.column(&condition.column) else {
        let names: Vec<&str> = dataset.columns.iter().map(|column| column.name.as_str()).collect();
        let reason = format!("there is no column {:?}", condition.column);
        return report.add(&join(at, "column"), reason, one_of(&condition.column, &names));
    };
    let column_at = join(&join(&join("datasets", &dataset.name), "columns"), &column.name);
    if report.has(&column_at) {
        return;
    }
    let (column_type, equals) = (column.column_type, &condition.equals);
    let remedy = match (column_type, equals) {
        (ColumnType::Text, Literal::Text(text)) if column.null_if.contains(text) => {
            "choose a value that is not null"
        }
        (ColumnType::Text, Literal::Text(_)) | (ColumnType::Boolean, Literal::Boolean(_)) => return,
        (ColumnType::Text, _) => "write the value in quotes",
        (ColumnType::Boolean, _) => "write true or false, without quotes",
        _ => match (column_type.integers(), equals) {
            (Some(range), Literal::Integer(integer)) if range.contains(integer) => return,
            (Some(_), Literal::Integer(_)) => "write an integer within the range of the type",
            (Some(_), _) => "write an integer, without quotes",
            (None, _) => "compare a column of the type text, boolean, smallint, integer or bigint",
        },
    };
    let name = &column.name;
    let reason = format!("the column {name:?} of the type {column_type} never equals {equals}");
    let reason = if column_type.integers().is_none()
        && !matches!(column_type, ColumnType::Text | ColumnType::Boolean)
    {
        format!("the column {name:?} of the type {column_type} cannot be compared")
    } else {
        reason
    };
    report.add(&join(at, "equals"), reason, remedy);
}

fn validate_derived(report: &mut Report, at: &str, derived: &Derived, dataset: &Dataset) {
    let DerivedRule::Fingerprint(columns) = &derived.rule;
    let list_at = join(at, "fingerprint");
    if columns.is_empty() && !report.has(&list_at) {
        report.add(&list_at, "a fingerprint needs columns", "name at least one column");
    }
    let names: Vec<&str> = dataset.columns.iter().map(|column| column.name.as_str()).collect();
    known_columns(report, &list_at, columns, &names);
    for (i, name) in columns.iter().enumerate() {
        let column = dataset.column(name).map(|(_, column)| column);
        if let Some(column) = column.filter(|column| !column.column_type.is_hashable()) {
            report.add(
                &format!("{list_at}[{i}]"),
                format!(
                    "the column {name:?} of the type {} has no fingerprint",
                    column.column_type
                ),
                "leave it out, or read it as a decimal or as text",
            );
        }
    }
    if let Some(when) = &derived.when {
        condition(report, &join(at, "when"), when, dataset);
    }
}
