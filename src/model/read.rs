//! Reads the datasets and tables of a TOML document.
//!
//! [`super::shape`] reports values of a wrong type; here such a value counts as absent.

use std::sync::Arc;

use toml::de::{DeTable, DeValue};

use super::column_type::{ColumnType, TimestampForm};
use super::dataset::{
    Column, Condition, Dataset, Derived, DerivedRule, Literal, Records, Required,
};
use super::path::{Origin, Path, RowsPath};
use super::problem::Fault;
use super::report::{Report, join};
use super::shape::{Value, flag, named, section, sections, text, texts};
use super::table::{Distribution, Join, LocalTo, RedshiftDesign, Reference, Table, TableColumn};

pub(super) fn datasets(report: &mut Report, document: &DeTable<'_>) -> Vec<Arc<Dataset>> {
    let mut found = Vec::new();
    for (name, value) in named(document, "datasets") {
        if let Some(table) = value.get_ref().as_table() {
            let at = join("datasets", name);
            found.push(Arc::new(dataset(report, &at, name, table)));
        }
    }
    found
}

fn dataset(report: &mut Report, at: &str, name: &str, table: &DeTable<'_>) -> Dataset {
    let rows = text(table, "rows");
    let rows_path = rows.and_then(|path| parsed(report, &join(at, "rows"), RowsPath::parse(path)));
    let origin = if rows.is_some() { Origin::Element } else { Origin::Record };
    let mut columns = Vec::new();
    for (column_name, value) in named(table, "columns") {
        let at = join(&join(at, "columns"), column_name);
        columns.push(column(report, &at, column_name, value, origin));
    }
    let derived = named(table, "derived").into_iter().filter_map(|(name, value)| {
        let table = value.get_ref().as_table()?;
        let columns = texts(table, "fingerprint").unwrap_or_default();
        Some(Derived {
            name: name.to_owned(),
            rule: DerivedRule::Fingerprint(columns),
            when: condition(table, "when"),
        })
    });
    Dataset {
        name: name.to_owned(),
        table: text(table, "table").map_or_else(|| format!("staging_{name}"), str::to_owned),
        records: text(table, "records").and_then(Records::named).unwrap_or(Records::Auto),
        rows: rows_path,
        partition: condition(table, "partition"),
        columns,
        derived: derived.collect(),
    }
}

fn column(report: &mut Report, at: &str, name: &str, value: &Value<'_>, origin: Origin) -> Column {
    let empty = DeTable::new();
    let table = value.get_ref().as_table().unwrap_or(&empty);
    let path = text(table, "path")
        .and_then(|path| parsed(report, &join(at, "path"), Path::parse(path)))
        .unwrap_or_else(|| Path::key(origin, name));
    let required = match table.get("required").map(Value::get_ref) {
        Some(DeValue::Boolean(true)) => Required::Always,
        Some(DeValue::Table(_)) => {
            condition(table, "required").map_or(Required::Never, Required::When)
        }
        _ => Required::Never,
    };
    Column {
        name: name.to_owned(),
        path,
        column_type: column_type(value),
        form: text(table, "form").and_then(TimestampForm::named),
        required,
        null_if: texts(table, "null_if").unwrap_or_else(|| vec![String::new()]),
        repetitive: flag(table, "repetitive"),
    }
}

/// Returns the type of a column; text if it is absent or not valid.
fn column_type(value: &Value<'_>) -> ColumnType {
    let written = match value.get_ref() {
        DeValue::Table(table) => text(table, "type"),
        value => value.as_str(),
    };
    written.and_then(|written| ColumnType::parse(written).ok()).unwrap_or(ColumnType::Text)
}

fn condition(table: &DeTable<'_>, key: &str) -> Option<Condition> {
    let table = section(table, key)?;
    let equals = match table.get("equals")?.get_ref() {
        DeValue::String(text) => Literal::Text(text.to_string()),
        DeValue::Boolean(boolean) => Literal::Boolean(*boolean),
        DeValue::Integer(integer) => {
            Literal::Integer(i64::from_str_radix(integer.as_str(), integer.radix()).ok()?)
        }
        _ => return None,
    };
    Some(Condition { column: text(table, "column")?.to_owned(), equals })
}

fn parsed<T>(report: &mut Report, at: &str, outcome: Result<T, Fault>) -> Option<T> {
    outcome.map_err(|fault| report.add_fault(at, fault)).ok()
}

pub(super) fn tables(document: &DeTable<'_>) -> Vec<Arc<Table>> {
    let entries = named(document, "tables").into_iter();
    let found = entries.filter_map(|(name, value)| Some((name, value.get_ref().as_table()?)));
    found.map(|(name, entry)| Arc::new(table(name, entry))).collect()
}

fn table(name: &str, entry: &DeTable<'_>) -> Table {
    let columns = named(entry, "columns");
    let single = columns.iter().filter_map(|(name, value)| {
        let table = text(value.get_ref().as_table()?, "references")?.to_owned();
        Some(Reference { columns: vec![(*name).to_owned()], table })
    });
    let several = sections(entry, "references").map(|reference| Reference {
        columns: texts(reference, "columns").unwrap_or_default(),
        table: text(reference, "table").unwrap_or_default().to_owned(),
    });
    let joins = sections(entry, "joins").map(|join| Join {
        dataset: text(join, "dataset").unwrap_or_default().to_owned(),
        columns: texts(join, "columns").unwrap_or_default(),
        equal_to: texts(join, "equal_to").unwrap_or_default(),
    });
    let primary_key = texts(entry, "primary_key").unwrap_or_default();
    let sorted_by = texts(entry, "sorted_by").unwrap_or_else(|| primary_key.clone());
    let redshift = section(entry, "redshift");
    let distribution = redshift.and_then(|redshift| text(redshift, "distribution"));
    let sort_key = redshift.and_then(|redshift| texts(redshift, "sort_key"));
    Table {
        name: name.to_owned(),
        grain: text(entry, "grain").unwrap_or_default().to_owned(),
        references: single.chain(several).collect(),
        redshift: RedshiftDesign {
            distribution: distribution.map_or(Distribution::Auto, Distribution::parse),
            sort_key: sort_key.unwrap_or_else(|| sorted_by.iter().take(1).cloned().collect()),
        },
        columns: columns.iter().map(|(name, value)| table_column(name, value)).collect(),
        local_to: text(entry, "local_to").map(dataset_column),
        joins: joins.collect(),
        latest_of: text(entry, "latest_of").map(dataset_column),
        primary_key,
        sorted_by,
    }
}

/// Returns the dataset and the column of a text such as `logs.ts`.
fn dataset_column(text: &str) -> LocalTo {
    let (dataset, column) = text.split_once('.').unwrap_or((text, ""));
    LocalTo { dataset: dataset.to_owned(), column: column.to_owned() }
}

fn table_column(name: &str, value: &Value<'_>) -> TableColumn {
    let empty = DeTable::new();
    let table = value.get_ref().as_table().unwrap_or(&empty);
    TableColumn {
        name: name.to_owned(),
        column_type: column_type(value),
        nullable: flag(table, "nullable"),
        meaning: text(table, "meaning").unwrap_or_default().to_owned(),
    }
}
