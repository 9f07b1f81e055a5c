//! Runs the star's checks against the tables in a warehouse.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Int64Type};

use crate::model::Model;
use crate::star::RunRecord;
use crate::star::{CheckOutcome, Group, Queries, Query, run_batch};
use crate::warehouse::connection::session::Session;
use crate::warehouse::error::{Error, Result};
use crate::warehouse::query::{expected_schema, run_query};
use crate::warehouse::sql::quote::{literal, name};

/// Results of the checks.
#[derive(Debug, Default)]
pub struct WarehouseChecks {
    /// Outcomes of the checks that ran.
    pub outcomes: Vec<CheckOutcome>,
    /// Names of the checks that did not run because they read data that exists only beside the
    /// star's files: its inputs, rejects or run record.
    pub skipped: Vec<String>,
}

/// Fails if a check found offending rows.
///
/// # Errors
///
/// [`Error::ChecksFailed`] with the names of the checks.
pub fn ensure_passed(outcomes: &[CheckOutcome]) -> Result<()> {
    match crate::star::ensure_passed(outcomes) {
        Err(crate::error::Error::ChecksFailed { failed }) => Err(Error::ChecksFailed { failed }),
        other => Ok(other?),
    }
}

/// Runs the checks on the tables that the session's search path finds. Checks that compare with the
/// run's own numbers need its `record`.
///
/// # Errors
///
/// Returns an error if a check cannot be run. Offending rows are outcomes, not errors.
pub async fn check_warehouse(
    session: &Session,
    queries: &Queries,
    record: Option<&RunRecord>,
) -> Result<WarehouseChecks> {
    let mut checks = WarehouseChecks::default();
    for query in queries.of(Group::Check) {
        match runnable_sql(session, queries.model(), query, record).await? {
            Some(sql) => {
                let rows = run_query(session, &query.file(), &sql, None).await?;
                checks.outcomes.push(CheckOutcome::gather(query, rows).await?);
            }
            None => checks.skipped.push(query.name.to_string()),
        }
    }
    Ok(checks)
}

/// Returns the check's SQL, with the record's numbers as a common table expression if it reads
/// them, or `None` if the check cannot run in a warehouse.
async fn runnable_sql(
    session: &Session,
    model: &Model,
    query: &Query,
    record: Option<&RunRecord>,
) -> Result<Option<String>> {
    if expected_schema(model, &query.sql).await.is_some() {
        return Ok(Some(query.sql.to_string()));
    }
    let Some(record) = record else { return Ok(None) };
    let joined = with_run(session, &query.sql, record)?;
    Ok(expected_schema(model, &joined).await.map(|_| joined))
}

/// Adds the record's row of numbers to the query as its first common table expression.
fn with_run(session: &Session, sql: &str, record: &RunRecord) -> Result<String> {
    let batch = run_batch(record)?;
    let mut columns = Vec::new();
    for (column, field) in batch.columns().iter().zip(batch.schema().fields()) {
        let value = match column.data_type() {
            DataType::Int64 => {
                format!("CAST({} AS BIGINT)", column.as_primitive::<Int64Type>().value(0))
            }
            _ => {
                let text = literal(column.as_string::<i32>().value(0), session.dialect())?;
                format!("CAST({text} AS VARCHAR(64))")
            }
        };
        columns.push(format!("{value} AS {}", name(field.name())?));
    }
    let run = format!("WITH run AS (SELECT {})", columns.join(", "));
    let body_at = sql
        .lines()
        .take_while(|line| line.trim_start().starts_with("--") || line.trim().is_empty());
    let body: String = sql.lines().skip(body_at.count()).map(|line| format!("{line}\n")).collect();
    let is_with = body.get(..5).is_some_and(|word| word.eq_ignore_ascii_case("with "));
    Ok(if is_with { format!("{run}, {}", &body[5..]) } else { format!("{run}\n{body}") })
}
