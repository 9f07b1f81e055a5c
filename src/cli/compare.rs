//! `starlift query --compare`: runs the same queries on the files and in a warehouse.

use super::output::{BAD, GOOD, print, styled};
use super::query::execute;
use super::settings::{GlobalOptions, StarOptions};
use super::star::{self, OpenStar};
use super::warehouse::WarehouseOptions;
use crate::cli::error::{Error, Result};
use crate::escape;
use crate::warehouse::answers::{ask, expected_schema};
use crate::warehouse::difference::difference;
use crate::warehouse::session::Session;

/// Runs every query on the files and in the warehouse, and prints one line per query.
///
/// # Errors
///
/// Returns an error if a query fails, or the answers differ.
pub async fn run(
    questions: &[(String, String)],
    options: &StarOptions,
    warehouse: &WarehouseOptions,
    global: &GlobalOptions,
) -> Result<()> {
    let open = star::open(options, global).await?;
    let session = warehouse.ask(&global.stores).await?;
    let mut names = Vec::new();
    for (name, sql) in questions {
        match ask_both(&session, &open, name, sql).await? {
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
pub async fn ask_both(
    session: &Session,
    open: &OpenStar,
    name: &str,
    sql: &str,
) -> Result<Option<String>> {
    let files = execute(name, sql, None, open).await?;
    let answer = ask(session, name, sql, expected_schema(sql).await).await?;
    Ok(difference(files, answer).await?)
}
