//! `starlift rejects`: the rejected records of a star, by reason, and their text.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::Path;

use arrow::array::{Array, AsArray};
use arrow::datatypes::Int64Type;
use comfy_table::presets::NOTHING;
use datafusion::prelude::SessionContext;
use futures::TryStreamExt;
use indicatif::HumanCount;

use super::args::RejectsArgs;
use super::json::{ExportResult, RejectReason, RejectsResult, Report};
use super::output::print;
use super::settings::{GlobalOptions, StarOptions};
use super::signals::unless_interrupted;
use super::star;
use super::summary::counted;
use super::table::table;
use crate::api::Star;
use crate::cli::error::{Error, Result};
use crate::escape;
use crate::warehouse::Dialect;
use crate::warehouse::sql::quote::literal;

/// Maximum number of reasons that are printed.
const SHOWN_REASONS: usize = 100;

/// Name of the queries of this command in errors.
const NAME: &str = "rejects";

/// Prints the rejected records of a star by reason, or writes their text to a file.
///
/// # Errors
///
/// Returns an error if there is no star, its rejects cannot be read, or the file exists or cannot be written.
pub async fn run(args: &RejectsArgs, options: &StarOptions, global: &GlobalOptions) -> Result<()> {
    let work = async {
        let open = star::open(options, global).await?;
        let condition = condition(args)?;
        match &args.export {
            Some(file) => export(&open, &condition, file, global).await,
            None => list(&open, &condition, global).await,
        }
    };
    unless_interrupted(work, crate::error::Error::Stopped).await
}

/// Returns the condition that selects the rejects.
fn condition(args: &RejectsArgs) -> Result<String> {
    match &args.dataset {
        None => Ok("TRUE".to_owned()),
        Some(name) => Ok(format!("dataset = {}", literal(name, Dialect::Postgres)?)),
    }
}

async fn list(open: &Star, condition: &str, global: &GlobalOptions) -> Result<()> {
    let sql = format!(
        "SELECT dataset, \"column\", reason, COUNT(*) AS records, \
         FIRST_VALUE(object ORDER BY object, \"offset\") AS \"first object\", \
         FIRST_VALUE(line ORDER BY object, \"offset\") AS \"line\" \
         FROM rejects WHERE {condition} GROUP BY dataset, \"column\", reason \
         ORDER BY records DESC, dataset, \"column\", reason LIMIT {}",
        SHOWN_REASONS + 1
    );
    let rows = open.named_stream(NAME, &sql, None).await?;
    let schema = rows.schema();
    let batches: Vec<_> = rows.try_collect().await.map_err(|e| Error::query(NAME, e))?;
    let total = count(open.session(), condition).await?;
    let mut result = RejectsResult { records: total, ..RejectsResult::default() };
    if total == 0 {
        global.results.set(Report::Rejects(Some(result)));
        return print("no record was rejected\n");
    }
    let all: usize = batches.iter().map(|batch| batch.num_rows()).sum();
    let mut left = SHOWN_REASONS;
    let shown: Vec<_> = batches
        .iter()
        .map(|batch| {
            let rows = batch.num_rows().min(left);
            left -= rows;
            batch.slice(0, rows)
        })
        .collect();
    for batch in &shown {
        result.reasons.extend(RejectReason::of_batch(batch)?);
    }
    result.has_more_reasons = all > SHOWN_REASONS;
    global.results.set(Report::Rejects(Some(result)));
    let lines = table(&schema, &shown, NOTHING, |value| escape::line(value).into_owned())?;
    let more = if all > SHOWN_REASONS { "… and other reasons\n" } else { "" };
    print(&format!("{lines}\n{more}{} rejected\n", counted(total, "record")))
}

async fn count(session: &SessionContext, condition: &str) -> Result<u64> {
    let failed = |e| Error::query(NAME, e);
    let sql = format!("SELECT COUNT(*) FROM rejects WHERE {condition}");
    let rows = session.sql(&sql).await.map_err(failed)?.collect().await.map_err(failed)?;
    let first =
        rows.first().map_or(0, |batch| batch.column(0).as_primitive::<Int64Type>().value(0));
    Ok(first as u64)
}

/// Writes the text of the rejects to a new file, in the order of the records.
async fn export(open: &Star, condition: &str, path: &Path, global: &GlobalOptions) -> Result<()> {
    let datasets =
        format!("SELECT DISTINCT dataset FROM rejects WHERE {condition} ORDER BY dataset");
    let datasets = texts(open, &datasets).await?;
    if datasets.len() > 1 {
        return Err(Error::Usage(format!(
            "the datasets {} have rejects; export one at a time with --dataset",
            datasets.join(", ")
        )));
    }
    let failed = |e| Error::io(format!("cannot write {}", path.display()), e);
    let mut file = BufWriter::new(create_private(path).map_err(failed)?);
    let sql = format!(
        "SELECT raw, length FROM rejects WHERE {condition} ORDER BY object, \"offset\", reason"
    );
    let mut rows = open.named_stream(NAME, &sql, None).await?;
    let (mut written, mut cut) = (0, 0);
    while let Some(batch) = rows.try_next().await.map_err(|e| Error::query(NAME, e))? {
        let raw = arrow::compute::cast(batch.column(0), &arrow::datatypes::DataType::Utf8)?;
        let lengths = batch.column(1).as_primitive::<Int64Type>();
        for (row, text) in raw.as_string::<i32>().iter().enumerate() {
            let text = text.unwrap_or_default();
            writeln!(file, "{text}").map_err(failed)?;
            written += 1;
            cut += u64::from(lengths.is_valid(row) && lengths.value(row) > text.len() as i64);
        }
    }
    file.flush().map_err(failed)?;
    let exported = Some(ExportResult::new(path, written, cut));
    let result = RejectsResult { records: written, export: exported, ..RejectsResult::default() };
    global.results.set(Report::Rejects(Some(result)));
    if global.quiet {
        return Ok(());
    }
    let mut text = format!("wrote {} to {}\n", counted(written, "record"), path.display());
    if cut > 0 {
        text += &format!(
            "{} of them are incomplete, because rejects keep at most 64 KiB; copy these from their objects\n",
            HumanCount(cut)
        );
    }
    print(&text)
}

async fn texts(open: &Star, sql: &str) -> Result<Vec<String>> {
    let batches = open.query(sql).await?;
    let mut texts = Vec::new();
    for batch in &batches {
        let column = arrow::compute::cast(batch.column(0), &arrow::datatypes::DataType::Utf8)?;
        texts.extend(column.as_string::<i32>().iter().map(|t| t.unwrap_or("unknown").to_owned()));
    }
    Ok(texts)
}

/// Creates a file that only the user can read, because rejects can contain personal data.
fn create_private(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path)
}
