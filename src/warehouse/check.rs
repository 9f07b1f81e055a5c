//! Runs the star's checks against the tables in a warehouse.

use std::time::Instant;

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
                let begun = Instant::now();
                let rows = run_query(session, &query.file(), &sql, None).await?;
                let outcome = CheckOutcome::gather(query, rows).await?;
                checks.outcomes.push(CheckOutcome { elapsed: begun.elapsed(), ..outcome });
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
    let run = format!("run AS (SELECT {})", columns.join(", "));
    Ok(with_expression(&run, sql))
}

/// Adds a common table expression to a query, before those that it has.
fn with_expression(expression: &str, sql: &str) -> String {
    let query = without_comments(sql);
    match after_word(query, "WITH") {
        None => format!("WITH {expression}\n{query}"),
        Some(rest) => match after_word(without_comments(rest), "RECURSIVE") {
            None => format!("WITH {expression},\n{rest}"),
            Some(rest) => format!("WITH RECURSIVE {expression},\n{rest}"),
        },
    }
}

/// Returns `sql` without the white space and comments before its first word.
fn without_comments(mut sql: &str) -> &str {
    loop {
        sql = sql.trim_start();
        let end = if sql.starts_with("--") {
            sql.find('\n').map(|at| at + 1)
        } else if sql.starts_with("/*") {
            block_comment_end(sql)
        } else {
            return sql;
        };
        sql = &sql[end.unwrap_or(sql.len())..];
    }
}

/// Returns the end of the block comment at the start of `sql`. Such comments can be nested.
fn block_comment_end(sql: &str) -> Option<usize> {
    let (mut at, mut depth) = (0, 0);
    loop {
        let rest = &sql[at..];
        let (open, close) = (rest.find("/*"), rest.find("*/")?);
        match open.filter(|open| *open < close) {
            Some(open) => (at, depth) = (at + open + 2, depth + 1),
            None => (at, depth) = (at + close + 2, depth - 1),
        }
        if depth == 0 {
            return Some(at);
        }
    }
}

/// Returns the rest of `sql` after its first word if that is `word`, in any case.
fn after_word<'a>(sql: &'a str, word: &str) -> Option<&'a str> {
    let (first, rest) = sql.split_at_checked(word.len())?;
    let is_whole = !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$');
    (is_whole && first.eq_ignore_ascii_case(word)).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_precedes_those_of_the_query() {
        for (sql, expected) in [
            ("SELECT 1", "WITH r AS (x)\nSELECT 1"),
            ("-- a\n\n/* b /* WITH */ c */ SELECT 1", "WITH r AS (x)\nSELECT 1"),
            ("WITH a AS (y) SELECT 1", "WITH r AS (x),\n a AS (y) SELECT 1"),
            ("with\n  a AS (y) SELECT 1", "WITH r AS (x),\n\n  a AS (y) SELECT 1"),
            ("WITH\ta AS (y) SELECT 1", "WITH r AS (x),\n\ta AS (y) SELECT 1"),
            ("WITH/* b */a AS (y) SELECT 1", "WITH r AS (x),\n/* b */a AS (y) SELECT 1"),
            ("WITH -- b\na AS (y) SELECT 1", "WITH r AS (x),\n -- b\na AS (y) SELECT 1"),
            ("WITH RECURSIVE a AS (y) SELECT 1", "WITH RECURSIVE r AS (x),\n a AS (y) SELECT 1"),
            ("WITHOUT", "WITH r AS (x)\nWITHOUT"),
            ("-- only a comment", "WITH r AS (x)\n"),
            ("/* open", "WITH r AS (x)\n"),
        ] {
            assert_eq!(with_expression("r AS (x)", sql), expected, "{sql}");
        }
    }
}
