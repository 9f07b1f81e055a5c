//! Determines the days whose records join with records of another dataset that have changed.

use std::sync::Arc;

use datafusion::common::TableReference;
use datafusion::prelude::{DataFrame, SessionContext, lit};
use futures::TryStreamExt;

use super::days::{Days, each_day};
use super::entry::Entry;
use super::{Known, Update};
use crate::decode::OBJECT_NUMBER;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ingest::Staging;
use crate::model::{ColumnType, Join, LocalTo, in_quotes};
use crate::staging::StagingTable;
use crate::star::Partitioning;
use crate::storage::Place;
use crate::transform::{Rules, register_rule_functions};

/// Name of the table of all rows of the dataset that has days.
const ROWS: &str = "starlift_rows";

/// Name of the table of the rows of another dataset that were added or removed.
const CHANGED: &str = "starlift_changed";

/// Column of that table: 1 if the row was added, -1 if it was removed.
const SIGN: &str = "starlift_sign";

impl Update {
    /// Returns the partitions with records that join with records of other datasets that were added or removed.
    /// Returns `None` if they cannot be determined, because a column that is compared is not staged.
    ///
    /// # Errors
    ///
    /// Returns an error if rows cannot be read.
    pub async fn joined(
        &self,
        out: &Place,
        engine: &Engine,
        staging: &Staging,
        (local, joins): (&LocalTo, &[Join]),
        partitioning: Partitioning,
    ) -> Result<Option<Days>> {
        let mut days = Days::new(partitioning);
        let changed = self.changed_datasets().unwrap_or_default();
        let joins: Vec<&Join> =
            joins.iter().filter(|join| changed.contains(&*join.dataset)).collect();
        let Some(own_at) = self.position(&local.dataset).filter(|_| !joins.is_empty()) else {
            return Ok(Some(days));
        };
        let own = &self.datasets[own_at];
        for join in joins {
            let Some(at) = self.position(&join.dataset) else { continue };
            let other = &self.datasets[at];
            if !other.has_columns(&join.columns) || !own.has_columns(&join.equal_to) {
                return Ok(None);
            }
            let (before, now) = self.longest_texts();
            let session = engine.session_for(before.max(now));
            register_rule_functions(&session, Rules::default());
            let rows = own.all_rows(&session, out, &staging.datasets[own_at], self, true).await?;
            let changed = other.changed_rows(&session, out, &staging.datasets[at], self).await?;
            register(&session, ROWS, rows)?;
            register(&session, CHANGED, changed)?;
            let sql = other.joined_sql(join, own, &local.column, self.has_text_encoded_twice());
            add_days(&session, &sql, &mut days).await?;
        }
        Ok(Some(days))
    }

    /// Returns the number of texts of the objects of this run that were encoded to UTF-8 twice.
    pub fn texts_encoded_twice(&self) -> u64 {
        let objects = self.datasets.iter().flat_map(|known| {
            known.objects.unchanged(self.removed).into_iter().chain(known.objects.read())
        });
        objects.map(|entry| entry.outcome.notes.encoded_twice).sum()
    }

    /// Returns `true` if objects of the previous run or of this one have text that was encoded to UTF-8 twice.
    fn has_text_encoded_twice(&self) -> bool {
        let is_repaired = |entry: &Entry| entry.outcome.notes.encoded_twice > 0;
        self.datasets.iter().any(|known| {
            known.objects.earlier().any(is_repaired) || known.objects.read().iter().any(is_repaired)
        })
    }
}

/// Adds the days of the times that a query returns.
async fn add_days(session: &SessionContext, sql: &str, days: &mut Days) -> Result<()> {
    let failed = |e| Error::query("days that join with changed records", e);
    let times = session.sql(sql).await.map_err(failed)?;
    let mut times = times.execute_stream().await.map_err(failed)?;
    while let Some(batch) = times.try_next().await.map_err(failed)? {
        // The model permits only times as the column.
        let _ = each_day(batch.column(0), |_, day| {
            days.add(day);
        });
    }
    Ok(())
}

/// Returns the expression of a column that is compared.
fn compared(row: &str, column: &str, repairs: bool) -> String {
    let column = format!("{row}.{}", in_quotes(column));
    match repairs {
        true => format!("repair_encoding(CAST({column} AS VARCHAR))"),
        false => column,
    }
}

fn register(session: &SessionContext, name: &str, rows: DataFrame) -> Result<()> {
    let registered = session.register_table(TableReference::bare(name), rows.into_view());
    registered.map(drop).map_err(|e| Error::query("staging tables", e))
}

impl Known {
    fn has_columns(&self, names: &[String]) -> bool {
        names.iter().all(|name| self.schema.index_of(name).is_ok())
    }

    /// Returns the rows that were added, with the sign 1, and those that were removed, with the sign -1.
    async fn changed_rows(
        &self,
        session: &SessionContext,
        out: &Place,
        table: &Arc<StagingTable>,
        update: &Update,
    ) -> Result<DataFrame> {
        let failed = |e| Error::query("staging tables", e);
        let added = self.read_rows(session, table, update)?;
        let added = added.with_column(SIGN, lit(1_i64)).map_err(failed)?;
        let (_, dead) = self.objects.before(update.removed);
        let name = format!("starlift_removed_{}", self.dataset.name);
        match self.stored_rows(session, out, &name, dead).await? {
            None => Ok(added),
            Some(removed) => {
                let removed = removed.with_column(SIGN, lit(-1_i64));
                removed.and_then(|removed| removed.union(added)).map_err(failed)
            }
        }
    }

    /// Returns the query for the times of the rows that join with a changed row. A row that was removed from one
    /// object and added by another has not changed.
    fn joined_sql(&self, join: &Join, own: &Known, time: &str, is_encoded_twice: bool) -> String {
        let fields = self.schema.fields().iter().map(|field| field.name());
        let fields = fields.filter(|name| *name != OBJECT_NUMBER);
        let fields: Vec<String> = fields.map(|name| in_quotes(name)).collect();
        let (mut keys, mut conditions) = (Vec::new(), Vec::new());
        for (at, (column, equal_to)) in join.columns.iter().zip(&join.equal_to).enumerate() {
            let columns = [self.dataset.column(column), own.dataset.column(equal_to)];
            let mut columns = columns.into_iter().flatten().map(|(_, column)| column);
            // Texts in dictionaries are not counted if they are encoded twice.
            let repairs = columns.any(|column| {
                column.column_type == ColumnType::Text && (is_encoded_twice || column.repetitive)
            });
            keys.push(format!("{} AS key_{at}", compared("c", column, repairs)));
            let own = compared("r", equal_to, repairs);
            conditions.push(format!("(k.key_{at} IS NOT DISTINCT FROM {own})"));
        }
        format!(
            "WITH changed AS (SELECT {0} FROM {CHANGED} GROUP BY {0} HAVING SUM({SIGN}) <> 0), \
             keys AS (SELECT DISTINCT {1} FROM changed c) \
             SELECT r.{2} FROM keys k JOIN {ROWS} r ON {3}",
            fields.join(", "),
            keys.join(", "),
            in_quotes(time),
            conditions.join(" AND "),
        )
    }
}
