//! `\d`: tables and columns.

use arrow::datatypes::{DataType, SchemaRef};
use comfy_table::Table as Lines;
use comfy_table::presets::NOTHING;
use indicatif::HumanCount;

use super::source::Source;
use crate::api::Star;
use crate::cli::error::{Error, Result};
use crate::cli::suggest::{self, TABLES_BESIDE};
use crate::cli::summary;
use crate::escape;
use crate::model::{KeyRole, Model, Table};

/// Grain of the tables beside the model.
const GRAINS: [(&str, &str); 3] = [
    ("inputs", "one row per object read"),
    ("rejects", "one row per rejected record"),
    ("run", "one row: the counts of the run"),
];

/// Returns the tables with their grain, and with their number of rows if the source is a star.
pub fn tables(source: &Source, model: &Model) -> String {
    let mut lines = Lines::new();
    lines.load_preset(NOTHING);
    let Source::Star(star) = source else {
        lines.set_header(["table", "grain"]);
        for table in &model.tables {
            lines.add_row([escape::line(&table.name), escape::line(&table.grain)]);
        }
        return format!("{lines}\n");
    };
    lines.set_header(["table", "rows", "grain"]);
    for table in &model.tables {
        let rows = star.record().tables.get(&table.name).map(|found| found.rows);
        let rows = rows.map(|rows| HumanCount(rows).to_string()).unwrap_or_default();
        let (name, grain) = (escape::line(&table.name), escape::line(&table.grain));
        lines.add_row([name.into_owned(), rows, grain.into_owned()]);
    }
    for (name, list) in &star.record().lists {
        let (name, rows) = (escape::line(name), HumanCount(list.file.rows).to_string());
        lines.add_row([
            name.into_owned(),
            rows,
            "a list: the rows with the largest counts".to_owned(),
        ]);
    }
    for (name, grain) in GRAINS {
        lines.add_row([name, "", grain]);
    }
    summary::right_align(&mut lines, 1..2);
    format!("{lines}\n")
}

/// Returns the columns of a table.
///
/// # Errors
///
/// Returns an error with similar names if there is no such table.
pub async fn columns(name: &str, source: &Source, model: &Model) -> Result<String> {
    let wanted = name.trim_matches('"');
    if let Some(table) = model.table(wanted) {
        return Ok(of_model(table));
    }
    if let Source::Star(star) = source
        && (TABLES_BESIDE.contains(&wanted) || star.record().lists.contains_key(wanted))
    {
        return Ok(of_schema(&schema(star, wanted).await?));
    }
    let known: Vec<&str> = model.tables.iter().map(|table| table.name.as_str()).collect();
    let message = format!("there is no table {wanted:?}; the tables are {}", known.join(", "));
    Err(suggest::among(Error::Usage(message), wanted, known.into_iter().chain(TABLES_BESIDE)))
}

async fn schema(star: &Star, table: &str) -> Result<SchemaRef> {
    let found = star.session().table(table).await.map_err(|e| Error::query(table, e))?;
    Ok(found.schema().inner().clone())
}

fn of_model(table: &Table) -> String {
    let mut lines = Lines::new();
    lines.load_preset(NOTHING).set_header(["column", "type", "nulls", "key", "meaning"]);
    for column in &table.columns {
        let key = match (table.key_role(&column.name), table.reference_of(&column.name)) {
            (KeyRole::Primary, _) => "primary".to_owned(),
            (_, Some(reference)) => format!("to {}", reference.table),
            (KeyRole::Foreign, None) => "foreign".to_owned(),
            (KeyRole::None, None) => String::new(),
        };
        let cells = [
            column.name.clone(),
            column.column_type.sql().to_string(),
            if column.nullable { "yes" } else { "no" }.to_owned(),
            key,
            column.meaning.clone(),
        ];
        lines.add_row(cells.iter().map(|cell| escape::line(cell).into_owned()));
    }
    format!("{}: {}\n{lines}\n", escape::line(&table.name), escape::line(&table.grain))
}

fn of_schema(schema: &SchemaRef) -> String {
    let mut lines = Lines::new();
    lines.load_preset(NOTHING).set_header(["column", "type", "nulls"]);
    for field in schema.fields() {
        let nulls = if field.is_nullable() { "yes" } else { "no" };
        lines.add_row([
            escape::line(field.name()).into_owned(),
            sql_type(field.data_type()),
            nulls.to_owned(),
        ]);
    }
    format!("{lines}\n")
}

/// Returns the SQL name of a type.
fn sql_type(data_type: &DataType) -> String {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "VARCHAR".to_owned(),
        DataType::Dictionary(_, values) => sql_type(values),
        DataType::Int32 => "INTEGER".to_owned(),
        DataType::Int64 | DataType::UInt64 => "BIGINT".to_owned(),
        DataType::Boolean => "BOOLEAN".to_owned(),
        DataType::Timestamp(_, _) => "TIMESTAMP".to_owned(),
        other => other.to_string(),
    }
}
