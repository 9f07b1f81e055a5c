//! `starlift query --compare`: the same questions to the files and to a warehouse.

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

/// Asks both sides every question, and prints a line a question.
///
/// # Errors
///
/// If a question cannot be asked, or is answered differently.
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

/// Asks both sides one question; how the answers differ, if they do.
///
/// # Errors
///
/// If the question cannot be asked.
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
