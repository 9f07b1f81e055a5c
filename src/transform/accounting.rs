//! Counts of the records of a run by their outcome, from the queries in `accounting`.
//!
//! A query reads either the staging and intermediate tables or the tables of the star. The header of its
//! file can have two entries:
//!
//! - `Balance: total = part + part` is verified by each run. The names are those of counts.
//! - `Summary: text with {names}` is a line of the summary.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type, Schema, SchemaRef};
use datafusion::prelude::SessionContext;

use super::parameters::plan_query;
use super::rules::Rules;
use crate::error::{Error, Result};
use crate::star::{Counts, Group, Queries, Query};

/// Name of the query that runs only if text was read that was encoded to UTF-8 twice.
pub const ENCODING: &str = "encoding";

/// The result of an accounting query.
#[derive(Debug, Clone, PartialEq)]
pub struct Accounting {
    /// Name of the query.
    pub name: String,
    /// Counts by column, in the order of the columns.
    pub counts: Vec<(String, u64)>,
    /// Other numbers by column, such as percentages. Null is 0.
    pub rates: Vec<(String, f64)>,
    /// The `Summary` entry of the query's header.
    pub summary: Option<String>,
    /// The `Balance` entry of the query's header.
    pub balance: Option<Balance>,
}

/// The statement that a count is the sum of other counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Balance {
    /// Name of the count.
    pub total: String,
    /// Names of the counts that it is the sum of.
    pub parts: Vec<String>,
}

/// The kind of column that an accounting query returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Measure {
    Count,
    Rate,
}

impl Measure {
    pub fn of(data_type: &DataType) -> Option<Measure> {
        match data_type {
            integer if integer.is_integer() => Some(Measure::Count),
            DataType::Float32 | DataType::Float64 | DataType::Decimal128(..) => Some(Measure::Rate),
            _ => None,
        }
    }
}

impl Balance {
    /// Returns the balance that the header of `query` states, if any.
    ///
    /// # Errors
    ///
    /// Returns an error if the entry is not of the form `total = part + part`, or if there are two.
    pub(crate) fn of(query: &Query) -> Result<Option<Balance>> {
        let Some(entry) = query.header_entry("Balance") else { return Ok(None) };
        if query.header().lines().filter(|line| line.starts_with("Balance:")).count() > 1 {
            let reason = "its header has two entries Balance; state one of them in another file";
            return Err(reject(query, reason));
        }
        let is_name = |name: &String| {
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        let sides = entry.split_once('=').map(|(total, parts)| {
            let parts: Vec<String> = parts.split('+').map(|part| part.trim().to_owned()).collect();
            (total.trim().to_owned(), parts)
        });
        match sides {
            Some((total, parts)) if is_name(&total) && parts.iter().all(is_name) => {
                Ok(Some(Balance { total, parts }))
            }
            _ => {
                let reason = format!(
                    "the entry \"Balance: {entry}\" is not of the form total = part + part, with \
                     names of counts"
                );
                Err(reject(query, &reason))
            }
        }
    }

    /// Returns the names of all counts of the balance.
    pub(super) fn names(&self) -> impl Iterator<Item = &String> {
        [&self.total].into_iter().chain(&self.parts)
    }

    /// Fails unless the counts balance. A count that is missing is 0.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Unbalanced`] with the counts.
    pub fn verify(&self, counts: &Counts) -> Result<()> {
        let all: BTreeMap<&str, u64> =
            counts.values().flatten().map(|(name, count)| (name.as_str(), *count)).collect();
        let count = |name: &String| all.get(name.as_str()).copied().unwrap_or(0);
        let sum: u64 = self.parts.iter().map(count).sum();
        if count(&self.total) == sum {
            return Ok(());
        }
        let parts: Vec<String> =
            self.parts.iter().map(|part| format!("{} {part}", count(part))).collect();
        let (total, parts) = (format!("{} {}", count(&self.total), self.total), parts.join(" + "));
        Err(Error::Unbalanced(format!("{total}, but {parts} = {sum}")))
    }
}

/// Runs an accounting query.
///
/// # Errors
///
/// Returns an error if the query fails, does not return exactly one row of numbers, or returns a count
/// that is null or negative.
pub async fn count(
    session: &SessionContext,
    queries: &Queries,
    name: &str,
    rules: Rules,
) -> Result<Accounting> {
    let query = queries.get(Group::Accounting, name)?;
    let row = one_row(session, query, rules).await?;
    let (mut counts, mut rates) = (Vec::new(), Vec::new());
    for (field, column) in row.schema().fields().iter().zip(row.columns()) {
        let name = field.name().clone();
        match Measure::of(field.data_type()) {
            Some(Measure::Count) => counts.push((name.clone(), number(query, &name, column)?)),
            Some(Measure::Rate) => {
                let values = cast(column, &DataType::Float64)?;
                let values = values.as_primitive::<Float64Type>();
                rates.push((name, if values.is_null(0) { 0.0 } else { values.value(0) }));
            }
            None => return Err(reject(query, &format!("{name} is not a number"))),
        }
    }
    let (summary, balance) = (query.header_entry("Summary"), Balance::of(query)?);
    Ok(Accounting { name: name.to_owned(), counts, rates, summary, balance })
}

/// Returns the counts of a query by column.
pub fn counts_of(accounting: &Accounting) -> BTreeMap<String, u64> {
    accounting.counts.iter().cloned().collect()
}

fn number(query: &Query, name: &str, column: &dyn Array) -> Result<u64> {
    let values = cast(column, &DataType::Int64)?;
    let values = values.as_primitive::<Int64Type>();
    if values.is_null(0) {
        return Err(reject(query, &format!("{name} is null")));
    }
    u64::try_from(values.value(0)).map_err(|_| {
        Error::Unbalanced(format!("{} returns {} {name}", query.file(), values.value(0)))
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

/// Returns the names in braces in the `Summary` entry of a query's header.
pub(super) fn summary_names(query: &Query) -> Vec<String> {
    let summary = query.header_entry("Summary").unwrap_or_default();
    let after_braces = summary.split('{').skip(1);
    after_braces.filter_map(|text| Some(text.split_once('}')?.0.to_owned())).collect()
}

pub(super) fn reject(query: &Query, reason: &str) -> Error {
    Error::WrongColumns { name: query.file(), reason: reason.to_owned() }
}

fn first_schema(batches: &[RecordBatch]) -> SchemaRef {
    batches.first().map_or_else(|| Arc::new(Schema::empty()), RecordBatch::schema)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(header: &str) -> Query {
        let sql = format!("-- Counts.\n-- {header}\nSELECT 1");
        Query { name: "plays".into(), group: Group::Accounting, sql }
    }

    #[test]
    fn a_balance_names_a_total_and_its_parts() {
        let balance = Balance::of(&query("Balance: all = good + bad")).unwrap().unwrap();
        assert_eq!((balance.total.as_str(), balance.parts.len()), ("all", 2));
        for header in ["Balance: all", "Balance: all = ", "Balance: all = a - b", "Balance: = a"] {
            assert!(Balance::of(&query(header)).is_err(), "{header}");
        }
        assert!(Balance::of(&query("Source: all = a")).unwrap().is_none());
        assert!(Balance::of(&query("Balance: a = b\n-- Balance: c = d")).is_err());
    }

    #[test]
    fn counts_that_do_not_add_up_are_named() {
        let balance = Balance::of(&query("Balance: all = good + bad")).unwrap().unwrap();
        let counts = |bad: u64| {
            let of = |name: &str, count| (name.to_owned(), count);
            Counts::from([
                ("a".to_owned(), BTreeMap::from([of("all", 7), of("good", 4)])),
                ("b".to_owned(), BTreeMap::from([of("bad", bad)])),
            ])
        };
        balance.verify(&counts(3)).unwrap();
        let error = balance.verify(&counts(2)).unwrap_err().to_string();
        assert!(error.contains("7 all, but 4 good + 2 bad = 6"), "{error}");
    }
}
