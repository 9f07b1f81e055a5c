//! `starlift query`.

use std::io::{self, Write};

use arrow::array::RecordBatch;
use arrow::csv;
use arrow::error::ArrowError;
use arrow::json;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::TryStreamExt;

use super::args::{OutputFormat, QueryArgs, QueryFormat};
use super::output::{TextFormat, print, print_exact, reader_has_gone};
use super::settings::WarehouseOptions;
use super::settings::{GlobalOptions, StarOptions};
use super::signals::unless_interrupted;
use super::star;
use super::{compare, table};
use crate::cli::error::{Error, Result};
use crate::escape;
use crate::pipeline::queries;
use crate::star::{Group, Queries};
use crate::warehouse::query::{expected_schema, run_query};

/// Runs a query and prints its rows, or lists the analytics queries.
///
/// # Errors
///
/// Returns an error if there is no such query or star, or the query fails.
pub async fn run(
    args: &QueryArgs,
    options: &StarOptions,
    on: Option<WarehouseOptions>,
    global: &GlobalOptions,
) -> Result<()> {
    unless_interrupted(query(args, options, on, global), crate::error::Error::Stopped).await
}

async fn query(
    args: &QueryArgs,
    options: &StarOptions,
    on: Option<WarehouseOptions>,
    global: &GlobalOptions,
) -> Result<()> {
    let queries = queries(&options.model, options.queries.as_deref())?;
    if args.list {
        return print(&list(&queries));
    }
    let selected = selected(args, &queries)?;
    if let (true, Some(warehouse)) = (args.compare, &on) {
        return compare::run(&selected, options, warehouse, global).await;
    }
    let [(name, sql)] = &selected[..] else {
        return Err(Error::Usage(
            "specify a query by name or with --sql; --list shows all names".to_owned(),
        ));
    };
    let default = match global.output_format {
        OutputFormat::Text => QueryFormat::Table,
        OutputFormat::Json => QueryFormat::Json,
    };
    let format = args.format.unwrap_or(default);
    let Some(warehouse) = on else {
        let open = star::open(options, global).await?;
        return write(name, open.named_stream(name, sql, None).await?, format).await;
    };
    let session = warehouse.open_session(&global.stores).await?;
    let expected = expected_schema(&options.model, sql).await;
    let rows = run_query(&session, name, sql, expected).await?;
    write(name, rows, format).await
}

/// Returns the names and SQL texts of the queries to run; every analytics query if none is specified.
fn selected(args: &QueryArgs, queries: &Queries) -> Result<Vec<(String, String)>> {
    Ok(match (&args.name, &args.sql) {
        (Some(name), _) => {
            let query = queries.get(Group::Analytics, name)?;
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
        write_table(name, open.named_stream(name, sql, Some(rows)).await?).await
    };
    unless_interrupted(shown, crate::error::Error::Stopped).await
}

fn list(queries: &Queries) -> String {
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
    write(name, Box::pin(RecordBatchStreamAdapter::new(schema, rows)), format).await
}

async fn write(name: &str, rows: SendableRecordBatchStream, format: QueryFormat) -> Result<()> {
    match format {
        QueryFormat::Table => write_table(name, rows).await,
        QueryFormat::Csv => write_csv(name, rows).await,
        QueryFormat::Json => write_json::<Document>(name, rows).await,
        QueryFormat::Ndjson => write_json::<json::writer::LineDelimited>(name, rows).await,
    }
}

/// Border preset of tables, see [`comfy_table::Table::load_preset`].
const GRID: &str = "||--+-++|    ++++++";

/// Prints the rows as a table. Collects all rows first, because they determine the column widths.
async fn write_table(name: &str, rows: SendableRecordBatchStream) -> Result<()> {
    let schema = rows.schema();
    let batches: Vec<RecordBatch> = rows.try_collect().await.map_err(|e| Error::query(name, e))?;
    let show = |value: &str| escape::line(value).into_owned();
    print(&format!("{}\n", table::table(&schema, &batches, GRID, show)?))
}

async fn write_csv(name: &str, mut rows: SendableRecordBatchStream) -> Result<()> {
    let empty = RecordBatch::new_empty(rows.schema());
    print_exact(&csv_lines(&empty, true)?, TextFormat::Text)?;
    while !reader_has_gone()
        && let Some(batch) = rows.try_next().await.map_err(|e| Error::query(name, e))?
    {
        print_exact(&csv_lines(&batch, false)?, TextFormat::Text)?;
    }
    Ok(())
}

fn csv_lines(batch: &RecordBatch, header: bool) -> Result<String> {
    let mut lines = Vec::new();
    csv::WriterBuilder::new().with_header(header).build(&mut lines).write(batch)?;
    utf8(lines)
}

/// Converts the output of a text writer to a string.
fn utf8(written: Vec<u8>) -> Result<String> {
    let not_text = |e| Error::io("cannot write the result", io::Error::other(e));
    String::from_utf8(written).map_err(not_text)
}

/// A JSON array that ends with a line feed, so that a shell prompt starts on its own line.
#[derive(Debug, Default)]
struct Document;

impl json::writer::JsonFormat for Document {
    fn start_stream<W: Write>(&self, out: &mut W) -> Result<(), ArrowError> {
        Ok(out.write_all(b"[")?)
    }

    fn start_row<W: Write>(&self, out: &mut W, is_first: bool) -> Result<(), ArrowError> {
        if is_first { Ok(()) } else { Ok(out.write_all(b",")?) }
    }

    fn end_stream<W: Write>(&self, out: &mut W) -> Result<(), ArrowError> {
        Ok(out.write_all(b"]\n")?)
    }
}

async fn write_json<F: json::writer::JsonFormat>(
    name: &str,
    mut rows: SendableRecordBatchStream,
) -> Result<()> {
    let mut writer = json::WriterBuilder::new().with_explicit_nulls(true).build::<_, F>(Vec::new());
    while !reader_has_gone()
        && let Some(batch) = rows.try_next().await.map_err(|e| Error::query(name, e))?
    {
        writer.write(&batch)?;
        print_exact(&utf8(std::mem::take(writer.get_mut()))?, TextFormat::Json)?;
    }
    writer.finish()?;
    print_exact(&utf8(writer.into_inner())?, TextFormat::Json)
}
