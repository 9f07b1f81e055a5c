//! `starlift query --compare`: runs the same queries on the files and in a warehouse.

use super::json::{ComparedQuery, QueryResult, Report};
use super::output::{BAD, GOOD, print, styled};
use super::settings::WarehouseOptions;
use super::settings::{GlobalOptions, StarOptions};
use super::star;
use crate::api::Star;
use crate::cli::error::{Error, Result};
use crate::escape;
use crate::warehouse::connection::session::Session;
use crate::warehouse::difference::difference;
use crate::warehouse::query::{expected_schema, run_query};

/// Runs every query on the files and in the warehouse, and prints one line per query.
///
/// # Errors
///
/// Returns an error if a query fails, or the results differ.
pub async fn run(
    queries: &[(String, String)],
    options: &StarOptions,
    warehouse: &WarehouseOptions,
    global: &GlobalOptions,
) -> Result<()> {
    let open = star::open(options, global).await?;
    let session = warehouse.open_session(&global.stores).await?;
    let mut names = Vec::new();
    let mut result = QueryResult::default();
    for (name, sql) in queries {
        let difference = compare_query(&session, &open, name, sql).await?;
        result.compared.push(ComparedQuery { name: name.clone(), difference: difference.clone() });
        global.results.set(Report::Query(Some(result.clone())));
        match difference {
            None if global.quiet => {}
            None => print(&format!("{}    {name}\n", styled(GOOD, "same")))?,
            Some(what) => {
                let what = escape::line(&what);
                print(&format!("{}  {name}: {what}\n", styled(BAD, "differ")))?;
                names.push(name.clone());
            }
        }
    }
    if names.is_empty() { Ok(()) } else { Err(Error::AnswersDiffer { names }) }
}

/// Runs a query on the files and in the warehouse, and returns a description of the difference, if any.
///
/// # Errors
///
/// Returns an error if the query fails.
pub async fn compare_query(
    session: &Session,
    open: &Star,
    name: &str,
    sql: &str,
) -> Result<Option<String>> {
    let files = open.named_stream(name, sql, None).await?;
    let expected = expected_schema(open.model(), sql).await;
    let rows = run_query(session, name, sql, expected).await?;
    Ok(difference(files, rows).await?)
}
