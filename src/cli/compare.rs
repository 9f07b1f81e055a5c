//! `starlift query --compare`: the same questions to the files and to a warehouse.

use super::output::{BAD, GOOD, print, styled};
use super::query::execute;
use super::settings::{GlobalOptions, StarOptions};
use super::star;
use super::warehouse::WarehouseOptions;
use crate::error::{Error, Result};
use crate::warehouse::answers::{ask, difference, expected_schema};
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
    let session = Session::open(&warehouse.access(&global.stores).await?).await?;
    session.use_schema(&warehouse.schema).await?;
    let mut names = Vec::new();
    for (name, sql) in questions {
        let files = execute(name, sql, None, &open).await?;
        let answer = ask(&session, name, sql, expected_schema(sql).await).await?;
        match difference(files, answer).await? {
            None if global.quiet => {}
            None => print(&format!("{}    {name}\n", styled(GOOD, "same")))?,
            Some(what) => {
                print(&format!("{}  {name}: {what}\n", styled(BAD, "differ")))?;
                names.push(name.clone());
            }
        }
    }
    if names.is_empty() { Ok(()) } else { Err(Error::AnswersDiffer { names }) }
}
