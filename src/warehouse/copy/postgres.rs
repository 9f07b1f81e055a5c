//! Streams a table's Parquet files into PostgreSQL as binary COPY.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::cast;
use bytes::Bytes;
use datafusion::execution::SessionStateBuilder;
use datafusion::prelude::SessionContext;
use futures::{SinkExt, TryStreamExt};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::binary::{HEADER, TRAILER, write_rows};
use crate::star::model::{Table, table_schema};
use crate::warehouse::connection::session::Session;
use crate::warehouse::error::{Error, Result};
use crate::warehouse::progress::LoadProgress;
use crate::warehouse::sql::ddl::TableDesign;
use crate::warehouse::sql::quote::{self, qualified};

/// Number of bytes per chunk: large enough for the socket, small compared to a batch.
const CHUNK_BYTES: usize = 256 * 1024;

/// Maximum number of encoded chunks waiting to be sent.
const CHUNKS_AHEAD: usize = 8;

/// Returns the statement that loads a table. It can freeze the rows because the same transaction
/// creates the table. Readers with an older snapshot that find the new table by name then see its
/// rows instead of an empty table (PostgreSQL, COPY, FREEZE), and no later vacuum has to visit the
/// rows.
///
/// # Errors
///
/// Returns an error if a name cannot be quoted.
pub fn copy_statement(design: &TableDesign, schema: &str, name: &str) -> Result<String> {
    Ok(format!(
        "COPY {} ({})\nFROM STDIN (FORMAT binary, FREEZE)",
        qualified(schema, name)?,
        design.column_list()?
    ))
}

/// Returns the statement that adds rows to a table that exists.
///
/// # Errors
///
/// Returns an error if a name cannot be quoted.
pub fn append_statement(design: &TableDesign, schema: &str, name: &str) -> Result<String> {
    Ok(format!(
        "COPY {} ({})\nFROM STDIN (FORMAT binary)",
        qualified(schema, name)?,
        design.column_list()?
    ))
}

/// Streams the table registered in `files` to the server. A separate task reads and encodes ahead.
///
/// # Errors
///
/// Returns an error if the files cannot be read, or if the server rejects a row.
pub async fn copy(
    session: &Session,
    files: &SessionContext,
    table: &Arc<Table>,
    sql: &str,
    progress: &Arc<LoadProgress>,
) -> Result<u64> {
    let action = format!("copy {}", table.name);
    let (send, mut chunks) = mpsc::channel::<Result<Bytes>>(CHUNKS_AHEAD);
    let (files, table, progress) = (files.clone(), table.clone(), progress.clone());
    let _reader = AbortOnDropHandle::new(tokio::spawn(async move {
        if let Err(error) = encode(&files, &table, &send, &progress).await {
            // If the receiver is closed, it has its own error to report.
            let _ = send.send(Err(error)).await;
        }
    }));
    let failed = |e: &tokio_postgres::Error| Error::from(session.failure(&action, e));
    let mut sink = Box::pin(session.copy_in(&action, sql).await?);
    while let Some(chunk) = chunks.recv().await {
        sink.feed(chunk?).await.map_err(|e| failed(&e))?;
    }
    sink.as_mut().finish().await.map_err(|e| failed(&e))
}

/// Reads the table and sends its rows in chunks. Returns early if the receiver is closed.
async fn encode(
    files: &SessionContext,
    table: &Table,
    send: &mpsc::Sender<Result<Bytes>>,
    progress: &LoadProgress,
) -> Result<()> {
    let failed = |e| crate::error::Error::query(&table.name, e);
    let sql = format!("SELECT * FROM {}", quote::name(&table.name)?);
    // A single partition preserves the order of the files, so the table is sorted as they are.
    let config = files.copied_config().with_target_partitions(1);
    let config = config.with_create_default_catalog_and_schema(false);
    let state = SessionStateBuilder::new_from_existing(files.state()).with_config(config).build();
    let rows = SessionContext::new_with_state(state).sql(&sql).await.map_err(failed)?;
    let mut batches = rows.execute_stream().await.map_err(failed)?;
    let mut buffer = Vec::with_capacity(2 * CHUNK_BYTES);
    buffer.extend_from_slice(HEADER);
    while let Some(batch) = batches.try_next().await.map_err(failed)? {
        let batch = cast_to_schema(table, &batch)?;
        for from in (0..batch.num_rows()).step_by(ROWS_A_STEP) {
            write_rows(&batch.slice(from, ROWS_A_STEP.min(batch.num_rows() - from)), &mut buffer)?;
            if buffer.len() >= CHUNK_BYTES {
                let chunk = std::mem::replace(&mut buffer, Vec::with_capacity(2 * CHUNK_BYTES));
                if send.send(Ok(chunk.into())).await.is_err() {
                    return Ok(());
                }
            }
        }
        progress.add_rows(batch.num_rows() as u64);
    }
    buffer.extend_from_slice(TRAILER);
    let _ = send.send(Ok(buffer.into())).await;
    Ok(())
}

/// Number of rows to encode between two checks of the buffer size.
const ROWS_A_STEP: usize = 1024;

/// Casts a batch to the table's types, because a reader can return texts in another array type.
fn cast_to_schema(table: &Table, batch: &RecordBatch) -> Result<RecordBatch> {
    let schema = table_schema(table);
    let columns: Result<Vec<_>, _> = batch
        .columns()
        .iter()
        .zip(schema.fields())
        .map(|(column, field)| match column.data_type() == field.data_type() {
            true => Ok(Arc::clone(column)),
            false => cast(column, field.data_type()),
        })
        .collect();
    Ok(RecordBatch::try_new(schema.clone(), columns?)?)
}
