//! The tables of the star, as a model declares them: Arrow schemas and documents.
//!
//! The Parquet files, the diagram in docs/tables.md and the output of `starlift schema` are all derived from
//! the model.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use serde::Serialize;

use crate::model::{KeyRole, Model};

pub use crate::model::{ColumnType, Reference, Table, TableColumn};

/// Returns the Arrow schema of a table: names, types and nullability, without metadata.
pub fn table_schema(table: &Table) -> SchemaRef {
    let fields = table
        .columns
        .iter()
        .map(|column| Field::new(&column.name, arrow_type(column.column_type), column.nullable));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// Returns the Arrow type of a column.
pub fn arrow_type(column_type: ColumnType) -> DataType {
    match column_type {
        ColumnType::Text => DataType::Utf8,
        ColumnType::Boolean => DataType::Boolean,
        ColumnType::SmallInt => DataType::Int16,
        ColumnType::Integer => DataType::Int32,
        ColumnType::BigInt => DataType::Int64,
        ColumnType::Double => DataType::Float64,
        ColumnType::Decimal { precision, scale } => DataType::Decimal128(precision, scale as i8),
        ColumnType::Date => DataType::Date32,
        ColumnType::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
    }
}

/// Returns the tables of a model as a Mermaid entity-relationship diagram.
pub fn mermaid(model: &Model) -> String {
    let mut out = String::from("erDiagram\n");
    for table in &model.tables {
        for reference in &table.references {
            let is_null = |name: &String| table.column(name).is_some_and(|column| column.nullable);
            let many = if reference.columns.iter().any(is_null) { "|o" } else { "||" };
            let (target, columns) = (&reference.table, reference.columns.join(" "));
            out += &format!("    {target} {many}--o{{ {} : {columns}\n", table.name);
        }
    }
    for table in &model.tables {
        out += &format!("    {} {{\n", table.name);
        for column in &table.columns {
            out += &mermaid_column(table, column);
        }
        out += "    }\n";
    }
    out
}

fn mermaid_column(table: &Table, column: &TableColumn) -> String {
    let key = match table.key_role(&column.name) {
        KeyRole::Primary => " PK",
        KeyRole::Foreign => " FK",
        KeyRole::None => "",
    };
    let sql_type = column.column_type.sql().replace(' ', "_");
    let null = if column.nullable { "" } else { "not null, " };
    // Some Mermaid parsers treat a semicolon as the end of a statement, even within quotes.
    let meaning = column.meaning.replace(';', ",");
    format!("        {sql_type} {}{key} \"{null}{meaning}\"\n", column.name)
}

#[derive(Serialize)]
struct TableDocument<'a> {
    name: &'a str,
    grain: &'a str,
    primary_key: &'a [String],
    sorted_by: &'a [String],
    columns: Vec<ColumnDocument<'a>>,
}

#[derive(Serialize)]
struct ColumnDocument<'a> {
    name: &'a str,
    #[serde(rename = "type")]
    sql_type: String,
    arrow_type: String,
    nullable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    references: Option<&'a str>,
    meaning: &'a str,
}

/// Returns the tables of a model as a JSON document.
pub fn json(model: &Model) -> serde_json::Value {
    let tables: Vec<TableDocument> = model.tables.iter().map(|t| table_document(t)).collect();
    serde_json::json!({ "tables": tables })
}

fn table_document(table: &Table) -> TableDocument<'_> {
    let column = |column| column_document(table, column);
    TableDocument {
        name: &table.name,
        grain: &table.grain,
        primary_key: &table.primary_key,
        sorted_by: &table.sorted_by,
        columns: table.columns.iter().map(column).collect(),
    }
}

fn column_document<'a>(table: &'a Table, column: &'a TableColumn) -> ColumnDocument<'a> {
    ColumnDocument {
        name: &column.name,
        sql_type: column.column_type.sql().into_owned(),
        arrow_type: arrow_type(column.column_type).to_string(),
        nullable: column.nullable,
        references: table.reference_of(&column.name).map(|reference| &*reference.table),
        meaning: &column.meaning,
    }
}
