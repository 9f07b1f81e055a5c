//! The latest records of each value of a column: all that some tables depend on.
//!
//! The state keeps them, so that such a table needs neither all rows nor the days that have not changed. The
//! latest record of a value is either in a day that has changed, or it is that of the previous run.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, SchemaRef};
use datafusion::prelude::SessionContext;
use futures::TryStreamExt;

use super::days::each_day;
use super::files::{Batches, read};
use super::numbers::on_other_days;
use super::{Known, Touched, Update, each_batch};
use crate::decode::BATCH_ROWS;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ingest::Staging;
use crate::staging::StagingTable;
use crate::star::find_files;
use crate::storage::Place;

/// The latest records by dataset and column.
pub(crate) type Latest = BTreeMap<(String, String), Arc<StagingTable>>;

/// Name of the table of rows in queries.
const ROWS: &str = "starlift_rows";

impl Update {
    /// Returns the latest records. With `touched`, `staging` has only the rows of these days.
    ///
    /// # Errors
    ///
    /// Returns an error if rows cannot be read.
    pub async fn latest(
        &self,
        out: &Place,
        engine: &Engine,
        staging: &Staging,
        touched: Option<&Touched>,
    ) -> Result<Latest> {
        let mut latest = Latest::new();
        for (known, table) in self.datasets.iter().zip(&staging.datasets) {
            let Some(time) = &known.time else { continue };
            for key in &known.latest_of {
                let recent = match touched.and_then(|touched| touched.of(&known.dataset.name)) {
                    None => Some(table.clone()),
                    Some((_, days)) => {
                        let earlier = known.earlier_latest(out, key, engine).await?;
                        known.candidates(earlier, table, (key, time), &days, engine)?
                    }
                };
                let session = engine.session();
                let failed = |e| Error::query("latest records", e);
                match recent {
                    Some(recent) => {
                        session.register_table(ROWS, recent).map_err(failed)?;
                    }
                    None => {
                        let all = known.all_rows(&session, out, table, self, true).await?;
                        session.register_table(ROWS, all.into_view()).map_err(failed)?;
                    }
                }
                let rows = latest_rows(&session, engine, &known.schema, key, time).await?;
                latest.insert((known.dataset.name.clone(), key.clone()), rows);
            }
        }
        Ok(latest)
    }
}

/// Returns the rows of the table [`ROWS`] that have the latest time of their key.
async fn latest_rows(
    session: &SessionContext,
    engine: &Engine,
    schema: &SchemaRef,
    key: &str,
    time: &str,
) -> Result<Arc<StagingTable>> {
    let failed = |e| Error::query("latest records", e);
    let sql = format!(
        "SELECT e.* FROM {ROWS} e JOIN (SELECT \"{key}\" AS latest_key, MAX(\"{time}\") AS latest_time \
         FROM {ROWS} WHERE \"{key}\" IS NOT NULL GROUP BY \"{key}\") l \
         ON e.\"{key}\" = l.latest_key AND e.\"{time}\" = l.latest_time"
    );
    let table = StagingTable::new("latest", schema.clone(), engine.staging_space());
    let rows = session.sql(&sql).await.map_err(failed)?;
    let mut rows = rows.execute_stream().await.map_err(failed)?;
    while let Some(batch) = rows.try_next().await.map_err(failed)? {
        table.push(RecordBatch::try_new(schema.clone(), batch.columns().to_vec())?)?;
    }
    Ok(Arc::new(table))
}

impl Known {
    /// Returns the latest records of the previous run, or `None` if their files are missing.
    async fn earlier_latest(
        &self,
        out: &Place,
        key: &str,
        engine: &Engine,
    ) -> Result<Option<Arc<StagingTable>>> {
        let Some(files) = self.earlier_latest.get(key) else { return Ok(None) };
        if find_files(out, files).await.is_err() {
            return Ok(None);
        }
        let table = StagingTable::new("latest", self.schema.clone(), engine.staging_space());
        let table = Arc::new(table);
        for file in files {
            let sink = table.clone();
            let each = move |batch| Ok(sink.push(batch)?);
            let batches = Batches { rows: BATCH_ROWS, threads: 1, ..Batches::default() };
            read(out, file, &self.schema, batches, each).await?;
        }
        Ok(Some(table))
    }

    /// Returns the rows among which are the latest ones: those of the previous run on other days than `days`, and
    /// the rows of `days`, which are in `table`. Returns `None` if the previous run had a later record of a key,
    /// because then any record can be the latest one.
    fn candidates(
        &self,
        earlier: Option<Arc<StagingTable>>,
        table: &Arc<StagingTable>,
        (key, time): (&str, &str),
        days: &Arc<super::Days>,
        engine: &Engine,
    ) -> Result<Option<Arc<StagingTable>>> {
        let Some(earlier) = earlier else { return Ok(None) };
        let mut latest = HashMap::<Vec<u8>, i64>::new();
        let candidates = StagingTable::new("latest", self.schema.clone(), engine.staging_space());
        each_batch(table, |batch| {
            each_key(&batch, key, time, |key, time, _| {
                let known = latest.entry(key.to_vec()).or_insert(time);
                *known = time.max(*known);
            });
            Ok(candidates.push(batch)?)
        })?;
        let mut is_complete = true;
        each_batch(&earlier, |batch| {
            each_key(&batch, key, time, |key, time, day| {
                let is_later = || latest.get(key).is_none_or(|latest| *latest < time);
                is_complete &= !days.has(day) || !is_later();
            });
            match on_other_days(batch, time, days)? {
                Some(batch) => Ok(candidates.push(batch)?),
                None => Ok(()),
            }
        })?;
        Ok(is_complete.then(|| Arc::new(candidates)))
    }
}

/// Calls `each` with the key, the time and the day of the rows that have a key. A time is a number of the unit of
/// its column.
fn each_key(
    batch: &RecordBatch,
    key: &str,
    time: &str,
    mut each: impl FnMut(&[u8], i64, i64),
) -> Option<()> {
    let (keys, times) = (batch.column_by_name(key)?, batch.column_by_name(time)?);
    let units = arrow::compute::cast(times, &arrow::datatypes::DataType::Int64).ok()?;
    let units = units.as_primitive::<Int64Type>();
    let converter =
        arrow::row::RowConverter::new(vec![arrow::row::SortField::new(keys.data_type().clone())]);
    let rows = converter.ok()?.convert_columns(std::slice::from_ref(keys)).ok()?;
    each_day(times, |row, day| {
        if keys.is_valid(row) {
            each(rows.row(row).as_ref(), units.value(row), day);
        }
    })
}
