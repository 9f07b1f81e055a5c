//! Compares two results of the same query.

use arrow::array::{ArrayRef, AsArray, RecordBatch, UInt32Array};
use arrow::compute::{SortColumn, cast_with_options, concat_batches, lexsort_to_indices, take};
use arrow::datatypes::{DataType, Float64Type};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::execution::SendableRecordBatchStream;
use futures::TryStreamExt;

use crate::warehouse::error::Result;
use crate::warehouse::query::{STRICT, plain};

/// Relative tolerance for doubles: sums depend on the order of the rows, and Redshift prints 15
/// digits.
const TOLERANCE: f64 = 1e-9;

/// Returns the first difference between two results of the same query, or `None` if they have the
/// same rows.
///
/// The order of the rows is ignored: each database sorts texts by its own collation, and tied rows
/// come in any order. Doubles may differ in their last digits.
///
/// # Errors
///
/// Returns an error if either result cannot be read to its end.
pub async fn difference(
    files: SendableRecordBatchStream,
    warehouse: SendableRecordBatchStream,
) -> Result<Option<String>> {
    let (left, right) = (collected(files).await?, collected(warehouse).await?);
    if left.num_columns() != right.num_columns() {
        let (left, right) = (left.num_columns(), right.num_columns());
        return Ok(Some(format!(
            "column count: {left} from the files, {right} from the warehouse"
        )));
    }
    if left.num_rows() != right.num_rows() {
        let (left, right) = (left.num_rows(), right.num_rows());
        return Ok(Some(format!("row count: {left} from the files, {right} from the warehouse")));
    }
    let names: Vec<String> =
        left.schema().fields().iter().map(|field| field.name().clone()).collect();
    let mut columns = Columns { left: Vec::new(), right: Vec::new() };
    for ((name, left), right) in names.iter().zip(left.columns()).zip(right.columns()) {
        if let Some((row, left, right)) = columns.align(left, right)? {
            return Ok(Some(describe(&format!("row {}", row + 1), name, &left, &right)));
        }
    }
    if columns.first_difference()?.is_none() {
        return Ok(None);
    }
    let sorted = Columns { left: sorted(&columns.left)?, right: sorted(&columns.right)? };
    Ok(sorted.first_difference()?.map(|(row, column, left, right)| {
        describe(&format!("row {} of the sorted rows", row + 1), &names[column], &left, &right)
    }))
}

fn describe(place: &str, column: &str, left: &str, right: &str) -> String {
    format!("{place}, {column}: {left} from the files, {right} from the warehouse")
}

async fn collected(rows: SendableRecordBatchStream) -> Result<RecordBatch> {
    let schema = rows.schema();
    let batches: Vec<RecordBatch> =
        rows.try_collect().await.map_err(|e| crate::error::Error::query("the query", e))?;
    Ok(concat_batches(&schema, &batches)?)
}

/// The columns of both results, cast to the same types.
struct Columns {
    left: Vec<ArrayRef>,
    right: Vec<ArrayRef>,
}

impl Columns {
    /// Adds a column of each result, cast to the type of the column from the files. If the
    /// warehouse's column cannot be cast, returns the first row that fails and both values.
    fn align(
        &mut self,
        left: &ArrayRef,
        right: &ArrayRef,
    ) -> Result<Option<(usize, String, String)>, ArrowError> {
        let wanted = plain(left.data_type());
        let left = cast_with_options(left, &wanted, &STRICT)?;
        let Ok(cast) = cast_with_options(right, &wanted, &STRICT) else {
            let fits =
                |row: &usize| cast_with_options(&right.slice(*row, 1), &wanted, &STRICT).is_ok();
            let row = (0..right.len()).find(|row| !fits(row)).unwrap_or_default();
            return Ok(Some((row, shown(&left, row)?, shown(right, row)?)));
        };
        self.left.push(left);
        self.right.push(cast);
        Ok(None)
    }

    /// Returns the first row and column that differ, with both values.
    fn first_difference(&self) -> Result<Option<(usize, usize, String, String)>, ArrowError> {
        let pairs = self.left.iter().zip(&self.right).enumerate();
        let first = pairs.filter_map(|(i, (left, right))| Some((differs(left, right)?, i))).min();
        let Some((row, column)) = first else { return Ok(None) };
        let (left, right) = (&self.left[column], &self.right[column]);
        Ok(Some((row, column, shown(left, row)?, shown(right, row)?)))
    }
}

/// Sorts the rows by all columns. Columns of doubles come last in the sort key, because their
/// values may differ slightly between the results.
fn sorted(columns: &[ArrayRef]) -> Result<Vec<ArrayRef>, ArrowError> {
    let mut order: Vec<&ArrayRef> = columns.iter().collect();
    order.sort_by_key(|column| column.data_type() == &DataType::Float64);
    let keys: Vec<SortColumn> = order
        .into_iter()
        .map(|column| SortColumn { values: column.clone(), options: None })
        .collect();
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let order: UInt32Array = lexsort_to_indices(&keys, None)?;
    columns.iter().map(|column| take(column, &order, None)).collect()
}

/// Returns the first row in which two columns of the same type differ.
fn differs(left: &ArrayRef, right: &ArrayRef) -> Option<usize> {
    if left.data_type() == &DataType::Float64 {
        let (l, r) = (left.as_primitive::<Float64Type>(), right.as_primitive::<Float64Type>());
        let near = |(l, r): (Option<f64>, Option<f64>)| match (l, r) {
            (Some(l), Some(r)) => l == r || (l - r).abs() <= TOLERANCE * l.abs().max(r.abs()),
            (l, r) => l == r,
        };
        return l.iter().zip(r).position(|pair| !near(pair));
    }
    (0..left.len()).find(|&row| left.slice(row, 1).as_ref() != right.slice(row, 1).as_ref())
}

fn shown(array: &ArrayRef, row: usize) -> Result<String, ArrowError> {
    let options = FormatOptions::default().with_null("null");
    Ok(ArrayFormatter::try_new(array.as_ref(), &options)?.value(row).to_string())
}
