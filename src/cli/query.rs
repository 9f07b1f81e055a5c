//! `starlift query`.

use std::io::Write;

use arrow::array::RecordBatch;
use arrow::csv;
use arrow::error::ArrowError;
use arrow::json;
use arrow::util::pretty::pretty_format_batches;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::context::SQLOptions;
use futures::TryStreamExt;

use super::args::{QueryArgs, QueryFormat};
use super::compare;
use super::output::print;
use super::settings::{GlobalOptions, StarOptions};
use super::star::{self, OpenStar};
use super::warehouse::WarehouseOptions;
use crate::error::{Error, Result};
use crate::pipeline::queries;
use crate::star::{Group, Queries};
use crate::warehouse::answers::{ask, expected_schema};

/// Answers a question, or lists the questions there are.
///
/// # Errors
///
/// If there is no such query or star, or the query fails.
pub async fn run(
    args: &QueryArgs,
    options: &StarOptions,
    on: Option<WarehouseOptions>,
    global: &GlobalOptions,
) -> Result<()> {
    let queries = queries(options.queries.as_deref())?;
    if args.list {
        return print(&list(&queries));
    }
    let questions = questions(args, &queries)?;
    if let (true, Some(warehouse)) = (args.compare, &on) {
        return compare::run(&questions, options, warehouse, global).await;
    }
    let [(name, sql)] = &questions[..] else {
        return Err(Error::Usage(
            "name a query, give one with --sql, or see them all with --list".to_owned(),
        ));
    };
    let Some(warehouse) = on else {
        let open = star::open(options, global).await?;
        return write(name, execute(name, sql, None, &open).await?, args.format).await;
    };
    let session = warehouse.ask(&global.stores).await?;
    let rows = ask(&session, name, sql, expected_schema(sql).await).await?;
    write(name, rows, args.format).await
}

/// The names and texts of the questions; every analytics query where none is named.
fn questions(args: &QueryArgs, queries: &Queries) -> Result<Vec<(String, String)>> {
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

/// Prints the first rows that an analytics query gives, as a table.
///
/// # Errors
///
/// As [`run`].
pub async fn show_first(
    name: &str,
    rows: usize,
    options: &StarOptions,
    global: &GlobalOptions,
) -> Result<()> {
    let queries = queries(options.queries.as_deref())?;
    let sql = &queries.get(Group::Analytics, name)?.sql;
    let open = star::open(options, global).await?;
    write_table(name, execute(name, sql, Some(rows), &open).await?).await
}

fn list(queries: &Queries) -> String {
    let mut table = comfy_table::Table::new();
    table.load_preset(comfy_table::presets::NOTHING).set_header(["query", "question"]);
    for query in queries.of(Group::Analytics) {
        let question = query.header_entry("Question").unwrap_or_else(|| query.header());
        table.add_row([query.name.to_string(), question]);
    }
    format!("{table}\n")
}

/// Runs `sql`; at most `limit` rows of it.
pub(super) async fn execute(
    name: &str,
    sql: &str,
    limit: Option<usize>,
    open: &OpenStar,
) -> Result<SendableRecordBatchStream> {
    let failed = |e| Error::query(name, e);
    // A question changes nothing: CREATE, INSERT, COPY and SET are refused.
    let options =
        SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    let rows = open.session.sql_with_options(sql, options).await.map_err(failed)?;
    let rows = match limit {
        Some(_) => rows.limit(0, limit).map_err(failed)?,
        None => rows,
    };
    rows.execute_stream().await.map_err(failed)
}

async fn write(name: &str, rows: SendableRecordBatchStream, format: QueryFormat) -> Result<()> {
    match format {
        QueryFormat::Table => write_table(name, rows).await,
        QueryFormat::Csv => write_csv(name, rows).await,
        QueryFormat::Json => write_json::<Document>(name, rows).await,
        QueryFormat::Ndjson => write_json::<json::writer::LineDelimited>(name, rows).await,
    }
}

/// The widths of a table's columns are known only when all rows are.
async fn write_table(name: &str, rows: SendableRecordBatchStream) -> Result<()> {
    let schema = rows.schema();
    let mut batches: Vec<RecordBatch> =
        rows.try_collect().await.map_err(|e| Error::query(name, e))?;
    if batches.is_empty() {
        batches.push(RecordBatch::new_empty(schema));
    }
    print(&format!("{}\n", pretty_format_batches(&batches)?))
}

async fn write_csv(name: &str, mut rows: SendableRecordBatchStream) -> Result<()> {
    let empty = RecordBatch::new_empty(rows.schema());
    write_out(&csv_lines(&empty, true)?)?;
    while let Some(batch) = rows.try_next().await.map_err(|e| Error::query(name, e))? {
        write_out(&csv_lines(&batch, false)?)?;
    }
    Ok(())
}

/// A batch as CSV. In memory first: the writer makes text of an I/O error, and a reader that has
/// gone could not be told from a defect.
fn csv_lines(batch: &RecordBatch, header: bool) -> Result<Vec<u8>> {
    let mut lines = Vec::new();
    csv::WriterBuilder::new().with_header(header).build(&mut lines).write(batch)?;
    Ok(lines)
}

/// One array, ended like a line: a prompt printed next should not stick to it.
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
    let mut writer = json::WriterBuilder::new()
        .with_explicit_nulls(true)
        .build::<_, F>(std::io::BufWriter::new(std::io::stdout()));
    while let Some(batch) = rows.try_next().await.map_err(|e| Error::query(name, e))? {
        writer.write(&batch).map_err(closed)?;
    }
    writer.finish().map_err(closed)?;
    let mut out = writer.into_inner();
    out.flush().map_err(|e| Error::io("cannot write to standard output", e))
}

fn write_out(bytes: &[u8]) -> Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(bytes)
        .and_then(|()| out.flush())
        .map_err(|e| Error::io("cannot write to standard output", e))
}

/// Arrow's writers wrap the one failure that is no defect: a reader that has gone.
fn closed(error: ArrowError) -> Error {
    match error {
        ArrowError::IoError(_, source) => Error::io("cannot write to standard output", source),
        other => other.into(),
    }
}
