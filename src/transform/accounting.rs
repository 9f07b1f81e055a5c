//! Counts over the staging tables, from the queries in `queries/accounting`.

use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Int64Type, Schema, SchemaRef};
use datafusion::prelude::SessionContext;

use super::plan::plan_query;
use super::rules::Rules;
use crate::error::{Error, Result};
use crate::star::{Group, Queries, Query};

/// Counts of the plays in the staged events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PlayCounts {
    /// Events whose page is `NextSong`.
    pub read: u64,
    /// Plays that are copies of another play.
    pub duplicates: u64,
    /// Distinct plays whose fingerprint equals that of an earlier play.
    pub shared_fingerprints: u64,
}

/// Counts of the rows that contain text that was encoded to UTF-8 twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EncodingCounts {
    /// Plays whose artist or song is double-encoded.
    pub plays: u64,
    /// Song records whose artist or title is double-encoded.
    pub songs: u64,
    /// Distinct plays that match a song only after the texts are repaired.
    pub more_matches: u64,
}

/// Counts the plays read, the duplicates and the shared fingerprints. All are 0 for a model without the query
/// `accounting/plays.sql`.
///
/// # Errors
///
/// Returns an error if the query fails.
pub async fn count_plays(session: &SessionContext, queries: &Queries) -> Result<PlayCounts> {
    let Some(query) = queries.of(Group::Accounting).find(|query| query.name == "plays") else {
        return Ok(PlayCounts::default());
    };
    let row = one_row(session, query, Rules::default()).await?;
    Ok(PlayCounts {
        read: count(query, &row, "plays_read")?,
        duplicates: count(query, &row, "duplicates")?,
        shared_fingerprints: count(query, &row, "shared_fingerprints")?,
    })
}

/// Counts the plays and song records that contain text that was encoded to UTF-8 twice. All are 0 for a model
/// without the query `accounting/encoding.sql`.
///
/// # Errors
///
/// Returns an error if the query fails.
pub async fn count_encoded_twice(
    session: &SessionContext,
    queries: &Queries,
    rules: Rules,
) -> Result<EncodingCounts> {
    let Some(query) = queries.of(Group::Accounting).find(|query| query.name == "encoding") else {
        return Ok(EncodingCounts::default());
    };
    let row = one_row(session, query, rules).await?;
    Ok(EncodingCounts {
        plays: count(query, &row, "plays")?,
        songs: count(query, &row, "songs")?,
        more_matches: count(query, &row, "more_matches")?,
    })
}

/// Runs a query and returns its only row. Fails if it returns any other number of rows.
async fn one_row(session: &SessionContext, query: &Query, rules: Rules) -> Result<RecordBatch> {
    let rows = plan_query(session, query, rules).await?;
    let batches = rows.collect().await.map_err(|e| Error::query(query.file(), e))?;
    let batch = arrow::compute::concat_batches(&first_schema(&batches), &batches)?;
    if batch.num_rows() == 1 {
        Ok(batch)
    } else {
        Err(reject(query, "it must return exactly one row"))
    }
}

fn count(query: &Query, row: &RecordBatch, column: &str) -> Result<u64> {
    let values = row.column_by_name(column).ok_or_else(|| reject(query, column))?;
    let values = cast_with_options(values, &DataType::Int64, &CastOptions::default())?;
    Ok(values.as_primitive::<Int64Type>().value(0) as u64)
}

fn reject(query: &Query, reason: &str) -> Error {
    Error::WrongColumns { name: query.file(), reason: reason.to_owned() }
}

fn first_schema(batches: &[RecordBatch]) -> SchemaRef {
    batches.first().map_or_else(|| Arc::new(Schema::empty()), RecordBatch::schema)
}
