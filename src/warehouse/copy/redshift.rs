//! Loads Parquet files into Redshift with COPY.

use std::time::Duration;

use crate::star::TableRecord;
use crate::storage::Place;
use crate::warehouse::connection::session::Session;
use crate::warehouse::error::Result;
use crate::warehouse::error::{LoadErrorRow, ServerError};
use crate::warehouse::sql::ddl::TableDesign;
use crate::warehouse::sql::quote::{qualified, s3_url};

/// Load errors become visible after 1.5 to 13 s (as measured by others on Serverless).
const LOAD_ERROR_TRIES: usize = 5;
const LOAD_ERROR_PAUSE: Duration = Duration::from_secs(3);

/// Returns the statement that loads a table from its manifest. `authorization` is the authorization
/// clause.
///
/// Parquet columns are mapped by position. The column list makes Redshift check their number. The
/// statement has only options that Redshift accepts for Parquet; it rejects REGION, COMPUPDATE and
/// others (Redshift Developer Guide, COPY from columnar data formats).
///
/// # Errors
///
/// Returns an error if the manifest is not in S3, or if a name cannot be quoted.
pub fn copy_statement(
    design: &TableDesign,
    schema: &str,
    name: &str,
    manifest_url: &str,
    authorization: &str,
) -> Result<String> {
    Ok(format!(
        "COPY {} ({})\nFROM {}\n{}\nFORMAT AS PARQUET\nMANIFEST",
        qualified(schema, name)?,
        design.column_list()?,
        s3_url(manifest_url)?,
        authorization
    ))
}

/// Returns the URL of a table's manifest.
pub fn manifest_url(star: &Place, table: &TableRecord) -> String {
    star.location.url(star.child(&table.manifest).path())
}

/// Returns the error that Redshift recorded for a failed load, or `None` if no record appears in
/// time or the user is not allowed to query it.
pub async fn load_error(session: &Session, error: &ServerError) -> Option<LoadErrorRow> {
    let query = error.query?;
    // Redshift records only errors in files; do not wait for a record of anything else.
    let tries = if error.detail.contains("Spectrum") { LOAD_ERROR_TRIES } else { 1 };
    // Ordinary users can read the first view on Serverless, and the second on older clusters.
    let queries = [
        format!(
            "SELECT TRIM(file_name), TRIM(column_name), TRIM(column_type), TRIM(error_message) \
             FROM sys_load_error_detail WHERE query_id = {query} ORDER BY start_time DESC LIMIT 1"
        ),
        format!(
            "SELECT TRIM(filename), TRIM(colname), TRIM(type), TRIM(err_reason) \
             FROM stl_load_errors WHERE query = {query} ORDER BY starttime DESC LIMIT 1"
        ),
    ];
    for attempt in 0..tries {
        if attempt > 0 {
            tokio::time::sleep(LOAD_ERROR_PAUSE).await;
        }
        let mut may_ask = false;
        for sql in &queries {
            let Ok(rows) = session.rows("query the load error", sql).await else { continue };
            may_ask = true;
            if let Some(row) = rows.first() {
                let text = |i: usize| row.get(i).cloned().flatten().unwrap_or_default();
                return Some(LoadErrorRow {
                    file: text(0),
                    column: text(1),
                    column_type: text(2),
                    message: text(3),
                });
            }
        }
        if !may_ask {
            return None;
        }
    }
    None
}
