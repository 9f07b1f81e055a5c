//! Queries the tables of the star and writes their rows.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::prelude::SessionContext;
use futures::TryStreamExt;

use crate::error::{Error, Result};
use crate::ingest::TransformProgress;
use crate::model::Table;
use crate::publish::{ParquetSink, TableSink};
use crate::staging::{StagingSpace, StagingTable};
use crate::star::{FileRecord, Queries, TableRecord};
use crate::transform::{Rules, SortedStream, deregister_staging, run_table_query};

/// Runs the query of a table and sorts its rows. `is_last` means that no later query reads the staging
/// tables.
pub(super) async fn query_table(
    session: &SessionContext,
    queries: &Queries,
    table: &Arc<Table>,
    rules: Rules,
    space: &StagingSpace,
    is_last: bool,
) -> Result<SortedStream> {
    let rows = run_table_query(session, queries, table, rules, space).await?;
    if is_last {
        // Free the memory of the staging tables for sorting and writing.
        deregister_staging(session, queries)?;
    }
    rows.sort(session).await
}

pub(super) async fn write_table(
    mut sink: TableSink,
    mut rows: SortedStream,
    progress: Arc<TransformProgress>,
) -> Result<TableRecord> {
    while let Some(batch) = rows.next().await? {
        progress.wrote(batch.num_rows() as u64);
        sink.write(batch).await?;
    }
    sink.finish().await
}

/// Writes the rows that the query `ordered` returns from a staging table to one file.
pub(super) async fn write_sorted(
    session: &SessionContext,
    name: &str,
    table: &Arc<StagingTable>,
    ordered: &str,
    mut sink: ParquetSink,
) -> Result<FileRecord> {
    let failed = |e| Error::query(name, e);
    session.register_table(name, table.clone()).map_err(failed)?;
    let rows = session.sql(ordered).await.map_err(failed)?;
    let mut rows = rows.execute_stream().await.map_err(failed)?;
    let schema: SchemaRef = table.schema().clone();
    while let Some(batch) = rows.try_next().await.map_err(failed)? {
        sink.write(batch.with_schema(schema.clone())?).await?;
    }
    Ok(sink.finish().await?.files.into_iter().next().unwrap_or_default())
}
