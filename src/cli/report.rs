//! `starlift report`, and the reports of `transform`, `run` and `demo`.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use super::args::ReportArgs;
use super::json::{Report, ReportResult};
use super::output::print;
use super::place_file::{folder_of, place_file};
use super::settings::{GlobalOptions, StarOptions, WarehouseOptions};
use super::signals::unless_interrupted;
use super::{star, summary};
use crate::cli::error::{Error, Result};
use crate::escape;
use crate::pipeline::{TransformOptions, queries};
use crate::report::{WarehouseTables, report, validate};
use crate::transform::plan_all;

/// Text near the beginning of each report.
const GENERATOR: &str = "<meta name=\"generator\" content=\"starlift ";

/// Number of bytes at the beginning of a file in which [`GENERATOR`] is searched.
const BEGINNING: u64 = 1024;

/// Writes the report on a star, whose figures are queried on its files or in a warehouse.
///
/// # Errors
///
/// Returns an error if there is no star, a query fails, the report is too large or cannot be written, or another
/// file exists at its path. An existing file is then unchanged.
pub async fn run(
    args: &ReportArgs,
    options: &StarOptions,
    on: Option<WarehouseOptions>,
    global: &GlobalOptions,
) -> Result<()> {
    let (line, result) = write(&args.out, options, on, global).await?;
    global.results.set(Report::Page(Some(result)));
    if global.quiet { Ok(()) } else { print(&line) }
}

/// Writes the report on the star of a transform, and returns a line for its summary.
///
/// # Errors
///
/// As for [`run`].
pub async fn of_transform(
    file: &Path,
    options: &TransformOptions,
    global: &GlobalOptions,
) -> Result<String> {
    let star = StarOptions {
        star: Some(options.out.clone()),
        model: options.model.clone(),
        queries: options.queries.clone(),
        engine: options.engine,
    };
    let (line, result) = write(file, &star, None, global).await?;
    global.results.set_transform_report(result);
    Ok(line)
}

/// Writes a report to `file`, and returns a line that describes it, and its result.
///
/// # Errors
///
/// As for [`run`].
pub async fn write(
    file: &Path,
    options: &StarOptions,
    on: Option<WarehouseOptions>,
    global: &GlobalOptions,
) -> Result<(String, ReportResult)> {
    ensure_replaceable(file)?;
    let work = async {
        let open = star::open(options, global).await?;
        let Some(warehouse) = on else { return Ok::<_, Error>(report(&open, None).await?) };
        let session = warehouse.open_session(&global.stores).await?;
        let address = warehouse.target.to_string();
        let tables = WarehouseTables { session: &session, address, schema: &warehouse.schema };
        Ok(report(&open, Some(&tables)).await?)
    };
    let page = unless_interrupted(work, crate::error::Error::Stopped).await?;
    place_file(file, &page.html, true)
        .map_err(|e| Error::io(format!("cannot write the report {}", file.display()), e))?;
    let (shown, size) = (file.display().to_string(), summary::bytes(page.html.len() as u64));
    let line = format!("report    {} ({size})\n", escape::line(&shown));
    Ok((line, ReportResult::new(file, &page)))
}

/// Fails if a report on the star of a transform is not possible, before the transform begins.
///
/// # Errors
///
/// Returns an error if the file cannot be written, or a figure is not valid.
pub async fn ensure_possible(file: &Path, options: &TransformOptions) -> Result<()> {
    ensure_replaceable(file)?;
    let queries = queries(&options.model, options.queries.as_deref())?;
    validate(&queries)?;
    Ok(plan_all(&queries, options.rules).await?)
}

/// Fails if a report cannot be written to `file`: its folder is missing, or the file is not a report.
///
/// # Errors
///
/// Returns an error that names the file.
pub fn ensure_replaceable(file: &Path) -> Result<()> {
    let shown = file.display();
    let folder = folder_of(file);
    if !folder.is_dir() {
        return Err(Error::Usage(format!(
            "the report {shown} cannot be written: there is no folder {}",
            folder.display()
        )));
    }
    let mut beginning = Vec::new();
    let read = File::open(file).and_then(|found| found.take(BEGINNING).read_to_end(&mut beginning));
    match read {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => {
            Err(Error::io(format!("cannot read {shown}, which the report would replace"), error))
        }
        Ok(_) if String::from_utf8_lossy(&beginning).contains(GENERATOR) => Ok(()),
        Ok(_) => Err(Error::Usage(format!(
            "{shown} exists and is not a report of starlift; write the report to another file, or move it away"
        ))),
    }
}
