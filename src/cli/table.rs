//! Formats rows as a human-readable table.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use comfy_table::Table;

use crate::cli::error::Result;
use crate::escape;

/// Returns `batches` of `schema` as a table, with each value formatted by `show`.
///
/// # Errors
///
/// Returns an error if a value cannot be formatted.
pub fn table(
    schema: &SchemaRef,
    batches: &[RecordBatch],
    preset: &str,
    show: impl Fn(&str) -> String,
) -> Result<Table> {
    let mut table = Table::new();
    table.load_preset(preset);
    table.set_header(schema.fields().iter().map(|field| escape::line(field.name()).into_owned()));
    let options = FormatOptions::default();
    for batch in batches {
        let columns = batch.columns().iter();
        let columns = columns.map(|column| ArrayFormatter::try_new(column.as_ref(), &options));
        let columns: Vec<_> = columns.collect::<Result<_, _>>()?;
        for row in 0..batch.num_rows() {
            table.add_row(columns.iter().map(|column| show(&column.value(row).to_string())));
        }
    }
    Ok(table)
}
