//! The query of a drafted table.

use super::draft::DraftDataset;
use super::keys::Key;
use super::text::comment;
use crate::model::{DerivedRule, quoted};

/// Returns the text of `star/TABLE.sql`: a selection of the staging table, with one row per key.
pub(super) fn query(dataset: &DraftDataset) -> String {
    let (key, star_key) = dataset.key_names();
    let copy = unused(dataset, "copy");
    let mut selected: Vec<String> = Vec::new();
    let mut returned: Vec<String> = Vec::new();
    if let Key::Fingerprint { .. } = dataset.key {
        selected.push(renamed(key, star_key));
        returned.push(quoted(star_key).into_owned());
    }
    for column in dataset.all_columns() {
        selected.push(renamed(&column.column.name, &column.star.name));
        returned.push(quoted(&column.star.name).into_owned());
    }
    let order = order(dataset);
    let order = if order.is_empty() {
        String::new()
    } else {
        let list: Vec<String> =
            order.iter().map(|name| format!("                {name} NULLS LAST")).collect();
        format!("            ORDER BY\n{}\n", list.join(",\n"))
    };
    format!(
        "{}\nWITH copies AS (\n    SELECT\n        {},\n        ROW_NUMBER() OVER (\n            \
         PARTITION BY {}\n{order}        ) AS {copy}\n    FROM {}\n)\n\nSELECT\n    {}\nFROM copies\n\
         WHERE {copy} = 1\n",
        header(dataset, key, star_key),
        selected.join(",\n        "),
        quoted(key),
        quoted(&dataset.staging),
        returned.join(",\n    "),
    )
}

fn header(dataset: &DraftDataset, key: &str, star_key: &str) -> String {
    let mut text = comment("--", &format!("{}: one row per {star_key}.", dataset.table));
    text += "--\n";
    text += &match &dataset.key {
        Key::Column(_) => comment(
            "--",
            &format!(
                "Of several records with the same {key}, the smallest by the columns in ORDER BY is \
                 kept. For the latest one, begin ORDER BY with a time, as in ts DESC."
            ),
        ),
        Key::Fingerprint { .. } => comment(
            "--",
            &format!(
                "{key} is a fingerprint of the record, so equal records become one row. To keep \
                 one row per record, count the copies in another column."
            ),
        ),
    };
    text
}

/// Returns the columns that order the records with the same key.
fn order(dataset: &DraftDataset) -> Vec<String> {
    let (key, _) = dataset.key_names();
    let equal: &[String] = match &dataset.key {
        Key::Column(_) => &[],
        Key::Fingerprint { derived, .. } => {
            let DerivedRule::Fingerprint(columns) = &derived.rule;
            columns
        }
    };
    let names = dataset.all_columns().map(|column| &column.column.name);
    let ordering = names.filter(|name| *name != key && !equal.contains(name));
    ordering.map(|name| quoted(name).into_owned()).collect()
}

fn renamed(name: &str, star_name: &str) -> String {
    if name == star_name {
        quoted(name).into_owned()
    } else {
        format!("{} AS {}", quoted(name), quoted(star_name))
    }
}

/// Returns a name that no column of the table has.
fn unused(dataset: &DraftDataset, name: &str) -> String {
    let mut name = name.to_owned();
    let (_, key) = dataset.key_names();
    while name == key || dataset.all_columns().any(|column| column.star.name == name) {
        name += "_number";
    }
    name
}
