//! Tables of all rows of the datasets, for queries that need more than the days that have changed.

use std::sync::Arc;

use arrow::array::{AsArray, BooleanArray};
use arrow::datatypes::{DataType, Int32Type};
use datafusion::common::{Column, ScalarValue, TableReference};
use datafusion::dataframe::DataFrame;
use datafusion::datasource::provider_as_source;
use datafusion::error::Result as DataFusionResult;
use datafusion::logical_expr::{
    ColumnarValue, LogicalPlanBuilder, ScalarUDF, Volatility, cast, create_udf, lit,
};
use datafusion::prelude::{Expr, SessionContext};

use super::entry::Entry;
use super::numbers::Numbers;
use super::{Known, Update};
use crate::decode::{OBJECT_NUMBER, staging_schema};
use crate::error::{Error, Result};
use crate::ingest::Staging;
use crate::staging::StagingTable;
use crate::star::register_files;
use crate::storage::Place;

impl Update {
    /// Registers the staging tables with all rows: those in the parts, which are read when a query needs them,
    /// and those that this run has read, which are in `staging`.
    ///
    /// # Errors
    ///
    /// Returns an error if a file is missing or the tables cannot be registered.
    pub async fn register_all(
        &self,
        session: &SessionContext,
        out: &Place,
        staging: &Staging,
    ) -> Result<()> {
        for (known, table) in self.datasets.iter().zip(&staging.datasets) {
            let rows = known.all_rows(session, out, table, self, false).await?;
            let name = TableReference::bare(&*known.dataset.table);
            let failed = |e| Error::query("staging tables", e);
            session.register_table(name, rows.into_view()).map_err(failed)?;
        }
        Ok(())
    }

    /// Returns the length of the longest text of the objects of the previous run, and of those of this run.
    pub fn longest_texts(&self) -> (usize, usize) {
        let (mut before, mut now) = (0, 0);
        for known in &self.datasets {
            let longest = |entry: &Entry| entry.outcome.notes.longest_text;
            before = known.objects.earlier().map(longest).fold(before, usize::max);
            let mut objects = known.objects.unchanged(self.removed);
            objects.extend(known.objects.read());
            now = objects.iter().map(longest).fold(now, usize::max);
        }
        (before, now)
    }
}

/// Returns the column with the number of the object.
fn number() -> Expr {
    Expr::Column(Column::new_unqualified(OBJECT_NUMBER))
}

/// Returns a function that is true for the numbers of a set.
fn is_live(live: Numbers) -> ScalarUDF {
    let evaluate = move |arguments: &[ColumnarValue]| {
        let numbers = ColumnarValue::values_to_arrays(arguments)?;
        let numbers = numbers.first().map(|numbers| numbers.as_primitive::<Int32Type>());
        let numbers = numbers.into_iter().flat_map(|numbers| numbers.values().iter());
        let are_live: BooleanArray = numbers.map(|number| Some(live.has(*number as u32))).collect();
        Ok(ColumnarValue::Array(Arc::new(are_live)))
    };
    create_udf(
        "starlift_is_live",
        vec![DataType::Int32],
        DataType::Boolean,
        Volatility::Immutable,
        Arc::new(evaluate),
    )
}

impl Known {
    /// Returns all rows, with the columns of the parts if `as_stored`, otherwise with the declared columns.
    pub(super) async fn all_rows(
        &self,
        session: &SessionContext,
        out: &Place,
        table: &Arc<StagingTable>,
        update: &Update,
        as_stored: bool,
    ) -> Result<DataFrame> {
        let failed = |e| Error::query("staging tables", e);
        let mut rows = self.read_rows(session, table, update)?;
        let (live, _) = self.objects.before(update.removed);
        let name = format!("starlift_state_{}", self.dataset.name);
        if let Some(kept) = self.stored_rows(session, out, &name, live).await? {
            rows = kept.union(rows).map_err(failed)?;
        }
        match as_stored {
            true => Ok(rows),
            false => rows.select(self.declared().map_err(failed)?).map_err(failed),
        }
    }

    /// Returns the rows that this run has read, which are in `table`.
    pub(super) fn read_rows(
        &self,
        session: &SessionContext,
        table: &Arc<StagingTable>,
        update: &Update,
    ) -> Result<DataFrame> {
        let failed = |e| Error::query("staging tables", e);
        let first = i32::try_from(update.first_number).unwrap_or(i32::MAX);
        let staged = provider_as_source(table.clone());
        let staged = LogicalPlanBuilder::scan("read", staged, None).and_then(|p| p.build());
        let staged = DataFrame::new(session.state(), staged.map_err(failed)?);
        staged.filter(number().gt_eq(lit(first))).map_err(failed)
    }

    /// Returns the rows of some objects in the parts, or `None` if there are no parts. Registers the files of the
    /// parts as the table `name`.
    pub(super) async fn stored_rows(
        &self,
        session: &SessionContext,
        out: &Place,
        name: &str,
        objects: Numbers,
    ) -> Result<Option<DataFrame>> {
        let failed = |e| Error::query("staging tables", e);
        let files = self.parts.iter().flat_map(|part| part.record.files.clone());
        let files: Vec<_> = files.collect();
        if files.is_empty() {
            return Ok(None);
        }
        register_files(session, out, name, self.schema.clone(), &files, vec![]).await?;
        let stored = session.table(TableReference::bare(name)).await.map_err(failed)?;
        let is_wanted = is_live(objects).call(vec![number()]);
        stored.filter(is_wanted).map(Some).map_err(failed)
    }

    /// Returns the declared columns. Those that are not staged have values that no query reads.
    fn declared(&self) -> DataFusionResult<Vec<Expr>> {
        let declared = staging_schema(&self.dataset);
        let columns = declared.fields().iter().map(|field| {
            if self.schema.index_of(field.name()).is_ok() {
                return Ok(Expr::Column(Column::new_unqualified(field.name())));
            }
            let value = match field.is_nullable() {
                true => lit(ScalarValue::Null),
                false => lit(0),
            };
            Ok(cast(value, field.data_type().clone()).alias(field.name()))
        });
        columns.collect()
    }
}
