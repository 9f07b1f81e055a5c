//! The last step of a run: checks the tables in the warehouse and compares its results with those of the
//! files.

use super::compare::compare_query;
use super::json::{Verification, verdicts};
use super::output::{GOOD, styled};
use super::settings::WarehouseOptions;
use super::settings::{GlobalOptions, StarOptions};
use super::{star, summary};
use crate::api::Star;
use crate::cli::error::{Error, Result};
use crate::error::count;
use crate::pipeline::queries;
use crate::star::{Group, Queries};
use crate::warehouse::check::{WarehouseChecks, check_warehouse, ensure_passed};
use crate::warehouse::connection::session::Session;
use crate::warehouse::load::LoadReport;
use crate::warehouse::load::ledger;

/// Runs the checks in the warehouse, and every analytics query in the warehouse and on the files.
///
/// # Errors
///
/// Returns an error if a check fails, or a result differs.
pub async fn run(
    star: &StarOptions,
    warehouse: &WarehouseOptions,
    global: &GlobalOptions,
) -> Result<Verification> {
    let queries = queries(&star.model, star.queries.as_deref())?;
    let session = warehouse.open_session(&global.stores).await?;
    let checks = checks(&session, &queries, star, global).await?;
    let open = star::open(star, global).await?;
    let compared = compare_queries(&session, &queries, &open).await?;
    let checks = verdicts(&checks.outcomes)?;
    Ok(Verification { checks, equal_queries: compared as u64, replaced_by: None })
}

/// Returns the line about a verification.
pub fn described(verified: &Verification) -> String {
    let queries = match verified.equal_queries {
        1 => "1 query returns".to_owned(),
        number => format!("{number} queries return"),
    };
    let checks = count(verified.checks.len(), "check");
    let verified = format!("{checks} passed; {queries} the same rows as the files");
    format!("warehouse {}\n", styled(GOOD, verified))
}

/// Returns a description of the later load or run that replaced the loaded tables or the star, if there
/// is one.
///
/// # Errors
///
/// Returns an error if the ledger or the star's record cannot be read.
pub async fn successor(
    report: &LoadReport,
    star: &StarOptions,
    warehouse: &WarehouseOptions,
    global: &GlobalOptions,
) -> Result<Option<String>> {
    let session = warehouse.open_session(&global.stores).await?;
    if let Some((entry, _)) = ledger::last(&session, &warehouse.schema).await?
        && entry.number > report.number
    {
        let (number, run_id) = (entry.number, entry.run_id);
        return Ok(Some(format!(
            "load {number}, of run {run_id}, has replaced the tables since then"
        )));
    }
    let (_, record) = star::find(star, global).await?;
    let is_other = record.run_id != report.run_id;
    Ok(is_other.then(|| format!("run {} has replaced the star since then", record.run_id)))
}

async fn checks(
    session: &Session,
    queries: &Queries,
    star: &StarOptions,
    global: &GlobalOptions,
) -> Result<WarehouseChecks> {
    let (_, record) = star::find(star, global).await?;
    let checks = check_warehouse(session, queries, Some(&record)).await?;
    if let Err(error) = ensure_passed(&checks.outcomes) {
        let failed = verdicts(&checks.outcomes)?;
        global.results.set_verification(Verification { checks: failed, ..Verification::default() });
        super::output::print(&summary::checks(&checks.outcomes)?)?;
        return Err(error.into());
    }
    Ok(checks)
}

/// Runs every analytics query in the warehouse and on the files, and returns the number of queries.
///
/// # Errors
///
/// Returns an error if a query fails, or a result differs.
pub async fn compare_queries(session: &Session, queries: &Queries, open: &Star) -> Result<usize> {
    let (mut compared, mut names) = (0, Vec::new());
    for query in queries.of(Group::Analytics) {
        let name = query.file();
        if let Some(what) = compare_query(session, open, &name, &query.sql).await? {
            names.push(format!("{name} ({what})"));
        }
        compared += 1;
    }
    if names.is_empty() { Ok(compared) } else { Err(Error::AnswersDiffer { names }) }
}
