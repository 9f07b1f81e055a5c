//! Checks of the star. A check is a query that returns the rows that violate an invariant.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::context::SQLOptions;
use datafusion::prelude::SessionContext;
use futures::FutureExt;
use futures::stream::{self, StreamExt, TryStreamExt};

use super::proof::proven;
use super::queries::{Group, Queries, Query};
use crate::error::{Error, Result};

/// Maximum number of offending rows kept for display.
const SHOWN_ROWS: usize = 5;

/// The result of a check.
#[derive(Debug, Clone)]
pub struct CheckOutcome {
    /// Name of the check: the name of its SQL file without `.sql`.
    pub name: String,
    /// The invariant, from the header comment of the SQL file.
    pub invariant: String,
    /// Number of rows that violate the invariant.
    pub offending_rows: u64,
    /// The first offending rows, at most five.
    pub first: Vec<RecordBatch>,
    /// Wall-clock time of the query; zero if its invariant was proven without it. Checks run at the same time.
    pub elapsed: Duration,
}

/// Runs every check on the star registered in `session`, several at a time. Checks of keys that are proven to hold in
/// another way are not run as SQL.
///
/// # Errors
///
/// Returns an error if a check cannot be run. Offending rows are not an error.
pub async fn run_checks(session: &SessionContext, queries: &Queries) -> Result<Vec<CheckOutcome>> {
    run_checks_where(session, queries, |_| true).await
}

/// Runs every check as SQL, for a session that does not read the files in this process.
///
/// # Errors
///
/// As for [`run_checks`].
pub(crate) async fn run_checks_as_sql(
    session: &SessionContext,
    queries: &Queries,
) -> Result<Vec<CheckOutcome>> {
    let checks: Vec<&Query> = queries.of(Group::Check).collect();
    run(session, checks, HashSet::new()).await
}

/// Runs the checks that `is_wanted` selects.
///
/// # Errors
///
/// As for [`run_checks`].
pub(crate) async fn run_checks_where(
    session: &SessionContext,
    queries: &Queries,
    is_wanted: impl Fn(&Query) -> bool,
) -> Result<Vec<CheckOutcome>> {
    let checks: Vec<&Query> = queries.of(Group::Check).filter(|query| is_wanted(query)).collect();
    let proven = proven(session, queries.model(), &checks).await;
    run(session, checks, proven).await
}

/// Runs checks except those in `proven`, which have passed.
async fn run(
    session: &SessionContext,
    checks: Vec<&Query>,
    proven: HashSet<String>,
) -> Result<Vec<CheckOutcome>> {
    let at_once = session.state().config().target_partitions();
    // Collected because the future of a closure that borrows its argument is not `Send`.
    let checks: Vec<_> = checks
        .into_iter()
        .map(|query| match proven.contains(&query.name) {
            true => std::future::ready(Ok(CheckOutcome::passed(query))).boxed(),
            false => run_check(session, query).boxed(),
        })
        .collect();
    stream::iter(checks).buffered(at_once).try_collect().await
}

pub(super) async fn run_check(session: &SessionContext, query: &Query) -> Result<CheckOutcome> {
    let failed = |e| Error::query(query.file(), e);
    let begun = Instant::now();
    let rows = session.sql_with_options(&query.sql, read_only()).await.map_err(failed)?;
    let rows = rows.execute_stream().await.map_err(failed)?;
    let outcome = CheckOutcome::gather(query, rows).await?;
    Ok(CheckOutcome { elapsed: begun.elapsed(), ..outcome })
}

/// Returns options that reject CREATE, INSERT, COPY and SET: a query must not change tables or write files.
pub(crate) fn read_only() -> SQLOptions {
    SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false)
}

impl CheckOutcome {
    /// Returns the outcome of a check that no row violates.
    fn passed(query: &Query) -> CheckOutcome {
        let (name, invariant) = (query.name.clone(), invariant(query));
        CheckOutcome {
            name,
            invariant,
            offending_rows: 0,
            first: Vec::new(),
            elapsed: Duration::ZERO,
        }
    }

    /// Counts the rows that a check returns and keeps the first few.
    ///
    /// # Errors
    ///
    /// Returns an error if the rows cannot be read to the end.
    pub async fn gather(
        query: &Query,
        mut rows: SendableRecordBatchStream,
    ) -> Result<CheckOutcome> {
        let begun = Instant::now();
        let mut offending_rows = 0;
        let mut first = Vec::new();
        while let Some(batch) = rows.try_next().await.map_err(|e| Error::query(query.file(), e))? {
            let room = SHOWN_ROWS.saturating_sub(offending_rows);
            if room > 0 && batch.num_rows() > 0 {
                first.push(batch.slice(0, room.min(batch.num_rows())));
            }
            offending_rows += batch.num_rows();
        }
        Ok(CheckOutcome {
            name: query.name.to_string(),
            invariant: invariant(query),
            offending_rows: offending_rows as u64,
            first,
            elapsed: begun.elapsed(),
        })
    }
}

fn invariant(query: &Query) -> String {
    query.header().replace('\n', " ")
}

/// Fails if any check has offending rows.
///
/// # Errors
///
/// Returns [`Error::ChecksFailed`], which names the failed checks.
pub fn ensure_passed(outcomes: &[CheckOutcome]) -> Result<()> {
    let failed: Vec<String> =
        outcomes.iter().filter(|o| o.offending_rows > 0).map(|o| o.name.clone()).collect();
    if failed.is_empty() { Ok(()) } else { Err(Error::ChecksFailed { failed }) }
}
