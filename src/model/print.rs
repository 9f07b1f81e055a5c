//! Prints a model as `model.toml`.

use toml::Value;
use toml::value::Array;

use super::dataset::{Column, Condition, Dataset, DerivedRule, Literal, Required};
use super::path::{Origin, Path};
use super::table::{Distribution, Join, Table, TableColumn};
use super::words::is_plain;
use super::{Model, Records};

/// Returns the text of a `model.toml`. Keys with their default value are left out.
pub(super) fn model(model: &Model) -> String {
    let mut text = format!("name = {}\n", string(&model.name));
    if !model.order.is_empty() {
        text += "\n[queries]\n";
        for (group, names) in &model.order {
            text += &format!("{} = {}\n", group.folder(), strings(names));
        }
    }
    for dataset in &model.datasets {
        text += &print_dataset(dataset);
    }
    for table in &model.tables {
        text += &print_table(table);
    }
    text
}

fn print_dataset(dataset: &Dataset) -> String {
    let header = format!("datasets.{}", key(&dataset.name));
    let mut text = format!("\n[{header}]\n");
    if dataset.table != format!("staging_{}", dataset.name) {
        text += &format!("table = {}\n", string(&dataset.table));
    }
    if dataset.records != Records::Auto {
        text += &format!("records = {}\n", string(dataset.records.name()));
    }
    if let Some(rows) = &dataset.rows {
        text += &format!("rows = {}\n", string(&rows.to_string()));
    }
    if let Some(partition) = &dataset.partition {
        text += &format!("partition = {}\n", condition(partition));
    }
    text += &format!("\n[{header}.columns]\n");
    let origin = if dataset.rows.is_some() { Origin::Element } else { Origin::Record };
    for column in &dataset.columns {
        text += &print_column(column, origin);
    }
    if !dataset.derived.is_empty() {
        text += &format!("\n[{header}.derived]\n");
    }
    for derived in &dataset.derived {
        let DerivedRule::Fingerprint(columns) = &derived.rule;
        let mut pairs = vec![("fingerprint", strings(columns))];
        pairs.extend(derived.when.as_ref().map(|when| ("when", condition(when))));
        text += &format!("{} = {}\n", key(&derived.name), inline(&pairs));
    }
    text
}

impl Column {
    /// Returns the line of `model.toml` that declares the column. `origin` is that of the default
    /// path of the dataset's columns.
    pub fn to_toml(&self, origin: Origin) -> String {
        print_column(self, origin)
    }
}

impl TableColumn {
    /// Returns the line of `model.toml` that declares the column, without references.
    pub fn to_toml(&self) -> String {
        print_table_column(self, None)
    }
}

fn print_column(column: &Column, origin: Origin) -> String {
    let mut pairs = vec![("type", string(&column.column_type.to_string()))];
    if column.path != Path::key(origin, &column.name) {
        pairs.push(("path", string(&column.path.to_string())));
    }
    pairs.extend(column.form.map(|form| ("form", string(form.name()))));
    match &column.required {
        Required::Never => {}
        Required::Always => pairs.push(("required", "true".to_owned())),
        Required::When(when) => pairs.push(("required", condition(when))),
    }
    if column.null_if != [""] {
        pairs.push(("null_if", strings(&column.null_if)));
    }
    if column.repetitive {
        pairs.push(("repetitive", "true".to_owned()));
    }
    line(&column.name, &pairs)
}

fn print_table(table: &Table) -> String {
    let header = format!("tables.{}", key(&table.name));
    let mut text = format!("\n[{header}]\ngrain = {}\n", string(&table.grain));
    text += &format!("primary_key = {}\n", strings(&table.primary_key));
    if table.sorted_by != table.primary_key {
        text += &format!("sorted_by = {}\n", strings(&table.sorted_by));
    }
    if let Some(local) = &table.local_to {
        text += &format!("local_to = {}\n", string(&format!("{}.{}", local.dataset, local.column)));
    }
    if !table.joins.is_empty() {
        text += &format!("joins = [{}]\n", joins(&table.joins).join(", "));
    }
    if let Some(latest) = &table.latest_of {
        text +=
            &format!("latest_of = {}\n", string(&format!("{}.{}", latest.dataset, latest.column)));
    }
    let mut redshift = Vec::new();
    if table.redshift.distribution != Distribution::Auto {
        redshift.push(("distribution", string(table.redshift.distribution.name())));
    }
    if table.redshift.sort_key.iter().ne(table.sorted_by.iter().take(1)) {
        redshift.push(("sort_key", strings(&table.redshift.sort_key)));
    }
    if !redshift.is_empty() {
        text += &format!("redshift = {}\n", inline(&redshift));
    }
    // A reference of one column is printed with its column, if the order of the references allows.
    let singles = single_references(table);
    let several: Vec<String> = table.references[singles.len()..]
        .iter()
        .map(|r| inline(&[("columns", strings(&r.columns)), ("table", string(&r.table))]))
        .collect();
    if !several.is_empty() {
        text += &format!("references = [{}]\n", several.join(", "));
    }
    text += &format!("\n[{header}.columns]\n");
    for column in &table.columns {
        let reference = singles.iter().find(|(name, _)| *name == column.name);
        text += &print_table_column(column, reference.map(|(_, target)| *target));
    }
    text
}

fn joins(joins: &[Join]) -> Vec<String> {
    let inline = |join: &Join| {
        inline(&[
            ("dataset", string(&join.dataset)),
            ("columns", strings(&join.columns)),
            ("equal_to", strings(&join.equal_to)),
        ])
    };
    joins.iter().map(inline).collect()
}

/// Returns the leading references of one column each that are in the order of the columns.
fn single_references(table: &Table) -> Vec<(&str, &str)> {
    let mut columns = table.columns.iter();
    let singles = table.references.iter().map_while(|reference| {
        let [name] = &reference.columns[..] else { return None };
        columns.find(|column| column.name == *name)?;
        Some((name.as_str(), reference.table.as_str()))
    });
    singles.collect()
}

fn print_table_column(column: &TableColumn, reference: Option<&str>) -> String {
    let mut pairs = vec![("type", string(&column.column_type.to_string()))];
    if column.nullable {
        pairs.push(("nullable", "true".to_owned()));
    }
    pairs.extend(reference.map(|table| ("references", string(table))));
    if !column.meaning.is_empty() {
        pairs.push(("meaning", string(&column.meaning)));
    }
    line(&column.name, &pairs)
}

/// Returns the line of a column; its type alone if it has nothing else.
fn line(name: &str, pairs: &[(&str, String)]) -> String {
    match pairs {
        [(_, column_type)] => format!("{} = {column_type}\n", key(name)),
        _ => format!("{} = {}\n", key(name), inline(pairs)),
    }
}

fn condition(condition: &Condition) -> String {
    let equals = match &condition.equals {
        Literal::Text(text) => string(text),
        Literal::Integer(integer) => integer.to_string(),
        Literal::Boolean(boolean) => boolean.to_string(),
    };
    inline(&[("column", string(&condition.column)), ("equals", equals)])
}

fn inline(pairs: &[(&str, String)]) -> String {
    let pairs: Vec<String> = pairs.iter().map(|(key, value)| format!("{key} = {value}")).collect();
    format!("{{ {} }}", pairs.join(", "))
}

/// Returns a name as a key of TOML.
pub fn key(name: &str) -> String {
    if is_plain(name) { name.to_owned() } else { string(name) }
}

/// Returns a text as a string of TOML.
pub fn string(text: &str) -> String {
    Value::String(text.to_owned()).to_string()
}

/// Returns texts as a list of TOML.
pub fn strings(texts: &[String]) -> String {
    Value::Array(Array::from_iter(texts.iter().cloned().map(Value::String))).to_string()
}
