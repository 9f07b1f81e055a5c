//! Lists: runs their queries, adds up the counts of equal rows, and selects the rows with the largest counts.

use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{DataType, Int64Type, SchemaRef};
use datafusion::common::{Column, ScalarValue};
use datafusion::dataframe::DataFrame;
use datafusion::functions_aggregate::expr_fn::sum;
use datafusion::logical_expr::utils::disjunction;
use datafusion::logical_expr::{SortExpr, cast, lit, when};
use datafusion::prelude::{Expr, SessionContext};

use super::parameters::plan_query;
use super::rules::Rules;
use super::run::{Convert, collect_into};
use super::schema::cast_to_schema;
use crate::error::{Error, Result};
use crate::staging::{StagingSpace, StagingTable};
use crate::star::{ListHeader, Query};

/// Column with the number of rows of a key that have a null instead of a count.
const NULLS: &str = "starlift_nulls";

/// Rows of a list: keys and their counts, each key once.
pub(crate) struct ListRows {
    /// Name of the list.
    pub name: String,
    /// File of its query, which errors name.
    pub file: String,
    /// The entries of its header.
    pub header: ListHeader,
    /// Columns of the list.
    pub schema: SchemaRef,
    /// The rows, in any order.
    pub rows: Arc<StagingTable>,
}

/// Runs the query of a list on the tables of `session`. Returns the rows with the largest counts, or `all` rows.
///
/// # Errors
///
/// Returns an error if the query cannot be planned or fails, or if a count is null or negative.
pub(crate) async fn count_list(
    session: &SessionContext,
    query: &Query,
    rules: Rules,
    space: &StagingSpace,
    all: bool,
) -> Result<ListRows> {
    let (file, header) = (query.file(), ListHeader::of(query)?);
    let found = plan_query(session, query, rules).await?;
    let schema = header.schema(query, found.schema().as_arrow())?;
    let mut list = ListRows {
        name: query.name.clone(),
        rows: Arc::new(StagingTable::new(&query.name, schema.clone(), space.clone())),
        file,
        header,
        schema,
    };
    let rows = list.summed(found)?;
    let rows = if all { rows } else { list.largest(rows)? };
    list.rows = list.collect(rows, space, cast_counts).await?;
    Ok(list)
}

impl ListRows {
    /// Adds up the counts of equal keys, and leaves out keys whose counts are all 0.
    fn summed(&self, rows: DataFrame) -> Result<DataFrame> {
        let failed = |e| Error::query(&*self.file, e);
        let columns = rows.schema().columns();
        let columns = columns.into_iter().zip(self.schema.fields()).map(|(column, field)| {
            cast(Expr::Column(column), field.data_type().clone()).alias(field.name())
        });
        let columns: Vec<Expr> = columns.collect();
        let counts = || self.header.counts.iter().map(|name| column(name));
        let is_null = disjunction(counts().map(Expr::is_null)).unwrap_or_else(|| lit(false));
        let mut sums: Vec<Expr> =
            self.header.counts.iter().map(|name| sum(column(name)).alias(name)).collect();
        sums.push(sum(cast(is_null, DataType::Int64)).alias(NULLS));
        let is_counted = disjunction(counts().map(|count| count.not_eq(lit(0_i64))));
        let is_kept = column(NULLS).gt(lit(0_i64)).or(is_counted.unwrap_or_else(|| lit(true)));
        rows.select(columns)
            .and_then(|rows| rows.aggregate(self.keys().map(column).collect(), sums))
            .and_then(|rows| rows.filter(is_kept))
            .and_then(|rows| rows.select(self.known_sums()?))
            .map_err(failed)
    }

    /// Returns the columns of the list. A sum skips nulls; the result is null if a value is, so that it is noticed.
    fn known_sums(&self) -> datafusion::error::Result<Vec<Expr>> {
        let columns = self.schema.fields().iter().map(|field| {
            let value = column(field.name());
            if !self.header.counts.contains(field.name()) {
                return Ok(value);
            }
            let is_known = column(NULLS).eq(lit(0_i64));
            Ok(when(is_known, value).otherwise(lit(ScalarValue::Int64(None)))?.alias(field.name()))
        });
        columns.collect()
    }

    /// Selects the rows with the largest counts, in their order: the largest counts first, then the keys in ascending
    /// order, with nulls last. Invalid counts are before all others.
    fn largest(&self, rows: DataFrame) -> Result<DataFrame> {
        let failed = |e| Error::query(&*self.file, e);
        let names = || self.header.counts.iter().map(String::as_str);
        let is_valid = |name| column(name).gt_eq(lit(0_i64)).is_true();
        let validity = names().map(|name| is_valid(name).sort(true, false));
        let counts = names().map(|name| column(name).sort(false, false));
        let keys = self.keys().map(|name| column(name).sort(true, false));
        let order: Vec<SortExpr> = validity.chain(counts).chain(keys).collect();
        rows.sort(order).and_then(|rows| rows.limit(0, Some(self.header.top))).map_err(failed)
    }

    /// Returns the names of the columns that are not counts.
    fn keys(&self) -> impl Iterator<Item = &str> {
        let names = self.schema.fields().iter().map(|field| field.name().as_str());
        names.filter(|name| !self.header.counts.iter().any(|count| count == name))
    }

    async fn collect(
        &self,
        rows: DataFrame,
        space: &StagingSpace,
        convert: Convert,
    ) -> Result<Arc<StagingTable>> {
        let table = StagingTable::new(&self.name, self.schema.clone(), space.clone());
        Ok(Arc::new(collect_into(&self.file, rows, table, convert).await?))
    }

    /// Returns the rows with the largest counts, in their order.
    ///
    /// # Errors
    ///
    /// Returns an error if the rows cannot be read.
    pub async fn sorted(&self, session: &SessionContext) -> Result<Vec<RecordBatch>> {
        let failed = |e| Error::query(&*self.file, e);
        let rows = session.read_table(self.rows.clone()).map_err(failed)?;
        let batches = self.largest(rows)?.collect().await.map_err(failed)?;
        batches.iter().map(|batch| cast_counts(&self.file, batch, &self.schema)).collect()
    }

    /// Returns the rows with the counts of `before` subtracted. Counts can be negative.
    ///
    /// # Errors
    ///
    /// Returns an error if the rows cannot be read.
    pub async fn minus(
        &self,
        before: &ListRows,
        session: &SessionContext,
        space: &StagingSpace,
    ) -> Result<Arc<StagingTable>> {
        let failed = |e| Error::query(&*self.file, e);
        let columns = self.schema.fields().iter().map(|field| {
            let is_count = self.header.counts.contains(field.name());
            let value = column(field.name());
            if is_count { (lit(0_i64) - value).alias(field.name()) } else { value }
        });
        let columns: Vec<Expr> = columns.collect();
        let now = session.read_table(self.rows.clone()).map_err(failed)?;
        let before = session.read_table(before.rows.clone()).and_then(|rows| rows.select(columns));
        let change = before.and_then(|before| now.union(before)).map_err(failed)?;
        self.collect(self.summed(change)?, space, cast_to_schema).await
    }

    /// Returns the sums of the counts of `earlier` and of `change`.
    ///
    /// # Errors
    ///
    /// Returns an error if the rows cannot be read, or [`Error::Unbalanced`] if a sum is negative.
    pub async fn plus(
        &self,
        earlier: DataFrame,
        change: &Arc<StagingTable>,
        session: &SessionContext,
        space: &StagingSpace,
    ) -> Result<Arc<StagingTable>> {
        let failed = |e| Error::query(&*self.file, e);
        let change = session.read_table(change.clone());
        let all = change.and_then(|change| earlier.union(change)).map_err(failed)?;
        self.collect(self.summed(all)?, space, cast_sums).await
    }
}

/// Returns the column `name`, as it is written.
fn column(name: &str) -> Expr {
    Expr::Column(Column::new_unqualified(name))
}

/// Casts rows to the columns of a list. Fails if a count is null or negative.
fn cast_counts(query: &str, batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let batch = cast_to_schema(query, batch, schema)?;
    match negative(&batch) {
        None => Ok(batch),
        Some((name, count)) => {
            let reason = format!("{name} contains {count}; a count is not negative");
            Err(Error::WrongColumns { name: query.to_owned(), reason })
        }
    }
}

/// Casts sums to the columns of a list. Fails if one is negative.
fn cast_sums(query: &str, batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let batch = cast_to_schema(query, batch, schema)?;
    match negative(&batch) {
        None => Ok(batch),
        Some((name, count)) => Err(Error::Unbalanced(format!(
            "days that have changed had more {name} than all days ({count}) in {query}; its counts are not the sums \
             of those of the days"
        ))),
    }
}

/// Returns a count that is negative, and its column. Only counts cannot be null.
fn negative(batch: &RecordBatch) -> Option<(String, i64)> {
    let schema = batch.schema();
    let columns = schema.fields().iter().zip(batch.columns()).filter(|(f, _)| !f.is_nullable());
    columns.into_iter().find_map(|(field, column)| {
        let counts = column.as_primitive::<Int64Type>().values();
        let least = counts.iter().min().filter(|count| **count < 0)?;
        Some((field.name().clone(), *least))
    })
}
