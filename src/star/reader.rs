//! Registers a star in a DataFusion session: the files that its record names, and the numbers of the record
//! as the table `run`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use chrono::DateTime;
use datafusion::common::TableReference;
use datafusion::datasource::empty::EmptyTable;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{
    ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl,
};
use datafusion::error::{DataFusionError, Result as DataFusionResult};
use datafusion::logical_expr::SortExpr;
use datafusion::prelude::SessionContext;
use futures::{StreamExt, TryStreamExt};
use object_store::ObjectMeta;
use url::Url;

use super::known::KnownFiles;
use super::list::ListRecord;
use super::model::{Table, table_schema};
use super::order::sort_order;
use super::record::{DatasetRecord, FileRecord, RunRecord};
use crate::decode::rejects_schema;
use crate::error::{Error, Result};
use crate::ingest::inputs_schema;
use crate::model::Model;
use crate::storage::Place;

/// Maximum number of concurrent HEAD requests for the files of a table.
const HEADS_IN_FLIGHT: usize = 64;

/// Registers the tables of the star at `out`, which `model` declares, its lists, and the tables `inputs`,
/// `rejects` and `run`.
///
/// # Errors
///
/// Returns an error if the star was made with another model, or if a file is missing, unreadable or of another
/// size.
pub async fn register_star(
    session: &SessionContext,
    out: &Place,
    record: &RunRecord,
    model: &Model,
) -> Result<()> {
    record.ensure_model(out, model)?;
    for table in &model.tables {
        let Some(found) = record.tables.get(&table.name) else { continue };
        // Declare no sort order: checks and queries must not rely on an order that is not verified.
        register_files(session, out, &table.name, table_schema(table), &found.files, vec![])
            .await?;
    }
    let beside = [
        ("inputs", inputs_schema(), &record.inputs),
        ("rejects", rejects_schema(), &record.rejects),
    ];
    for (name, schema, file) in beside {
        register_files(session, out, name, schema, std::slice::from_ref(file), vec![]).await?;
    }
    for (name, list) in &record.lists {
        register_list(session, out, name, list).await?;
    }
    register_run(session, record)
}

/// Registers a list of the star at `out` as the table `name`.
///
/// # Errors
///
/// Returns an error if its file is missing, unreadable or of another size, or if a column has an unknown type.
async fn register_list(
    session: &SessionContext,
    out: &Place,
    name: &str,
    list: &ListRecord,
) -> Result<()> {
    let url = out.child(&list.file.path);
    let unknown = |reason| Error::StarFile { url: url.to_string(), reason };
    let schema = list.schema().map_err(unknown)?;
    register_files(session, out, name, schema, std::slice::from_ref(&list.file), vec![]).await
}

/// Returns the metadata of a file according to the run record.
fn recorded(place: &Place, file: &FileRecord) -> ObjectMeta {
    ObjectMeta {
        location: place.path().clone(),
        last_modified: DateTime::UNIX_EPOCH,
        size: file.bytes,
        e_tag: None,
        version: None,
    }
}

/// Returns `true` if the file is on local disk and this user has no permission to read it, such as the
/// rejects of another user.
fn is_private(place: &Place) -> bool {
    let opened = place.location.local_path().map(std::fs::File::open);
    opened.is_some_and(|file| file.is_err_and(|e| e.kind() == std::io::ErrorKind::PermissionDenied))
}

/// Registers the files of a star table that this run has just written below `out`, with their sort order.
///
/// # Errors
///
/// Returns an error if the table is already registered, or if a file is missing, unreadable or of another
/// size.
pub async fn register_table(
    session: &SessionContext,
    out: &Place,
    table: &Table,
    files: &[FileRecord],
) -> Result<()> {
    // Rows in a known order can be grouped without a hash table or a sort.
    let sorted = vec![sort_order(table)];
    register_files(session, out, &table.name, table_schema(table), files, sorted).await
}

/// Registers Parquet files below `out` as the table `name`.
///
/// # Errors
///
/// As for [`register_table`].
pub(crate) async fn register_files(
    session: &SessionContext,
    out: &Place,
    name: &str,
    schema: SchemaRef,
    files: &[FileRecord],
    sorted: Vec<Vec<SortExpr>>,
) -> Result<()> {
    if files.is_empty() {
        let empty = Arc::new(EmptyTable::new(schema));
        let empty = session.register_table(TableReference::bare(name), empty);
        return empty.map(|_| ()).map_err(|e| Error::query(name, e));
    }
    let found = find_files(out, files).await?;
    let registered = async {
        let base = table_url(name)?;
        session.register_object_store(&base, Arc::new(KnownFiles::new(out.store.clone(), found)));
        let urls: DataFusionResult<Vec<_>> =
            files.iter().map(|file| file_url(&base, &out.child(&file.path))).collect();
        let options = ListingOptions::new(Arc::new(ParquetFormat::default()))
            .with_file_extension(".parquet")
            .with_file_sort_order(sorted);
        let config = ListingTableConfig::new_with_multi_paths(urls?)
            .with_listing_options(options)
            .with_schema(schema);
        session.register_table(TableReference::bare(name), Arc::new(ListingTable::try_new(config)?))
    };
    registered.await.map(|_| ()).map_err(|e| Error::query(name, e))
}

/// Returns the metadata of the files in the store. Fails unless each file exists with its recorded size.
pub(crate) async fn find_files(out: &Place, files: &[FileRecord]) -> Result<Vec<ObjectMeta>> {
    // Collected because the future of a closure that borrows its argument is not `Send`.
    let heads: Vec<_> = files.iter().map(|file| find_file(out, file)).collect();
    futures::stream::iter(heads).buffer_unordered(HEADS_IN_FLIGHT).try_collect().await
}

async fn find_file(out: &Place, file: &FileRecord) -> Result<ObjectMeta> {
    let place = out.child(&file.path);
    let meta = match place.head().await {
        // Private rejects must not prevent queries of the other tables. A query that reads this file fails.
        Err(_) if is_private(&place) => return Ok(recorded(&place, file)),
        meta => meta?,
    };
    let reason = match meta.as_ref().map(|meta| meta.size) {
        Some(size) if size == file.bytes => None,
        Some(size) => Some(format!("it has {size} bytes, and was written with {}", file.bytes)),
        None => Some("it does not exist".to_owned()),
    };
    match (meta, reason) {
        (Some(meta), None) => Ok(ObjectMeta { location: place.path().clone(), ..meta }),
        (_, reason) => {
            let reason = reason.unwrap_or_default();
            Err(Error::StarFile { url: place.to_string(), reason })
        }
    }
}

/// Returns a unique URL for the files of the table `name`, because the sessions of an engine share their
/// object stores.
fn table_url(name: &str) -> DataFusionResult<Url> {
    static TABLES_OPENED: AtomicU64 = AtomicU64::new(0);
    let number = TABLES_OPENED.fetch_add(1, Ordering::Relaxed);
    let url = Url::parse(&format!("star://{name}-{number}/"));
    url.map_err(|e| DataFusionError::External(e.into()))
}

/// Returns the URL under which DataFusion finds the file at `place` in the store registered at `base`.
fn file_url(base: &Url, place: &Place) -> DataFusionResult<ListingTableUrl> {
    let mut url = base.clone();
    // DataFusion percent-decodes the path once, so escape the percent signs of the file name.
    url.set_path(&format!("/{}", place.path().as_ref().replace('%', "%25")));
    ListingTableUrl::try_new(url, None)
}

/// Registers the numbers of the record as the table `run`, in place of an earlier one.
///
/// # Errors
///
/// Returns an error if the session cannot register the table.
pub fn register_run(session: &SessionContext, record: &RunRecord) -> Result<()> {
    let failed = |e| Error::query("run", e);
    session.deregister_table("run").map_err(failed)?;
    session.register_batch("run", run_batch(record)?).map_err(failed)?;
    Ok(())
}

/// Returns the schema of the table `run`, with the given counts of accounting queries.
pub(crate) fn run_schema<'a>(counts: impl IntoIterator<Item = &'a str>) -> SchemaRef {
    let texts = ["run_id", "match_option", "unmatched_option"];
    let texts = texts.map(|name| Field::new(name, DataType::Utf8, false)).into_iter();
    let totals = ["records_read", "records_decoded", "records_rejected"];
    let counts = counts.into_iter().chain(totals);
    let counts = counts.map(|name| Field::new(name, DataType::Int64, false));
    Arc::new(Schema::new(texts.chain(counts).collect::<Vec<_>>()))
}

/// Returns the numbers of the record as a table of one row.
pub(crate) fn run_batch(record: &RunRecord) -> Result<RecordBatch> {
    let sum = |of: fn(&DatasetRecord) -> u64| record.datasets.values().map(of).sum::<u64>();
    let counts = record.accounting.values().flatten();
    let schema = run_schema(counts.clone().map(|(name, _)| name.as_str()));
    let text = |value: &str| Arc::new(StringArray::from(vec![value])) as ArrayRef;
    let mut columns = vec![
        text(&record.run_id),
        text(&record.options.match_rule),
        text(&record.options.unmatched),
    ];
    let totals = [sum(|d| d.records), sum(|d| d.decoded), sum(|d| d.rejected)];
    let counts = counts.map(|(_, count)| *count).chain(totals);
    columns.extend(counts.map(|n| Arc::new(Int64Array::from(vec![n as i64])) as ArrayRef));
    Ok(RecordBatch::try_new(schema, columns)?)
}
