//! `starlift query`.

use std::path::Path;

use arrow::array::RecordBatch;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use indicatif::HumanCount;

use super::args::{OutputFormat, QueryArgs, QueryFormat};
use super::destination::Destination;
use super::output::{note, print};
use super::settings::WarehouseOptions;
use super::settings::{GlobalOptions, StarOptions};
use super::signals::unless_interrupted;
use super::{chart, compare, rows, star, suggest};
use crate::cli::error::{Error, Result};
use crate::escape;
use crate::pipeline::queries;
use crate::star::{Group, Queries};
use crate::warehouse::query::{expected_schema, run_query};

/// Runs a query and prints its rows, or lists the analytics queries.
///
/// # Errors
///
/// Returns an error if there is no such query or star, the query fails, or its result cannot be written.
pub async fn run(
    args: &QueryArgs,
    options: &StarOptions,
    on: Option<WarehouseOptions>,
    global: &GlobalOptions,
) -> Result<()> {
    let mut to = Destination::open(args.output.as_deref(), args.pager)?;
    // The destination outlives the work: after an interruption, the pager must end first.
    let work = query(args, options, on, global, &mut to);
    let outcome = unless_interrupted(work, crate::error::Error::Stopped).await;
    let path = to.path().map(Path::to_owned);
    let count = to.finish(outcome).await?;
    if let (Some(path), false) = (path, global.quiet) {
        note(&format!("wrote {} rows to {}\n", HumanCount(count), path.display()));
    }
    Ok(())
}

/// Runs the query, and returns the number of its rows.
async fn query(
    args: &QueryArgs,
    options: &StarOptions,
    on: Option<WarehouseOptions>,
    global: &GlobalOptions,
    to: &mut Destination,
) -> Result<u64> {
    let queries = queries(&options.model, options.queries.as_deref())?;
    if args.list {
        return print(&list(&queries)).map(|()| 0);
    }
    let selected = selected(args, &queries)?;
    if let (true, Some(warehouse)) = (args.compare, &on) {
        return compare::run(&selected, options, warehouse, global).await.map(|()| 0);
    }
    let [(name, sql)] = &selected[..] else {
        return Err(Error::Usage(
            "specify a query by name or with --sql; --list shows all names".to_owned(),
        ));
    };
    let shown = async {
        let Some(warehouse) = on else {
            let open = star::open(options, global).await?;
            return show(name, open.named_stream(name, sql, None).await?, args, global, to).await;
        };
        let session = warehouse.open_session(&global.stores).await?;
        let expected = expected_schema(&options.model, sql).await;
        show(name, run_query(&session, name, sql, expected).await?, args, global, to).await
    };
    shown.await.map_err(|error| suggest::in_sql(error, sql, &options.model))
}

/// Writes rows in the form that the arguments select.
async fn show(
    name: &str,
    rows: SendableRecordBatchStream,
    args: &QueryArgs,
    global: &GlobalOptions,
    to: &mut Destination,
) -> Result<u64> {
    if args.chart {
        return chart::write(name, rows, to).await;
    }
    let format = args.format.unwrap_or_else(|| match (&args.output, global.output_format) {
        (None, OutputFormat::Json) => QueryFormat::Json,
        (file, _) => format_of(file.as_deref()),
    });
    rows::write(name, rows, format, to).await
}

/// Returns the format that the extension of a file names, or a table.
fn format_of(file: Option<&Path>) -> QueryFormat {
    let extension = file.and_then(Path::extension).and_then(|extension| extension.to_str());
    match extension.map(str::to_ascii_lowercase).as_deref() {
        Some("csv") => QueryFormat::Csv,
        Some("json") => QueryFormat::Json,
        Some("ndjson" | "jsonl") => QueryFormat::Ndjson,
        Some("md" | "markdown") => QueryFormat::Markdown,
        Some("parquet") => QueryFormat::Parquet,
        _ => QueryFormat::Table,
    }
}

/// Returns the names and SQL texts of the queries to run; every analytics query if none is specified.
fn selected(args: &QueryArgs, queries: &Queries) -> Result<Vec<(String, String)>> {
    Ok(match (&args.name, &args.sql) {
        (Some(name), _) => {
            let query = suggest::query(queries, Group::Analytics, name)?;
            vec![(query.file(), query.sql.to_string())]
        }
        (None, Some(sql)) => vec![("--sql".to_owned(), sql.clone())],
        (None, None) => {
            queries.of(Group::Analytics).map(|q| (q.file(), q.sql.to_string())).collect()
        }
    })
}

/// Prints the first rows of an analytics query as a table.
///
/// # Errors
///
/// Returns an error under the conditions of [`run`].
pub async fn show_first(
    name: &str,
    rows: usize,
    options: &StarOptions,
    global: &GlobalOptions,
) -> Result<()> {
    let queries = queries(&options.model, options.queries.as_deref())?;
    let sql = &queries.get(Group::Analytics, name)?.sql;
    let shown = async {
        let open = star::open(options, global).await?;
        let rows = open.named_stream(name, sql, Some(rows)).await?;
        rows::write(name, rows, QueryFormat::Table, &mut Destination::standard()).await.map(drop)
    };
    unless_interrupted(shown, crate::error::Error::Stopped).await
}

/// Returns the names of the analytics queries, with the questions that they answer.
pub fn list(queries: &Queries) -> String {
    let mut table = comfy_table::Table::new();
    table.load_preset(comfy_table::presets::NOTHING).set_header(["query", "question"]);
    for query in queries.of(Group::Analytics) {
        let question = query.header_entry("Question").unwrap_or_else(|| query.header());
        table.add_row([escape::line(&query.name), escape::line(&question)]);
    }
    format!("{table}\n")
}

/// Prints rows that are in memory.
///
/// # Errors
///
/// Returns an error if they cannot be formatted or printed.
pub async fn write_batch(name: &str, rows: RecordBatch, format: QueryFormat) -> Result<()> {
    let schema = rows.schema();
    let rows = futures::stream::iter([Ok(rows)]);
    let rows = Box::pin(RecordBatchStreamAdapter::new(schema, rows));
    rows::write(name, rows, format, &mut Destination::standard()).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions_name_formats() {
        for (file, format) in [
            ("a.csv", QueryFormat::Csv),
            ("a.PARQUET", QueryFormat::Parquet),
            ("a.b.jsonl", QueryFormat::Ndjson),
            ("a.md", QueryFormat::Markdown),
            ("csv", QueryFormat::Table),
            ("a.txt", QueryFormat::Table),
        ] {
            assert_eq!(format_of(Some(Path::new(file))), format, "{file}");
        }
        assert_eq!(format_of(None), QueryFormat::Table);
    }
}
